//! Anthropic Messages.
//!
//! The body (in `request`) is built apart from the URL and the headers, which stand here: other hosts of Claude (Vertex)
//! take the same body at another address.
//!
//! What the wire cannot say, and what becomes of it:
//!
//! | parameter | here | why |
//! |---|---|---|
//! | `n` above 1, `logprobs`, `top_logprobs` | `InvalidRequest` | the answer would lack what was asked for |
//! | audio parts | `InvalidRequest` | the model would not have heard them |
//! | `seed`, `presence_penalty`, `frequency_penalty` | left out | best effort at every provider; no shape of the answer depends on them |
//! | a message's `name` | left out | Messages has no speakers within a role |
//! | `user` | `metadata.user_id` | the same thing under another name |
//! | `temperature` above 1 | 1 | the end of Anthropic's range |
//! | `response_format: json_object` | an instruction in `system` | there is no JSON mode; a schema is held exactly, by `output_config.format` |

mod content;
mod error;
mod messages;
mod reasoning;
mod request;
mod response;
mod stream;
#[cfg(test)]
mod tests;
mod tools;

use http::{HeaderName, HeaderValue};

use super::{Adapter, StreamDecoder, classify, post::post};
use crate::{
    catalog::Deployment,
    chat::{ChatRequest, ChatResponse},
    error::{Error, ErrorKind, Result},
    transport::{WireReply, WireRequest},
};

/// The version of the wire that this adapter was written against.
const VERSION: &str = "2023-06-01";

/// The adapter of [`crate::catalog::Dialect::Anthropic`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Anthropic;

impl Adapter for Anthropic {
    fn encode(&self, request: &ChatRequest, deployment: &Deployment, stream: bool) -> Result<WireRequest> {
        let mut body = request::body(request, deployment)?;
        body.insert("model".into(), deployment.model.clone().into());
        if stream {
            body.insert("stream".into(), true.into());
        }
        let mut wire = post(deployment, path(&deployment.base_url), body, &request.extra_body, stream)?;
        let version = deployment.api_version.as_deref().unwrap_or(VERSION);
        let version = HeaderValue::from_str(version).map_err(|_| {
            let message = format!("`api_version` of `{}` holds a character that headers cannot carry", deployment.id);
            Error::new(ErrorKind::InvalidRequest, message)
        })?;
        wire.headers.entry(HeaderName::from_static("anthropic-version")).or_insert(version);
        Ok(wire)
    }

    fn decode(&self, reply: &WireReply, deployment: &Deployment) -> Result<ChatResponse> {
        let value = serde_json::from_slice(&reply.body)
            .map_err(|_| classify::protocol(reply, deployment, "a body that is not JSON"))?;
        if let Some(reported) = error::reported(&value, None) {
            return Err(reported.in_reply(reply, deployment));
        }
        response::answer(value).map_err(|what| classify::protocol(reply, deployment, what))
    }

    fn stream(&self, deployment: &Deployment) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::new(deployment))
    }

    fn error(&self, reply: &WireReply, deployment: &Deployment) -> Error {
        error::of_reply(reply, deployment)
    }
}

/// The operation below the base URL. Anthropic's own SDK takes the bare host, other tools the host with `/v1`: both work.
fn path(base_url: &str) -> &'static str {
    if base_url.ends_with("/v1") { "/messages" } else { "/v1/messages" }
}
