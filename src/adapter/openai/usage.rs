//! Tokens, from every form in which compatible servers count them.

use serde_json::Value;

use crate::chat::{Map, Usage};

/// Where cached prompt tokens are said: OpenAI, DeepSeek, Moonshot and Together, Mistral, Writer, Anthropic behind gateways.
const CACHED: [(&str, &str); 6] = [
    ("prompt_tokens_details", "cached_tokens"),
    ("", "prompt_cache_hit_tokens"),
    ("", "cached_tokens"),
    ("", "num_cached_tokens"),
    ("prompt_token_details", "cached_tokens"),
    ("", "cache_read_input_tokens"),
];
/// Where prompt tokens that were written to a cache are said.
const WRITTEN: [(&str, &str); 3] = [
    ("prompt_tokens_details", "cache_write_tokens"),
    ("prompt_tokens_details", "cache_creation_tokens"),
    ("", "cache_creation_input_tokens"),
];
/// Where reasoning tokens are said.
const REASONING: [(&str, &str); 3] = [
    ("completion_tokens_details", "reasoning_tokens"),
    ("", "reasoning_tokens"),
    ("completion_token_details", "reasoning_tokens"),
];

/// The tokens of a `usage` object; nothing if it counts nothing.
///
/// Three families of totals do not add up, and the missing part tells which: xAI counts reasoning beside the completion,
/// Gemini's compatible endpoint leaves thoughts out of it, and Mistral leaves audio out of the prompt.
pub(super) fn read(usage: &Value, reasoning_beside: bool) -> Option<Usage> {
    let usage = usage.as_object()?;
    let (prompt, completion) = (count(usage, "prompt_tokens"), count(usage, "completion_tokens"));
    let total = count(usage, "total_tokens");
    if prompt.is_none() && completion.is_none() && total.is_none() {
        return None;
    }
    // Embedding servers may say the total alone.
    let mut prompt = prompt.unwrap_or_else(|| total.unwrap_or(0).saturating_sub(completion.unwrap_or(0)));
    let mut completion = completion.unwrap_or_else(|| total.unwrap_or(0).saturating_sub(prompt));
    let mut reasoning = first(usage, &REASONING);
    let gap = total.unwrap_or(0).saturating_sub(prompt.saturating_add(completion));
    let beside = reasoning_beside && (total.is_none() || reasoning > completion);
    if gap > 0 && gap == first(usage, &[("prompt_tokens_details", "audio_tokens")]) {
        prompt = prompt.saturating_add(gap);
    } else if gap > 0 {
        completion = completion.saturating_add(gap);
        reasoning = reasoning.max(gap);
    } else if beside {
        completion = completion.saturating_add(reasoning);
    }
    Some(Usage::from_totals(prompt, completion, first(usage, &CACHED), first(usage, &WRITTEN), reasoning))
}

/// A count; servers written in Python also say `12.0`.
fn count(map: &Map, key: &str) -> Option<u64> {
    let value = map.get(key)?;
    value.as_u64().or_else(|| value.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64))
}

/// The first place that says a number above zero.
fn first(usage: &Map, places: &[(&str, &str)]) -> u64 {
    let at = |(within, key): &(&str, &str)| match *within {
        "" => count(usage, key),
        within => usage.get(within).and_then(Value::as_object).and_then(|details| count(details, key)),
    };
    places.iter().filter_map(at).find(|number| *number > 0).unwrap_or(0)
}
