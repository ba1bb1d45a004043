//! How many requests at once a provider bears, found out from what it does with them: additive increase, multiplicative
//! decrease (AIMD), as TCP finds its share of a line.
//!
//! Only refusals and silence count as congestion. Latency does not: the time of an answer depends on its length far more
//! than on the provider's load.

use std::sync::atomic::{AtomicU32, Ordering};

/// Where it begins, before anything is known: low enough for a small server, high enough not to be felt.
const FIRST: u32 = 20;
/// Never fewer: a limit of zero would never learn again.
const LEAST: u32 = 1;
/// Never more: beyond it a limit protects nobody.
const MOST: u32 = 200;
/// What a sign of congestion leaves of the limit.
const DECREASE: f64 = 0.9;

/// A limit of requests at once that follows the provider.
#[derive(Debug)]
pub struct Adaptive {
    limit: AtomicU32,
    /// Requests that were under way at the last decrease and have not ended: what befalls them tells nothing new.
    deaf: AtomicU32,
}

impl Default for Adaptive {
    fn default() -> Self {
        Self { limit: AtomicU32::new(FIRST), deaf: AtomicU32::new(0) }
    }
}

impl Adaptive {
    /// Requests at once, as of now.
    pub fn limit(&self) -> u32 {
        self.limit.load(Ordering::Relaxed)
    }

    /// A request went well; `in_flight` were under way when it began, itself included. A limit that is not even half used
    /// does not grow: nothing was learnt about it. Whether it grew.
    pub fn served(&self, in_flight: u32) -> bool {
        if self.deaf.load(Ordering::Relaxed) > 0 {
            return false;
        }
        let grown = |limit: u32| (in_flight.saturating_mul(2) >= limit && limit < MOST).then_some(limit + 1);
        self.limit.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown).is_ok()
    }

    /// A request met congestion, with `in_flight` under way, itself included. One decrease a round: a burst that fails
    /// together is one sign, not a hundred.
    pub fn refused(&self, in_flight: u32) {
        let first = self.deaf.compare_exchange(0, in_flight.max(1), Ordering::AcqRel, Ordering::Relaxed);
        if first.is_ok() {
            let cut = |limit: u32| Some(((f64::from(limit) * DECREASE) as u32).max(LEAST));
            let _ = self.limit.fetch_update(Ordering::Relaxed, Ordering::Relaxed, cut);
        }
    }

    /// A request ended, in whichever way.
    pub fn ended(&self) {
        let _ = self.deaf.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |n| n.checked_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(limit: u32) -> Adaptive {
        Adaptive { limit: AtomicU32::new(limit), ..Adaptive::default() }
    }

    /// Facts of `concurrency_limits.aimd` (Netflix' tests), re-typed: limit before, in flight, dropped, limit after.
    #[test]
    fn the_steps_are_those_of_netflix() {
        for (before, in_flight, dropped, after) in
            [(20, 10, false, 21), (20, 9, false, 20), (30, 30, true, 27), (MOST, MOST, false, MOST), (1, 1, true, 1)]
        {
            let limit = at(before);
            if dropped {
                limit.refused(in_flight);
            } else {
                limit.served(in_flight);
            }
            assert_eq!(limit.limit(), after, "{before} {in_flight} {dropped}");
        }
    }

    #[test]
    fn a_burst_that_fails_together_is_one_sign() {
        let limit = at(100);
        for left in (1..=100).rev() {
            limit.refused(left);
            assert!(!limit.served(left));
            limit.ended();
        }
        assert_eq!(limit.limit(), 90);
        limit.refused(1);
        assert_eq!(limit.limit(), 81);
    }
}
