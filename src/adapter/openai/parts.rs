//! What answers and their deltas have in common: content in its forms, reasoning under its names, calls, endings.

use serde_json::{Value, json};

use crate::{
    catalog::Deployment,
    chat::{FinishReason, Map},
};

/// What was read, or what is wrong with it, in words that quote nothing of it.
pub(super) type Read<T> = Result<T, &'static str>;

/// Keys under which servers show reasoning: `reasoning_content` (DeepSeek, xAI, Z.ai, Moonshot, llama.cpp), `reasoning` (Groq,
/// OpenRouter, Cerebras, Ollama, Vercel), `thinking`. The first that says something is it: some send the same under two.
const REASONING: [&str; 3] = ["reasoning_content", "reasoning", "thinking"];

/// Noise: keys of a delta that say nothing that survives being added up.
const NOISE: [&str; 4] = ["role", "channel", "padding", "token_id"];

/// The top-level key under which the other keys of choices survive (`content_filter_results`, `stop_reason` …), by index. They
/// are no part of the message: a provider that gets the message back would refuse them.
pub(super) const DETAILS: &str = "choice_details";

/// What a message or a delta says.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) text: Option<String>,
    pub(super) reasoning: Option<String>,
    pub(super) refusal: Option<String>,
    /// Calls as the wire has them: objects with `function`.
    pub(super) calls: Vec<Map>,
    /// Everything else that is not empty.
    pub(super) extra: Map,
}

/// Reads a message or a delta.
pub(super) fn said(mut message: Map) -> Read<Said> {
    let mut said = Said::default();
    content(message.remove("content"), &mut said)?;
    for key in REASONING {
        match message.get(key) {
            Some(Value::String(_)) => {
                let Some(Value::String(text)) = message.remove(key) else { continue };
                if said.reasoning.as_ref().is_none_or(String::is_empty) {
                    said.reasoning = Some(text);
                }
            }
            Some(Value::Null) => drop(message.remove(key)),
            _ => {}
        }
    }
    said.refusal = match message.remove("refusal") {
        Some(Value::String(text)) => Some(text),
        Some(Value::Null) | None => None,
        _ => return Err("a refusal that is not text"),
    };
    calls(message.remove("tool_calls"), &mut said)?;
    legacy_call(message.remove("function_call"), &mut said);
    for (key, value) in message {
        if !is_empty(&value) && !NOISE.contains(&key.as_str()) {
            said.extra.insert(key, value);
        }
    }
    Ok(said)
}

/// Content is text, nothing, or (Mistral) a list of parts, some of which are thinking.
fn content(content: Option<Value>, said: &mut Said) -> Read<()> {
    let parts = match content {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::String(text)) => {
            said.text = Some(text);
            return Ok(());
        }
        Some(Value::Array(parts)) => parts,
        Some(_) => return Err("content that is neither text nor a list"),
    };
    let mut others = Vec::new();
    for part in parts {
        match part {
            Value::String(text) => said.text.get_or_insert_default().push_str(&text),
            Value::Object(part) => match (part.get("type").and_then(Value::as_str), part.get("text")) {
                (Some("text" | "output_text") | None, Some(Value::String(text))) => {
                    said.text.get_or_insert_default().push_str(text);
                }
                (Some("thinking"), _) => thinking(part.get("thinking"), said.reasoning.get_or_insert_default()),
                _ => others.push(Value::Object(part)),
            },
            _ => return Err("a content part that is not an object"),
        }
    }
    if !others.is_empty() {
        said.extra.insert("content_parts".into(), others.into());
    }
    Ok(())
}

fn thinking(value: Option<&Value>, into: &mut String) {
    match value {
        Some(Value::String(text)) => into.push_str(text),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text")?.as_str()).for_each(|text| into.push_str(text));
        }
        _ => {}
    }
}

/// Calls of functions; calls of custom tools, which have no JSON arguments, survive as they came.
fn calls(list: Option<Value>, said: &mut Said) -> Read<()> {
    let list = match list {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err("tool calls that are not a list"),
    };
    let mut custom = Vec::new();
    for call in list {
        match call {
            Value::Object(call) if call.get("function").is_some_and(Value::is_object) => said.calls.push(call),
            Value::Object(call) if call.contains_key("custom") => custom.push(Value::Object(call)),
            _ => return Err("a tool call without a function"),
        }
    }
    if !custom.is_empty() {
        said.extra.insert("tool_calls".into(), custom.into());
    }
    Ok(())
}

/// The form of 2023: one call, without an identity.
fn legacy_call(call: Option<Value>, said: &mut Said) {
    let Some(function @ Value::Object(_)) = call.filter(|call| !is_empty(call)) else { return };
    if said.calls.is_empty() {
        said.calls.push(Map::from_iter([("index".into(), json!(0)), ("function".into(), function)]));
    }
}

/// Keeps what a choice says of itself beside its message.
pub(super) fn details(item: Map, index: u32, into: &mut Map) {
    let read = |key: &str| matches!(key, "index" | "message" | "delta" | "usage" | "text" | "token_ids");
    let kept: Map = item.into_iter().filter(|(key, value)| !read(key) && !is_empty(value)).collect();
    if !kept.is_empty() {
        into.insert(index.to_string(), kept.into());
    }
}

/// A call's function: its name, and its arguments as text (some servers send an object).
pub(super) fn function(call: &mut Map) -> (Option<String>, String) {
    let Some(Value::Object(mut function)) = call.remove("function") else { return (None, String::new()) };
    let name = match function.remove("name") {
        Some(Value::String(name)) if !name.is_empty() => Some(name),
        _ => None,
    };
    let arguments = match function.remove("arguments") {
        Some(Value::String(text)) => text,
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    };
    (name, arguments)
}

/// What is left of a call once identity, type and function are read.
pub(super) fn call_extra(call: Map) -> Map {
    call.into_iter()
        .filter(|(key, value)| !matches!(key.as_str(), "type" | "index" | "id" | "custom") && !is_empty(value))
        .collect()
}

/// Takes a text out of `map`; what is not text counts as absent.
pub(super) fn take_text(map: &mut Map, key: &str) -> Option<String> {
    match map.remove(key) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// Why an answer ended, in the words of all servers; an unknown word means that it was done.
pub(super) fn finish_reason(word: &str) -> Option<FinishReason> {
    match word {
        "" => None,
        "length" | "max_tokens" | "model_length" | "max_output_tokens" | "MAX_TOKENS" => Some(FinishReason::Length),
        "tool_calls" | "function_call" | "tool_call" | "tool_use" => Some(FinishReason::ToolCalls),
        "content_filter" | "sensitive" | "safety" | "SAFETY" | "refusal" => Some(FinishReason::ContentFilter),
        _ => Some(FinishReason::Stop),
    }
}

/// Why an answer ended that does not say why.
pub(super) fn implied_reason(calls: bool) -> FinishReason {
    if calls { FinishReason::ToolCalls } else { FinishReason::Stop }
}

/// Endings that are failures of the provider: OpenRouter, Z.ai, DeepSeek.
pub(super) fn is_failure(word: &str) -> bool {
    matches!(word, "error" | "network_error" | "insufficient_system_resource")
}

/// Whether a value says nothing.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether this provider counts reasoning beside the completion.
pub(super) fn reasoning_beside(deployment: &Deployment) -> bool {
    deployment.provider.quirks.reasoning_beside_completion
}
