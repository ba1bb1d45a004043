use super::*;

fn message(message: &Value, finish: &str) -> Value {
    json!({"id": "c1", "object": "chat.completion", "created": 5, "model": "m-1",
           "choices": [{"index": 0, "message": message, "finish_reason": finish}]})
}

fn usage(provider: &str, usage: &Value) -> Usage {
    let mut body = message(&json!({"content": "a"}), "stop");
    body["usage"] = usage.clone();
    answer(provider, &body).unwrap().usage.unwrap()
}

#[test]
fn an_answer_keeps_what_it_says() {
    let mut body = message(
        &json!({"role": "assistant", "content": "hi", "refusal": null, "annotations": [{"type": "url_citation"}],
                "audio": {"id": "a"}, "tool_calls": [
                    {"id": "x", "type": "function", "index": 0, "function": {"name": "f", "arguments": "{\"a\":"}},
                    {"id": "", "function": {"name": "g", "arguments": {"b": 1}}, "extra_content": {"sig": "s"}}]}),
        "length",
    );
    body["citations"] = json!(["https://x"]);
    body["choices"][0]["content_filter_results"] = json!({"hate": {"filtered": false}});
    body["choices"][0]["logprobs"] = json!({"content": [{"token": "hi"}]});
    let answer = answer("openai", &body).unwrap();
    let choice = answer.first().unwrap();
    assert_eq!((answer.id.as_str(), answer.model.as_str(), answer.created), ("c1", "m-1", 5));
    assert_eq!((choice.text.as_deref(), choice.finish_reason), (Some("hi"), FinishReason::Length));
    assert_eq!(choice.tool_calls[0].arguments, "{\"a\":", "broken arguments stay as the model wrote them");
    assert_eq!(choice.tool_calls[1].arguments, "{\"b\":1}");
    assert!(choice.tool_calls[1].id.starts_with("call_"), "a missing identity is made up");
    assert_eq!(choice.tool_calls[1].extra["extra_content"]["sig"], "s");
    assert_eq!(choice.extra.keys().collect::<Vec<_>>(), ["annotations", "audio"]);
    assert_eq!(choice.logprobs.as_ref().unwrap()["content"][0]["token"], "hi");
    assert_eq!(answer.extra["citations"][0], "https://x");
    assert_eq!(answer.extra["choice_details"]["0"]["content_filter_results"]["hate"]["filtered"], false);
}

#[test]
fn reasoning_is_found_under_all_its_names() {
    for said in [
        json!({"content": "a", "reasoning_content": "why"}),
        json!({"content": "a", "reasoning": "why", "reasoning_details": [{"type": "reasoning.text"}]}),
        json!({"content": "a", "reasoning": "why", "reasoning_content": "why"}),
        json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "why"}]}, {"type": "text", "text": "a"}]}),
    ] {
        let answer = answer("openai", &message(&said, "stop")).unwrap();
        let choice = answer.first().unwrap();
        assert_eq!((choice.text.as_deref(), choice.reasoning.as_deref()), (Some("a"), Some("why")), "{said}");
    }
}

#[test]
fn the_form_of_2023_and_custom_tools_survive() {
    let said = json!({"content": null, "function_call": {"name": "f", "arguments": "{}"}});
    let old = answer("openai", &message(&said, "function_call")).unwrap();
    assert_eq!(old.choices[0].tool_calls[0].name, "f");
    assert_eq!(old.choices[0].finish_reason, FinishReason::ToolCalls);
    let said =
        json!({"content": null, "tool_calls": [{"id": "x", "type": "custom", "custom": {"name": "f", "input": "4"}}]});
    let custom = answer("openai", &message(&said, "tool_calls")).unwrap();
    assert_eq!(custom.choices[0].message()["tool_calls"][0]["custom"]["input"], "4");
}

#[test]
fn usage_is_split_into_buckets_that_add_up() {
    for (provider, said, buckets) in [
        (
            "openai",
            json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "prompt_tokens_details": {"cached_tokens": 4},
             "completion_tokens_details": {"reasoning_tokens": 2}}),
            [6, 4, 0, 3, 2],
        ),
        (
            "deepseek",
            json!({"prompt_tokens": 10, "completion_tokens": 5, "prompt_cache_hit_tokens": 4}),
            [6, 4, 0, 5, 0],
        ),
        ("moonshot", json!({"prompt_tokens": 10, "completion_tokens": 5, "cached_tokens": 4}), [6, 4, 0, 5, 0]),
        (
            "xai",
            json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 35,
             "completion_tokens_details": {"reasoning_tokens": 20}}),
            [10, 0, 0, 5, 20],
        ),
        // Gemini's compatible endpoint does not say what the missing 28 are; they are thoughts.
        (
            "openai-compatible",
            json!({"prompt_tokens": 66, "completion_tokens": 6, "total_tokens": 100}),
            [66, 0, 0, 6, 28],
        ),
        (
            "mistral",
            json!({"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 389,
             "prompt_tokens_details": {"audio_tokens": 375}}),
            [384, 0, 0, 5, 0],
        ),
        (
            "openrouter",
            json!({"prompt_tokens": 10, "completion_tokens": 5.0,
             "prompt_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 2}}),
            [7, 1, 2, 5, 0],
        ),
        // A server that overcounts: the total is right.
        (
            "openai-compatible",
            json!({"prompt_tokens": 2, "completion_tokens": 16, "total_tokens": 18,
             "completion_tokens_details": {"reasoning_tokens": 19}}),
            [2, 0, 0, 0, 16],
        ),
    ] {
        let [input, cache_read, cache_write, output, reasoning] = buckets;
        assert_eq!(usage(provider, &said), Usage { input, cache_read, cache_write, output, reasoning }, "{said}");
    }
}

#[test]
fn what_cannot_be_understood_is_a_protocol_error() {
    let deep = format!("{{\"choices\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    for body in [
        "",
        "<html>",
        "null",
        "3",
        "[]",
        "{}",
        "{\"choices\":[]}",
        "{\"choices\":3}",
        "{\"choices\":[1]}",
        "{\"choices\":[{}]}",
        "{\"choices\":[{\"message\":3}]}",
        "{\"choices\":[{\"message\":{\"content\":3}}]}",
        "{\"choices\":[{\"message\":{\"tool_calls\":{}}}]}",
        "{\"choices\":[{\"message\":{\"tool_calls\":[{}]}}]}",
        "{\"choices\":[{\"message\":{\"content\":\"cut",
        &deep,
    ] {
        let error = OpenAi.decode(&reply(200, &[], body), &deployment("openai", "m")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol, "{body:.60}");
        assert!(!error.message.contains("cut"), "{error}");
    }
}

#[test]
fn vectors_come_as_numbers_or_bytes_in_the_order_of_the_texts() {
    let decode = |body: Value| OpenAi.decode_embed(&reply(200, &[], &body.to_string()), &deployment("openai", "e"));
    let answer = decode(json!({"model": "e-1", "data": [
        {"index": 1, "embedding": "AACAPwAAAMA="}, {"index": 0, "embedding": [0.5, 1]}], "usage": {"total_tokens": 3}}));
    let answer = answer.unwrap();
    assert_eq!(answer.embeddings, [vec![0.5, 1.0], vec![1.0, -2.0]]);
    assert_eq!((answer.model.as_str(), answer.usage.unwrap().prompt_tokens()), ("e-1", 3));
    for bad in [
        json!({}),
        json!({"data": []}),
        json!({"data": [{"embedding": "AAA?"}]}),
        json!({"data": [{"embedding": ["x"]}]}),
    ] {
        assert_eq!(decode(bad).unwrap_err().kind, ErrorKind::Protocol);
    }
    assert_eq!(decode(json!({"detail": "Model x is not supported"})).unwrap_err().kind, ErrorKind::NotFound);
}
