//! What signals read from prompts: a line of JSON for each line `{"prompt": "…"}` of the standard input. It is what the
//! figures in `docs/signals.md` are measured with (`scripts/signals.py`).

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints")]

use std::io::{self, BufRead};

use serde_json::{Value, json};
use waypost::{
    chat::ChatRequest,
    signals::{
        complexity::{FEATURES, complexity, features},
        intent::{Examples, intents},
        language,
    },
};

/// Reads the examples from the file that the first argument names, if any: `{"intent": ["phrase", …], …}`.
fn main() {
    let file = std::env::args().nth(1).map(|path| std::fs::read_to_string(path).unwrap());
    let own: serde_json::Map<String, Value> = file.map(|text| serde_json::from_str(&text).unwrap()).unwrap_or_default();
    let phrases =
        |value: &Value| value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    let own: Vec<(String, Vec<String>)> = own.iter().map(|(name, value)| (name.clone(), phrases(value))).collect();
    let examples = Examples::new(&own);
    for line in io::stdin().lock().lines() {
        let row: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = row["prompt"].as_str().unwrap();
        let (intent, scores) = intents(&ChatRequest::default(), text, &examples);
        let features: serde_json::Map<String, Value> =
            FEATURES.iter().zip(features(text)).map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let scores: serde_json::Map<String, Value> =
            scores.into_iter().map(|(name, score)| (name, json!(score))).collect();
        let row = json!({"id": row["id"], "language": language([text]).code, "intent": intent, "intents": scores,
            "complexity": complexity(text), "features": features});
        println!("{row}");
    }
}
