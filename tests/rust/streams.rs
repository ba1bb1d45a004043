//! Streams under virtual time: the guards before the first token, the stall after it, and what is booked.

use std::{slice::from_ref, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use waypost::{
    accounting::CostStatus,
    error::ErrorKind,
    router::{Call, ChatStream, Failure, Router},
};

use crate::wire::{Act, Wire, answer, call, end, ms, status, text};

/// The text until the end, or until the error.
async fn read(stream: &mut ChatStream) -> (String, Option<Failure>) {
    let mut all = String::new();
    while let Some(next) = stream.next().await {
        match next {
            Ok(delivered) => all.extend(delivered.chunk.choices.iter().filter_map(|delta| delta.text.clone())),
            Err(failure) => return (all, Some(failure)),
        }
    }
    (all, None)
}

async fn ask(router: &Router) -> (String, Option<Failure>) {
    read(&mut router.stream(call()).unwrap()).await
}

fn healthy() -> Act {
    Act::Stream(vec![text(0, "fine"), end()])
}

#[tokio::test(start_paused = true)]
async fn each_guard_before_the_first_token_is_exact() {
    let silent = Act::Open(Vec::new());
    let beating = Act::Open((0..100).map(|_| (ms(500), ": ping\n\n".to_owned())).collect());
    for (act, at) in [(Act::Hang, 10_000), (silent, 10_000), (beating, 10_000)] {
        let wire = Wire::new(&[("a", &[act]), ("b", &[healthy()])]);
        let (all, failure) = ask(&wire.router(&["a", "b"], &[], json!({}))).await;
        assert_eq!((all.as_str(), failure.is_none()), ("fine", true));
        assert_eq!(wire.sent(), [("a".to_owned(), 0), ("b".to_owned(), at)]);
    }
}

#[tokio::test(start_paused = true)]
async fn without_another_the_guards_give_way_to_the_deadline() {
    let late = Act::Stream(vec![text(60_000, "late"), end()]);
    let wire = Wire::new(&[("a", &[late])]);
    let (all, failure) = ask(&wire.router(&["a"], &[], json!({}))).await;
    assert_eq!((all.as_str(), failure.is_none(), wire.now()), ("late", true, 60_000));
}

#[tokio::test(start_paused = true)]
async fn a_stall_is_found_exactly_and_heartbeats_do_not_put_it_off() {
    let beat = || (ms(4_000), ": ping\n\n".to_owned());
    let empty = || (ms(4_000), format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {}}]})));
    for pauses in [vec![], vec![beat(), beat(), beat(), beat()], vec![empty(), empty(), empty(), empty(), empty()]] {
        let mut pieces = vec![text(100, "one "), text(14_000, "two")];
        pieces.extend(pauses);
        let wire = Wire::new(&[("a", &[Act::Open(pieces)]), ("b", &[healthy()])]);
        let router = wire.router(
            &["a", "b"],
            &[],
            json!({"each": {"price": {"input": 1.0, "output": 1.0}}, "route": {"on_stream_failure": "raise"}}),
        );
        let (all, failure) = ask(&router).await;
        let failure = failure.unwrap();
        assert_eq!((all.as_str(), wire.now()), ("one two", 14_100 + 15_000));
        assert_eq!(failure.0.error.kind, ErrorKind::Stream);
        assert_eq!(failure.0.cause.unwrap().kind, ErrorKind::Timeout);
        let partial = failure.0.partial.unwrap();
        assert_eq!(
            (partial.body.first().unwrap().text.as_deref(), partial.cost.status),
            (Some("one two"), CostStatus::Estimated)
        );
        assert!(router.deployments()[0].spend > 0.0);
        assert_eq!(router.deployments()[0].in_flight, 0);
        assert_eq!(wire.sent().len(), 1, "after the first token nothing is resent");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_readers_time_is_not_the_providers() {
    let pieces: Vec<_> = (0..10).map(|_| text(1_000, "x")).chain([end()]).collect();
    let wire = Wire::new(&[("a", &[Act::Stream(pieces)])]);
    let mut stream =
        wire.router(&["a"], &[], json!({"resilience": {"timeouts": {"stall": "2s"}}})).stream(call()).unwrap();
    let mut count = 0;
    while let Some(next) = stream.next().await {
        next.unwrap();
        count += 1;
        sleep(Duration::from_secs(10)).await;
    }
    assert!(count >= 10);
    assert!(stream.reply().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_break_is_an_error_before_the_first_token_elsewhere_and_after_it_here() {
    let cases: [(Vec<(Duration, String)>, bool); 4] = [
        (vec![], true),
        (vec![(ms(0), ": ping\n\n".into())], true),
        (vec![text(0, "one")], false),
        (vec![text(0, "one"), text(0, "two")], false),
    ];
    for (pieces, invisible) in cases {
        let wire = Wire::new(&[("a", &[Act::Stream(pieces)]), ("b", &[healthy()])]);
        let router = wire.router(&["a", "b"], &[], json!({"route": {"on_stream_failure": "raise"}}));
        let (all, failure) = ask(&router).await;
        if invisible {
            assert_eq!((all.as_str(), failure.is_none()), ("fine", true));
        } else {
            assert_eq!(failure.unwrap().0.error.kind, ErrorKind::Stream);
            assert_eq!(wire.sent().len(), 1);
        }
    }
}

/// A router whose route begins a broken stream anew.
fn restarting(wire: &Arc<Wire>, candidates: &[&str], fallback: &[&str]) -> Router {
    wire.router(candidates, fallback, json!({"route": {"on_stream_failure": "restart"}}))
}

#[tokio::test(start_paused = true)]
async fn where_the_route_says_so_a_broken_stream_begins_anew_and_says_it() {
    let broken = Act::Stream(vec![text(0, "one "), text(0, "two")]);
    let silent = Act::Open(vec![text(0, "one "), text(0, "two")]);
    for act in [broken, silent] {
        let wire = Wire::new(&[("a", &[act]), ("b", &[healthy()])]);
        let router = restarting(&wire, &["a", "b"], &[]);
        let mut stream = router.stream(call()).unwrap();
        let (mut all, mut restarts) = (String::new(), 0);
        while let Some(next) = stream.next().await {
            let delivered = next.unwrap();
            if delivered.restarted {
                restarts += 1;
                all.clear();
            }
            all.extend(delivered.chunk.choices.iter().filter_map(|delta| delta.text.clone()));
        }
        let reply = stream.reply().unwrap();
        assert_eq!((all.as_str(), restarts), ("fine", 1));
        assert_eq!(reply.body.first().unwrap().text.as_deref(), Some("fine"));
        assert_eq!(reply.deployment.as_str(), "b");
        let outcomes: Vec<_> = reply.decision.attempts.iter().map(|attempt| attempt.error).collect();
        assert_eq!(outcomes.last(), Some(&None), "{outcomes:?}");
        assert_eq!(outcomes.first(), Some(&Some(ErrorKind::Stream)));
        assert!(router.deployments().iter().all(|deployment| deployment.in_flight == 0));
    }
}

/// A second's worth of `tokens` a piece, for so many seconds.
fn trickle(tokens: usize, seconds: usize) -> Act {
    let mut pieces: Vec<_> = (0..seconds).map(|_| text(1_000, &"four".repeat(tokens))).collect();
    pieces.push(end());
    Act::Stream(pieces)
}

/// At least five tokens a second over four seconds.
fn brisk(route: &Value) -> Value {
    json!({"resilience": {"throughput": {"min": 5, "window": "4s"}}, "route": route})
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_trickles_is_left_where_another_can_take_over() {
    let wire = Wire::new(&[("a", &[trickle(2, 60)]), ("b", &[healthy()])]);
    let router = wire.router(&["a", "b"], &[], brisk(&json!({"on_stream_failure": "restart"})));
    let mut stream = router.stream(call()).unwrap();
    let mut restarted = false;
    while let Some(next) = stream.next().await {
        restarted |= next.unwrap().restarted;
    }
    let reply = stream.reply().unwrap();
    assert!(restarted);
    assert_eq!((reply.deployment.as_str(), reply.body.first().unwrap().text.as_deref()), ("b", Some("fine")));
    // The first token came after one second, and the window is four.
    assert_eq!(wire.sent()[1], ("b".to_owned(), 5_000));
    let message = reply.decision.attempts[0].message.clone().unwrap();
    assert!(message.ends_with("`a` sent fewer than 5 tokens a second over 4 s"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_stream_is_better_than_a_broken_one_and_a_brisk_one_is_none() {
    let restart = || json!({"on_stream_failure": "restart"});
    for (act, hosts, route) in [
        (trickle(2, 60), &["a"][..], restart()),
        (trickle(2, 60), &["a", "b"], json!({"on_stream_failure": "raise"})),
        (trickle(6, 60), &["a", "b"], restart()),
    ] {
        let wire = Wire::new(&[("a", &[act]), ("b", &[healthy()])]);
        let (all, failure) = ask(&wire.router(hosts, &[], brisk(&route))).await;
        assert!(failure.is_none() && all.len() >= 480, "{all}");
        assert_eq!(wire.sent().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_readers_stream_is_not_slow() {
    let wire = Wire::new(&[("a", &[trickle(6, 10)]), ("b", &[healthy()])]);
    let router = wire.router(&["a", "b"], &[], brisk(&json!({"on_stream_failure": "restart"})));
    let mut stream = router.stream(call()).unwrap();
    while let Some(next) = stream.next().await {
        assert!(!next.unwrap().restarted);
        sleep(ms(10_000)).await;
    }
    assert_eq!((stream.reply().unwrap().deployment.as_str(), wire.sent().len()), ("a", 1));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_promised_of_an_answer_that_is_only_streamed_to_us() {
    let wire = Wire::new(&[("a", &[trickle(2, 60)]), ("b", &[trickle(6, 3)])]);
    let mut config = brisk(&json!({"on_stream_failure": "raise"}));
    config["each"] = json!({"stream_upstream": true});
    let reply = wire.router(&["a", "b"], &[], config.clone()).chat(call()).await.unwrap();
    assert_eq!((reply.deployment.as_str(), &wire.sent()[1]), ("b", &("b".to_owned(), 5_000)));
    assert_eq!(reply.decision.attempts[0].error, Some(ErrorKind::Timeout));
    let wire = Wire::new(&[("a", &[trickle(2, 60)])]);
    let reply = wire.router(&["a"], &[], config).chat(call()).await.unwrap();
    assert_eq!((reply.deployment.as_str(), wire.now()), ("a", 60_000));
}

#[tokio::test(start_paused = true)]
async fn a_fallbacks_own_error_never_hides_what_broke_the_stream() {
    let broken = || Act::Stream(vec![text(0, "one "), text(0, "two")]);
    let wire = Wire::new(&[("a", &[broken(), status(400)]), ("b", &[status(400), status(400)])]);
    let (_, failure) = ask(&restarting(&wire, &["a"], &["b"])).await;
    let failure = failure.unwrap();
    assert_eq!(failure.0.error.kind, ErrorKind::Stream);
    assert_eq!(failure.0.partial.unwrap().body.first().unwrap().text.as_deref(), Some("one two"));
    assert_eq!(failure.0.cause.unwrap().kind, ErrorKind::Connection);
    assert!(failure.0.decision.unwrap().attempts.len() > 1);
}

#[tokio::test(start_paused = true)]
async fn an_error_event_counts_the_same_however_the_bytes_are_cut() {
    let error =
        format!("data: {}\n\n", json!({"error": {"message": "x", "type": "overloaded_error", "code": "overloaded"}}));
    let together = Act::Stream(vec![text(0, "one "), (ms(10), format!("{}{error}", text(0, "two").1))]);
    let apart = Act::Stream(vec![text(0, "one "), text(10, "two"), (ms(10), error)]);
    for act in [together, apart] {
        let wire = Wire::new(&[("a", &[act])]);
        let (all, failure) = ask(&wire.router(&["a"], &[], json!({}))).await;
        let failure = failure.unwrap();
        assert_eq!((all.as_str(), failure.0.error.kind), ("one two", ErrorKind::Stream));
        assert_eq!(failure.0.partial.unwrap().body.first().unwrap().text.as_deref(), Some("one two"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_in_mid_answer_is_nobodys_ill_health() {
    let pieces = (0..100).map(|_| text(100, "x")).collect();
    let wire = Wire::new(&[("a", &[Act::Stream(pieces)])]);
    let router = wire.router(&["a"], &[], json!({"resilience": {"breaker": {"failures": 1}}}));
    let mut stream = router.stream(Call { timeout: Some(ms(1_050)), ..call() }).unwrap();
    let (all, failure) = read(&mut stream).await;
    assert_eq!((all.len(), wire.now()), (10, 1_050));
    assert_eq!(failure.unwrap().0.error.kind, ErrorKind::DeadlineExceeded);
    assert_eq!(router.deployments()[0].breaker, "closed");
    assert!((router.deployments()[0].error_rate).abs() < f64::EPSILON);
}

#[tokio::test(start_paused = true)]
async fn leaving_books_what_was_delivered_and_blames_nobody() {
    let pieces = (0..100).map(|_| text(100, "word ")).collect();
    let wire = Wire::new(&[("a", &[Act::Stream(pieces)])]);
    let priced = json!({"each": {"price": {"input": 1.0, "output": 1.0}, "limits": {"concurrency": 1}}});
    let router = wire.router(&["a"], &[], priced);
    let mut stream = router.stream(call()).unwrap();
    for _ in 0..3 {
        stream.next().await.unwrap().unwrap();
    }
    assert_eq!(router.deployments()[0].in_flight, 1);
    drop(stream);
    let standing = &router.deployments()[0];
    assert_eq!((standing.in_flight, standing.breaker, standing.requests), (0, "closed", 0));
    assert!(standing.spend > 0.0);
    // Before its first token a stream that is left has cost nothing that we know of.
    let mut stream = router.stream(call()).unwrap();
    timeout(ms(50), stream.next()).await.unwrap_err();
    drop(stream);
    assert_eq!(router.deployments()[0].in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_a_call_under_way_and_waits_for_a_place_like_one() {
    let wire = Wire::new(&[("a", &[Act::Stream(vec![text(500, "fine"), end()])])]);
    let router = wire.router(&["a"], &[], json!({"each": {"limits": {"concurrency": 1}}}));
    let (one, two) = tokio::join!(ask(&router), ask(&router));
    assert!(one.1.is_none() && two.1.is_none());
    assert_eq!(wire.sent().iter().map(|sent| sent.1).collect::<Vec<_>>(), [0, 500]);
}

#[tokio::test(start_paused = true)]
async fn chat_and_stream_make_the_same_attempts() {
    let more: Value = json!({"seed": 3, "resilience": {"retry": {"backoff": "0s", "max_backoff": "0s"}}});
    for fault in [status(500), status(429), status(401), status(400), Act::Refuse] {
        let whole = Wire::new(&[("a", from_ref(&fault)), ("b", from_ref(&fault)), ("z", &[answer(0)])]);
        let _ = whole.router(&["a", "b"], &["z"], more.clone()).chat(call()).await;
        let streamed = Wire::new(&[("a", from_ref(&fault)), ("b", from_ref(&fault)), ("z", &[healthy()])]);
        let _ = ask(&streamed.router(&["a", "b"], &["z"], more.clone())).await;
        assert_eq!(whole.sent(), streamed.sent());
    }
}
