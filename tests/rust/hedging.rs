//! Second copies of slow requests, under virtual time: when they go out, who wins, and what is left behind.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value, json};
use waypost::{
    chat::{ChatRequest, FunctionTool, Message, Tool},
    error::ErrorKind,
    router::{Ask, Call, Router},
    trace::{Decision, Outcome},
};

use crate::wire::{Act, Wire, answer, call, end, ms, status, text};

/// A route that hedges after `after`.
fn hedged(after: &Value, max_extra: f64) -> Value {
    json!({"resilience": {"hedge": {"after": after, "max_extra": max_extra}}, "each": {"price": {"input": 1.0, "output": 10.0}}})
}

fn after(ms: u64) -> Value {
    hedged(&json!(format!("{ms}ms")), 1.0)
}

fn outcomes(decision: &Decision) -> Vec<(&str, &'static str, bool)> {
    decision.attempts.iter().map(|a| (a.deployment.as_str(), a.outcome.as_str(), a.hedge)).collect()
}

fn who(wire: &Wire) -> Vec<(String, u64)> {
    wire.sent()
}

fn at(host: &str, ms: u64) -> (String, u64) {
    (host.to_owned(), ms)
}

fn asking(request: ChatRequest) -> Call {
    Call::new(Ask::Chat(Arc::new(ChatRequest { messages: vec![Message::user("Hello")], ..request })))
}

fn is_idle(router: &Router) -> bool {
    router.deployments().iter().all(|row| row.in_flight == 0) && router.metrics().contains("waypost_hedges_total")
}

/// A stream whose first token comes after so many milliseconds.
fn stream(first: u64) -> Act {
    Act::Stream(vec![text(first, "Hel"), text(10, "lo"), end()])
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_gets_a_copy_elsewhere_and_the_first_to_answer_wins() {
    let wire = Wire::new(&[("a", &[answer(5_000)]), ("b", &[answer(300)])]);
    let router = wire.router(&["a", "b"], &[], after(200));
    let reply = router.chat(call()).await.unwrap();
    assert_eq!((who(&wire), wire.now()), (vec![at("a", 0), at("b", 200)], 500));
    assert_eq!(reply.deployment.as_str(), "b");
    assert_eq!(outcomes(&reply.decision), [("a", "cancelled", false), ("b", "ok", true)]);
    let slow = &reply.decision.attempts[0];
    assert_eq!((slow.error, slow.possibly_billed, slow.duration), (None, true, 0.5));
    assert_eq!(slow.message.as_deref(), Some("`b` answered first"));
    assert!(
        reply.decision.reason.ends_with("`a` was slow, and its copy to `b` answered first"),
        "{}",
        reply.decision.reason
    );
    assert!(is_idle(&router));
}

#[tokio::test(start_paused = true)]
async fn the_first_one_may_still_win_and_a_fast_one_gets_no_copy() {
    let wire = Wire::new(&[("a", &[answer(300), answer(199)]), ("b", &[answer(300)])]);
    let router = wire.router(&["a", "b"], &[], after(200));
    let reply = router.chat(call()).await.unwrap();
    assert_eq!((wire.now(), reply.deployment.as_str()), (300, "a"));
    assert_eq!(outcomes(&reply.decision), [("a", "ok", false), ("b", "cancelled", true)]);
    let reply = router.chat(call()).await.unwrap();
    assert_eq!(outcomes(&reply.decision), [("a", "ok", false)]);
    assert_eq!(wire.sent().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_stream_commits_with_its_first_content_whoever_sends_it() {
    let wire = Wire::new(&[("a", &[stream(2_000)]), ("b", &[stream(100)])]);
    let router = wire.router(&["a", "b"], &[], after(200));
    let mut stream = router.stream(call()).unwrap();
    let mut said = String::new();
    while let Some(delivered) = stream.next().await {
        let delivered = delivered.unwrap();
        assert_eq!((delivered.deployment.as_str(), delivered.restarted), ("b", false));
        said.extend(delivered.chunk.choices.into_iter().filter_map(|choice| choice.text));
    }
    let reply = stream.reply().unwrap();
    assert_eq!((said.as_str(), wire.now()), ("Hello", 310));
    assert_eq!(outcomes(&reply.decision), [("a", "cancelled", false), ("b", "ok", true)]);
    assert_eq!((reply.ttft, reply.decision.attempts[1].ttft), (Some(ms(300)), Some(0.1)));
    assert!(is_idle(&router));
}

#[tokio::test(start_paused = true)]
async fn the_losers_cost_is_booked_and_nobodys_health_suffers() {
    let wire = Wire::new(&[("a", &[answer(5_000)]), ("b", &[answer(0)])]);
    let mut more = after(200);
    more["resilience"]["breaker"] = json!({"failures": 1});
    more["budgets"] = json!({"all": {"usd": 1.0, "window": "1d"}});
    let router = wire.router(&["a", "b"], &[], more);
    let reply = router.chat(call()).await.unwrap();
    let [a, b] = &router.deployments()[..] else { panic!() };
    // Prompt of a few tokens at 1, and an answer of some 400 at 10 millionths of a dollar: it was asked for as a whole.
    assert!((0.003_9..0.004_1).contains(&a.spend), "{}", a.spend);
    assert_eq!(Some(b.spend), reply.cost.amount.map(waypost::catalog::Money::usd));
    let used: f64 = router
        .metrics()
        .lines()
        .find_map(|line| line.strip_prefix("waypost_budget_used_ratio{budget=\"all\"} ")?.parse().ok())
        .unwrap();
    assert!((used - a.spend - b.spend).abs() < 1e-9, "{used}");
    assert_eq!((a.breaker, b.breaker, a.error_rate, a.in_flight), ("closed", "closed", 0.0, 0));

    let wire = Wire::new(&[("a", &[stream(5_000)]), ("b", &[stream(0)])]);
    let router = wire.router(&["a", "b"], &[], after(200));
    let mut stream = router.stream(call()).unwrap();
    while stream.next().await.is_some() {}
    let spend = router.deployments()[0].spend;
    assert!(spend > 0.0 && spend < 0.000_1, "of a stream the prompt alone: {spend}");
}

#[tokio::test(start_paused = true)]
async fn the_percentile_is_measured_and_nothing_is_copied_before() {
    let acts: Vec<Act> = (0..20).map(|n| stream(119 - n)).chain([stream(3_000)]).collect();
    let wire = Wire::new(&[("a", &acts), ("b", &[stream(50)])]);
    let router = wire.router(&["a", "b"], &[], hedged(&json!("p95"), 0.05));
    for n in 0..21 {
        let mut stream = router.stream(call()).unwrap();
        let began = wire.now();
        while stream.next().await.is_some() {}
        let decision = Arc::clone(&stream.reply().unwrap().decision);
        if n < 20 {
            assert_eq!(outcomes(&decision), [("a", "ok", false)], "{n}");
        } else {
            assert_eq!(outcomes(&decision), [("a", "cancelled", false), ("b", "ok", true)]);
            // The 95th percentile of 100 to 119 ms; the timer's grain is a millisecond.
            let (copied, at) = who(&wire).pop().unwrap();
            assert!(copied == "b" && (118..=119).contains(&(at - began)), "{at}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn copies_are_never_more_than_their_share_of_the_requests() {
    for (share, most) in [(0.05, 5), (0.2, 20), (0.0, 0)] {
        let wire = Wire::new(&[("a", &[answer(1_000)]), ("b", &[answer(1_000)])]);
        let router = wire.router(&["a", "b"], &[], hedged(&json!("100ms"), share));
        for _ in 0..100 {
            router.chat(call()).await.unwrap();
        }
        assert_eq!(wire.sent().len(), 100 + most, "{share}");
    }
}

#[tokio::test(start_paused = true)]
async fn under_a_flood_copies_share_the_budget_of_repetitions() {
    let wire = Wire::new(&[("a", &[answer(1_000)]), ("b", &[answer(1_000)])]);
    let router = wire.router(&["a", "b"], &[], after(100));
    join_all((0..10).map(|_| router.chat(call()))).await.into_iter().for_each(|reply| drop(reply.unwrap()));
    assert_eq!(wire.sent().len(), 13, "three at once, or a fifth");
    assert!(is_idle(&router));
}

#[tokio::test(start_paused = true)]
async fn only_what_is_harmless_twice_is_sent_twice() {
    let function = Tool::Function(FunctionTool { name: "f".into(), ..FunctionTool::default() });
    let hosted = Tool::Hosted(serde_json::from_value(json!({"type": "web_search"})).unwrap());
    let body = serde_json::from_value(json!({"store": true})).unwrap();
    for (request, copies) in [
        (ChatRequest { tools: vec![function.clone()], ..ChatRequest::default() }, 1),
        (ChatRequest { tools: vec![function, hosted], ..ChatRequest::default() }, 0),
        (ChatRequest { extra_body: body, ..ChatRequest::default() }, 0),
    ] {
        let wire = Wire::new(&[("a", &[answer(1_000)]), ("b", &[answer(0)])]);
        let router = wire.router(&["a", "b"], &[], after(100));
        router.chat(asking(request)).await.unwrap();
        assert_eq!(wire.sent().len(), 1 + copies);
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_obeys_policy_limits_budgets_and_breakers() {
    let deny = json!([{"name": "no b", "deny": {"deployments": ["b"]}}]);
    let full = json!({"rpm": 1});
    for (key, more) in [("rules", json!({"rules": deny})), ("limits", json!({"deployments": {"b": {"limits": full}}}))]
    {
        let wire = Wire::new(&[("a", &[answer(1_000)]), ("b", &[answer(0)])]);
        let mut config = after(100);
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let router = if key == "limits" {
            config["each"]["limits"] = full.clone();
            config.as_object_mut().unwrap().remove("deployments");
            let router = wire.router(&["a", "b"], &[], config);
            router.chat(Call { model: "b".into(), ..call() }).await.unwrap();
            router
        } else {
            wire.router(&["a", "b"], &[], config)
        };
        let before = wire.sent().len();
        let reply = router.chat(call()).await.unwrap();
        assert_eq!((reply.deployment.as_str(), wire.sent().len() - before), ("a", 1), "{key}");
    }
    // A rest that is over wants a probe, and a copy is none.
    let wire = Wire::new(&[("a", &[answer(1_000)]), ("b", &[status(500), answer(0)])]);
    let mut config = after(100);
    config["resilience"]["breaker"] = json!({"failures": 1, "cooldown": "1s"});
    let router = wire.router(&["a", "b"], &[], config);
    router.chat(Call { model: "b".into(), ..call() }).await.unwrap_err();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let reply = router.chat(call()).await.unwrap();
    assert_eq!(outcomes(&reply.decision), [("a", "ok", false)]);
}

#[tokio::test(start_paused = true)]
async fn whoever_fails_first_leaves_the_other_its_chance() {
    let late = |code| Act::Say(ms(300), code, Vec::new(), "{}".into());
    // The first one fails, its copy answers; and the other way round.
    for (a, b, wanted) in [
        (late(500), answer(900), [("a", "error", false), ("b", "ok", true)]),
        (answer(900), status(500), [("a", "ok", false), ("b", "error", true)]),
        (answer(900), status(400), [("a", "ok", false), ("b", "error", true)]),
    ] {
        let wire = Wire::new(&[("a", &[a]), ("b", &[b])]);
        let router = wire.router(&["a", "b"], &[], after(200));
        let reply = router.chat(call()).await.unwrap();
        assert_eq!(outcomes(&reply.decision), wanted);
        assert_eq!(wire.sent().len(), 2);
    }
    // What no other can mend ends both.
    let wire = Wire::new(&[("a", &[late(400)]), ("b", &[answer(900)])]);
    let failure = wire.router(&["a", "b"], &[], after(200)).chat(call()).await.unwrap_err();
    assert_eq!((failure.0.error.kind, wire.now()), (ErrorKind::InvalidRequest, 300));
    assert_eq!(outcomes(failure.0.decision.as_ref().unwrap()), [("a", "error", false), ("b", "cancelled", true)]);
    // Both fail: the walk goes on to the next.
    let wire = Wire::new(&[("a", &[late(500)]), ("b", &[late(500)]), ("c", &[answer(0)])]);
    let reply = wire.router(&["a", "b", "c"], &[], after(200)).chat(call()).await.unwrap();
    let wanted = [("a", "error", false), ("b", "error", true), ("c", "ok", false)];
    assert_eq!((outcomes(&reply.decision), wire.now()), (wanted.to_vec(), 500));
}

#[tokio::test(start_paused = true)]
async fn second_choice_is_copied_to_only_when_no_candidate_is_left() {
    let wire = Wire::new(&[("a", &[answer(900)]), ("b", &[answer(0)]), ("z", &[answer(0)])]);
    let reply = wire.router(&["a", "b"], &["z"], after(200)).chat(call()).await.unwrap();
    assert_eq!(reply.deployment.as_str(), "b");
    let reply = wire.router(&["a"], &["z"], after(200)).chat(call()).await.unwrap();
    assert_eq!(reply.deployment.as_str(), "z");
    let reply = wire.router(&["a"], &[], after(200)).chat(call()).await.unwrap();
    assert_eq!(outcomes(&reply.decision), [("a", "ok", false)]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_ends_both() {
    let wire = Wire::new(&[("a", &[Act::Hang]), ("b", &[Act::Hang])]);
    let router = wire.router(&["a", "b"], &[], after(100));
    tokio::time::timeout(ms(500), router.chat(call())).await.unwrap_err();
    assert_eq!(wire.sent().len(), 2);
    assert!(is_idle(&router));
    let rest = tokio::time::timeout(ms(500), router.chat(call())).await;
    assert!(rest.is_err() && is_idle(&router), "places and budgets came back");
    assert_eq!(wire.sent().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn both_may_run_out_of_time() {
    let wire = Wire::new(&[("a", &[Act::Hang]), ("b", &[Act::Hang])]);
    let router = wire.router(&["a", "b"], &[], after(100));
    let failure = router.chat(Call { timeout: Some(ms(400)), ..call() }).await.unwrap_err();
    assert_eq!((failure.0.error.kind, wire.now()), (ErrorKind::DeadlineExceeded, 400));
    let decision = failure.0.decision.unwrap();
    assert!(decision.attempts.iter().all(|attempt| attempt.outcome != Outcome::Running && attempt.possibly_billed));
    assert!(is_idle(&router));
}
