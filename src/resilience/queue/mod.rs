//! Who waits for room, for how long, and in which order.
//!
//! A queue that is first come, first served gives a place to whoever shouts most: one account with a thousand calls makes
//! everyone else wait for all of them. So accounts take turns in proportion to their weights, by the size of what they ask
//! for; within an account it is first come, first served. Priorities come before that, though never so much that the lower
//! ones wait for ever.

mod hall;
mod order;

use std::{sync::Arc, time::Duration};

pub use self::{
    hall::{Hall, Seat},
    order::Order,
};

/// Bounds of the waiting for room under limits.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueConfig {
    /// Calls that may wait at once; the next one is refused at once, while the caller can still do something else, unless
    /// one of lower priority makes way.
    pub max: u32,
    /// No call waits longer: work that comes too late is work wasted.
    pub max_wait: Duration,
    /// Between whom places are shared fairly.
    pub fair_by: FairBy,
    /// Shares of accounts that are more, or less, than one, by name.
    pub weights: Weights,
}

/// Shares by account.
pub type Weights = Arc<[(Arc<str>, f64)]>;

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            // More than that many are not served within the wait by providers that take a second for an answer.
            max: 1_000,
            // A person who waits for the first word notices no less, and hardly bears more.
            max_wait: Duration::from_secs(3),
            // Callers who name nobody are one account: for them it is first come, first served.
            fair_by: FairBy::User,
            weights: Arc::default(),
        }
    }
}

impl QueueConfig {
    /// The share of `account`; one unless written.
    pub fn weight(&self, account: &str) -> f64 {
        self.weights.iter().find(|(name, _)| **name == *account).map_or(1.0, |(_, weight)| *weight)
    }
}

/// What makes an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FairBy {
    /// Nothing: first come, first served.
    Nobody,
    /// The user.
    #[default]
    User,
    /// The value of the tag `NAME:value`.
    Tag(Arc<str>),
}

/// What somebody who waits for room brings along.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Higher goes first.
    pub priority: i32,
    /// On whose account.
    pub account: Arc<str>,
    /// The share of the account.
    pub weight: f64,
    /// How much room it takes, in units of the caller's choice.
    pub size: u64,
}
