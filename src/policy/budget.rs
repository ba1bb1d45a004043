//! Spend ceilings.

use std::time::Duration;

/// One `[budgets.NAME]`.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetConfig {
    /// Its name.
    pub name: String,
    /// US dollars a window.
    pub usd: f64,
    /// The window.
    pub window: Duration,
    /// Whose spending is added up together.
    pub per: BudgetScope,
    /// Whether strategies that weigh money save it so that it lasts for the window.
    pub pacing: bool,
}

/// Whose spending a budget adds up together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BudgetScope {
    /// Everyone's.
    #[default]
    Global,
    /// Each route's.
    Route,
    /// Each deployment's.
    Deployment,
    /// Each `user`'s.
    User,
    /// Each value's of the tag `NAME:value`.
    Tag(String),
}
