//! Google Gemini: `generateContent` and `streamGenerateContent?alt=sse`, at Google's own API and, where the body is the same,
//! at Vertex.
//!
//! Decisions that are not obvious from the wire:
//!
//! * Schemas go into `parametersJsonSchema` and `responseJsonSchema`, which take JSON Schema as callers write it; the older
//!   `parameters` and `responseSchema` take an `OpenAPI` dialect that has no `$ref`, no type lists and refuses what it does not know.
//! * A prompt that Google blocks is an error of kind `ContentFilter`, as the refusals of other providers are; an answer that
//!   is cut off for its content ends with `content_filter`.
//! * Thought signatures travel as `extra_content.google.thought_signature` on the tool call or message they came with; parts
//!   without a counterpart (inline images, executed code) travel, as they are, in `google_parts` of the message.
//! * `extra_body` is merged last; an object in it (`generationConfig`, `toolConfig`) is merged into ours key by key, one level deep.
//! * Not sent, because the wire has no place for them: `parallel_tool_calls`, `user`, a speaker's `name`.

mod calls;
mod config;
mod embed;
mod error;
mod request;
mod response;
mod schema;
mod stream;
mod tools;
mod url;

use super::{Adapter, StreamDecoder, post};
use crate::{
    catalog::Deployment,
    chat::{ChatRequest, ChatResponse, EmbedRequest, EmbedResponse, Map},
    error::{Error, Result},
    transport::{WireReply, WireRequest},
};

/// The dialect of Google Gemini.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gemini;

impl Adapter for Gemini {
    fn encode(&self, request: &ChatRequest, deployment: &Deployment, stream: bool) -> Result<WireRequest> {
        let mut body = request::body(request, deployment)?;
        for extra in [&deployment.extra_body, &request.extra_body] {
            post::merge(&mut body, &camel_keys(extra));
        }
        let verb = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
        post::as_is(deployment, &url::path(deployment, verb), body, stream)
    }

    fn decode(&self, reply: &WireReply, deployment: &Deployment) -> Result<ChatResponse> {
        response::decode(reply, deployment)
    }

    fn stream(&self, deployment: &Deployment) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::new(deployment))
    }

    fn error(&self, reply: &WireReply, deployment: &Deployment) -> Error {
        error::from_reply(reply, deployment)
    }

    fn encode_embed(&self, request: &EmbedRequest, deployment: &Deployment) -> Result<WireRequest> {
        embed::encode(request, deployment)
    }

    fn decode_embed(&self, reply: &WireReply, deployment: &Deployment) -> Result<EmbedResponse> {
        embed::decode(reply, deployment)
    }
}

/// Google takes top-level keys in both spellings, but not the same key twice: `generation_config` is our `generationConfig`.
fn camel_keys(extra: &Map) -> Map {
    let camel = |key: &str| {
        let mut words = key.split('_');
        let first = words.next().unwrap_or("").to_owned();
        words.fold(first, |mut all, word| {
            let mut letters = word.chars();
            all.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
            all.push_str(letters.as_str());
            all
        })
    };
    extra.iter().map(|(key, value)| (camel(key), value.clone())).collect()
}

#[cfg(test)]
mod tests;
