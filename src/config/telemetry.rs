//! `[telemetry]`: what is written down of calls, and where; what is told of them, and to whom.

use http::Uri;

use super::{
    endpoint::headers,
    reader::Node,
    schema::{LOG, OTLP, TELEMETRY},
};
use crate::trace::{log::LogConfig, otlp::OtlpConfig};

/// The section.
#[derive(Debug, Default)]
pub(super) struct Telemetry {
    /// The decision log, if one is wanted.
    pub(super) log: Option<LogConfig>,
    /// The collector of spans, if there is one.
    pub(super) otlp: Option<OtlpConfig>,
}

pub(super) fn section(node: &Node<'_>) -> Telemetry {
    let Some(table) = node.table(&TELEMETRY) else { return Telemetry::default() };
    Telemetry {
        log: table.get("log").and_then(|node| log(&node)),
        otlp: table.get("otlp").and_then(|node| otlp(&node)),
    }
}

fn otlp(node: &Node<'_>) -> Option<OtlpConfig> {
    if !node.value.is_object() {
        return collector(node);
    }
    let table = node.table(&OTLP)?;
    let endpoint = table.required("endpoint", Some("for example endpoint = \"http://127.0.0.1:4318\""));
    let headers = table.get("headers").map(|node| headers(&node)).unwrap_or_default();
    let service = table.get("service").and_then(|node| node.text());
    let mut config = collector(&endpoint?)?;
    config.headers = headers;
    config.service = service.map_or(config.service, Into::into);
    Some(config)
}

/// An address of OTLP over HTTP. Nothing of it is quoted: it may hold a password.
fn collector(node: &Node<'_>) -> Option<OtlpConfig> {
    let text = node.text()?;
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let authority = rest.unwrap_or_default().split(['/', '?', '#']).next().unwrap_or_default();
    let host = text.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default();
    let (message, hint) = if rest.is_none() || host.is_empty() {
        let hint = "OTLP over HTTP, for example \"http://127.0.0.1:4318\"";
        ("expected an address that begins with http:// or https://", hint)
    } else if authority.contains('@') {
        ("the address holds a user or a password", "write them as `headers`: { endpoint = …, headers = { … } }")
    } else if text.contains(['?', '#']) {
        ("the address has a query or a fragment", "write credentials as `headers`")
    } else {
        return Some(OtlpConfig::new(text));
    };
    node.problem(message, Some(hint.into()));
    None
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
