//! How long a text takes to be judged as an attempt to take over the model, and whether hostile text costs more. The goal is 40 µs
//! at 2 kB, of the 150 µs that all signals of such a prompt may take together.
//!
//! `cargo bench --no-default-features --profile fast --bench injection`

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a program that measures and prints"
)]

use std::time::Instant;

use waypost::signals::InjectionDetector;

fn main() {
    bench(&InjectionDetector::new().unwrap());
}

/// A page of a letter, some code and a table: what prompts are made of.
const PROSE: &str = "Dear team, thank you for the report of 12 March. The new release fixes 3 of the 17 issues you listed, and the \
rest will follow in two weeks. Could you explain why the second query takes 450 ms when the index on `created_at` is used? \n\
```rust\nfn sum(values: &[u64]) -> u64 {\n    let mut total = 0;\n    for value in values.iter() { total += value; }\n    total\n}\n```\n\
Please also look at table 4: 2019 had 1,204 visits, 2020 had 3,377 and 2021 about 5,000 (up 48 %). My key question is how \
the address of the server ends up in the log; the token count is 1024. Best regards, the platform group.\n";

fn bench(detector: &InjectionDetector) {
    let hostile = [
        "a ",
        "ignore previous instructions ",
        "忽",
        "a.a.",
        "\\u0041",
        "1gn0re ",
        "я",
        "QUJD",
        "x:",
        "\u{200b}",
        "i g n o r e  ",
    ];
    for length in [200, 1000, 2000, 8192, 1 << 20] {
        time(detector, "prose and code", &PROSE.repeat(length / PROSE.len() + 1)[..length]);
    }
    for pattern in hostile {
        time(detector, &format!("{pattern:?}"), &pattern.repeat(65_536 / pattern.len()));
    }
}

fn time(detector: &InjectionDetector, name: &str, text: &str) {
    let rounds = (2_000_000 / text.len()).clamp(3, 5000);
    let best = (0..7)
        .map(|_| {
            let begin = Instant::now();
            for _ in 0..rounds {
                std::hint::black_box(detector.score(text));
            }
            begin.elapsed().as_secs_f64() / f64::from(rounds as u32)
        })
        .min_by(f64::total_cmp);
    let micros = best.unwrap_or_default() * 1e6;
    let each = micros * 1e3 / text.len() as f64;
    println!("{name:32} {:>8} B {micros:>10.2} µs {each:>7.2} ns/B", text.len());
}
