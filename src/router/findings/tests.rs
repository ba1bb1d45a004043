use std::{fmt::Write, sync::Arc};

use super::*;
use crate::{
    config::{Format, from_text},
    router::fake::{Fake, router},
};

const FLEET: &str = r#"
    [deployments.us]
    model = "openai-compatible/m"
    base_url = "http://127.0.0.1:1/v1"
    tags = ["us"]
    [deployments.eu]
    model = "openai-compatible/h"
    base_url = "http://127.0.0.1:2/v1"
    tags = ["eu", "fast"]
    [deployments.house]
    model = "vllm/l"
    base_url = "http://127.0.0.1:3/v1"
    tags = ["private", "eu"]
    [routes.auto]
    candidates = ["us", "house"]
    fallback = ["eu"]
    [routes.smart]
    candidates = ["us", "eu"]
"#;

fn findings(rules: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut text = FLEET.to_owned();
    for (n, (when, effect)) in rules.iter().enumerate() {
        let when = if when.is_empty() { String::new() } else { format!("when = \"{when}\"\n") };
        writeln!(text, "[[rules]]\nname = 'r{n}'\n{when}{effect}").unwrap();
    }
    let findings = router(&text, &Arc::new(Fake::default())).findings().unwrap();
    assert!(findings.iter().all(|finding| !finding.remedy.is_empty()));
    findings.into_iter().map(|finding| (finding.path, finding.message)).collect()
}

fn one(rules: &[(&str, &str)]) -> (String, String) {
    let found = findings(rules);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

#[test]
fn nothing_is_said_of_rules_that_do_what_they_seem_to() {
    assert_eq!(findings(&[]), []);
    assert_eq!(
        findings(&[("sensitive.any", "require = { tags = ['eu'] }"), ("complexity > 0.7", "route = 'smart'")]),
        []
    );
    assert_eq!(findings(&[("text.matches('^x')", "deny = { tags = ['us'] }")]), []);
}

#[test]
fn a_condition_that_no_request_fulfils_is_found() {
    for when in [
        "intent == 'code' && intent == 'chat'",
        "complexity > 0.7 && complexity < 0.3",
        "sensitive.personal && !sensitive.any",
        "tokens < 0",
    ] {
        let (path, message) = one(&[(when, "require = { tags = ['eu'] }")]);
        assert_eq!((path.as_str(), message.starts_with("rule `r0` never holds")), ("rules[0].when", true), "{when}");
    }
}

#[test]
fn a_route_that_is_always_set_before_is_found() {
    let (path, message) = one(&[("complexity > 0.5", "route = 'smart'"), ("complexity > 0.7", "route = 'auto'")]);
    assert_eq!(path, "rules[1].route");
    assert!(message.contains("`r1` is never taken"), "{message}");
    assert_eq!(findings(&[("complexity > 0.7", "route = 'smart'"), ("complexity > 0.5", "route = 'auto'")]), []);
}

#[test]
fn rules_that_contradict_each_other_are_found_with_a_request() {
    let (path, message) =
        one(&[("sensitive.any", "require = { tags = ['private'] }"), ("stream", "require = { tags = ['us'] }")]);
    assert_eq!(path, "rules[1]");
    assert!(message.starts_with("rules `r0` and `r1` contradict each other"), "{message}");
    assert!(message.contains("\"stream\":true") && message.contains("\"sensitive\""), "{message}");
}

#[test]
fn rules_that_never_fire_together_do_not_contradict() {
    let rules =
        [("sensitive.any", "require = { tags = ['private'] }"), ("!sensitive.any", "require = { tags = ['us'] }")];
    // The fallback is of the one kind or of the other, and neither rule allows it.
    assert_eq!(one(&rules), ("deployments.eu".into(), "the rules refuse `eu` for every request".into()));
}

#[test]
fn a_class_with_nobody_or_one_target_is_found_where_it_takes_several_rules() {
    let rules = [("'a' in tags", "deny = { tags = ['us'] }"), ("'b' in tags", "deny = { tags = ['fast'] }")];
    let found = findings(&rules);
    assert!(
        found.iter().any(|(_, m)| m.contains("leave only `house` in route `auto`") && m.contains(r#"["a","b"]"#)),
        "{found:?}"
    );
    assert!(found.iter().any(|(_, m)| m.contains("leave nobody in route `smart`")), "{found:?}");
    assert_eq!(found.len(), 2);
}

#[test]
fn targets_and_routes_that_rules_keep_everyone_from_are_found() {
    assert_eq!(one(&[("", "deny = { tags = ['fast'] }")]).0, "deployments.eu");
    let found = findings(&[("", "route = 'auto'")]);
    assert_eq!(
        found,
        [(
            "routes.smart".to_owned(),
            "no request takes route `smart`: the rules send or refuse all of them".to_owned()
        )]
    );
    // On `smart` there are only easy questions, for which `us` is denied; on `auto` it is reached.
    let found = findings(&[("model == 'smart'", "deny = { deployments = ['us'] }")]);
    assert_eq!(found[0].0, "routes.smart.candidates");
}

#[test]
fn too_many_classes_are_said() {
    let many: Vec<String> = (0..20).map(|n| format!("'t{n}' in tags")).collect();
    assert_eq!(one(&[(&many.join(" || "), "deny = { tags = ['us'] }")]).0, "rules");
}

#[test]
fn limits_that_no_call_keeps_are_found() {
    let text = r#"
        [deployments.a]
        model = "openai-compatible/m"
        base_url = "http://127.0.0.1:1/v1"
        limits = { tpm = 100, output_tpm = 400 }
        price = { input = 1.0, output = 10.0 }
        [budgets.tiny]
        usd = 0.001
        window = "1d"
        [budgets.fair]
        usd = 1.0
        window = "1d"
    "#;
    let found = limits(&from_text(text, Format::Toml, "test", &|_| None).unwrap());
    let paths: Vec<&str> = found.iter().map(|finding| finding.path.as_str()).collect();
    assert_eq!(paths, ["deployments.a.limits.tpm", "budgets.tiny.usd"]);
}
