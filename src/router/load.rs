//! How much is under way: calls, and the repetitions among them.
//!
//! Further attempts are bounded by a share of the calls under way (Envoy's retry budget), so that an outage does not become a
//! storm. A budget over concurrency suits calls that take a minute; one over a rate would be used up by their number alone.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::resilience::queue::Hall;

/// Further attempts of a kind at once that are always allowed: alone, a caller must not be refused a second try.
pub const FREE_REPEATS: u64 = 3;
/// Beyond them, second copies and repetitions: at once, as a share of the calls under way.
pub const REPEAT_SHARE: f64 = 0.2;

/// What a further attempt of a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// On a deployment that it has tried before; a second copy counts as one too.
    Same,
    /// With another key or in another region: another deployment of the same model at the same provider.
    Key,
    /// On another model.
    Model,
}

/// The counters.
#[derive(Debug, Default)]
pub struct Load {
    active: AtomicU64,
    repeats: [AtomicU64; 3],
    /// Those who wait for room.
    pub hall: Arc<Hall>,
}

/// A call under way, until it is dropped.
#[derive(Debug)]
pub struct Active(Arc<Load>);

/// A further attempt under way, its pause included, until it is dropped.
#[derive(Debug)]
pub struct Repeat(Arc<Load>, Again);

impl Load {
    /// A call begins.
    pub fn enter(self: &Arc<Self>) -> Active {
        self.active.fetch_add(1, Ordering::Relaxed);
        Active(Arc::clone(self))
    }

    /// A further attempt begins, if there is room for it in `share` of the calls under way. Beyond the few that are always
    /// free it must also be `worthwhile`.
    pub fn repeat(self: &Arc<Self>, what: Again, share: f64, worthwhile: bool) -> Option<Repeat> {
        if share <= 0.0 {
            return None;
        }
        let bound = if worthwhile { (self.active.load(Ordering::Relaxed) as f64 * share) as u64 } else { 0 };
        let most = bound.max(FREE_REPEATS);
        let count = &self.repeats[what as usize];
        let taken = count.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |n| (n < most).then_some(n + 1));
        taken.is_ok().then(|| Repeat(Arc::clone(self), what))
    }

    /// Calls under way, and further attempts of all kinds among them.
    pub fn now(&self) -> (u64, u64) {
        let repeats = self.repeats.iter().map(|count| count.load(Ordering::Relaxed)).sum();
        (self.active.load(Ordering::Relaxed), repeats)
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Repeat {
    fn drop(&mut self) {
        self.0.repeats[self.1 as usize].fetch_sub(1, Ordering::AcqRel);
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
            let repeats: Vec<Repeat> =
                (0..=most).filter_map(|_| load.repeat(Again::Same, REPEAT_SHARE, true)).collect();
            assert_eq!(repeats.len() as u64, most, "{active}");
            drop(repeats);
            drop(calls);
            assert_eq!(load.now(), (0, 0));
        }
    }

    #[test]
    fn each_kind_has_its_own_share_and_a_hopeless_one_only_the_free_ones() {
        let load = Arc::new(Load::default());
        let _calls: Vec<Active> = (0..100).map(|_| load.enter()).collect();
        for (what, share, worthwhile, most) in [
            (Again::Same, 0.2, false, 3),
            (Again::Key, 0.5, true, 50),
            (Again::Model, 1.0, true, 100),
            (Again::Model, 0.0, true, 0),
        ] {
            let repeats: Vec<Repeat> = (0..200).filter_map(|_| load.repeat(what, share, worthwhile)).collect();
            assert_eq!(repeats.len(), most, "{what:?} {share}");
        }
    }
}
