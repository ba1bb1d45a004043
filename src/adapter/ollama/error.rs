//! Ollama's errors: `{"error": "…"}`, with an object in place of the text where a model of the cloud answers.

use serde_json::Value;

use crate::{
    adapter::classify,
    catalog::Deployment,
    error::{Error, ErrorKind},
    id::DeploymentId,
    transport::WireReply,
};

/// The error that a status of 300 or above stands for.
pub(super) fn from_reply(reply: &WireReply, deployment: &Deployment) -> Error {
    let body: Option<Value> = serde_json::from_slice(&reply.body).ok();
    let (said, code) = body.as_ref().and_then(|body| body.get("error")).map(words).unwrap_or_default();
    classify::error(kind(reply.head.status, said.as_deref()), reply, deployment, code, said)
}

/// The value of `error` inside an answer of status 200; there is no status in it, so only the words tell.
pub(super) fn in_answer(body: &Value, deployment: &DeploymentId) -> Error {
    let (said, code) = words(body);
    let kind = kind(500, said.as_deref());
    let status = if kind == ErrorKind::ContextLength { 400 } else { 500 };
    let message = format!("`{deployment}` reported an error inside its answer");
    let mut error = Error::new(kind, message).with_status(status).with_code(code);
    error.context.body = Some(classify::body_text(body.to_string().as_bytes()));
    error.context.said = said;
    error
}

fn words(error: &Value) -> (Option<String>, Option<String>) {
    match error {
        Value::String(text) => (Some(text.clone()), None),
        Value::Object(map) => {
            let text = |key: &str| map.get(key).and_then(classify::scalar);
            (text("message"), text("code").or_else(|| text("type")))
        }
        _ => (None, None),
    }
}

/// Ollama has no codes. The words are those of recorded answers.
fn kind(status: u16, said: Option<&str>) -> ErrorKind {
    let said = said.unwrap_or("").to_ascii_lowercase();
    let too_long = said.contains("context length") && said.contains("exceed");
    match status {
        429 => ErrorKind::RateLimit,
        _ if too_long => ErrorKind::ContextLength,
        // Models of the cloud are filtered; local ones are not.
        400 | 403 if said.contains("content policy") || said.contains("content filter") => ErrorKind::ContentFilter,
        _ => classify::by_status(status),
    }
}
