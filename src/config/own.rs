//! `[signals]`: signals of the user's own. Functions are handed in beside the configuration; here they are only declared.

use http::Uri;

use super::{
    Env, deployments, endpoint,
    names::Names,
    reader::{Node, Table},
    schema::{REMEMBER, SIGNAL},
};
use crate::{
    adapter::compatible::PLAIN,
    catalog::{Api, Auth, Credential, Deployment, Dialect, ModelFacts, Money, Provider},
    chat::Map,
    id::DeploymentId,
    policy::unfit,
    signals::own::{
        Classifier, LONGEST_TEXT, MOST, OF_DEPLOYMENT, OF_FUNCTION, OF_URL, Own, Remember, Send, Shape, Source, Yields,
    },
};

/// Who runs a classifier, as far as rules may know: nobody that a rule could name, so that `require = { providers = … }`
/// never admits one. Tags, a region and attributes do.
static CLASSIFIER: Provider = Provider {
    id: "classifier",
    title: "classifier",
    dialect: Dialect::Unsupported,
    base_url: None,
    key_vars: &[],
    key_optional: true,
    auth: Auth::Bearer,
    quirks: PLAIN,
};
/// Labels at most: more do not fit a question that a small model answers.
const MOST_LABELS: usize = 50;
/// What a signal yields, as a configuration says it.
const KINDS: [(&str, Yields); 4] =
    [("number", Yields::Number), ("string", Yields::Text), ("bool", Yields::Bool), ("map", Yields::Map)];
/// What only a classifier has that the text is sent to.
const OF_CLASSIFIERS: [&str; 7] = ["send", "cost", "api_key", "headers", "tags", "region", "attributes"];

/// The section, in the order written.
pub(super) fn section(node: &Node<'_>, names: &Names, env: Env<'_>) -> Vec<Own> {
    let entries = node.entries("a table of signals by name").unwrap_or_default();
    if entries.len() > MOST {
        node.problem(format!("these are more than {MOST} signals"), None);
        return Vec::new();
    }
    entries.into_iter().filter_map(|(name, node)| signal(name, &node, names, env)).collect()
}

fn signal(name: &str, node: &Node<'_>, names: &Names, env: Env<'_>) -> Option<Own> {
    if let Some(why) = unfit(name) {
        node.problem(format!("`{name}` cannot be the name of a signal: {why}"), Some("choose another name".into()));
        return None;
    }
    let table = node.table(&SIGNAL)?;
    let sources = ["url", "deployment", "function"].map(|key| table.get(key));
    let written = sources.iter().flatten().count();
    if written > 1 {
        node.problem("a signal has one source", Some("write `url`, `deployment` or `function`, not several".into()));
        return None;
    }
    let (source, limit) = match sources {
        [Some(url), ..] => (Source::Url(Box::new(classifier(name, &url, &table, env)?)), OF_URL),
        [_, Some(deployment), _] => (asked(&deployment, &table, names)?, OF_DEPLOYMENT),
        _ => (Source::Function(None), OF_FUNCTION),
    };
    let function = matches!(source, Source::Function(_));
    if !matches!(source, Source::Url(_)) {
        strangers(&table, &OF_CLASSIFIERS, "a classifier with a `url` has this");
    }
    if !matches!(source, Source::Deployment { .. }) {
        strangers(&table, &["labels"], "a `deployment` as a classifier has this");
    }
    if function {
        strangers(&table, &["cache"], "a function keeps what it likes");
    }
    let timeout = table.get("timeout").and_then(|node| node.duration()).unwrap_or(limit);
    let cache = if function { None } else { remember(&table) };
    Some(Own { shape: shape(name, &table, &source), source, timeout, cache })
}

/// Keys that mean nothing here.
fn strangers(table: &Table<'_>, keys: &[&str], why: &str) {
    for node in keys.iter().filter_map(|key| table.get(key)) {
        node.problem("this means nothing here", Some(why.into()));
    }
}

fn shape(name: &str, table: &Table<'_>, source: &Source) -> Shape {
    let declared = table.get("type").and_then(|node| node.choice("type of a signal", &KINDS));
    let fields = table.get("fields").map(|node| fields(&node)).unwrap_or_default();
    let yields = match source {
        Source::Deployment { .. } => Yields::Text,
        _ if !fields.is_empty() => Yields::Map,
        _ => declared.unwrap_or_default(),
    };
    if declared.is_some_and(|declared| declared != yields) {
        let what = if fields.is_empty() { "labels are strings" } else { "a signal with `fields` is a map" };
        table.node.problem(what, Some("leave `type` out".into()));
    }
    Shape { name: name.to_owned(), yields, fields }
}

/// `["score", "label"]`, or with their kinds: `{ score = "number", label = "string" }`.
fn fields(node: &Node<'_>) -> Vec<(String, Yields)> {
    if node.value.is_array() {
        return node.texts(node.list()).into_iter().map(|name| (name, Yields::Any)).collect();
    }
    let entries = node.entries("a list of names, or a table of names and types").unwrap_or_default();
    let kinds = &KINDS[..3];
    entries
        .into_iter()
        .filter_map(|(name, node)| Some((name.to_owned(), node.choice("type of a field", kinds)?)))
        .collect()
}

fn remember(table: &Table<'_>) -> Option<Remember> {
    let Some(node) = table.get("cache") else { return Some(Remember::default()) };
    if node.value.is_boolean() {
        return (*node.value == true).then(Remember::default);
    }
    let table = node.table(&REMEMBER)?;
    let standard = Remember::default();
    Some(Remember {
        ttl: table.get("ttl").and_then(|node| node.duration()).unwrap_or(standard.ttl),
        max_entries: table
            .get("max_entries")
            .and_then(|node| node.count())
            .map_or(standard.max_entries, |count| count as usize),
    })
}

fn classifier(name: &str, node: &Node<'_>, table: &Table<'_>, env: Env<'_>) -> Option<Classifier> {
    let url = address(node);
    let key = endpoint::key(table, &CLASSIFIER, env)?;
    let send = [("text", Send::Text), ("messages", Send::Messages)];
    let cost = table.get("cost").and_then(|node| node.number(0.0, 1e6)).unwrap_or_default();
    let deployment = Deployment {
        id: DeploymentId::from(format!("signals.{name}")),
        provider: &CLASSIFIER,
        model: name.to_owned(),
        base_url: url?,
        credential: Credential { key, ..Credential::default() },
        api: Api::Chat,
        api_version: None,
        region: table.get("region").and_then(|node| node.text()).map(Into::into),
        headers: table.get("headers").map(|node| endpoint::headers(&node)).unwrap_or_default(),
        extra_body: Map::new(),
        facts: ModelFacts::default(),
        price: None,
        tags: table.get("tags").map(|node| node.texts(node.list())).unwrap_or_default(),
        attributes: deployments::written(table),
        stream_upstream: false,
    };
    let send = table.get("send").and_then(|node| node.choice("part of a request", &send)).unwrap_or_default();
    Some(Classifier { deployment, send, cost: Money::from_usd(cost) })
}

/// A whole URL; it may hold a secret, so it is never quoted.
fn address(node: &Node<'_>) -> Option<String> {
    let text = node.secret()?.trim();
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let authority = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let host = text.parse::<Uri>().ok().and_then(|uri| uri.host().map(|host| !host.is_empty()));
    let complaint = match (authority, host) {
        (None, _) => Some("the URL must begin with http:// or https://"),
        (Some(authority), _) if authority.contains('@') => Some("the URL holds a user or a password"),
        _ if text.contains('#') => Some("the URL has a fragment"),
        (_, Some(true)) => None,
        _ => Some("this is no URL"),
    };
    if let Some(complaint) = complaint {
        let hint = "for example \"https://classify.example/v1\", and `api_key` or `headers` for credentials";
        node.problem(complaint, Some(hint.into()));
        return None;
    }
    Some(text.to_owned())
}

fn asked(node: &Node<'_>, table: &Table<'_>, names: &Names) -> Option<Source> {
    let selection = names.select(node)?;
    let labels = table.required("labels", Some("for example labels = [\"complaint\", \"order\"]"));
    let labels = labels.map(|node| (node.texts(node.list()), node));
    if !selection.exact {
        node.problem("one deployment is asked", Some("write the name of a deployment".into()));
        return None;
    }
    let (labels, node) = labels?;
    if labels.len() < 2 || labels.len() > MOST_LABELS {
        node.problem(format!("there must be from 2 to {MOST_LABELS} labels"), None);
        return None;
    }
    if labels.iter().any(|label| label.chars().count() > LONGEST_TEXT) {
        node.problem(format!("a label has at most {LONGEST_TEXT} characters"), None);
        return None;
    }
    let name = selection.deployments.first()?.name.clone();
    Some(Source::Deployment { name, labels })
}
