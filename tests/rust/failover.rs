//! The attempt loop under virtual time: who is tried, when, and what is left behind.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use waypost::{
    clock,
    error::ErrorKind,
    router::{Call, Router},
    trace::{Outcome, Reason},
};

use crate::wire::{Act, Wire, answer, call, ms, status, with};

fn names(sent: &[(String, u64)]) -> Vec<&str> {
    sent.iter().map(|(host, _)| host.as_str()).collect()
}

async fn kind(router: &Router, call: Call) -> ErrorKind {
    router.chat(call).await.unwrap_err().0.error.kind
}

#[tokio::test(start_paused = true)]
async fn a_failed_candidate_is_left_at_once_and_the_last_one_is_tried_again_before_the_fallback() {
    let wire = Wire::new(&[("a", &[status(500)]), ("b", &[status(500)]), ("z", &[answer(0)])]);
    let reply = wire.router(&["a", "b"], &["z"], json!({"seed": 1})).chat(call()).await.unwrap();
    let sent = wire.sent();
    assert_eq!(names(&sent), ["a", "b", "b", "z"]);
    assert_eq!((sent[0].1, sent[1].1), (0, 0));
    assert!(sent[2].1 <= 250, "the first pause is at most 250 ms: {}", sent[2].1);
    assert_eq!(sent[3].1, sent[2].1);
    assert_eq!(reply.decision.chosen.as_ref().unwrap().as_str(), "z");
    assert!(
        reply.decision.reason.ends_with("`a` (server), `b` (server) failed, `z` was attempt 4"),
        "{}",
        reply.decision.reason
    );
}

#[tokio::test(start_paused = true)]
async fn backoff_is_full_jitter_up_to_its_ceiling() {
    let mut longest = [0, 0, 0];
    for seed in 0..60 {
        let wire = Wire::new(&[("a", &[status(429)])]);
        let retry = json!({"seed": seed, "resilience": {"retry": {"attempts": 4, "per_deployment": 4, "max_backoff": "400ms"}}});
        assert_eq!(kind(&wire.router(&["a"], &[], retry), call()).await, ErrorKind::RateLimit);
        let sent = wire.sent();
        for (nth, most) in [250, 400, 400].into_iter().enumerate() {
            let pause = sent[nth + 1].1 - sent[nth].1;
            assert!(pause <= most, "{pause} > {most}");
            longest[nth] = longest[nth].max(pause);
        }
    }
    assert!(longest[0] > 200 && longest[1] > 320 && longest[2] > 320, "the whole range is used: {longest:?}");
}

/// Facts of `retry_after_parse` (openai-python's and anthropic-sdk-python's tests), re-typed: header → wait in ms. Rows
/// that those clients answer with their own backoff are `None` here.
const RETRY_AFTER: &[(&str, &str, Option<u64>)] = &[
    ("retry-after", "20", Some(20_000)),
    ("retry-after", "60", Some(60_000)),
    ("retry-after", "61", Some(61_000)),
    ("retry-after", "120", Some(120_000)),
    ("retry-after", "1.5", Some(1_500)),
    ("retry-after-ms", "1500", Some(1_500)),
    ("retry-after-ms", "120000", Some(120_000)),
    ("retry-after", "0", None),
    ("retry-after", "-10", None),
    ("retry-after", "99999999999999999999999999999999999", None),
    ("retry-after", "inf", None),
    ("retry-after", "nan", None),
    ("retry-after", "Zun, 29 Sep 2023 16:26:27 GMT", None),
    ("retry-after", "Fri, 29 Sep 100000 16:26:57 GMT", None),
    ("retry-after", "Fri, 29 Sep 2023 16:26:27 GMT", None),
    ("retry-after", "", None),
];

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_asked_for_is_kept_exactly() {
    for (name, value, wait) in RETRY_AFTER {
        let wire = Wire::new(&[("a", &[with(429, name, value), answer(0)])]);
        wire.router(&["a"], &[], json!({})).chat(call()).await.unwrap();
        let second = wire.sent()[1].1;
        match wait {
            Some(wait) => assert!((*wait..=wait + 2).contains(&second), "{name}: {value} → {second}"),
            None => assert!(second <= 250, "{name}: {value} → {second}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_two_minutes_or_the_deadline_is_not_begun() {
    for (name, value) in [("retry-after", "121"), ("retry-after-ms", "120001"), ("retry-after", "179.9999")] {
        let wire = Wire::new(&[("a", &[with(429, name, value)])]);
        let failure = wire.router(&["a"], &[], json!({})).chat(call()).await.unwrap_err();
        assert_eq!((failure.0.error.kind, wire.now()), (ErrorKind::RateLimit, 0));
        assert!(failure.0.error.context.retry_after.unwrap() > Duration::from_secs(120));
    }
    let wire = Wire::new(&[("a", &[with(503, "retry-after", "10")])]);
    let short = Call { timeout: Some(Duration::from_secs(10)), ..call() };
    assert_eq!(kind(&wire.router(&["a"], &[], json!({})), short).await, ErrorKind::Overloaded);
    assert_eq!(wire.now(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_fallback_is_reached_at_once_after_silence_and_after_a_long_wait() {
    for (act, at) in [(with(429, "retry-after", "4"), 0), (Act::Hang, 90_000)] {
        let wire = Wire::new(&[("a", &[act]), ("z", &[answer(0)])]);
        wire.router(&["a"], &["z"], json!({})).chat(call()).await.unwrap();
        assert_eq!(wire.sent(), [("a".to_owned(), 0), ("z".to_owned(), at)]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_exact_and_told_apart_from_a_timeout() {
    let wire = Wire::new(&[("a", &[Act::Hang])]);
    let router = wire.router(&["a"], &[], json!({}));
    assert_eq!(kind(&router, Call { timeout: Some(ms(700)), ..call() }).await, ErrorKind::DeadlineExceeded);
    assert_eq!(wire.now(), 700);
    assert_eq!(kind(&router, call()).await, ErrorKind::Timeout);
    assert_eq!(wire.now(), 700 + 90_000);
    // Two milliseconds are too little to send anything in.
    let failure = router.chat(Call { timeout: Some(ms(1)), ..call() }).await.unwrap_err();
    assert_eq!(failure.0.error.kind, ErrorKind::DeadlineExceeded);
    assert!(failure.0.decision.unwrap().attempts.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_thousand_calls_at_a_half_open_breaker_send_one_probe() {
    let wire = Wire::new(&[("a", &[status(500), answer(1_000)]), ("b", &[answer(0)])]);
    let breaker = json!({"resilience": {"breaker": {"failures": 1, "cooldown": "15s"}}});
    let router = wire.router(&["a", "b"], &[], breaker);
    router.chat(call()).await.unwrap();
    sleep(Duration::from_secs(15)).await;
    let replies = join_all((0..1_000).map(|_| router.chat(call()))).await;
    let by_a = replies.iter().filter(|reply| reply.as_ref().unwrap().deployment.as_str() == "a").count();
    assert_eq!(by_a, 1);
    assert_eq!(names(&wire.sent()).iter().filter(|host| **host == "a").count(), 2);
    assert_eq!(router.deployments()[0].breaker, "closed");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_probe_gives_its_place_back() {
    let wire = Wire::new(&[("a", &[status(500), Act::Hang, answer(0)])]);
    let breaker = json!({"resilience": {"breaker": {"failures": 1}, "retry": {"attempts": 1}}});
    let router = wire.router(&["a"], &[], breaker);
    router.chat(call()).await.unwrap_err();
    sleep(Duration::from_secs(15)).await;
    timeout(ms(10), router.chat(call())).await.unwrap_err();
    assert_eq!(router.deployments()[0].breaker, "half_open");
    router.chat(call()).await.unwrap();
    assert_eq!(router.deployments()[0].breaker, "closed");
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_a_minute_costs_few_attempts_and_the_primary_is_back_within_half_a_minute() {
    let wire = Wire::new(&[("a", &[status(503)]), ("z", &[answer(0)])]);
    let router = wire.router(&["a"], &["z"], json!({}));
    for _ in 0..15 {
        assert_eq!(router.chat(call()).await.unwrap().deployment.as_str(), "z");
        sleep(Duration::from_secs(4)).await;
    }
    let during = names(&wire.sent()).iter().filter(|host| **host == "a").count();
    assert!(during <= 20, "{during}");
    let wait = router.deployments()[0].opens_in.unwrap_or(0.0);
    assert!(wait <= 30.0, "{wait}");
}

#[tokio::test(start_paused = true)]
async fn repetitions_stay_within_a_fifth_of_the_calls_and_are_given_back() {
    let wire = Wire::new(&[("a", &[Act::Say(ms(100), 429, Vec::new(), "{}".into())])]);
    let retry = json!({"resilience": {"retry": {"backoff": "1s", "max_backoff": "1s"}}});
    let router = wire.router(&["a"], &[], retry);
    join_all((0..1_000).map(|_| router.chat(call()))).await;
    let sent = wire.sent().len();
    assert!((1_150..=1_203).contains(&sent), "{sent}");
    // Cancelled in their pauses they are given back too: the next ones have the whole budget again.
    let pauses = join_all((0..3).map(|_| timeout(ms(101), router.chat(call())))).await;
    assert!(pauses.iter().all(Result::is_err));
    let before = wire.sent().len();
    join_all((0..3).map(|_| router.chat(call()))).await;
    assert_eq!(wire.sent().len() - before, 6);
}

#[tokio::test(start_paused = true)]
async fn limits_are_never_exceeded() {
    let wire = Wire::new(&[("a", &[answer(500)])]);
    let router = wire.router(&["a"], &[], json!({"each": {"limits": {"rpm": 30, "concurrency": 7}}}));
    let results = join_all((0..100).map(|n| {
        let router = &router;
        async move {
            sleep(ms(n * 13)).await;
            let result = router.chat(call()).await;
            assert!(router.deployments()[0].in_flight <= 7);
            result.is_ok()
        }
    }))
    .await;
    let served = results.iter().filter(|ok| **ok).count();
    assert_eq!(served, wire.sent().len());
    assert!((25..=30).contains(&served), "{served}");
    assert_eq!(router.deployments()[0].in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_place_gets_it_as_soon_as_it_frees_or_is_refused_after_three_seconds() {
    let wire = Wire::new(&[("a", &[answer(1_100)])]);
    let router = wire.router(&["a"], &[], json!({"each": {"limits": {"concurrency": 1}}}));
    let results = join_all((0..5).map(|_| router.chat(call()))).await;
    assert_eq!(wire.sent().iter().map(|sent| sent.1).collect::<Vec<_>>(), [0, 1_100, 2_200]);
    let refused: Vec<_> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    assert_eq!(refused.len(), 2);
    assert!(refused.iter().all(|failure| failure.0.error.kind == ErrorKind::NoCandidates));
    let patient = Call { patient: true, ..call() };
    let results = join_all((0..8).map(|_| router.chat(patient.clone()))).await;
    assert!(results.iter().all(Result::is_ok));
}

#[tokio::test(start_paused = true)]
async fn a_repetition_queues_for_its_place_again() {
    let fault = Act::Say(ms(50), 500, Vec::new(), "{}".into());
    let wire = Wire::new(&[("a", &[fault, answer(100)])]);
    let router = wire.router(&["a"], &[], json!({"each": {"limits": {"concurrency": 1}}}));
    let results = join_all((0..10).map(|_| router.chat(call()))).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(wire.sent().len(), 11);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_has_the_last_word_on_its_tries() {
    let wire = Wire::new(&[("a", &[status(500)]), ("b", &[status(500)])]);
    let mut more = json!({"deployments": {"a": {}, "b": {}}, "resilience": {"retry": {"attempts": 9}}});
    more["each"] = json!({"retry": {"per_deployment": 3}});
    wire.router(&["a", "b"], &[], more).chat(call()).await.unwrap_err();
    assert_eq!(wire.sent().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_leaves_nothing_under_way() {
    for act in [Act::Hang, answer(1_000), with(429, "retry-after", "60")] {
        let wire = Wire::new(&[("a", &[act])]);
        let router = wire.router(&["a"], &[], json!({"each": {"limits": {"tpm": 1_000, "concurrency": 1}}}));
        timeout(ms(100), router.chat(call())).await.unwrap_err();
        let standing = &router.deployments()[0];
        assert_eq!((standing.in_flight, standing.breaker), (0, "closed"));
        assert_eq!(standing.limits_left, [("tpm", 1_000), ("concurrency", 1)]);
        assert!(router.metrics().contains("outcome=\"cancelled\"} 1"));
        sleep(Duration::from_secs(200)).await;
        assert_eq!(wire.sent().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_one_call_leaves_the_router_usable() {
    let wire = Wire::new(&[("a", &[Act::Panic, answer(0)])]);
    let router = wire.router(&["a"], &[], json!({"each": {"limits": {"concurrency": 1}}}));
    let broken = router.clone();
    assert!(tokio::spawn(async move { broken.chat(call()).await.is_ok() }).await.unwrap_err().is_panic());
    router.chat(call()).await.unwrap();
    assert_eq!(router.deployments()[0].in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn no_silent_candidate_takes_the_whole_deadline_while_another_is_ready() {
    let wire = Wire::new(&[("a", &[Act::Hang]), ("b", &[Act::Hang]), ("c", &[Act::Hang])]);
    let mut stream =
        wire.router(&["a", "b", "c"], &[], json!({})).stream(Call { timeout: Some(ms(900)), ..call() }).unwrap();
    let failure = stream.next().await.unwrap().unwrap_err();
    assert_eq!(failure.0.error.kind, ErrorKind::DeadlineExceeded);
    assert_eq!(wire.sent(), [("a".to_owned(), 0), ("b".to_owned(), 600), ("c".to_owned(), 800)]);
    assert_eq!(wire.now(), 900);
    let outcomes: Vec<_> = failure.0.decision.unwrap().attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Outcome::Error; 3]);
}

/// `a` is cooled by a first call, which `b` then serves; every later answer of `b` is a failure.
async fn cooled(pause: &str) -> (Arc<Wire>, Router) {
    let wire = Wire::new(&[("a", &[with(429, "retry-after-ms", pause), answer(0)]), ("b", &[answer(0), status(401)])]);
    let router = wire.router(&["a", "b"], &[], json!({}));
    assert_eq!(router.chat(call()).await.unwrap().deployment.as_str(), "b");
    (wire, router)
}

#[tokio::test(start_paused = true)]
async fn who_cools_when_the_call_begins_is_tried_when_its_pause_ends() {
    for pause in [20, 2_900] {
        let (wire, router) = cooled(&pause.to_string()).await;
        let reply = router.chat(call()).await.unwrap();
        assert_eq!(wire.sent()[2..], [("b".to_owned(), 0), ("a".to_owned(), pause)]);
        let candidates: Vec<_> =
            reply.decision.candidates.iter().map(|c| (c.deployment.as_str(), c.refused.is_none(), c.rank)).collect();
        assert_eq!(candidates, [("b", true, Some(1)), ("a", true, Some(2))]);
        assert_eq!(reply.decision.chosen.as_ref().unwrap().as_str(), "a");
        assert!(reply.decision.reason.ends_with("`b` (authentication) failed, `a` was attempt 2"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_longer_than_patience_or_the_deadline_is_not_waited_out() {
    let (wire, router) = cooled("3100").await;
    let failure = router.chat(call()).await.unwrap_err();
    assert_eq!((failure.0.error.kind, wire.now()), (ErrorKind::Authentication, 0));
    let decision = failure.0.decision.unwrap();
    let a = decision.candidates.iter().find(|c| c.deployment.as_str() == "a").unwrap();
    assert_eq!((a.refused.as_ref().map(Reason::code), a.rank), (Some("rate_limited"), None));
    let (wire, router) = cooled("500").await;
    router.chat(Call { timeout: Some(ms(400)), ..call() }).await.unwrap_err();
    assert_eq!((wire.sent().len(), wire.now()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn who_is_full_when_the_call_begins_is_waited_for_when_nobody_else_is_left() {
    let wire = Wire::new(&[("a", &[answer(1_500)]), ("b", &[status(401)])]);
    let router = wire.router(&["a", "b"], &[], json!({"each": {"limits": {"concurrency": 1}}}));
    let both = join_all((0..2).map(|_| router.chat(call()))).await;
    assert!(both.iter().all(Result::is_ok), "{both:?}");
    assert_eq!(wire.sent(), [("a".to_owned(), 0), ("b".to_owned(), 0), ("a".to_owned(), 1_500)]);
}

#[tokio::test(start_paused = true)]
async fn a_spent_limit_is_believed_until_its_reset() {
    let spent = vec![("x-ratelimit-remaining-requests", "0".into()), ("x-ratelimit-reset-requests", "2s".into())];
    let Act::Say(_, _, _, body) = answer(0) else { unreachable!() };
    let wire =
        Wire::new(&[("a", &[Act::Say(ms(0), 429, spent.clone(), "{}".into()), Act::Say(ms(0), 200, spent, body)])]);
    let router = wire.router(&["a"], &[], json!({}));
    let start = clock::now();
    router.chat(call()).await.unwrap();
    assert_eq!(start.elapsed().as_millis(), 2_000);
    router.chat(call()).await.unwrap();
    assert_eq!(start.elapsed().as_millis(), 4_000);
}

/// A breaker that one failure opens, one attempt a call, and this word on an outage of everyone.
fn resting(word: &Value) -> Value {
    json!({"resilience": {"breaker": {"failures": 1}, "retry": {"attempts": 1}, "on_all_unavailable": word}})
}

#[tokio::test(start_paused = true)]
async fn when_everyone_rests_the_call_is_refused_at_once_unless_the_configuration_says_otherwise() {
    let wire = Wire::new(&[("a", &[status(500), answer(0)])]);
    let router = wire.router(&["a"], &[], resting(&json!("fail")));
    router.chat(call()).await.unwrap_err();
    let failure = router.chat(call()).await.unwrap_err();
    assert_eq!((failure.0.error.kind, wire.now(), wire.sent().len()), (ErrorKind::NoCandidates, 0, 1));
    assert_eq!(failure.0.error.context.retry_after, Some(Duration::from_secs(15)));
}

#[tokio::test(start_paused = true)]
async fn the_best_of_those_who_rest_is_asked_all_the_same() {
    let wire = Wire::new(&[("a", &[status(500), status(500), answer(0)]), ("b", &[status(500)])]);
    let router = wire.router(&["a", "b"], &[], resting(&json!("probe_best")));
    for _ in 0..2 {
        router.chat(call()).await.unwrap_err();
    }
    assert_eq!(router.deployments().iter().map(|d| d.breaker).collect::<Vec<_>>(), ["open", "open"]);
    // A probe that fails is one attempt, and the rest goes on as it was.
    sleep(Duration::from_secs(1)).await;
    let failure = router.chat(call()).await.unwrap_err();
    assert_eq!(failure.0.error.kind, ErrorKind::Server);
    assert_eq!(router.deployments()[0].opens_in, Some(14.0));
    let reply = router.chat(call()).await.unwrap();
    assert_eq!(names(&wire.sent()), ["a", "b", "a", "a"]);
    assert_eq!(reply.decision.reason, "`a` is asked although it rests: nobody else may serve");
    let first = &reply.decision.candidates[0];
    assert_eq!((first.deployment.as_str(), first.refused.is_none(), first.rank), ("a", true, Some(1)));
    assert!(first.detail().unwrap().starts_with("rests for 14.0 s more after failures"));
    assert_eq!(reply.decision.candidates[1].refused.as_ref().map(Reason::code), Some("breaker_open"));
    assert_eq!(router.deployments()[0].breaker, "closed");
    assert!(router.metrics().contains("waypost_early_probes_total{deployment=\"a\""));
}

#[tokio::test(start_paused = true)]
async fn a_probe_before_its_time_ignores_no_rule_and_no_switch_and_goes_alone() {
    let wire = Wire::new(&[("a", &[status(500), answer(500)]), ("b", &[status(500), answer(500)])]);
    let mut config = resting(&json!("probe_best"));
    config["rules"] = json!([{"name": "not a", "when": "'x' in tags", "deny": ["a"]}]);
    let router = wire.router(&["a", "b"], &[], config);
    for _ in 0..2 {
        router.chat(call()).await.unwrap_err();
    }
    let tagged = Call { tags: vec!["x".into()], ..call() };
    let three = join_all((0..3).map(|_| router.chat(tagged.clone()))).await;
    assert_eq!(three.iter().filter(|result| result.is_ok()).count(), 1, "one at a time, and none by way of `a`");
    assert_eq!(names(&wire.sent()), ["a", "b", "b"]);
    router.disable("b", true).unwrap();
    router.disable("a", true).unwrap();
    assert_eq!(kind(&router, call()).await, ErrorKind::NoCandidates);
    assert_eq!(wire.sent().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_call_may_wait_for_the_first_probe_and_for_its_outcome() {
    let wire = Wire::new(&[("a", &[status(500), answer(300)])]);
    let mut config = resting(&json!({"wait": "5s"}));
    config["resilience"]["breaker"]["cooldown"] = json!("4s");
    let router = wire.router(&["a"], &[], config);
    router.chat(call()).await.unwrap_err();
    let results = join_all((0..3).map(|_| router.chat(call()))).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(wire.sent().iter().map(|sent| sent.1).collect::<Vec<_>>(), [0, 4_000, 4_300, 4_300]);
}

#[tokio::test(start_paused = true)]
async fn no_wait_for_a_probe_is_begun_that_its_bound_or_the_deadline_cuts_short() {
    let wire = Wire::new(&[("a", &[status(500)])]);
    let router = wire.router(&["a"], &[], resting(&json!({"wait": "5s"})));
    router.chat(call()).await.unwrap_err();
    assert_eq!(kind(&router, call()).await, ErrorKind::NoCandidates);
    sleep(Duration::from_secs(11)).await;
    let short = Call { timeout: Some(Duration::from_secs(3)), ..call() };
    assert_eq!(kind(&router, short).await, ErrorKind::NoCandidates);
    assert_eq!((wire.now(), wire.sent().len()), (11_000, 1));
    // A failed probe ends the wait of the others at once.
    let kinds = join_all((0..2).map(|_| kind(&router, call()))).await;
    assert_eq!((kinds, wire.now()), (vec![ErrorKind::Server, ErrorKind::NoCandidates], 15_000));
}

#[tokio::test(start_paused = true)]
async fn an_adaptive_limit_lets_a_burst_wait_and_falls_with_refusals() {
    let wire = Wire::new(&[("a", &[answer(100)])]);
    let each = json!({"each": {"limits": {"concurrency": "adaptive"}}});
    let router = wire.router(&["a"], &[], each.clone());
    let burst = join_all((0..100).map(|_| router.chat(call()))).await;
    assert!(burst.iter().all(Result::is_ok));
    assert_eq!(wire.sent().iter().filter(|sent| sent.1 == 0).count(), 20);
    assert!(router.metrics().lines().any(|line| {
        line.starts_with("waypost_concurrency_limit{deployment=\"a\"")
            && line.rsplit(' ').next().unwrap().parse::<u32>().unwrap() > 30
    }));
    let wire = Wire::new(&[("a", &[Act::Say(ms(100), 429, Vec::new(), "{}".into())])]);
    let router = wire.router(&["a"], &[], each);
    join_all((0..10).map(|_| router.chat(Call { timeout: Some(ms(150)), ..call() }))).await;
    assert_eq!(router.deployments()[0].limits_left, [("concurrency", 18)], "one sign, not ten");
}

#[tokio::test(start_paused = true)]
async fn as_many_wait_for_room_as_the_queue_holds_and_as_long_as_it_says() {
    let wire = Wire::new(&[("a", &[answer(1_100)])]);
    let config = |queue: Value| json!({"each": {"limits": {"concurrency": 1}}, "resilience": {"queue": queue}});
    let router = wire.router(&["a"], &[], config(json!({"max": 2, "max_wait": "10s"})));
    let results = join_all((0..5).map(|_| router.chat(call()))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 3, "one at once, and two who waited");
    assert!(router.metrics().contains("\nwaypost_waiting 0\n"));
    for (queue, served) in [(json!({"max": 0}), 1), (json!({"max_wait": 0}), 1), (json!({"max_wait": "5s"}), 5)] {
        let router = wire.router(&["a"], &[], config(queue.clone()));
        let results = join_all((0..6).map(|_| router.chat(call()))).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), served, "{queue}");
    }
}

/// Sends `calls` at once, and tells how many requests each host got.
async fn stormed(wire: &Wire, router: &Router, calls: usize) -> Vec<usize> {
    join_all((0..calls).map(|_| router.chat(call()))).await;
    let sent = wire.sent();
    ["a", "b"].map(|host| names(&sent).iter().filter(|name| **name == host).count()).to_vec()
}

#[tokio::test(start_paused = true)]
async fn further_attempts_have_a_budget_by_what_they_are() {
    let slow = || Act::Say(ms(100), 500, Vec::new(), "{}".into());
    for (budget, hosts, wanted) in [
        // All of the traffic goes elsewhere, unless the budget says how much; three are always free.
        (json!({"same": 0.0}), [slow(), answer(100)], [40, 40]),
        (json!({"same": 0.0, "keys": 0.25}), [slow(), answer(100)], [40, 10]),
        (json!({"same": 0.0, "keys": 0.01}), [slow(), answer(100)], [40, 3]),
        (json!({"same": 0.0, "keys": 0.0}), [slow(), answer(100)], [40, 0]),
        (json!({"same": 0.0, "models": 0.0}), [slow(), answer(100)], [40, 40]),
    ] {
        let [a, b] = hosts;
        let wire = Wire::new(&[("a", &[a]), ("b", &[b])]);
        let retry = json!({"resilience": {"retry": {"budget": budget}, "breaker": {"failures": 1000, "ratio": 1.0}}});
        let router = wire.router(&["a", "b"], &[], retry);
        assert_eq!(stormed(&wire, &router, 40).await, wanted, "{budget}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_keeps_failing_is_not_stormed_by_repetitions() {
    let wire = Wire::new(&[("a", &[Act::Say(ms(100), 500, Vec::new(), "{}".into())])]);
    let patient = json!({"resilience": {"retry": {"budget": 1.0}, "breaker": {"failures": 1000, "ratio": 1.0}}});
    let router = wire.router(&["a"], &[], patient);
    // With the fifth failure repetitions are no longer worth their load, whatever the budget: four were on their way.
    assert_eq!(stormed(&wire, &router, 40).await[0], 44);
    // Alone, a caller gets its second try all the same.
    assert_eq!(stormed(&wire, &router, 1).await[0], 46);
}

#[tokio::test(start_paused = true)]
async fn a_class_of_failures_may_open_the_breaker_sooner() {
    let broken = Act::Say(Duration::ZERO, 200, Vec::new(), "<html>".into());
    for (act, open) in [(broken, "open"), (status(500), "closed")] {
        let wire = Wire::new(&[("a", &[act]), ("z", &[answer(0)])]);
        let once = json!({"resilience": {"breaker": {"by_error": {"protocol": 2}}, "retry": {"per_deployment": 1}}});
        let router = wire.router(&["a"], &["z"], once);
        for _ in 0..2 {
            assert_eq!(router.deployments()[0].breaker, "closed");
            router.chat(call()).await.unwrap();
        }
        assert_eq!(router.deployments()[0].breaker, open);
    }
}
