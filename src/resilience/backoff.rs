//! How often, and after which pause.

use std::time::Duration;

/// Attempts and pauses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryConfig {
    /// Attempts of one call over all deployments, the first included.
    pub attempts: u32,
    /// Attempts of one call on one deployment.
    pub per_deployment: u32,
    /// The first pause at most; each further one may be twice as long.
    pub backoff: Duration,
    /// No pause is longer.
    pub max_backoff: Duration,
    /// How much of the traffic may be further attempts.
    pub budget: RetryBudget,
}

/// Further attempts that may be under way at once, as shares of the calls under way: so that an outage does not become a
/// storm. At a share of 0 there are none; at 1 each call may make its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryBudget {
    /// On a deployment that the call has tried before.
    pub same: f64,
    /// On another deployment of the same model at the same provider: another key, another region.
    pub keys: f64,
    /// On another model, or at another provider.
    pub models: f64,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self {
            // Envoy's share: what fails for everybody must not be asked by everybody twice.
            same: 0.2,
            // When one is down, all of its traffic goes elsewhere: that is what the others are for.
            keys: 1.0,
            models: 1.0,
        }
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            attempts: 4,
            per_deployment: 2,
            backoff: Duration::from_millis(250),
            max_backoff: Duration::from_secs(8),
            budget: RetryBudget::default(),
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
