//! A broken stream, taken up where it broke: what came so far is put before the next model as the beginning of its answer.
//!
//! Only plain text is continued, and only by deployments that are known to continue (`prefill`). Calls and structured output
//! are never put together from two answers; text whose originals were put back must not go out again.

use std::sync::Arc;

use super::{call::Ask, execute::Run, fleet::Target};
use crate::{
    chat::{ChatChunk, ChatResponse, ChoiceDelta, Content, Message, Role},
    error::{Error, ErrorKind},
};

impl Run {
    /// The beginning that another deployment may continue, if what came so far is of the kind that can be.
    pub(super) fn beginning(&self, body: &ChatResponse) -> Option<String> {
        let Ask::Chat(request) = &self.plan.ask else { return None };
        let plain = request.tools.is_empty()
            && request.response_format.is_none()
            && request.reasoning_effort.is_none()
            && request.logprobs != Some(true)
            && request.n.is_none_or(|n| n == 1);
        let [choice] = body.choices.as_slice() else { return None };
        let text = choice.text.as_ref().filter(|text| !text.trim().is_empty())?;
        let only_text = choice.index == 0
            && choice.reasoning.is_none()
            && choice.refusal.is_none()
            && choice.tool_calls.is_empty()
            && choice.extra.is_empty();
        (plain && only_text && self.plan.redaction.is_none()).then(|| text.clone())
    }

    /// The beginning that `target` is to continue.
    pub(super) fn continues(&self, target: &Target) -> Option<String> {
        self.beginning.clone().filter(|_| target.deployment().facts.prefill == Some(true))
    }

    /// What `target` is asked: the question, with the `beginning` of the answer where it continues one.
    pub(super) fn asked(&self, beginning: Option<&str>) -> Ask {
        let (Some(beginning), Ask::Chat(request)) = (beginning, &self.plan.ask) else { return self.plan.ask.clone() };
        let mut request = (**request).clone();
        // White space at the end is refused by some.
        request.messages.push(Message::new(Role::Assistant, Content::Text(beginning.trim_end().to_owned())));
        Ask::Chat(Arc::new(request))
    }

    /// Whether `target` refused to continue an answer, so that it may still give one of its own.
    pub(super) fn refuses_to_continue(&self, target: &Target, error: &Error) -> bool {
        error.kind == ErrorKind::InvalidRequest && self.continues(target).is_some()
    }
}

/// What came before, as the first chunk of the whole.
pub(super) fn before(text: &str) -> ChatChunk {
    let delta = ChoiceDelta { text: Some(text.to_owned()), ..ChoiceDelta::default() };
    ChatChunk { choices: vec![delta], ..ChatChunk::default() }
}

/// Takes the white space off the beginning of `chunk`, which the beginning had already.
pub(super) fn join(chunk: &mut ChatChunk) {
    for text in chunk.choices.iter_mut().filter_map(|delta| delta.text.as_mut()) {
        text.drain(..text.len() - text.trim_start().len());
    }
}
