//! Deployments and rules for tests.

use serde_json::{Value, json};

use super::{
    Known, Policy,
    rule::{Matcher, Redact, RuleConfig},
};
use crate::{
    adapter::compatible::provider,
    catalog::{Api, Credential, Deployment, ModelFacts},
    chat::Map,
    error::{Error, Result},
    signals::{
        SensitiveReport, Signals,
        own::{Shape, Yields},
    },
};

pub(super) fn deployment(name: &str, tags: &[&str]) -> Deployment {
    Deployment {
        id: name.into(),
        provider: provider(if tags.contains(&"private") { "vllm" } else { "openai" }).unwrap(),
        model: "m".into(),
        base_url: String::new(),
        credential: Credential::default(),
        api: Api::Chat,
        api_version: None,
        region: tags.contains(&"eu").then(|| "eu-west-1".to_owned()),
        headers: Vec::new(),
        extra_body: Map::new(),
        facts: ModelFacts::default(),
        price: None,
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        attributes: Map::from_iter([("zdr".to_owned(), json!(tags.contains(&"zdr")))]),
        stream_upstream: false,
    }
}

/// Three deployments: `mini` (us), `haiku` (eu, zdr), `house` (private, eu).
pub(super) fn three() -> Vec<Deployment> {
    vec![deployment("mini", &["us"]), deployment("haiku", &["eu", "zdr"]), deployment("house", &["private", "eu"])]
}

pub(super) fn words(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(word)) => vec![word.clone()],
        Some(list) => serde_json::from_value(list.clone()).unwrap(),
        None => Vec::new(),
    }
}

fn matcher(value: &Value) -> Matcher {
    let fields = value.as_object().unwrap().clone();
    let own = ["tags", "deployments", "providers", "regions"];
    Matcher {
        tags: words(fields.get("tags")),
        deployments: words(fields.get("deployments")),
        providers: words(fields.get("providers")),
        regions: words(fields.get("regions")),
        attributes: fields.into_iter().filter(|(key, _)| !own.contains(&key.as_str())).collect(),
    }
}

/// A rule in the shape of the configuration.
pub(super) fn rule(value: &Value) -> RuleConfig {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    RuleConfig {
        name: text("name").unwrap_or_default(),
        when: text("when"),
        require: value.get("require").map(matcher),
        deny: value.get("deny").map(matcher),
        prefer: value.get("prefer").map(matcher),
        route: text("route"),
        block: text("block"),
        set: value.get("set").and_then(Value::as_object).cloned().unwrap_or_default(),
        tag: words(value.get("tag")),
        redact: value.get("redact").map(|redact| match redact {
            Value::Bool(_) => Redact::All,
            types => Redact::Types(words(Some(types))),
        }),
    }
}

/// Rules over the three deployments, with the intents `code` and `refund`.
pub(super) fn try_policy(rules: &Value) -> Result<Policy> {
    let rules: Vec<RuleConfig> = rules.as_array().unwrap().iter().map(rule).collect();
    let deployments = three();
    let deployments: Vec<&Deployment> = deployments.iter().collect();
    let intents = ["code".to_owned(), "refund".to_owned()];
    let shape = |name: &str, yields, fields| Shape { name: name.into(), yields, fields };
    let score = vec![("score".to_owned(), Yields::Number)];
    let own = [shape("vip", Yields::Bool, Vec::new()), shape("toxic", Yields::Map, score)];
    Policy::compile(&rules, &deployments, Known { intents: &intents, own: &own })
}

pub(super) fn policy(rules: &Value) -> Policy {
    try_policy(rules).unwrap()
}

/// The mistake in a condition: path, message and hint.
pub(super) fn mistake(when: &str) -> (String, String, String) {
    let error: Error = try_policy(&json!([{"when": when, "route": "r"}])).expect_err(when);
    (error.context.path.unwrap_or_default(), error.message, error.context.hint.unwrap_or_default())
}

/// A request that everything was computed of.
pub(super) fn signals() -> Signals {
    Signals {
        text: "Fix this BORROW checker error".into(),
        model: "auto".into(),
        metadata: json!({"team": "x", "level": 3, "nested": {"a": [1, 2]}}).as_object().cloned().unwrap(),
        tags: vec!["team:x".into()],
        intent: Some("code".into()),
        intents: Some(vec![("code".into(), 0.9), ("refund".into(), 0.1)]),
        complexity: Some(0.8),
        language: Some("en".into()),
        injection: Some(0.0),
        sensitive: Some(SensitiveReport {
            any: true,
            personal: true,
            types: vec!["email".into()],
            ..Default::default()
        }),
        budgets: Some(vec![("daily".into(), 0.5)]),
        now: 1_700_000_000.5,
        ..Signals::default()
    }
}
