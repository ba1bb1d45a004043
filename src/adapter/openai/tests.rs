//! What the adapter promises, each promise with an exchange in the form that its provider documents.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::OpenAi;
use crate::{
    adapter::{Adapter, StreamDecoder, compatible},
    catalog::{Api, Credential, Deployment, ModelFacts, Secret},
    chat::{Accumulator, ChatRequest, ChatResponse, EmbedRequest, FinishReason, Map, Usage},
    error::{Error, ErrorKind, Result},
    transport::{WireEvent, WireHead, WireReply},
};

mod errors;
mod requests;
mod responses;
mod streams;

fn deployment(provider: &str, model: &str) -> Deployment {
    let provider = compatible::provider(provider).unwrap();
    Deployment {
        id: "mine".into(),
        provider,
        model: model.into(),
        base_url: provider.base_url.unwrap_or("https://host").into(),
        credential: Credential { key: Some(Secret::new("the-key")), ..Credential::default() },
        api: Api::default(),
        api_version: None,
        region: None,
        headers: Vec::new(),
        extra_body: Map::new(),
        facts: ModelFacts::default(),
        price: None,
        tags: Vec::new(),
        attributes: Map::new(),
        stream_upstream: false,
    }
}

fn at(deployment: Deployment, base_url: &str, version: Option<&str>) -> Deployment {
    Deployment { base_url: base_url.into(), api_version: version.map(Into::into), ..deployment }
}

fn body_of(deployment: &Deployment, request: Value, stream: bool) -> Value {
    let request: ChatRequest = serde_json::from_value(request).unwrap();
    let wire = OpenAi.encode(&request, deployment, stream).unwrap();
    serde_json::from_slice(&wire.body).unwrap()
}

fn url_of(deployment: &Deployment) -> String {
    OpenAi.encode(&ChatRequest::default(), deployment, false).unwrap().url
}

fn reply(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> WireReply {
    let pairs = headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let headers: HeaderMap = pairs.collect();
    WireReply { head: WireHead { status, headers }, body: Bytes::from(body.to_owned()) }
}

fn answer(provider: &str, body: &Value) -> Result<ChatResponse> {
    OpenAi.decode(&reply(200, &[], &body.to_string()), &deployment(provider, "m"))
}

fn event(data: &str) -> WireEvent {
    WireEvent { name: String::new(), data: data.into() }
}
