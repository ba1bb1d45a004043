//! What is answered piece by piece.

use super::*;

#[test]
fn a_stream_spells_the_same_answer() {
    let (all, decoder) = streamed(&events());
    let answer = all.response();
    let choice = &answer.choices[0];
    assert_eq!(answer.usage, Some(Usage { input: 8, cache_read: 2, output: 20, ..Usage::default() }));
    assert_eq!((choice.reasoning.as_deref(), choice.text.as_deref()), (Some("hm"), None));
    let calls: Vec<_> = choice.tool_calls.iter().map(|c| (c.id.as_str(), c.arguments.as_str())).collect();
    assert_eq!(calls, [("t", "{\"x\":1}"), ("u", "{}")]);
    assert_eq!(choice.extra["thinking_blocks"], json!([serde_json::from_str::<Value>(THOUGHT).unwrap()]));
    assert!(decoder.is_finished() && decoder.is_closed() && !choice.extra.contains_key("content_blocks"));
}

#[test]
fn a_cut_stream_is_not_finished_and_an_error_in_it_has_its_class() {
    let cut = &events()[..9];
    let (_, mut decoder) = streamed(cut);
    assert!(!decoder.is_finished() && !decoder.is_closed());
    let body = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    let error = decoder.event(&event(body)).unwrap_err();
    assert_eq!((error.kind, error.context.status), (ErrorKind::Overloaded, Some(529)));
    assert!(!error.message.contains("Overloaded"));
}

#[test]
fn citations_and_own_tools_of_a_stream_are_kept_whole() {
    let (all, _) = streamed(&[
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "server_tool_use", "id": "s", "name": "w", "input": {}}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{\"q\":1}"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": "", "citations": []}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "citations_delta", "citation": {"url": "u"}}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "a"}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}),
    ]);
    assert_eq!(
        all.response().choices[0].extra["content_blocks"],
        json!([{"type": "server_tool_use", "id": "s", "name": "w", "input": {"q": 1}},
               {"type": "text", "text": "a", "citations": [{"url": "u"}]}])
    );
}

#[test]
fn a_whole_body_answers_a_stream_too() {
    let mut decoder = decoder();
    let body = json!({"content": [{"type": "text", "text": "a"}], "stop_reason": "end_turn"}).to_string();
    let chunks = decoder.whole(&body.into_bytes().into()).unwrap();
    assert_eq!(chunks[0].choices[0].text.as_deref(), Some("a"));
    assert!(decoder.is_finished());
}
