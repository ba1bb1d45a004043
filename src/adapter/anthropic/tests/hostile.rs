//! What no honest provider sends.

use proptest::prelude::*;

use super::*;

#[test]
fn what_cannot_be_understood_is_a_protocol_error() {
    let deep = format!("{{\"content\":{}", "[".repeat(100_000));
    for body in [
        "",
        "null",
        "[]",
        "{",
        "{}",
        r#"{"content": {}}"#,
        r#"{"content": [1]}"#,
        r#"{"content": [{}]}"#,
        &deep,
        r#"{"content": [{"type": "text", "text": 1}]}"#,
        r#"{"content": [{"type": "tool_use", "id": "a"}]}"#,
    ] {
        let error = Anthropic.decode(&reply(200, body), &deployment("m")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol, "{}", &body[..body.len().min(60)]);
    }
    for data in [
        "{",
        "7",
        r#"{"type": "message_start"}"#,
        r#"{"type": "content_block_delta", "index": -1, "delta": {}}"#,
        r#"{"type": "content_block_stop", "index": 9}"#,
    ] {
        assert_eq!(decoder().event(&event(data)).unwrap_err().kind, ErrorKind::Protocol, "{data}");
    }
    let lost = json!({"type": "content_block_delta", "index": 4, "delta": {"type": "text_delta", "text": "a"}});
    assert_eq!(streamed(&[lost]).0.response().choices[0].text.as_deref(), Some("a"));
}

/// JSON with the wire's own words in wrong places.
fn confused() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "type",
        "index",
        "delta",
        "content_block",
        "message",
        "usage",
        "error",
        "text",
        "input",
        "citation",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "tool_use",
        "input_json_delta",
        "partial_json",
        "citations",
        "content",
        "stop_reason",
        "thinking",
        "output_tokens",
        "id",
        "name",
        "citations_delta",
        "message_start",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        (0_u64..3).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..6).prop_map(|pairs| Value::Object(
                pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_it_panic(values in prop::collection::vec(confused(), 1..12)) {
        let mut decoder = decoder();
        for value in &values {
            let _ = decoder.event(&event(value));
            let _ = decode(value.clone());
            let _ = decoder.whole(&value.to_string().into_bytes().into());
            let _ = Anthropic.error(&reply(400, value), &deployment("m"));
        }
    }

    #[test]
    fn a_stream_cut_anywhere_in_its_events_is_never_finished_early(cut in 0_usize..12) {
        let (_, decoder) = streamed(&events()[..cut]);
        prop_assert!(!decoder.is_finished());
    }
}
