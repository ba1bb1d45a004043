use serde_json::{Value, json};

use super::*;

fn of(text: &str) -> Estimate {
    tokens_of(&[text.to_owned()])
}

fn request(value: Value) -> Estimate {
    tokens(&serde_json::from_value(value).unwrap())
}

/// Bytes a token.
fn rate(text: &str) -> f64 {
    text.len() as f64 / of(text).tokens as f64
}

const PROSE: &str = "The committee met on Thursday to consider whether the bridge should be repaired or replaced. Several \
    members argued that a new bridge would cost far more than the town could afford, while others pointed out that the \
    repairs would have to be repeated every few years. In the end they agreed to ask an engineer for a second opinion.";

const CODE: &str = "def merge(left, right):\n    result = []\n    i = j = 0\n    while i < len(left) and j < len(right):\n        \
    if left[i] <= right[j]:\n            result.append(left[i])\n            i += 1\n        else:\n            \
    result.append(right[j])\n            j += 1\n    return result + left[i:] + right[j:]\n";

const CHINESE: &str = "天空为什么是蓝色的？因为空气中的分子散射阳光，蓝光的波长较短，散射得更多。";

const JSON: &str =
    r#"{"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}"#;

#[test]
fn english_prose_has_four_to_five_bytes_a_token() {
    assert!((4.2..5.4).contains(&rate(PROSE)), "{}", rate(PROSE));
}

#[test]
fn code_and_json_are_denser_than_prose() {
    assert!((2.6..3.9).contains(&rate(CODE)), "{}", rate(CODE));
    assert!((2.8..4.6).contains(&rate(JSON)), "{}", rate(JSON));
}

#[test]
fn chinese_has_about_one_token_a_character() {
    let share = of(CHINESE).tokens as f64 / CHINESE.chars().count() as f64;
    assert!((0.8..1.4).contains(&share), "{share}");
    assert!(of(CHINESE).error * 3 > of(CHINESE).tokens, "another script has a wide bound");
}

#[test]
fn a_sentence_counted_by_hand_is_within_the_bound() {
    // Ten tokens: nine words and a stop.
    let estimate = of("The quick brown fox jumps over the lazy dog.");
    assert!(estimate.low() <= 10 && 10 <= estimate.high(), "{estimate:?}");
}

#[test]
fn every_text_of_a_request_counts() {
    let bare = request(json!({"messages": [{"role": "user", "content": "hi"}]})).tokens;
    for more in [
        json!({"messages": [{"role": "user", "content": "hi"}, {"role": "tool", "tool_call_id": "1", "content": "result"}]}),
        json!({"messages": [{"role": "user", "content": "hi", "name": "someone"}]}),
        json!({"messages": [{"role": "user", "content": "hi",
            "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]}]}),
        json!({"messages": [{"role": "user", "content": "hi"}],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]}),
        json!({"messages": [{"role": "user", "content": "hi"}],
            "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}}),
    ] {
        assert!(request(more.clone()).tokens > bare, "{more}");
    }
}

#[test]
fn media_are_counted_by_kind_and_detail_and_widen_the_bound() {
    let with = |part: Value| request(json!({"messages": [{"role": "user", "content": [part]}]}));
    let image = with(json!({"type": "image_url", "image_url": {"url": "https://x/y.png"}}));
    let low = with(json!({"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}}));
    assert!(image.tokens > low.tokens && low.tokens > 85);
    assert!(image.error >= 800 && image.high() >= 1600);
    let second = "A".repeat(64_000);
    let audio = with(json!({"type": "input_audio", "input_audio": {"data": second, "format": "wav"}}));
    assert!(audio.low() <= 17 && audio.high() >= 39, "{audio:?}");
    assert!(with(json!({"type": "file", "file": {"file_id": "f"}})).tokens >= 4000);
    assert!(with(json!({"type": "video_url", "video_url": {"url": "https://x"}})).error >= 800);
}

#[test]
fn any_text_is_counted_in_one_pass() {
    for text in ["", " ", "\u{b}\u{c}\0", "é", "aé", "👩‍👩‍👧", "ß\n\n  9", "a\u{c3}", "\u{10ffff}"] {
        assert!(of(text).tokens as usize <= text.len().max(1) * 3, "{text:?}");
    }
}

proptest::proptest! {
    #[test]
    fn every_text_has_an_estimate(text in ".*") {
        let estimate = of(&text);
        proptest::prop_assert!(estimate.tokens <= 3 * text.chars().count() as u64 + 1);
    }
}

/// Prints the time for 2 kB: `cargo test --no-default-features -- --ignored --nocapture two_kilobytes`.
#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement")]
fn two_kilobytes_take_microseconds() {
    let text = PROSE.repeat(2048 / PROSE.len() + 1);
    let texts = [text[..2048].to_owned()];
    let started = std::time::Instant::now();
    let sum: u64 = (0..10_000).map(|_| std::hint::black_box(tokens_of(&texts)).tokens).sum();
    println!("2 kB of prose: {:?} each ({} tokens)", started.elapsed() / 10_000, sum / 10_000);
}
