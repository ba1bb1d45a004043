//! What a conversation went through: tools that failed, questions asked again.
//!
//! Both say that the model at work may be the wrong one: an agent that runs in circles, a user who was not answered.

use crate::chat::{ChatRequest, Content, Message, Role};

/// A result begins with one of these if it is an error; compared in lower case.
const ERRORS: [&str; 9] = [
    "error",
    "traceback (most recent call last)",
    "exception",
    "failed",
    "failure",
    "fatal",
    "panic",
    "command not found",
    "{\"error\"",
];

/// Bytes of a result that are looked at: an error says so at once.
const BEGINNING: usize = 160;

/// A question of fewer letters and digits is no question that is asked again (`yes`, `ok`).
const QUESTION: usize = 8;

/// Bytes of a question that are compared.
const COMPARED: usize = 2_000;

/// How many results of tools are errors: those marked as such (`is_error`, `status: "error"`), and those that begin like one.
pub fn tool_errors(request: &ChatRequest) -> u64 {
    request.messages.iter().filter(|message| message.role == Role::Tool && is_error(message)).count() as u64
}

fn is_error(message: &Message) -> bool {
    let marked = message.extra.get("is_error").and_then(serde_json::Value::as_bool);
    let status = message.extra.get("status").and_then(serde_json::Value::as_str);
    if let Some(marked) = marked.or_else(|| status.map(|status| status == "error")) {
        return marked;
    }
    let Some(text) = message.content.texts().next() else { return false };
    let text = super::language::cut(text.trim_start(), BEGINNING).to_lowercase();
    // `{ "error" : …` as well; an empty or absent error is none.
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).take(40).collect();
    let none = ["{\"error\":null", "{\"error\":\"\"", "{\"error\":false"].iter().any(|none| compact.starts_with(none));
    let begins = |error: &str| {
        text.strip_prefix(error).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-'))
    };
    !none && (compact.starts_with("{\"error\"") || ERRORS.iter().any(|error| begins(error)) || names_an_error(&text))
}

/// `ValueError: …`, `java.io.IOException: …`.
fn names_an_error(text: &str) -> bool {
    let first = text.split(':').next().unwrap_or_default();
    first.len() < text.len()
        && !first.contains(char::is_whitespace)
        && (first.ends_with("error") || first.ends_with("exception"))
}

/// How often the user's last message was asked before, whatever its case, spaces and punctuation.
pub fn repeats(request: &ChatRequest) -> u64 {
    let mut questions = request.messages.iter().rev().filter(|message| message.role == Role::User);
    let Some(last) = questions.next() else { return 0 };
    let mut earlier = questions.peekable();
    if earlier.peek().is_none() {
        return 0;
    }
    let last = letters(&last.content);
    if last.chars().count() < QUESTION {
        return 0;
    }
    earlier.filter(|message| letters(&message.content) == last).count() as u64
}

fn letters(content: &Content) -> String {
    let text = content.texts().flat_map(str::chars).filter(|c| c.is_alphanumeric());
    let mut letters = String::new();
    for c in text.flat_map(char::to_lowercase) {
        letters.push(c);
        if letters.len() >= COMPARED {
            break;
        }
    }
    letters
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn request(messages: &Value) -> ChatRequest {
        serde_json::from_value(json!({"messages": messages})).unwrap()
    }

    fn is_one(result: &Value) -> bool {
        let mut message = json!({"role": "tool", "tool_call_id": "1"});
        message.as_object_mut().unwrap().extend(result.as_object().unwrap().clone());
        tool_errors(&request(&json!([message]))) == 1
    }

    #[test]
    fn results_that_are_errors_are_counted() {
        for text in [
            "Error: no such file",
            "  error",
            "Traceback (most recent call last):\n",
            "{ \"error\": {\"code\": 1}}",
            "ValueError: x",
            "java.io.IOException: x",
            "FAILED tests/a.py",
        ] {
            assert!(is_one(&json!({"content": text})), "{text}");
        }
        for text in [
            "",
            "ok",
            "errors: 0 found",
            "error-free",
            "{\"error\": null, \"rows\": []}",
            "The error: it is late",
            "Failures are rare",
        ] {
            assert!(!is_one(&json!({"content": text})), "{text}");
        }
        assert!(is_one(&json!({"content": "no luck", "is_error": true})));
        assert!(is_one(&json!({"content": "no luck", "status": "error"})));
        assert!(!is_one(&json!({"content": "Error: quoted", "is_error": false})));
    }

    #[test]
    fn a_question_asked_again_is_counted() {
        let user = |text: &str| json!({"role": "user", "content": text});
        let count = |texts: &[&str]| repeats(&request(&Value::Array(texts.iter().map(|text| user(text)).collect())));
        assert_eq!(count(&["Where is my order?", "No.", "where is  my ORDER", "Where is my order?!"]), 2);
        assert_eq!(count(&["Where is my order?"]), 0);
        assert_eq!(count(&["ok", "ok"]), 0);
        assert_eq!(count(&["Where is my order?", "Where is my refund?"]), 0);
        assert_eq!(repeats(&ChatRequest::default()), 0);
    }
}
