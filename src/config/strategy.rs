//! `strategy`: a word, or a table of the word and its options.

use super::{
    hint,
    reader::{Node, Table},
    schema::Place,
};
use crate::select::StrategyConfig;

/// A strategy and its options.
struct Kind {
    name: &'static str,
    place: Place,
}

macro_rules! kind {
    ($name:literal $(, $option:literal)*) => {
        Kind { name: $name, place: Place { what: "a strategy", keys: &["kind" $(, $option)*], tables: &[] } }
    };
}

static KINDS: [Kind; 10] = [
    kind!("priority"),
    kind!("weighted"),
    kind!("round_robin"),
    kind!("cheapest"),
    kind!("fastest"),
    kind!("least_busy"),
    kind!("balanced", "cost", "latency", "load"),
    kind!("quality", "target", "model_file"),
    kind!("cascade", "accept"),
    kind!("bandit", "explore", "cost"),
];

/// `balanced` without options: cost before speed before load, as the documentation shows it.
const BALANCED: [(&str, f64); 3] = [("cost", 0.5), ("latency", 0.3), ("load", 0.2)];

/// `bandit` without options: one call in twenty goes to find out whether somebody else is better, as the documentation
/// shows it.
const EXPLORE: f64 = 0.05;

/// Reads a strategy.
pub(super) fn read(node: &Node<'_>) -> Option<StrategyConfig> {
    match node.value.as_str() {
        Some(_) => build(find(node)?, None, node),
        None if node.value.is_object() => {
            let Some(kind) = node.value.get("kind") else {
                node.problem(
                    "the strategy has no `kind`",
                    Some("write { kind = \"cheapest\" }, or just \"cheapest\"".into()),
                );
                return None;
            };
            let named = Node { value: kind, path: format!("{}.kind", node.path), report: node.report };
            let kind = find(&named)?;
            explain_options(node, kind);
            let table = node.table_with(&kind.place, |key, _| owner(key).is_some())?;
            build(kind, Some(&table), &named)
        }
        None => {
            node.expected("a strategy such as \"cheapest\", or { kind = …, options }", None);
            None
        }
    }
}

fn find(node: &Node<'_>) -> Option<&'static Kind> {
    let text = node.string()?;
    let kind = KINDS.iter().find(|kind| kind.name == text);
    if kind.is_none() {
        let hint = hint::or_listed(text, KINDS.iter().map(|kind| kind.name));
        node.problem(format!("there is no strategy {}", node.quoted()), hint);
    }
    kind
}

/// The strategy that has this option.
fn owner(key: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.place.keys.contains(&key))
}

/// Records options that belong to another strategy.
fn explain_options(node: &Node<'_>, kind: &Kind) {
    for (key, option) in node.entries(kind.place.what).unwrap_or_default() {
        if let Some(other) = owner(key).filter(|_| !kind.place.keys.contains(&key)) {
            let message = format!("`{key}` is no option of `{}`", kind.name);
            option.problem(message, Some(format!("it is one of `{}`", other.name)));
        }
    }
}

fn build(kind: &Kind, table: Option<&Table<'_>>, named: &Node<'_>) -> Option<StrategyConfig> {
    let share = |key| table.and_then(|table| table.get(key)).map(|node| node.number(0.0, 1.0));
    match kind.name {
        "priority" => Some(StrategyConfig::Priority),
        "weighted" => Some(StrategyConfig::Weighted),
        "round_robin" => Some(StrategyConfig::RoundRobin),
        "cheapest" => Some(StrategyConfig::Cheapest),
        "fastest" => Some(StrategyConfig::Fastest),
        "least_busy" => Some(StrategyConfig::LeastBusy),
        "balanced" => balanced(table),
        "bandit" => bandit(table),
        name => {
            let _ = share("target");
            if let Some(node) = table.and_then(|table| table.get("model_file")) {
                node.text();
            }
            if let Some(node) = table.and_then(|table| table.get("accept")) {
                accept(&node);
            }
            named.report.not_yet(&named.path, &format!("the strategy `{name}`"));
            Some(StrategyConfig::Priority)
        }
    }
}

/// Each option has its default, also beside others that are written.
fn balanced(table: Option<&Table<'_>>) -> Option<StrategyConfig> {
    let weights = BALANCED.map(|(key, default)| match table.and_then(|table| table.get(key)) {
        Some(node) => node.number(0.0, f64::MAX),
        None => Some(default),
    });
    let [Some(cost), Some(latency), Some(load)] = weights else { return None };
    if cost + latency + load > 0.0 {
        return Some(StrategyConfig::Balanced { cost, latency, load });
    }
    if let Some(table) = table {
        table.node.problem("all weights are zero: nothing would rank the candidates", None);
    }
    None
}

fn bandit(table: Option<&Table<'_>>) -> Option<StrategyConfig> {
    let option = |key| table.and_then(|table| table.get(key));
    let explore = option("explore").map_or(Some(EXPLORE), |node| node.number(0.0, 1.0));
    let cost = option("cost").map_or(Some(0.0), |node| node.number(0.0, f64::MAX));
    Some(StrategyConfig::Bandit { explore: explore?, cost: cost? })
}

fn accept(node: &Node<'_>) {
    let judge = node.value.as_str().and_then(|text| text.strip_prefix("judge:")).is_some_and(|name| !name.is_empty());
    if !judge {
        let words = [("schema", ()), ("logprob", ()), ("self_consistency", ()), ("judge:NAME", ())];
        node.choice("way to accept an answer", &words);
    }
}
