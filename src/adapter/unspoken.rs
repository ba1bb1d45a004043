//! The adapter of what this version does not speak: it refuses every request, and says so.

use bytes::Bytes;

use super::{Adapter, StreamDecoder, classify};
use crate::{
    catalog::{Api, Deployment},
    chat::{ChatChunk, ChatRequest, ChatResponse},
    error::{Error, ErrorKind, Result},
    transport::{WireEvent, WireReply, WireRequest},
};

/// Refuses every request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unspoken;

fn refusal() -> Error {
    Error::new(ErrorKind::Protocol, "this version does not speak the provider's format")
}

impl Adapter for Unspoken {
    fn encode(&self, _request: &ChatRequest, deployment: &Deployment, _stream: bool) -> Result<WireRequest> {
        let format = if deployment.api == Api::Responses { " with `api = \"responses\"`" } else { "" };
        let message = format!("`{}` cannot be called{format}: this version does not speak its format", deployment.id);
        Err(Error::new(ErrorKind::InvalidRequest, message))
    }

    fn decode(&self, _reply: &WireReply, _deployment: &Deployment) -> Result<ChatResponse> {
        Err(refusal())
    }

    fn stream(&self, _deployment: &Deployment) -> Box<dyn StreamDecoder> {
        Box::new(Self)
    }

    fn error(&self, reply: &WireReply, deployment: &Deployment) -> Error {
        classify::error(classify::by_status(reply.head.status), reply, deployment, None, None)
    }
}

impl StreamDecoder for Unspoken {
    fn event(&mut self, _event: &WireEvent) -> Result<Vec<ChatChunk>> {
        Err(refusal())
    }

    fn whole(&mut self, _body: &Bytes) -> Result<Vec<ChatChunk>> {
        Err(refusal())
    }

    fn is_finished(&self) -> bool {
        false
    }

    fn is_closed(&self) -> bool {
        false
    }
}
