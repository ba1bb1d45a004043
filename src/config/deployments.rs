//! `deployments`: what can be called. A table by name, or a list of `"provider/model"` strings and tables.

use serde_json::Value;

use super::{
    DeploymentSettings, Env, endpoint, facts, hint,
    names::{Named, Names, is_glob},
    reader::{Node, Table},
    resilience,
    schema::{DEPLOYMENT, Place},
};
use crate::{
    catalog::{Deployment, Dialect},
    chat::Map,
    id::DeploymentId,
    resilience::{ResilienceConfig, ResiliencePatch, limit::LimitConfig},
};

/// Attributes that are known by name, whatever their value; others are written in `attributes = { … }`.
const ATTRIBUTES: &[&str] = &[
    "zdr",
    "baa",
    "trains_on_data",
    "retains_data",
    "jurisdiction",
    "owner",
    "tier",
    "cleared",
    "phi",
    "pii",
    "hipaa",
    "gdpr",
    "soc2",
    "iso27001",
    "fedramp",
    "certifications",
    "self_hosted",
    "environment",
    "team",
];

/// What `Deployment::attribute` gives under names of its own.
const BUILT_IN: &[&str] = &["name", "deployment", "provider", "model", "region", "tags"];

/// What `model` looks like.
const MODEL: &str = "for example model = \"openai/gpt-5-mini\"";

/// Deployments as read: one place each, also for those with a mistake.
#[derive(Debug, Default)]
pub(super) struct Deployments {
    /// What was read, in the order written.
    pub(super) drafts: Vec<Option<Draft>>,
    /// What lists may say of them.
    pub(super) names: Names,
}

/// A deployment before `[resilience]` is laid under its own table.
#[derive(Debug)]
pub(super) struct Draft {
    deployment: Deployment,
    limits: LimitConfig,
    patch: ResiliencePatch,
}

impl Draft {
    /// The settings over `base`.
    pub(super) fn settings(self, base: &ResilienceConfig) -> DeploymentSettings {
        let resilience = self.patch.apply(base);
        DeploymentSettings { deployment: self.deployment, limits: self.limits, resilience, patch: self.patch }
    }
}

/// Reads the section.
pub(super) fn section(top: &Table<'_>, env: Env<'_>) -> Deployments {
    let Some(node) = top.required("deployments", Some("for example deployments = [\"openai/gpt-5-mini\"]")) else {
        return Deployments::default();
    };
    let before = node.report.count();
    let named = if node.value.is_array() { from_list(&node) } else { from_table(&node) };
    if named.is_empty() && node.report.count() == before {
        node.problem("no deployment is configured", Some("name at least one \"provider/model\"".into()));
    }
    let mut read = Deployments::default();
    for (name, node) in &named {
        let mut called = Named { name: name.clone(), weight: 1.0, ..Named::default() };
        read.drafts.push(deployment(name, node, env, &mut called));
        read.names.all.push(called);
    }
    read.names.complete = node.report.count() == before;
    read
}

fn from_table<'a>(node: &Node<'a>) -> Vec<(String, Node<'a>)> {
    let entries = node.entries("a table of deployments by name, or a list").unwrap_or_default();
    for (name, node) in &entries {
        check_name(name, node);
    }
    entries.into_iter().map(|(name, node)| (name.to_owned(), node)).collect()
}

/// A deployment in a list is named by its `name`, else by its model; a second one of a model gets `#2`.
fn from_list<'a>(node: &Node<'a>) -> Vec<(String, Node<'a>)> {
    let items = node.list().unwrap_or_default();
    let own = |item: &Node<'_>| item.value.get("name").and_then(Value::as_str).map(str::to_owned);
    let mut taken: Vec<String> = Vec::new();
    for item in &items {
        if let Some(name) = own(item) {
            check_name(&name, item);
            if taken.contains(&name) {
                item.problem(
                    format!("two deployments are called `{name}`"),
                    Some("give each a name of its own".into()),
                );
            }
            taken.push(name);
        }
    }
    let mut named = Vec::new();
    for item in items {
        let name = own(&item).unwrap_or_else(|| {
            let model = item.value.as_str().or_else(|| item.value.get("model").and_then(Value::as_str));
            free_name(model.unwrap_or(&item.path), &taken)
        });
        if !taken.contains(&name) {
            taken.push(name.clone());
        }
        named.push((name, item));
    }
    named
}

fn free_name(model: &str, taken: &[String]) -> String {
    let numbered = |number: usize| if number == 1 { model.to_owned() } else { format!("{model}#{number}") };
    (1..=taken.len() + 1).map(numbered).find(|name| !taken.contains(name)).unwrap_or_else(|| model.to_owned())
}

fn check_name(name: &str, node: &Node<'_>) {
    if name.trim().is_empty() || name.trim() != name {
        node.problem("a deployment needs a name without blanks around it", None);
    } else if is_glob(name) || name.starts_with("tag:") {
        let hint = "`*`, `?` and a leading `tag:` mean patterns in lists of deployments";
        node.problem(format!("`{name}` cannot be a name"), Some(hint.into()));
    }
}

/// Fills in what lists may say of it as far as that can be read, and yields the whole if all of it can.
fn deployment(name: &str, node: &Node<'_>, env: Env<'_>, called: &mut Named) -> Option<Draft> {
    let as_table = Value::Object(Map::from_iter([("model".to_owned(), node.value.clone())]));
    let inner = Node { value: if node.value.is_string() { &as_table } else { node.value }, ..node.clone() };
    let in_list = node.path.ends_with(']');
    let table =
        inner.table_with(&DEPLOYMENT, |key, node| (in_list && key == "name") || is_attribute(key, node.value))?;
    called.tags = table.get("tags").map(|node| node.texts(node.list())).unwrap_or_default();
    called.region = table.get("region").and_then(|node| node.text()).map(Into::into);
    called.weight = table.get("weight").and_then(|node| node.number(0.0, 1e9)).unwrap_or(1.0);
    let attributes = attributes(&table);
    called.attributes = attributes.keys().cloned().collect();

    let limits = facts::limits(&table);
    let patch = resilience::overrides(&table);
    let written = if node.value.is_string() { Some(node.clone()) } else { table.required("model", Some(MODEL)) };
    let target = endpoint::target(&written?)?;
    called.provider = target.provider.id.into();
    called.model.clone_from(&target.model);
    let (facts, price) = facts::of(&table, target.provider.id, &target.model);
    called.embedding = facts.embedding == Some(true);

    if target.provider.dialect == Dialect::Unsupported {
        node.report.not_yet(table.path("model"), &format!("the provider `{}`", target.provider.id));
        return None;
    }
    let endpoint = endpoint::read(&table, target.provider, env);
    let endpoint = endpoint?;
    let deployment = Deployment {
        id: DeploymentId::from(name),
        provider: target.provider,
        model: target.model,
        base_url: endpoint.base_url,
        credential: endpoint.credential,
        api: endpoint.api,
        api_version: table.get("api_version").and_then(|node| node.text()).map(Into::into),
        region: called.region.clone(),
        headers: endpoint.headers,
        extra_body: table.get("extra_body").map(|node| extra_body(&node)).unwrap_or_default(),
        facts,
        price,
        tags: called.tags.clone(),
        attributes,
        stream_upstream: table.get("stream_upstream").and_then(|node| node.flag()).unwrap_or(false),
    };
    Some(Draft { deployment, limits, patch })
}

fn extra_body(node: &Node<'_>) -> Map {
    if !node.value.is_object() {
        node.problem("expected a table of keys for the provider's body", None);
    }
    node.value.as_object().cloned().unwrap_or_default()
}

/// Whether an unknown key is an attribute: known by name, or a flag that is no slip of a known key.
fn is_attribute(key: &str, value: &Value) -> bool {
    ATTRIBUTES.contains(&key) || (value.is_boolean() && !is_slip(key))
}

fn is_slip(key: &str) -> bool {
    let lower = key.to_ascii_lowercase().replace('-', "_");
    let tables = DEPLOYMENT.tables.iter().map(|(_, table): &(_, &Place)| *table);
    let elsewhere = tables.flat_map(|table| table.keys.iter()).any(|known| strsim::osa_distance(&lower, known) <= 1);
    let known = DEPLOYMENT.keys.iter().chain(ATTRIBUTES);
    elsewhere
        || known
            .map(|name| (strsim::osa_distance(&lower, name), name))
            .any(|(far, name)| far <= hint::slack(&lower, name))
}

fn attributes(table: &Table<'_>) -> Map {
    let mut attributes = Map::new();
    for (key, value) in table.map {
        let known = DEPLOYMENT.keys.contains(&key.as_str()) || key == "name";
        if let Some(node) = table.get(key).filter(|_| !known && is_attribute(key, value)) {
            add_attribute(&mut attributes, key, &node, value);
        }
    }
    attributes.extend(more(table, &attributes));
    attributes
}

/// What the table `attributes` says.
pub(super) fn written(table: &Table<'_>) -> Map {
    more(table, &Map::new())
}

fn more(table: &Table<'_>, before: &Map) -> Map {
    let mut attributes = Map::new();
    let written = table.get("attributes").and_then(|node| node.entries("a table of attributes")).unwrap_or_default();
    for (key, node) in written {
        if BUILT_IN.contains(&key) {
            node.problem(
                format!("`{key}` is no attribute of its own"),
                Some(format!("write `{key}` in the deployment itself")),
            );
        } else if before.contains_key(key) {
            node.problem(format!("the attribute `{key}` is written twice"), None);
        } else {
            add_attribute(&mut attributes, key, &node, node.value);
        }
    }
    attributes
}

fn add_attribute(attributes: &mut Map, key: &str, node: &Node<'_>, value: &Value) {
    let scalar = |value: &Value| value.is_string() || value.is_boolean() || value.is_number();
    let plain = scalar(value) || value.as_array().is_some_and(|items| !items.is_empty() && items.iter().all(scalar));
    if plain {
        attributes.insert(key.into(), value.clone());
    } else {
        node.problem(
            format!("the attribute `{key}` must be a string, a number, true or false, or a list of those"),
            None,
        );
    }
}
