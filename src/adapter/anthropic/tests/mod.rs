//! One promise a test, on small bodies of our own; the recorded ones are held against the adapter by `scripts/check_wire.py`.

#![expect(clippy::needless_pass_by_value, reason = "`json!(…)` as an argument reads better unborrowed")]

mod answers;
mod hostile;
mod requests;
mod streams;

use serde_json::{Value, json};

use super::Anthropic;
use crate::{
    adapter::{Adapter, StreamDecoder, compatible},
    catalog::{Api, Credential, Deployment, ModelFacts},
    chat::{Accumulator, ChatResponse, FinishReason, Map, Usage},
    error::{Error, ErrorKind, Result},
    transport::{WireEvent, WireHead, WireReply},
};

fn deployment(model: &str) -> Deployment {
    Deployment {
        id: "claude".into(),
        provider: compatible::provider("anthropic").unwrap(),
        model: model.into(),
        base_url: "https://api.anthropic.com".into(),
        credential: Credential::default(),
        api: Api::Chat,
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

fn try_encode(model: &str, request: Value) -> Result<Value> {
    let request = serde_json::from_value(request).unwrap();
    let wire = Anthropic.encode(&request, &deployment(model), false)?;
    Ok(serde_json::from_slice(&wire.body).unwrap())
}

fn encode(request: Value) -> Value {
    try_encode("claude-next", request).unwrap()
}

fn messages(messages: Value) -> Value {
    encode(json!({"messages": messages}))["messages"].clone()
}

fn user(content: Value) -> Value {
    messages(json!([{"role": "user", "content": content}]))[0]["content"].clone()
}

fn reply(status: u16, body: impl ToString) -> WireReply {
    let head = WireHead { status, ..WireHead::default() };
    WireReply { head, body: body.to_string().into_bytes().into() }
}

fn decode(body: Value) -> Result<ChatResponse> {
    Anthropic.decode(&reply(200, body), &deployment("m"))
}

fn error(status: u16, kind: &str, message: &str) -> Error {
    let body = json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"});
    Anthropic.error(&reply(status, body), &deployment("m"))
}

fn decoder() -> Box<dyn StreamDecoder> {
    Anthropic.stream(&deployment("m"))
}

fn event(data: impl ToString) -> WireEvent {
    WireEvent { name: String::new(), data: data.to_string() }
}

fn streamed(events: &[Value]) -> (Accumulator, Box<dyn StreamDecoder>) {
    let (mut all, mut decoder) = (Accumulator::default(), decoder());
    for data in events {
        for chunk in decoder.event(&event(data)).unwrap() {
            all.push(&chunk);
        }
    }
    (all, decoder)
}

const THOUGHT: &str = r#"{"type": "thinking", "thinking": "hm", "signature": "s"}"#;

fn events() -> Vec<Value> {
    vec![
        json!({"type": "message_start", "message": {"id": "msg", "model": "m", "content": [],
            "usage": {"input_tokens": 7, "cache_read_input_tokens": 2, "output_tokens": 1}}}),
        json!({"type": "ping"}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}, "p": "  "}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{\"x\""}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": ":1}"}}),
        json!({"type": "content_block_stop", "index": 1}),
        json!({"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "u", "name": "g", "input": {}}}),
        json!({"type": "content_block_stop", "index": 2}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 20, "input_tokens": 8}}),
        json!({"type": "message_stop"}),
    ]
}
