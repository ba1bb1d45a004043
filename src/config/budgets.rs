//! `[budgets]`: spend ceilings.

use std::time::Duration;

use super::{reader::Node, schema::BUDGET};
use crate::policy::budget::{BudgetConfig, BudgetScope};

/// All budgets, in the order written.
pub(super) fn section(node: &Node<'_>) -> Vec<BudgetConfig> {
    let entries = node.entries("a table of budgets by name").unwrap_or_default();
    entries.into_iter().filter_map(|(name, node)| budget(name, &node)).collect()
}

fn budget(name: &str, node: &Node<'_>) -> Option<BudgetConfig> {
    let table = node.table(&BUDGET)?;
    let usd =
        table.required("usd", Some("how many US dollars a window, for example usd = 25.0")).and_then(|node| usd(&node));
    let window = table.required("window", Some("for example window = \"1d\"")).and_then(|node| window(&node));
    let per = match table.get("per") {
        Some(node) => scope(&node)?,
        None => BudgetScope::Global,
    };
    let pacing = table.get("pacing").is_some_and(|node| node.flag().unwrap_or(false));
    Some(BudgetConfig { name: name.into(), usd: usd?, window: window?, per, pacing })
}

fn usd(node: &Node<'_>) -> Option<f64> {
    let usd = node.number(0.0, f64::MAX)?;
    if usd == 0.0 {
        node.problem("a budget of nothing refuses every call", Some("write an amount above zero".into()));
        return None;
    }
    Some(usd)
}

fn window(node: &Node<'_>) -> Option<Duration> {
    let window = node.duration()?;
    if window < Duration::from_secs(1) {
        node.problem("the window of a budget is at least a second", None);
        return None;
    }
    Some(window)
}

fn scope(node: &Node<'_>) -> Option<BudgetScope> {
    match node.value.as_str().and_then(|text| text.strip_prefix("tag:")) {
        Some("") => {
            node.problem("`tag:` names no tag", Some("write tag:NAME, for example tag:team".into()));
            None
        }
        Some(tag) => Some(BudgetScope::Tag(tag.into())),
        None => {
            let words = [
                ("global", &BudgetScope::Global),
                ("route", &BudgetScope::Route),
                ("deployment", &BudgetScope::Deployment),
                ("user", &BudgetScope::User),
            ];
            node.choice("scope of a budget; write global, route, deployment, user or tag:NAME", &words).cloned()
        }
    }
}
