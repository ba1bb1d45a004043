//! How often, and after which pause.

use std::time::Duration;

/// Attempts and pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryConfig {
    /// Attempts of one call over all deployments, the first included.
    pub attempts: u32,
    /// Attempts of one call on one deployment.
    pub per_deployment: u32,
    /// The first pause at most; each further one may be twice as long.
    pub backoff: Duration,
    /// No pause is longer.
    pub max_backoff: Duration,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            attempts: 4,
            per_deployment: 2,
            backoff: Duration::from_millis(250),
            max_backoff: Duration::from_secs(8),
        }
    }
}

impl RetryConfig {
    /// The pause before retry number `nth` (from 0): full jitter, uniform in 0..min(`max_backoff`, `backoff` × 2ⁿ).
    ///
    /// Full jitter spreads callers that failed together best (AWS Architecture Blog, "Exponential Backoff and Jitter").
    /// `draw` is uniform in 0..1.
    pub fn pause(&self, nth: u32, draw: f64) -> Duration {
        let ceiling = self.backoff.saturating_mul(1 << nth.min(20)).min(self.max_backoff);
        ceiling.mul_f64(draw.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_ceiling() {
        let config = RetryConfig::default();
        let longest: Vec<u128> = (0..7).map(|nth| config.pause(nth, 1.0).as_millis()).collect();
        assert_eq!(longest, [250, 500, 1000, 2000, 4000, 8000, 8000]);
        assert_eq!(config.pause(3, 0.0), Duration::ZERO);
        assert_eq!(config.pause(u32::MAX, 1.0), config.max_backoff);
    }
}
