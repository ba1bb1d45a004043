//! What images, audio and files may cost in tokens: flat figures by kind, each with an error as wide as providers differ.

use serde_json::Value;

use crate::chat::Map;

/// Tokens and error of an image. With low detail `OpenAI` counts 85. Otherwise it counts 85 and 170 a tile of 512 pixels
/// (765 for 1024 × 1024), Anthropic width × height / 750 (up to about 1,600), Gemini 258 a tile of 768 pixels.
pub(super) fn image(detail: Option<&str>) -> (u64, u64) {
    if detail == Some("low") { (85, 180) } else { (800, 800) }
}

/// Tokens and error of `length` bytes of base64 audio. Gemini counts 32 tokens a second, `OpenAI` 10; a second is taken as
/// 48 kB uncompressed (24 kHz, 16 bit, mono) and as 16 kB compressed (128 kbit/s).
pub(super) fn audio(length: usize, format: &str) -> (u64, u64) {
    let bytes = length as u64 * 3 / 4;
    let raw = ["wav", "pcm16", "pcm", "aiff", "l16"].iter().any(|name| format.eq_ignore_ascii_case(name));
    let seconds = (bytes / if raw { 48_000 } else { 16_000 }).max(1);
    (seconds * 20, seconds * 20)
}

/// Tokens and error of a file. Text is counted by its bytes. A page of a PDF costs 1,500 to 3,000 tokens at Anthropic and
/// 258 at Gemini, and has some 50 kB; of a file that was uploaded before nothing is known.
pub(super) fn file(data: Option<&str>) -> (u64, u64) {
    let Some(data) = data else { return (4000, 4000) };
    if data.starts_with("http:") || data.starts_with("https:") {
        return (4000, 4000);
    }
    let bytes = data.len() as u64 * 3 / 4;
    if data.starts_with("data:text/") || data.starts_with("data:application/json") {
        return (bytes / 4, bytes / 8);
    }
    let pages = (bytes / 50_000).max(1);
    (pages * 1500, pages * 1500)
}

/// Tokens and error of a part that only its provider knows, by the text in it; data and addresses count as one image.
pub(super) fn other(map: &Map) -> (u64, u64) {
    let tokens = 10 + map.values().map(|value| weigh(value, 8)).sum::<u64>();
    (tokens, tokens)
}

fn weigh(value: &Value, depth: u8) -> u64 {
    match value {
        Value::String(text) if ["data:", "http:", "https:"].iter().any(|start| text.starts_with(start)) => 800,
        Value::String(text) => text.len() as u64 / 4 + 1,
        Value::Array(items) if depth > 0 => items.iter().map(|item| weigh(item, depth - 1)).sum(),
        Value::Object(map) if depth > 0 => map.values().map(|item| 2 + weigh(item, depth - 1)).sum(),
        _ => 1,
    }
}
