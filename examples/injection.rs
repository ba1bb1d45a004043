//! Reads JSON lines `{"id", "text"}` and writes `{"id", "score"}`: how much each text looks like an attempt to take over the model.
//! `--features` writes `{"id", "blocks": [[hashed, cues], …]}` instead, what `scripts/injection.py` fits the weights on.

#![expect(clippy::print_stdout, reason = "it is a command line")]

use std::io::{BufRead, Write};

use serde_json::{Value, json};
use waypost::signals::InjectionDetector;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let detector = InjectionDetector::new()?;
    let features = std::env::args().any(|arg| arg == "--features");
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let row: Value = serde_json::from_str(&line?)?;
        let text = row["text"].as_str().unwrap_or_default();
        let answer = if features {
            let blocks: Vec<Value> =
                detector.blocks(text).iter().map(|block| json!([block.hashed, block.cues])).collect();
            json!({"id": row["id"], "blocks": blocks})
        } else {
            json!({"id": row["id"], "score": detector.score(text)})
        };
        writeln!(out, "{answer}")?;
    }
    Ok(())
}
