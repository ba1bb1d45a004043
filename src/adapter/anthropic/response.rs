//! A whole message → [`ChatResponse`].

use serde_json::Value;

use super::messages::{CONTENT_BLOCKS, THINKING_BLOCKS};
use crate::chat::{ChatResponse, Choice, FinishReason, Map, ToolCall, Usage};

/// What keeps a body from being an answer; said without quoting it.
pub(super) type Bad = &'static str;

/// The answer in a message's body.
pub(super) fn answer(body: Value) -> Result<ChatResponse, Bad> {
    let Value::Object(mut body) = body else { return Err("JSON that is not an object") };
    let Some(Value::Array(blocks)) = body.remove("content") else { return Err("a message without a list of content") };
    let stop = body.get("stop_reason").and_then(Value::as_str).unwrap_or("").to_owned();
    let choice = choice(blocks, &stop)?;
    Ok(ChatResponse {
        id: text_of(&body, "id").unwrap_or("").into(),
        model: text_of(&body, "model").unwrap_or("").into(),
        created: 0,
        choices: vec![choice],
        usage: body.get("usage").and_then(Value::as_object).and_then(usage),
        extra: leftovers(&body),
    })
}

fn choice(blocks: Vec<Value>, stop: &str) -> Result<Choice, Bad> {
    let mut choice = Choice::default();
    let mut thinking = Vec::new();
    let whole = needs_whole(&blocks).then(|| Value::Array(blocks.clone()));
    for block in blocks {
        let Value::Object(block) = block else { return Err("a content block that is not an object") };
        match text_of(&block, "type") {
            Some("text") => {
                let text = text_of(&block, "text").ok_or("a text block without text")?;
                choice.text.get_or_insert_default().push_str(text);
            }
            Some("thinking") => {
                let text = text_of(&block, "thinking").ok_or("a thinking block without thinking")?;
                choice.reasoning.get_or_insert_default().push_str(text);
                thinking.push(Value::Object(block));
            }
            Some("redacted_thinking") => thinking.push(Value::Object(block)),
            Some("tool_use") => choice.tool_calls.push(call(&block)?),
            Some(_) => {}
            None => return Err("a content block without a type"),
        }
    }
    if choice.text.is_none() && choice.tool_calls.is_empty() {
        choice.text = Some(String::new());
    }
    choice.reasoning = choice.reasoning.filter(|text| !text.is_empty());
    choice.finish_reason = finish_reason(stop, !choice.tool_calls.is_empty());
    if !thinking.is_empty() {
        choice.extra.insert(THINKING_BLOCKS.into(), thinking.into());
    }
    if let Some(whole) = whole {
        choice.extra.insert(CONTENT_BLOCKS.into(), whole);
    }
    Ok(choice)
}

fn call(block: &Map) -> Result<ToolCall, Bad> {
    let arguments = match block.get("input") {
        None | Some(Value::Null) => "{}".into(),
        // A gateway that passes on text that it could not parse.
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    Ok(ToolCall {
        id: text_of(block, "id").ok_or("a call without an id")?.into(),
        name: text_of(block, "name").ok_or("a call without a name")?.into(),
        arguments,
        extra: Map::new(),
    })
}

/// Whether text, thinking and calls, each kind together, would not spell these blocks again: blocks of the provider's own
/// tools, citations, calls made from within code, thinking between calls.
pub(super) fn needs_whole<'a>(blocks: impl IntoIterator<Item = &'a Value>) -> bool {
    let mut last = 0;
    blocks.into_iter().any(|block| {
        let rank = match block["type"].as_str() {
            Some("thinking" | "redacted_thinking") => 0,
            Some("text") if block["citations"].as_array().is_none_or(Vec::is_empty) => 1,
            Some("tool_use") if block["caller"]["type"].as_str().is_none_or(|kind| kind == "direct") => 2,
            _ => return true,
        };
        rank < std::mem::replace(&mut last, rank)
    })
}

/// Why the message ended. An unknown reason is an end like any other.
pub(super) fn finish_reason(stop: &str, has_calls: bool) -> FinishReason {
    match stop {
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "refusal" => FinishReason::ContentFilter,
        "tool_use" => FinishReason::ToolCalls,
        // `pause_turn`: the provider's own tools ran long; the caller sends the answer back to go on (`stop_reason` says so).
        "end_turn" | "stop_sequence" | "pause_turn" => FinishReason::Stop,
        _ if has_calls => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    }
}

/// Tokens. Anthropic's input excludes what the cache read and wrote; its output includes the thinking.
pub(super) fn usage(counts: &Map) -> Option<Usage> {
    let count = |key: &str| counts.get(key).and_then(Value::as_u64);
    let (input, output) = (count("input_tokens"), count("output_tokens"));
    if input.is_none() && output.is_none() {
        return None;
    }
    let output = output.unwrap_or(0);
    let details = counts.get("output_tokens_details");
    let thinking = details.and_then(|details| details["thinking_tokens"].as_u64()).unwrap_or(0).min(output);
    Some(Usage {
        input: input.unwrap_or(0),
        cache_read: count("cache_read_input_tokens").unwrap_or(0),
        cache_write: count("cache_creation_input_tokens").unwrap_or(0),
        output: output - thinking,
        reasoning: thinking,
    })
}

/// Keys that have a place of their own in the answer.
const PLACED: [&str; 6] = ["id", "type", "role", "model", "content", "usage"];

/// The other keys (`stop_reason`, `stop_details`, `container` …), where they say something.
pub(super) fn leftovers(map: &Map) -> Map {
    let other = map.iter().filter(|(key, value)| !value.is_null() && !PLACED.contains(&key.as_str()));
    other.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A key's text.
pub(super) fn text_of<'a>(map: &'a Map, key: &str) -> Option<&'a str> {
    map.get(key).and_then(Value::as_str)
}
