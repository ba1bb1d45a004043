//! Of every call, every limit, every breaker.

use std::{collections::HashMap, sync::atomic::AtomicBool, time::Duration};

use fastrand::Rng;
use serde_json::{Value, json};
use waypost::{
    clock,
    simulate::{Ending, Sent, Stage, Told, in_virtual_time},
};

use super::{fleet, hard_times, one, play, runs, scenario, settings};

/// Hours of one run.
const LONG: u64 = 50;

#[test]
fn every_call_ends_once_whole_and_in_its_time_and_no_limit_is_exceeded() {
    for seed in 0..runs(LONG, 0.9) {
        let mut rng = Rng::with_seed(seed);
        let (config, times) = (fleet(&mut rng), hard_times(&mut rng, LONG));
        let (told, stage) = play(&config, &times, seed);
        let sent = stage.world().sent();
        calls_hold(&config, &told, &sent, seed);
        limits_hold(&config, &sent, seed);
        copies_hold(&config, &sent, seed);
        for (place, status) in stage.router().deployments().iter().enumerate() {
            assert_eq!((status.in_flight, stage.world().at_once(place)), (0, 0), "{}: seed {seed}", status.name);
        }
        assert_eq!(stage.router().under_way(), (0, 0), "seed {seed}");
    }
}

/// No call is lost or answered twice, none outlives its deadline, none has more attempts than it may have, and no answer lacks a word.
fn calls_hold(config: &Value, told: &[Told], sent: &[Sent], seed: u64) {
    /// A deadline is kept to the grain of the clock.
    const GRAIN: f64 = 0.05;
    let most = config["resilience"]["retry"]["attempts"].as_u64().unwrap();
    let mut requests: HashMap<u64, u64> = HashMap::new();
    for sent in sent {
        *requests.entry(sent.call.unwrap_or(u64::MAX)).or_default() += 1;
    }
    for (number, told) in (0..).zip(told) {
        assert_eq!(told.number, number, "each call once: seed {seed}");
        assert!(told.latency <= 180.0 + GRAIN, "{told:?}: seed {seed}");
        assert!(told.ending != Ending::Answered || told.whole, "{told:?}: seed {seed}");
        let tried = requests.remove(&number).unwrap_or(0);
        assert!(tried <= most, "{tried} attempts of {most}: {told:?}, seed {seed}");
        assert_eq!(tried, u64::from(told.requests));
    }
    assert!(requests.is_empty(), "requests for nobody: {requests:?}, seed {seed}");
}

/// In no minute are more requests sent than may be, and never more at once.
fn limits_hold(config: &Value, sent: &[Sent], seed: u64) {
    for (place, (name, deployment)) in config["deployments"].as_object().unwrap().iter().enumerate() {
        let own: Vec<&Sent> = sent.iter().filter(|sent| sent.deployment == place).collect();
        if let Some(rpm) = deployment["limits"]["rpm"].as_u64() {
            for pair in own.windows(rpm as usize + 1) {
                let span = pair[rpm as usize].at.checked_sub(pair[0].at).unwrap();
                assert!(span >= Duration::from_secs(60), "{name}: {rpm} + 1 in {span:?}, seed {seed}");
            }
        }
        if let Some(most) = deployment["limits"]["concurrency"].as_u64() {
            let most_at_once = own.iter().map(|sent| sent.at_once).max().unwrap_or(0);
            assert!(u64::from(most_at_once) <= most, "{name}: {most_at_once} at once of {most}, seed {seed}");
        }
    }
}

/// Second copies are a share of the requests; only the first one is on credit.
fn copies_hold(config: &Value, sent: &[Sent], seed: u64) {
    let hedge = &config["resilience"]["hedge"];
    let share = match hedge.as_bool() {
        Some(on) => 0.05 * f64::from(u8::from(on)),
        None => hedge["max_extra"].as_f64().unwrap(),
    };
    let copies = sent.iter().filter(|sent| sent.beside).count() as f64;
    let most = if share > 0.0 { share * (sent.len() as f64 - copies) + 1.0 } else { 0.0 };
    assert!(copies <= most, "{copies} copies of {} requests: {hedge}, seed {seed}", sent.len());
}

/// A breaker rests as long as it is told, and then lets somebody through: who is healthy again gets its traffic back.
#[test]
fn a_deployment_that_is_healthy_again_is_back_after_its_longest_rest() {
    for seed in 0..runs(1, 0.008) {
        let mut rng = Rng::with_seed(seed);
        let (cooldown, longest, slow) = (rng.u64(1..40), rng.u64(1..90), rng.u64(0..60));
        let rest = cooldown.max(longest);
        let breaker = json!({
            "failures": rng.u32(1..6), "cooldown": cooldown, "max_cooldown": rest, "slow_start": slow,
        });
        let config = json!({
            "deployments": {"a": {"model": "openai/m", "api_key": "x", "price": {"input": 1, "output": 1}},
                            "b": {"model": "anthropic/m", "api_key": "x", "price": {"input": 1, "output": 1}}},
            "routes": {"auto": {"candidates": ["a"], "fallback": ["b"]}},
            "resilience": {"breaker": breaker, "timeouts": {"response": "20s", "stall": "10s"}},
        });
        let (at, lasts) = (rng.u64(60..600), rng.u64(10..1_200));
        let kind = one(
            &mut rng,
            &[json!("down"), json!("hang"), json!("reset"), json!("cut"), json!("garbage"), json!(500), json!(503)],
        );
        let outage = json!({"on": "a", "at": at, "for": lasts, "fault": kind});
        let traffic =
            json!({"rpm": 6, "prompt_tokens": 20, "answer_tokens": 60, "stream": rng.f64(), "arrivals": "even"});
        let (told, stage) = play(&config, &json!({"duration": "1h", "traffic": traffic, "outages": [outage]}), seed);
        // The last attempt of the outage may end so long after it; then the longest rest; then the next caller is the probe.
        let healthy = (at + lasts + 20 + rest + 10 + slow) as f64;
        for late in told.iter().filter(|told| told.at.as_secs_f64() > healthy) {
            assert_eq!(late.deployment.as_deref(), Some("a"), "{late:?}: {outage}, {breaker}, seed {seed}");
            assert_eq!(late.requests, 1, "{late:?}: seed {seed}");
        }
        assert_eq!(stage.router().deployments()[0].breaker, "closed", "seed {seed}");
        assert!(told.iter().all(|told| told.ending == Ending::Answered || kind == "cut"), "{outage}: seed {seed}");
    }
}

/// A rest is never longer than it may be, however often a probe has failed, seen at any moment.
#[test]
fn no_rest_is_longer_than_the_longest() {
    for seed in 0..runs(1, 0.003) {
        let mut rng = Rng::with_seed(seed);
        let (cooldown, longest) = (rng.u64(1..30), rng.u64(1..120));
        let config = json!({
            "deployments": {"a": {"model": "openai/m", "api_key": "x"}, "b": {"model": "openai/m", "api_key": "x"}},
            "routes": {"auto": {"candidates": ["a", "b"]}},
            "resilience": {"breaker": {"failures": 2, "cooldown": cooldown, "max_cooldown": cooldown.max(longest)}},
        });
        let times = json!({
            "duration": "20m", "traffic": {"rpm": 12, "prompt_tokens": 20, "answer_tokens": 20},
            "outages": [{"on": "a", "at": "1m", "for": "15m", "fault": one(&mut rng, &[json!(500), json!("down")])}],
        });
        let (settings, times) = (settings(config), scenario(&times));
        let most = in_virtual_time(async move || {
            let stage = Stage::new(settings, &times, seed).unwrap();
            let look = async {
                let mut most: f64 = 0.0;
                for _ in 0..20 * 60 {
                    clock::sleep_until(clock::now() + Duration::from_secs(1)).await;
                    most = most.max(stage.router().deployments()[0].opens_in.unwrap_or(0.0));
                }
                most
            };
            let stop = AtomicBool::new(false);
            let (played, most) = tokio::join!(stage.play(&stop), look);
            played.unwrap();
            most
        });
        let (most, longest) = (most.unwrap(), cooldown.max(longest) as f64);
        assert!(most > 0.0 && most <= longest, "{most} of {longest}: seed {seed}");
    }
}

/// What a failing provider has to bear: the failures that open its breaker, and then a probe a rest.
#[test]
fn the_load_on_a_failing_provider_is_a_probe_a_rest() {
    for seed in 0..runs(1, 0.003) {
        let mut rng = Rng::with_seed(seed);
        let (failures, cooldown) = (rng.u64(1..8), rng.u64(5..30));
        let config = json!({
            "deployments": {"a": {"model": "openai/m", "api_key": "x"}, "b": {"model": "openai/m", "api_key": "x"}},
            "routes": {"auto": {"candidates": ["a"], "fallback": ["b"]}},
            "resilience": {"breaker": {"failures": failures, "cooldown": cooldown, "max_cooldown": cooldown}},
        });
        let lasts = rng.u64(60..900);
        let times = json!({
            "duration": "20m", "traffic": {"rpm": rng.u32(10..80), "prompt_tokens": 20, "answer_tokens": 20},
            "outages": [{"on": "a", "at": "2m", "for": lasts, "fault": one(&mut rng, &[json!(500), json!(503), json!("down")])}],
        });
        let (told, stage) = play(&config, &times, seed);
        let borne =
            stage.world().sent().iter().filter(|sent| sent.deployment == 0 && sent.fault.is_some()).count() as u64;
        // Requests on their way when the breaker opened.
        let under_way = 40;
        assert!(
            borne <= failures + lasts / cooldown + 1 + under_way,
            "{borne}: {failures}, {lasts}/{cooldown}, seed {seed}"
        );
        assert!(told.iter().all(|told| told.ending == Ending::Answered), "seed {seed}");
    }
}

/// With the breaker out of the way, further attempts never exceed three of a kind or their share of the calls under way.
#[test]
fn repetitions_stay_within_the_budget_at_every_moment() {
    for seed in 0..runs(1, 0.0015) {
        let mut rng = Rng::with_seed(seed);
        let shares = [(); 3].map(|()| one(&mut rng, &[0.0, 0.1, 0.2, 0.5]));
        let [same, keys, models] = shares;
        let budget = json!({"same": same, "keys": keys, "models": models});
        let one = json!({"model": "openai/m", "api_key": "x"});
        let config = json!({
            "deployments": {"a": one, "b": one, "c": {"model": "gemini/m", "api_key": "x"}},
            "resilience": {
                "breaker": {"failures": 1_000_000, "ratio": 1.0},
                "retry": {"attempts": 9, "per_deployment": 9, "budget": budget},
            },
        });
        let times = json!({
            "duration": "4m", "traffic": {"rpm": 400, "prompt_tokens": 20, "answer_tokens": 200},
            "outages": [{"on": "*", "at": "1m", "for": "2m", "fault": 503, "share": 0.9}],
        });
        let (settings, times) = (settings(config), scenario(&times));
        let peak = in_virtual_time(async move || {
            let stage = Stage::new(settings, &times, seed).unwrap();
            let look = async {
                let (mut peak, mut most_calls) = (0, 0);
                for _ in 0..240 * 20 {
                    clock::sleep_until(clock::now() + Duration::from_millis(50)).await;
                    let (calls, repeats) = stage.router().under_way();
                    peak = peak.max(repeats);
                    most_calls = most_calls.max(calls);
                    // Other calls end while a repetition goes on: what was allowed when it began.
                    let bound = |share: f64| if share > 0.0 { 3.0_f64.max(most_calls as f64 * share) } else { 0.0 };
                    let bound: f64 = shares.iter().map(|share| bound(*share)).sum();
                    assert!(repeats as f64 <= bound, "{repeats} of {calls}, at most {bound}: {shares:?}, seed {seed}");
                }
                peak
            };
            let stop = AtomicBool::new(false);
            let (played, peak) = tokio::join!(stage.play(&stop), look);
            played.unwrap();
            assert_eq!(stage.router().under_way(), (0, 0));
            peak
        });
        assert!(peak.unwrap() >= 3 || shares.iter().all(|share| *share <= 0.0), "the budget is used");
    }
}

/// Who asks for a pause gets it, from every call.
#[test]
fn a_pause_that_is_asked_for_is_kept_by_everybody() {
    /// The refusal is known when its head is there.
    const KNOWN: Duration = Duration::from_millis(45);
    for seed in 0..runs(1, 0.003) {
        let mut rng = Rng::with_seed(seed);
        let wait = rng.u64(1..90);
        let config = json!({
            "deployments": {"a": {"model": "openai/m", "api_key": "x"}, "b": {"model": "gemini/m", "api_key": "x"}},
            "routes": {"auto": {"candidates": ["a", "b"], "strategy": one(&mut rng, &["priority", "round_robin", "least_busy"])}},
        });
        let status = one(&mut rng, &[429, 503]);
        let times = json!({
            "duration": "15m", "traffic": {"rpm": 60, "prompt_tokens": 20, "answer_tokens": 60, "stream": rng.f64()},
            "outages": [{"on": "a", "at": "3m", "for": "9m", "fault": status, "retry_after": wait, "share": 0.7}],
        });
        let sent = play(&config, &times, seed).1.world().sent();
        let own: Vec<_> = sent.iter().filter(|sent| sent.deployment == 0).collect();
        for refused in own.iter().filter(|sent| sent.fault.is_some()) {
            let (from, to) = (refused.at + KNOWN, refused.at + Duration::from_secs(wait));
            let early = own.iter().find(|sent| sent.at > from && sent.at < to);
            assert_eq!(early, None, "{status} with a wait of {wait} s at {:?}: seed {seed}", refused.at);
        }
        assert!(own.iter().any(|sent| sent.fault.is_some()));
    }
}
