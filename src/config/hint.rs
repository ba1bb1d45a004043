//! What was probably meant: the nearest name, the place where a key belongs, the word that other tools use.

use super::schema::{PLACES, Place};

/// A list longer than this helps nobody.
const LISTED: usize = 24;

/// Words of other tools and slips that no edit distance finds, and what they are called here.
const FOREIGN: &[(&str, &str)] = &[
    ("url", "base_url"),
    ("endpoint", "base_url"),
    ("api_base", "base_url"),
    ("host", "base_url"),
    ("key", "api_key"),
    ("token", "api_key"),
    ("secret", "api_key"),
    ("timeout", "timeouts"),
    ("request_timeout", "timeouts"),
    ("retries", "retry"),
    ("max_retries", "retry"),
    ("num_retries", "retry"),
    ("circuit_breaker", "breaker"),
    ("max_attempts", "attempts"),
    ("cost", "price"),
    ("pricing", "price"),
    ("features", "capabilities"),
    ("labels", "tags"),
    ("rate_limit", "limits"),
    ("rate_limits", "limits"),
    ("quota", "limits"),
    ("provider", "model"),
    ("models", "candidates"),
    ("targets", "candidates"),
    ("members", "candidates"),
    ("fallbacks", "fallback"),
    ("routing_strategy", "strategy"),
    ("if", "when"),
    ("condition", "when"),
    ("match", "when"),
    ("forbid", "deny"),
    ("exclude", "deny"),
    ("allow", "require"),
    ("only", "require"),
    ("params", "set"),
    ("override", "set"),
    ("type", "kind"),
    ("name", "kind"),
    ("limit", "usd"),
    ("max_usd", "usd"),
    ("period", "window"),
    ("scope", "per"),
    ("guards", "rules"),
    ("policies", "rules"),
    ("policy", "rules"),
    ("model_list", "deployments"),
    ("latency", "fastest"),
    ("cost", "cheapest"),
    ("lowest_cost", "cheapest"),
    ("random", "weighted"),
    ("fallback", "priority"),
    ("ordered", "priority"),
];

/// ``did you mean `x`?`` for the nearest of `known`, else the list of them.
pub(super) fn or_listed<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(near) = nearest(word, &known.iter().copied()) {
        return Some(did_you_mean(near));
    }
    let list = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    (1..=LISTED).contains(&known.len()).then(|| format!("known here: {list}"))
}

/// What an unknown key in `here` was probably meant to be.
pub(super) fn for_key(key: &str, here: &'static Place) -> Option<String> {
    let word = plain(key);
    let known = || here.keys.iter().copied();
    let within = |slack: usize| {
        let near = |table: &Place| table.keys.iter().find(|name| strsim::osa_distance(&word, name) <= slack).copied();
        here.tables.iter().find_map(|(at, table)| Some(did_you_mean(&format!("{at}.{}", near(table)?))))
    };
    if let Some(exact) = known().find(|name| plain(name) == word) {
        return Some(did_you_mean(exact));
    }
    if let Some(hint) = within(0) {
        return Some(hint);
    }
    if let Some(ours) = translated(&word, &known()) {
        return Some(did_you_mean(ours));
    }
    // `tag` in a deployment is `tags`, though a rule has a `tag`.
    let slip = known().any(|name| strsim::osa_distance(&word, name) == 1);
    match elsewhere(&word) {
        Some(path) if !slip => Some(did_you_mean(&path)),
        _ if nearest(key, &known()).is_some() => or_listed(key, known()),
        _ => within(1).or_else(|| or_listed(key, known())),
    }
}

/// The hint that offers `name`.
pub(super) fn did_you_mean(name: &str) -> String {
    format!("did you mean `{name}`?")
}

/// The nearest of `known`, if any is near enough to be meant.
pub(super) fn nearest<'a>(word: &str, known: &(impl Iterator<Item = &'a str> + Clone)) -> Option<&'a str> {
    let plain_word = plain(word);
    let by_distance = known
        .clone()
        .map(|name| (strsim::osa_distance(&plain_word, &plain(name)), name))
        .filter(|(distance, name)| *distance <= slack(&plain_word, name))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name);
    by_distance
        .or_else(|| translated(&plain_word, known))
        .or_else(|| known.clone().find(|name| contains_word(name, &plain_word)))
}

/// The one of `known` that other tools call `word`.
fn translated<'a>(word: &str, known: &(impl Iterator<Item = &'a str> + Clone)) -> Option<&'a str> {
    FOREIGN.iter().filter(|(foreign, _)| *foreign == word).find_map(|(_, ours)| known.clone().find(|name| name == ours))
}

/// How many edits may separate a slip from the word: none in a letter, one in a short word, a third of a long one.
pub(super) fn slack(word: &str, name: &str) -> usize {
    match word.chars().count().max(name.chars().count()) {
        0..=1 => 0,
        2..=3 => 1,
        4..=8 => 2,
        length => length / 3,
    }
}

/// `gpt5` is in `openai/gpt-5-mini`, `cap` at the head of `capabilities`.
fn contains_word(name: &str, word: &str) -> bool {
    let bare = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let (name, word) = (bare(name), bare(word));
    match word.len() {
        0..=2 => false,
        3 => name.starts_with(&word),
        _ => name.contains(&word),
    }
}

/// Lower case with underscores, however it was written: `api-key`, `apiKey` and `API_KEY` are `api_key`.
fn plain(word: &str) -> String {
    let mut out = String::with_capacity(word.len() + 2);
    let mut after_lower = false;
    for c in word.chars() {
        if c.is_ascii_uppercase() && after_lower {
            out.push('_');
        }
        after_lower = c.is_ascii_lowercase();
        out.push(if c == '-' { '_' } else { c.to_ascii_lowercase() });
    }
    out
}

/// Where a key is known that is unknown where it stands.
fn elsewhere(key: &str) -> Option<String> {
    let (path, _) = PLACES.iter().find(|(_, place)| place.keys.contains(&key))?;
    Some(if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") })
}
