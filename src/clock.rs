//! The one home of time. Monotonic time drives every limit, breaker and deadline; wall time only reads and writes dates.
//!
//! Both follow tokio's clock, so that under a paused runtime a test (or a simulation) of hours takes milliseconds and
//! gives the same result each time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use tokio::time::Instant;

/// Monotonic now.
#[expect(clippy::disallowed_methods, reason = "this is the one home of monotonic time")]
pub fn now() -> Instant {
    Instant::now()
}

/// Wall-clock time, for dates on the wire and in logs; never for measuring.
#[cfg(not(test))]
#[expect(clippy::disallowed_methods, reason = "this is the one home of wall-clock time")]
pub fn wall() -> SystemTime {
    SystemTime::now()
}

/// The same in this crate's own tests, where days pass with the paused clock.
#[cfg(test)]
pub fn wall() -> SystemTime {
    static BEGAN: std::sync::OnceLock<(Instant, SystemTime)> = std::sync::OnceLock::new();
    let (began, wall) = *BEGAN.get_or_init(|| (now(), UNIX_EPOCH + Duration::from_secs(1_800_000_000)));
    wall + now().saturating_duration_since(began)
}

/// Seconds since 1970, with fractions.
pub fn unix_seconds(at: SystemTime) -> f64 {
    at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64()
}

/// Sleep until `deadline`.
pub async fn sleep_until(deadline: Instant) {
    tokio::time::sleep_until(deadline).await;
}
