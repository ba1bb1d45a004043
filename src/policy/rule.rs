//! Rules as written: a condition over signals and metadata, and its effects.

use crate::chat::Map;

/// One `[[rules]]` entry as written, shape-checked but not compiled.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleConfig {
    /// Its name; a rule without one is called by its place, `rules[2]`.
    pub name: String,
    /// The condition, a CEL expression; absent means always.
    pub when: Option<String>,
    /// Only deployments that match may serve.
    pub require: Option<Matcher>,
    /// Deployments that match may not serve.
    pub deny: Option<Matcher>,
    /// Deployments that match come first.
    pub prefer: Option<Matcher>,
    /// The route to take.
    pub route: Option<String>,
    /// Refuse the request with this message.
    pub block: Option<String>,
    /// Parameters to override, by the names of `chat`.
    pub set: Map,
    /// Tags to add for the rules after it.
    pub tag: Vec<String>,
    /// Replace sensitive findings by placeholders: all, or these types.
    pub redact: Option<Redact>,
}

/// Which findings are replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redact {
    /// All.
    All,
    /// Those of these types.
    Types(Vec<String>),
}

/// Which deployments an effect speaks of. All the keys that are given must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matcher {
    /// For `require` and `prefer`: carries all of these; for `deny`: carries any of them.
    pub tags: Vec<String>,
    /// One of these names (globs were expanded when loaded).
    pub deployments: Vec<String>,
    /// One of these providers.
    pub providers: Vec<String>,
    /// In one of these regions.
    pub regions: Vec<String>,
    /// Other attributes with these values (a list means any of them).
    pub attributes: Map,
}
