//! The order of a waiting line: priorities, and within one of them accounts by virtual time.
//!
//! Weighted fair queuing by start times (Goyal, Vin and Cheng): each account has a virtual time at which its next turn
//! begins; who is furthest behind goes first, and its time moves on by what it took over its weight. An account that comes
//! anew begins at the line's own time, so that it can neither save up turns nor be made to wait for those it did not take.
//! Turns are paid for when they are taken, not when somebody lines up: who leaves, leaves no hole.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::Claim;

/// After so many turns in a row that pass by somebody of lower priority, the next one is a lower one's: an eighth of the
/// places is little to those who are in a hurry, and keeps the others alive.
const RUN: u32 = 7;
/// Virtual time of a unit of size at a weight of one: whole numbers, so that an order is exact.
const SCALE: f64 = 1_024.0;
/// Weights below it are taken for it.
const LEAST_WEIGHT: f64 = 1e-3;
/// Accounts that wait no longer and are still remembered at most: what they took counts a while against them.
const MEMORY: usize = 4_096;

/// A waiting line; `T` is what comes with each place in it.
#[derive(Debug)]
pub struct Order<T> {
    next: u64,
    places: HashMap<u64, Place<T>>,
    levels: BTreeMap<i32, Level>,
}

#[derive(Debug)]
struct Place<T> {
    claim: Claim,
    note: T,
}

impl<T> Default for Order<T> {
    fn default() -> Self {
        Self { next: 0, places: HashMap::new(), levels: BTreeMap::new() }
    }
}

impl<T> Order<T> {
    /// How many stand in line.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nobody does.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Lines up; the number of the place.
    pub fn join(&mut self, claim: Claim, note: T) -> u64 {
        let id = self.next;
        self.next += 1;
        self.levels.entry(claim.priority).or_default().join(&claim, id);
        self.places.insert(id, Place { claim, note });
        id
    }

    /// Leaves without a turn. False if it was not in line.
    pub fn leave(&mut self, id: u64) -> bool {
        self.remove(id, false)
    }

    /// Takes its turn and leaves. False if it was not in line.
    pub fn serve(&mut self, id: u64) -> bool {
        let Some(place) = self.places.get(&id) else { return false };
        let priority = place.claim.priority;
        let lowest = self.levels.first_key_value().is_some_and(|(lowest, _)| *lowest == priority);
        for (of, level) in self.levels.range_mut(priority..) {
            let passes = *of == priority && !lowest;
            level.passed = if passes { level.passed + 1 } else { 0 };
        }
        self.remove(id, true)
    }

    /// Whose turn it is.
    pub fn head(&self) -> Option<u64> {
        let mut levels = self.levels.values().rev();
        let last = self.levels.values().next();
        levels.find(|level| level.passed < RUN).or(last)?.head()
    }

    /// What came with the place of `id`.
    pub fn note(&self, id: u64) -> Option<&T> {
        self.places.get(&id).map(|place| &place.note)
    }

    /// About how many turns come before somebody with this claim.
    pub fn ahead(&self, claim: &Claim) -> usize {
        let above: usize = self.levels.range(claim.priority + 1..).map(|(_, level)| level.all.len()).sum();
        above + self.levels.get(&claim.priority).map_or(0, |level| level.ahead(&claim.account))
    }

    fn remove(&mut self, id: u64, served: bool) -> bool {
        let Some(Place { claim, .. }) = self.places.remove(&id) else { return false };
        if let Some(level) = self.levels.get_mut(&claim.priority) {
            level.remove(&claim, id, served);
            if level.all.is_empty() {
                self.levels.remove(&claim.priority);
            }
        }
        true
    }
}

/// Those of one priority.
#[derive(Debug, Default)]
struct Level {
    /// Turns in a row that passed by somebody of lower priority.
    passed: u32,
    clock: u64,
    /// Of the accounts that wait.
    weights: f64,
    accounts: HashMap<Arc<str>, Account>,
    /// Those that wait: when their turn begins, who is first of them, and which they are.
    turns: BTreeSet<(u64, u64, Arc<str>)>,
    /// Those that wait no longer and were ahead of the clock.
    remembered: BTreeSet<(u64, Arc<str>)>,
    all: BTreeSet<u64>,
}

#[derive(Debug)]
struct Account {
    /// When its next turn begins.
    start: u64,
    weight: f64,
    waiting: BTreeSet<u64>,
}

impl Level {
    fn head(&self) -> Option<u64> {
        self.turns.first().map(|(_, id, _)| *id)
    }

    fn join(&mut self, claim: &Claim, id: u64) {
        self.all.insert(id);
        let (name, clock) = (&claim.account, self.clock);
        let new = || Account { start: clock, weight: 0.0, waiting: BTreeSet::new() };
        let account = self.accounts.entry(Arc::clone(name)).or_insert_with(new);
        if account.waiting.is_empty() {
            self.remembered.remove(&(account.start, Arc::clone(name)));
            account.start = account.start.max(clock);
            account.weight = claim.weight.max(LEAST_WEIGHT);
            self.weights += account.weight;
            self.turns.insert((account.start, id, Arc::clone(name)));
        }
        account.waiting.insert(id);
    }

    fn remove(&mut self, claim: &Claim, id: u64, served: bool) {
        self.all.remove(&id);
        let name = &claim.account;
        let Some(account) = self.accounts.get_mut(name) else { return };
        if let Some(first) = account.waiting.first() {
            self.turns.remove(&(account.start, *first, Arc::clone(name)));
        }
        account.waiting.remove(&id);
        if served {
            let size = claim.size.max(1) as f64 * SCALE;
            self.clock = self.clock.max(account.start).saturating_add((size / self.weights) as u64);
            account.start = account.start.saturating_add((size / account.weight) as u64);
        }
        if let Some(first) = account.waiting.first() {
            self.turns.insert((account.start, *first, Arc::clone(name)));
            return;
        }
        self.weights -= account.weight;
        self.remembered.insert((account.start, Arc::clone(name)));
        self.forget();
    }

    /// Accounts that the clock has caught up with are like new ones.
    fn forget(&mut self) {
        let over = |(start, _): &(u64, Arc<str>), kept: usize| *start <= self.clock || kept > MEMORY;
        while let Some(first) = self.remembered.first().filter(|first| over(first, self.remembered.len())).cloned() {
            self.accounts.remove(&first.1);
            self.remembered.remove(&first);
        }
    }

    /// About how many turns come before a new one of `account`: all of those who wait, but of each other account no more
    /// than this one has.
    fn ahead(&self, account: &Arc<str>) -> usize {
        let own = self.accounts.get(account).map_or(0, |account| account.waiting.len());
        let others = self.accounts.iter().filter(|(name, _)| *name != account);
        own + others.map(|(_, other)| other.waiting.len().min(own + 1)).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(priority: i32, account: &str, weight: f64) -> Claim {
        Claim { priority, account: account.into(), weight, size: 1 }
    }

    /// Serves `turns` turns, and tells whose they were.
    fn served(order: &mut Order<&'static str>, turns: usize) -> Vec<&'static str> {
        let mut all = Vec::new();
        for _ in 0..turns {
            let Some(id) = order.head() else { break };
            all.push(*order.note(id).unwrap());
            assert!(order.serve(id));
        }
        all
    }

    fn count(of: &[&str], name: &str) -> usize {
        of.iter().filter(|one| **one == name).count()
    }

    #[test]
    fn within_an_account_it_is_first_come_first_served() {
        let mut order = Order::default();
        let names = ["1", "2", "3", "4"];
        for name in names {
            order.join(claim(0, "x", 1.0), name);
        }
        assert_eq!(served(&mut order, 9), names);
        assert!(order.is_empty() && order.levels.is_empty());
    }

    #[test]
    fn accounts_share_by_weight_whatever_they_ask_for() {
        let mut order = Order::default();
        for (name, weight, calls) in [("flood", 1.0, 5_000), ("some", 1.0, 300), ("paid", 2.0, 500)] {
            (0..calls).for_each(|_| _ = order.join(claim(0, name, weight), name));
        }
        let turns = served(&mut order, 800);
        assert_eq!(["flood", "some", "paid"].map(|name| count(&turns, name)), [200, 200, 400]);
        // Who has had enough leaves the rest to the others, and one who comes anew is served within a round.
        assert_eq!(order.len(), 5_000);
        order.join(claim(0, "late", 1.0), "late");
        assert!(served(&mut order, 5).contains(&"late"));
    }

    #[test]
    fn what_is_shared_is_size_and_not_number() {
        let mut order = Order::default();
        for (name, size) in [("long", 1_000), ("short", 100)] {
            (0..1_000).for_each(|_| _ = order.join(Claim { size, ..claim(0, name, 1.0) }, name));
        }
        let turns = served(&mut order, 440);
        assert_eq!((count(&turns, "long"), count(&turns, "short")), (40, 400));
    }

    #[test]
    fn who_leaves_leaves_no_hole() {
        let mut order = Order::default();
        let ids: Vec<u64> = (0..100).map(|_| order.join(claim(0, "a", 1.0), "a")).collect();
        (0..50).for_each(|_| _ = order.join(claim(0, "b", 1.0), "b"));
        for id in &ids[..50] {
            assert!(order.leave(*id) && !order.leave(*id) && !order.serve(*id));
        }
        let turns = served(&mut order, 40);
        assert_eq!((count(&turns, "a"), count(&turns, "b")), (20, 20), "nothing was paid for what was not taken");
    }

    #[test]
    fn higher_priorities_go_first_and_lower_ones_are_not_starved() {
        let mut order = Order::default();
        for (priority, name) in [(0, "normal"), (-1, "low"), (1, "high")] {
            (0..70).for_each(|_| _ = order.join(claim(priority, "x", 1.0), name));
        }
        let turns = served(&mut order, 64);
        assert_eq!(&turns[..8], ["high", "high", "high", "high", "high", "high", "high", "normal"]);
        assert_eq!((count(&turns, "high"), count(&turns, "normal"), count(&turns, "low")), (56, 7, 1));
        assert_eq!(served(&mut order, 1_000).len(), 210 - 64);
    }

    #[test]
    fn the_memory_of_accounts_is_bounded() {
        let mut order = Order::default();
        order.join(claim(0, "patient", 1.0), 0);
        let mut waited = None;
        for n in 1..=50_000_u32 {
            order.join(claim(0, &n.to_string(), 1.0), n);
            if n % 2 == 0 {
                let id = order.head().unwrap();
                waited = waited.or_else(|| (*order.note(id).unwrap() == 0).then_some(n));
                order.serve(id);
            }
        }
        assert!(waited.is_some_and(|n| n < 10), "{waited:?}");
        while let Some(id) = order.head() {
            order.serve(id);
            let known: usize = order.levels.values().map(|level| level.accounts.len()).sum();
            assert!(known <= order.len() + MEMORY + 1);
        }
        assert!(order.levels.is_empty());
    }

    #[test]
    fn whoever_has_taken_turns_is_not_overtaken_for_ever_by_newcomers() {
        let mut order = Order::default();
        (0..3).for_each(|_| _ = order.join(claim(0, "old", 1.0), u32::MAX));
        let mut old = 0;
        for n in 0..1_000_u32 {
            order.join(claim(0, &n.to_string(), 1.0), n);
            let id = order.head().unwrap();
            old += u32::from(*order.note(id).unwrap() == u32::MAX);
            order.serve(id);
        }
        assert_eq!(old, 3);
    }

    #[test]
    fn the_way_to_a_turn_is_about_right() {
        let mut order = Order::default();
        (0..100).for_each(|_| _ = order.join(claim(0, "flood", 1.0), "flood"));
        (0..3).for_each(|_| _ = order.join(claim(1, "x", 1.0), "high"));
        assert_eq!(order.ahead(&claim(0, "flood", 1.0)), 103);
        assert_eq!(order.ahead(&claim(0, "other", 1.0)), 4);
        assert_eq!(order.ahead(&claim(1, "other", 1.0)), 1);
    }
}
