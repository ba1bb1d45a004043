//! A whole answer.

use serde_json::Value;

use super::{
    error,
    parts::{self, Read},
    usage,
};
use crate::{
    adapter::{call_id, classify},
    catalog::Deployment,
    chat::{ChatChunk, ChatResponse, Choice, ChoiceDelta, Map, ToolCall, ToolCallDelta},
    error::Result,
    transport::WireReply,
};

/// Top-level keys that are read, or that say nothing to a caller.
pub(super) const READ: [&str; 8] = ["id", "object", "created", "model", "choices", "usage", "obfuscation", "p"];

/// The answer of a status below 300.
pub(super) fn decode(reply: &WireReply, deployment: &Deployment) -> Result<ChatResponse> {
    let protocol = |what: &str| classify::protocol(reply, deployment, what);
    let value: Value = serde_json::from_slice(&reply.body).map_err(|_| protocol("a body that is not JSON"))?;
    if let Some(error) = error::in_reply(&value, "choices", reply, deployment) {
        return Err(error);
    }
    let Value::Object(body) = value else { return Err(protocol("a body that is not an object")) };
    answer(body, parts::reasoning_beside(deployment)).map_err(protocol)
}

/// Reads a `chat.completion` object.
pub(super) fn answer(mut body: Map, reasoning_beside: bool) -> Read<ChatResponse> {
    let mut response = ChatResponse {
        id: parts::take_text(&mut body, "id").unwrap_or_default(),
        model: parts::take_text(&mut body, "model").unwrap_or_default(),
        created: body.get("created").and_then(Value::as_u64).unwrap_or(0),
        usage: body.get("usage").and_then(|said| usage::read(said, reasoning_beside)),
        ..ChatResponse::default()
    };
    let Some(Value::Array(choices)) = body.remove("choices") else { return Err("no list of choices") };
    if choices.is_empty() {
        return Err("no choices");
    }
    let mut details = Map::new();
    for (place, item) in (0..).zip(choices) {
        let Value::Object(item) = item else { return Err("a choice that is not an object") };
        response.choices.push(choice(item, place, &response.id, &mut details)?);
    }
    response.choices.sort_by_key(|choice| choice.index);
    response.extra = rest(body, details);
    Ok(response)
}

/// Top-level keys that are nobody's, without those that say nothing, and under [`parts::DETAILS`] what choices say of
/// themselves beside their messages.
pub(super) fn rest(body: Map, details: Map) -> Map {
    let kept = |(key, value): &(String, Value)| !READ.contains(&key.as_str()) && !parts::is_empty(value);
    let mut extra: Map = body.into_iter().filter(kept).collect();
    if !details.is_empty() {
        extra.insert(parts::DETAILS.into(), details.into());
    }
    extra
}

fn choice(mut item: Map, place: u32, answer: &str, details: &mut Map) -> Read<Choice> {
    let ending = item.remove("finish_reason");
    let finish_reason = ending.as_ref().and_then(Value::as_str).and_then(parts::finish_reason);
    let index = item.get("index").and_then(Value::as_u64).and_then(|index| u32::try_from(index).ok()).unwrap_or(place);
    let message = match item.remove("message") {
        Some(Value::Object(message)) => message,
        // Azure's filter leaves the message out.
        None | Some(Value::Null) if finish_reason.is_some() => Map::new(),
        _ => return Err("a choice without a message"),
    };
    let said = parts::said(message)?;
    let logprobs = item.remove("logprobs").filter(|value| !parts::is_empty(value));
    parts::details(item, index, details);
    let implied = parts::implied_reason(!said.calls.is_empty());
    Ok(Choice {
        index,
        text: said.text,
        reasoning: said.reasoning.filter(|text| !text.is_empty()),
        refusal: said.refusal.filter(|text| !text.is_empty()),
        tool_calls: (0..).zip(said.calls).map(|(place, wire)| call(wire, place, answer)).collect(),
        finish_reason: finish_reason.unwrap_or(implied),
        logprobs,
        extra: said.extra,
    })
}

fn call(mut wire: Map, place: u32, answer: &str) -> ToolCall {
    let (name, arguments) = parts::function(&mut wire);
    let name = name.unwrap_or_default();
    let id = parts::take_text(&mut wire, "id")
        .filter(|id| !id.is_empty())
        .unwrap_or_else(|| call_id::made_up(answer, place, &name, &arguments));
    ToolCall { id, name, arguments, extra: parts::call_extra(wire) }
}

/// A whole answer as the one event of a stream.
pub(super) fn as_chunk(response: ChatResponse) -> ChatChunk {
    let delta = |choice: Choice| ChoiceDelta {
        index: choice.index,
        text: choice.text,
        reasoning: choice.reasoning,
        refusal: choice.refusal,
        tool_calls: (0..).zip(choice.tool_calls).map(|(index, call)| call_delta(index, call)).collect(),
        finish_reason: Some(choice.finish_reason),
        logprobs: choice.logprobs,
        extra: choice.extra,
    };
    ChatChunk {
        id: Some(response.id),
        model: Some(response.model),
        created: Some(response.created),
        choices: response.choices.into_iter().map(delta).collect(),
        usage: response.usage,
        extra: response.extra,
    }
}

fn call_delta(index: u32, call: ToolCall) -> ToolCallDelta {
    ToolCallDelta { index, id: Some(call.id), name: Some(call.name), arguments: call.arguments, extra: call.extra }
}
