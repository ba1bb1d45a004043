//! `rules`: conditions and effects. The conditions stay text; `policy` compiles them and reports at `rules[2].when`.

use serde_json::Value;

use super::{
    RouteSettings, hint, matcher,
    names::Names,
    reader::{Node, Table},
    routes,
    schema::RULE,
    sensitive,
};
use crate::{
    chat::{ChatRequest, Map},
    policy::rule::{Redact, RuleConfig},
};

/// What a rule can do.
pub(super) const EFFECTS: [&str; 8] = ["require", "deny", "prefer", "route", "block", "set", "tag", "redact"];

/// Parameters of `chat` that a rule may override.
const PARAMETERS: [&str; 17] = [
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "temperature",
    "top_p",
    "max_tokens",
    "stop",
    "seed",
    "n",
    "logprobs",
    "top_logprobs",
    "presence_penalty",
    "frequency_penalty",
    "reasoning_effort",
    "user",
    "extra_body",
];

/// All rules, one for each that is written, in that order.
pub(super) fn section(top: &Table<'_>, names: &Names, routes: &[RouteSettings]) -> Vec<RuleConfig> {
    let Some(node) = top.get("rules") else { return Vec::new() };
    if node.value.is_object() {
        node.expected("a list of rules", Some("write [[rules]] in TOML, or begin each rule with `-` in YAML".into()));
        return Vec::new();
    }
    let mut rules: Vec<RuleConfig> = Vec::new();
    for node in node.list().unwrap_or_default() {
        let rule = rule(&node, names, routes).unwrap_or_default();
        let name = Node { path: format!("{}.name", node.path), ..node.clone() };
        if !rule.name.is_empty() && rules.iter().any(|other| other.name == rule.name) {
            name.problem(format!("two rules are called `{}`", rule.name), Some("give each a name of its own".into()));
        }
        rules.push(rule);
    }
    rules
}

fn rule(node: &Node<'_>, names: &Names, routes: &[RouteSettings]) -> Option<RuleConfig> {
    let before = node.report.count();
    let table = node.table(&RULE)?;
    let matcher = |key| table.get(key).and_then(|node| matcher::read(&node, names));
    let text = |key| table.get(key).and_then(|node| node.text()).map(str::to_owned);
    let rule = RuleConfig {
        name: text("name").unwrap_or_else(|| node.path.clone()),
        when: table.get("when").and_then(|node| when(&node)),
        require: matcher("require"),
        deny: matcher("deny"),
        prefer: matcher("prefer"),
        route: table.get("route").and_then(|node| route(&node, names, routes)),
        block: table.get("block").and_then(|node| block(&node)),
        set: table.get("set").map(|node| set(&node)).unwrap_or_default(),
        tag: table.get("tag").map(|node| node.texts(node.one_or_many())).unwrap_or_default(),
        redact: table.get("redact").and_then(|node| redact(&node)),
    };
    if node.report.count() == before && !EFFECTS.iter().any(|effect| table.map.contains_key(*effect)) {
        let hint = format!("add one of {}", EFFECTS.join(", "));
        node.problem("this rule has no effect", Some(hint));
    }
    Some(rule)
}

fn when(node: &Node<'_>) -> Option<String> {
    if node.value.is_boolean() {
        node.expected("a CEL expression in quotes", Some("leave `when` out for a rule that always holds".into()));
        return None;
    }
    let text = node.string()?;
    if text.trim().is_empty() {
        node.problem("the condition is empty", Some("leave `when` out for a rule that always holds".into()));
        return None;
    }
    Some(text.into())
}

fn route(node: &Node<'_>, names: &Names, routes: &[RouteSettings]) -> Option<String> {
    let text = node.text()?;
    if routes.iter().any(|route| route.route.id.as_str() == text) {
        return Some(text.into());
    }
    let hint = match names.get(text) {
        Some(_) => Some(format!("that is a deployment; a route of it: [routes.NAME] candidates = [\"{text}\"]")),
        None => routes::nearest(text, routes),
    };
    node.problem(format!("there is no route {}", node.quoted()), hint);
    None
}

fn block(node: &Node<'_>) -> Option<String> {
    match node.value.as_str() {
        Some(text) if !text.trim().is_empty() => Some(text.into()),
        _ => {
            node.expected("the message of the refusal", Some("for example block = \"not in this house\"".into()));
            None
        }
    }
}

/// Parameters, each of the type that `chat` takes.
fn set(node: &Node<'_>) -> Map {
    let entries = node.entries("a table of parameters such as { temperature = 0.0 }").unwrap_or_default();
    if entries.is_empty() && node.value.is_object() {
        node.problem("this sets nothing", None);
    }
    let mut parameters = Map::new();
    for (key, node) in entries {
        if !PARAMETERS.contains(&key) {
            node.problem(format!("`{key}` is no parameter that a rule can set"), unknown_parameter(key));
        } else if node.value.is_null() || !is_taken(key, node.value) {
            node.problem(format!("`{key}` does not take {}", node.quoted()), None);
        } else {
            parameters.insert(key.into(), node.value.clone());
        }
    }
    parameters
}

fn unknown_parameter(key: &str) -> Option<String> {
    match key {
        "model" => Some("`route` sets the route, `require` narrows the deployments".into()),
        "max_completion_tokens" | "max_output_tokens" => Some(hint::did_you_mean("max_tokens")),
        _ => hint::or_listed(key, PARAMETERS),
    }
}

fn is_taken(key: &str, value: &Value) -> bool {
    let request = Value::Object(Map::from_iter([(key.to_owned(), value.clone())]));
    let Ok(request) = serde_json::from_value::<ChatRequest>(request) else { return false };
    let within = |number: Option<f64>, least: f64, most: f64| number.is_none_or(|n| (least..=most).contains(&n));
    within(request.temperature, 0.0, 2.0)
        && within(request.top_p, 0.0, 1.0)
        && within(request.presence_penalty, -2.0, 2.0)
        && within(request.frequency_penalty, -2.0, 2.0)
        && request.max_tokens != Some(0)
        && request.n != Some(0)
}

fn redact(node: &Node<'_>) -> Option<Redact> {
    match node.value.as_bool() {
        Some(true) => Some(Redact::All),
        Some(false) => {
            node.problem("redact = false has no effect", Some("leave it out".into()));
            None
        }
        None if node.value.is_string() || node.value.is_array() => {
            let types = sensitive::kinds(node, node.one_or_many());
            (!types.is_empty()).then_some(Redact::Types(types))
        }
        None => {
            node.expected("true, or a list of sensitive types", None);
            None
        }
    }
}
