//! Redaction on the way: what a rule wants replaced is replaced before anything is encoded, and put back into whatever the
//! provider answers. What cannot be looked at, or not be replaced, is not sent.

use std::{collections::HashMap, sync::Arc};

use serde_json::Value;

use super::{call::Ask, fleet::Fleet, plan::Plan};
use crate::{
    chat::{ChatChunk, ChatRequest, ChatResponse, Choice, ChoiceDelta, Content, EmbedRequest, ToolCallDelta},
    error::{Error, ErrorKind},
    policy::{Verdict, rule::Redact},
    signals::{
        SensitiveReport,
        sensitive::{Kind, Redaction, Redactor, Restorer},
    },
};

/// A question without what a rule wants replaced.
#[derive(Debug)]
pub struct Redacted {
    /// The question as it may be sent.
    pub ask: Ask,
    /// The way back; nothing was replaced if absent.
    pub redaction: Option<Redaction>,
}

/// Replaces in `ask` what the rules want replaced.
///
/// # Errors
/// [`ErrorKind::Blocked`] with the rule's name, if something could not be looked at or not be replaced.
pub fn redact(fleet: &Fleet, ask: Ask, verdict: &Verdict, report: Option<&SensitiveReport>) -> Result<Redacted, Error> {
    let Some(wanted) = &verdict.redact else { return Ok(Redacted { ask, redaction: None }) };
    let refuse = |what: &str| refused(verdict, what);
    let (Some(detector), Some(report)) = (fleet.detector(), report) else {
        return Err(refuse("nothing here can look for sensitive content"));
    };
    if is_unread(report) {
        return Err(refuse("a part of the request cannot be looked at (a file, or too long a text)"));
    }
    let types = match wanted {
        Redact::All => &[],
        Redact::Types(types) => types.as_slice(),
    };
    let mut redactor = Redactor::new(detector, types);
    let ask = match &ask {
        Ask::Chat(request) => {
            let mut request = ChatRequest::clone(request);
            redactor.request(&mut request);
            left_over(&detector.scan(&request), types).map_or(Ok(()), |kind| Err(refuse(&irreplaceable(kind))))?;
            Ask::Chat(Arc::new(request))
        }
        Ask::Embed(request) => {
            let mut chat = super::read::as_chat(request);
            redactor.request(&mut chat);
            left_over(&detector.scan(&chat), types).map_or(Ok(()), |kind| Err(refuse(&irreplaceable(kind))))?;
            Ask::Embed(Arc::new(texts_of(chat, request)))
        }
    };
    let redaction = Some(redactor.finish()).filter(|redaction| !redaction.is_empty());
    Ok(Redacted { ask, redaction })
}

/// Why a request of which only the record is left could not be redacted, as far as that shows: a part of it could not be
/// looked at.
pub fn unredactable(verdict: &Verdict, report: Option<&SensitiveReport>) -> Option<Error> {
    verdict.redact.as_ref()?;
    let what = "a part of the request cannot be looked at (a file, or too long a text)";
    report.is_none_or(is_unread).then(|| refused(verdict, what))
}

impl Plan {
    /// Takes the question as it may be sent; if there is none, nothing is.
    pub(super) fn redact(&mut self, redacted: Result<Redacted, Error>) {
        match redacted {
            Ok(Redacted { ask, redaction }) => {
                self.decision.redacted = redaction.as_ref().map(|redaction| redaction.counts().to_vec());
                (self.ask, self.redaction) = (ask, redaction);
            }
            Err(error) => {
                self.decision.refuse(&error);
                self.decision.basis.planned = None;
                self.candidates.clear();
                self.fallback.clear();
                // A rule that blocks has said so with its own words.
                self.refusal.get_or_insert(error);
            }
        }
    }
}

fn is_unread(report: &SensitiveReport) -> bool {
    report.types.iter().any(|kind| kind == Kind::UNSCANNED.name)
}

/// A type that should have been replaced and is still there: in a name, a key, a file, an image.
fn left_over<'r>(report: &'r SensitiveReport, types: &[String]) -> Option<&'r str> {
    let wanted = |kind: &&String| types.is_empty() || types.contains(kind) || *kind == Kind::UNSCANNED.name;
    report.types.iter().find(wanted).map(String::as_str)
}

fn irreplaceable(kind: &str) -> String {
    format!("something of the type `{kind}` stands where nothing can be replaced (a file, an image, a name)")
}

fn refused(verdict: &Verdict, what: &str) -> Error {
    let mut rules = verdict.fired.iter().filter(|fired| fired.effect.split(',').any(|effect| effect == "redact"));
    let rule = rules.next().map(|fired| fired.name.clone()).unwrap_or_default();
    let mut error = Error::new(ErrorKind::Blocked, format!("rule `{rule}` redacts, and {what}"));
    error.context.name = Some(rule);
    error
}

fn texts_of(chat: ChatRequest, request: &EmbedRequest) -> EmbedRequest {
    let texts = chat.messages.into_iter().map(|message| match message.content {
        Content::Text(text) => text,
        other => other.joined(""),
    });
    EmbedRequest { texts: texts.collect(), user: chat.user, extra_body: chat.extra_body, ..request.clone() }
}

/// Puts the originals back into a whole answer.
pub fn restore(redaction: &Redaction, response: &mut ChatResponse) {
    for choice in &mut response.choices {
        let Choice { text, reasoning, refusal, tool_calls, extra, .. } = choice;
        for text in [text, reasoning, refusal].into_iter().flatten() {
            *text = redaction.restore(text);
        }
        for call in tool_calls {
            call.arguments = redaction.restore_json(&call.arguments);
            call.extra.values_mut().for_each(|value| restore_value(redaction, value));
        }
        extra.values_mut().for_each(|value| restore_value(redaction, value));
    }
    response.extra.values_mut().for_each(|value| restore_value(redaction, value));
}

fn restore_value(redaction: &Redaction, value: &mut Value) {
    match value {
        Value::String(text) if text.contains('[') => *text = redaction.restore(text),
        Value::Array(items) => items.iter_mut().for_each(|item| restore_value(redaction, item)),
        Value::Object(map) => map.values_mut().for_each(|item| restore_value(redaction, item)),
        _ => {}
    }
}

/// Which text of an answer a piece belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Strand {
    Text,
    Reasoning,
    Refusal,
    Call(u32),
}

/// Puts the originals back into a stream. What may be the beginning of a placeholder is held back until it is certain, or
/// until its answer ends.
#[derive(Debug)]
pub struct Restoring {
    redaction: Redaction,
    strands: HashMap<(u32, Strand), Restorer>,
}

impl Restoring {
    /// With these originals.
    pub fn new(redaction: Redaction) -> Self {
        Self { redaction, strands: HashMap::new() }
    }

    /// Takes a chunk and leaves in it what is certain.
    pub fn chunk(&mut self, chunk: &mut ChatChunk) {
        for delta in &mut chunk.choices {
            self.delta(delta);
        }
        chunk.extra.values_mut().for_each(|value| restore_value(&self.redaction, value));
    }

    /// What is still held back when nothing more comes.
    pub fn rest(&mut self) -> Option<ChatChunk> {
        let mut indices: Vec<u32> = self.strands.keys().map(|(index, _)| *index).collect();
        indices.sort_unstable();
        indices.dedup();
        let mut choices = Vec::new();
        for index in indices {
            let mut delta = ChoiceDelta { index, ..ChoiceDelta::default() };
            self.flush(&mut delta);
            choices.extend(delta.has_content().then_some(delta));
        }
        (!choices.is_empty()).then(|| ChatChunk { choices, ..ChatChunk::default() })
    }

    fn delta(&mut self, delta: &mut ChoiceDelta) {
        let index = delta.index;
        let texts = [
            (Strand::Text, &mut delta.text),
            (Strand::Reasoning, &mut delta.reasoning),
            (Strand::Refusal, &mut delta.refusal),
        ];
        for (strand, text) in texts {
            if let Some(piece) = text {
                *piece = self.strand(index, strand).push(piece);
            }
        }
        for call in &mut delta.tool_calls {
            call.arguments = self.strand(index, Strand::Call(call.index)).push(&call.arguments);
            call.extra.values_mut().for_each(|value| restore_value(&self.redaction, value));
        }
        delta.extra.values_mut().for_each(|value| restore_value(&self.redaction, value));
        if delta.finish_reason.is_some() {
            self.flush(delta);
        }
    }

    fn strand(&mut self, index: u32, strand: Strand) -> &mut Restorer {
        let redaction = &self.redaction;
        self.strands.entry((index, strand)).or_insert_with(|| match strand {
            Strand::Call(_) => redaction.json_restorer(),
            _ => redaction.restorer(),
        })
    }

    /// Appends what is held back of the answer that `delta` belongs to.
    fn flush(&mut self, delta: &mut ChoiceDelta) {
        let mut own: Vec<_> = self.strands.iter_mut().filter(|((index, _), _)| *index == delta.index).collect();
        own.sort_by_key(|((_, strand), _)| if let Strand::Call(at) = strand { *at } else { 0 });
        for ((_, strand), restorer) in own {
            let held = restorer.finish();
            if held.is_empty() {
                continue;
            }
            match strand {
                Strand::Text => delta.text.get_or_insert_default().push_str(&held),
                Strand::Reasoning => delta.reasoning.get_or_insert_default().push_str(&held),
                Strand::Refusal => delta.refusal.get_or_insert_default().push_str(&held),
                Strand::Call(at) => {
                    if let Some(call) = delta.tool_calls.iter_mut().find(|call| call.index == *at) {
                        call.arguments.push_str(&held);
                    } else {
                        let call = ToolCallDelta { index: *at, arguments: held, ..ToolCallDelta::default() };
                        delta.tool_calls.push(call);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
