//! A second copy of a slow request.

use std::time::Duration;

/// When a second copy starts, and how many there may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HedgeConfig {
    /// After this long without a first token.
    pub after: HedgeAfter,
    /// Extra requests as a share of all, at most.
    pub max_extra: f64,
}

/// When a second copy starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HedgeAfter {
    /// After this percentile (1..=99) of the deployment's measured time to first token.
    Percentile(u8),
    /// After a fixed time.
    Fixed(Duration),
}
