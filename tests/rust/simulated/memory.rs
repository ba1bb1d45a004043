//! Memory: no book and no map grows with the number of calls.

use std::{sync::atomic::AtomicBool, time::Duration};

use serde_json::json;
use waypost::{
    clock,
    simulate::{Stage, in_virtual_time},
};

use super::{scenario, settings};

const HOURS: u64 = 6;

/// All that a router holds, by its own account: every map with every entry.
fn size(stage: &Stage) -> usize {
    format!("{:?}", stage.router()).len()
}

#[test]
fn what_a_router_holds_does_not_grow_with_the_calls() {
    let config = json!({
        "deployments": {
            "a": {"model": "openai/gpt-5-mini", "api_key": "x", "limits": {"rpm": 50, "rpd": 100_000, "tpm": 1_000_000, "concurrency": 4}},
            "b": {"model": "anthropic/claude-haiku-4-5", "api_key": "x"},
        },
        "budgets": {"each": {"usd": 100.0, "window": "1h", "per": "user"}, "team": {"usd": 100.0, "window": "1h", "per": "tag:team"}},
    });
    // Hours that are all alike but for who calls: after each of them the router should hold what it held before it.
    let kind = |hour: u64, kind: u64| {
        json!({
            "at": hour * 3_600, "for": "1h", "rpm": 1.5, "prompt_tokens": 20, "answer_tokens": 20, "sessions": 50, "leave": 0.1,
            "stream": 0.5, "user": format!("user {kind} of {hour}"), "tags": [format!("team:{kind} of {hour}")],
        })
    };
    let traffic: serde_json::Map<_, _> = (0..HOURS * 8).map(|n| (format!("k{n}"), kind(n / 8, n % 8))).collect();
    let times = scenario(&json!({
        "duration": format!("{HOURS}h"), "traffic": traffic,
        "chance": {"every": "10m", "lasts": "2m", "faults": ["down", 429, 500, "cut"]},
    }));
    let config = settings(config);
    let sizes = in_virtual_time(async move || {
        let stage = Stage::new(config, &times, 1).unwrap();
        let look = async {
            let (start, mut sizes) = (clock::now(), Vec::new());
            for hour in 1..HOURS {
                clock::sleep_until(start + Duration::from_secs(hour * 3_600 - 60)).await;
                sizes.push(size(&stage));
            }
            sizes
        };
        let stop = AtomicBool::new(false);
        let (played, sizes) = tokio::join!(stage.play(&stop), look);
        assert!(played.unwrap().len() > 500 * HOURS as usize);
        sizes
    });
    let sizes = sizes.unwrap();
    let settled = sizes[1];
    assert!(sizes[2..].iter().all(|size| *size < settled + settled / 20), "{sizes:?}");
}
