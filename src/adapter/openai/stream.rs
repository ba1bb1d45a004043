//! A streamed answer: `chat.completion.chunk` objects, ended by `[DONE]` at most servers and by the finish reason at some.

use bytes::Bytes;
use serde_json::Value;

use super::{
    error,
    parts::{self, Read},
    response, usage,
};
use crate::{
    adapter::{StreamDecoder, call_id},
    catalog::Deployment,
    chat::{ChatChunk, ChoiceDelta, Map, ToolCallDelta, Usage},
    error::{Error, ErrorKind, Result},
    id::{DeploymentId, ProviderId},
    transport::{WireEvent, sse::Parser},
};

/// Choices and calls beyond this are not believed.
const MOST: u64 = 1024;

/// Decodes one answer.
#[derive(Debug)]
pub(super) struct Decoder {
    provider: ProviderId,
    deployment: DeploymentId,
    reasoning_beside: bool,
    answer: String,
    choices: Vec<Progress>,
    done: bool,
}

/// How far one choice has come.
#[derive(Debug, Default)]
struct Progress {
    index: u32,
    has_content: bool,
    finished: bool,
    calls: Vec<Call>,
}

/// How the wire names a call that has begun.
#[derive(Debug)]
struct Call {
    index: Option<u64>,
    id: Option<String>,
}

impl Decoder {
    pub(super) fn new(deployment: &Deployment) -> Self {
        Self {
            provider: deployment.provider.id.into(),
            deployment: deployment.id.clone(),
            reasoning_beside: parts::reasoning_beside(deployment),
            answer: String::new(),
            choices: Vec::new(),
            done: false,
        }
    }

    fn wrong(&self, what: &str) -> Error {
        let mut error = Error::new(ErrorKind::Protocol, format!("`{}` sent {what}", self.deployment));
        error.context.provider = Some(self.provider.clone());
        error.context.deployment = Some(self.deployment.clone());
        error
    }

    fn value(&mut self, value: Value) -> Result<ChatChunk> {
        let choices = value.get("choices").and_then(Value::as_array);
        let told = value.get("error").is_some_and(|error| !parts::is_empty(error)) && !value["error"].is_boolean();
        if told || (choices.is_none() && error::is_error(&value)) {
            return Err(error::in_stream(&value, &self.provider, &self.deployment));
        }
        if let Some(error) = choices.and_then(|choices| choices.iter().find_map(error::in_choice)) {
            return Err(error::in_stream(&error, &self.provider, &self.deployment));
        }
        match value {
            Value::Object(body) => self.chunk(body).map_err(|what| self.wrong(what)),
            _ => Err(self.wrong("an event that is not an object")),
        }
    }

    /// A whole body of events.
    fn events(&mut self, body: &[u8]) -> Result<Vec<ChatChunk>> {
        let (mut parser, mut events) = (Parser::default(), Vec::new());
        let parsed = parser.push(body, &mut events).and_then(|()| parser.finish(&mut events));
        parsed.map_err(|_| self.wrong("an event that is too large"))?;
        let mut chunks = Vec::with_capacity(events.len());
        for event in &events {
            chunks.extend(self.event(event)?);
        }
        Ok(chunks)
    }

    fn chunk(&mut self, mut body: Map) -> Read<ChatChunk> {
        let usage = self.usage(&body);
        let id = parts::take_text(&mut body, "id").filter(|id| !id.is_empty());
        if let Some(id) = id.as_ref().filter(|_| self.answer.is_empty()) {
            self.answer.clone_from(id);
        }
        let mut chunk = ChatChunk {
            id,
            model: parts::take_text(&mut body, "model").filter(|model| !model.is_empty()),
            created: body.get("created").and_then(Value::as_u64),
            usage,
            ..ChatChunk::default()
        };
        match body.remove("choices") {
            Some(Value::Array(items)) => {
                let mut details = Map::new();
                for item in items {
                    let Value::Object(item) = item else { return Err("a choice that is not an object") };
                    chunk.choices.push(self.choice(item, &mut details)?);
                }
                chunk.extra = response::rest(body, details);
            }
            // Usage, filter results or a heartbeat alone.
            None | Some(Value::Null) => chunk.extra = response::rest(body, Map::new()),
            Some(_) => return Err("choices that are not a list"),
        }
        Ok(chunk)
    }

    /// Of the event itself, of Groq's `x_groq` (which it may repeat later: a later one replaces), or (Moonshot) of a choice.
    fn usage(&self, body: &Map) -> Option<Usage> {
        let within = |key: &str| body.get(key).and_then(|value| value.get("usage"));
        let of_choice = || body.get("choices")?.as_array()?.iter().find_map(|choice| choice.get("usage"));
        body.get("usage")
            .filter(|usage| !usage.is_null())
            .or_else(|| within("x_groq"))
            .or_else(of_choice)
            .and_then(|said| usage::read(said, self.reasoning_beside))
    }

    fn choice(&mut self, mut item: Map, details: &mut Map) -> Read<ChoiceDelta> {
        let index = item.get("index").and_then(Value::as_u64).unwrap_or(0).min(MOST) as u32;
        let delta = match (item.remove("delta"), item.remove("message")) {
            (Some(Value::Object(delta)), _) => delta,
            // A whole message where a delta was due; after deltas it repeats them (Perplexity).
            (None | Some(Value::Null), Some(Value::Object(message))) if !self.progress(index).has_content => message,
            (None | Some(Value::Null), _) => Map::new(),
            _ => return Err("a delta that is not an object"),
        };
        let said = parts::said(delta)?;
        let calls = said.calls.into_iter().map(|call| self.call(index, call)).collect();
        let ending = item.remove("finish_reason");
        let delta = ChoiceDelta {
            index,
            text: said.text,
            reasoning: said.reasoning,
            refusal: said.refusal,
            tool_calls: calls,
            finish_reason: ending.as_ref().and_then(Value::as_str).and_then(parts::finish_reason),
            logprobs: item.remove("logprobs").filter(|value| !parts::is_empty(value)),
            extra: said.extra,
        };
        let progress = self.progress(index);
        progress.has_content |= delta.has_content();
        progress.finished |= delta.finish_reason.is_some();
        parts::details(item, index, details);
        Ok(delta)
    }

    /// The endings that `[DONE]` implies for answers that have content and gave no reason (Snowflake, Novita).
    fn unfinished(&mut self) -> Vec<ChatChunk> {
        let open = self.choices.iter_mut().filter(|choice| choice.has_content && !choice.finished);
        let choices: Vec<ChoiceDelta> = open
            .map(|choice| {
                choice.finished = true;
                let reason = parts::implied_reason(!choice.calls.is_empty());
                ChoiceDelta { index: choice.index, finish_reason: Some(reason), ..ChoiceDelta::default() }
            })
            .collect();
        if choices.is_empty() { Vec::new() } else { vec![ChatChunk { choices, ..ChatChunk::default() }] }
    }

    fn progress(&mut self, index: u32) -> &mut Progress {
        let at = self.choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            self.choices.push(Progress { index, ..Progress::default() });
            self.choices.len() - 1
        });
        &mut self.choices[at]
    }

    /// Numbers calls in the order in which they begin, whatever the wire calls them.
    fn call(&mut self, choice: u32, mut wire: Map) -> ToolCallDelta {
        let (name, arguments) = parts::function(&mut wire);
        let index = wire.get("index").and_then(Value::as_u64);
        let id = parts::take_text(&mut wire, "id").filter(|id| !id.is_empty());
        let answer = self.answer.clone();
        let calls = &mut self.progress(choice).calls;
        let known = find(calls, index, id.as_deref(), name.is_some());
        let begins = known.is_none();
        let at = known.unwrap_or(calls.len()).min(MOST as usize);
        let place = at as u32;
        let id = match id {
            None if begins => Some(call_id::made_up(&answer, place, name.as_deref().unwrap_or(""), "")),
            // Only the first piece says it: some servers make up a new one for each.
            Some(_) if !begins => None,
            id => id,
        };
        if begins && at == calls.len() {
            calls.push(Call { index, id: id.clone() });
        }
        let name = name.filter(|_| begins || id.is_none());
        ToolCallDelta { index: place, id, name, arguments, extra: parts::call_extra(wire) }
    }
}

/// Whether a body is a stream of events, whatever its content type says: some proxies call everything JSON.
fn is_framed(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    start.starts_with(b"data:") || start.starts_with(b"event:") || start.starts_with(b":")
}

/// The call that a piece belongs to. With an index it is the latest of that index, unless a new identity and a name say that
/// another call begins (some servers count every call as 0); without one the identity tells, or else it is the latest call.
fn find(calls: &[Call], index: Option<u64>, id: Option<&str>, named: bool) -> Option<usize> {
    let Some(index) = index else {
        return match id {
            Some(id) => calls.iter().rposition(|call| call.id.as_deref() == Some(id)),
            None if named => None,
            None => calls.len().checked_sub(1),
        };
    };
    let at = calls.iter().rposition(|call| call.index == Some(index))?;
    let another = named && id.is_some_and(|id| calls[at].id.as_deref() != Some(id));
    (!another).then_some(at)
}

impl StreamDecoder for Decoder {
    fn event(&mut self, event: &WireEvent) -> Result<Vec<ChatChunk>> {
        let data = event.data.trim();
        if data.is_empty() {
            return Ok(Vec::new());
        }
        if data == "[DONE]" {
            self.done = true;
            return Ok(self.unfinished());
        }
        let parsed: std::result::Result<Value, _> = serde_json::from_str(data);
        if event.name == "error" {
            let value = parsed.unwrap_or_else(|_| data.into());
            return Err(error::in_stream(&value, &self.provider, &self.deployment));
        }
        match parsed {
            Ok(value) => self.value(value).map(|chunk| vec![chunk]),
            Err(_) => Err(self.wrong("an event that is not JSON")),
        }
    }

    fn whole(&mut self, body: &Bytes) -> Result<Vec<ChatChunk>> {
        if is_framed(body) {
            return self.events(body);
        }
        let value: Value = serde_json::from_slice(body).map_err(|_| self.wrong("a body that is not JSON"))?;
        let chunks = match value {
            Value::Array(events) if !error::is_error(&Value::Array(events.clone())) => {
                events.into_iter().map(|event| self.value(event)).collect::<Result<Vec<_>>>()?
            }
            Value::Object(body) if is_answer(&body) => {
                let answer = response::answer(body, self.reasoning_beside).map_err(|what| self.wrong(what))?;
                self.choices.push(Progress { has_content: true, finished: true, ..Progress::default() });
                vec![response::as_chunk(answer)]
            }
            value => vec![self.value(value)?],
        };
        self.done = true;
        Ok(chunks)
    }

    fn is_finished(&self) -> bool {
        let begun = !self.choices.is_empty();
        let all_finished = begun && self.choices.iter().all(|choice| choice.finished);
        all_finished || (self.done && self.choices.iter().any(|choice| choice.has_content))
    }

    fn is_closed(&self) -> bool {
        self.done
    }
}

/// Whether a body is a whole answer: its choices have messages, and it reports no error.
fn is_answer(body: &Map) -> bool {
    let choices = body.get("choices").and_then(Value::as_array);
    choices.is_some_and(|choices| {
        choices.iter().any(|choice| choice.get("message").is_some())
            && !choices.iter().any(|c| error::in_choice(c).is_some())
    })
}
