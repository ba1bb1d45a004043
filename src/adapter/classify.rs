//! From a status and the provider's own code to an [`ErrorKind`]. Adapters add what their dialect knows better.

use std::time::Duration;

use serde_json::Value;

use super::retry_after::retry_after;
use crate::{
    catalog::Deployment,
    error::{Context, Error, ErrorKind},
    transport::{WireHead, WireReply},
};

/// What a status means when nothing else is known.
pub fn by_status(status: u16) -> ErrorKind {
    match status {
        401 => ErrorKind::Authentication,
        402 => ErrorKind::Quota,
        403 => ErrorKind::PermissionDenied,
        404 | 410 => ErrorKind::NotFound,
        408 | 409 => ErrorKind::Server,
        429 => ErrorKind::RateLimit,
        425 | 503 | 529 => ErrorKind::Overloaded,
        400..=499 => ErrorKind::InvalidRequest,
        500..=599 => ErrorKind::Server,
        _ => ErrorKind::Protocol,
    }
}

/// The error of `kind` for this answer: status, request id, Retry-After and body are read here, once for all dialects.
pub fn error(
    kind: ErrorKind,
    reply: &WireReply,
    deployment: &Deployment,
    code: Option<String>,
    said: Option<String>,
) -> Error {
    let message = format!("`{}` answered {}", deployment.id, reply.head.status);
    let mut error = Error::new(kind, message);
    *error.context = Context {
        provider: Some(deployment.provider.id.into()),
        deployment: Some(deployment.id.clone()),
        status: Some(reply.head.status),
        code,
        request_id: request_id(&reply.head),
        // A success may carry the header too (Anthropic, Hugging Face): it says nothing there.
        retry_after: (reply.head.status >= 400).then(|| retry_after(&reply.head)).flatten(),
        should_retry: reply.head.header("x-should-retry").and_then(|word| word.trim().parse().ok()),
        said,
        body: Some(body_text(&reply.body)),
        ..Context::default()
    };
    error
}

/// An answer that cannot be understood. `what` says what was expected, never what was sent.
pub fn protocol(reply: &WireReply, deployment: &Deployment, what: &str) -> Error {
    let mut error = error(ErrorKind::Protocol, reply, deployment, None, None);
    error.message = format!("`{}` answered {} with {what}", deployment.id, reply.head.status);
    error
}

/// The provider's identity of the request.
pub fn request_id(head: &WireHead) -> Option<String> {
    ["x-request-id", "request-id", "x-amzn-requestid", "apim-request-id", "x-goog-request-id", "cf-ray"]
        .iter()
        .find_map(|name| head.header(name))
        .map(Into::into)
}

/// A body as text, cut to [`Context::BODY_LIMIT`].
pub fn body_text(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(Context::BODY_LIMIT)]).into_owned()
}

/// A wait that the body names, in seconds.
pub fn seconds(value: f64) -> Option<Duration> {
    (value.is_finite() && value > 0.0 && value < 1e9).then(|| Duration::from_secs_f64(value))
}

/// A JSON value's text: a string as it is, a number as digits.
pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
