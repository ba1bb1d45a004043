//! Ollama's own API: `/api/chat`, streamed as one JSON object a line, and `/api/embed`.
//!
//! Decisions that are not obvious from the wire:
//!
//! * The framing is lines, not server-sent events: the loop hands each line to the decoder as an event's data.
//! * There is no `tool_choice`: `none` offers no tools, a named function is offered alone, `required` is left to the model.
//! * Images must come as base64: the server fetches nothing. Audio and files have no place at all.
//! * `extra_body` is merged last; an object in it (`options`) is merged into ours key by key, one level deep.
//! * Not sent, because the wire has no place for them: `parallel_tool_calls`, `user`, a speaker's `name`.

mod embed;
mod error;
mod request;
mod stream;

use super::{Adapter, StreamDecoder, classify, post};
use crate::{
    catalog::Deployment,
    chat::{Accumulator, ChatRequest, ChatResponse, EmbedRequest, EmbedResponse, Map},
    error::{Error, ErrorKind, Result},
    transport::{WireReply, WireRequest},
};

/// The dialect of Ollama's own API.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ollama;

impl Adapter for Ollama {
    fn encode(&self, request: &ChatRequest, deployment: &Deployment, stream: bool) -> Result<WireRequest> {
        let body = request::body(request, deployment, stream)?;
        send(deployment, "chat", body, &request.extra_body, stream)
    }

    fn decode(&self, reply: &WireReply, deployment: &Deployment) -> Result<ChatResponse> {
        let mut all = Accumulator::default();
        let chunks = stream::Decoder::new(deployment).whole(&reply.body).map_err(|mut failed| {
            if failed.kind == ErrorKind::Protocol {
                return classify::protocol(reply, deployment, "what is no answer of Ollama");
            }
            failed.context.request_id = classify::request_id(&reply.head);
            failed
        })?;
        for chunk in &chunks {
            all.push(chunk);
        }
        let response = all.response();
        if response.choices.is_empty() {
            return Err(classify::protocol(reply, deployment, "no message"));
        }
        Ok(response)
    }

    fn stream(&self, deployment: &Deployment) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::new(deployment))
    }

    fn error(&self, reply: &WireReply, deployment: &Deployment) -> Error {
        error::from_reply(reply, deployment)
    }

    fn encode_embed(&self, request: &EmbedRequest, deployment: &Deployment) -> Result<WireRequest> {
        send(deployment, "embed", embed::body(request, deployment), &request.extra_body, false)
    }

    fn decode_embed(&self, reply: &WireReply, deployment: &Deployment) -> Result<EmbedResponse> {
        embed::decode(reply, deployment)
    }
}

/// The base URL is the server's (`http://127.0.0.1:11434`), or one that has `/api` already.
fn send(deployment: &Deployment, verb: &str, mut body: Map, extra: &Map, stream: bool) -> Result<WireRequest> {
    for extra in [&deployment.extra_body, extra] {
        post::merge(&mut body, extra);
    }
    let api = if deployment.base_url.ends_with("/api") { "" } else { "/api" };
    post::as_is(deployment, &format!("{api}/{verb}"), body, stream)
}

#[cfg(test)]
mod tests;
