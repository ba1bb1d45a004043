//! What is answered whole, and refused.

use super::*;

#[test]
fn an_answer_is_read_and_can_be_sent_back() {
    let thought: Value = serde_json::from_str(THOUGHT).unwrap();
    let call = json!({"type": "tool_use", "id": "t", "name": "f", "input": {"x": 1}});
    let answer = decode(json!({"id": "msg", "model": "m", "type": "message", "content": [
        thought, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}, call], "stop_reason": "tool_use",
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 2, "output_tokens": 9,
                  "output_tokens_details": {"thinking_tokens": 4}}}))
    .unwrap();
    assert_eq!(answer.usage, Some(Usage { input: 5, cache_read: 3, cache_write: 2, output: 5, reasoning: 4 }));
    let choice = &answer.choices[0];
    assert_eq!((choice.text.as_deref(), choice.reasoning.as_deref()), (Some("ab"), Some("hm")));
    assert_eq!(choice.finish_reason, FinishReason::ToolCalls);
    let turns = messages(json!([{"role": "user", "content": "q"}, choice.message()]));
    assert_eq!(turns[1]["content"], json!([thought, {"type": "text", "text": "ab"}, call]));
}

#[test]
fn blocks_of_the_providers_own_tools_survive_the_round_trip_unless_the_message_was_edited() {
    let blocks = json!([{"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
        {"type": "text", "text": "a", "citations": [{"type": "x"}]}]);
    let answer = decode(json!({"content": blocks, "stop_reason": "pause_turn"})).unwrap();
    assert_eq!(
        (answer.choices[0].finish_reason, &answer.extra["stop_reason"]),
        (FinishReason::Stop, &json!("pause_turn"))
    );
    let mut message = answer.choices[0].message();
    let turn = |message: &Value| messages(json!([{"role": "user", "content": "q"}, message]))[1]["content"].clone();
    assert_eq!(turn(&message), blocks);
    message["content"] = "edited".into();
    assert_eq!(turn(&message), "edited");
}

#[test]
fn reasons_to_stop_have_their_meaning() {
    for (stop, reason) in [
        ("end_turn", FinishReason::Stop),
        ("stop_sequence", FinishReason::Stop),
        ("max_tokens", FinishReason::Length),
        ("model_context_window_exceeded", FinishReason::Length),
        ("refusal", FinishReason::ContentFilter),
        ("something_new", FinishReason::Stop),
    ] {
        let answer = decode(json!({"content": [], "stop_reason": stop})).unwrap();
        assert_eq!(answer.choices[0].finish_reason, reason, "{stop}");
    }
}

#[test]
fn errors_are_classified_by_status_type_and_recorded_sentence() {
    for (status, kind, message, class) in [
        (401, "authentication_error", "invalid x-api-key", ErrorKind::Authentication),
        (403, "permission_error", "", ErrorKind::PermissionDenied),
        (404, "not_found_error", "model: x", ErrorKind::NotFound),
        (413, "request_too_large", "Request exceeds the maximum size", ErrorKind::InvalidRequest),
        (413, "invalid_request_error", "Request size exceeds model context window", ErrorKind::ContextLength),
        (400, "invalid_request_error", "prompt is too long: 2 tokens > 1 maximum", ErrorKind::ContextLength),
        (400, "invalid_request_error", "Your credit balance is too low to access", ErrorKind::Quota),
        (400, "invalid_request_error", "temperature: range: 0..1", ErrorKind::InvalidRequest),
        (429, "rate_limit_error", "This request would exceed your rate limit", ErrorKind::RateLimit),
        (529, "overloaded_error", "Overloaded", ErrorKind::Overloaded),
        (500, "api_error", "Internal server error", ErrorKind::Server),
        (418, "new_error", "", ErrorKind::InvalidRequest),
    ] {
        let error = error(status, kind, message);
        assert_eq!(error.kind, class, "{status} {kind} {message}");
        assert_eq!((error.context.status, error.context.request_id.as_deref()), (Some(status), Some("req_1")));
        assert_eq!(error.context.said.as_deref(), Some(message));
    }
    let spent = json!({"type": "error", "error": {"type": "rate_limit_error", "message": "no",
        "details": {"error_code": "enforced_spend_limit_reached"}}});
    assert_eq!(Anthropic.error(&reply(429, spent), &deployment("m")).kind, ErrorKind::Quota);
    assert_eq!(Anthropic.error(&reply(502, "<html>"), &deployment("m")).kind, ErrorKind::Server);
    let inside = decode(json!({"type": "error", "error": {"type": "rate_limit_error", "message": "x"}})).unwrap_err();
    assert_eq!((inside.kind, inside.context.status), (ErrorKind::RateLimit, Some(429)));
}
