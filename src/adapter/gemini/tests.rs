use bytes::Bytes;
use serde_json::{Value, json};

use super::Gemini;
use crate::{
    adapter::{Adapter, StreamDecoder, compatible},
    catalog::{Api, Credential, Deployment, ModelFacts, Secret},
    chat::{Accumulator, ChatRequest, ChatResponse, EmbedRequest, FinishReason, Map, Message},
    error::{Error, ErrorKind},
    transport::{WireEvent, WireHead, WireReply},
};

fn deployment(model: &str) -> Deployment {
    Deployment {
        id: "google".into(),
        provider: compatible::provider("gemini").unwrap(),
        model: model.into(),
        base_url: "https://host".into(),
        credential: Credential { key: Some(Secret::new("k3y")), ..Credential::default() },
        api: Api::Chat,
        api_version: None,
        region: None,
        headers: Vec::new(),
        extra_body: Map::new(),
        facts: ModelFacts::default(),
        price: None,
        tags: Vec::new(),
        attributes: Map::new(),
        stream_upstream: false,
    }
}

fn encode_for(model: &str, request: Value) -> Result<Value, Error> {
    let request: ChatRequest = serde_json::from_value(request).unwrap();
    let wire = Gemini.encode(&request, &deployment(model), false)?;
    Ok(serde_json::from_slice(&wire.body).unwrap())
}

fn encode(request: Value) -> Value {
    encode_for("gemini-2.5-flash", request).unwrap()
}

fn reply(status: u16, body: &Value) -> WireReply {
    WireReply { head: WireHead { status, ..WireHead::default() }, body: Bytes::from(body.to_string()) }
}

fn decode(body: &Value) -> Result<ChatResponse, Error> {
    Gemini.decode(&reply(200, body), &deployment("m"))
}

fn feed(decoder: &mut dyn StreamDecoder, all: &mut Accumulator, event: &Value) {
    let event = WireEvent { name: String::new(), data: event.to_string() };
    decoder.event(&event).unwrap().iter().for_each(|chunk| all.push(chunk));
}

#[test]
fn the_key_is_in_a_header_and_the_version_comes_once() {
    let request = ChatRequest { messages: vec![Message::user("hi")], ..ChatRequest::default() };
    for (base, model, stream, url) in [
        ("https://h", "gemini-x", false, "https://h/v1beta/models/gemini-x:generateContent"),
        ("https://h/v1", "models/gemini-x", true, "https://h/v1/models/gemini-x:streamGenerateContent?alt=sse"),
        (
            "https://h/v1/projects/p/publishers/google",
            "m",
            false,
            "https://h/v1/projects/p/publishers/google/models/m:generateContent",
        ),
        ("https://h/p/v1beta", "tunedModels/a b?", false, "https://h/p/v1beta/tunedModels/a%20b%3F:generateContent"),
    ] {
        let deployment = Deployment { base_url: base.into(), ..deployment(model) };
        let wire = Gemini.encode(&request, &deployment, stream).unwrap();
        assert_eq!(wire.url, url);
        assert_eq!(wire.headers["x-goog-api-key"], "k3y");
    }
    let mut cloud = deployment("gemini-x");
    cloud.credential.project = Some("p".into());
    let url = Gemini.encode(&request, &cloud, false).unwrap().url;
    assert_eq!(
        url,
        "https://host/v1beta1/projects/p/locations/global/publishers/google/models/gemini-x:generateContent"
    );
}

#[test]
fn a_conversation_with_tools_becomes_turns() {
    let body = encode(json!({"messages": [
        {"role": "system", "content": "Be brief"}, {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"},
             "extra_content": {"google": {"thought_signature": "c2ln"}}},
            {"id": "b", "type": "function", "function": {"name": "g", "arguments": ""}}]},
        {"role": "tool", "tool_call_id": "a", "content": "{\"t\":20}"},
        {"role": "tool", "tool_call_id": "b", "content": "sunny"},
        {"role": "developer", "content": "In French"}, {"role": "user", "content": "Thanks"}]}));
    assert_eq!(body["systemInstruction"], json!({"parts": [{"text": "Be brief"}, {"text": "In French"}]}));
    assert_eq!(
        body["contents"],
        json!([
            {"role": "user", "parts": [{"text": "Weather?"}]},
            {"role": "model", "parts": [
                {"functionCall": {"name": "f", "args": {"x": 1}, "id": "a"}, "thoughtSignature": "c2ln"},
                {"functionCall": {"name": "g", "args": {}, "id": "b"}}]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "f", "response": {"t": 20}, "id": "a"}},
                {"functionResponse": {"name": "g", "response": {"result": "sunny"}, "id": "b"}}]},
            {"role": "user", "parts": [{"text": "Thanks"}]}])
    );
}

#[test]
fn a_call_of_another_model_gets_the_signature_that_google_documents() {
    let request = json!({"messages": [{"role": "assistant", "tool_calls": [
        {"id": "a", "function": {"name": "f", "arguments": "{\"cut"}}, {"id": "b", "function": {"name": "f"}}]}]});
    let body = encode_for("gemini-3-flash", request.clone()).unwrap();
    let parts = &body["contents"][0]["parts"];
    assert_eq!(parts[0]["thoughtSignature"], "skip_thought_signature_validator");
    assert_eq!(parts[0]["functionCall"]["args"], json!({"arguments": "{\"cut"}));
    assert!(parts[1].get("thoughtSignature").is_none());
    assert!(encode(request)["contents"][0]["parts"][0].get("thoughtSignature").is_none());
}

#[test]
fn media_are_inline_or_by_address() {
    let body = encode(json!({"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
        {"type": "image_url", "image_url": {"url": "https://h/cat.jpg"}},
        {"type": "input_audio", "input_audio": {"data": "BB", "format": "mp3"}},
        {"type": "file", "file": {"file_data": "CC", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_id": "https://h/files/1"}},
        {"type": "video_url", "video_url": {"url": "https://youtu.be/x"}}, {"type": "text", "text": ""}]}]}));
    assert_eq!(
        body["contents"][0]["parts"],
        json!([
            {"inlineData": {"mimeType": "image/png", "data": "AA"}},
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://h/cat.jpg"}},
            {"inlineData": {"mimeType": "audio/mpeg", "data": "BB"}},
            {"inlineData": {"mimeType": "application/pdf", "data": "CC"}},
            {"fileData": {"fileUri": "https://h/files/1"}}, {"fileData": {"fileUri": "https://youtu.be/x"}}])
    );
    for bad in [json!({"type": "image_url", "image_url": "cat"}), json!({"type": "hologram"})] {
        let request = json!({"messages": [{"role": "user", "content": [bad]}]});
        assert_eq!(encode_for("m", request).unwrap_err().kind, ErrorKind::InvalidRequest);
    }
}

#[test]
fn tools_and_the_choice_among_them() {
    let function = json!({"type": "function", "function": {"name": "f", "parameters": {"type": "object",
        "properties": {"x": {"type": ["string", "null"]}}}}});
    let body = encode(json!({"tools": [{"googleSearch": {}}, {"type": "codeExecution"}, function],
        "tool_choice": {"type": "function", "function": {"name": "f"}}}));
    assert_eq!(
        body["tools"],
        json!([{"functionDeclarations": [{"name": "f", "description": "", "parametersJsonSchema":
            {"type": "object", "properties": {"x": {"type": ["string", "null"]}}}}]}, {"googleSearch": {}}, {"codeExecution": {}}])
    );
    let config = |choice: Value| encode(json!({"tools": [function], "tool_choice": choice}))["toolConfig"].clone();
    assert_eq!(config(json!("required")), json!({"functionCallingConfig": {"mode": "ANY"}}));
    let allowed =
        json!({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"function": {"name": "f"}}]}});
    assert_eq!(config(allowed), json!({"functionCallingConfig": {"mode": "VALIDATED", "allowedFunctionNames": ["f"]}}));
    assert_eq!(encode(json!({"tool_choice": "required"})).get("toolConfig"), None);
}

#[test]
fn parameters_go_into_the_configuration_and_extras_join_them() {
    let body = encode(json!({"max_tokens": 9, "stop": "END", "n": 2, "reasoning_effort": "low",
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"title": "T", "type": "object"}}},
        "extra_body": {"generation_config": {"topK": 3, "maxOutputTokens": 5}, "safetySettings": []}}));
    assert_eq!(
        body["generationConfig"],
        json!({"maxOutputTokens": 5, "stopSequences": ["END"], "candidateCount": 2,
            "thinkingConfig": {"thinkingBudget": 1024, "includeThoughts": true},
            "responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}, "topK": 3})
    );
    assert_eq!(body["safetySettings"], json!([]));
}

#[test]
fn effort_is_a_budget_or_a_level_by_generation() {
    for (model, effort, thinking) in [
        ("gemini-2.5-pro", "none", json!({"thinkingBudget": 128, "includeThoughts": false})),
        ("gemini-2.5-flash", "high", json!({"thinkingBudget": 24576, "includeThoughts": true})),
        ("models/gemini-3-pro", "minimal", json!({"thinkingLevel": "low", "includeThoughts": true})),
        ("gemini-flash-latest", "medium", json!({"thinkingLevel": "medium", "includeThoughts": true})),
        ("gemini-2.0-flash", "high", Value::Null),
        ("gemma-3-27b", "high", Value::Null),
    ] {
        let body = encode_for(model, json!({"reasoning_effort": effort})).unwrap();
        assert_eq!(body["generationConfig"]["thinkingConfig"], thinking, "{model}");
    }
}

#[test]
fn an_answer_keeps_thoughts_calls_and_what_has_no_counterpart() {
    let response = decode(&json!({"responseId": "r", "modelVersion": "gemini-x", "candidates": [{"index": 0, "finishReason": "STOP",
        "groundingMetadata": {"q": 1}, "content": {"role": "model", "parts": [{"text": "Hm", "thought": true}, {"text": "Yes"},
        {"inlineData": {"mimeType": "image/png", "data": "AA"}},
        {"functionCall": {"name": "f", "args": {"b": 1, "a": 2}}, "thoughtSignature": "s"}]}}],
        "usageMetadata": {"promptTokenCount": 10, "toolUsePromptTokenCount": 5, "cachedContentTokenCount": 4,
            "candidatesTokenCount": 3, "thoughtsTokenCount": 2, "totalTokenCount": 20}}))
    .unwrap();
    let choice = response.first().unwrap();
    assert_eq!((choice.text.as_deref(), choice.reasoning.as_deref()), (Some("Yes"), Some("Hm")));
    assert_eq!((choice.finish_reason, response.model.as_str()), (FinishReason::ToolCalls, "gemini-x"));
    let call = &choice.tool_calls[0];
    assert_eq!(call.arguments, r#"{"b":1,"a":2}"#);
    assert!(call.id.starts_with("call_"));
    assert_eq!(call.extra["extra_content"]["google"]["thought_signature"], "s");
    assert_eq!(choice.extra["google_parts"][0]["inlineData"]["data"], "AA");
    assert_eq!(choice.extra["groundingMetadata"], json!({"q": 1}));
    let usage = response.usage.unwrap();
    assert_eq!((usage.input, usage.cache_read, usage.output, usage.reasoning), (11, 4, 3, 2));
    let again: Message = serde_json::from_value(choice.message()).unwrap();
    let body = super::request::body(&ChatRequest { messages: vec![again], ..ChatRequest::default() }, &deployment("m"));
    let parts = body.unwrap()["contents"][0]["parts"].clone();
    assert_eq!((&parts[0]["inlineData"]["data"], &parts[2]["thoughtSignature"]), (&json!("AA"), &json!("s")));
}

#[test]
fn every_reason_to_end_has_a_meaning() {
    for (raw, reason) in [
        (json!("STOP"), FinishReason::Stop),
        (json!(2), FinishReason::Length),
        (json!("SPII"), FinishReason::ContentFilter),
        (json!(4), FinishReason::ContentFilter),
        (json!("MALFORMED_FUNCTION_CALL"), FinishReason::Stop),
        (json!("SOMETHING_NEW"), FinishReason::Stop),
    ] {
        let response = decode(&json!({"candidates": [{"finishReason": raw}]})).unwrap();
        assert_eq!(response.choices[0].finish_reason, reason, "{raw}");
    }
    let blocked = decode(&json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}})).unwrap_err();
    assert_eq!((blocked.kind, blocked.context.code.as_deref()), (ErrorKind::ContentFilter, Some("PROHIBITED_CONTENT")));
}

#[test]
fn a_stream_is_whole_when_every_candidate_has_ended() {
    let mut decoder = Gemini.stream(&deployment("m"));
    let mut all = Accumulator::default();
    let part =
        |index: u32, text: &str| json!({"candidates": [{"index": index, "content": {"parts": [{"text": text}]}}]});
    for event in [part(0, "a"), part(1, "x"), part(0, "b")] {
        feed(&mut *decoder, &mut all, &event);
    }
    feed(&mut *decoder, &mut all, &json!({"candidates": [{"finishReason": "STOP"}]}));
    assert!(!decoder.is_finished());
    let end = json!({"candidates": [{"index": 1, "finishReason": "MAX_TOKENS",
        "content": {"parts": [{"text": "", "thoughtSignature": "s"}]}}]});
    feed(&mut *decoder, &mut all, &end);
    assert!(decoder.is_finished() && !decoder.is_closed());
    let choices = all.response().choices;
    assert_eq!((choices[0].text.as_deref(), choices[1].finish_reason), (Some("ab"), FinishReason::Length));
    assert_eq!(choices[1].extra["extra_content"]["google"]["thought_signature"], "s");
}

#[test]
fn a_stream_may_come_as_an_array_and_carry_an_error() {
    let mut decoder = Gemini.stream(&deployment("m"));
    let body =
        json!([{"candidates": [{"content": {"parts": [{"text": "a"}]}}]}, {"candidates": [{"finishReason": 1}]}]);
    assert_eq!(decoder.whole(&Bytes::from(body.to_string())).unwrap().len(), 2);
    assert!(decoder.is_finished());
    let body = json!([{"error": {"code": 503, "status": "UNAVAILABLE", "message": "secret words"}}]);
    let error = Gemini.stream(&deployment("m")).whole(&Bytes::from(body.to_string())).unwrap_err();
    assert_eq!((error.kind, error.context.status), (ErrorKind::Overloaded, Some(503)));
    assert!(!error.to_string().contains("secret"));
    assert_eq!(error.context.said.as_deref(), Some("secret words"));
}

#[test]
fn what_cannot_be_understood_is_a_protocol_error() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for body in [
        "",
        "<html>",
        "{\"candidates\": 5}",
        "[]",
        "{}",
        "null",
        "{\"candidates\": [{\"content\": {\"parts\": [7]}}]}",
        &deep,
        r#"{"candidates": [{"content": {"parts": [{"functionCall": {"name": 7}}]}}]}"#,
        r#"{"candidates": [{"index": 4000000000}]}"#,
    ] {
        let reply =
            WireReply { head: WireHead { status: 200, ..WireHead::default() }, body: Bytes::from(body.to_owned()) };
        let error = Gemini.decode(&reply, &deployment("m")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol, "{}", &body[..body.len().min(60)]);
        Gemini.error(&WireReply { head: WireHead { status: 500, ..WireHead::default() }, ..reply }, &deployment("m"));
    }
}

#[test]
fn errors_are_classified_by_status_then_by_googles_own_words() {
    let info = |reason: &str| json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}]);
    let daily = json!([{"violations": [{"quotaId": "GenerateRequestsPerDayPerProject"}]}]);
    for (status, name, message, details, kind) in [
        (400, "INVALID_ARGUMENT", "", info("API_KEY_INVALID"), ErrorKind::Authentication),
        (400, "INVALID_ARGUMENT", "temperature", json!([]), ErrorKind::InvalidRequest),
        (400, "INVALID_ARGUMENT", "The input token count (5) exceeds the maximum", json!([]), ErrorKind::ContextLength),
        (403, "PERMISSION_DENIED", "", json!([]), ErrorKind::PermissionDenied),
        (404, "NOT_FOUND", "", json!([]), ErrorKind::NotFound),
        (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota", json!([]), ErrorKind::RateLimit),
        (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota", daily, ErrorKind::Quota),
        (503, "UNAVAILABLE", "", json!([]), ErrorKind::Overloaded),
        (500, "INTERNAL", "", json!([]), ErrorKind::Server),
    ] {
        let body = json!({"error": {"code": status, "status": name, "message": message, "details": details}});
        for body in [json!([body]), body] {
            assert_eq!(Gemini.error(&reply(status, &body), &deployment("m")).kind, kind, "{body}");
        }
    }
    let wait = json!({"error": {"status": "RESOURCE_EXHAUSTED", "details": [{"retryDelay": "34.4s"}]}});
    let error = Gemini.error(&reply(429, &wait), &deployment("m"));
    assert_eq!(error.context.retry_after.map(|wait| wait.as_secs_f64()), Some(34.4));
}

#[test]
fn embeddings_are_one_request_a_text() {
    let request = EmbedRequest {
        texts: vec!["a".into(), "b".into()],
        dimensions: Some(8),
        extra_body: Map::from_iter([("task_type".into(), json!("RETRIEVAL_QUERY"))]),
        ..EmbedRequest::default()
    };
    let wire = Gemini.encode_embed(&request, &deployment("embed")).unwrap();
    assert_eq!(wire.url, "https://host/v1beta/models/embed:batchEmbedContents");
    let body: Value = serde_json::from_slice(&wire.body).unwrap();
    assert_eq!(
        body["requests"][1],
        json!({"model": "models/embed", "content": {"parts": [{"text": "b"}]}, "outputDimensionality": 8, "taskType": "RETRIEVAL_QUERY"})
    );
    let vectors = json!({"embeddings": [{"values": [0.5, 1]}], "usageMetadata": {"promptTokenCount": 3}});
    let response = Gemini.decode_embed(&reply(200, &vectors), &deployment("embed")).unwrap();
    assert_eq!((response.embeddings, response.usage.unwrap().input), (vec![vec![0.5, 1.0]], 3));
    assert!(
        Gemini.decode_embed(&reply(200, &json!({"embeddings": [{"values": ["x"]}]})), &deployment("embed")).is_err()
    );
}
