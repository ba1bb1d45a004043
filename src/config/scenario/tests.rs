use std::time::Duration;

use super::{BUILTIN, Fault, Scenario, Spread, WhenFull};
use crate::{
    config::{Format, parse::parse},
    error::Error,
};

fn read(toml: &str) -> Result<Scenario, Error> {
    Scenario::from_value(&parse(toml, Format::Toml, "test").unwrap())
}

const WHOLE: &str = r#"
name = "Friday"
duration = "1h"
step = "1m"

[traffic.people]
rpm = 12.5
stream = 0.8
prompt_tokens = { p50 = 300, p95 = 2000 }
answer_tokens = 100
leave = 0.02
timeout = "60s"
tags = ["chat"]
metadata = { team = "a" }

[traffic.nightly]
rpm = 600
arrivals = "even"
at = "30m"
for = "5m"
prompts = ["Hello", "Good bye"]
model = "fast"
sessions = 3

[providers.openai]
first_token = { p50 = "400ms", p95 = "2s" }
tokens_per_second = 80
capacity = 20
when_full = 503
faults = { 500 = 0.01, cut = 0.002 }
retry_after = "3s"

[deployments."gpt-*"]
when_full = "queue"
rpm = 500

[[outages]]
on = ["openai", "tag:eu"]
at = "10m"
for = "5m"
fault = "slow"
factor = 8
share = 0.5

[chance]
every = "6h"
lasts = "5m"
faults = ["down", 429]
"#;

#[test]
fn everything_that_can_be_said_is_read() {
    let scenario = read(WHOLE).unwrap();
    assert_eq!((scenario.name.as_str(), scenario.duration.as_secs(), scenario.step.as_secs()), ("Friday", 3_600, 60));
    let [people, nightly] = &scenario.traffic[..] else { panic!("{:?}", scenario.traffic) };
    assert_eq!((people.rpm, people.stream, people.random), (12.5, 0.8, true));
    assert_eq!(people.prompt_tokens, Spread { p50: 300.0, p95: 2_000.0 });
    assert_eq!(people.answer_tokens, Spread { p50: 100.0, p95: 250.0 });
    assert_eq!((people.tags.len(), people.metadata.len(), people.timeout), (1, 1, Some(Duration::from_secs(60))));
    assert_eq!((nightly.random, nightly.at.as_secs(), nightly.lasts.unwrap().as_secs()), (false, 1_800, 300));
    assert_eq!((nightly.prompts.len(), nightly.model.as_str(), nightly.sessions), (2, "fast", 3));
    let [openai, gpt] = &scenario.behaviour[..] else { panic!("{:?}", scenario.behaviour) };
    assert_eq!(openai.patch.first_token, Some(Spread { p50: 0.4, p95: 2.0 }));
    assert_eq!(openai.patch.faults, Some(vec![(Fault::Status(500), 0.01), (Fault::Cut, 0.002)]));
    assert_eq!(openai.patch.when_full, Some(WhenFull::Refuse(503)));
    assert_eq!((gpt.on.as_str(), gpt.patch.when_full, gpt.patch.rpm), ("gpt-*", Some(WhenFull::Queue), Some(500)));
    let outage = &scenario.outages[0];
    assert_eq!((outage.on.len(), outage.fault, outage.share, outage.factor), (2, Fault::Slow, 0.5, 8.0));
    let chance = scenario.chance.unwrap();
    assert_eq!((chance.on, chance.faults), (vec!["*".to_owned()], vec![Fault::Down, Fault::Status(429)]));
}

#[test]
fn mistakes_have_their_place_and_a_hint() {
    let cases = [
        ("durration = \"1h\"", "durration", "did you mean `duration`?"),
        ("[traffic]\nrmp = 3", "traffic.rmp", "did you mean `rpm`?"),
        ("[traffic]\nstream = 2", "traffic.stream", ""),
        ("[traffic]\narrivals = \"evenly\"", "traffic.arrivals", "did you mean `even`?"),
        ("[traffic]\nat = \"2h\"", "traffic.at", "make `duration` longer"),
        ("[providers.openai]\nfirst_token = 0", "providers.openai.first_token", ""),
        ("[providers.openai]\nfirst_token = { p50 = 3, p95 = 1 }", "providers.openai.first_token.p95", ""),
        ("[providers.openai]\nwhen_full = \"wait\"", "providers.openai.when_full", "write \"queue\""),
        ("[providers.openai.faults]\n500 = 0.9\ncut = 0.2", "providers.openai.faults", ""),
        ("[providers.openai.faults]\nkut = 0.2", "providers.openai.faults.kut", "did you mean `cut`?"),
        ("[[outages]]\non = \"a\"\nat = 0\nfor = 9\nfault = \"donw\"", "outages[0].fault", "did you mean `down`?"),
        ("[[outages]]\non = \"a\"\nat = 0\nfor = 9\nfault = 200", "outages[0].fault", ""),
        ("[[outages]]\non = \"a\"\nat = 0\nfor = 9", "outages[0].fault", "what goes wrong"),
        ("[[outages]]\non = \"a\"\nat = 0\nfor = 9\nfault = 503\nfactor = 3", "outages[0].factor", "slow"),
        ("[chance]\nevery = \"1h\"", "chance.lasts", "the mean length"),
        ("[chance]\nevery = \"1h\"\nlasts = \"1s\"\nfaults = []", "chance", ""),
        ("duration = \"1d\"\nstep = \"1s\"", "step", "write at least \"9s\""),
    ];
    for (toml, path, hint) in cases {
        let error = read(toml).unwrap_err();
        assert_eq!(error.context.path.as_deref(), Some(path), "{toml}: {}", error.message);
        assert!(error.context.hint.unwrap_or_default().contains(hint), "{toml}");
    }
}

#[test]
fn what_is_built_in_can_be_read_and_aimed() {
    for builtin in &BUILTIN {
        let scenario = Scenario::builtin(builtin.name, "somebody").unwrap();
        assert_eq!(scenario.name, builtin.name);
        assert!(scenario.outages.iter().all(|outage| outage.on == ["somebody"]));
    }
    let error = Scenario::builtin("outrage", "a").unwrap_err();
    assert_eq!(error.context.hint.unwrap(), "did you mean `outage`?");
}

#[test]
fn without_a_word_it_is_half_an_hour_of_calm() {
    let scenario = read("").unwrap();
    assert_eq!((scenario.duration.as_secs(), scenario.step.as_secs(), scenario.traffic.len()), (1_800, 30, 1));
}
