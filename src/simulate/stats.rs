//! Figures over calls.

use serde::Serialize;

use super::caller::{Ending, Told};
use crate::catalog::Money;

/// Percentiles of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Percentiles {
    /// The median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
}

/// Figures over some calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Stats {
    /// Calls.
    pub calls: u64,
    /// Those that were answered.
    pub answered: u64,
    /// Those that ended with an error.
    pub failed: u64,
    /// Those whose caller left.
    pub left: u64,
    /// The answered among the answered and the failed, 0..=1; absent if there are none.
    pub success_rate: Option<f64>,
    /// Answers that were not whole though they were given out as such. There are none unless waypost has a defect.
    pub torn: u64,
    /// Requests that were sent to providers.
    pub requests: u64,
    /// Those among them that were second copies of a slow request.
    pub hedges: u64,
    /// Second copies among the requests, 0..=1; absent if there were none.
    pub hedge_share: Option<f64>,
    /// Answers that a second copy gave.
    pub hedges_won: u64,
    /// Seconds to the first token, of the answered streams.
    pub first_token: Option<Percentiles>,
    /// Seconds to the whole answer, of the answered.
    pub latency: Option<Percentiles>,
    /// Seconds to the error, of the failed.
    pub until_error: Option<Percentiles>,
    /// US dollars for the calls whose price is known.
    pub cost_usd: f64,
    /// Answers whose price is not known.
    pub unpriced: u64,
}

impl Percentiles {
    /// Of `values`; absent if there are none.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        // The smallest value that so many are not above (nearest rank).
        let at = |share: f64| {
            let rank = (values.len() as f64 * share).ceil() as usize;
            values.get(rank.max(1) - 1).copied().map(rounded)
        };
        Some(Self { p50: at(0.5)?, p95: at(0.95)?, p99: at(0.99)? })
    }
}

/// To the tenth of a millisecond, which is finer than the clock.
pub(super) fn rounded(seconds: f64) -> f64 {
    (seconds * 1e4).round() / 1e4
}

impl Stats {
    /// Over `calls`.
    pub fn of<'a>(calls: impl Iterator<Item = &'a Told>) -> Self {
        let mut stats = Self::default();
        let (mut first, mut latency, mut until_error) = (Vec::new(), Vec::new(), Vec::new());
        let mut cost = Money::ZERO;
        for told in calls {
            stats.calls += 1;
            stats.requests += u64::from(told.requests);
            stats.hedges += u64::from(told.hedges);
            stats.hedges_won += u64::from(told.hedge_won);
            cost = cost + told.cost.unwrap_or(Money::ZERO);
            match told.ending {
                Ending::Answered => {
                    stats.answered += 1;
                    stats.torn += u64::from(!told.whole);
                    stats.unpriced += u64::from(told.cost.is_none());
                    first.extend(told.first_token);
                    latency.push(told.latency);
                }
                Ending::Failed(_) => {
                    stats.failed += 1;
                    until_error.push(told.latency);
                }
                Ending::Left => stats.left += 1,
            }
        }
        let ended = stats.answered + stats.failed;
        stats.success_rate = (ended > 0).then(|| stats.answered as f64 / ended as f64);
        stats.hedge_share = (stats.requests > 0).then(|| stats.hedges as f64 / stats.requests as f64);
        stats.cost_usd = cost.usd();
        (stats.first_token, stats.latency) = (Percentiles::of(first), Percentiles::of(latency));
        stats.until_error = Percentiles::of(until_error);
        stats
    }
}

#[cfg(test)]
mod tests {
    use super::Percentiles;

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let of = |values: &[f64]| Percentiles::of(values.to_vec());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[2.0]), Some(Percentiles { p50: 2.0, p95: 2.0, p99: 2.0 }));
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(of(&hundred), Some(Percentiles { p50: 50.0, p95: 95.0, p99: 99.0 }));
    }
}
