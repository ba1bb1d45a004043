//! Events of a message → [`ChatChunk`]s.
//!
//! A message comes as numbered blocks that start, grow and stop. Text, thinking and calls are passed on as they grow;
//! each block is also kept whole, because a signature, a citation or a block of the provider's own tools is of use only in
//! one piece. What is not known (new events, new deltas, padding) is skipped, as Anthropic asks of its clients.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use super::{
    error,
    messages::{CONTENT_BLOCKS, THINKING_BLOCKS},
    response::{self, Bad, text_of},
};
use crate::{
    adapter::StreamDecoder,
    catalog::Deployment,
    chat::{ChatChunk, ChatResponse, ChoiceDelta, Map, ToolCallDelta},
    error::{Error, ErrorKind, Result},
    id::{DeploymentId, ProviderId},
    transport::WireEvent,
};

/// Decodes one streamed message.
#[derive(Debug)]
pub(super) struct Decoder {
    provider: ProviderId,
    deployment: DeploymentId,
    blocks: BTreeMap<u64, Block>,
    calls: u32,
    usage: Map,
    finished: bool,
    closed: bool,
}

/// A block as far as it has come.
#[derive(Debug, Default)]
struct Block {
    /// The block in Anthropic's form.
    map: Map,
    /// The JSON of its input so far.
    input: String,
    /// Which of the message's calls it is.
    call: Option<u32>,
}

impl Decoder {
    pub(super) fn new(deployment: &Deployment) -> Self {
        Self {
            provider: deployment.provider.id.into(),
            deployment: deployment.id.clone(),
            blocks: BTreeMap::new(),
            calls: 0,
            usage: Map::new(),
            finished: false,
            closed: false,
        }
    }

    fn protocol(&self, what: Bad) -> Error {
        let mut error = Error::new(ErrorKind::Protocol, format!("`{}` streamed {what}", self.deployment));
        error.context.provider = Some(self.provider.clone());
        error.context.deployment = Some(self.deployment.clone());
        error
    }

    fn value(&mut self, value: &Value, name: &str, bytes: &[u8]) -> Result<Vec<ChatChunk>> {
        let Some(event) = value.as_object() else { return Err(self.protocol("an event that is not an object")) };
        let kind = text_of(event, "type").unwrap_or(name);
        if (kind == "error" || (kind.is_empty() && event.contains_key("error")))
            && let Some(reported) = error::reported(value, None)
        {
            return Err(reported.in_stream(&self.provider, &self.deployment, bytes));
        }
        let chunk = match kind {
            "message_start" => self.start(event),
            "content_block_start" => self.block_start(event),
            "content_block_delta" => self.block_delta(event),
            "content_block_stop" => self.block_stop(event),
            "message_delta" => Ok(Some(self.message_delta(event))),
            "message_stop" => {
                self.finished = true;
                self.closed = true;
                Ok(None)
            }
            _ => Ok(None),
        };
        chunk.map(|chunk| chunk.into_iter().collect()).map_err(|what| self.protocol(what))
    }

    fn start(&mut self, event: &Map) -> Step {
        let message = event.get("message").and_then(Value::as_object).ok_or("a start without a message")?;
        self.count(message);
        Ok(Some(ChatChunk {
            id: text_of(message, "id").map(Into::into),
            model: text_of(message, "model").map(Into::into),
            usage: response::usage(&self.usage),
            extra: response::leftovers(message),
            ..ChatChunk::default()
        }))
    }

    fn block_start(&mut self, event: &Map) -> Step {
        let index = index(event)?;
        let block = event.get("content_block").and_then(Value::as_object).ok_or("a block start without a block")?;
        let mut kept = Block { map: block.clone(), ..Block::default() };
        let mut delta = ChoiceDelta::default();
        match text_of(block, "type") {
            Some("text") => delta.text = text_of(block, "text").filter(|text| !text.is_empty()).map(Into::into),
            Some("thinking") => {
                delta.reasoning = text_of(block, "thinking").filter(|text| !text.is_empty()).map(Into::into);
            }
            Some("tool_use") => {
                kept.call = Some(self.calls);
                delta.tool_calls.push(ToolCallDelta {
                    index: self.calls,
                    id: Some(text_of(block, "id").ok_or("a call without an id")?.into()),
                    name: Some(text_of(block, "name").ok_or("a call without a name")?.into()),
                    ..ToolCallDelta::default()
                });
                self.calls = self.calls.saturating_add(1);
            }
            Some(_) => {}
            None => return Err("a block without a type"),
        }
        self.blocks.insert(index, kept);
        Ok(delta.has_content().then(|| one(delta)))
    }

    fn block_delta(&mut self, event: &Map) -> Step {
        let piece = event.get("delta").and_then(Value::as_object).ok_or("a block delta without a delta")?;
        // A delta whose start was lost can only be text: the kinds that matter otherwise need what the start says.
        let block = self.blocks.entry(index(event)?).or_insert_with(Block::text);
        let mut delta = ChoiceDelta::default();
        match text_of(piece, "type") {
            Some("text_delta") => delta.text = Some(text_of(piece, "text").ok_or("a text delta without text")?.into()),
            Some("thinking_delta") => delta.reasoning = text_of(piece, "thinking").map(Into::into),
            Some("input_json_delta") => {
                let json = text_of(piece, "partial_json").ok_or("an input delta without JSON")?;
                block.input.push_str(json);
                if let Some(index) = block.call.filter(|_| !json.is_empty()) {
                    delta.tool_calls.push(ToolCallDelta { index, arguments: json.into(), ..ToolCallDelta::default() });
                }
            }
            _ => {}
        }
        block.grow(piece);
        Ok(delta.has_content().then(|| one(delta)))
    }

    fn block_stop(&mut self, event: &Map) -> Step {
        let block = self.blocks.get_mut(&index(event)?).ok_or("a stop of a block that has not begun")?;
        let mut delta = ChoiceDelta::default();
        if let (Some(index), true) = (block.call, block.input.is_empty()) {
            // A call without arguments streams none; some servers give them whole at the start.
            let whole = block.map.get("input").filter(|input| input.is_object());
            let arguments = whole.map_or_else(|| "{}".into(), Value::to_string);
            delta.tool_calls.push(ToolCallDelta { index, arguments, ..ToolCallDelta::default() });
        }
        if let Ok(input @ Value::Object(_)) = serde_json::from_str(&block.input) {
            block.map.insert("input".into(), input);
        }
        if matches!(text_of(&block.map, "type"), Some("thinking" | "redacted_thinking")) {
            delta.extra.insert(THINKING_BLOCKS.into(), vec![Value::Object(block.map.clone())].into());
        }
        Ok(delta.has_content().then(|| one(delta)))
    }

    fn message_delta(&mut self, event: &Map) -> ChatChunk {
        self.count(event);
        let mut chunk = ChatChunk { usage: response::usage(&self.usage), ..ChatChunk::default() };
        chunk.extra = response::leftovers(event);
        if let Some(delta) = event.get("delta").and_then(Value::as_object) {
            chunk.extra.remove("delta");
            chunk.extra.extend(response::leftovers(delta));
            if let Some(stop) = text_of(delta, "stop_reason") {
                chunk.choices.push(self.ending(stop));
                self.finished = true;
            }
        }
        chunk
    }

    fn ending(&mut self, stop: &str) -> ChoiceDelta {
        let finish_reason = Some(response::finish_reason(stop, self.calls > 0));
        let mut delta = ChoiceDelta { finish_reason, ..ChoiceDelta::default() };
        let blocks: Vec<Value> = std::mem::take(&mut self.blocks).into_values().map(|b| Value::Object(b.map)).collect();
        if response::needs_whole(&blocks) {
            delta.extra.insert(CONTENT_BLOCKS.into(), blocks.into());
        }
        delta
    }

    /// Later counts replace earlier ones, key by key: the last event repeats some and corrects others.
    fn count(&mut self, holder: &Map) {
        let counts = holder.get("usage").and_then(Value::as_object).into_iter().flatten();
        for (key, value) in counts.filter(|(_, value)| !value.is_null()) {
            self.usage.insert(key.clone(), value.clone());
        }
    }
}

impl Block {
    fn text() -> Self {
        Self { map: Map::from_iter([("type".into(), "text".into())]), ..Self::default() }
    }

    /// Adds a delta to the block: texts are appended under their key, a citation joins the list.
    fn grow(&mut self, piece: &Map) {
        for (key, value) in piece {
            match (key.as_str(), value) {
                ("type" | "partial_json", _) => {}
                ("citation", citation) => match self.map.get_mut("citations") {
                    Some(Value::Array(list)) => list.push(citation.clone()),
                    _ => {
                        self.map.insert("citations".into(), vec![citation.clone()].into());
                    }
                },
                (_, Value::String(text)) => match self.map.get_mut(key) {
                    Some(Value::String(so_far)) => so_far.push_str(text),
                    _ => {
                        self.map.insert(key.clone(), text.clone().into());
                    }
                },
                _ => {}
            }
        }
    }
}

impl StreamDecoder for Decoder {
    fn event(&mut self, event: &WireEvent) -> Result<Vec<ChatChunk>> {
        let data = event.data.trim();
        if data == "[DONE]" {
            // Not Anthropic's, but gateways that speak its format send it after everything else.
            self.closed = true;
            return Ok(Vec::new());
        }
        if data.is_empty() || event.name == "ping" {
            return Ok(Vec::new());
        }
        let value = serde_json::from_str(data).map_err(|_| self.protocol("an event that is not JSON"))?;
        self.value(&value, &event.name, data.as_bytes())
    }

    fn whole(&mut self, body: &Bytes) -> Result<Vec<ChatChunk>> {
        let value: Value = serde_json::from_slice(body).map_err(|_| self.protocol("a body that is not JSON"))?;
        if let Value::Array(events) = &value {
            let mut chunks = Vec::new();
            for event in events {
                chunks.extend(self.value(event, "", body)?);
            }
            return Ok(chunks);
        }
        if let Some(reported) = error::reported(&value, None) {
            return Err(reported.in_stream(&self.provider, &self.deployment, body));
        }
        let answer = response::answer(value).map_err(|what| self.protocol(what))?;
        self.finished = true;
        self.closed = true;
        Ok(vec![as_chunk(answer)])
    }

    fn is_finished(&self) -> bool {
        self.finished
    }

    fn is_closed(&self) -> bool {
        self.closed
    }
}

type Step = std::result::Result<Option<ChatChunk>, Bad>;

fn index(event: &Map) -> std::result::Result<u64, Bad> {
    event.get("index").and_then(Value::as_u64).ok_or("a block event without an index")
}

fn one(delta: ChoiceDelta) -> ChatChunk {
    ChatChunk { choices: vec![delta], ..ChatChunk::default() }
}

/// A whole answer as one event.
fn as_chunk(answer: ChatResponse) -> ChatChunk {
    let choices = answer.choices.into_iter().map(|choice| ChoiceDelta {
        index: choice.index,
        text: choice.text,
        reasoning: choice.reasoning,
        refusal: choice.refusal,
        tool_calls: (0..)
            .zip(choice.tool_calls)
            .map(|(index, call)| ToolCallDelta {
                index,
                id: Some(call.id),
                name: Some(call.name),
                arguments: call.arguments,
                extra: call.extra,
            })
            .collect(),
        finish_reason: Some(choice.finish_reason),
        logprobs: choice.logprobs,
        extra: choice.extra,
    });
    ChatChunk {
        id: Some(answer.id),
        model: Some(answer.model),
        created: None,
        choices: choices.collect(),
        usage: answer.usage,
        extra: answer.extra,
    }
}
