//! What is said of a deployment's model: limits, price and capabilities; the catalogue fills in what the user leaves out.

use super::{
    reader::{Node, Table},
    schema::{CAPABILITIES, LIMITS, PRICE},
};
use crate::{
    catalog::{ModelFacts, Price, builtin},
    resilience::limit::LimitConfig,
};

/// The dearest price a million tokens can have; above it the unit was mistaken.
const DEAREST: f64 = 100_000.0;

/// Providers whose every model embeds texts.
const EMBEDDERS: [&str; 2] = ["voyage", "jina"];

/// What the catalogue knows of a model.
fn catalogued(provider: &str, model: &str) -> Option<(ModelFacts, Option<Price>)> {
    builtin::lookup(provider, model).map(|entry| (entry.facts.clone(), entry.price.clone()))
}

/// A model that the catalogue knows under this name, as `provider/model`.
pub(super) fn provider_of(model: &str) -> Option<String> {
    let knows = |provider: &&str| catalogued(provider, model).is_some();
    ["openai", "anthropic", "gemini", "mistral", "deepseek", "xai", "cohere"]
        .iter()
        .find(|provider| knows(provider))
        .map(|provider| format!("{provider}/{model}"))
}

/// Facts and price: the user's where written, else the catalogue's.
pub(super) fn of(table: &Table<'_>, provider: &str, model: &str) -> (ModelFacts, Option<Price>) {
    let own = table.get("capabilities").map(|node| capabilities(&node)).unwrap_or_default();
    let (known, listed) = catalogued(provider, model).unwrap_or_default();
    let facts = own
        .or(&known)
        .or(&ModelFacts { embedding: EMBEDDERS.contains(&provider).then_some(true), ..ModelFacts::default() });
    let price = table.get("price").map_or(listed, |node| price(&node, facts.embedding == Some(true)));
    (facts, price)
}

/// `limits`.
pub(super) fn limits(table: &Table<'_>) -> LimitConfig {
    let Some(limits) = table.get("limits").and_then(|node| node.table(&LIMITS)) else { return LimitConfig::default() };
    let read = |key| limits.get(key).and_then(|node| limit(&node));
    let (concurrency, adaptive) = limits.get("concurrency").map(|node| concurrency(&node)).unwrap_or_default();
    LimitConfig {
        rpm: read("rpm"),
        rpd: read("rpd"),
        tpm: read("tpm"),
        input_tpm: read("input_tpm"),
        output_tpm: read("output_tpm"),
        concurrency,
        adaptive,
    }
}

/// A number of requests at once, or whether it follows the provider.
fn concurrency(node: &Node<'_>) -> (Option<u32>, bool) {
    if node.value.is_string() {
        return (None, node.choice("limit of requests at once", &[("adaptive", ())]).is_some());
    }
    (node.count(), false)
}

fn limit(node: &Node<'_>) -> Option<u64> {
    if node.value.as_u64() == Some(0) {
        node.problem("a limit of zero refuses every request", Some("leave it out for no limit".into()));
        return None;
    }
    node.whole(1)
}

fn price(node: &Node<'_>, embedding: bool) -> Option<Price> {
    let table = node.table(&PRICE)?;
    let amount = |node: Node<'_>| node.number(0.0, DEAREST);
    let input = table.required("input", Some("USD per million prompt tokens")).and_then(amount);
    let output = match table.get("output") {
        None if embedding => Some(0.0),
        None => table.required("output", Some("USD per million answer tokens")).and_then(amount),
        Some(node) => amount(node),
    };
    let optional = |key| table.get(key).and_then(amount);
    Some(Price {
        cache_read: optional("cache_read"),
        cache_write: optional("cache_write"),
        reasoning: optional("reasoning"),
        input: input?,
        output: output?,
        ..Price::default()
    })
}

fn capabilities(node: &Node<'_>) -> ModelFacts {
    if node.value.is_array() {
        node.expected(CAPABILITIES.what, Some("write { vision = true, … }".into()));
        return ModelFacts::default();
    }
    let Some(table) = node.table(&CAPABILITIES) else { return ModelFacts::default() };
    let flag = |key| table.get(key).and_then(|node| node.flag());
    let tokens = |key| table.get(key).and_then(|node| node.whole(1));
    let mut facts = ModelFacts {
        context_window: tokens("context_window"),
        max_input: None,
        max_output: tokens("max_output"),
        vision: flag("vision"),
        audio: flag("audio"),
        files: flag("files"),
        tools: flag("tools"),
        parallel_tools: flag("parallel_tools"),
        json_schema: flag("json_schema"),
        json_mode: flag("json_mode"),
        reasoning: flag("reasoning"),
        prefill: flag("prefill"),
        logprobs: flag("logprobs"),
        seed: flag("seed"),
        ..ModelFacts::default()
    };
    facts.embedding = flag("embedding");
    facts
}
