//! A log written by the loop, replayed: the same configuration changes nothing, another one changes what it should.

use std::{fs, path::PathBuf, sync::Arc};

use super::*;
use crate::{
    config::{Format, from_text},
    router::{
        Call,
        fake::{Fake, ask, router},
    },
    trace::log::PATIENCE,
};

struct File(PathBuf);

impl File {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("{}.db", crate::id::RequestId::fresh())))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{end}", self.0.display()));
        }
    }
}

const FLEET: &str = r#"
seed = 7
[deployments.mini]
model = "openai-compatible/mini"
base_url = "http://127.0.0.1:1/v1"
price = { input = 1.0, output = 2.0 }
[deployments.large]
model = "openai-compatible/large"
base_url = "http://127.0.0.1:2/v1"
price = { input = 10.0, output = 20.0 }
[deployments.house]
model = "openai-compatible/house"
base_url = "http://127.0.0.1:3/v1"
price = { input = 0.0, output = 0.0 }
tags = ["private"]
"#;

const WEIGHTED: &str = r#"
[routes.auto]
candidates = [{ name = "mini", weight = 3 }, { name = "large", weight = 1 }]
strategy = "weighted"
fallback = ["house"]
"#;

const CHEAPEST: &str = r#"
[routes.auto]
candidates = ["mini", "large"]
strategy = "cheapest"
fallback = ["house"]
"#;

/// Twenty calls of every sort under `rest`, written to `file`.
async fn logged(file: &File, rest: &str) {
    let text = format!("{FLEET}{rest}\n[telemetry]\nlog = \"{}\"\n", file.0.display());
    let router = router(&text, &Arc::new(Fake::default()));
    for n in 0..20 {
        let mut call = ask(if n % 5 == 0 { "The patient has diabetes mellitus." } else { "Why is the sky blue?" });
        call.tags = vec![format!("n:{}", n % 2)];
        call.max_cost = (n == 3).then_some(1.0);
        router.chat(call).await.unwrap();
    }
    assert!(router.flush(PATIENCE));
}

fn replayed(file: &File, rest: &str) -> Vec<Replayed> {
    let settings = from_text(&format!("{FLEET}{rest}"), Format::Toml, "test", &|_| None).unwrap();
    let mut rows = Vec::new();
    replay(&file.0, Span::default(), settings, |row| {
        rows.push(row);
        Ok(())
    })
    .unwrap();
    rows
}

#[tokio::test(start_paused = true)]
async fn the_same_configuration_decides_the_same_draw_by_draw() {
    let file = File::new();
    logged(&file, WEIGHTED).await;
    let rows = replayed(&file, WEIGHTED);
    assert_eq!(rows.len(), 20);
    assert!(rows.iter().all(|row| !row.changed && row.why.is_none() && row.lacking.is_empty()), "{rows:#?}");
    assert!(rows.iter().all(|row| row.cost_from == row.cost_to && row.latency_from == row.latency_to));
    assert!(rows.iter().any(|row| row.from.as_deref() == Some("large")));
    for row in &rows {
        let share = if row.from.as_deref() == Some("mini") { 0.75 } else { 0.25 };
        assert_eq!((row.propensity, row.outcome.as_str()), (Some(share), "ok"));
        assert_eq!(row.chances.as_ref(), Some(&row.logged));
    }
}

#[tokio::test(start_paused = true)]
async fn another_strategy_says_who_what_it_costs_and_why() {
    let file = File::new();
    logged(&file, WEIGHTED).await;
    let rows = replayed(&file, CHEAPEST);
    let changed: Vec<&Replayed> = rows.iter().filter(|row| row.changed).collect();
    assert!(!changed.is_empty() && changed.len() < 20);
    for row in changed {
        assert_eq!((row.from.as_deref(), row.to.as_deref()), (Some("large"), Some("mini")));
        assert!(row.why.as_deref().unwrap().starts_with("cheapest of 3"), "{row:?}");
        // A hundred tokens each way, as the provider reported.
        assert!((row.cost_from.unwrap() - 0.003).abs() < 1e-9 && (row.cost_to.unwrap() - 0.0003).abs() < 1e-9);
        assert_eq!((row.success_from, row.success_to), (Some(1.0), Some(1.0)));
        assert_eq!(row.chances, Some(vec![("mini".into(), 1.0)]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_moves_what_it_is_about_and_names_itself() {
    let file = File::new();
    logged(&file, WEIGHTED).await;
    let rule = "[[rules]]\nname = \"home\"\nwhen = \"sensitive.health\"\nrequire = { tags = [\"private\"] }\n";
    let rows = replayed(&file, &format!("{WEIGHTED}{rule}"));
    let moved: Vec<&Replayed> = rows.iter().filter(|row| row.changed).collect();
    assert_eq!(moved.len(), 4);
    for row in moved {
        assert_eq!(row.to.as_deref(), Some("house"));
        assert!(row.why.as_deref().unwrap().contains("refused by rule `home`"), "{row:?}");
        assert!(row.why.as_deref().unwrap().ends_with("rule `home` fires"), "{row:?}");
        assert!(row.latency_to.is_none() && row.success_to.is_none(), "nobody ever asked it");
    }
    let block = "[[rules]]\nname = \"odd\"\nwhen = \"'n:1' in tags\"\nblock = \"not today\"\n";
    let rows = replayed(&file, &format!("{WEIGHTED}{block}"));
    let refused: Vec<&Replayed> = rows.iter().filter(|row| row.to.is_none()).collect();
    assert_eq!(refused.len(), 10);
    assert!(refused.iter().all(|row| row.why.as_deref().unwrap().starts_with("not today") && row.cost_to == Some(0.0)));
}

#[tokio::test(start_paused = true)]
async fn what_the_log_lacks_is_named_and_never_guessed() {
    let file = File::new();
    let rule = |when: &str| format!("{WEIGHTED}[[rules]]\nwhen = \"{when}\"\ndeny = [\"mini\"]\n");
    logged(&file, &rule("text.contains('patient')")).await;
    let lacking = |when: &str| {
        let rows = replayed(&file, &rule(when));
        assert!(rows.iter().all(|row| row.lacking == rows[0].lacking));
        (rows[0].lacking.clone(), rows[0].changed || rows[0].to.is_some())
    };
    assert_eq!(lacking("text.contains('sky')"), (vec!["text"], false));
    assert_eq!(lacking("metadata.team == 'x'"), (vec!["metadata"], false));
    // What a condition over the text came to was written down, and holds again.
    let rows = replayed(&file, &rule("text.contains('patient')"));
    assert!(rows.iter().all(|row| row.lacking.is_empty() && !row.changed));
    assert_eq!(rows.iter().filter(|row| row.propensity == Some(1.0)).count(), 4);
    let other = format!("{}[sensitive]\nthreshold = 0.9\n", rule("sensitive.any"));
    assert_eq!(replayed(&file, &other)[0].lacking, ["sensitive"]);
    let bytes = fs::read(&file.0).unwrap();
    assert!(!bytes.windows(8).any(|window| window == b"diabetes" || window == b"the sky "));
}

#[tokio::test(start_paused = true)]
async fn money_is_spent_as_the_other_configuration_would_have_spent_it() {
    let file = File::new();
    logged(&file, WEIGHTED).await;
    let budget = "[budgets.day]\nusd = 0.0045\nwindow = \"7d\"\n";
    let rows = replayed(&file, &format!("{CHEAPEST}{budget}"));
    // Its estimate is more than its cost; what is left in the end is too little for it, and the house is free.
    assert_eq!(rows.first().unwrap().to.as_deref(), Some("mini"));
    let last = rows.last().unwrap();
    assert_eq!(last.to.as_deref(), Some("house"));
    assert!(last.why.as_deref().unwrap().contains("budget `day`"), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn a_route_that_is_gone_and_a_deployment_that_is_new_are_said_to_be() {
    let file = File::new();
    logged(&file, "[routes.old]\ncandidates = [\"mini\"]\n[routes.auto]\ncandidates = [\"mini\", \"large\"]\n").await;
    let rows = replayed(&file, "[routes.auto]\ncandidates = [\"house\"]\n");
    assert!(rows.iter().all(|row| row.changed && row.assumed == ["house"]));
    assert!(rows[0].why.as_deref().unwrap().contains("`mini` is not among the candidates of route `auto`"));
    assert_eq!((rows[0].propensity, rows[0].cost_to), (Some(1.0), Some(0.0)));
}

#[tokio::test(start_paused = true)]
async fn a_live_decision_is_taken_again_as_it_was() {
    let router = router(&format!("{FLEET}{WEIGHTED}"), &Arc::new(Fake::default()));
    let fleet = router.open().unwrap();
    for n in 0..20 {
        router.chat(ask("Hello")).await.unwrap();
        let call = Call { tags: vec![format!("n:{n}")], ..ask("Why is the sky blue?") };
        let decision = router.route(&call).unwrap();
        let (signals, facts) = (decision.signals.to_value(), decision.facts());
        let case = Case { id: "x", requested: "auto", at: decision.at, signals: &signals, facts: &facts };
        let same = again(&fleet, case, &World::default()).unwrap().unwrap();
        assert_eq!((&same.chosen, &same.reason, same.id.as_str()), (&decision.chosen, &decision.reason, "x"));
        assert_eq!(same.facts(), facts);
        let down = World { down: vec![decision.chosen.unwrap().to_string()], ..World::default() };
        let other = again(&fleet, case, &down).unwrap().unwrap();
        assert_ne!(other.chosen, same.chosen);
        assert_eq!(other.candidates.last().unwrap().refused.as_ref().unwrap().code(), "disabled");
    }
}
