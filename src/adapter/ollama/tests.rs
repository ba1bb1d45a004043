use bytes::Bytes;
use serde_json::{Value, json};

use super::Ollama;
use crate::{
    adapter::{Adapter, compatible},
    catalog::{Api, Credential, Deployment, ModelFacts},
    chat::{Accumulator, ChatRequest, EmbedRequest, FinishReason, Map},
    error::{Error, ErrorKind},
    transport::{WireEvent, WireHead, WireReply},
};

fn deployment() -> Deployment {
    Deployment {
        id: "house".into(),
        provider: compatible::provider("ollama").unwrap(),
        model: "llama".into(),
        base_url: "http://host".into(),
        credential: Credential::default(),
        api: Api::Chat,
        api_version: None,
        region: None,
        headers: Vec::new(),
        extra_body: Map::from_iter([("options".into(), json!({"num_ctx": 8192}))]),
        facts: ModelFacts::default(),
        price: None,
        tags: Vec::new(),
        attributes: Map::new(),
        stream_upstream: false,
    }
}

fn encode(request: Value) -> Result<Value, Error> {
    let request: ChatRequest = serde_json::from_value(request).unwrap();
    let wire = Ollama.encode(&request, &deployment(), false)?;
    assert_eq!(wire.url, "http://host/api/chat");
    Ok(serde_json::from_slice(&wire.body).unwrap())
}

fn reply(status: u16, body: impl Into<String>) -> WireReply {
    WireReply { head: WireHead { status, ..WireHead::default() }, body: Bytes::from(body.into()) }
}

#[test]
fn a_request_says_everything_in_ollamas_words() {
    let body = encode(json!({"messages": [
        {"role": "developer", "content": "Be brief"},
        {"role": "user", "content": [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": "data:image/png;base64,AA"}]},
        {"role": "assistant", "content": null, "reasoning_content": "Hm", "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}}]},
        {"role": "tool", "tool_call_id": "a", "content": "ok"}],
        "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "g"}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}}, "max_tokens": 5, "stop": ["x"], "reasoning_effort": "none",
        "response_format": {"type": "json_object"}, "extra_body": {"keep_alive": "1m", "options": {"top_k": 1}}}))
    .unwrap();
    assert_eq!(
        body["messages"],
        json!([{"role": "system", "content": "Be brief"}, {"role": "user", "content": "What?", "images": ["AA"]},
            {"role": "assistant", "content": "", "thinking": "Hm",
             "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}]},
            {"role": "tool", "content": "ok", "tool_name": "f", "tool_call_id": "a"}])
    );
    assert_eq!(body["tools"].as_array().unwrap().len(), 1);
    assert_eq!(body["options"], json!({"num_predict": 5, "stop": ["x"], "num_ctx": 8192, "top_k": 1}));
    assert_eq!((&body["think"], &body["format"], &body["stream"]), (&json!(false), &json!("json"), &json!(false)));
    assert_eq!((&body["keep_alive"], &body["model"]), (&json!("1m"), &json!("llama")));
}

#[test]
fn what_ollama_cannot_take_is_refused() {
    let part = |part: Value| json!({"messages": [{"role": "user", "content": [part]}]});
    for request in [
        part(json!({"type": "image_url", "image_url": "https://h/cat.png"})),
        part(json!({"type": "input_audio", "input_audio": {"data": "AA"}})),
        json!({"tools": [{"type": "web_search"}]}),
        json!({"n": 2}),
    ] {
        assert_eq!(encode(request).unwrap_err().kind, ErrorKind::InvalidRequest);
    }
}

#[test]
fn lines_become_the_answer_and_done_ends_it() {
    let mut decoder = Ollama.stream(&deployment());
    let mut all = Accumulator::default();
    let call = json!({"function": {"index": 0, "name": "f", "arguments": {"b": 1, "a": 2}}});
    for line in [
        json!({"model": "llama", "message": {"role": "assistant", "content": "", "thinking": "Hm"}, "done": false}),
        json!({"model": "llama", "message": {"content": "Yes", "tool_calls": [call]}, "done": false}),
        json!({"model": "llama", "message": {"content": "", "tool_calls": [call]}, "done": false}),
        json!({"model": "llama", "message": {"content": ""}, "done": true, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": 2}),
    ] {
        assert!(!decoder.is_finished());
        let event = WireEvent { name: String::new(), data: line.to_string() };
        decoder.event(&event).unwrap().iter().for_each(|chunk| all.push(chunk));
    }
    assert!(decoder.is_finished() && decoder.is_closed());
    let response = all.response();
    let choice = &response.choices[0];
    assert_eq!((choice.text.as_deref(), choice.reasoning.as_deref()), (Some("Yes"), Some("Hm")));
    assert_eq!((choice.finish_reason, choice.tool_calls.len()), (FinishReason::ToolCalls, 2));
    assert_eq!(choice.tool_calls[1].arguments, r#"{"b":1,"a":2}"#);
    assert_ne!(choice.tool_calls[0].id, choice.tool_calls[1].id);
    assert_eq!(response.usage.map(|usage| (usage.input, usage.output)), Some((7, 2)));
}

#[test]
fn lines_may_come_under_another_media_type() {
    let body = "{\"message\":{\"content\":\"a\"},\"done\":false}\r\n{\"message\":{\"content\":\"b\"},\"done\":true,\"done_reason\":\"length\"}\n";
    let response = Ollama.decode(&reply(200, body), &deployment()).unwrap();
    assert_eq!(response.choices[0].text.as_deref(), Some("ab"));
    assert_eq!(response.choices[0].finish_reason, FinishReason::Length);
}

#[test]
fn errors_are_texts_or_objects_also_inside_a_stream() {
    for (status, error, kind) in [
        (404, json!("model 'x' not found"), ErrorKind::NotFound),
        (400, json!({"message": "prompt too long; exceeded max context length by 5 tokens"}), ErrorKind::ContextLength),
        (400, json!("\"x\" does not support tools"), ErrorKind::InvalidRequest),
        (401, json!({"message": "Unauthorized", "type": "api_error"}), ErrorKind::Authentication),
        (503, json!("server busy"), ErrorKind::Overloaded),
    ] {
        let failed = Ollama.error(&reply(status, json!({"error": error}).to_string()), &deployment());
        assert_eq!((failed.kind, failed.context.said.is_some()), (kind, true), "{error}");
    }
    let event = WireEvent { name: String::new(), data: json!({"error": "llama runner stopped"}).to_string() };
    let failed = Ollama.stream(&deployment()).event(&event).unwrap_err();
    assert_eq!((failed.kind, failed.context.status), (ErrorKind::Server, Some(500)));
}

#[test]
fn what_cannot_be_understood_is_a_protocol_error() {
    let deep = "{\"message\":".repeat(100_000);
    for body in
        ["", "{}", "[]", "null", "<html>\n</html>", "{\"message\": 5}", "{\"message\":{\"tool_calls\":[{}]}}", &deep]
    {
        assert_eq!(Ollama.decode(&reply(200, body), &deployment()).unwrap_err().kind, ErrorKind::Protocol);
        Ollama.error(&reply(500, body), &deployment());
    }
}

#[test]
fn embeddings_go_in_one_request() {
    let request = EmbedRequest { texts: vec!["a".into(), "b".into()], dimensions: Some(8), ..EmbedRequest::default() };
    let wire = Ollama.encode_embed(&request, &deployment()).unwrap();
    assert_eq!(wire.url, "http://host/api/embed");
    let body: Value = serde_json::from_slice(&wire.body).unwrap();
    assert_eq!((&body["input"], &body["dimensions"]), (&json!(["a", "b"]), &json!(8)));
    let vectors = json!({"model": "llama", "embeddings": [[0.5, 1]], "prompt_eval_count": 3});
    let response = Ollama.decode_embed(&reply(200, vectors.to_string()), &deployment()).unwrap();
    assert_eq!((response.embeddings, response.usage.unwrap().input), (vec![vec![0.5, 1.0]], 3));
    assert!(Ollama.decode_embed(&reply(200, "{}"), &deployment()).is_err());
}
