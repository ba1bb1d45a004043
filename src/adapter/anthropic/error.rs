//! Anthropic's errors: by status, then by `error.type`, then by the few sentences that carry what no code says.
//!
//! `invalid_request_error` is a drawer for everything: a full context window and an empty account are in it too, told apart
//! by their sentence alone. The sentences here are recorded ones.

use serde_json::Value;

use crate::{
    adapter::classify,
    catalog::Deployment,
    chat::Map,
    error::{Context, Error, ErrorKind},
    id::{DeploymentId, ProviderId},
    transport::WireReply,
};

/// An error object in a body or in a stream.
pub(super) struct Reported {
    kind: ErrorKind,
    status: u16,
    code: Option<String>,
    said: Option<String>,
    request_id: Option<String>,
}

/// The error object in `value`, if it is one. `status` is the HTTP status where that already says "error".
pub(super) fn reported(value: &Value, status: Option<u16>) -> Option<Reported> {
    let root = value.as_object()?;
    let empty = Map::new();
    let (error, said) = match root.get("error") {
        Some(Value::Object(error)) => (error, error.get("message").and_then(classify::scalar)),
        Some(Value::String(said)) => (&empty, Some(said.clone())),
        _ if status.is_some() || root.get("type").is_some_and(|kind| kind == "error") => {
            (&empty, ["message", "detail"].iter().find_map(|key| root.get(*key).and_then(classify::scalar)))
        }
        _ => return None,
    };
    let code = error.get("type").or_else(|| error.get("code")).and_then(classify::scalar);
    let kind = kind(status, code.as_deref().unwrap_or(""), said.as_deref().unwrap_or(""), error);
    let request_id = root.get("request_id").and_then(classify::scalar);
    Some(Reported { kind, status: status.unwrap_or_else(|| status_of(kind)), code, said, request_id })
}

/// The error of a reply whose status says that it is one.
pub(super) fn of_reply(reply: &WireReply, deployment: &Deployment) -> Error {
    let value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
    match reported(&value, Some(reply.head.status)) {
        Some(reported) => reported.in_reply(reply, deployment),
        None => classify::error(classify::by_status(reply.head.status), reply, deployment, None, None),
    }
}

impl Reported {
    /// As the error of this reply.
    pub(super) fn in_reply(self, reply: &WireReply, deployment: &Deployment) -> Error {
        let mut error = classify::error(self.kind, reply, deployment, self.code, self.said);
        if reply.head.status < 400 {
            error.message = format!("`{}` reported an error inside an answer of status 200", deployment.id);
        }
        error.context.status = Some(self.status);
        error.context.request_id = error.context.request_id.or(self.request_id);
        error
    }

    /// As an error that came within a stream; `body` is the event.
    pub(super) fn in_stream(self, provider: &ProviderId, deployment: &DeploymentId, body: &[u8]) -> Error {
        let mut error = Error::new(self.kind, format!("`{deployment}` reported an error inside the stream"));
        *error.context = Context {
            provider: Some(provider.clone()),
            deployment: Some(deployment.clone()),
            status: Some(self.status),
            code: self.code,
            request_id: self.request_id,
            said: self.said,
            body: Some(classify::body_text(body)),
            ..Context::default()
        };
        error
    }
}

fn kind(status: Option<u16>, code: &str, said: &str, error: &Map) -> ErrorKind {
    let by_status = status.map_or(ErrorKind::Server, classify::by_status);
    let kind = match code {
        "authentication_error" => ErrorKind::Authentication,
        "permission_error" => ErrorKind::PermissionDenied,
        "not_found_error" => ErrorKind::NotFound,
        "billing_error" => ErrorKind::Quota,
        "rate_limit_error" => ErrorKind::RateLimit,
        "overloaded_error" => ErrorKind::Overloaded,
        "api_error" | "timeout_error" => ErrorKind::Server,
        "request_too_large" => ErrorKind::InvalidRequest,
        "invalid_request_error" => match by_status {
            // Without a status of its own (inside a stream) the type is all there is.
            ErrorKind::Server if status.is_none() => ErrorKind::InvalidRequest,
            other => other,
        },
        _ => by_status,
    };
    match kind {
        ErrorKind::InvalidRequest => by_sentence(said).unwrap_or(kind),
        // A spend limit that the account's owner set shares 429 with the limits per minute, but waiting does not help.
        ErrorKind::RateLimit if is_spend_limit(said, error) => ErrorKind::Quota,
        _ => kind,
    }
}

/// What an invalid request is when its sentence says more than its type.
fn by_sentence(said: &str) -> Option<ErrorKind> {
    let said = said.to_ascii_lowercase();
    let says = |pieces: &[&str]| pieces.iter().any(|piece| said.contains(piece));
    if says(&["credit balance is too low", "reached your specified api usage limits"]) {
        return Some(ErrorKind::Quota);
    }
    if says(&["prompt is too long", "exceeds model context window", "exceed context limit"]) {
        return Some(ErrorKind::ContextLength);
    }
    says(&["blocked by content filtering"]).then_some(ErrorKind::ContentFilter)
}

fn is_spend_limit(said: &str, error: &Map) -> bool {
    let code = error.iter().filter(|(key, _)| *key != "message").any(|(_, value)| names_spend_limit(value));
    code || said.to_ascii_lowercase().contains("spend limit")
}

fn names_spend_limit(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("spend_limit"),
        Value::Object(map) => map.values().any(names_spend_limit),
        _ => false,
    }
}

/// The status that an error inside a 200 stands for.
fn status_of(kind: ErrorKind) -> u16 {
    match kind {
        ErrorKind::InvalidRequest | ErrorKind::ContextLength | ErrorKind::ContentFilter => 400,
        ErrorKind::Authentication => 401,
        ErrorKind::Quota => 402,
        ErrorKind::PermissionDenied => 403,
        ErrorKind::NotFound => 404,
        ErrorKind::RateLimit => 429,
        ErrorKind::Overloaded => 529,
        _ => 500,
    }
}
