use std::sync::Arc;

use fastrand::Rng;
use serde_json::json;

use super::*;
use crate::{
    config::{Format, Settings, from_text},
    router::{
        Call,
        fake::{Fake, ask, router},
    },
    trace::Decision,
};

const NAMES: [&str; 3] = ["a", "b", "c"];

fn text(options: &str, more: &str) -> String {
    let deployment = |name: &&str| {
        format!("[deployments.{name}]\nmodel = \"openai-compatible/{name}\"\nbase_url = \"http://127.0.0.1:1/v1\"\n")
    };
    let deployments: String = NAMES.iter().map(deployment).collect();
    let route = format!("[routes.auto]\ncandidates = [\"a\", \"b\", \"c\"]\nstrategy = {options}\n");
    format!("seed = 5\n{deployments}{route}{more}")
}

fn settings(text: &str) -> Settings {
    from_text(text, Format::Toml, "test", &|_| None).unwrap()
}

fn with(options: &str, more: &str) -> Router {
    router(&text(options, more), &Arc::new(Fake::default()))
}

const BANDIT: &str = "{ kind = \"bandit\", explore = 0.1 }";

/// Calls the router `calls` times; each answer is good with the chance of whoever gave it. Who answered.
async fn play(router: &Router, calls: usize, good: [f64; 3], rng: &mut Rng) -> Vec<(Arc<Decision>, usize)> {
    let mut played = Vec::new();
    for _ in 0..calls {
        let reply = router.chat(ask("Why is the sky blue?")).await.unwrap();
        let who = NAMES.iter().position(|name| *name == reply.deployment.as_str()).unwrap();
        let score = f64::from(u8::from(rng.f64() < good[who]));
        assert!(router.feedback(reply.decision.id.as_str(), score, None).unwrap());
        played.push((reply.decision, who));
    }
    played
}

/// Whether the call was an experiment: somebody else was likelier.
fn explored(decision: &Decision) -> bool {
    let most = decision.candidates.iter().filter_map(|c| c.propensity).fold(0.0, f64::max);
    decision.candidates[0].propensity.unwrap() < most
}

#[tokio::test(start_paused = true)]
async fn it_finds_the_best_one_follows_a_change_and_explores_no_more_than_it_may() {
    let (router, mut rng) = (with(BANDIT, ""), Rng::with_seed(17));
    for (good, best) in [([0.4, 0.55, 0.85], 2), ([0.4, 0.9, 0.3], 1)] {
        let played = play(&router, 1_200, good, &mut rng).await;
        let late = played[600..].iter().filter(|(_, who)| *who == best).count();
        assert!(late > 540, "{late} of 600 went to the best one");
        let regret: f64 = played.iter().map(|(_, who)| good[best] - good[*who]).sum();
        let at_random = 1_200.0 * (good[best] - good.iter().sum::<f64>() / 3.0);
        assert!(regret < at_random / 3.0, "{regret} answers lost of 1200; drawing at random loses {at_random}");
        let experiments = played.iter().filter(|(decision, _)| explored(decision)).count();
        // Three standard deviations above a share of 0.1.
        assert!(experiments < 120 + 32, "{experiments}");
        for (decision, _) in &played {
            let mut chances: Vec<f64> = decision.candidates.iter().map(|c| c.propensity.unwrap()).collect();
            chances.sort_by(f64::total_cmp);
            assert!((chances.iter().sum::<f64>() - 1.0).abs() < 1e-9 && chances[2] >= 0.9 - 1e-9, "{chances:?}");
        }
    }
    let rows = router.learned();
    assert_eq!(rows.iter().map(|row| row.deployment.as_str()).collect::<Vec<_>>(), NAMES);
    assert!((rows[1].score - 0.9).abs() < 0.1 && rows[1].doubt < rows[0].doubt, "{rows:?}");
}

#[tokio::test(start_paused = true)]
async fn kinds_of_requests_are_told_apart() {
    let (router, mut rng) = (with("{ kind = \"bandit\", explore = 0.2 }", ""), Rng::with_seed(3));
    let (code, talk) = ("Fix this borrow-checker error: cannot borrow as mutable", "Why is the sky blue?");
    for _ in 0..900 {
        for (text, good) in [(code, "c"), (talk, "a")] {
            let reply = router.chat(ask(text)).await.unwrap();
            let chance = if reply.deployment.as_str() == good { 0.95 } else { 0.45 };
            let score = f64::from(u8::from(rng.f64() < chance));
            router.feedback(reply.decision.id.as_str(), score, None).unwrap();
        }
    }
    let best = |text: &str| {
        let decision = router.route(&ask(text)).unwrap();
        let best = decision.candidates.iter().max_by(|a, b| a.propensity.partial_cmp(&b.propensity).unwrap()).unwrap();
        (best.deployment.to_string(), best.predicted_quality.unwrap() > 0.8, best.scores.doubt.unwrap() < 0.1)
    };
    assert_eq!(best(code), ("c".into(), true, true));
    assert_eq!(best(talk), ("a".into(), true, true));
}

#[tokio::test(start_paused = true)]
async fn what_policy_protects_is_no_experiment() {
    let rules = r#"
        [[rules]]
        name = "eu"
        when = "'eu' in tags"
        deny = ["a"]
        [[rules]]
        name = "prefers"
        when = "'light' in tags"
        prefer = ["b"]
    "#;
    let router = with("{ kind = \"bandit\", explore = 1.0 }", rules);
    let plain = ask("Why is the sky blue?");
    let secret = ask("My card is 4111 1111 1111 1111, what now?");
    let unwilling = Call { metadata: json!({"explore": false}).as_object().cloned().unwrap(), ..plain.clone() };
    let willing = Call { metadata: json!({"explore": true}).as_object().cloned().unwrap(), ..plain.clone() };
    let tagged = |tag: &str| Call { tags: vec![tag.into()], ..plain.clone() };
    for (call, first, expected) in [
        (&plain, "a", false),
        (&willing, "a", false),
        (&secret, "a", true),
        (&unwilling, "a", true),
        (&tagged("eu"), "b", true),
    ] {
        let mut firsts = std::collections::BTreeSet::new();
        for _ in 0..40 {
            let decision = router.chat(call.clone()).await.unwrap().decision;
            firsts.insert(decision.candidates[0].deployment.to_string());
        }
        assert_eq!(firsts.len() == 1 && firsts.contains(first), expected, "{call:?}: {firsts:?}");
    }
    let light = router.route(&tagged("light")).unwrap();
    assert_eq!(light.candidates[0].deployment.as_str(), "b", "a preference stands before what was learned");
}

#[tokio::test(start_paused = true)]
async fn one_seed_gives_the_same_choices() {
    let run = async || {
        let (router, mut rng) = (with(BANDIT, ""), Rng::with_seed(1));
        play(&router, 80, [0.5, 0.7, 0.6], &mut rng).await.into_iter().map(|(_, who)| who).collect::<Vec<_>>()
    };
    assert_eq!(run().await, run().await);
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_what_was_learned_of_the_same_deployments() {
    let (router, mut rng) = (with(BANDIT, ""), Rng::with_seed(2));
    play(&router, 60, [0.2, 0.9, 0.9], &mut rng).await;
    let before = router.learned();
    router.reload(settings(&text("{ kind = \"bandit\", explore = 0.3 }", ""))).unwrap();
    let scores = |rows: &[Lessons]| rows.iter().map(|row| row.scores).collect::<Vec<_>>();
    assert_eq!(scores(&router.learned()), scores(&before));
    let moved = text(BANDIT, "").replace("model = \"openai-compatible/b\"", "model = \"openai-compatible/b2\"");
    router.reload(settings(&moved)).unwrap();
    let after = router.learned();
    assert_eq!((after[0].scores, after[1].scores), (before[0].scores, 0.0), "`b` is another model now");
}

#[tokio::test(start_paused = true)]
async fn a_score_counts_once_and_unknown_calls_teach_nothing() {
    let router = with(BANDIT, "");
    let reply = router.chat(ask("Hi")).await.unwrap();
    let id = reply.decision.id.as_str();
    assert!(router.feedback(id, 0.0, None).unwrap());
    let low = router.learned()[0].score;
    assert!(router.feedback(id, 1.0, None).unwrap());
    let rows = router.learned();
    assert!(low < 0.5 && rows[0].score > 0.5 && (rows[0].scores - 1.0).abs() < 1e-9, "{low} {rows:?}");
    assert!(!router.feedback("wp-of-another-process", 1.0, None).unwrap());
    assert!(router.feedback(id, 1.5, None).is_err());
    let decided = router.route(&ask("Hi")).unwrap();
    assert!(!router.feedback(decided.id.as_str(), 1.0, None).unwrap(), "nobody was called");
    let weighted = with("\"weighted\"", "");
    let reply = weighted.chat(ask("Hi")).await.unwrap();
    assert!(!weighted.feedback(reply.decision.id.as_str(), 1.0, None).unwrap() && weighted.learned().is_empty());
}

#[test]
fn calls_that_wait_for_a_score_are_bounded() {
    let (mut awaited, route) = (Awaited::default(), Arc::<Learned>::default());
    let x = features(&crate::signals::Signals::default());
    for n in 0..MOST + 5 {
        let served = Served { route: Arc::clone(&route), deployment: "a".into(), x, given: None };
        awaited.wait(&format!("wp-{n}").into(), served);
    }
    assert_eq!((awaited.calls.len(), awaited.order.len()), (MOST, MOST));
    assert!(!awaited.score("wp-4", 1.0) && awaited.score("wp-5", 1.0));
    assert_eq!(awaited.scores(), 1);
}
