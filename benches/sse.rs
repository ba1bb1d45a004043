//! How fast streams are read: bytes → events, and bytes → events → chunks of OpenAI's dialect. MB/s and ns an event, medians.
//!
//! `cargo bench --no-default-features --profile fast --bench sse`

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a program that measures and prints"
)]

use std::time::Instant;

use serde_json::json;
use waypost::{adapter, chat::Map, config, transport::sse::Parser};

const EVENTS: usize = 1_000;
const ROUNDS: usize = 101;

fn main() {
    let stream: String = (0..EVENTS).map(event).collect();
    let document = json!({"deployments": {"d": {"model": "openai-compatible/m", "base_url": "http://127.0.0.1:9"}}});
    let settings = config::from_value_with(document, Map::new(), &|_| None).unwrap();
    let deployment = &settings.deployments[0].deployment;
    println!("{:<28}{:>10}{:>10}", "stream of 1,000 events", "MB/s", "ns/event");
    for piece in [usize::MAX, 16 * 1024, 200] {
        let name = if piece == usize::MAX { "whole".into() } else { format!("pieces of {piece} B") };
        let bare = median(|| {
            let (mut parser, mut events) = (Parser::default(), Vec::new());
            for bytes in stream.as_bytes().chunks(piece.min(stream.len())) {
                parser.push(bytes, &mut events).unwrap();
            }
            assert_eq!(events.len(), EVENTS);
        });
        let decoded = median(|| {
            let (mut parser, mut chunks) = (Parser::default(), 0);
            let mut decoder = adapter::for_deployment(deployment).stream(deployment);
            for bytes in stream.as_bytes().chunks(piece.min(stream.len())) {
                let mut events = Vec::new();
                parser.push(bytes, &mut events).unwrap();
                chunks += events.iter().map(|event| decoder.event(event).unwrap().len()).sum::<usize>();
            }
            assert_eq!(chunks, EVENTS);
        });
        for (what, seconds) in [("parsed", bare), ("decoded", decoded)] {
            let (rate, each) = (stream.len() as f64 / seconds / 1e6, seconds * 1e9 / EVENTS as f64);
            println!("{:<28}{rate:>10.0}{each:>10.0}", format!("{what}, {name}"));
        }
    }
}

fn event(n: usize) -> String {
    let delta = json!({"id": "chatcmpl-123", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m",
        "choices": [{"index": 0, "delta": {"content": format!(" word{n}")}, "logprobs": null, "finish_reason": null}]});
    format!("data: {delta}\n\n")
}

fn median(mut work: impl FnMut()) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}
