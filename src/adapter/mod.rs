//! Translation: a wire format ⇄ chat. Pure: adapters translate, they never send, wait or read a clock.
//!
//! A provider that speaks a known dialect is one row in [`compatible`]; a new dialect is one folder that implements [`Adapter`].

pub mod anthropic;
pub mod call_id;
pub mod classify;
pub mod compatible;
pub mod gemini;
pub mod limits;
pub mod media;
pub mod ollama;
pub mod openai;
pub mod post;
pub mod retry_after;
pub mod unspoken;

use std::fmt;

use bytes::Bytes;

use crate::{
    catalog::{Api, Deployment, Dialect},
    chat::{ChatChunk, ChatRequest, ChatResponse, EmbedRequest, EmbedResponse},
    error::{Error, ErrorKind, Result},
    transport::{WireEvent, WireReply, WireRequest},
};

/// One dialect.
pub trait Adapter: Send + Sync + fmt::Debug {
    /// The request for this deployment's wire, with every header it needs.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] for what this wire cannot say.
    fn encode(&self, request: &ChatRequest, deployment: &Deployment, stream: bool) -> Result<WireRequest>;

    /// The whole answer of a status below 300. An error object inside a 200 is an error of the class it names.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] for what cannot be understood.
    fn decode(&self, reply: &WireReply, deployment: &Deployment) -> Result<ChatResponse>;

    /// A decoder for one streamed answer.
    fn stream(&self, deployment: &Deployment) -> Box<dyn StreamDecoder>;

    /// The error that a status of 300 or above stands for. Classified by status, then by the provider's code.
    fn error(&self, reply: &WireReply, deployment: &Deployment) -> Error;

    /// The request for embeddings.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] where the dialect has none.
    fn encode_embed(&self, _request: &EmbedRequest, deployment: &Deployment) -> Result<WireRequest> {
        let message = format!("`{}` has no embeddings endpoint", deployment.provider.id);
        Err(Error::new(ErrorKind::InvalidRequest, message))
    }

    /// The vectors of a status below 300.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] for what cannot be understood.
    fn decode_embed(&self, _reply: &WireReply, deployment: &Deployment) -> Result<EmbedResponse> {
        let message = format!("`{}` has no embeddings endpoint", deployment.provider.id);
        Err(Error::new(ErrorKind::InvalidRequest, message))
    }
}

/// The adapter that speaks this deployment's wire format.
pub fn for_deployment(deployment: &Deployment) -> &'static dyn Adapter {
    match (deployment.provider.dialect, deployment.api) {
        (Dialect::Unsupported, _) | (_, Api::Responses) => &unspoken::Unspoken,
        (Dialect::OpenAi, _) | (Dialect::Ollama, Api::OpenAi) => &openai::OpenAi,
        (Dialect::Anthropic, _) => &anthropic::Anthropic,
        (Dialect::Gemini, _) => &gemini::Gemini,
        (Dialect::Ollama, Api::Chat) => &ollama::Ollama,
    }
}

/// Decodes one streamed answer, event by event.
pub trait StreamDecoder: Send + fmt::Debug {
    /// What one event says; most say one thing, a heartbeat says nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] for an event that cannot be understood: the loop skips and counts it. Any other kind is an
    /// error that the provider reports inside the stream: it ends the attempt.
    fn event(&mut self, event: &WireEvent) -> Result<Vec<ChatChunk>>;

    /// What a body says that came whole (`application/json`) though a stream was asked for: an answer, an array of events
    /// or an error object.
    ///
    /// # Errors
    /// As [`Adapter::decode`].
    fn whole(&mut self, body: &Bytes) -> Result<Vec<ChatChunk>>;

    /// Whether the answer is complete: the provider's terminal marker, or a finish reason for every answer, has come.
    /// A stream that ends while this is false was cut.
    fn is_finished(&self) -> bool;

    /// Whether nothing more can come (after `[DONE]`, `message_stop`): the loop need not wait for the connection to close.
    fn is_closed(&self) -> bool;
}
