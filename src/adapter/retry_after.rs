//! How long a provider asks us to wait: `retry-after-ms`, then `retry-after` in seconds or as an HTTP date (RFC 9110 §10.2.3).
//!
//! What is negative, not finite, absurdly large or not readable is not a wait: the caller's own backoff holds instead.

use std::time::{Duration, SystemTime};

use super::classify::seconds;
use crate::{clock, transport::WireHead};

/// The wait that the headers ask for.
pub fn retry_after(head: &WireHead) -> Option<Duration> {
    let milliseconds = head.header("retry-after-ms").and_then(|text| text.trim().parse::<f64>().ok());
    if let Some(wait) = milliseconds.and_then(|ms| seconds(ms / 1000.0)) {
        return Some(wait);
    }
    head.header("retry-after").and_then(|text| parse(text, clock::wall()))
}

/// One header value, read at the wall-clock time `now`.
pub fn parse(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return seconds(number);
    }
    let at = httpdate::parse_http_date(text).ok()?;
    // Within the same limits as a number: a date in the past or in a far century is no wait.
    seconds(at.duration_since(now).ok()?.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn seconds_dates_and_garbage() {
        let now = UNIX_EPOCH + Duration::from_secs(1_696_004_797);
        for (text, wait) in [
            ("20", Some(20.0)),
            ("1.5", Some(1.5)),
            ("0", None),
            ("-10", None),
            ("inf", None),
            ("nan", None),
            ("99999999999999999999999999999999999", None),
            ("Fri, 29 Sep 2023 16:26:57 GMT", Some(20.0)),
            ("Fri, 29 Sep 2023 16:26:27 GMT", None),
            ("Zun, 29 Sep 2023 16:26:27 GMT", None),
            ("", None),
        ] {
            assert_eq!(parse(text, now).map(|wait| wait.as_secs_f64()), wait, "{text}");
        }
    }
}
