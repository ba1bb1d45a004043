//! What the fuzzers assert, one function a target. `cargo fuzz` drives them by coverage, `tests/rust/fuzz.rs` by plain
//! mutation of the same seeds, so that every test run tries some and no finding comes back.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use waypost::{
    adapter::{Adapter, StreamDecoder, compatible, for_deployment},
    catalog::{Api, Credential, Deployment, ModelFacts, Secret},
    chat::{Accumulator, ChatChunk, ChatRequest, Map},
    config::{Format, from_text},
    error::{Context, Error, ErrorKind, Result},
    transport::{
        WireEvent, WireHead, WireReply,
        sse::{Parser, TooLarge},
    },
};

/// An answer may be this much larger than what was sent (`{}` becomes a choice with all its fields) …
const GROWTH: usize = 400;
/// … and this much larger than nothing.
const ROOM: usize = 16 * 1024;
/// What stands for a key: nothing that is shown may hold it.
const KEY: &str = "sk-7Zq-unspoken";
/// A message is for people.
const MESSAGE: usize = Context::BODY_LIMIT;

/// Server-sent events: however the bytes are cut, the events are the same, and they hold no more than the bytes did.
///
/// The first two bytes choose the cuts.
pub fn sse(data: &[u8]) {
    let [first, second, bytes @ ..] = data else { return };
    let whole = events(bytes, usize::MAX, 1);
    for (size, step) in [(1, 1), (usize::from(*first) + 1, 1), (usize::from(*first) + 1, usize::from(*second) + 1)] {
        assert_eq!(events(bytes, size, step), whole, "cut at {size}, growing by {step}");
    }
    let held: usize = whole.iter().flatten().map(|event| event.name.len() + event.data.len()).sum();
    assert!(held <= 3 * bytes.len(), "{} bytes became {held}", bytes.len());
}

/// The events of `bytes`, cut into pieces of `size`, each larger than the last by `step` of 7 bytes.
fn events(mut bytes: &[u8], mut size: usize, step: usize) -> std::result::Result<Vec<WireEvent>, TooLarge> {
    let (mut parser, mut events) = (Parser::default(), Vec::new());
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at(size.min(bytes.len()));
        parser.push(piece, &mut events)?;
        bytes = rest;
        size = size.saturating_add(step % 7);
    }
    parser.finish(&mut events)?;
    Ok(events)
}

/// Who answers: a provider of each dialect, and of each quirk that decoding knows.
const WHO: [(&str, Api); 12] = [
    ("openai", Api::Chat),
    ("anthropic", Api::Chat),
    ("gemini", Api::Chat),
    ("ollama", Api::Chat),
    ("ollama", Api::OpenAi),
    ("azure", Api::Chat),
    ("mistral", Api::Chat),
    ("groq", Api::Chat),
    ("xai", Api::Chat),
    ("deepseek", Api::Chat),
    ("perplexity", Api::Chat),
    ("openai-compatible", Api::Chat),
];

/// The statuses of errors that adapters tell apart.
const STATUS: [u16; 12] = [301, 400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 529];

/// Adapters: no bytes make one panic, and what it says of them is no larger than they are.
///
/// The first byte is who answers (`a` is the first of [`WHO`]), the second what is read (`a`: an answer, `b`: a stream,
/// `c`: a stream that came whole, `d`: JSON lines, `e`: vectors, `f`: a request to be written, from `g`: an error with
/// this one of [`STATUS`]).
pub fn adapters(data: &[u8]) {
    let [who, what, body @ ..] = data else { return };
    let (provider, api) = WHO[usize::from(who.wrapping_sub(b'a')) % WHO.len()];
    let Some(deployment) = deployment(provider, api) else { panic!("`{provider}` is not a known provider") };
    let adapter = for_deployment(&deployment);
    match what.wrapping_sub(b'a') % 18 {
        0 => check(adapter.decode(&reply(200, body), &deployment), body),
        1 => {
            let whole = stream(&mut *adapter.stream(&deployment), body, usize::MAX);
            assert_eq!(whole, stream(&mut *adapter.stream(&deployment), body, 7), "the answer depends on the cuts");
            bounded(&whole, body);
        }
        2 => check(adapter.stream(&deployment).whole(&Bytes::copy_from_slice(body)), body),
        3 => bounded(&lines(&mut *adapter.stream(&deployment), body), body),
        4 => check(adapter.decode_embed(&reply(200, body), &deployment), body),
        5 => encode(adapter, &deployment, body),
        status => {
            let error = adapter.error(&reply(STATUS[usize::from(status) - 6], body), &deployment);
            assert!(!matches!(error.kind, ErrorKind::Internal | ErrorKind::Config | ErrorKind::Closed), "{error}");
            check::<()>(Err(error), body);
        }
    }
}

fn deployment(provider: &str, api: Api) -> Option<Deployment> {
    let provider = compatible::provider(provider)?;
    Some(Deployment {
        id: "under-test".into(),
        provider,
        model: "model".into(),
        base_url: provider.base_url.unwrap_or("http://127.0.0.1").trim_end_matches('/').to_owned(),
        credential: Credential { key: Some(Secret::new(KEY)), ..Credential::default() },
        api,
        api_version: None,
        region: None,
        headers: Vec::new(),
        extra_body: Map::new(),
        facts: ModelFacts::default(),
        price: None,
        tags: Vec::new(),
        attributes: Map::new(),
        stream_upstream: false,
    })
}

/// An answer; its first line is also what the headers say, where a header can say it.
fn reply(status: u16, body: &[u8]) -> WireReply {
    let mut headers = HeaderMap::new();
    let line = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if let Ok(value) = HeaderValue::from_bytes(&line[..line.len().min(64)]) {
        for name in ["retry-after", "retry-after-ms", "x-ratelimit-reset-requests", "x-should-retry", "x-request-id"] {
            headers.insert(name, value.clone());
        }
    }
    WireReply { head: WireHead { status, headers }, body: Bytes::copy_from_slice(body) }
}

/// What a stream says, as the router reads it: an event that cannot be understood is skipped, any other error ends it.
fn stream(decoder: &mut dyn StreamDecoder, body: &[u8], cut: usize) -> String {
    let (mut parser, mut events, mut said) = (Parser::default(), Vec::new(), Said::default());
    let mut fits = body.chunks(cut.max(1)).try_for_each(|piece| parser.push(piece, &mut events));
    fits = fits.and_then(|()| parser.finish(&mut events));
    for event in events {
        if said.ended || decoder.is_closed() {
            break;
        }
        said.take(decoder.event(&event));
    }
    format!("{} {} {:?}", said.summary(), decoder.is_finished(), fits.err())
}

fn lines(decoder: &mut dyn StreamDecoder, body: &[u8]) -> String {
    let mut said = Said::default();
    for line in String::from_utf8_lossy(body).lines().filter(|line| !line.trim().is_empty()) {
        if said.ended || decoder.is_closed() {
            break;
        }
        said.take(decoder.event(&WireEvent { name: String::new(), data: line.to_owned() }));
    }
    said.summary()
}

/// What a decoder has said so far.
#[derive(Default)]
struct Said {
    answer: Accumulator,
    errors: String,
    ended: bool,
}

impl Said {
    fn take(&mut self, chunks: Result<Vec<ChatChunk>>) {
        match chunks {
            Ok(chunks) => {
                for chunk in &chunks {
                    let _ = chunk.to_openai("id", "model");
                    self.answer.push(chunk);
                }
            }
            Err(error) => {
                self.ended = error.kind != ErrorKind::Protocol;
                // What one event's error quotes is bounded by the event; sums are not of interest.
                self.errors = report(&error);
            }
        }
    }

    fn summary(&self) -> String {
        format!("{:?} {}", self.answer.response(), self.errors)
    }
}

/// A request that somebody may write, from JSON: whatever it is, the body is JSON and the key stands in no URL.
fn encode(adapter: &dyn Adapter, deployment: &Deployment, body: &[u8]) {
    let Ok(request) = serde_json::from_slice::<ChatRequest>(body) else { return };
    for stream in [false, true] {
        if let Ok(wire) = adapter.encode(&request, deployment, stream) {
            assert!(serde_json::from_slice::<serde_json::Value>(&wire.body).is_ok(), "the body is not JSON");
            assert!(!wire.url.contains(KEY), "the key stands in the URL");
            assert!(!format!("{wire:?} {:?}", wire.headers).contains(KEY), "a debug print shows the key");
        }
    }
}

fn check<T: std::fmt::Debug>(said: Result<T>, body: &[u8]) {
    match said {
        Ok(said) => bounded(&format!("{said:?}"), body),
        Err(error) => bounded(&report(&error), body),
    }
}

fn report(error: &Error) -> String {
    let message = error.to_string();
    assert!(message.len() <= MESSAGE, "a message of {} bytes", message.len());
    assert!(!message.contains(KEY), "the key stands in the message");
    let mut text = message;
    let _ = write!(text, " {:?}", error.context);
    text
}

fn bounded(said: &str, body: &[u8]) {
    assert!(said.len() <= GROWTH * body.len() + ROOM, "{} bytes became {}", body.len(), said.len());
}

/// Configurations: no text makes reading one panic, and a mistake is reported as one, in words.
///
/// The first byte is the format: TOML, YAML or JSON.
pub fn config(data: &[u8]) {
    let [format, bytes @ ..] = data else { return };
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let format = [Format::Toml, Format::Yaml, Format::Json][usize::from(format.wrapping_sub(b'a')) % 3];
    let environment = |name: &str| name.contains("KEY").then(|| KEY.to_owned());
    match from_text(text, format, "waypost", &environment) {
        Ok(settings) => {
            for one in &settings.deployments {
                let shown = format!("{:?} {:?}", one.deployment.credential, one.deployment.headers);
                assert!(!shown.contains(KEY), "a debug print shows a key");
            }
            assert!(
                settings.routes.iter().any(|route| route.route.id.as_str() == "auto"),
                "there is always a route `auto`"
            );
        }
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::Config, "{error}");
            assert!(!error.message.trim().is_empty(), "a mistake without words");
            assert!(error.context.path.is_some(), "a mistake without a place: {error}");
            assert!(!format!("{error} {error:?}").contains(KEY), "an error shows a key: {error}");
        }
    }
}
