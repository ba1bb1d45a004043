//! The time limits of an attempt and of the whole call.

use std::time::Duration;

use crate::clock::Instant;

/// Time limits. Each has a reason for its value; all can be overridden by a route or a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeoutConfig {
    /// To a standing connection, TLS included. A healthy provider connects in well under a second; 3 s survives one lost SYN.
    pub connect: Duration,
    /// Of a stream, to its headers, while another candidate is ready.
    pub first_byte: Duration,
    /// Of a stream, to its first token, while another candidate is ready: the slowest healthy models start within it.
    pub first_token: Duration,
    /// Of a stream, without content for so long. Heartbeats do not count.
    pub stall: Duration,
    /// Of an answer that is not streamed, to its end.
    pub response: Duration,
    /// Of the whole call, over all attempts and pauses.
    pub total: Duration,
}

impl Default for TimeoutConfig {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            first_byte: Duration::from_secs(10),
            first_token: Duration::from_secs(10),
            stall: Duration::from_secs(15),
            response: Duration::from_secs(90),
            total: Duration::from_secs(180),
        }
    }
}

/// The end of the whole call, passed down the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(pub Instant);

impl Deadline {
    /// `total` from now.
    pub fn after(now: Instant, total: Duration) -> Self {
        // A far deadline instead of an overflow.
        const FAR: Duration = Duration::from_secs(30 * 24 * 3600);
        Self(now + total.min(FAR))
    }

    /// What is left of it.
    pub fn remaining(self, now: Instant) -> Duration {
        self.0.saturating_duration_since(now)
    }

    /// The earlier of `limit` from now and the deadline.
    pub fn capped(self, now: Instant, limit: Duration) -> Instant {
        (now + limit.min(self.remaining(now))).min(self.0)
    }
}
