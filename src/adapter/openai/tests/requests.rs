use super::*;

#[test]
fn the_key_is_a_header_and_the_model_is_sent_unchanged() {
    let request = ChatRequest::default();
    let wire = OpenAi.encode(&request, &deployment("openrouter", "meta/llama:free"), false).unwrap();
    assert_eq!(wire.url, "https://openrouter.ai/api/v1/chat/completions");
    assert_eq!(wire.headers["authorization"], "Bearer the-key");
    assert!(wire.headers["authorization"].is_sensitive());
    let body: Value = serde_json::from_slice(&wire.body).unwrap();
    assert_eq!(body, json!({"model": "meta/llama:free", "messages": []}));
}

#[test]
fn base_urls_are_taken_as_the_providers_own_sdk_takes_them() {
    for (provider, base, url) in [
        ("openai", "http://h/v1", "http://h/v1/chat/completions"),
        ("openai-compatible", "http://h/some/path", "http://h/some/path/chat/completions"),
        ("mistral", "http://h", "http://h/v1/chat/completions"),
        ("mistral", "http://h/v1", "http://h/v1/chat/completions"),
        ("groq", "http://h", "http://h/openai/v1/chat/completions"),
        ("deepseek", "http://h", "http://h/chat/completions"),
        ("writer", "http://h/v1", "http://h/v1/chat"),
        ("ollama", "http://h:11434", "http://h:11434/v1/chat/completions"),
        ("ollama", "http://h:11434/v1", "http://h:11434/v1/chat/completions"),
    ] {
        assert_eq!(url_of(&at(deployment(provider, "m"), base, None)), url, "{provider} {base}");
    }
}

#[test]
fn azure_has_four_kinds_of_endpoint() {
    for (base, version, path) in [
        ("https://h", None, "/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21"),
        ("https://h/openai", Some("2025-01-01"), "/deployments/my%20gpt/chat/completions?api-version=2025-01-01"),
        ("https://h/openai/deployments/x", None, "/chat/completions?api-version=2024-10-21"),
        ("https://h/models", Some("2024-05-01-preview"), "/chat/completions?api-version=2024-05-01-preview"),
        ("https://h/openai/v1", None, "/chat/completions"),
    ] {
        assert_eq!(url_of(&at(deployment("azure", "my gpt"), base, version)), format!("{base}{path}"));
    }
    let wire = OpenAi.encode(&ChatRequest::default(), &deployment("azure", "x"), false).unwrap();
    assert_eq!(wire.headers["api-key"], "the-key");
    assert!(!wire.headers.contains_key("authorization"));
}

#[test]
fn usage_is_asked_for_in_streams_where_that_is_known() {
    let asked = |deployment: &Deployment| body_of(deployment, json!({}), true).get("stream_options").is_some();
    assert!(asked(&deployment("openai", "m")));
    assert!(!asked(&deployment("mistral", "m")));
    assert!(asked(&deployment("azure", "m")));
    assert!(!asked(&at(deployment("azure", "m"), "https://h", Some("2023-07-01-preview"))));
    let ours = json!({"extra_body": {"stream_options": {"include_usage": false}}});
    assert_eq!(body_of(&deployment("openai", "m"), ours, true)["stream_options"]["include_usage"], false);
}

#[test]
fn the_length_limit_has_the_name_that_the_model_wants() {
    for (provider, model, key) in [
        ("openai", "gpt-4o", "max_tokens"),
        ("openai", "o3-mini", "max_completion_tokens"),
        ("openai", "gpt-5-mini", "max_completion_tokens"),
        ("azure", "gpt-5", "max_completion_tokens"),
        ("groq", "openai/gpt-oss-120b", "max_tokens"),
        ("mistral", "o1-like", "max_tokens"),
        ("cerebras", "llama", "max_completion_tokens"),
    ] {
        let body = body_of(&deployment(provider, model), json!({"max_tokens": 7}), false);
        assert_eq!(body[key], 7, "{provider} {model}");
    }
    let mut named_by_its_owner = deployment("azure", "prod-a");
    named_by_its_owner.facts.reasoning = Some(true);
    assert_eq!(body_of(&named_by_its_owner, json!({"max_tokens": 7}), false)["max_completion_tokens"], 7);
}

#[test]
fn quirks_rename_and_drop_what_a_provider_would_refuse() {
    let request = json!({
        "messages": [
            {"role": "developer", "content": "be brief"},
            {"role": "assistant", "content": null, "refusal": null, "reasoning_content": "hm",
             "tool_calls": [{"id": "call_from_elsewhere", "type": "function", "function": {"name": "f", "arguments": ""}}]},
            {"role": "tool", "tool_call_id": "call_from_elsewhere", "content": "1"}],
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": "required", "seed": 3, "user": "u"});
    let body = body_of(&deployment("mistral", "m"), request.clone(), false);
    assert_eq!(body["messages"][0]["role"], "system");
    assert_eq!(body["tool_choice"], "any");
    assert_eq!((&body["random_seed"], body.get("seed"), body.get("user")), (&json!(3), None, None));
    let call = &body["messages"][1];
    assert_eq!((call.get("refusal"), call.get("reasoning_content")), (None, None));
    let id = call["tool_calls"][0]["id"].as_str().unwrap();
    assert!(id.len() == 9 && id == body["messages"][2]["tool_call_id"]);
    assert_eq!(call["tool_calls"][0]["function"]["arguments"], "{}");

    let body = body_of(&deployment("deepseek", "m"), request, false);
    assert_eq!(body["messages"][1]["reasoning_content"], "hm", "what the caller wrote goes back as written");
    assert_eq!(body["messages"][1]["tool_calls"][0]["id"], "call_from_elsewhere");
    assert_eq!((&body["tool_choice"], &body["seed"]), (&json!("required"), &json!(3)));
}

#[test]
fn every_part_of_a_message_reaches_the_wire() {
    let messages = json!([{"role": "user", "name": "ann", "content": [
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
        {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "input_audio", "input_audio": "AAAA"},
        {"type": "video_url", "video_url": {"url": "https://x"}}]}]);
    let body = body_of(&deployment("openrouter", "m"), json!({"messages": messages}), false);
    assert_eq!(body["messages"], messages);
}

#[test]
fn what_only_anthropic_knows_is_dropped_where_it_would_be_refused() {
    let mark = json!({"type": "ephemeral"});
    let request = json!({
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": mark, "own": 1}]},
            {"role": "assistant", "content": "b", "thinking_blocks": [{"type": "thinking", "thinking": "t", "signature": "s"}],
             "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}, "cache_control": mark}]},
            {"role": "tool", "tool_call_id": "1", "content": "c", "cache_control": mark}],
        "tools": [{"type": "function", "function": {"name": "f"}, "cache_control": mark}]});
    for provider in ["openai", "azure", "groq", "mistral", "together"] {
        let sent = body_of(&deployment(provider, "m"), request.clone(), false);
        let text = sent.to_string();
        assert!(!text.contains("cache_control") && !text.contains("thinking"), "{provider}: {text}");
        assert_eq!(sent["messages"][0]["content"][0], json!({"type": "text", "text": "a", "own": 1}), "{provider}");
    }
    for provider in ["openrouter", "vercel", "dashscope", "openai-compatible"] {
        let sent = body_of(&deployment(provider, "m"), request.clone(), false);
        assert_eq!(sent["messages"], request["messages"], "{provider}");
        assert_eq!(sent["tools"][0]["cache_control"], mark, "{provider}");
    }
}

#[test]
fn parameters_are_said_as_the_caller_said_them() {
    let request = json!({
        "messages": [{"role": "function", "name": "f", "content": "1"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": true}},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": true}},
                  {"type": "web_search", "size": 1}],
        "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": false,
        "temperature": 0.5, "top_p": 1, "stop": ["a"], "seed": 3, "n": 2, "logprobs": true, "top_logprobs": 4,
        "presence_penalty": 0.1, "frequency_penalty": -2, "reasoning_effort": "low", "user": "u", "max_tokens": 9});
    let mut sent = body_of(&deployment("openai", "m"), request.clone(), false);
    assert_eq!(sent.as_object_mut().unwrap().remove("model").unwrap(), "m");
    assert_eq!(sent, request);
}

#[test]
fn parallel_calls_are_not_spoken_of_without_tools() {
    let body = body_of(&deployment("openai", "m"), json!({"parallel_tool_calls": true}), false);
    assert_eq!(body.get("parallel_tool_calls"), None);
}

#[test]
fn embeddings_are_asked_for_in_the_providers_words() {
    let request = EmbedRequest {
        texts: vec!["a".into(), "b".into()],
        dimensions: Some(64),
        user: Some("u".into()),
        extra_body: Map::from_iter([("input_type".into(), "query".into())]),
    };
    let sent = |provider: &str| {
        let wire = OpenAi.encode_embed(&request, &deployment(provider, "e")).unwrap();
        (wire.url, serde_json::from_slice::<Value>(&wire.body).unwrap())
    };
    let (url, body) = sent("voyage");
    assert_eq!(url, "https://api.voyageai.com/v1/embeddings");
    assert_eq!(body, json!({"model": "e", "input": ["a", "b"], "output_dimension": 64, "input_type": "query"}));
    let (_, body) = sent("openai");
    assert_eq!((&body["dimensions"], &body["user"]), (&json!(64), &json!("u")));
    assert_eq!(sent("azure").0, "https://host/openai/deployments/e/embeddings?api-version=2024-10-21");
}
