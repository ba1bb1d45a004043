//! Stage 3: in what order. A strategy ranks the candidates that policy and abilities left over.

pub mod bandit;
mod chance;
mod chooser;
pub mod drift;
pub mod guarantee;
pub mod rank;
pub mod recalibrate;

use serde::Serialize;

pub use bandit::{Bandit, Belief, Features, features};
pub use chance::propensities;
pub use chooser::{Chooser, Custom, Offer, chosen};
pub use rank::{Contender, Ranked, rank};

/// Which strategy, with its options.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum StrategyConfig {
    /// In the order written.
    #[default]
    Priority,
    /// The first is drawn by weight, the rest follow in the order written.
    Weighted,
    /// The first is the next in turn.
    RoundRobin,
    /// By estimated cost.
    Cheapest,
    /// By measured time to first token and latency.
    Fastest,
    /// By requests in flight.
    LeastBusy,
    /// By a weighted sum of cost, latency and load, each scaled to 0..1 over the candidates.
    Balanced {
        /// Weight of the estimated cost.
        cost: f64,
        /// Weight of the measured latency.
        latency: f64,
        /// Weight of the load.
        load: f64,
    },
    /// By the scores that answers were given, learned as they come.
    Bandit {
        /// The share of calls that may go to another one than the one believed best.
        explore: f64,
        /// What the dearest candidate's cost counts, in scores; the others' in proportion.
        cost: f64,
    },
    /// By the user's own function.
    Custom(Custom),
}

impl StrategyConfig {
    /// Whether it tries somebody else now and then, to learn what he is worth.
    pub fn explores(&self) -> bool {
        matches!(self, Self::Bandit { explore, .. } if *explore > 0.0)
    }

    /// Whether the pace of a budget moves it: it weighs money against something else.
    pub fn weighs_money(&self) -> bool {
        matches!(self, Self::Balanced { .. } | Self::Bandit { .. })
    }

    /// As configuration and decisions spell it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Priority => "priority",
            Self::Weighted => "weighted",
            Self::RoundRobin => "round_robin",
            Self::Cheapest => "cheapest",
            Self::Fastest => "fastest",
            Self::LeastBusy => "least_busy",
            Self::Balanced { .. } => "balanced",
            Self::Bandit { .. } => "bandit",
            Self::Custom(_) => "custom",
        }
    }
}

/// The parts of a score, each absent where the strategy does not look at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Scores {
    /// The cost's part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// The latency's part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<f64>,
    /// The load's part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<f64>,
    /// How far below 1 the score expected is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regret: Option<f64>,
    /// How far off that may be: one standard deviation. It adds nothing to the score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubt: Option<f64>,
    /// What the cost counts because a budget is paced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace: Option<f64>,
}
