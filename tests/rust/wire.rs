//! A transport that speaks from a script, under virtual time.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::{Value, json};
use waypost::{
    chat::{ChatRequest, Message},
    clock::{self, Instant},
    config,
    router::{Ask, Call, Router},
    simulate::{self, End, play},
    transport::{Transport, WireError, WireRequest, WireResponse},
};

/// What a server does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Answers after so long with a status, headers and a body.
    Say(Duration, u16, Vec<(&'static str, String)>, String),
    /// A stream: silence before each piece, and the piece; it ends after the last one.
    Stream(Vec<(Duration, String)>),
    /// As a stream that is never ended.
    Open(Vec<(Duration, String)>),
    /// No connection.
    Refuse,
    /// Nothing.
    Hang,
    /// A defect.
    Panic,
}

/// A status at once.
pub(crate) fn status(status: u16) -> Act {
    Act::Say(Duration::ZERO, status, Vec::new(), "{}".into())
}

/// A status with a header.
pub(crate) fn with(code: u16, name: &'static str, value: &str) -> Act {
    Act::Say(Duration::ZERO, code, vec![(name, value.into())], "{}".into())
}

/// A healthy answer after so many milliseconds.
pub(crate) fn answer(after: u64) -> Act {
    let choice = json!({"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"});
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 5});
    let body = json!({"id": "x", "model": "m", "choices": [choice], "usage": usage});
    Act::Say(ms(after), 200, Vec::new(), body.to_string())
}

/// An event with text.
pub(crate) fn text(after: u64, text: &str) -> (Duration, String) {
    let choice = json!({"index": 0, "delta": {"content": text}});
    (ms(after), format!("data: {}\n\n", json!({"choices": [choice]})))
}

/// The events that end an answer.
pub(crate) fn end() -> (Duration, String) {
    let choice = json!({"index": 0, "delta": {}, "finish_reason": "stop"});
    (Duration::ZERO, format!("data: {}\n\ndata: [DONE]\n\n", json!({"choices": [choice]})))
}

/// Milliseconds.
pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// The servers: scripts by host, and what was sent to whom, when.
#[derive(Debug)]
pub(crate) struct Wire {
    start: Instant,
    scripts: Mutex<HashMap<String, VecDeque<Act>>>,
    sent: Mutex<Vec<(String, u64)>>,
}

impl Wire {
    /// Servers with these scripts; the last act of each stands for all further requests.
    pub(crate) fn new(scripts: &[(&str, &[Act])]) -> Arc<Self> {
        let scripts = scripts.iter().map(|(host, acts)| ((*host).to_owned(), acts.iter().cloned().collect())).collect();
        Arc::new(Self { start: clock::now(), scripts: Mutex::new(scripts), sent: Mutex::default() })
    }

    /// Who was sent a request, and after how many milliseconds.
    pub(crate) fn sent(&self) -> Vec<(String, u64)> {
        self.sent.lock().clone()
    }

    /// Milliseconds since the beginning.
    pub(crate) fn now(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    /// A router over candidates and fallbacks, each a host; `more` goes into the configuration.
    pub(crate) fn router(self: &Arc<Self>, candidates: &[&str], fallback: &[&str], more: Value) -> Router {
        let mut root = more;
        for host in candidates.iter().chain(fallback) {
            let each = root["each"].clone();
            let place = &mut root["deployments"][*host];
            *place =
                json!({"model": "openai-compatible/m", "base_url": format!("http://{host}.test/v1"), "api_key": ""});
            if let Value::Object(each) = each {
                place.as_object_mut().unwrap().extend(each);
            }
        }
        root.as_object_mut().unwrap().remove("each");
        let mut route = root.as_object_mut().unwrap().remove("route").unwrap_or_else(|| json!({}));
        (route["candidates"], route["fallback"]) = (json!(candidates), json!(fallback));
        root["routes"]["auto"] = route;
        let settings = config::from_value(root, &|_| None).unwrap();
        Router::new(settings, Arc::clone(self) as Arc<dyn Transport>).unwrap()
    }

    fn act(&self, host: &str) -> Act {
        self.sent.lock().push((host.to_owned(), self.now()));
        let mut scripts = self.scripts.lock();
        let script = scripts.get_mut(host).unwrap();
        if script.len() > 1 { script.pop_front().unwrap() } else { script[0].clone() }
    }
}

/// A call of the default route.
pub(crate) fn call() -> Call {
    let request = ChatRequest { messages: vec![Message::user("Hello")], ..ChatRequest::default() };
    Call::new(Ask::Chat(Arc::new(request)))
}

impl Act {
    /// As the room of simulations plays it.
    fn played(self) -> simulate::Act {
        let pieces =
            |pieces: Vec<(Duration, String)>| pieces.into_iter().map(|(pause, piece)| (pause, Bytes::from(piece)));
        let events = |all, end| simulate::Act::Answer {
            after: Duration::ZERO,
            status: 200,
            headers: vec![("content-type", "text/event-stream".into())],
            pieces: pieces(all).collect(),
            end,
        };
        match self {
            Self::Say(after, status, mut headers, body) => {
                headers.push(("content-type", "application/json".into()));
                let pieces = pieces(vec![(Duration::ZERO, body)]).collect();
                simulate::Act::Answer { after, status, headers, pieces, end: End::Closed }
            }
            Self::Stream(pieces) => events(pieces, End::Closed),
            Self::Open(pieces) => events(pieces, End::Open),
            Self::Refuse => simulate::Act::Refuse,
            Self::Hang => simulate::Act::Hang,
            Self::Panic => panic!("a defect"),
        }
    }
}

impl Transport for Wire {
    fn send(&self, request: WireRequest, connect: Duration) -> BoxFuture<'static, Result<WireResponse, WireError>> {
        let host = request.url.trim_start_matches("http://").split('.').next().unwrap_or_default().to_owned();
        let act = self.act(&host);
        Box::pin(async move { play(act.played(), connect, ()).await })
    }
}
