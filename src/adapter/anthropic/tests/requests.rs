//! What is asked.

use serde_json::{Value, json};

use super::*;

#[test]
fn neighbours_of_one_role_become_one_turn_and_instructions_stand_apart() {
    let body = encode(json!({"messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "a"}, {"role": "user", "content": "b"},
        {"role": "assistant", "content": "", "tool_calls": [
            {"id": "functions.f:0", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}},
            {"id": "t2", "type": "function", "function": {"name": "g", "arguments": "{\"x\":"}}]},
        {"role": "tool", "tool_call_id": "functions.f:0", "content": "one"},
        {"role": "tool", "tool_call_id": "t2", "content": [
            {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,AAAA"}}], "cache_control": {"type": "ephemeral"}},
        {"role": "developer", "content": "be kind"},
        {"role": "user", "content": "c"}]}));
    assert_eq!(body["system"], json!([{"type": "text", "text": "be brief"}, {"type": "text", "text": "be kind"}]));
    let image = json!({"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"}});
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "functions_f_0", "name": "f", "input": {"x": 1}},
                {"type": "tool_use", "id": "t2", "name": "g", "input": {"INVALID_JSON": "{\"x\":"}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "functions_f_0", "content": "one"},
                {"type": "tool_result", "tool_use_id": "t2", "content": [image], "cache_control": {"type": "ephemeral"}},
                {"type": "text", "text": "c"}]},
        ])
    );
}

#[test]
fn instructions_alone_are_said_by_the_user_and_nothing_at_all_is_refused() {
    let body = encode(json!({"messages": [{"role": "system", "content": "hi"}]}));
    assert_eq!((&body["messages"][0]["content"], body.get("system")), (&json!("hi"), None));
    let nothing = try_encode("m", json!({"messages": [{"role": "user", "content": " "}]}));
    assert_eq!(nothing.unwrap_err().kind, ErrorKind::InvalidRequest);
}

#[test]
fn an_instruction_of_anthropics_own_stays_in_its_place() {
    let tool = json!({"type": "tool_addition", "tool": {"type": "tool_reference", "name": "f"}});
    let turns = messages(json!([{"role": "user", "content": "a"}, {"role": "system", "content": [tool]}]));
    assert_eq!(turns[1], json!({"role": "system", "content": [tool]}));
}

#[test]
fn files_and_images_become_blocks() {
    let file = |data: &str| json!([{"type": "file", "file": {"file_data": data, "filename": "a.pdf"}}]);
    let source = |data: &str| user(file(data))[0]["source"].clone();
    let pdf = json!({"type": "base64", "media_type": "application/pdf", "data": "JVBERi0"});
    assert_eq!(source("data:application/pdf;base64,JVBERi0"), pdf);
    assert_eq!(source("JVBERi0"), pdf);
    assert_eq!(source("data:text/csv;base64,aGk="), json!({"type": "text", "media_type": "text/plain", "data": "hi"}));
    assert_eq!(source("https://x/a.pdf"), json!({"type": "url", "url": "https://x/a.pdf"}));
    let link = user(
        json!([{"type": "image_url", "image_url": {"url": "https://x/y.png"}, "cache_control": {"a": 1}, "z": 1}]),
    );
    let source = json!({"type": "url", "url": "https://x/y.png"});
    assert_eq!(link, json!([{"type": "image", "source": source, "cache_control": {"a": 1}}]));
    for part in [
        json!({"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}}),
        json!({"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}),
        json!({"type": "file", "file": {"file_data": "data:application/zip;base64,AA"}}),
        json!({"type": "file", "file": {"file_data": "data:text/plain;base64,_w"}}),
    ] {
        let refused = try_encode("m", json!({"messages": [{"role": "user", "content": [part]}]}));
        assert_eq!(refused.unwrap_err().kind, ErrorKind::InvalidRequest);
    }
}

#[test]
fn tools_and_choices_are_spelled_anthropics_way() {
    let ask = |choice: Value, parallel: Value| {
        encode(
            json!({"messages": [{"role": "user", "content": "a"}], "tool_choice": choice, "parallel_tool_calls": parallel,
            "tools": [{"type": "function", "function": {"name": "f", "strict": true}, "cache_control": {"type": "ephemeral"}},
                      {"type": "function", "function": {"name": "g", "parameters": {"type": "object"}}},
                      {"type": "web_search_20250305", "name": "web_search"}]}),
        )
    };
    let body = ask(json!("required"), json!(false));
    assert_eq!(
        body["tools"],
        json!([{"name": "f", "input_schema": {"type": "object", "properties": {}}, "strict": true, "cache_control": {"type": "ephemeral"}},
               {"name": "g", "input_schema": {"type": "object"}}, {"type": "web_search_20250305", "name": "web_search"}])
    );
    assert_eq!(body["tool_choice"], json!({"type": "any", "disable_parallel_tool_use": true}));
    assert_eq!(
        ask(Value::Null, json!(false))["tool_choice"],
        json!({"type": "auto", "disable_parallel_tool_use": true})
    );
    assert_eq!(ask(json!("none"), json!(false))["tool_choice"], json!({"type": "none"}));
    let named = json!({"type": "function", "function": {"name": "g"}});
    assert_eq!(ask(named.clone(), Value::Null)["tool_choice"], json!({"type": "tool", "name": "g"}));
    let body =
        ask(json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [named]}}), Value::Null);
    assert_eq!((body["tools"].as_array().unwrap().len(), &body["tool_choice"]["type"]), (2, &json!("any")));
}

#[test]
fn parameters_are_translated_or_refused() {
    let ask = |more: Value| {
        let mut request = json!({"messages": [{"role": "user", "content": "a"}]});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        try_encode("claude-next", request)
    };
    let body = ask(json!({"temperature": 1.7, "stop": "x", "user": "u", "seed": 1, "presence_penalty": 1.0, "n": 1,
        "extra_body": {"top_k": 5, "max_tokens": 7}}))
    .unwrap();
    let expected = json!({"max_tokens": 7, "messages": [{"role": "user", "content": "a"}], "temperature": 1.0,
        "stop_sequences": ["x"], "metadata": {"user_id": "u"}, "model": "claude-next", "top_k": 5});
    assert_eq!(body, expected);
    for refused in [json!({"n": 2}), json!({"logprobs": true}), json!({"top_logprobs": 3})] {
        assert_eq!(ask(refused).unwrap_err().kind, ErrorKind::InvalidRequest);
    }
    let schema = json!({"type": "object", "properties": {"type": {"type": "object", "additionalProperties": true}}});
    let body = ask(json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}}))
        .unwrap();
    let sent = &body["output_config"]["format"];
    assert_eq!((&sent["type"], &sent["schema"]["additionalProperties"]), (&json!("json_schema"), &json!(false)));
    assert_eq!(sent["schema"]["properties"]["type"]["additionalProperties"], true);
    let body = ask(json!({"response_format": {"type": "json_object"}})).unwrap();
    assert!(body["system"].as_str().unwrap().contains("JSON"));
}

#[test]
fn effort_is_a_word_for_new_models_and_a_budget_for_old_ones() {
    let ask = |model: &str, more: Value| {
        let mut request = json!({"messages": [{"role": "user", "content": "a"}], "reasoning_effort": "high"});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        try_encode(model, request).unwrap()
    };
    let body = ask("claude-next", json!({}));
    assert_eq!((&body["output_config"]["effort"], &body["thinking"]["type"]), (&json!("high"), &json!("adaptive")));
    assert_eq!(ask("claude-next", json!({"temperature": 0.2})).get("thinking"), None);
    assert_eq!(ask("claude-next", json!({"reasoning_effort": "none"}))["thinking"], json!({"type": "disabled"}));
    let body = ask("claude-sonnet-4-5", json!({"temperature": 0.2}));
    assert_eq!(body["thinking"], json!({"type": "enabled", "budget_tokens": 12_288}));
    assert_eq!((body.get("temperature"), &body["max_tokens"]), (None, &json!(16_384 + 12_288)));
    let body = ask("claude-opus-4@20250514", json!({"max_tokens": 3000}));
    assert_eq!((&body["thinking"]["budget_tokens"], &body["max_tokens"]), (&json!(1500), &json!(3000)));
    for unthinking in
        [json!({"max_tokens": 1024}), json!({"tool_choice": "required"}), json!({"reasoning_effort": "none"})]
    {
        assert_eq!(ask("claude-sonnet-4-5", unthinking).get("thinking"), None);
    }
    assert_eq!(ask("claude-3-5-haiku-latest", json!({})).get("thinking"), None);
}

#[test]
fn the_address_and_the_version_are_as_configured() {
    let request = serde_json::from_value(json!({"messages": [{"role": "user", "content": "a"}]})).unwrap();
    let mut deployment = deployment("m");
    let wire = Anthropic.encode(&request, &deployment, true).unwrap();
    assert_eq!(wire.url, "https://api.anthropic.com/v1/messages");
    assert_eq!(wire.headers["anthropic-version"], "2023-06-01");
    assert_eq!(serde_json::from_slice::<Value>(&wire.body).unwrap()["stream"], true);
    deployment.base_url = "https://gate/v1".into();
    deployment.api_version = Some("2030-01-01".into());
    let wire = Anthropic.encode(&request, &deployment, false).unwrap();
    assert_eq!(wire.url, "https://gate/v1/messages");
    assert_eq!(wire.headers["anthropic-version"], "2030-01-01");
}
