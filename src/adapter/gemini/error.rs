//! Google's errors: `{"error": {"code", "message", "status", "details"}}`, in an array where a stream was asked for.

use std::time::Duration;

use serde_json::Value;

use crate::{
    adapter::classify,
    catalog::Deployment,
    chat::Map,
    error::{Error, ErrorKind},
    id::DeploymentId,
    transport::WireReply,
};

/// The error that a status of 300 or above stands for.
pub(super) fn from_reply(reply: &WireReply, deployment: &Deployment) -> Error {
    let body = body(&reply.body);
    let facts = Facts::of(body.as_ref());
    let kind = facts.kind(reply.head.status);
    let mut error = classify::error(kind, reply, deployment, facts.code(), facts.message.clone());
    error.context.retry_after = facts.retry_after.or(error.context.retry_after);
    error
}

/// An error object inside an answer of status 200.
pub(super) fn in_answer(body: &Value, deployment: &DeploymentId) -> Error {
    let facts = Facts::of(body.as_object());
    let status = facts.status.unwrap_or(500);
    let message = format!("`{deployment}` reported an error inside its answer");
    let mut error = Error::new(facts.kind(status), message)
        .with_status(status)
        .with_code(facts.code())
        .with_retry_after(facts.retry_after);
    error.context.body = Some(classify::body_text(body.to_string().as_bytes()));
    error.context.said = facts.message;
    error
}

/// Whether the value under `error` says something.
pub(super) fn is_error(body: &Value) -> bool {
    match body {
        Value::Object(map) => !map.is_empty(),
        Value::String(text) => !text.is_empty(),
        _ => false,
    }
}

fn body(bytes: &[u8]) -> Option<Map> {
    let bytes = bytes.trim_ascii_start();
    // A proxy may keep the framing of the stream that was asked for.
    let bytes = bytes.strip_prefix(b"data:").unwrap_or(bytes);
    let mut value: Value = serde_json::from_slice(bytes).ok()?;
    if let Value::Array(list) = &mut value {
        value = list.first_mut().map(Value::take)?;
    }
    match value.get_mut("error").map(Value::take) {
        Some(Value::Object(map)) => Some(map),
        Some(Value::String(text)) => Some(Map::from_iter([("message".into(), text.into())])),
        _ => None,
    }
}

/// What an error object says, without its shape.
#[derive(Default)]
struct Facts {
    status: Option<u16>,
    name: Option<String>,
    message: Option<String>,
    /// `ErrorInfo.reason`, for example `API_KEY_INVALID`.
    reason: Option<String>,
    /// Whether a quota that counts by the day is used up.
    daily: bool,
    retry_after: Option<Duration>,
}

impl Facts {
    fn of(body: Option<&Map>) -> Self {
        let Some(body) = body else { return Self::default() };
        let text = |map: &Map, key: &str| map.get(key).and_then(Value::as_str).map(str::to_owned);
        let mut facts = Self {
            status: body
                .get("code")
                .and_then(Value::as_u64)
                .and_then(|code| code.try_into().ok())
                .filter(|c| *c >= 400),
            name: text(body, "status"),
            message: text(body, "message"),
            ..Self::default()
        };
        let details = body.get("details").and_then(Value::as_array).into_iter().flatten();
        for detail in details.filter_map(Value::as_object) {
            facts.reason = facts.reason.or_else(|| text(detail, "reason"));
            facts.retry_after = facts.retry_after.or_else(|| delay(detail.get("retryDelay")?));
            let violations = detail.get("violations").and_then(Value::as_array).into_iter().flatten();
            facts.daily |= violations.filter_map(|one| one.get("quotaId")?.as_str()).any(|id| id.contains("PerDay"));
        }
        facts
    }

    /// The most telling name: of a bad key Google says no more than `INVALID_ARGUMENT` in `status`.
    fn code(&self) -> Option<String> {
        self.reason.clone().or_else(|| self.name.clone())
    }

    fn kind(&self, status: u16) -> ErrorKind {
        match (self.name.as_deref().unwrap_or(""), self.reason.as_deref().unwrap_or("")) {
            (_, "API_KEY_INVALID") | ("UNAUTHENTICATED", _) => ErrorKind::Authentication,
            _ if self.daily => ErrorKind::Quota,
            // Usually so many a minute, whatever the message says of plans and billing.
            ("RESOURCE_EXHAUSTED", _) => ErrorKind::RateLimit,
            ("UNAVAILABLE", _) => ErrorKind::Overloaded,
            ("PERMISSION_DENIED", _) => ErrorKind::PermissionDenied,
            ("NOT_FOUND", _) => ErrorKind::NotFound,
            _ if status < 500 && self.is_too_long() => ErrorKind::ContextLength,
            _ if status == 400 && self.is_blocked() => ErrorKind::ContentFilter,
            // Documented for accounts and places that may not use the free tier: another deployment may serve them.
            ("FAILED_PRECONDITION", _) if self.says("location is not supported") || self.says("enable billing") => {
                ErrorKind::PermissionDenied
            }
            _ => classify::by_status(status),
        }
    }

    /// Google has no code for it; the words are those of recorded answers.
    fn is_too_long(&self) -> bool {
        self.says("input token count") && (self.says("exceeds") || self.says("only supports up to"))
    }

    /// A prompt refused before it reached the model has no code either; where it did reach it, a 200 says `blockReason`.
    fn is_blocked(&self) -> bool {
        self.says("responsible ai practices")
            || self.says("blocked") && ["safety", "policy", "prohibited"].iter().any(|word| self.says(word))
    }

    fn says(&self, words: &str) -> bool {
        self.message.as_ref().is_some_and(|message| message.to_ascii_lowercase().contains(words))
    }
}

/// `"34.4s"`, or the protobuf form with seconds and nanoseconds.
fn delay(value: &Value) -> Option<Duration> {
    let number = match value {
        Value::String(text) => text.trim().strip_suffix('s')?.parse().ok()?,
        Value::Object(map) => {
            let part = |key: &str| map.get(key).and_then(classify::scalar).and_then(|text| text.parse::<f64>().ok());
            part("seconds").unwrap_or(0.0) + part("nanos").unwrap_or(0.0) / 1e9
        }
        _ => return None,
    };
    classify::seconds(number)
}
