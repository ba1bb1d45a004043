//! Scans JSON lines: `{"id", "text"}` in, `{"id", "spans": [[start, end, type]]}` out. `--bench` prints times instead.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a command line")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::io::{BufRead, Write};
use std::time::Instant;

use serde_json::{Value, json};
use waypost::signals::sensitive::{Detector, SensitiveConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let detector = Detector::new(SensitiveConfig::default())?;
    if std::env::args().any(|arg| arg == "--bench") {
        bench(&detector);
        return Ok(());
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let row: Value = serde_json::from_str(&line?)?;
        let found = detector.scan_text(row["text"].as_str().unwrap_or_default());
        let spans: Vec<Value> = found.iter().map(|f| json!([f.start, f.end, f.kind])).collect();
        writeln!(out, "{}", json!({"id": row["id"], "spans": spans}))?;
    }
    Ok(())
}

/// A page of a letter, some code and a table: what prompts are made of.
const PROSE: &str = "Dear team, thank you for the report of 12 March. The new release fixes 3 of the 17 issues you listed, and the \
rest will follow in two weeks. Could you explain why the second query takes 450 ms when the index on `created_at` is used? \n\
```rust\nfn sum(values: &[u64]) -> u64 {\n    let mut total = 0;\n    for value in values.iter() { total += value; }\n    total\n}\n```\n\
Please also look at table 4: 2019 had 1,204 visits, 2020 had 3,377 and 2021 about 5,000 (up 48 %). My key question is how \
the address of the server ends up in the log; the token count is 1024. Best regards, the platform group.\n";

fn time(detector: &Detector, name: &str, text: &str) {
    let rounds = (2_000_000 / text.len()).clamp(3, 5000);
    let best = (0..7)
        .map(|_| {
            let begin = Instant::now();
            let found: usize = (0..rounds).map(|_| detector.scan_text(text).len()).sum();
            (begin.elapsed().as_secs_f64() / rounds as f64, found / rounds)
        })
        .min_by(|a, b| a.0.total_cmp(&b.0));
    let (seconds, found) = best.unwrap_or_default();
    let micros = seconds * 1e6;
    let each = micros * 1e3 / text.len() as f64;
    println!("{name:24} {:>8} B {micros:>10.2} µs {each:>7.2} ns/B  {found} found", text.len());
}

fn bench(detector: &Detector) {
    let page = PROSE.repeat(2000);
    for length in [84, 200, 1000, 4000, 8192, 1 << 20] {
        time(detector, "prose and code", &page[..length]);
    }
    let patterns = [
        "a@",
        "a.",
        "1",
        "1 ",
        "12 34 ",
        "key=",
        "password=",
        "eyJ",
        "://",
        "-----BEGIN PRIVATE KEY-----",
        "a:",
        "1:",
        "(",
        "0-",
        "phone ",
        "kind: Secret\ndata:\n",
        "AKIA",
        "a@b.",
        "\"",
        "4111 ",
        "+1",
        "é",
        "curl -u a:b ",
        "GB82",
        "%41",
        "QQ~",
        "1.",
        "a1 ",
        "12345678 ",
        "AB12 ",
        "(1)",
        "0x",
        "my patient ",
        "é1 ",
        "token: x, ",
        "/home/ab/",
        "12 rue ",
        "Weg 1 ",
        "ich habe krebs ",
        "я",
        "好",
        "aws_account ",
        "x1y2 ",
        "DE89 3704 ",
    ];
    for pattern in patterns {
        for length in [8192, 1 << 20] {
            time(
                detector,
                &format!("{pattern:?}").chars().take(22).collect::<String>(),
                &pattern.repeat(length / pattern.len()),
            );
        }
    }
    eprintln!("done");
}
