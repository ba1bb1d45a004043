//! Errors, in all the shapes that compatible servers give them: `{"error": {…}}`, `{"error": "…"}`, flat objects, `detail`, lists,
//! with a status or inside a 200. The status decides first, then the provider's code, then (for what has been recorded) words.

use serde_json::Value;

use super::{
    parts::{is_empty, is_failure},
    report::Report,
};
use crate::{
    adapter::classify,
    catalog::Deployment,
    error::{Error, ErrorKind},
    id::{DeploymentId, ProviderId},
    transport::WireReply,
};

const CONTEXT_CODES: &[&str] = &[
    "context_length_exceeded",
    "context_window_exceeded",
    "exceed_context_size_error",
    "too_many_prompt_tokens",
    "prompt_too_long",
    "tokens_limit_reached",
];
const CONTEXT_WORDS: &[&str] = &[
    "context length",
    "context_length",
    "context window",
    "context_window",
    "context size",
    "maximum context",
    "max context",
    "prompt too long",
    "prompt is too long",
    "input is too long",
    "input tokens exceeded",
    "too many tokens",
    "too many input tokens",
    "total length of all messages is too long",
    "exceeds the maximum number of tokens",
    "exceeds the maximum number of input tokens",
    "exceeds the max number of tokens",
    "exceeds the available context",
    "too large for model with",
];
const QUOTA_CODES: &[&str] = &[
    "insufficient_quota",
    "insufficient_balance",
    "insufficient_credits",
    "insufficient_user_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "payment_required",
];
const QUOTA_WORDS: &[&str] = &[
    "insufficient quota",
    "insufficient balance",
    "insufficient credits",
    "insufficient funds",
    "credit balance",
    "available credits",
    "out of credits",
    "more credits",
    "spending limit",
    "key limit exceeded",
    "exceeded your current quota",
    "check your plan and billing",
];
const FILTER_CODES: &[&str] = &[
    "content_filter",
    "content_policy_violation",
    "responsibleaipolicyviolation",
    "data_inspection_failed",
    "datainspectionfailed",
    "moderation_blocked",
    "cyber_policy",
    "invalid_prompt",
];
const FILTER_WORDS: &[&str] = &[
    "content filter",
    "content_filter",
    "content management policy",
    "content policy",
    "safety system",
    "requires moderation",
    "flagged",
];
const KEY_CODES: &[&str] = &[
    "invalid_api_key",
    "incorrect_api_key",
    "api_key_invalid",
    "authentication_error",
    "invalid_authentication",
    "unauthenticated",
];
const KEY_WORDS: &[&str] = &[
    "invalid api key",
    "invalid api-key",
    "incorrect api key",
    "api key not valid",
    "api_key_invalid",
    "invalid api token",
    "invalid authentication",
    "missing authentication",
    "no auth credentials",
];
const MODEL_CODES: &[&str] = &[
    "model_not_found",
    "invalid_model",
    "deploymentnotfound",
    "not_found_error",
    "model_not_available",
    "unknown_model",
];
const MODEL_WORDS: &[&str] =
    &["not a valid model", "no such model", "unknown model", "model not found", "model not exist", "invalid model"];
const RATE_CODES: &[&str] = &[
    "rate_limit_exceeded",
    "rate_limit_error",
    "rate_limited",
    "ratelimitreached",
    "too_many_requests",
    "throttling",
    "resource_exhausted",
];
const RATE_WORDS: &[&str] = &["rate limit", "rate-limit", "too many requests", "throttl"];
const BUSY_CODES: &[&str] = &[
    "overloaded_error",
    "engine_overloaded_error",
    "engine_overloaded",
    "model_overloaded",
    "service_unavailable",
    "overloaded",
];
const BUSY_WORDS: &[&str] = &["overloaded", "over capacity", "currently experiencing high", "high load", "at capacity"];

/// The error that a status of 300 or above stands for.
pub(super) fn of_reply(reply: &WireReply, deployment: &Deployment) -> Error {
    let report = Report::of_body(&reply.body);
    let kind = kind(Some(reply.head.status), &report);
    let mut error = classify::error(kind, reply, deployment, report.name(), report.said);
    // The header is the more exact of the two.
    error.context.retry_after = error.context.retry_after.or(report.wait);
    error
}

/// The error that a body of a status below 300 holds instead of a list under `key`.
pub(super) fn in_reply(body: &Value, key: &str, reply: &WireReply, deployment: &Deployment) -> Option<Error> {
    let found = match body.get(key).and_then(Value::as_array).filter(|list| !list.is_empty()) {
        Some(choices) => choices.iter().find_map(in_choice)?,
        None if is_error(body) => body.clone(),
        None => return None,
    };
    let report = Report::of(&found);
    let kind = kind(report.status, &report);
    let status = report.status.unwrap_or_else(|| usual_status(kind));
    let mut error = classify::error(kind, reply, deployment, report.name(), report.said).with_status(status);
    error.message = format!("`{}` answered {} with an error of status {status}", deployment.id, reply.head.status);
    error.context.retry_after = report.wait;
    Some(error)
}

/// The error that an event of a stream reports.
pub(super) fn in_stream(value: &Value, provider: &ProviderId, deployment: &DeploymentId) -> Error {
    let report = Report::of(value);
    let kind = kind(report.status, &report);
    let status = report.status.unwrap_or_else(|| usual_status(kind));
    let mut error = Error::new(kind, format!("`{deployment}` reported an error inside its answer"))
        .with_status(status)
        .with_code(report.name())
        .with_retry_after(report.wait);
    error.context.provider = Some(provider.clone());
    error.context.deployment = Some(deployment.clone());
    error.context.body = Some(classify::body_text(value.to_string().as_bytes()));
    error.context.said = report.said;
    error
}

/// The error that a choice reports of itself (OpenRouter), as an object of the usual shape.
pub(super) fn in_choice(choice: &Value) -> Option<Value> {
    if let Some(error) = choice.get("error").filter(|error| !is_empty(error)) {
        return Some(serde_json::json!({"error": error}));
    }
    let ending = choice.get("finish_reason").and_then(Value::as_str).filter(|word| is_failure(word))?;
    Some(serde_json::json!({"error": {"code": ending}}))
}

/// Whether an object that is no answer is an error.
pub(super) fn is_error(body: &Value) -> bool {
    let body = match body {
        Value::Array(list) => list.first().unwrap_or(&Value::Null),
        body => body,
    };
    let says = |key: &str| body.get(key).is_some_and(|value| !is_empty(value) && *value != Value::Bool(false));
    body.get("object").is_some_and(|object| object == "error")
        || ["error", "message", "msg", "detail", "base_resp"].iter().any(|key| says(key))
}

/// Status first, then code, then words. What 400 stands for differs most between providers, so the codes are asked there;
/// an error without a status is read by its codes alone.
fn kind(status: Option<u16>, report: &Report) -> ErrorKind {
    match status {
        Some(401) => ErrorKind::Authentication,
        Some(402) => ErrorKind::Quota,
        // Gemini calls a limit by the minute a quota too.
        Some(429) if report.has(QUOTA_CODES, QUOTA_WORDS) && !report.has(&["resource_exhausted"], &[]) => {
            ErrorKind::Quota
        }
        Some(429) => ErrorKind::RateLimit,
        Some(status @ 500..) => match classify::by_status(status) {
            ErrorKind::Server if report.has(CONTEXT_CODES, CONTEXT_WORDS) => ErrorKind::ContextLength,
            ErrorKind::Server if report.has(BUSY_CODES, BUSY_WORDS) => ErrorKind::Overloaded,
            kind => kind,
        },
        Some(status @ (400 | 403 | 404 | 413 | 422 | 451)) => {
            by_code(report, status != 404).unwrap_or_else(|| classify::by_status(status))
        }
        Some(status) => classify::by_status(status),
        None => by_code(report, true)
            .or_else(|| report.has(&["invalid_request_error"], &[]).then_some(ErrorKind::InvalidRequest))
            .unwrap_or(ErrorKind::Server),
    }
}

/// What the provider's code says, then its words. `wordy` is whether words count beyond the name of the model.
fn by_code(report: &Report, wordy: bool) -> Option<ErrorKind> {
    let maybe = |phrases: &'static [&'static str]| if wordy { phrases } else { &[] };
    [
        (CONTEXT_CODES, maybe(CONTEXT_WORDS), ErrorKind::ContextLength),
        (QUOTA_CODES, maybe(QUOTA_WORDS), ErrorKind::Quota),
        (KEY_CODES, KEY_WORDS, ErrorKind::Authentication),
        (RATE_CODES, maybe(RATE_WORDS), ErrorKind::RateLimit),
        (BUSY_CODES, maybe(BUSY_WORDS), ErrorKind::Overloaded),
        (FILTER_CODES, maybe(FILTER_WORDS), ErrorKind::ContentFilter),
        (MODEL_CODES, MODEL_WORDS, ErrorKind::NotFound),
    ]
    .into_iter()
    .find(|(codes, words, _)| report.has(codes, words))
    .map(|(_, _, kind)| kind)
    .or_else(|| report.names_missing_model().then_some(ErrorKind::NotFound))
}

/// The status that an error stands for where the provider says none.
fn usual_status(kind: ErrorKind) -> u16 {
    match kind {
        ErrorKind::Authentication => 401,
        ErrorKind::Quota => 402,
        ErrorKind::PermissionDenied => 403,
        ErrorKind::NotFound => 404,
        ErrorKind::RateLimit => 429,
        ErrorKind::Overloaded => 503,
        ErrorKind::InvalidRequest | ErrorKind::ContextLength | ErrorKind::ContentFilter => 400,
        _ => 500,
    }
}
