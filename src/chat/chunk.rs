//! A piece of an answer that is still being written.

use serde_json::{Value, json};

use super::{FinishReason, Map, Usage};

/// One event of a stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatChunk {
    /// The provider's identity of the answer, if the event carries it.
    pub id: Option<String>,
    /// The model, if the event carries it.
    pub model: Option<String>,
    /// Seconds since 1970, if the event carries it.
    pub created: Option<u64>,
    /// What is new in each answer.
    pub choices: Vec<ChoiceDelta>,
    /// Tokens so far or at the end; a later one replaces an earlier one.
    pub usage: Option<Usage>,
    /// Other top-level keys, as the provider wrote them.
    pub extra: Map,
}

/// What is new in one answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChoiceDelta {
    /// The answer's place.
    pub index: u32,
    /// Text to append.
    pub text: Option<String>,
    /// Reasoning to append.
    pub reasoning: Option<String>,
    /// Refusal to append.
    pub refusal: Option<String>,
    /// Pieces of tool calls.
    pub tool_calls: Vec<ToolCallDelta>,
    /// Why the answer ended, on its last event.
    pub finish_reason: Option<FinishReason>,
    /// Log probabilities of this piece, OpenAI's shape.
    pub logprobs: Option<Value>,
    /// Other keys of the delta, as the provider wrote them.
    pub extra: Map,
}

/// A piece of a tool call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolCallDelta {
    /// Which call of the message it belongs to, from 0.
    pub index: u32,
    /// The call's identity, on its first piece.
    pub id: Option<String>,
    /// The function's name, on its first piece.
    pub name: Option<String>,
    /// Argument text to append.
    pub arguments: String,
    /// Other keys of the call.
    pub extra: Map,
}

impl ChoiceDelta {
    /// Whether the delta carries something of the answer (not only a role, a heartbeat or an ending).
    pub fn has_content(&self) -> bool {
        let filled = |text: &Option<String>| text.as_ref().is_some_and(|t| !t.is_empty());
        filled(&self.text)
            || filled(&self.reasoning)
            || filled(&self.refusal)
            || !self.tool_calls.is_empty()
            || !self.extra.is_empty()
    }
}

impl ChatChunk {
    /// Bytes of content, about.
    pub fn size(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let calls = |delta: &ChoiceDelta| delta.tool_calls.iter().map(|call| 32 + call.arguments.len()).sum::<usize>();
        let of = |delta: &ChoiceDelta| 32 + length(&delta.text) + length(&delta.reasoning) + calls(delta);
        self.choices.iter().map(of).sum()
    }

    /// Tokens of content, about: four bytes each, and one at least where there is any.
    pub fn tokens(&self) -> f64 {
        const BYTES: f64 = 4.0;
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let calls = |delta: &ChoiceDelta| delta.tool_calls.iter().map(|call| call.arguments.len()).sum::<usize>();
        let of = |delta: &ChoiceDelta| length(&delta.text) + length(&delta.reasoning) + calls(delta);
        let bytes: usize = self.choices.iter().map(of).sum();
        if self.has_content() { (bytes as f64 / BYTES).max(1.0) } else { 0.0 }
    }

    /// Whether any answer got something new.
    pub fn has_content(&self) -> bool {
        self.choices.iter().any(ChoiceDelta::has_content)
    }

    /// An OpenAI `chat.completion.chunk` object, with `fallback_id` and `fallback_model` where the event had none.
    pub fn to_openai(&self, fallback_id: &str, fallback_model: &str) -> Value {
        let choices: Vec<Value> = self.choices.iter().map(ChoiceDelta::to_openai).collect();
        let mut root = json!({
            "id": self.id.as_deref().unwrap_or(fallback_id),
            "object": "chat.completion.chunk",
            "created": self.created.unwrap_or(0),
            "model": self.model.as_deref().unwrap_or(fallback_model),
            "choices": choices,
        });
        if let (Some(usage), Some(map)) = (&self.usage, root.as_object_mut()) {
            map.insert("usage".into(), usage.to_openai());
        }
        root
    }
}

impl ChoiceDelta {
    /// One of the `choices` of an OpenAI `chat.completion.chunk` object.
    pub fn to_openai(&self) -> Value {
        let mut delta = self.extra.clone();
        for (key, text) in [("content", &self.text), ("reasoning_content", &self.reasoning), ("refusal", &self.refusal)]
        {
            if let Some(text) = text {
                delta.insert(key.into(), text.clone().into());
            }
        }
        if !self.tool_calls.is_empty() {
            let calls = self.tool_calls.iter().map(|call| {
                let mut function = Map::new();
                if let Some(name) = &call.name {
                    function.insert("name".into(), name.clone().into());
                }
                function.insert("arguments".into(), call.arguments.clone().into());
                let mut item = call.extra.clone();
                item.insert("index".into(), call.index.into());
                if let Some(id) = &call.id {
                    item.insert("id".into(), id.clone().into());
                    item.insert("type".into(), "function".into());
                }
                item.insert("function".into(), function.into());
                Value::Object(item)
            });
            delta.insert("tool_calls".into(), calls.collect());
        }
        json!({"index": self.index, "delta": delta, "logprobs": self.logprobs,
               "finish_reason": self.finish_reason.map(FinishReason::as_str)})
    }
}
