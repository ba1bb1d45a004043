//! Waiting for room under virtual time: in which order, between whom it is shared, who makes way, and what is left behind.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use waypost::{
    chat::{ChatRequest, Message},
    clock,
    error::ErrorKind,
    router::{Ask, Call, Router},
};

use crate::wire::{Act, Wire, answer, call, ms};

/// A call of `user` with this priority.
fn by(user: &str, priority: Value) -> Call {
    let messages = vec![Message::user("Hi")];
    let user = Some(user.to_owned());
    let request = ChatRequest { messages, user, max_tokens: Some(10), ..ChatRequest::default() };
    let mut call = Call::new(Ask::Chat(Arc::new(request)));
    if !priority.is_null() {
        call.metadata.insert("priority".into(), priority);
    }
    call
}

/// One host that takes `takes` ms and so many calls at once, and a queue with these settings.
fn narrow(takes: u64, concurrency: u32, queue: &Value) -> (Arc<Wire>, Router) {
    let wire = Wire::new(&[("a", &[answer(takes)])]);
    let config = json!({"each": {"limits": {"concurrency": concurrency}}, "resilience": {"queue": queue}});
    let router = wire.router(&["a"], &[], config);
    (wire, router)
}

/// Makes the calls in this order, and tells when each was answered (ms), or that it was not.
async fn answered(router: &Router, calls: Vec<Call>) -> Vec<Option<u128>> {
    let start = clock::now();
    join_all(calls.into_iter().map(|call| async move {
        let answer = router.chat(call).await;
        answer.is_ok().then(|| start.elapsed().as_millis())
    }))
    .await
}

#[tokio::test(start_paused = true)]
async fn a_place_that_frees_is_the_next_ones_and_not_whoevers_just_comes() {
    let (wire, router) = narrow(100, 1, &json!({"max_wait": "60s"}));
    let (first, comes) = tokio::join!(answered(&router, vec![by("x", Value::Null); 20]), async {
        // Each of them comes at the very moment at which a place frees.
        let mut waits = Vec::new();
        for _ in 0..5 {
            sleep(ms(100)).await;
            let asked = clock::now();
            let reply = router.chat(by("x", Value::Null)).await.unwrap();
            waits.push((asked.elapsed().as_millis(), reply.decision.waited.as_millis()));
        }
        waits
    });
    assert_eq!(first, (1..=20).map(|n| Some(n * 100)).collect::<Vec<_>>());
    assert_eq!(comes[0], (2_000, 1_900), "it stands behind the nineteen who waited, and the decision says so");
    assert_eq!(wire.sent().len(), 25);
}

#[tokio::test(start_paused = true)]
async fn tenants_of_unequal_load_share_a_narrow_place_by_their_weights() {
    let (_, router) = narrow(10, 1, &json!({"max": 10_000, "max_wait": "60s", "weights": {"paid": 2.0}}));
    let tenants = [("flood", 2_000), ("small", 100), ("paid", 200)];
    let calls = tenants.map(|(user, calls)| answered(&router, vec![by(user, Value::Null); calls]));
    let times = join_all(calls).await;
    // While all three wait, each quarter goes to one share.
    let within = |at: usize, ms: u128| times[at].iter().flatten().filter(|time| **time <= ms).count();
    assert!((95..=105).contains(&within(0, 4_000)), "{}", within(0, 4_000));
    assert!((95..=100).contains(&within(1, 4_000)), "{}", within(1, 4_000));
    assert!((190..=200).contains(&within(2, 4_000)), "{}", within(2, 4_000));
    assert!(times.iter().flatten().all(Option::is_some), "and the flood is served too");
    assert!(router.metrics().contains("\nwaypost_waiting 0\n"));
}

#[tokio::test(start_paused = true)]
async fn a_flood_does_not_delay_others_by_more_than_their_share() {
    let (_, router) = narrow(10, 4, &json!({"max": 10_000, "max_wait": "60s", "fair_by": "tag:team"}));
    let team = |name: &str| Call { tags: vec!["x:y".into(), format!("team:{name}")], ..call() };
    let flood = answered(&router, vec![team("flood"); 4_000]);
    let (_, waits) = tokio::join!(flood, async {
        let mut waits = Vec::new();
        for _ in 0..100 {
            sleep(ms(37)).await;
            let asked = clock::now();
            router.chat(team("calm")).await.unwrap();
            waits.push(asked.elapsed().as_millis());
        }
        waits
    });
    assert!(waits.iter().all(|wait| *wait <= 20), "at most until the next place frees: {waits:?}");
}

#[tokio::test(start_paused = true)]
async fn higher_priorities_are_served_first_and_lower_ones_all_the_same() {
    let (_, router) = narrow(10, 1, &json!({"max_wait": "60s"}));
    let classes = [json!("low"), Value::Null, json!("high"), json!(7)];
    let calls = classes.map(|priority| answered(&router, vec![by("x", priority); 80]));
    let times = join_all(calls).await;
    let mean = |at: usize| times[at].iter().map(|time| time.unwrap()).sum::<u128>() / 80;
    assert!(mean(3) < mean(2) && mean(2) < mean(1) && mean(1) < mean(0), "{:?}", [0, 1, 2, 3].map(mean));
    // Of every eight turns one is a lower one's.
    let low = times[..3].iter().flatten().flatten().filter(|time| **time <= 800).count();
    assert!((9..=11).contains(&low), "{low}");
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_sheds_the_lowest_priority_first() {
    let (_, router) = narrow(1_000, 1, &json!({"max": 4, "max_wait": "60s"}));
    let classes = [Value::Null, json!("low"), Value::Null, json!("low"), Value::Null, json!("low"), json!("high")];
    let results = join_all(classes.iter().map(|class| router.chat(by("x", class.clone())))).await;
    let words: Vec<_> = results.iter().map(|result| result.as_ref().err().map(|f| f.0.error.message.clone())).collect();
    assert_eq!(words.iter().map(Option::is_some).collect::<Vec<_>>(), [false, false, false, true, false, true, false]);
    assert!(words[5].as_ref().unwrap().contains("as many calls wait for room as may"), "{words:?}");
    assert!(words[3].as_ref().unwrap().contains("made way for a call of higher priority"), "{words:?}");
    let metrics = router.metrics();
    for line in ["{why=\"full\"} 1", "{why=\"shed\"} 1", "{why=\"late\"} 0"] {
        assert!(metrics.contains(&format!("waypost_queue_refused_total{line}")), "{metrics}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_cannot_have_its_turn_in_time_is_told_so_at_once_and_when() {
    let (wire, router) = narrow(100, 1, &json!({"max_wait": "60s"}));
    let crowd = answered(&router, vec![by("x", Value::Null); 400]);
    let (_, failure) = tokio::join!(crowd, async {
        sleep(ms(2_050)).await;
        let asked = clock::now();
        let hasty = Call { timeout: Some(ms(5_000)), ..by("x", Value::Null) };
        let failure = router.chat(hasty.clone()).await.unwrap_err();
        assert_eq!(asked.elapsed(), Duration::ZERO);
        // Somebody else's turn comes soon, and so does that of one in a hurry.
        let other = Call { timeout: Some(ms(5_000)), ..by("y", Value::Null) };
        assert!(router.chat(other).await.is_ok());
        assert!(router.chat(Call { timeout: Some(ms(5_000)), ..by("x", json!("high")) }).await.is_ok());
        failure
    });
    assert_eq!(failure.0.error.kind, ErrorKind::NoCandidates);
    assert!(failure.0.error.message.contains("the line is too long for the time it has, about"), "{failure:?}");
    let wait = failure.0.error.context.retry_after.unwrap().as_secs_f64();
    assert!((15.0..=25.0).contains(&wait), "half of what is likely, which is 38 s: {wait}");
    assert_eq!(wire.sent().len(), 402);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_leaves_no_hole_and_nothing_behind() {
    let (wire, router) = narrow(100, 2, &json!({"max": 10_000, "max_wait": "60s"}));
    let fickle = join_all((0..500).map(|n| timeout(ms(50 + n % 7), router.chat(by("fickle", Value::Null)))));
    let (_, times) = tokio::join!(fickle, answered(&router, vec![by("steady", Value::Null); 20]));
    let last = times.last().unwrap().unwrap();
    assert!((1_050..=1_060).contains(&last), "two at once, from when those before it gave up: {last}");
    let standing = &router.deployments()[0];
    assert_eq!((standing.in_flight, standing.waiting), (0, 0));
    assert!(router.metrics().contains("waypost_waiting 0"));
    assert!((22..=30).contains(&wire.sent().len()));
}

#[tokio::test(start_paused = true)]
async fn rates_are_waited_for_in_the_same_order() {
    let wire = Wire::new(&[("a", &[answer(0)])]);
    let config = json!({"each": {"limits": {"rpm": 10}}, "resilience": {"queue": {"max_wait": "10m"}}});
    let router = wire.router(&["a"], &[], config);
    let times =
        join_all([("flood", 25), ("small", 5)].map(|(user, n)| answered(&router, vec![by(user, Value::Null); n])))
            .await;
    assert_eq!(times[0].iter().flatten().filter(|time| **time < 60_000).count(), 10, "who came first had them all");
    assert!(times[1].iter().flatten().all(|time| *time < 62_000), "{:?}", times[1]);
    assert_eq!(times.iter().flatten().flatten().count(), 30);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_several_takes_the_first_that_frees_and_leaves_the_other_lines() {
    let wire = Wire::new(&[("a", &[answer(1_000)]), ("b", &[answer(150)])]);
    let each = json!({"each": {"limits": {"concurrency": 1}}, "resilience": {"queue": {"max_wait": "10s"}}});
    let router = wire.router(&["a", "b"], &[], each);
    let times = answered(&router, vec![by("x", Value::Null); 8]).await;
    let mut times: Vec<u128> = times.into_iter().flatten().collect();
    times.sort_unstable();
    assert_eq!(times, [150, 300, 450, 600, 750, 900, 1_000, 1_050]);
    assert!(router.deployments().iter().all(|standing| standing.waiting == 0 && standing.in_flight == 0));
}

/// Otherwise it would ask again and again, and no time would pass.
#[tokio::test(start_paused = true)]
async fn a_turn_at_one_that_has_failed_since_is_no_room_and_the_other_is_waited_for() {
    let fails = Act::Say(ms(100), 500, Vec::new(), "{}".into());
    let wire = Wire::new(&[("a", &[fails]), ("b", &[answer(1_000)])]);
    let each = json!({
        "each": {"limits": {"concurrency": 1}},
        "resilience": {"queue": {"max_wait": "10s"}, "breaker": {"failures": 1, "cooldown": "1m"}, "retry": {"per_deployment": 1}},
    });
    let router = wire.router(&["a", "b"], &[], each);
    let times = answered(&router, vec![by("x", Value::Null); 4]).await;
    assert_eq!(times[1..].iter().flatten().count(), 3, "{times:?}");
    assert_eq!(wire.sent().iter().filter(|(host, _)| host == "a").count(), 1);
    assert!(router.deployments().iter().all(|standing| standing.waiting == 0 && standing.in_flight == 0));
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_wait_and_nothing_is_kept_of_them() {
    let (wire, router) = narrow(1, 50, &json!({"max": 20_000, "max_wait": "10m"}));
    let calls = (0..10_000).map(|n| by(&format!("user {n}"), json!(n % 3))).collect();
    let times = answered(&router, calls).await;
    assert!(times.iter().all(Option::is_some));
    assert_eq!(wire.sent().len(), 10_000);
    assert_eq!((router.deployments()[0].waiting, router.deployments()[0].in_flight), (0, 0));
}
