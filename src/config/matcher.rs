//! Which deployments `require`, `deny` and `prefer` speak of.

use serde_json::Value;

use super::{
    hint,
    names::{Named, Names},
    reader::{Node, Table},
    schema::MATCHER,
};
use crate::{chat::Map, policy::rule::Matcher};

/// Reads a matcher: a table, or a list of deployments.
pub(super) fn read(node: &Node<'_>, names: &Names) -> Option<Matcher> {
    if node.value.is_array() || node.value.is_string() {
        return Some(Matcher { deployments: deployments(node, names), ..Matcher::default() });
    }
    let before = node.report.count();
    let table = node.table_with(&MATCHER, |key, node| is_attribute(key, node, names))?;
    let matcher = Matcher {
        tags: tags(&table, names),
        deployments: table.get("deployments").map(|node| deployments(&node, names)).unwrap_or_default(),
        providers: owned(&table, names, "providers", "provider", |named| Some(named.provider.as_str())),
        regions: owned(&table, names, "regions", "region", |named| named.region.as_deref()),
        attributes: attributes(&table, names),
    };
    if matcher == Matcher::default() && node.report.count() == before {
        node.problem("this names nothing", Some("name tags, deployments, providers, regions or an attribute".into()));
    }
    Some(matcher)
}

/// The deployments that a list names, patterns expanded.
fn deployments(node: &Node<'_>, names: &Names) -> Vec<String> {
    let items = node.one_or_many();
    if items.as_ref().is_some_and(Vec::is_empty) {
        node.problem("the list is empty: this names nothing", Some("leave the key out, or name a deployment".into()));
    }
    let mut chosen: Vec<String> = Vec::new();
    for item in items.iter().flatten() {
        let Some(selection) = names.select(item) else { continue };
        for named in selection.deployments {
            if !chosen.contains(&named.name) {
                chosen.push(named.name.clone());
            }
        }
    }
    chosen
}

fn tags(table: &Table<'_>, names: &Names) -> Vec<String> {
    let Some(node) = table.get("tags") else { return Vec::new() };
    let known = || names.all.iter().flat_map(|named| named.tags.iter().map(String::as_str));
    checked(&node, names, "tag", known)
}

/// The values of a key of which a deployment has at most one.
fn owned<'n>(
    table: &Table<'_>,
    names: &'n Names,
    key: &str,
    kind: &str,
    of: fn(&'n Named) -> Option<&'n str>,
) -> Vec<String> {
    let Some(node) = table.get(key) else { return Vec::new() };
    checked(&node, names, kind, || names.all.iter().filter_map(of))
}

/// Texts, each of which some deployment has.
fn checked<'n, I>(node: &Node<'_>, names: &Names, kind: &str, known: impl Fn() -> I) -> Vec<String>
where
    I: Iterator<Item = &'n str>,
{
    let items = node.one_or_many();
    for item in items.iter().flatten() {
        if let Some(text) = item.value.as_str().filter(|text| !known().any(|name| name == *text)) {
            names.nothing_has(item, kind, text, known());
        }
    }
    node.texts(items)
}

/// Whether a key that is not the matcher's own is an attribute of some deployment; if not, that is recorded.
fn is_attribute(key: &str, node: &Node<'_>, names: &Names) -> bool {
    let own = |named: &Named| named.attributes.iter().any(|own| own == key);
    if key == "model" {
        let known = || names.all.iter().map(|named| named.model.as_str());
        if let Some(text) = node.value.as_str().filter(|text| !known().any(|model| model == *text)) {
            names.nothing_has(node, "model", text, known());
        }
        return true;
    }
    if names.all.iter().any(own) {
        return true;
    }
    if hint::nearest(key, &MATCHER.keys.iter().copied()).is_some() {
        return false; // recorded as an unknown key, with that hint
    }
    unknown_attribute(key, node, names);
    true
}

fn unknown_attribute(key: &str, node: &Node<'_>, names: &Names) {
    let known: Vec<&str> = names.all.iter().flat_map(|named| named.attributes.iter().map(String::as_str)).collect();
    if names.complete {
        let near = hint::nearest(key, &known.iter().copied()).map(hint::did_you_mean);
        let hint = near.or_else(|| Some("keys are tags, deployments, providers, regions, or an attribute".into()));
        node.problem(format!("no deployment has the attribute `{key}`"), hint);
    }
}

fn attributes(table: &Table<'_>, names: &Names) -> Map {
    let mut attributes = Map::new();
    for (key, value) in table.map {
        if let Some(node) = table.get(key).filter(|_| !MATCHER.keys.contains(&key.as_str())) {
            insert(&mut attributes, key, value, &node);
        }
    }
    let nested = table.get("attributes").and_then(|node| node.entries("a table of attributes")).unwrap_or_default();
    for (key, node) in nested {
        if !names.all.iter().any(|named| named.attributes.iter().any(|own| own == key)) {
            unknown_attribute(key, &node, names);
        }
        insert(&mut attributes, key, node.value, &node);
    }
    attributes
}

fn insert(attributes: &mut Map, key: &str, value: &Value, node: &Node<'_>) {
    let scalar = |value: &Value| value.is_string() || value.is_boolean() || value.is_number();
    if scalar(value) || value.as_array().is_some_and(|items| !items.is_empty() && items.iter().all(scalar)) {
        attributes.insert(key.into(), value.clone());
    } else {
        node.expected("a value, or a list of values of which any will do", None);
    }
}
