//! What a simulation promises: the same run for the same seed, whole answers in every dialect, what an outage does.

use std::sync::atomic::AtomicBool;

use super::{Ending, Report, Stage, Stats, in_virtual_time, simulate};
use crate::{
    config::{Format, Settings, from_text, scenario::Scenario},
    error::{ErrorKind, Result},
};

const TWO: &str = r#"
[deployments.mini]
model = "openai/gpt-5-mini"
api_key = "x"
[deployments.haiku]
model = "anthropic/claude-haiku-4-5"
api_key = "x"
[routes.auto]
candidates = ["mini"]
fallback = ["haiku"]
"#;

fn settings(toml: &str) -> Settings {
    from_text(toml, Format::Toml, "test", &|_| None).unwrap()
}

fn scenario(toml: &str) -> Scenario {
    let table: serde_json::Value = toml::from_str(toml).unwrap();
    Scenario::from_value(&table).unwrap()
}

fn run(config: &str, scenario: &Scenario, seed: u64) -> Result<Report> {
    simulate(&settings(config), scenario, seed, &AtomicBool::new(false))
}

fn phase<'r>(report: &'r Report, name: &str) -> &'r Stats {
    &report.phases.iter().find(|phase| phase.name == name).unwrap().stats
}

/// Everything at once, so that every draw has a part in the run.
const BUSY: &str = r#"
duration = "20m"
[traffic.streams]
rpm = 40
leave = 0.1
sessions = 3
[traffic.whole]
rpm = 20
stream = 0
prompt_tokens = 50
[providers.openai]
capacity = 8
when_full = 429
retry_after = "1s"
faults = { 500 = 0.05, cut = 0.05, stall = 0.02, reset = 0.02 }
[deployments.haiku]
rpm = 30
capacity = 10
[[outages]]
on = "mini"
at = "5m"
for = "4m"
fault = "down"
[chance]
every = "5m"
lasts = "1m"
faults = ["hang", "slow", "garbage", "blackhole", 503]
"#;

#[test]
fn one_seed_gives_one_report_to_the_last_byte_and_another_seed_another() {
    let config = format!("{TWO}strategy = {{ kind = \"balanced\", cost = 0.4, latency = 0.4, load = 0.2 }}\n");
    let text = |seed| serde_json::to_string(&run(&config, &scenario(BUSY), seed).unwrap()).unwrap();
    let first = text(1);
    assert_eq!(first, text(1));
    assert_ne!(first, text(2));
}

#[test]
fn an_outage_is_seen_in_the_phase_in_which_it_is_and_not_without_it() {
    let report = run(TWO, &Scenario::builtin("outage", "openai").unwrap(), 7).unwrap();
    let (before, during, after) = (phase(&report, "before"), phase(&report, "during"), phase(&report, "after"));
    assert!((before.calls + during.calls + after.calls) == phase(&report, "all").calls);
    assert!(before.calls > 500, "{before:?}");
    assert_eq!([before, during, after].map(|stats| stats.torn), [0, 0, 0]);
    assert_eq!((before.failed, after.failed), (0, 0), "{:?}", report.errors);
    let [mini, haiku] = &report.deployments[..] else { panic!("{:?}", report.deployments) };
    assert!(mini.breaker_open > 500.0 && haiku.breaker_open == 0.0, "{mini:?}");
    assert!(haiku.answered >= during.answered && haiku.answered < during.calls + 60, "{haiku:?}");
    let calm = report.baseline.as_ref().unwrap();
    assert!(calm.iter().all(|phase| phase.stats.failed == 0 && phase.stats.requests == phase.stats.calls));
    // Without the outage the same calls come at the same moments, with the same draws.
    assert_eq!(calm[1].stats.first_token, before.first_token);
    assert!(during.cost_usd > before.cost_usd, "the fallback is dearer");
    assert_eq!((report.outages.len(), report.outages[0].fault.as_str()), (1, "down"));
}

#[test]
fn every_dialect_is_spoken_whole_and_in_streams_also_where_an_answer_is_continued() {
    let models = [
        "openai/gpt-5-mini",
        "anthropic/claude-haiku-4-5",
        "gemini/gemini-2.5-flash",
        "ollama/llama3.3",
        "mistral/mistral-large-latest",
    ];
    for model in models {
        let config = format!(
            "[deployments]\na = {{ model = \"{model}\", api_key = \"x\", capabilities = {{ prefill = true }} }}\n\
             b = {{ model = \"{model}\", api_key = \"x\", capabilities = {{ prefill = true }} }}\n\
             [routes.auto]\ncandidates = [\"a\", \"b\"]\non_stream_failure = \"continue\"\n"
        );
        let scenario = scenario(
            "duration = \"10m\"\n[traffic]\nrpm = 20\nstream = 0.6\nanswer_tokens = 40\n\
             [deployments.a]\nfaults = { 500 = 0.1, cut = 0.2, stall = 0.1 }\n",
        );
        let report = run(&config, &scenario, 3).unwrap();
        let all = phase(&report, "all");
        assert_eq!((all.torn, all.failed), (0, 0), "{model}: {:?}", report.errors);
        assert!(all.answered > 150 && report.deployments[1].answered > 20, "{model}: {all:?}");
        assert!(all.first_token.unwrap().p50 > 0.3 && all.first_token.unwrap().p50 < 1.0, "{model}: {all:?}");
    }
}

#[test]
fn providers_have_their_places_and_their_rate() {
    let config = TWO.replace("fallback = [\"haiku\"]", "");
    let queue = "duration = \"5m\"\n[traffic]\nrpm = 120\n[providers.openai]\ncapacity = 4\n";
    let report = run(&config, &scenario(queue), 1).unwrap();
    let unbounded = run(&config, &scenario("duration = \"5m\"\n[traffic]\nrpm = 120\n"), 1).unwrap();
    assert!(phase(&report, "all").latency.unwrap().p50 > 2.0 * phase(&unbounded, "all").latency.unwrap().p50);
    let rate = "duration = \"5m\"\n[traffic]\nrpm = 120\n[providers.openai]\nrpm = 30\n";
    let report = run(&config, &scenario(rate), 1).unwrap();
    assert!((120..=160).contains(&report.deployments[0].answered), "{:?}", report.deployments);
    assert!(
        report.errors.iter().any(|(kind, _)| kind == "no_candidates" || kind == "rate_limit"),
        "{:?}",
        report.errors
    );
}

#[test]
fn what_is_not_there_is_told_with_a_hint_and_what_has_no_end_is_refused() {
    let outage = "[[outages]]\non = \"opnai\"\nat = 0\nfor = 9\nfault = \"down\"\n";
    let error = run(TWO, &scenario(outage), 1).unwrap_err();
    assert_eq!((error.kind, error.context.path.as_deref()), (ErrorKind::Config, Some("outages[0].on")));
    assert_eq!(error.context.hint.unwrap(), "did you mean `openai`?");
    let error = run(TWO, &scenario("duration = \"9000h\"\n[traffic]\nrpm = 1e6\n"), 1).unwrap_err();
    assert_eq!(error.context.path.as_deref(), Some("traffic"));
    let stopped = simulate(&settings(TWO), &scenario(""), 1, &AtomicBool::new(true)).unwrap_err();
    assert_eq!(stopped.kind, ErrorKind::Cancelled);
}

#[test]
fn dates_pass_with_the_clock() {
    let config = format!("{TWO}[budgets.daily]\nusd = 0.2\nwindow = \"1h\"\n");
    let scenario = scenario("duration = \"3h\"\nstep = \"1h\"\n[traffic]\nrpm = 20\n");
    let report = run(&config, &scenario, 1).unwrap();
    let spent: Vec<f64> = report.columns.iter().map(|column| column.stats.cost_usd).collect();
    assert!(spent.iter().all(|usd| (0.19..0.21).contains(usd)), "each hour has its own budget: {spent:?}");
    assert_eq!(report.errors[0].0, "budget_exceeded");
}

#[test]
fn who_leaves_is_neither_answered_nor_failed() {
    let calls = in_virtual_time(async || {
        let scenario = scenario("duration = \"5m\"\n[traffic]\nleave = 1\nanswer_tokens = 2000\n");
        let stage = Stage::new(settings(TWO), &scenario, 1).unwrap();
        let calls = stage.play(&AtomicBool::new(false)).await.unwrap();
        assert!((0..2).all(|place| stage.world().at_once(place) == 0), "their requests were cancelled");
        calls
    });
    let calls = calls.unwrap();
    assert!(calls.len() > 200 && calls.iter().filter(|told| told.ending == Ending::Left).count() > 200);
}
