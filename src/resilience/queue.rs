//! How long a call stands still for room, and how many may do so at once.

use std::time::Duration;

/// Bounds of the waiting for room under limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueConfig {
    /// Calls that may wait at once; the next one is refused at once, while the caller can still do something else.
    pub max: u32,
    /// No call waits longer: work that comes too late is work wasted.
    pub max_wait: Duration,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            // More than that many are not served within the wait by providers that take a second for an answer.
            max: 1_000,
            // A person who waits for the first word notices no less, and hardly bears more.
            max_wait: Duration::from_secs(3),
        }
    }
}
