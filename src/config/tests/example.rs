//! The example of the documentation, in all three languages.

use super::{env, mistake};
use crate::{
    config::{Format, Settings, from_text, from_value, parse::parse},
    policy::budget::BudgetScope,
    resilience::hedge::{HedgeAfter, HedgeConfig},
};

const TOML: &str = include_str!("example.toml");
const YAML: &str = include_str!("example.yaml");
const JSON: &str = include_str!("example.json");

/// Without the sections that only later versions act on.
fn read(text: &str, format: Format) -> Settings {
    let mut value = parse(text, format, "example").unwrap_or_default();
    assert!(value.as_object_mut().is_some_and(|map| map.remove("cache").is_some()));
    match from_value(value, &env) {
        Ok(settings) => settings,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn it_needs_only_what_a_later_version_brings() {
    let error = mistake(
        from_text(TOML, Format::Toml, "waypost.toml", &env),
        "routes.smart.strategy.kind",
        "the strategy `quality` is not in this version yet, in `waypost.toml`",
    );
    assert!(error.message.contains("cache: `cache` is not"), "{}", error.message);
}

#[test]
fn it_means_the_same_in_all_three_languages() {
    let this_version = |text: &str| text.replace("\"quality\"", "\"balanced\"").replace("quality", "balanced");
    let strip = |text: &str| {
        this_version(text)
            .replace(", target = 0.95", "")
            .replace(", target: 0.95", "")
            .replace(",\n        \"target\": 0.95", "")
    };
    let toml = read(&strip(TOML), Format::Toml);
    let print = |settings: &Settings| format!("{settings:#?}");
    assert_eq!(print(&toml), print(&read(&strip(YAML), Format::Yaml)));
    assert_eq!(print(&toml), print(&read(&strip(JSON), Format::Json)));

    let names: Vec<&str> = toml.deployments.iter().map(|d| d.deployment.id.as_str()).collect();
    assert_eq!(names, ["mini", "haiku", "house"]);
    let routes: Vec<&str> = toml.routes.iter().map(|route| route.route.id.as_str()).collect();
    assert_eq!(routes, ["auto", "smart"]);
    assert_eq!(toml.rules[1].route.as_deref(), Some("smart"));
    assert_eq!(toml.budgets[0].per, BudgetScope::Tag("team".into()));
    assert_eq!(
        toml.routes[0].resilience.hedge,
        Some(HedgeConfig { after: HedgeAfter::Percentile(95), max_extra: 0.05 })
    );
    assert_eq!(toml.log, Some(crate::trace::log::LogConfig::new("waypost.db")));
    assert_eq!(toml.otlp, Some(crate::trace::otlp::OtlpConfig::new("http://127.0.0.1:4318")));
    assert_eq!(toml.later.keys().collect::<Vec<_>>(), ["state"]);
}
