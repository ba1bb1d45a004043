//! Overrides: what one table of the configuration says, and nothing it does not say.
//!
//! A deployment's table is laid over whichever route is calling it, so it must remember which values were written.

use std::{sync::Arc, time::Duration};

use super::{
    ResilienceConfig,
    backoff::{RetryBudget, RetryConfig},
    breaker::{BreakerConfig, CLASSES},
    deadline::TimeoutConfig,
    hedge::{HedgeAfter, HedgeConfig},
    queue::{FairBy, QueueConfig, Weights},
    throughput::ThroughputConfig,
    unavailable::OnAllUnavailable,
};

/// The values that one `resilience` table writes; absent values stay as they are underneath.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResiliencePatch {
    /// `timeouts`.
    pub timeouts: TimeoutPatch,
    /// `throughput`.
    pub throughput: ThroughputPatch,
    /// `retry`.
    pub retry: RetryPatch,
    /// `breaker`.
    pub breaker: BreakerPatch,
    /// `hedge`.
    pub hedge: Option<HedgePatch>,
    /// `queue`.
    pub queue: QueuePatch,
    /// `on_all_unavailable`.
    pub unavailable: Option<OnAllUnavailable>,
}

/// Overrides of [`TimeoutConfig`], field by field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeoutPatch {
    /// As [`TimeoutConfig::connect`].
    pub connect: Option<Duration>,
    /// As [`TimeoutConfig::first_byte`].
    pub first_byte: Option<Duration>,
    /// As [`TimeoutConfig::first_token`].
    pub first_token: Option<Duration>,
    /// As [`TimeoutConfig::stall`].
    pub stall: Option<Duration>,
    /// As [`TimeoutConfig::response`].
    pub response: Option<Duration>,
    /// As [`TimeoutConfig::total`].
    pub total: Option<Duration>,
}

/// Overrides of [`ThroughputConfig`], field by field.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ThroughputPatch {
    /// As [`ThroughputConfig::min`].
    pub min: Option<f64>,
    /// As [`ThroughputConfig::window`].
    pub window: Option<Duration>,
}

impl ThroughputPatch {
    fn apply(self, base: ThroughputConfig) -> ThroughputConfig {
        ThroughputConfig { min: self.min.unwrap_or(base.min), window: self.window.unwrap_or(base.window) }
    }
}

/// Overrides of [`RetryConfig`], field by field.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RetryPatch {
    /// As [`RetryConfig::attempts`].
    pub attempts: Option<u32>,
    /// As [`RetryConfig::per_deployment`].
    pub per_deployment: Option<u32>,
    /// As [`RetryConfig::backoff`].
    pub backoff: Option<Duration>,
    /// As [`RetryConfig::max_backoff`].
    pub max_backoff: Option<Duration>,
    /// As [`RetryConfig::budget`].
    pub budget: RetryBudgetPatch,
}

/// Overrides of [`BreakerConfig`], field by field.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BreakerPatch {
    /// As [`BreakerConfig::failures`].
    pub failures: Option<u32>,
    /// As [`BreakerConfig::by_error`].
    pub by_error: [Option<u32>; CLASSES.len()],
    /// As [`BreakerConfig::ratio`].
    pub ratio: Option<f64>,
    /// As [`BreakerConfig::min_calls`].
    pub min_calls: Option<u32>,
    /// As [`BreakerConfig::window`].
    pub window: Option<Duration>,
    /// As [`BreakerConfig::cooldown`].
    pub cooldown: Option<Duration>,
    /// As [`BreakerConfig::max_cooldown`].
    pub max_cooldown: Option<Duration>,
    /// As [`BreakerConfig::slow_start`].
    pub slow_start: Option<Duration>,
}

/// Overrides of [`QueueConfig`], field by field.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueuePatch {
    /// As [`QueueConfig::max`].
    pub max: Option<u32>,
    /// As [`QueueConfig::max_wait`].
    pub max_wait: Option<Duration>,
    /// As [`QueueConfig::fair_by`].
    pub fair_by: Option<FairBy>,
    /// As [`QueueConfig::weights`].
    pub weights: Option<Weights>,
}

impl QueuePatch {
    fn apply(&self, base: &QueueConfig) -> QueueConfig {
        QueueConfig {
            max: self.max.unwrap_or(base.max),
            max_wait: self.max_wait.unwrap_or(base.max_wait),
            fair_by: self.fair_by.clone().unwrap_or_else(|| base.fair_by.clone()),
            weights: self.weights.clone().unwrap_or_else(|| Arc::clone(&base.weights)),
        }
    }
}

/// An override of hedging.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HedgePatch {
    /// `hedge = false`: off, also where the table underneath has it on.
    Off,
    /// On, with these values.
    On {
        /// As [`HedgeConfig::after`].
        after: Option<HedgeAfter>,
        /// As [`HedgeConfig::max_extra`].
        max_extra: Option<f64>,
    },
}

impl ResiliencePatch {
    /// `base` with these values laid over it.
    #[must_use]
    pub fn apply(&self, base: &ResilienceConfig) -> ResilienceConfig {
        ResilienceConfig {
            timeouts: self.timeouts.apply(&base.timeouts),
            throughput: self.throughput.apply(base.throughput),
            retry: self.retry.apply(&base.retry),
            breaker: self.breaker.apply(&base.breaker),
            hedge: self.hedge.map_or(base.hedge, |patch| patch.apply(base.hedge)),
            queue: self.queue.apply(&base.queue),
            unavailable: self.unavailable.unwrap_or(base.unavailable),
        }
    }
}

impl TimeoutPatch {
    fn apply(&self, base: &TimeoutConfig) -> TimeoutConfig {
        TimeoutConfig {
            connect: self.connect.unwrap_or(base.connect),
            first_byte: self.first_byte.unwrap_or(base.first_byte),
            first_token: self.first_token.unwrap_or(base.first_token),
            stall: self.stall.unwrap_or(base.stall),
            response: self.response.unwrap_or(base.response),
            total: self.total.unwrap_or(base.total),
        }
    }
}

/// Overrides of [`RetryBudget`], field by field.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RetryBudgetPatch {
    /// As [`RetryBudget::same`].
    pub same: Option<f64>,
    /// As [`RetryBudget::keys`].
    pub keys: Option<f64>,
    /// As [`RetryBudget::models`].
    pub models: Option<f64>,
}

impl RetryBudgetPatch {
    fn apply(self, base: RetryBudget) -> RetryBudget {
        RetryBudget {
            same: self.same.unwrap_or(base.same),
            keys: self.keys.unwrap_or(base.keys),
            models: self.models.unwrap_or(base.models),
        }
    }
}

impl RetryPatch {
    /// A pause written alone moves the other one with it: `backoff` is never above `max_backoff`.
    fn apply(&self, base: &RetryConfig) -> RetryConfig {
        let (backoff, max_backoff) = match (self.backoff, self.max_backoff) {
            (Some(backoff), None) => (backoff, base.max_backoff.max(backoff)),
            (None, Some(max)) => (base.backoff.min(max), max),
            (backoff, max) => (backoff.unwrap_or(base.backoff), max.unwrap_or(base.max_backoff)),
        };
        RetryConfig {
            attempts: self.attempts.unwrap_or(base.attempts),
            per_deployment: self.per_deployment.unwrap_or(base.per_deployment),
            backoff,
            max_backoff,
            budget: self.budget.apply(base.budget),
        }
    }
}

impl BreakerPatch {
    fn apply(&self, base: &BreakerConfig) -> BreakerConfig {
        // A rest written alone moves the other one with it: `cooldown` is never above `max_cooldown`.
        let (cooldown, max_cooldown) = match (self.cooldown, self.max_cooldown) {
            (Some(first), None) => (first, base.max_cooldown.max(first)),
            (None, Some(longest)) => (base.cooldown.min(longest), longest),
            (first, longest) => (first.unwrap_or(base.cooldown), longest.unwrap_or(base.max_cooldown)),
        };
        BreakerConfig {
            failures: self.failures.unwrap_or(base.failures),
            by_error: std::array::from_fn(|class| self.by_error[class].or(base.by_error[class])),
            ratio: self.ratio.unwrap_or(base.ratio),
            min_calls: self.min_calls.unwrap_or(base.min_calls),
            window: self.window.unwrap_or(base.window),
            cooldown,
            max_cooldown,
            slow_start: self.slow_start.unwrap_or(base.slow_start),
        }
    }
}

impl HedgePatch {
    /// The slowest twentieth of requests is worth a second copy.
    const AFTER: HedgeAfter = HedgeAfter::Percentile(95);
    /// A twentieth of extra load is what the slowest twentieth costs, and no more.
    const MAX_EXTRA: f64 = 0.05;

    fn apply(self, base: Option<HedgeConfig>) -> Option<HedgeConfig> {
        match self {
            Self::Off => None,
            Self::On { after, max_extra } => {
                let base = base.unwrap_or(HedgeConfig { after: Self::AFTER, max_extra: Self::MAX_EXTRA });
                Some(HedgeConfig { after: after.unwrap_or(base.after), max_extra: max_extra.unwrap_or(base.max_extra) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_written_is_overridden() {
        let patch = ResiliencePatch {
            retry: RetryPatch { attempts: Some(2), ..RetryPatch::default() },
            hedge: Some(HedgePatch::On { after: None, max_extra: Some(0.1) }),
            ..ResiliencePatch::default()
        };
        let config = patch.apply(&ResilienceConfig::default());
        assert_eq!(config.retry, RetryConfig { attempts: 2, ..RetryConfig::default() });
        assert_eq!(config.timeouts, TimeoutConfig::default());
        assert_eq!(config.hedge, Some(HedgeConfig { after: HedgeAfter::Percentile(95), max_extra: 0.1 }));
        let off = ResiliencePatch { hedge: Some(HedgePatch::Off), ..ResiliencePatch::default() };
        assert_eq!(off.apply(&config).hedge, None);
        assert_eq!(off.apply(&config).retry.attempts, 2);
    }

    #[test]
    fn the_first_rest_is_never_above_the_longest() {
        let rests = |cooldown, max_cooldown| {
            let [cooldown, max_cooldown] = [cooldown, max_cooldown].map(|n: Option<u64>| n.map(Duration::from_secs));
            let patch = BreakerPatch { cooldown, max_cooldown, ..BreakerPatch::default() };
            let config = patch.apply(&BreakerConfig::default());
            (config.cooldown.as_secs(), config.max_cooldown.as_secs())
        };
        assert_eq!(rests(Some(60), None), (60, 60));
        assert_eq!(rests(None, Some(10)), (10, 10));
        assert_eq!(rests(Some(1), None), (1, 20));
        assert_eq!(rests(Some(1), Some(4)), (1, 4));
    }
}
