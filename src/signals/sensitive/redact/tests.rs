use proptest::prelude::*;
use serde_json::json;

use super::*;

const TEXT: &str = "Mail jane@example.com and bob@example.org, then jane@example.com again; card 4111 1111 1111 1111.";

fn redacted(text: &str) -> (String, Redaction) {
    let detector = Detector::default();
    let mut redactor = Redactor::new(&detector, &[]);
    let out = redactor.text(text);
    (out, redactor.finish())
}

#[test]
fn one_text_has_one_placeholder() {
    let (out, redaction) = redacted(TEXT);
    assert_eq!(out, "Mail [EMAIL_1] and [EMAIL_2], then [EMAIL_1] again; card [CREDIT_CARD_1].");
    assert_eq!(redaction.restore(&out), TEXT);
    assert!(!format!("{redaction:?}").contains("jane"));
}

#[test]
fn what_looks_like_a_placeholder_stays() {
    let text = "Write [EMAIL_1] to jane@example.com";
    let (out, redaction) = redacted(text);
    assert_eq!(out, "Write [EMAIL_1] to [EMAIL_2]");
    assert_eq!(redaction.restore(&out), text);
}

#[test]
fn only_named_types_are_replaced() {
    let detector = Detector::default();
    let mut redactor = Redactor::new(&detector, &["email".to_owned()]);
    assert!(redactor.text(TEXT).contains("4111"));
}

#[test]
fn a_request_is_clean_afterwards() {
    let detector = Detector::default();
    let mut request: ChatRequest = serde_json::from_value(json!({
        "messages": [
            {"role": "system", "content": "You serve jane@example.com"},
            {"role": "user", "content": [{"type": "text", "text": TEXT}], "name": "jane@example.com"},
            {"role": "assistant", "tool_calls": [{"id": "1", "type": "function",
                "function": {"name": "send", "arguments": "{\"to\": \"bob@example.org\"}"}}]}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"default": {"phone": "92 34 70 11", "card": 4_111_111_111_111_111_u64}}}}],
        "stop": ["jane@example.com"], "user": "jane@example.com", "extra_body": {"x": ["jane@example.com"]}}))
    .unwrap();
    let mut redactor = Redactor::new(&detector, &[]);
    redactor.request(&mut request);
    let report = detector.scan(&request);
    assert!(!report.any, "{report:?} {request:?}");
    assert_eq!(redactor.finish().restore(&request.messages[0].content.joined("")), "You serve jane@example.com");
}

#[test]
fn json_is_escaped() {
    let originals = Arc::new(HashMap::from([("[X_1]".to_owned(), "a\"b\n".to_owned())]));
    let redaction = Redaction { originals, longest: 5, counts: Vec::new() };
    assert_eq!(redaction.restore_json("{\"k\": \"[X_1]\"}"), "{\"k\": \"a\\\"b\\n\"}");
}

#[test]
fn every_way_of_cutting_gives_the_same_text() {
    let (out, redaction) = redacted(TEXT);
    let out = format!("[{out}[[EMAIL_1][EMAIL_9][EMAIL_");
    let whole = redaction.restore(&out);
    for first in 0..=out.len() {
        for second in first..=out.len() {
            let mut restorer = redaction.restorer();
            let pieces = [&out[..first], &out[first..second], &out[second..]];
            let mut joined: String = pieces.iter().map(|piece| restorer.push(piece)).collect();
            joined.push_str(&restorer.finish());
            assert_eq!(joined, whole, "cut at {first} and {second}");
        }
    }
}

proptest! {
    #[test]
    fn texts_survive_the_way_there_and_back(text in "(\\PC{0,12}( |\\[|jane@example\\.com|4111111111111111|\\[EMAIL_[12]\\])){0,6}", cuts in prop::collection::vec(0usize..40, 0..6)) {
        let (out, redaction) = redacted(&text);
        prop_assert_eq!(redaction.restore(&out), text.clone());
        let mut restorer = redaction.restorer();
        let (mut joined, mut chars) = (String::new(), out.chars());
        for cut in cuts {
            let piece: String = chars.by_ref().take(cut).collect();
            joined.push_str(&restorer.push(&piece));
        }
        joined.push_str(&restorer.push(chars.as_str()));
        joined.push_str(&restorer.finish());
        prop_assert_eq!(joined, text);
    }
}

fn request(value: serde_json::Value) -> ChatRequest {
    serde_json::from_value(value).unwrap()
}

fn cleaned(request: &mut ChatRequest) -> Redaction {
    let detector = Detector::default();
    let mut redactor = Redactor::new(&detector, &[]);
    redactor.request(request);
    let report = detector.scan(request);
    assert!(!report.any, "{report:?} {request:?}");
    redactor.finish()
}

#[test]
fn a_text_cut_into_parts_is_one_text() {
    let mut request = request(json!({"messages": [{"role": "user", "content": [
        {"type": "text", "text": "My credit card number is"}, {"type": "text", "text": "4111 1111 1111 1111, thanks"},
        {"type": "image_url", "image_url": "https://x.example/y.png"}, {"type": "text", "text": "jane@example.com"}]}]}));
    let redaction = cleaned(&mut request);
    assert_eq!(redaction.counts(), [("credit_card", 1), ("email", 1)]);
    assert_eq!(request.messages[0].content.joined("|"), "My credit card number is|[CREDIT_CARD_1], thanks|[EMAIL_1]");
}

#[test]
fn arguments_are_replaced_as_what_they_say() {
    let arguments = json!({"key": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----",
        "to": ["jane@example.com"]});
    let mut request = request(json!({"messages": [{"role": "assistant", "tool_calls": [{"id": "1", "type": "function",
        "function": {"name": "f", "arguments": arguments.to_string()}}]}]}));
    let redaction = cleaned(&mut request);
    let sent = &request.messages[0].tool_calls[0].arguments;
    assert!(!sent.contains("MIIE") && !sent.contains("jane"), "{sent}");
    let back: serde_json::Value = serde_json::from_str(&redaction.restore_json(sent)).unwrap();
    assert_eq!(back, arguments);
}

#[test]
fn a_conversation_keeps_its_placeholders() {
    let tools = json!([{"type": "function", "function": {"name": "f", "description": "Writes to bob@example.org"}}]);
    let turn = |messages: serde_json::Value| {
        let mut request = request(json!({"messages": messages, "tools": tools}));
        cleaned(&mut request);
        request
    };
    let first = turn(json!([{"role": "user", "content": "I am jane@example.com"}]));
    let second = turn(json!([{"role": "user", "content": "I am jane@example.com"},
        {"role": "assistant", "content": "Hello jane@example.com"}, {"role": "user", "content": "Ask eve@example.com, too"}]));
    assert_eq!(first.messages[0], second.messages[0]);
    assert_eq!(first.tools, second.tools);
    assert_eq!(second.messages[1].content.joined(""), "Hello [EMAIL_2]");
    assert_eq!(second.messages[2].content.joined(""), "Ask [EMAIL_3], too");
}

#[test]
fn what_stands_beside_a_finding_is_found_too() {
    for text in [
        "The bus drops you off at 9383 Marina Fort Street St.",
        "First: 0912 345 6789, Second: 09181234567",
        "CY17 0020 0128 0000 0012 0052 7601",
    ] {
        let mut request = request(json!({"messages": [{"role": "user", "content": text}]}));
        let redaction = cleaned(&mut request);
        assert_eq!(redaction.restore(&request.messages[0].content.joined("")), text);
    }
}
