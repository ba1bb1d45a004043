//! Durations as people write them: `"250ms"`, `"3s"`, `"1m"`, `"1h"`, `"1d"`, or a bare number of seconds.

use std::time::Duration;

/// Nothing in a configuration lasts longer; it also keeps every sum of durations far from overflow.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 86_400);

/// Why a text is not a duration.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotADuration {
    /// It is below zero.
    Negative,
    /// It is above [`LONGEST`].
    TooLong,
    /// It is something else; perhaps this was meant.
    Malformed(Option<String>),
}

/// A duration with its unit.
pub(super) fn duration(text: &str) -> Result<Duration, NotADuration> {
    let (number, unit) = split(text);
    match (number.parse::<f64>(), seconds_of(unit)) {
        (Ok(number), Some(seconds)) => from_seconds(number * seconds),
        _ => Err(NotADuration::Malformed(meant(text))),
    }
}

/// A duration from a bare number of seconds.
pub(super) fn from_seconds(seconds: f64) -> Result<Duration, NotADuration> {
    if seconds < 0.0 {
        return Err(NotADuration::Negative);
    }
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if duration <= LONGEST => Ok(duration),
        _ if seconds.is_nan() => Err(NotADuration::Malformed(None)),
        _ => Err(NotADuration::TooLong),
    }
}

fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))).unwrap_or(text.len());
    text.split_at(end)
}

fn seconds_of(unit: &str) -> Option<f64> {
    match unit {
        "ms" => Some(0.001),
        "s" => Some(1.0),
        "m" => Some(60.0),
        "h" => Some(3_600.0),
        "d" => Some(86_400.0),
        _ => None,
    }
}

/// The same amount as it should be written, where that is clear.
fn meant(text: &str) -> Option<String> {
    let squeezed: String = text.chars().filter(|c| !c.is_whitespace() && *c != '_').collect::<String>().to_lowercase();
    let (number, unit) = split(&squeezed);
    number.parse::<f64>().ok()?;
    let unit = match unit {
        "" | "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "ms" | "msec" | "millis" | "millisecond" | "milliseconds" => "ms",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        _ => return None,
    };
    Some(format!("{number}{unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read() {
        let read = |text| duration(text).ok();
        assert_eq!(read("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(read("1.5s"), Some(Duration::from_millis(1_500)));
        assert_eq!(read("1m"), Some(Duration::from_secs(60)));
        assert_eq!(read("2h"), Some(Duration::from_secs(7_200)));
        assert_eq!(read("1d"), Some(Duration::from_secs(86_400)));
        assert_eq!(from_seconds(0.25), Ok(Duration::from_millis(250)));
    }

    #[test]
    fn mistakes_are_told_apart() {
        let hint = |text| NotADuration::Malformed(Some(String::from(text)));
        assert_eq!(duration("-1s"), Err(NotADuration::Negative));
        assert_eq!(duration("99999d"), Err(NotADuration::TooLong));
        assert_eq!(duration("30"), Err(hint("30s")));
        assert_eq!(duration("5 min"), Err(hint("5m")));
        assert_eq!(duration("3 Seconds"), Err(hint("3s")));
        for nonsense in ["", "s", "1m30s", "soon", "1.2.3s", "inf", "nans"] {
            assert_eq!(duration(nonsense), Err(NotADuration::Malformed(None)), "{nonsense}");
        }
        assert!(from_seconds(f64::NAN).is_err() && from_seconds(f64::INFINITY).is_err());
    }
}
