//! Whether repetitions on a deployment are worth their load: gRPC's retry throttling (proposal A6).
//!
//! A failure costs a token, a success earns a tenth of one. While more than half of the tokens are left, repetitions are
//! worthwhile; a deployment that fails more than one time in eleven will run out of them. No clock is needed.

use std::sync::atomic::{AtomicU32, Ordering};

/// Tokens at first and at most, in tenths (the example of the proposal: ten, and a ratio of a tenth).
const FULL: u32 = 100;
/// What a failure costs, in tenths.
const FAILURE: u32 = 10;

/// The tokens of one deployment.
#[derive(Debug)]
pub struct Allowance(AtomicU32);

impl Default for Allowance {
    fn default() -> Self {
        Self(AtomicU32::new(FULL))
    }
}

impl Allowance {
    /// Whether repetitions are worthwhile.
    pub fn is_fit(&self) -> bool {
        self.0.load(Ordering::Relaxed) > FULL / 2
    }

    /// An attempt succeeded.
    pub fn success(&self) {
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < FULL).then_some(n + 1));
    }

    /// An attempt failed in a way that another could mend.
    pub fn failure(&self) {
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| Some(n.saturating_sub(FAILURE)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Facts of gRPC's proposal A6, re-typed: ten tokens, a ratio of a tenth, half of them as the threshold.
    #[test]
    fn five_failures_exhaust_it_and_a_success_is_worth_a_tenth() {
        let allowance = Allowance::default();
        (0..4).for_each(|_| allowance.failure());
        assert!(allowance.is_fit());
        allowance.failure();
        assert!(!allowance.is_fit());
        allowance.success();
        assert!(allowance.is_fit());
        (0..20).for_each(|_| allowance.failure());
        (0..50).for_each(|_| allowance.success());
        assert!(!allowance.is_fit(), "never below nothing");
        (0..500).for_each(|_| allowance.success());
        (0..4).for_each(|_| allowance.failure());
        assert!(allowance.is_fit(), "never above full");
        allowance.failure();
        assert!(!allowance.is_fit());
    }
}
