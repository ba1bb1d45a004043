//! Folds the events of a stream into the answer they spell.

use serde_json::Value;

use super::{ChatChunk, ChatResponse, Choice, ChoiceDelta, Map, ToolCall, ToolCallDelta, Usage};

/// Collects chunks; [`Accumulator::response`] is the answer so far.
#[derive(Clone, Debug, Default)]
pub struct Accumulator {
    id: String,
    model: String,
    created: u64,
    choices: Vec<(Choice, bool)>,
    usage: Option<Usage>,
    extra: Map,
}

impl Accumulator {
    /// Takes one more event.
    pub fn push(&mut self, chunk: &ChatChunk) {
        if let Some(id) = chunk.id.as_ref().filter(|id| !id.is_empty()) {
            self.id.clone_from(id);
        }
        if let Some(model) = chunk.model.as_ref().filter(|model| !model.is_empty()) {
            self.model.clone_from(model);
        }
        if let Some(created) = chunk.created {
            self.created = created;
        }
        if chunk.usage.is_some() {
            self.usage = chunk.usage;
        }
        for (key, value) in &chunk.extra {
            self.extra.insert(key.clone(), value.clone());
        }
        for delta in &chunk.choices {
            append(self.choice(delta.index), delta);
        }
    }

    fn choice(&mut self, index: u32) -> &mut (Choice, bool) {
        let index = index.min(MOST_CHOICES);
        let at = if let Some(at) = self.choices.iter().position(|(choice, _)| choice.index == index) {
            at
        } else {
            self.choices.push((Choice { index, ..Choice::default() }, false));
            self.choices.len() - 1
        };
        &mut self.choices[at]
    }

    /// Whether any answer has text, reasoning or a call yet.
    pub fn has_content(&self) -> bool {
        self.choices.iter().any(|(choice, _)| {
            choice.text.as_ref().is_some_and(|text| !text.is_empty())
                || choice.reasoning.as_ref().is_some_and(|text| !text.is_empty())
                || choice.refusal.is_some()
                || !choice.tool_calls.is_empty()
        })
    }

    /// Whether every answer that began has said why it ended.
    pub fn is_finished(&self) -> bool {
        !self.choices.is_empty() && self.choices.iter().all(|(_, finished)| *finished)
    }

    /// Tokens reported so far.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// The answer so far.
    pub fn response(&self) -> ChatResponse {
        let mut choices: Vec<Choice> = self.choices.iter().map(|(choice, _)| choice.clone()).collect();
        choices.sort_by_key(|choice| choice.index);
        ChatResponse {
            id: self.id.clone(),
            model: self.model.clone(),
            created: self.created,
            choices,
            usage: self.usage,
            extra: self.extra.clone(),
        }
    }
}

fn append((choice, finished): &mut (Choice, bool), delta: &ChoiceDelta) {
    for (into, piece) in [
        (&mut choice.text, &delta.text),
        (&mut choice.reasoning, &delta.reasoning),
        (&mut choice.refusal, &delta.refusal),
    ] {
        if let Some(piece) = piece {
            into.get_or_insert_default().push_str(piece);
        }
    }
    for call in &delta.tool_calls {
        append_call(&mut choice.tool_calls, call);
    }
    if let Some(reason) = delta.finish_reason {
        choice.finish_reason = reason;
        *finished = true;
    }
    if let Some(logprobs) = &delta.logprobs {
        merge_logprobs(&mut choice.logprobs, logprobs);
    }
    merge(&mut choice.extra, &delta.extra);
}

/// Appends texts and lists, also inside objects (`audio.data`, `audio.transcript`); an identity stays one.
fn merge(into: &mut Map, pieces: &Map) {
    for (key, piece) in pieces {
        match (into.get_mut(key), piece) {
            (Some(Value::String(so_far)), Value::String(piece)) if key != "id" && key != "type" => {
                so_far.push_str(piece);
            }
            (Some(Value::Array(so_far)), Value::Array(piece)) => so_far.extend(piece.iter().cloned()),
            (Some(Value::Object(so_far)), Value::Object(piece)) => merge(so_far, piece),
            _ => {
                into.insert(key.clone(), piece.clone());
            }
        }
    }
}

/// The place of an answer above this is not believed: finding it among so many would only take time.
const MOST_CHOICES: u32 = 255;
/// A tool call index above this is not believed: it would only make us allocate.
const MOST_CALLS: u32 = 1024;

fn append_call(calls: &mut Vec<ToolCall>, delta: &ToolCallDelta) {
    let at = delta.index.min(MOST_CALLS) as usize;
    while calls.len() <= at {
        calls.push(ToolCall::default());
    }
    let call = &mut calls[at];
    if let Some(id) = delta.id.as_ref().filter(|id| !id.is_empty()) {
        call.id.clone_from(id);
    }
    if let Some(name) = delta.name.as_ref().filter(|_| call.name.is_empty()) {
        call.name.clone_from(name);
    }
    call.arguments.push_str(&delta.arguments);
    for (key, value) in &delta.extra {
        call.extra.insert(key.clone(), value.clone());
    }
}

fn merge_logprobs(into: &mut Option<Value>, piece: &Value) {
    let (Some(Value::Object(so_far)), Value::Object(piece)) = (into.as_mut(), piece) else {
        if !piece.is_null() {
            *into = Some(piece.clone());
        }
        return;
    };
    for (key, value) in piece {
        match (so_far.get_mut(key), value) {
            (Some(Value::Array(list)), Value::Array(more)) => list.extend(more.iter().cloned()),
            (_, Value::Null) => {}
            _ => {
                so_far.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::FinishReason;

    fn text(piece: &str) -> ChatChunk {
        let delta = ChoiceDelta { text: Some(piece.into()), ..ChoiceDelta::default() };
        ChatChunk { choices: vec![delta], ..ChatChunk::default() }
    }

    #[test]
    fn pieces_become_the_whole_answer() {
        let mut all = Accumulator::default();
        all.push(&text("Hello, "));
        all.push(&text("world"));
        assert!(!all.is_finished());
        let end = ChoiceDelta { finish_reason: Some(FinishReason::Length), ..ChoiceDelta::default() };
        all.push(&ChatChunk {
            choices: vec![end],
            usage: Some(Usage { output: 2, ..Usage::default() }),
            ..ChatChunk::default()
        });
        let response = all.response();
        assert!(all.is_finished());
        assert_eq!(response.choices[0].text.as_deref(), Some("Hello, world"));
        assert_eq!(response.choices[0].finish_reason, FinishReason::Length);
    }

    #[test]
    fn pieces_of_audio_are_joined() {
        let mut all = Accumulator::default();
        for audio in [json!({"id": "a", "data": "AA"}), json!({"id": "a", "data": "BB", "expires_at": 7})] {
            let delta = ChoiceDelta { extra: Map::from_iter([("audio".into(), audio)]), ..ChoiceDelta::default() };
            all.push(&ChatChunk { choices: vec![delta], ..ChatChunk::default() });
        }
        assert_eq!(all.response().choices[0].extra["audio"], json!({"id": "a", "data": "AABB", "expires_at": 7}));
    }

    #[test]
    fn interleaved_tool_calls_are_reassembled() {
        let mut all = Accumulator::default();
        for (index, id, name, arguments) in [
            (0, Some("a"), Some("f"), "{\"x\""),
            (1, Some("b"), Some("g"), "{"),
            (0, None, None, ":1}"),
            (1, None, None, "}"),
        ] {
            let call = ToolCallDelta {
                index,
                id: id.map(Into::into),
                name: name.map(Into::into),
                arguments: arguments.into(),
                extra: Map::new(),
            };
            all.push(&ChatChunk {
                choices: vec![ChoiceDelta { tool_calls: vec![call], ..ChoiceDelta::default() }],
                ..ChatChunk::default()
            });
        }
        let calls = &all.response().choices[0].tool_calls;
        assert_eq!((calls[0].name.as_str(), calls[0].arguments.as_str()), ("f", "{\"x\":1}"));
        assert_eq!((calls[1].id.as_str(), calls[1].arguments.as_str()), ("b", "{}"));
    }
}
