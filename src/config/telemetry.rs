//! `[telemetry]`: what is written down of calls, and where.

use super::{
    later::address,
    reader::Node,
    schema::{LOG, TELEMETRY},
};
use crate::trace::log::LogConfig;

/// The section: the decision log, if one is wanted.
pub(super) fn section(node: &Node<'_>) -> Option<LogConfig> {
    let table = node.table(&TELEMETRY)?;
    if let Some(otlp) = table.get("otlp") {
        address(&otlp, &["http://", "https://"]);
        otlp.report.not_yet(&otlp.path, "`otlp`");
    }
    log(&table.get("log")?)
}

fn log(node: &Node<'_>) -> Option<LogConfig> {
    if !node.value.is_object() {
        return node.text().and_then(|text| file(node, text));
    }
    let table = node.table(&LOG)?;
    let path = table.required("path", Some("for example path = \"waypost.db\""));
    let most = table.get("max_rows").and_then(|node| rows(&node));
    let metadata = table.get("metadata").and_then(|node| node.flag());
    let path = path?;
    let mut config = file(&path, path.text()?)?;
    config.max_rows = most.unwrap_or(config.max_rows);
    config.metadata = metadata.unwrap_or(config.metadata);
    Some(config)
}

/// Rows that a log keeps at least: a checkpoint, a mark for losses, and something to see.
const LEAST_ROWS: u64 = 10;

fn rows(node: &Node<'_>) -> Option<u64> {
    let rows = node.whole(1)?;
    if rows < LEAST_ROWS {
        node.problem(format!("a log keeps at least {LEAST_ROWS} rows, found {}", node.quoted()), None);
        return None;
    }
    Some(rows)
}

/// A path; SQLite's names for databases that are no files are none.
fn file(node: &Node<'_>, text: &str) -> Option<LogConfig> {
    if text.starts_with("file:") || text.starts_with(":memory:") {
        node.problem("expected the path of a file", Some("for example \"waypost.db\"".into()));
        return None;
    }
    Some(LogConfig::new(text))
}
