//! [`ChatRequest`] → the body of Messages, without what the address or the headers say (`model`, `stream`).

use serde_json::{Value, json};

use super::{content::compact, messages::Conversation, reasoning, tools};
use crate::{
    catalog::Deployment,
    chat::{ChatRequest, Map, ResponseFormat},
    error::{Error, ErrorKind, Result},
};

/// `max_tokens`, which Anthropic wants named, where the caller does not: long enough for a long answer, and no larger
/// because some models refuse a prompt that leaves less room than this in the context window.
const DEFAULT_MAX_TOKENS: u64 = 16_384;

/// What stands in for a JSON mode.
const JSON_ONLY: &str = "Answer with one JSON object and nothing else: no prose, no code fence.";

/// The body.
pub(super) fn body(request: &ChatRequest, deployment: &Deployment) -> Result<Map> {
    refuse(request)?;
    let mut conversation = Conversation::of(request)?;
    let unthought = conversation.has_unthought_calls();
    let mut body = Map::new();
    let longest = deployment.facts.max_output.unwrap_or(u64::MAX);
    let max_tokens = request.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS.min(longest));
    body.insert("max_tokens".into(), max_tokens.into());
    format(request, &mut body, &mut conversation.system)?;
    if !conversation.system.is_empty() {
        body.insert("system".into(), compact(std::mem::take(&mut conversation.system)));
    }
    body.insert("messages".into(), conversation.messages());
    tools::apply(request, &mut body)?;
    sampling(request, &mut body);
    reasoning::apply(request, deployment, &mut body, unthought)?;
    if let Some(user) = &request.user {
        body.insert("metadata".into(), json!({"user_id": user}));
    }
    Ok(body)
}

/// Refuses what would be missing from the answer.
fn refuse(request: &ChatRequest) -> Result<()> {
    let what = if request.n.is_some_and(|n| n > 1) {
        "Anthropic gives one answer a request: `n` must be 1"
    } else if request.logprobs == Some(true) || request.top_logprobs.is_some_and(|n| n > 0) {
        "Anthropic gives no `logprobs`"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::InvalidRequest, what))
}

fn sampling(request: &ChatRequest, body: &mut Map) {
    if let Some(temperature) = request.temperature {
        body.insert("temperature".into(), number(temperature.min(1.0)));
    }
    if let Some(top_p) = request.top_p {
        body.insert("top_p".into(), number(top_p));
    }
    if !request.stop.is_empty() {
        body.insert("stop_sequences".into(), json!(request.stop));
    }
}

fn number(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number)
}

fn format(request: &ChatRequest, body: &mut Map, system: &mut Vec<Value>) -> Result<()> {
    let schema = match &request.response_format {
        None | Some(ResponseFormat::Text) => return Ok(()),
        Some(ResponseFormat::JsonObject) => {
            system.push(json!({"type": "text", "text": JSON_ONLY}));
            return Ok(());
        }
        Some(ResponseFormat::JsonSchema { schema, .. }) => schema,
        Some(ResponseFormat::Other(map)) => map.get("schema").ok_or_else(|| {
            let message = "this form of `response_format` has no counterpart at Anthropic: use json_schema";
            Error::new(ErrorKind::InvalidRequest, message)
        })?,
    };
    let mut schema = schema.clone();
    close(&mut schema);
    body.insert("output_config".into(), json!({"format": {"type": "json_schema", "schema": schema}}));
    Ok(())
}

/// Says of every object that leaves it open that it has no other keys: Anthropic takes no other schema, and what fits the
/// closed schema fits the open one.
fn close(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else { return };
    if map.get("type").is_some_and(|kind| kind == "object") {
        map.entry("additionalProperties").or_insert(false.into());
    }
    for (key, value) in map.iter_mut() {
        match (key.as_str(), value) {
            ("properties" | "$defs" | "definitions", Value::Object(named)) => named.values_mut().for_each(close),
            ("anyOf" | "allOf" | "oneOf" | "prefixItems", Value::Array(list)) => list.iter_mut().for_each(close),
            ("items", inner) => close(inner),
            _ => {}
        }
    }
}
