//! `routes`: the names that callers ask for.

use super::{
    OnStreamFailure, RouteSettings, hint,
    names::{Named, Names, Selection},
    reader::{Node, Table},
    resilience,
    schema::{CANDIDATE, ROUTE},
    strategy,
};
use crate::{
    catalog::{Route, route::Weighted},
    id::{DeploymentId, RouteId},
    resilience::ResilienceConfig,
    select::StrategyConfig,
};

/// The route that is taken when the caller names none.
pub(super) const AUTO: &str = "auto";

/// What becomes of a broken stream.
const ON_STREAM_FAILURE: [(&str, OnStreamFailure); 3] =
    [("raise", OnStreamFailure::Raise), ("restart", OnStreamFailure::Restart), ("continue", OnStreamFailure::Continue)];

/// All routes, `auto` among them, in the order written; one for each, also where it has a mistake.
pub(super) fn section(top: &Table<'_>, names: &Names, base: &ResilienceConfig) -> Vec<RouteSettings> {
    let node = top.get("routes");
    let entries = node.and_then(|node| node.entries("a table of routes by name")).unwrap_or_default();
    let default = top.get("strategy").map(|node| strategy::read(&node).unwrap_or_default());
    let mut routes = Vec::new();
    for (name, node) in entries {
        check_name(name, &node, names);
        let strategy = default.clone().filter(|_| name == AUTO);
        if strategy.is_some() && node.value.get("strategy").is_some() {
            refuse_second_strategy(top);
        }
        let mut settings = empty(name, base);
        fill(&mut settings, strategy, &node, names);
        routes.push(settings);
    }
    if !routes.iter().any(|settings| settings.route.id.as_str() == AUTO) {
        if names.get(AUTO).is_some() {
            let hint = "give the deployment another name";
            top.node.report.add("deployments.auto", "`auto` is the name of the default route", Some(hint.into()));
        }
        routes.insert(0, implicit(names, default.unwrap_or_default(), base));
    }
    routes
}

/// The names of all routes, `auto` among them.
pub(super) fn names(top: &Table<'_>) -> Vec<String> {
    let written = top.map.get("routes").and_then(|routes| routes.as_object());
    written.into_iter().flat_map(|routes| routes.keys().cloned()).chain([AUTO.to_owned()]).collect()
}

fn refuse_second_strategy(top: &Table<'_>) {
    if let Some(node) = top.get("strategy") {
        let message = "the strategy of the route `auto` is written here and in `routes.auto.strategy`";
        node.problem(message, Some("keep one of the two".into()));
    }
}

fn empty(name: &str, base: &ResilienceConfig) -> RouteSettings {
    RouteSettings {
        route: Route { id: RouteId::from(name), candidates: Vec::new(), fallback: Vec::new() },
        strategy: StrategyConfig::default(),
        resilience: base.clone(),
        failover_content: false,
        on_stream_failure: OnStreamFailure::default(),
    }
}

/// All chat deployments in the order written; where there is none, all deployments, so that `embed` has a default too.
fn implicit(names: &Names, strategy: StrategyConfig, base: &ResilienceConfig) -> RouteSettings {
    let chats = names.all.iter().any(|named| !named.embedding);
    let served = names.all.iter().filter(|named| !chats || !named.embedding);
    let mut auto = empty(AUTO, base);
    auto.route.candidates = served.map(|named| Weighted { deployment: id(named), weight: named.weight }).collect();
    auto.strategy = strategy;
    auto
}

fn id(named: &Named) -> DeploymentId {
    DeploymentId::from(named.name.as_str())
}

fn check_name(name: &str, node: &Node<'_>, names: &Names) {
    if name.trim().is_empty() || name.trim() != name {
        node.problem("a route needs a name without blanks around it", None);
    } else if names.get(name).is_some() {
        let message = format!("a deployment is called `{name}` too");
        node.problem(message, Some("give the route or the deployment another name".into()));
    }
}

/// Fills in a route; `default` is its strategy where it writes none.
fn fill(route: &mut RouteSettings, default: Option<StrategyConfig>, node: &Node<'_>, names: &Names) {
    if node.value.is_array() || node.value.is_string() {
        node.expected(ROUTE.what, Some("write { candidates = […] }".into()));
        return;
    }
    let Some(table) = node.table(&ROUTE) else { return };
    let strategy = match table.get("strategy") {
        Some(node) => strategy::read(&node),
        None => Some(default.unwrap_or_default()),
    };
    // What cannot be read accuses no weight.
    let by_weight = strategy.as_ref().is_none_or(|strategy| *strategy == StrategyConfig::Weighted);
    route.strategy = strategy.unwrap_or_default();
    route.resilience = resilience::overrides(&table).apply(&route.resilience);
    let answers = [("raise", false), ("failover", true)];
    let failover = table.get("on_content_filter").and_then(|node| node.choice("answer to refused content", &answers));
    route.failover_content = failover.unwrap_or(false);
    let broken = table.get("on_stream_failure");
    let broken = broken.and_then(|node| node.choice("answer to a broken stream", &ON_STREAM_FAILURE));
    route.on_stream_failure = broken.unwrap_or_default();
    if let Some(node) = table.required("candidates", Some("name at least one deployment: candidates = [\"…\"]")) {
        route.route.candidates = candidates(&node, names, by_weight);
    }
    if let Some(node) = table.get("fallback") {
        route.route.fallback = fallback(&node, names, &route.route.candidates);
    }
}

/// The candidates; a weight is a mistake where the strategy does not read it.
fn candidates(node: &Node<'_>, names: &Names, by_weight: bool) -> Vec<Weighted> {
    let mut chosen: Vec<(Weighted, bool)> = Vec::new();
    let Some(items) = node.list() else { return Vec::new() };
    let before = node.report.count();
    for item in &items {
        let Some((item, weight)) = candidate(item, by_weight) else { continue };
        let Some(selection) = names.select(&item) else { continue };
        add(&mut chosen, &item, &selection, |named| weight.unwrap_or(named.weight));
    }
    if node.report.count() == before {
        if chosen.is_empty() {
            node.problem("a route without candidates answers nobody", Some("name at least one deployment".into()));
        } else if chosen.iter().all(|(candidate, _)| candidate.weight == 0.0) {
            node.problem("all weights are zero: nobody would be drawn", None);
        }
    }
    chosen.into_iter().map(|(weighted, _)| weighted).collect()
}

/// The item that names the candidate, and its weight.
fn candidate<'a>(item: &Node<'a>, by_weight: bool) -> Option<(Node<'a>, Option<f64>)> {
    if item.value.is_string() {
        return Some((item.clone(), None));
    }
    let table = item.table(&CANDIDATE)?;
    let weight = table.get("weight").map(|node| {
        if !by_weight {
            let hint = "write strategy = \"weighted\", or leave the weight out";
            node.problem("only the strategy `weighted` reads a weight", Some(hint.into()));
        }
        node.number(0.0, 1e9)
    });
    Some((table.required("name", Some("name a deployment"))?, weight.flatten()))
}

/// Adds what an item names. A name written twice is a mistake; what a pattern names again is not.
fn add(chosen: &mut Vec<(Weighted, bool)>, item: &Node<'_>, selection: &Selection<'_>, weight: impl Fn(&Named) -> f64) {
    for named in &selection.deployments {
        let known = chosen.iter_mut().find(|(other, _)| other.deployment.as_str() == named.name);
        match known {
            Some((_, true)) if selection.exact => {
                item.problem(
                    format!("{} stands twice in this list", item.quoted()),
                    Some("name each deployment once".into()),
                );
            }
            // The place is the pattern's, the weight is that of the name.
            Some((other, exact)) if selection.exact => (other.weight, *exact) = (weight(named), true),
            Some(_) => {}
            None => chosen.push((Weighted { deployment: id(named), weight: weight(named) }, selection.exact)),
        }
    }
}

fn fallback(node: &Node<'_>, names: &Names, candidates: &[Weighted]) -> Vec<DeploymentId> {
    let Some(items) = node.list() else { return Vec::new() };
    let before = node.report.count();
    let is_candidate = |named: &Named| candidates.iter().any(|candidate| candidate.deployment.as_str() == named.name);
    let mut chosen: Vec<(Weighted, bool)> = Vec::new();
    for item in &items {
        if item.value.is_object() {
            item.expected(
                "the name of a deployment",
                Some("a fallback has no weight: it is tried in the order written".into()),
            );
            continue;
        }
        let Some(mut selection) = names.select(item) else { continue };
        if selection.exact && selection.deployments.iter().any(|named| is_candidate(named)) {
            let message = format!("{} is a candidate of this route already", item.quoted());
            item.problem(message, Some("a fallback is tried when the candidates are exhausted".into()));
            continue;
        }
        selection.deployments.retain(|named| !is_candidate(named));
        add(&mut chosen, item, &selection, |_| 1.0);
    }
    if chosen.is_empty() && !items.is_empty() && node.report.count() == before {
        node.problem("the fallback names only candidates of this route", Some("leave it out".into()));
    }
    chosen.into_iter().map(|(weighted, _)| weighted.deployment).collect()
}

/// ``did you mean `x`?`` for the name of a route.
pub(super) fn nearest(text: &str, routes: &[RouteSettings]) -> Option<String> {
    hint::or_listed(text, routes.iter().map(|route| route.route.id.as_str()))
}
