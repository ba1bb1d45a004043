//! A provider without a network, for tests of the loop: it speaks OpenAI's format at the pace of the paused clock, gives
//! back what it was told, and remembers every body that it was sent.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{Ask, Call, Router};
use crate::{
    chat::{ChatRequest, Message},
    clock,
    config::{Format, from_text},
    transport::{Transport, WireError, WireHead, WireRequest, WireResponse},
};

/// How it answers.
#[derive(Debug)]
pub(super) struct Fake {
    /// Every body, in the order of arrival.
    pub(super) sent: Mutex<Vec<String>>,
    /// The time to the head of the answer.
    pub(super) delay: Duration,
    /// Statuses of the first answers; 200 afterwards.
    pub(super) statuses: Mutex<Vec<u16>>,
    /// Tokens that it reports, of prompt and answer.
    pub(super) usage: Option<(u64, u64)>,
    /// Characters of each piece of a stream, in turn.
    pub(super) cuts: Vec<usize>,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            sent: Mutex::default(),
            delay: Duration::from_millis(100),
            statuses: Mutex::default(),
            usage: Some((100, 100)),
            cuts: vec![4],
        }
    }
}

impl Transport for Fake {
    fn send(&self, request: WireRequest, _: Duration) -> BoxFuture<'static, Result<WireResponse, WireError>> {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let value: Value = serde_json::from_str(&body).unwrap();
        self.sent.lock().push(body);
        let mut statuses = self.statuses.lock();
        let status = if statuses.is_empty() { 200 } else { statuses.remove(0) };
        let streamed = value["stream"] == true;
        let pieces = if streamed { self.events(&value) } else { vec![self.whole(&value).to_string()] };
        let mut head = WireHead { status, ..WireHead::default() };
        let media = if streamed && status == 200 { "text/event-stream" } else { "application/json" };
        head.headers.insert("content-type", media.parse().unwrap());
        let delay = self.delay;
        let pause = move |piece: String| async move {
            clock::sleep_until(clock::now() + Duration::from_millis(1)).await;
            Ok(Bytes::from(piece))
        };
        let answer = async move {
            clock::sleep_until(clock::now() + delay).await;
            Ok(WireResponse { head, body: stream::iter(pieces).then(pause).boxed() })
        };
        answer.boxed()
    }
}

impl Fake {
    fn usage(&self) -> Value {
        self.usage.map_or(Value::Null, |(prompt, answer)| json!({"prompt_tokens": prompt, "completion_tokens": answer}))
    }

    fn whole(&self, request: &Value) -> Value {
        let (text, arguments) = echoed(request);
        let mut message = json!({"role": "assistant", "content": text, "reasoning_content": text});
        if request["tools"].is_array() {
            message["tool_calls"] =
                json!([{"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}]);
        }
        json!({"id": "x", "object": "chat.completion", "model": "m", "usage": self.usage(),
               "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    }

    fn events(&self, request: &Value) -> Vec<String> {
        let (text, arguments) = echoed(request);
        let mut deltas: Vec<Value> = Vec::new();
        deltas.extend(self.cut(&text).into_iter().map(|piece| json!({"reasoning_content": piece})));
        deltas.extend(self.cut(&text).into_iter().map(|piece| json!({"content": piece})));
        if request["tools"].is_array() {
            let call = |function: Value| json!({"tool_calls": [{"index": 0, "id": "c", "function": function}]});
            deltas.push(call(json!({"name": "f", "arguments": ""})));
            deltas.extend(self.cut(&arguments).into_iter().map(|piece| call(json!({"arguments": piece}))));
        }
        let event = |delta: Value, finish: Value| {
            let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
            format!("data: {}\n\n", json!({"id": "x", "model": "m", "choices": [choice]}))
        };
        let mut events: Vec<String> = deltas.into_iter().map(|delta| event(delta, Value::Null)).collect();
        events.push(event(json!({}), json!("stop")));
        events.push(format!("data: {}\n\n", json!({"id": "x", "choices": [], "usage": self.usage()})));
        events.push("data: [DONE]\n\n".into());
        events
    }

    fn cut(&self, text: &str) -> Vec<String> {
        let (mut pieces, mut chars) = (Vec::new(), text.chars().peekable());
        let mut cuts = self.cuts.iter().cycle();
        while chars.peek().is_some() {
            pieces.push(chars.by_ref().take((*cuts.next().unwrap()).max(1)).collect());
        }
        pieces
    }
}

/// The last message's text, and JSON arguments that hold it.
fn echoed(request: &Value) -> (String, String) {
    let last = request["messages"].as_array().and_then(|messages| messages.last());
    let text = match &last.unwrap_or(&Value::Null)["content"] {
        Value::String(text) => text.clone(),
        parts => parts.as_array().into_iter().flatten().filter_map(|part| part["text"].as_str()).collect(),
    };
    let arguments = json!({"text": text}).to_string();
    (text, arguments)
}

/// A router of this configuration over `fake`.
pub(super) fn router(toml: &str, fake: &Arc<Fake>) -> Router {
    let settings = from_text(toml, Format::Toml, "test", &|_| None).unwrap();
    let transport: Arc<dyn Transport> = Arc::<Fake>::clone(fake);
    Router::new(settings, transport).unwrap()
}

/// A call with this text.
pub(super) fn ask(text: &str) -> Call {
    Call::new(Ask::Chat(Arc::new(ChatRequest { messages: vec![Message::user(text)], ..ChatRequest::default() })))
}
