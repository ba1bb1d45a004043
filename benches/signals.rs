//! How long the signals take: each, and all together, over prompts of 200 bytes to 20 kB, and over hostile text of 20 kB and
//! 200 kB, whose cost must grow no faster than its length. The goal: all under 150 µs for a prompt of 2 kB.
//!
//! `cargo bench --no-default-features --profile fast --bench signals`

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a program that measures and prints"
)]

use std::{hint::black_box, time::Instant};

use waypost::{
    chat::{ChatRequest, Message},
    signals::{
        InjectionDetector, Signals, complexity,
        intent::{Examples, intents},
        language,
        sensitive::{Detector, SensitiveConfig},
    },
};

const ROUNDS: usize = 51;

const PROSE: &str = "The council met on Monday to discuss the plan for the harbour. Several members asked whether the budget would \
    last, and how many ships could dock each week if the new pier were built before winter.\n";

fn main() {
    let detector = Detector::new(SensitiveConfig::default()).unwrap();
    let injection = InjectionDetector::new().unwrap();
    let phrases: Vec<(String, Vec<String>)> = (0..10)
        .map(|n| (format!("own{n}"), (0..10).map(|m| format!("example phrase {n} about topic {m}")).collect()))
        .collect();
    let examples = Examples::new(&phrases);
    let names = ["cheap", "language", "intent", "own 10x10", "complexity", "sensitive", "injection", "all"];
    println!("{:<22}{}", "µs, median", names.map(|name| format!("{name:>12}")).concat());
    for (name, text) in texts() {
        let request = ChatRequest { messages: vec![Message::user(&text)], ..ChatRequest::default() };
        let none = Examples::default();
        let all = || {
            let mut signals = Signals::default();
            signals.read(&request);
            black_box((language([text.as_str()]), intents(&request, &text, &examples), complexity(&text)));
            black_box((detector.scan(&request), injection.scan(&request)));
        };
        let figures = [
            measure(|| Signals::default().read(&request)),
            measure(|| black_box(language([text.as_str()]))),
            measure(|| black_box(intents(&request, &text, &none))),
            measure(|| black_box(examples.scores(&text))),
            measure(|| black_box(complexity(&text))),
            measure(|| black_box(detector.scan(&request))),
            measure(|| black_box(injection.scan(&request))),
            measure(all),
        ];
        println!("{name:<22}{}", figures.map(|figure| format!("{figure:>12.1}")).concat());
    }
}

fn texts() -> Vec<(String, String)> {
    let ask = "Summarise the following report in three sentences.\n\n";
    let prose = |bytes: usize| format!("{ask}{}", PROSE.repeat(bytes / PROSE.len() + 1))[..bytes].to_owned();
    let mut texts: Vec<(String, String)> =
        [200, 1_000, 2_000, 20_000].map(|bytes| (format!("prose, {bytes} B"), prose(bytes))).into();
    for (name, piece) in
        [("write ", "write "), ("a.a.", "a."), ("```", "```\n"), ("$\\", "$\\"), ("é", "é"), ("no space", "x")]
    {
        for bytes in [20_000, 200_000] {
            texts.push((format!("{name}, {bytes} B"), piece.repeat(bytes / piece.len())));
        }
    }
    texts
}

/// Microseconds, the median of rounds.
fn measure<T>(work: impl Fn() -> T) -> f64 {
    black_box(work());
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}
