use super::*;

/// All events, and whether the answer was complete.
fn read(provider: &str, events: &[&str]) -> (ChatResponse, Box<dyn StreamDecoder>) {
    let mut decoder = OpenAi.stream(&deployment(provider, "m"));
    let mut answer = Accumulator::default();
    for data in events {
        for chunk in decoder.event(&event(data)).unwrap() {
            answer.push(&chunk);
        }
    }
    (answer.response(), decoder)
}

fn fails(name: &str, data: &str) -> Error {
    let event = WireEvent { name: name.into(), data: data.into() };
    OpenAi.stream(&deployment("openai", "m")).event(&event).unwrap_err()
}

#[test]
fn pieces_usage_and_the_end_marker_make_an_answer() {
    let (answer, decoder) = read(
        "openai",
        &[
            r#"{"id":"c","model":"m-1","created":3,"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"obfuscation":"x"}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{"content":"Hel"}}]}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}],"usage":null}"#,
            r#"{"id":"c","choices":[],"usage":{"prompt_tokens":4,"completion_tokens":2,"total_tokens":6}}"#,
            "[DONE]",
        ],
    );
    assert!(decoder.is_finished() && decoder.is_closed());
    assert_eq!((answer.id.as_str(), answer.choices[0].text.as_deref()), ("c", Some("Hello")));
    assert_eq!(answer.usage.unwrap().total_tokens(), 6);
    assert!(answer.extra.is_empty());
}

#[test]
fn a_heartbeat_is_no_content() {
    let mut decoder = OpenAi.stream(&deployment("openai", "m"));
    for data in [
        r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"","tool_calls":null,"graph_data":{"sources":null}}}]}"#,
        r#"{"choices":[],"prompt_filter_results":[{"index":0}]}"#,
        "",
    ] {
        assert!(!decoder.event(&event(data)).unwrap().iter().any(crate::chat::ChatChunk::has_content), "{data}");
    }
}

#[test]
fn every_begun_answer_must_end() {
    let two = [
        r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}"#,
        r#"{"choices":[{"index":1,"delta":{"content":"b"}}]}"#,
    ];
    assert!(!read("openai", &two).1.is_finished());
    assert!(!read("openai", &["[DONE]"]).1.is_finished(), "an end without an answer is no answer");
    let silent = r#"{"choices":[{"index":0,"delta":{"role":"assistant"}}]}"#;
    assert!(!read("openai", &[silent, "[DONE]"]).1.is_finished());
    let (answer, decoder) = read("openai", &[two[1], "[DONE]"]);
    assert!(decoder.is_finished(), "the end marker after content implies the reason");
    assert_eq!(answer.choices[0].finish_reason, FinishReason::Stop);
}

#[test]
fn calls_are_told_apart_however_the_wire_numbers_them() {
    let call = |call: &str| format!(r#"{{"id":"c","choices":[{{"index":0,"delta":{{"tool_calls":[{call}]}}}}]}}"#);
    for pieces in [
        // OpenAI: an index for each.
        vec![
            r#"{"index":0,"id":"a","function":{"name":"f","arguments":""}}"#,
            r#"{"index":1,"id":"b","function":{"name":"g","arguments":"{"}}"#,
            r#"{"index":0,"function":{"arguments":"{}"}}"#,
            r#"{"index":1,"function":{"arguments":"}"}}"#,
        ],
        // Every call is number 0.
        vec![
            r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}"#,
            r#"{"index":0,"id":"b","function":{"name":"g","arguments":"{}"}}"#,
        ],
        // No numbers (Mistral), and an object for arguments.
        vec![
            r#"{"id":"a","function":{"name":"f","arguments":"{}"}}"#,
            r#"{"id":"b","function":{"name":"g","arguments":{}}}"#,
        ],
        // Numbers that do not begin at 0, and null where nothing is new.
        vec![
            r#"{"index":1,"id":"a","function":{"name":"f","arguments":null}}"#,
            r#"{"index":1,"id":null,"type":null,"function":{"name":null,"arguments":"{}"}}"#,
            r#"{"index":2,"id":"b","function":{"name":"g","arguments":"{}"}}"#,
        ],
    ] {
        let events: Vec<String> = pieces.iter().map(|piece| call(piece)).collect();
        let (answer, _) = read("openai", &events.iter().map(String::as_str).collect::<Vec<_>>());
        let calls: Vec<_> = answer.choices[0]
            .tool_calls
            .iter()
            .map(|c| (c.id.as_str(), c.name.as_str(), c.arguments.as_str()))
            .collect();
        assert_eq!(calls, [("a", "f", "{}"), ("b", "g", "{}")], "{pieces:?}");
    }
}

#[test]
fn usage_that_comes_twice_counts_once() {
    let (answer, _) = read(
        "groq",
        &[
            r#"{"choices":[{"index":0,"delta":{"reasoning":"hm"},"finish_reason":"stop"}],"x_groq":{"usage":{"prompt_tokens":4,"completion_tokens":2}}}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":4,"completion_tokens":2}}"#,
        ],
    );
    assert_eq!(answer.usage.unwrap().total_tokens(), 6);
    assert_eq!(answer.choices[0].reasoning.as_deref(), Some("hm"));
}

#[test]
fn thinking_parts_are_reasoning() {
    let (answer, _) = read(
        "mistral",
        &[
            r#"{"choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"why"}]}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"because"},"finish_reason":"stop"}]}"#,
        ],
    );
    let choice = &answer.choices[0];
    assert_eq!((choice.reasoning.as_deref(), choice.text.as_deref()), (Some("why"), Some("because")));
}

#[test]
fn an_error_inside_the_stream_is_of_the_class_it_names() {
    for (name, data, kind, status) in [
        (
            "error",
            r#"{"error":{"message":"no","type":"invalid_request_error","code":"tool_use_failed"}}"#,
            ErrorKind::InvalidRequest,
            400,
        ),
        (
            "",
            r#"{"error":{"code":429,"message":"slow down"},"choices":[{"index":0,"delta":{"content":""}}]}"#,
            ErrorKind::RateLimit,
            429,
        ),
        (
            "",
            r#"{"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error","error":{"code":502,"message":"x"}}]}"#,
            ErrorKind::Server,
            502,
        ),
        ("", r#"{"choices":[{"index":0,"delta":{},"finish_reason":"error"}]}"#, ErrorKind::Server, 500),
        ("", r#"{"object":"error","message":"too much context length","code":400}"#, ErrorKind::ContextLength, 400),
        ("", r#"{"error":"internal"}"#, ErrorKind::Server, 500),
        ("error", "upstream gone", ErrorKind::Server, 500),
    ] {
        let error = fails(name, data);
        assert_eq!((error.kind, error.context.status), (kind, Some(status)), "{data}");
    }
}

#[test]
fn what_cannot_be_understood_is_a_protocol_error() {
    let deep = "[".repeat(5000);
    for data in
        ["{", "3", "\"x\"", "[1]", "{\"choices\":3}", "{\"choices\":[3]}", "{\"choices\":[{\"delta\":3}]}", &deep]
    {
        assert_eq!(fails("", data).kind, ErrorKind::Protocol, "{data:.40}");
    }
}

#[test]
fn a_body_that_came_whole_is_an_answer_a_list_or_an_error() {
    let whole = |body: &str| {
        let mut decoder = OpenAi.stream(&deployment("openai", "m"));
        let chunks = decoder.whole(&Bytes::from(body.to_owned()))?;
        let mut answer = Accumulator::default();
        for chunk in &chunks {
            answer.push(chunk);
        }
        assert!(decoder.is_finished() && decoder.is_closed());
        Ok::<_, Error>(answer.response().choices[0].text.clone().unwrap())
    };
    let answer = r#"{"choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}]}"#;
    let chunk = r#"{"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}"#;
    assert_eq!(whole(answer).unwrap(), "hi");
    assert_eq!(whole(&format!("[{chunk}]")).unwrap(), "hi");
    assert_eq!(
        whole(&format!("data: {chunk}\n\ndata: [DONE]\n\n")).unwrap(),
        "hi",
        "framed in spite of its content type"
    );
    assert_eq!(whole(r#"{"error":{"code":401,"message":"x"}}"#).unwrap_err().kind, ErrorKind::Authentication);
    assert_eq!(whole(r#"[{"error":{"code":429,"message":"x"}}]"#).unwrap_err().kind, ErrorKind::RateLimit);
    assert_eq!(whole("<html>").unwrap_err().kind, ErrorKind::Protocol);
}
