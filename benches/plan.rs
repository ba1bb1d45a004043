//! How long a decision takes: `Router::route` over 10, 100 and 1,000 deployments with limits and prices, the whole record
//! included. Medians of many rounds; the goals are 5, 10 and 60 µs, and nothing above 200 µs at 1,000.
//!
//! `cargo bench --no-default-features --profile fast --bench plan`

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a program that measures and prints"
)]

use std::{sync::Arc, time::Instant};

use serde_json::{Value, json};
use waypost::{
    chat::{ChatRequest, Map, Message},
    config,
    router::{Ask, Call, Router},
    transport::client,
};

const STRATEGIES: [&str; 4] = ["priority", "cheapest", "fastest", "balanced"];
const ROUNDS: usize = 101;

fn main() {
    println!("{:<24}{:>8}{:>10}{:>10}{:>10}", "µs a decision, median", "", "10", "100", "1,000");
    for rules in [0, 5] {
        for strategy in STRATEGIES {
            let figures = [10, 100, 1_000].map(|n| measure(&router(n, strategy, rules)));
            println!("{strategy:<24}{rules:>2} rules{:>10.2}{:>10.2}{:>10.2}", figures[0], figures[1], figures[2]);
        }
    }
}

fn router(deployments: usize, strategy: &str, rules: usize) -> Router {
    let tags = ["eu", "us", "cheap"];
    let deployments: serde_json::Map<String, Value> = (0..deployments)
        .map(|n| {
            let deployment = json!({
                "model": "openai-compatible/m", "base_url": "http://127.0.0.1:9", "api_key": "k",
                "tags": [tags[n % tags.len()]],
                "limits": {"rpm": 1_000_000, "tpm": 1_000_000_000},
                "price": {"input": 0.1 + (n * 7 % 31) as f64, "output": 0.2 + (n * 11 % 37) as f64},
            });
            (format!("d{n}"), deployment)
        })
        .collect();
    let rules: Vec<Value> = RULES.iter().take(rules).map(|text| serde_json::from_str(text).unwrap()).collect();
    let document = json!({"deployments": deployments, "strategy": strategy, "rules": rules, "seed": 1});
    Router::new(config::from_value_with(document, Map::new(), &|_| None).unwrap(), client::shared()).unwrap()
}

const RULES: [&str; 5] = [
    r#"{"when": "tokens > 100000", "require": {"tags": ["cheap"]}}"#,
    r#"{"when": "'vip' in tags", "prefer": {"tags": ["us"]}}"#,
    r#"{"when": "has_images && turns > 3", "deny": {"tags": ["us"]}}"#,
    r#"{"when": "stream", "prefer": {"tags": ["eu"]}}"#,
    r#"{"when": "tokens < 0", "deny": {"tags": ["cheap"]}}"#,
];

/// Microseconds, the median of rounds of about a millisecond each.
fn measure(router: &Router) -> f64 {
    let text = "Why is the sky blue? Answer in one sentence, and do not mention Rayleigh.";
    let request = ChatRequest { messages: vec![Message::user(text)], ..ChatRequest::default() };
    let call = Call::new(Ask::Chat(Arc::new(request)));
    let start = Instant::now();
    let mut each = 0;
    while start.elapsed().as_millis() < 20 {
        std::hint::black_box(router.route(&call).unwrap());
        each += 1;
    }
    let each = (each / 20).max(1);
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..each {
                std::hint::black_box(router.route(&call).unwrap());
            }
            start.elapsed().as_secs_f64() * 1e6 / f64::from(each)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}
