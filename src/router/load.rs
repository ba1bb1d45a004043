//! How much is under way: calls, and the repetitions among them.
//!
//! Repetitions are bounded by a share of the calls under way (Envoy's retry budget), so that an outage does not become a
//! storm. A budget over concurrency suits calls that take a minute; one over a rate would be used up by their number alone.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Repetitions at once that are always allowed: alone, a caller must not be refused a second try.
pub const FREE_REPEATS: u64 = 3;
/// Beyond them: repetitions at once, as a share of the calls under way.
pub const REPEAT_SHARE: f64 = 0.2;

/// The counters.
#[derive(Debug, Default)]
pub struct Load {
    active: AtomicU64,
    repeats: AtomicU64,
    waiting: AtomicU64,
}

/// A call that waits for room, until it is dropped.
#[derive(Debug)]
pub struct Waiting(Arc<Load>);

/// A call under way, until it is dropped.
#[derive(Debug)]
pub struct Active(Arc<Load>);

/// A repetition under way, its pause included, until it is dropped.
#[derive(Debug)]
pub struct Repeat(Arc<Load>);

impl Load {
    /// A call begins.
    pub fn enter(self: &Arc<Self>) -> Active {
        self.active.fetch_add(1, Ordering::Relaxed);
        Active(Arc::clone(self))
    }

    /// A repetition begins, if the budget has room for it.
    pub fn repeat(self: &Arc<Self>) -> Option<Repeat> {
        let share = (self.active.load(Ordering::Relaxed) as f64 * REPEAT_SHARE) as u64;
        let most = share.max(FREE_REPEATS);
        let taken = self.repeats.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |n| (n < most).then_some(n + 1));
        taken.is_ok().then(|| Repeat(Arc::clone(self)))
    }

    /// A call begins to wait for room, if fewer than `most` do.
    pub fn wait(self: &Arc<Self>, most: u32) -> Option<Waiting> {
        let more = |n: u64| (n < u64::from(most)).then_some(n + 1);
        let taken = self.waiting.fetch_update(Ordering::AcqRel, Ordering::Relaxed, more);
        taken.is_ok().then(|| Waiting(Arc::clone(self)))
    }

    /// Calls that wait for room.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Calls under way, and repetitions among them.
    pub fn now(&self) -> (u64, u64) {
        (self.active.load(Ordering::Relaxed), self.repeats.load(Ordering::Relaxed))
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Repeat {
    fn drop(&mut self) {
        self.0.repeats.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Facts of Envoy's documentation: active retries ≤ max(3, 20 % of what is under way).
    #[test]
    fn repetitions_are_three_or_a_fifth_of_the_calls() {
        for (active, most) in [(1, 3), (10, 3), (15, 3), (20, 4), (100, 20), (1_000, 200)] {
            let load = Arc::new(Load::default());
            let calls: Vec<Active> = (0..active).map(|_| load.enter()).collect();
            let repeats: Vec<Repeat> = (0..=most).filter_map(|_| load.repeat()).collect();
            assert_eq!(repeats.len() as u64, most, "{active}");
            drop(repeats);
            drop(calls);
            assert_eq!(load.now(), (0, 0));
        }
    }
}
