//! `[intents]`: the user's own intents, by example.

use super::reader::Node;
use crate::signals::intent::OTHER;

/// Name → example phrases, in the order written.
pub(super) fn section(node: &Node<'_>) -> Vec<(String, Vec<String>)> {
    let entries = node.entries("a table of intents, each a list of example phrases").unwrap_or_default();
    entries.into_iter().filter_map(|(name, node)| intent(name, &node)).collect()
}

fn intent(name: &str, node: &Node<'_>) -> Option<(String, Vec<String>)> {
    if name == OTHER {
        node.problem("`other` is what a request without an intent has", Some("choose another name".into()));
        return None;
    }
    let phrases = node.texts(node.list());
    (!phrases.is_empty()).then(|| (name.to_owned(), phrases))
}
