//! Sections that later versions read: their shape is checked today, and that nothing reads them yet is said when nothing
//! else is wrong.

use super::{
    reader::{Node, Table},
    schema::{BACKEND, CACHE, EXACT, STATE},
};
use crate::chat::Map;

/// `cache` and `state`, as far as they are written.
pub(super) fn sections(top: &Table<'_>) -> Map {
    let mut written = Map::new();
    for name in ["cache", "state"] {
        let Some(node) = top.get(name) else { continue };
        match name {
            "cache" => cache(&node),
            _ => state(&node),
        };
        // Counters are local already; nothing else is acted on.
        let local = name == "state" && node.value.get("backend").is_none_or(serde_json::Value::is_string);
        if !local {
            top.node.report.not_yet(&node.path, &format!("`{name}`"));
        }
        written.insert(name.into(), node.value.clone());
    }
    written
}

fn cache(node: &Node<'_>) -> Option<()> {
    let exact = node.table(&CACHE)?.get("exact")?.table(&EXACT)?;
    exact.get("ttl").and_then(|node| node.duration());
    exact.get("max_entries").and_then(|node| node.whole(1));
    Some(())
}

fn state(node: &Node<'_>) -> Option<()> {
    let backend = node.table(&STATE)?.get("backend")?;
    if backend.value.is_string() {
        return backend.choice("backend", &[("local", ())]);
    }
    let redis = backend.table(&BACKEND)?.required("redis", Some("for example redis = \"redis://127.0.0.1:6379\""))?;
    address(&redis, &["redis://", "rediss://"])
}

/// An address with one of these schemes; it may hold a password, so it is never quoted.
pub(super) fn address(node: &Node<'_>, schemes: &[&str]) -> Option<()> {
    let text = node.text()?;
    if schemes.iter().any(|scheme| text.len() > scheme.len() && text.starts_with(scheme)) {
        return Some(());
    }
    node.problem(format!("expected an address that begins with {}", schemes.join(" or ")), None);
    None
}
