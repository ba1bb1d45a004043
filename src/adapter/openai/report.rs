//! What an error object says, without its shape.

use std::time::Duration;

use serde_json::Value;

use crate::{adapter::classify, chat::Map};

/// An `error` that is text and shorter than this is a title, beside which `message` has the words (Fireworks).
const TITLE: usize = 40;

/// What an error object says.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// The HTTP status that it names itself.
    pub(super) status: Option<u16>,
    /// The provider's words.
    pub(super) said: Option<String>,
    /// How long it asks us to wait.
    pub(super) wait: Option<Duration>,
    code: Option<String>,
    sort: Option<String>,
    inner: Option<String>,
    /// The words, in lower case, for comparison.
    words: String,
}

impl Report {
    /// From the bytes of a body, which may be anything.
    pub(super) fn of_body(bytes: &[u8]) -> Self {
        let bytes = bytes.trim_ascii_start();
        // A stream that failed before it began may keep its framing.
        let json = bytes.strip_prefix(b"data:").unwrap_or(bytes);
        match serde_json::Deserializer::from_slice(json).into_iter::<Value>().next() {
            Some(Ok(value @ (Value::Object(_) | Value::Array(_) | Value::String(_)))) => Self::of(&value),
            _ => Self::text(String::from_utf8_lossy(&bytes[..bytes.len().min(1000)]).into_owned()),
        }
    }

    /// From a value of any shape that has been seen.
    pub(super) fn of(value: &Value) -> Self {
        let mut report = match value {
            Value::Array(list) => return list.first().map(Self::of).unwrap_or_default(),
            Value::String(text) => return Self::text(text.clone()),
            Value::Object(body) => Self::of_object(body),
            _ => return Self::default(),
        };
        report.words = report.said.as_deref().unwrap_or("").to_lowercase();
        report.wait = report.wait.or_else(|| wait_in(&report.words));
        report
    }

    fn text(text: String) -> Self {
        let words = text.to_lowercase();
        Self { wait: wait_in(&words), words, said: Some(text), ..Self::default() }
    }

    fn of_object(body: &Map) -> Self {
        match (body.get("error"), body.get("base_resp")) {
            (Some(Value::Object(error)), _) => Self::nested(error),
            (Some(Value::String(text)), _) => Self::titled(text, body),
            // MiniMax.
            (_, Some(Value::Object(base))) => Self {
                code: base.get("status_code").and_then(classify::scalar),
                said: base.get("status_msg").and_then(classify::scalar),
                ..Self::default()
            },
            _ => Self::flat(body),
        }
    }

    /// `{"error": {"message", "type", "code", …}}`, with OpenRouter's `metadata`, Azure's `innererror`, Google's `status` and `details`.
    fn nested(error: &Map) -> Self {
        let raw = error.get("metadata").and_then(|more| more.get("raw")).and_then(classify::scalar);
        let said = match (error.get("message").and_then(words), raw) {
            (Some(said), Some(raw)) => Some(format!("{said}: {raw}")),
            (said, raw) => said.or(raw),
        };
        Self {
            said,
            sort: text(error, "type").or_else(|| text(error, "status")),
            inner: error.get("innererror").and_then(|inner| inner.get("code")).and_then(classify::scalar),
            wait: wait_of(error),
            ..Self::coded(error)
        }
    }

    /// `{"error": "words"}`, or `{"error": "title", "message": "words"}`.
    fn titled(title: &str, body: &Map) -> Self {
        let message = text(body, "message").filter(|_| title.len() < TITLE);
        let mut report = Self { sort: text(body, "type").or_else(|| text(body, "error_type")), ..Self::coded(body) };
        if message.is_some() && report.code.is_none() {
            report.code = Some(title.to_owned());
        }
        report.said = message.or_else(|| Some(title.to_owned()));
        report
    }

    /// `{"message", "type", "code"}` or `{"detail"}`.
    fn flat(body: &Map) -> Self {
        let said = ["detail", "message", "msg", "Message"].iter().find_map(|key| body.get(*key).and_then(words));
        Self { said, sort: text(body, "type"), wait: wait_of(body), ..Self::coded(body) }
    }

    fn coded(map: &Map) -> Self {
        let code = map.get("code").and_then(classify::scalar);
        let status = |value: &Value| classify::scalar(value)?.parse().ok().filter(|status| (400..600).contains(status));
        let status =
            ["raw_status_code", "status", "status_code", "code"].iter().find_map(|key| map.get(*key).and_then(status));
        Self { status, code, ..Self::default() }
    }

    /// The provider's code for a caller: the code, unless it only repeats a status and the type says more.
    pub(super) fn name(&self) -> Option<String> {
        let repeats =
            self.code.as_ref().is_some_and(|code| code.parse().is_ok_and(|number: u16| (400..600).contains(&number)));
        let code = self.code.clone().filter(|code| !code.is_empty());
        if repeats { self.sort.clone().or(code) } else { code.or_else(|| self.sort.clone()) }
    }

    /// Whether code or type is one of `codes`, or the words have one of `phrases`.
    pub(super) fn has(&self, codes: &[&str], phrases: &[&str]) -> bool {
        let named = |name: &Option<String>| {
            name.as_ref().is_some_and(|name| codes.iter().any(|c| c.eq_ignore_ascii_case(name)))
        };
        named(&self.code)
            || named(&self.sort)
            || named(&self.inner)
            || phrases.iter().any(|phrase| self.words.contains(phrase))
            // xAI writes a sentence into `code`.
            || self.code.as_ref().is_some_and(|code| phrases.iter().any(|phrase| code.to_lowercase().contains(phrase)))
    }

    /// `model … does not exist`, `model … not found`: the name stands between the words.
    pub(super) fn names_missing_model(&self) -> bool {
        let missing = ["does not exist", "not found", "is not supported"];
        self.words.find("model").is_some_and(|at| missing.iter().any(|words| self.words[at..].contains(words)))
    }
}

fn text(map: &Map, key: &str) -> Option<String> {
    map.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(Into::into)
}

/// Words: a text, or (Mistral's 422, FastAPI's `detail`) a structure, as it is written.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// A wait under a key of its own.
fn wait_of(error: &Map) -> Option<Duration> {
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.trim().trim_end_matches('s').parse().ok());
    let own = |map: &Map| ["retry_after", "retry_after_seconds"].iter().find_map(|key| map.get(*key).and_then(number));
    let metadata = error.get("metadata").and_then(Value::as_object);
    let delay = || error.get("details")?.as_array()?.iter().find_map(|detail| number(detail.get("retryDelay")?));
    own(error).or_else(|| metadata.and_then(own)).or_else(delay).and_then(classify::seconds)
}

/// A wait in words: `try again in 9m38.016s`, `try again in 494ms`, `retry after 45 seconds`.
fn wait_in(words: &str) -> Option<Duration> {
    let after = |phrase: &str| words.find(phrase).map(|at| &words[at + phrase.len()..]);
    let rest = ["try again in ", "retry after ", "retry in "].iter().find_map(|phrase| after(phrase))?;
    classify::seconds(leading_seconds(rest))
}

/// The seconds of a duration at the start of `text`; 0 if there is none.
fn leading_seconds(mut text: &str) -> f64 {
    let mut total = 0.0;
    loop {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let Ok(number) = text[..end].parse::<f64>() else { return total };
        let rest = text[end..].trim_start();
        let unit = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        total += number
            * match &rest[..unit] {
                "h" | "hour" | "hours" => 3600.0,
                "m" | "min" | "minute" | "minutes" => 60.0,
                "ms" | "milliseconds" => 0.001,
                _ => 1.0,
            };
        text = &rest[unit..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_read_in_every_way_they_are_said() {
        for (words, seconds) in [
            ("please try again in 9m38.016s. need more?", Some(578.016)),
            ("please try again in 494ms. visit", Some(0.494)),
            ("please retry after 45 seconds.", Some(45.0)),
            ("try again in 1h2m3s", Some(3723.0)),
            ("try again in a moment", None),
            ("nothing", None),
        ] {
            assert_eq!(wait_in(words).map(|wait| wait.as_secs_f64()), seconds, "{words}");
        }
    }
}
