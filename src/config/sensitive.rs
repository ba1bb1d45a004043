//! `[sensitive]`: what counts as sensitive, and from which confidence.

use super::{
    SensitiveConfig,
    reader::{Node, Table},
    schema::SENSITIVE,
};

/// The section; what is not written has its default.
pub(super) fn section(node: &Node<'_>) -> SensitiveConfig {
    let mut config = SensitiveConfig::default();
    let Some(table) = node.table(&SENSITIVE) else { return config };
    if let Some(threshold) = table.get("threshold").and_then(|node| node.number(0.0, 1.0)) {
        config.threshold = threshold;
    }
    if let Some(limit) = table.get("time_limit").and_then(|node| node.duration()) {
        config.time_limit = limit;
    }
    config.types = types(&table);
    config
}

fn types(table: &Table<'_>) -> Vec<String> {
    let Some(node) = table.get("types") else { return Vec::new() };
    kinds(&node, node.list())
}

/// A list of sensitive types.
pub(super) fn kinds<'a>(node: &Node<'a>, items: Option<Vec<Node<'a>>>) -> Vec<String> {
    for item in items.iter().flatten() {
        let Some(text) = item.value.as_str() else { continue };
        let snake = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !text.is_empty() && !text.chars().all(snake) {
            let meant = text.trim().to_lowercase().replace(['-', ' '], "_");
            item.problem(
                format!("{} is no sensitive type; they are in snake case", item.quoted()),
                Some(super::hint::did_you_mean(&meant)),
            );
        }
    }
    node.texts(items)
}
