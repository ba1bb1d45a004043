//! Spans, read back by a reader of protobuf, out of a collector on loopback.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    thread,
};

use super::*;
use crate::{
    catalog::Money,
    chat::{Map, Usage},
    error::ErrorKind,
    id::RequestId,
    signals::Signals,
    trace::{Attempt, Decision, Facts, Origin, Outcome, log::Place},
};

/// A decoded message: its fields in order.
fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, Vec<u8>)> {
    let mut all = Vec::new();
    while let Some(((number, value, inner), rest)) = proto::field(bytes) {
        all.push((number, value, inner.to_vec()));
        bytes = rest;
    }
    assert!(bytes.is_empty(), "no message: {bytes:?}");
    all
}

/// The values of all fields with this number.
fn inner(bytes: &[u8], number: u64) -> Vec<Vec<u8>> {
    fields(bytes).into_iter().filter(|field| field.0 == number).map(|field| field.2).collect()
}

#[derive(Debug)]
struct Span {
    trace: String,
    id: String,
    parent: Option<String>,
    name: String,
    kind: u64,
    start: u64,
    end: u64,
    attributes: Vec<(String, String)>,
    status: Option<u64>,
}

impl Span {
    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn value(any: &[u8]) -> String {
    let (number, plain, inside) = fields(any).remove(0);
    match number {
        1 => text(&inside),
        2 => (plain == 1).to_string(),
        3 => plain.to_string(),
        4 => f64::from_bits(plain).to_string(),
        5 => inner(&inside, 1).iter().map(|item| value(item)).collect::<Vec<_>>().join("|"),
        _ => panic!("no value: {number}"),
    }
}

fn attributes(message: &[u8], field: u64) -> Vec<(String, String)> {
    let pairs = inner(message, field);
    pairs.iter().map(|pair| (text(&inner(pair, 1)[0]), value(&inner(pair, 2)[0]))).collect()
}

fn span(bytes: &[u8]) -> Span {
    let number = |wanted| fields(bytes).into_iter().find(|field| field.0 == wanted).map(|field| field.1);
    Span {
        trace: hex(&inner(bytes, 1)[0]),
        id: hex(&inner(bytes, 2)[0]),
        parent: inner(bytes, 4).first().map(|id| hex(id)),
        name: text(&inner(bytes, 5)[0]),
        kind: number(6).unwrap(),
        start: number(7).unwrap(),
        end: number(8).unwrap(),
        attributes: attributes(bytes, 9),
        status: inner(bytes, 15).first().and_then(|status| proto::find(status, 3)).map(|(code, _)| code),
    }
}

fn spans(request: &[u8]) -> Vec<Span> {
    let resource = &inner(request, 1)[0];
    let scope = &inner(resource, 2)[0];
    inner(scope, 2).iter().map(|bytes| span(bytes)).collect()
}

fn attempt(deployment: &str, outcome: Outcome) -> Attempt {
    let failed = outcome == Outcome::Error;
    Attempt {
        deployment: deployment.into(),
        outcome,
        error: failed.then_some(ErrorKind::Overloaded),
        message: failed.then(|| "the words of a provider".into()),
        status: failed.then_some(503),
        started: if failed { 0.0 } else { 0.5 },
        duration: 0.25,
        ttft: None,
        hedge: false,
        retry_after: None,
        possibly_billed: false,
        skipped_events: 0,
    }
}

fn ended(attempts: Vec<Attempt>, answered: bool) -> Ended {
    let decision = Decision {
        id: RequestId::fresh(),
        route: "auto".into(),
        requested: "auto".into(),
        chosen: answered.then(|| "b".into()),
        reason: "in the order written".into(),
        error: (!answered).then_some(ErrorKind::Overloaded),
        signals: Signals { text: "CANARY".into(), ..Signals::default() },
        rules: Vec::new(),
        redacted: None,
        candidates: Vec::new(),
        attempts,
        overhead: Duration::from_micros(30),
        waited: Duration::ZERO,
        at: 1_800_000_000.0,
        basis: Facts::default(),
        origin: Origin::default(),
    };
    let place = |deployment: &str, provider, model: &str| Place {
        deployment: deployment.into(),
        provider,
        model: model.into(),
        region: None,
        tags: Vec::new(),
    };
    let usage = Usage { input: 7, cache_read: 2, output: 3, ..Usage::default() };
    let entry = Entry {
        decision: Arc::new(decision),
        answered,
        places: vec![place("a", "openai", "small"), place("b", "gemini", "large")],
        strategy: Some("priority"),
        usage: answered.then_some(usage),
        cost: answered.then(|| Money::from_usd(0.25)),
        cost_status: answered.then_some("exact"),
        latency: 1.0,
        ttft: None,
    };
    let answer = Answer { model: "large-01".into(), id: Some("r-1".into()), finish: Some("stop") };
    Ended { entry, answer: answered.then_some(answer), embeds: false, parent: None }
}

fn failover() -> Ended {
    ended(vec![attempt("a", Outcome::Error), attempt("b", Outcome::Ok)], true)
}

#[test]
fn a_call_is_a_span_and_each_attempt_one_below_it() {
    let ended = failover();
    let id = ended.entry.decision.id.as_str().trim_start_matches("wp-").to_owned();
    let request = span::request(&[ended], "shop");
    let resource = &inner(&inner(&request, 1)[0], 1)[0];
    assert!(attributes(resource, 1).contains(&("service.name".into(), "shop".into())));
    let spans = spans(&request);
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["waypost auto", "chat small", "chat large"]);
    let [call, first, second] = &spans[..] else { panic!("{spans:?}") };
    assert!(spans.iter().all(|span| span.trace == id) && call.parent.is_none());
    assert_eq!((first.parent.as_ref(), second.parent.as_ref()), (Some(&call.id), Some(&call.id)));
    assert!(first.id != second.id && first.id != call.id);
    assert_eq!((call.kind, first.kind), (1, 3));
    assert_eq!((call.start, call.end), (1_800_000_000_000_000_000, 1_800_000_001_000_000_000));
    assert_eq!((second.start, second.end), (1_800_000_000_500_000_000, 1_800_000_000_750_000_000));

    assert_eq!((call.get("waypost.deployment"), call.get("waypost.attempts")), (Some("b"), Some("2")));
    assert_eq!((first.status, first.get("error.type")), (Some(2), Some("503")));
    assert_eq!((first.get("gen_ai.usage.input_tokens"), call.status), (None, None));
    for (name, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "gcp.gemini"),
        ("gen_ai.request.model", "large"),
        ("gen_ai.response.model", "large-01"),
        ("gen_ai.response.id", "r-1"),
        ("gen_ai.response.finish_reasons", "stop"),
        ("gen_ai.usage.input_tokens", "9"),
        ("gen_ai.usage.output_tokens", "3"),
        ("gen_ai.usage.cache_read.input_tokens", "2"),
        ("gen_ai.usage.cost", "0.25"),
        ("waypost.cost.status", "exact"),
    ] {
        assert_eq!(second.get(name), Some(value), "{name}");
    }
    let told = String::from_utf8_lossy(&request);
    assert!(!told.contains("the words of a provider") && !told.contains("CANARY"));
}

#[test]
fn a_call_that_failed_is_an_error() {
    let ended = ended(vec![attempt("a", Outcome::Error)], false);
    let spans = spans(&span::request(&[ended], "x"));
    assert_eq!((spans[0].status, spans[0].get("error.type")), (Some(2), Some("overloaded")));
    assert_eq!(spans[0].get("waypost.reason"), Some("nothing worked: overloaded"));
}

#[test]
fn a_parent_is_read_from_the_metadata() {
    let of = |text: &str| Parent::of(&Map::from_iter([("traceparent".to_owned(), text.into())]));
    let known = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let parent = of(known).unwrap();
    assert!(parent.is_sampled());
    assert!(!of("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00").unwrap().is_sampled());
    assert!(of("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more").is_some());
    for wrong in [
        "",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
    ] {
        assert_eq!(of(wrong), None, "{wrong}");
    }
    let spans = spans(&span::request(&[Ended { parent: Some(parent), ..failover() }], "x"));
    assert!(spans.iter().all(|span| span.trace == "0af7651916cd43dd8448eb211c80319c"));
    assert_eq!(spans[0].parent.as_deref(), Some("b7ad6b7169203331"));
}

// Sending.

/// A collector that gives these answers in turn (0: none at all), and what it got: head and body.
fn collector(answers: Vec<(u16, Vec<u8>)>) -> (OtlpConfig, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for (status, body) in answers {
            let Ok((mut stream, _)) = listener.accept() else { return };
            let got = read(&mut stream);
            if status != 0 {
                let head =
                    format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                stream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
            }
            if sender.send(got).is_err() {
                return;
            }
        }
    });
    let pace =
        Pace { gather: Duration::from_millis(50), pause: Duration::from_millis(10), timeout: Duration::from_secs(5) };
    (OtlpConfig { pace, ..OtlpConfig::new(&address) }, receiver)
}

fn read(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut reader = BufReader::new(stream);
    let (mut head, mut line) = (String::new(), String::new());
    while reader.read_line(&mut line).unwrap() > 2 {
        head.push_str(&line.to_ascii_lowercase());
        line.clear();
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.trim().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    (head, body)
}

const SOON: Duration = Duration::from_secs(10);

#[test]
fn calls_are_sent_together_with_the_headers() {
    let (mut config, got) = collector(vec![(200, Vec::new())]);
    config.headers = vec![("authorization".into(), Secret::new("Basic c2VjcmV0"))];
    let exporter = Exporter::new(config);
    for _ in 0..3 {
        exporter.ended(failover());
    }
    let (head, body) = got.recv_timeout(SOON).unwrap();
    assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
    assert!(head.contains("content-type: application/x-protobuf") && head.contains("authorization: basic"), "{head}");
    assert_eq!(spans(&body).len(), 9);
    assert!(exporter.flush(SOON));
    assert_eq!(exporter.losses().total(), 0);
    assert!(!format!("{exporter:?}").contains("c2VjcmV0"));
}

#[test]
fn a_collector_that_is_busy_is_asked_again() {
    let (config, got) = collector(vec![(503, Vec::new()), (0, Vec::new()), (200, Vec::new())]);
    let exporter = Exporter::new(config);
    exporter.ended(failover());
    let bodies: Vec<_> = (0..3).map(|_| got.recv_timeout(SOON).unwrap().1).collect();
    assert!(bodies[0] == bodies[1] && bodies[1] == bodies[2]);
    assert!(exporter.flush(SOON));
    assert_eq!((exporter.losses().total(), exporter.losses().why()), (0, None));
}

#[test]
fn what_is_not_taken_is_counted() {
    // partial_success { rejected_spans: 3 }
    let (config, got) = collector(vec![(400, Vec::new()), (200, vec![0x0a, 0x02, 0x08, 0x03])]);
    let exporter = Exporter::new(config);
    exporter.ended(failover());
    got.recv_timeout(SOON).unwrap();
    assert!(exporter.flush(SOON));
    assert_eq!((exporter.losses().total(), exporter.losses().why()), (1, Some("the collector answered 400".into())));
    exporter.ended(failover());
    assert!(exporter.flush(SOON));
    assert_eq!(exporter.losses().total(), 2);
    assert!(exporter.losses().why().unwrap().contains("refused 3 spans"));
}

#[test]
fn nobody_there_is_no_reason_to_wait() {
    let (mut config, _) = collector(Vec::new());
    config.pace.pause = Duration::from_secs(60);
    let exporter = Exporter::new(config);
    exporter.ended(failover());
    // The pause before the next try is cut short for whoever waits.
    assert!(exporter.flush(SOON));
    assert_eq!(exporter.losses().total(), 1);
    assert!(exporter.losses().why().unwrap().starts_with("the collector cannot be reached"));
}

#[test]
fn a_full_queue_drops_and_counts_and_never_waits() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    let exporter = Exporter::new(OtlpConfig::new(&silent));
    let call = failover();
    let more = 1_000;
    for _ in 0..QUEUE + 200 + more {
        exporter.ended(call.clone());
    }
    let lost = exporter.losses().total() as usize;
    assert!((more..=more + 200).contains(&lost), "{lost}");
    assert_eq!(exporter.losses().why().as_deref(), Some("the collector is slower than the calls"));
    assert!(!exporter.flush(Duration::from_millis(20)), "a silent collector is not waited for");
}
