//! Thousands of hours of bad days: what holds whatever is configured and whatever goes wrong.
//!
//! Each run has a configuration, a scenario and a seed that are drawn; a failure names the seed, which repeats it. `WAYPOST_SIMULATED_HOURS`
//! asks for more than the two thousand hours of every day (`make soak`).

mod clearance;
mod memory;
mod properties;

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use serde_json::{Value, json};
use waypost::{
    config::{self, Settings, scenario::Scenario},
    simulate::{Stage, Told, in_virtual_time},
    transport::Transport,
};

/// Simulated hours of all properties together, unless `WAYPOST_SIMULATED_HOURS` says otherwise.
const HOURS: u64 = 2_000;

/// What was simulated so far, by all properties: seconds, and calls.
static SECONDS: AtomicU64 = AtomicU64::new(0);
static CALLS: AtomicU64 = AtomicU64::new(0);

/// The hours that somebody wants.
#[expect(clippy::disallowed_methods, reason = "how long to simulate is no configuration of a router")]
fn wanted() -> Option<u64> {
    std::env::var("WAYPOST_SIMULATED_HOURS").ok().and_then(|hours| hours.parse().ok())
}

/// How many runs of so many hours a property makes that has a share in all hours.
fn runs(hours: u64, share: f64) -> u64 {
    ((wanted().unwrap_or(HOURS) as f64 * share) as u64).div_ceil(hours)
}

/// Counts a run, and says what was simulated so far if somebody asked for it.
fn count(lasts: Duration, calls: usize) {
    /// Seconds between two words about it, in simulated time.
    const OFTEN: u64 = 10_000 * 3_600;
    let before = SECONDS.fetch_add(lasts.as_secs(), Ordering::Relaxed);
    let calls = CALLS.fetch_add(calls as u64, Ordering::Relaxed) + calls as u64;
    let all = before + lasts.as_secs();
    if wanted().is_some() && before / OFTEN < all / OFTEN {
        let _ = writeln!(std::io::stderr(), "{} simulated hours, {calls} calls, no property broken", all / 3_600);
    }
}

fn settings(value: Value) -> Settings {
    config::from_value(value, &|_| None).unwrap()
}

fn scenario(value: &Value) -> Scenario {
    Scenario::from_value(value).unwrap()
}

/// Plays `scenario` on `config`, and gives what became of the calls and the stage after the last of them.
fn play(config: &Value, scenario: &Value, seed: u64) -> (Vec<Told>, Stage) {
    play_through(config, scenario, seed, |world| world)
}

/// As [`play`], with something between the router and the world.
fn play_through(
    config: &Value,
    written: &Value,
    seed: u64,
    wrap: impl FnOnce(Arc<dyn Transport>) -> Arc<dyn Transport> + Send,
) -> (Vec<Told>, Stage) {
    let (settings, scenario) = (settings(config.clone()), scenario(written));
    let played = in_virtual_time(async move || {
        let stage = Stage::watched(settings, &scenario, seed, wrap).unwrap();
        let told = stage.play(&AtomicBool::new(false)).await.unwrap();
        count(scenario.duration, told.len());
        (told, stage)
    });
    played.unwrap()
}

/// One of `items`.
fn one<T: Clone>(rng: &mut Rng, items: &[T]) -> T {
    items[rng.usize(..items.len())].clone()
}

const MODELS: [&str; 5] = [
    "openai/gpt-5-mini",
    "anthropic/claude-haiku-4-5",
    "gemini/gemini-2.5-flash",
    "ollama/llama3.3",
    "mistral/mistral-large-latest",
];

/// Every fault that a scenario knows.
const FAULTS: [&str; 8] = ["down", "blackhole", "reset", "hang", "cut", "stall", "garbage", "slow"];

/// A fault: a status or a name.
fn fault(rng: &mut Rng) -> Value {
    if rng.bool() { one(rng, &FAULTS).into() } else { one(rng, &[429, 500, 503, 529, 408, 401, 400]).into() }
}

/// Deployments `d0`, `d1` … with limits, breakers and retries as they come.
fn fleet(rng: &mut Rng) -> Value {
    let mut deployments = serde_json::Map::new();
    for at in 0..rng.usize(1..5) {
        let mut limits = serde_json::Map::new();
        if rng.u8(..3) == 0 {
            limits.insert("rpm".into(), rng.u32(2..40).into());
        }
        match rng.u8(..6) {
            0 | 1 => drop(limits.insert("concurrency".into(), rng.u32(1..10).into())),
            2 => drop(limits.insert("concurrency".into(), "adaptive".into())),
            _ => {}
        }
        if rng.u8(..4) == 0 {
            limits.insert("tpm".into(), rng.u32(1_000..50_000).into());
        }
        let mut deployment = json!({"model": one(rng, &MODELS), "api_key": "x", "limits": limits});
        if rng.u8(..4) == 0 {
            deployment["stream_upstream"] = true.into();
        }
        deployments.insert(format!("d{at}"), deployment);
    }
    let names: Vec<String> = deployments.keys().cloned().collect();
    let first = rng.usize(1..=names.len());
    let strategies = ["priority", "round_robin", "weighted", "cheapest", "fastest", "least_busy", "balanced"];
    let mut route =
        json!({"candidates": names[..first], "fallback": names[first..], "strategy": one(rng, &strategies)});
    if let Some(word) = one(rng, &[None, Some("raise"), Some("restart"), Some("continue")]) {
        route["on_stream_failure"] = word.into();
    }
    json!({
        "deployments": deployments,
        "routes": {"auto": route},
        "resilience": {
            "retry": {"attempts": rng.u32(1..6), "per_deployment": rng.u32(1..4), "budget": shares(rng)},
            "breaker": {
                "failures": rng.u32(1..8), "cooldown": rng.u32(1..30), "slow_start": rng.u32(0..40), "by_error": by_error(rng),
            },
            "hedge": hedge(rng),
            "throughput": {"min": one(rng, &[0.0, 5.0, 30.0]), "window": "5s"},
            "queue": {"max": rng.u32(0..20), "max_wait": rng.u32(0..20)},
            "on_all_unavailable": one(rng, &[json!("fail"), json!("probe_best"), json!({"wait": "5s"})]),
        },
    })
}

/// Shares of the retry budget.
fn shares(rng: &mut Rng) -> Value {
    let mut share = || one(rng, &[0.0, 0.1, 0.2, 0.5, 1.0]);
    json!({"same": share(), "keys": share(), "models": share()})
}

/// Failures of single classes that open a breaker.
fn by_error(rng: &mut Rng) -> Value {
    let classes = ["overloaded", "server", "connection", "timeout", "protocol", "stream"];
    let chosen = classes.into_iter().filter(|_| rng.u8(..4) == 0).collect::<Vec<_>>();
    chosen
        .into_iter()
        .map(|class| (class.to_owned(), Value::from(rng.u32(1..6))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Second copies: none, by default, or as it comes.
fn hedge(rng: &mut Rng) -> Value {
    let after = one(rng, &["p50", "p90", "p95", "200ms", "1s"]);
    let written = json!({"after": after, "max_extra": one(rng, &[0.02, 0.05, 0.2, 1.0])});
    one(rng, &[false.into(), true.into(), written.clone(), written])
}

/// Quiet hours with a burst in each few, and outages of every kind.
fn hard_times(rng: &mut Rng, hours: u64) -> Value {
    let mut traffic = serde_json::Map::new();
    let kind = |rpm: f64, rng: &mut Rng| {
        json!({
            "rpm": rpm, "stream": rng.f64(), "leave": one(rng, &[0.0, 0.0, 0.2]), "prompt_tokens": 20, "answer_tokens": 60,
            "timeout": one(rng, &["180s", "20s", "2s"]), "sessions": rng.u32(1..5),
        })
    };
    traffic.insert("quiet".into(), kind(0.05, rng));
    let mut outages = Vec::new();
    for burst in 0..hours.div_ceil(16) {
        let at = Duration::from_secs(rng.u64(..hours * 3_600 - 300));
        let mut more = kind(rng.f64() * 60.0, rng);
        (more["at"], more["for"]) = (at.as_secs().into(), 90.into());
        traffic.insert(format!("burst {burst}"), more);
        let mut outage = json!({
            "on": one(rng, &["*", "d0", "d0"]), "at": (at.as_secs() + rng.u64(..60)), "for": rng.u64(1..120), "fault": fault(rng),
            "share": 0.3 + 0.7 * rng.f64(),
        });
        if rng.bool() {
            outage["retry_after"] = rng.u64(1..30).into();
        }
        outages.push(outage);
    }
    let faults: Vec<Value> = (0..4).map(|_| fault(rng)).collect();
    json!({
        "duration": format!("{hours}h"), "step": "10m", "traffic": traffic, "outages": outages,
        "deployments": {"*": {"faults": {"500": 0.02, "cut": 0.02, "reset": 0.01}, "retry_after": "1s"}},
        "chance": {"every": "2h", "lasts": "5m", "faults": faults},
    })
}
