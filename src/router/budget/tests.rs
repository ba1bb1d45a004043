//! Budgets over the whole loop, under the paused clock.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde_json::json;

use crate::{
    chat::Map,
    clock,
    error::ErrorKind,
    router::{
        Failure, Router,
        fake::{Fake, ask, router},
    },
    trace::Reason,
};

/// An answer of the fake costs 100 × 1 + 100 × 10 millionths of a dollar; the first estimate is 400 tokens.
const BASE: &str = r#"
[deployments.a]
model = "openai-compatible/m"
base_url = "http://127.0.0.1:1/v1"
price = { input = 1.0, output = 10.0 }
"#;

const COST: f64 = 0.0011;

fn priced(budgets: &str, fake: &Arc<Fake>) -> Router {
    router(&format!("{BASE}\n{budgets}"), fake)
}

fn used(router: &Router) -> f64 {
    router.shared.budgets.fullest()[0].1
}

fn spent(result: Result<impl std::fmt::Debug, Failure>) -> Failure {
    let failure = result.unwrap_err();
    assert_eq!(failure.0.error.kind, ErrorKind::BudgetExceeded, "{:?}", failure.0.error);
    failure
}

#[tokio::test(start_paused = true)]
async fn an_empty_budget_refuses_until_its_window_ends() {
    let fake = Arc::new(Fake::default());
    let router = priced("[budgets.daily]\nusd = 0.006\nwindow = \"1d\"", &fake);
    let mut answers = 0;
    let failure = loop {
        match router.chat(ask("Hello")).await {
            Ok(reply) => {
                assert_eq!(reply.cost.amount, Some(crate::catalog::Money::from_usd(COST)));
                answers += 1;
            }
            Err(failure) => break failure,
        }
    };
    // 0.006 − n × 0.0011 ≥ 0.004 for n = 0, 1.
    assert_eq!(answers, 2);
    let failure = spent(Err::<(), _>(failure));
    let context = &failure.0.error.context;
    assert_eq!(context.name.as_deref(), Some("daily"));
    let (resets, now) = (context.resets_at.unwrap(), clock::unix_seconds(clock::wall()));
    assert!(resets > now && resets % 86_400.0 == 0.0 && resets - now <= 86_400.0);
    let decision = failure.0.decision.unwrap();
    assert_eq!(decision.candidates[0].refused.as_ref().map(Reason::code), Some("budget"));
    assert!(decision.candidates[0].refused.as_ref().unwrap().detail().contains("`daily`"));
    assert_eq!(router.route(&ask("Hello")).unwrap().error, Some(ErrorKind::BudgetExceeded));
    assert!((used(&router) - 2.0 * COST / 0.006).abs() < 1e-9);
    assert!(router.metrics().contains("waypost_budget_used_ratio{budget=\"daily\"} 0.36"), "{}", router.metrics());

    tokio::time::advance(Duration::from_secs_f64(resets - now + 1.0)).await;
    assert!(router.chat(ask("Hello")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn calls_at_once_never_overspend() {
    let fake = Arc::new(Fake { usage: Some((1, 400)), ..Fake::default() });
    let router = priced("[budgets.all]\nusd = 0.041\nwindow = \"1d\"", &fake);
    let results = join_all((0..100).map(|_| router.chat(ask("Hello")))).await;
    let served = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(served, 10, "each is estimated at, and costs, 0.004 USD");
    assert_eq!(fake.sent.lock().len(), 10);
    assert!(used(&router) <= 1.0);
    results.into_iter().filter(Result::is_err).for_each(|result| drop(spent(result)));
}

#[tokio::test(start_paused = true)]
async fn failures_cost_nothing_and_release_what_was_set_aside() {
    let fake = Arc::new(Fake::default());
    *fake.statuses.lock() = vec![400; 1];
    let router = priced("[budgets.all]\nusd = 0.005\nwindow = \"1d\"", &fake);
    assert!(router.chat(ask("Hello")).await.is_err());
    assert!((used(&router) - 0.0).abs() < 1e-9);
    *fake.statuses.lock() = vec![503; 1];
    assert!(router.chat(ask("Hello")).await.is_ok());
    assert!((used(&router) - COST / 0.005).abs() < 1e-9, "{}", used(&router));
}

#[tokio::test(start_paused = true)]
async fn leaving_a_stream_books_what_was_delivered_and_leaving_a_call_its_prompt() {
    let fake = Arc::new(Fake { cuts: vec![400], ..Fake::default() });
    let router = priced("[budgets.all]\nusd = 0.05\nwindow = \"1d\"", &fake);
    let mut stream = router.stream(ask(&"word ".repeat(400))).unwrap();
    assert!(stream.next().await.unwrap().is_ok());
    let during = used(&router);
    drop(stream);
    let after = used(&router);
    assert!(after > 0.0 && after < during, "{after} {during}");

    let call = tokio::time::timeout(Duration::from_millis(10), router.chat(ask(&"word ".repeat(400)))).await;
    assert!(call.is_err());
    let prompt = used(&router) - after;
    assert!(prompt > 0.0 && prompt < 0.02, "about 400 tokens at 1e-6 USD of 0.05 USD: {prompt}");
}

#[tokio::test(start_paused = true)]
async fn the_unpriced_is_refused_where_a_budget_applies_and_the_free_is_not() {
    let fake = Arc::new(Fake::default());
    let unpriced = BASE.replace("price =", "attributes =").replace("{ input = 1.0, output = 10.0 }", "{}");
    let budget = "[budgets.all]\nusd = 0.001\nwindow = \"1h\"";
    let failure = spent(router(&format!("{unpriced}\n{budget}"), &fake).chat(ask("Hello")).await);
    let decision = failure.0.decision.unwrap();
    assert_eq!(decision.candidates[0].refused.as_ref().unwrap().detail(), "is unpriced, and budget `all` applies");
    assert!(failure.0.error.context.retry_after.is_none(), "time does not give it a price");

    let free = BASE.replace("input = 1.0, output = 10.0", "input = 0.0, output = 0.0").replace(".a]", ".free]");
    let router = router(&format!("{BASE}\n{free}\n{budget}"), &fake);
    assert_eq!(router.chat(ask("Hello")).await.unwrap().deployment.as_str(), "free");
}

#[tokio::test(start_paused = true)]
async fn each_account_has_its_own_and_rules_see_its_share() {
    let fake = Arc::new(Fake::default());
    let rule = "[[rules]]\nwhen = \"budgets.team > 0.2\"\nset = { max_tokens = 7 }";
    let router = priced(&format!("[budgets.team]\nusd = 0.005\nwindow = \"1d\"\nper = \"tag:team\"\n{rule}"), &fake);
    let call = |team: &str| crate::router::Call { tags: vec![format!("team:{team}")], ..ask("Hello") };
    let first = router.chat(call("x")).await.unwrap();
    assert!(first.decision.rules.is_empty());
    assert_eq!(first.decision.signals.to_value()["budgets"], json!({"team": 0.0}));
    let second = router.chat(call("x")).await.unwrap();
    assert_eq!(second.decision.rules.len(), 1);
    assert_eq!(fake.sent.lock().iter().filter(|body| body.contains(":7")).count(), 1);
    assert!(router.chat(call("y")).await.unwrap().decision.rules.is_empty());
    let signals: Map = router.signals(&call("y")).unwrap();
    assert_eq!(signals["budgets"], json!({"team": 0.22}));
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_what_was_spent() {
    let fake = Arc::new(Fake::default());
    let budget = "[budgets.all]\nusd = 0.005\nwindow = \"1d\"";
    let router = priced(budget, &fake);
    router.chat(ask("Hello")).await.unwrap();
    let before = used(&router);
    let text = format!("{BASE}\n{budget}\n[budgets.more]\nusd = 1.0\nwindow = \"1d\"");
    let settings = crate::config::from_text(&text, crate::config::Format::Toml, "test", &|_| None).unwrap();
    router.reload(settings).unwrap();
    assert!((used(&router) - before).abs() < 1e-9);
    // 0.005 − 0.0011 < 0.004
    spent(router.chat(ask("Hello")).await);
}
