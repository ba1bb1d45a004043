//! The one home of time. Monotonic time drives every limit, breaker and deadline; wall time only reads and writes dates.
//!
//! Both follow tokio's clock, so that under a paused runtime a test (or a simulation) of hours takes milliseconds and
//! gives the same result each time.

use std::{
    cell::Cell,
    marker::PhantomData,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

pub use tokio::time::Instant;

/// Monotonic now.
#[expect(clippy::disallowed_methods, reason = "this is the one home of monotonic time")]
pub fn now() -> Instant {
    Instant::now()
}

thread_local! {
    /// On the thread of a simulation: when it began, and the date then.
    static SIMULATED: Cell<Option<(Instant, SystemTime)>> = const { Cell::new(None) };
}

/// Until it is dropped, the dates of this thread follow monotonic time.
#[derive(Debug)]
#[must_use = "dates are real again when it is dropped"]
pub struct Simulated {
    before: Option<(Instant, SystemTime)>,
    /// It belongs to its thread.
    here: PhantomData<*const ()>,
}

/// Makes wall-clock time of this thread begin at `date` and pass with [`now`]: in a simulation, days pass in no time.
pub fn simulated(date: SystemTime) -> Simulated {
    Simulated { before: SIMULATED.replace(Some((now(), date))), here: PhantomData }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        SIMULATED.set(self.before);
    }
}

/// Wall-clock time, for dates on the wire and in logs; never for measuring.
pub fn wall() -> SystemTime {
    SIMULATED.get().map_or_else(real, |(began, date)| date + now().saturating_duration_since(began))
}

#[cfg(not(test))]
#[expect(clippy::disallowed_methods, reason = "this is the one home of wall-clock time")]
fn real() -> SystemTime {
    SystemTime::now()
}

/// The same in this crate's own tests, where days pass with the paused clock.
#[cfg(test)]
fn real() -> SystemTime {
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
