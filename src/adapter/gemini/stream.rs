//! Events of a stream → chunks. There is no closing marker: a stream is whole once every candidate that began has said why
//! it ended.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    calls::Calls,
    error,
    response::{self, Candidate, PARTS, Reply, SIGNATURE_PATH},
};
use crate::{
    adapter::StreamDecoder,
    catalog::Deployment,
    chat::{ChatChunk, ChoiceDelta, Map},
    error::{Error, ErrorKind, Result},
    id::DeploymentId,
    transport::WireEvent,
};

/// More candidates than anyone may ask for; beyond it an index is not believed.
const MOST_CANDIDATES: u32 = 256;

/// Reads one answer.
#[derive(Debug)]
pub(super) struct Decoder {
    deployment: DeploymentId,
    provider: &'static str,
    id: String,
    candidates: Vec<State>,
}

#[derive(Debug, Default)]
struct State {
    index: u32,
    calls: Calls,
    finished: bool,
}

impl Decoder {
    pub(super) fn new(deployment: &Deployment) -> Self {
        Self {
            deployment: deployment.id.clone(),
            provider: deployment.provider.id,
            id: String::new(),
            candidates: Vec::new(),
        }
    }

    fn read(&mut self, bytes: &[u8], what: &str) -> Result<Vec<ChatChunk>> {
        let value: Value = serde_json::from_slice(bytes).map_err(|_| self.protocol(what))?;
        let replies = response::replies(value).ok_or_else(|| self.protocol(what))?;
        replies.into_iter().map(|reply| self.chunk(reply)).collect()
    }

    fn protocol(&self, what: &str) -> Error {
        self.place(Error::new(
            ErrorKind::Protocol,
            format!("`{}` sent {what} that cannot be understood", self.deployment),
        ))
    }

    fn place(&self, mut error: Error) -> Error {
        error.context.provider = Some(self.provider.into());
        error.context.deployment = Some(self.deployment.clone());
        error
    }

    fn chunk(&mut self, reply: Reply) -> Result<ChatChunk> {
        if let Some(body) = reply.error.as_ref().filter(|body| error::is_error(body)) {
            return Err(self.place(error::in_answer(body, &self.deployment)));
        }
        if let Some(reason) = response::block_reason(&reply) {
            let message = format!("`{}` refused the prompt for its content", self.deployment);
            return Err(self.place(Error::new(ErrorKind::ContentFilter, message).with_code(Some(reason))));
        }
        if let Some(id) = &reply.response_id {
            self.id.clone_from(id);
        }
        let mut chunk = ChatChunk {
            id: reply.response_id,
            model: reply.model_version,
            usage: reply.usage_metadata.as_ref().and_then(response::usage),
            extra: reply.extra,
            ..ChatChunk::default()
        };
        if let Some(feedback) = reply.prompt_feedback {
            chunk.extra.insert("promptFeedback".into(), feedback.into());
        }
        for candidate in reply.candidates.into_iter().flatten() {
            chunk.choices.push(self.delta(candidate)?);
        }
        Ok(chunk)
    }

    fn delta(&mut self, candidate: Candidate) -> Result<ChoiceDelta> {
        let index = candidate.index.unwrap_or(0);
        if index >= MOST_CANDIDATES {
            return Err(self.protocol("a candidate's index"));
        }
        let at = self.candidates.iter().position(|state| state.index == index).unwrap_or_else(|| {
            self.candidates.push(State { index, ..State::default() });
            self.candidates.len() - 1
        });
        let mut delta = ChoiceDelta { index, extra: candidate.extra, ..ChoiceDelta::default() };
        let mut kept = Vec::new();
        for part in candidate.content.and_then(|content| content.parts).into_iter().flatten() {
            if part.contains_key("functionCall") {
                let taken = self.candidates[at].calls.part(part, &self.id, &mut delta.tool_calls);
                taken.ok_or_else(|| self.protocol("a function call"))?;
            } else if part.get("text").is_some_and(|text| !text.is_string()) {
                return Err(self.protocol("a text"));
            } else if let Some(part) = words(part, &mut delta) {
                kept.push(Value::Object(part));
            }
        }
        if !kept.is_empty() {
            delta.extra.insert(PARTS.into(), kept.into());
        }
        delta.logprobs = candidate.logprobs_result.as_ref().map(response::logprobs);
        let state = &mut self.candidates[at];
        end(state, &self.id, candidate.finish_reason, &mut delta);
        Ok(delta)
    }
}

fn end(state: &mut State, answer: &str, raw: Option<Value>, delta: &mut ChoiceDelta) {
    let reason = raw.as_ref().and_then(|raw| response::finish_reason(raw, state.calls.any()));
    if let (Some(raw), Some(_)) = (raw.filter(|raw| !response::is_plain(raw)), reason) {
        delta.extra.insert("finishReason".into(), raw);
    }
    if reason.is_some() {
        delta.tool_calls.extend(state.calls.close(answer));
    } else {
        // Repeated with every piece and of no use before the end.
        delta.extra.shift_remove("safetyRatings");
    }
    state.finished |= reason.is_some();
    delta.finish_reason = reason;
}

/// Takes a part's text; gives back a part that is something else.
fn words(mut part: Map, delta: &mut ChoiceDelta) -> Option<Map> {
    // A part may be nothing but a signature.
    let bare = part.keys().all(|key| key == "thought" || key == "thoughtSignature");
    let text = match part.get_mut("text").map(Value::take) {
        Some(Value::String(text)) => text,
        _ if bare => String::new(),
        _ => return Some(part),
    };
    let thought = part.get("thought").is_some_and(|thought| thought == true);
    let into = if thought { &mut delta.reasoning } else { &mut delta.text };
    if !bare {
        into.get_or_insert_default().push_str(&text);
    }
    if let Some(signature) = signature(&mut part).filter(|_| !thought) {
        delta.extra.extend(signature);
    }
    None
}

/// A part's signature, as it travels in `extra`.
pub(super) fn signature(part: &mut Map) -> Option<Map> {
    let signature = part.remove("thoughtSignature").filter(Value::is_string)?;
    let [content, google, name] = SIGNATURE_PATH;
    let mut extra = Map::new();
    extra.insert(content.into(), json!({ google: { name: signature } }));
    Some(extra)
}

impl StreamDecoder for Decoder {
    fn event(&mut self, event: &WireEvent) -> Result<Vec<ChatChunk>> {
        match event.data.trim() {
            "" | "[DONE]" => Ok(Vec::new()),
            data => self.read(data.as_bytes(), "an event"),
        }
    }

    fn whole(&mut self, body: &Bytes) -> Result<Vec<ChatChunk>> {
        self.read(body, "an answer")
    }

    fn is_finished(&self) -> bool {
        !self.candidates.is_empty() && self.candidates.iter().all(|state| state.finished)
    }

    /// Never: the connection's end is the only sign, and it follows the last event at once.
    fn is_closed(&self) -> bool {
        false
    }
}
