//! OpenAI Chat Completions and Embeddings, for every provider that speaks them. Where one differs, its row in
//! [`super::compatible`] says so; nothing here asks for a provider's name.

mod address;
mod base64;
mod embed;
mod error;
mod parts;
mod report;
mod request;
mod response;
mod stream;
#[cfg(test)]
mod tests;
mod usage;

pub use self::request::spoken;
use super::{Adapter, StreamDecoder, post::post};
use crate::{
    catalog::Deployment,
    chat::{ChatRequest, ChatResponse, EmbedRequest, EmbedResponse},
    error::{Error, Result},
    transport::{WireReply, WireRequest},
};

/// The adapter of [`crate::catalog::Dialect::OpenAi`].
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenAi;

impl Adapter for OpenAi {
    fn encode(&self, request: &ChatRequest, deployment: &Deployment, stream: bool) -> Result<WireRequest> {
        let path = deployment.provider.quirks.chat_path.unwrap_or("/chat/completions");
        let body = request::body(request, deployment, stream);
        post(deployment, &address::path(deployment, path), body, &request.extra_body, stream)
    }

    fn decode(&self, reply: &WireReply, deployment: &Deployment) -> Result<ChatResponse> {
        response::decode(reply, deployment)
    }

    fn stream(&self, deployment: &Deployment) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::new(deployment))
    }

    fn error(&self, reply: &WireReply, deployment: &Deployment) -> Error {
        error::of_reply(reply, deployment)
    }

    fn encode_embed(&self, request: &EmbedRequest, deployment: &Deployment) -> Result<WireRequest> {
        let path = address::path(deployment, "/embeddings");
        post(deployment, &path, embed::body(request, deployment), &request.extra_body, false)
    }

    fn decode_embed(&self, reply: &WireReply, deployment: &Deployment) -> Result<EmbedResponse> {
        embed::decode(reply, deployment)
    }
}
