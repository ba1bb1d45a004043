//! What a provider's headers say is left of its limits.
//!
//! OpenAI and those who follow it: `x-ratelimit-remaining-{requests,tokens}` with `x-ratelimit-reset-…` as durations
//! (`6m0s`, `20ms`). Anthropic: `anthropic-ratelimit-{requests,tokens,input-tokens}-{remaining,reset}` with RFC 3339 times.
//! Negative and unreadable values mean unknown (Azure was seen sending -1).

use std::time::Duration;

use crate::{clock, resilience::limit::Learned, transport::WireHead};

/// What is left, as far as the headers say.
pub fn learned(head: &WireHead) -> Learned {
    // Most answers of most servers say nothing: one look at the names is cheaper than asking for each.
    if !head.headers.keys().any(|name| name.as_str().contains("ratelimit")) {
        return Learned::default();
    }
    let number = |name: &str| head.header(name).and_then(|text| text.trim().parse::<u64>().ok());
    let openai = Learned {
        requests: number("x-ratelimit-remaining-requests"),
        tokens: number("x-ratelimit-remaining-tokens"),
        reset: None,
    };
    if openai != Learned::default() {
        let reset = |name: &str| head.header(name).and_then(duration);
        return with_reset(openai, reset("x-ratelimit-reset-requests"), reset("x-ratelimit-reset-tokens"));
    }
    let anthropic = Learned {
        requests: number("anthropic-ratelimit-requests-remaining"),
        tokens: number("anthropic-ratelimit-input-tokens-remaining")
            .or_else(|| number("anthropic-ratelimit-tokens-remaining")),
        reset: None,
    };
    if anthropic == Learned::default() {
        return anthropic;
    }
    let reset = |name: &str| head.header(name).and_then(|text| until(text, clock::unix_seconds(clock::wall())));
    let tokens = reset("anthropic-ratelimit-input-tokens-reset").or_else(|| reset("anthropic-ratelimit-tokens-reset"));
    with_reset(anthropic, reset("anthropic-ratelimit-requests-reset"), tokens)
}

/// The reset of the limit that is short; of both, the later.
fn with_reset(learned: Learned, requests: Option<Duration>, tokens: Option<Duration>) -> Learned {
    let reset = if learned.requests == Some(0) { requests.max(tokens) } else { tokens.or(requests) };
    Learned { reset, ..learned }
}

/// `1s`, `6m0s`, `20ms`, `1h2m3.5s`, or bare seconds.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return super::classify::seconds(seconds);
    }
    let (mut total, mut number) = (0.0, String::new());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c.is_ascii_digit() || c == '.' {
            number.push(c);
            continue;
        }
        let scale = match c {
            'h' => 3600.0,
            'm' if rest.peek() == Some(&'s') => {
                rest.next();
                0.001
            }
            'm' => 60.0,
            's' => 1.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * scale;
        number.clear();
    }
    number.is_empty().then(|| super::classify::seconds(total)).flatten()
}

/// How long from `now` (seconds since 1970) to an RFC 3339 time in UTC.
fn until(text: &str, now: f64) -> Option<Duration> {
    let (date, time) = text.trim().strip_suffix('Z')?.split_once('T')?;
    let mut date = date.split('-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut time = time.split(':').map(str::parse::<f64>);
    let (hour, minute, second) = (time.next()?.ok()?, time.next()?.ok()?, time.next()?.ok()?);
    // Days from the civil calendar, with years that begin in March (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let at = days as f64 * 86_400.0 + hour * 3_600.0 + minute * 60.0 + second;
    super::classify::seconds(at - now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_providers_write_them() {
        for (text, seconds) in
            [("1s", 1.0), ("6m0s", 360.0), ("20ms", 0.02), ("1m0.052s", 60.052), ("1h", 3600.0), ("7.66", 7.66)]
        {
            assert_eq!(duration(text), Some(Duration::from_secs_f64(seconds)), "{text}");
        }
        assert_eq!((duration("soon"), duration("-1"), duration("5")), (None, None, Some(Duration::from_secs(5))));
    }

    #[test]
    fn rfc_3339_times() {
        assert_eq!(until("2023-09-29T16:26:57Z", 1_696_004_797.0), Some(Duration::from_secs(20)));
        assert_eq!(until("2023-09-29T16:26:37Z", 1_696_004_797.0), None);
        assert_eq!(until("2024-02-29T00:00:00Z", 1_709_078_400.0), Some(Duration::from_secs(86_400)));
    }

    #[test]
    fn negative_and_absent_are_unknown() {
        let mut head = WireHead::default();
        head.headers.insert("x-ratelimit-remaining-requests", http::HeaderValue::from_static("-1"));
        assert_eq!(learned(&head), Learned::default());
        head.headers.insert("x-ratelimit-remaining-tokens", http::HeaderValue::from_static("12"));
        head.headers.insert("x-ratelimit-reset-tokens", http::HeaderValue::from_static("2s"));
        let expected = Learned { requests: None, tokens: Some(12), reset: Some(Duration::from_secs(2)) };
        assert_eq!(learned(&head), expected);
    }
}
