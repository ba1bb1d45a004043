//! From tokens to money: what an answer cost, how certain that is, and what was saved.

use serde::Serialize;

use crate::{
    catalog::{Money, Price},
    chat::Usage,
};

/// How certain a cost is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CostStatus {
    /// The provider counted the tokens and the price is known.
    Exact,
    /// The price is known, the tokens are our estimate.
    Estimated,
    /// The price is not known.
    Unpriced,
}

impl CostStatus {
    /// As the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Estimated => "estimated",
            Self::Unpriced => "unpriced",
        }
    }
}

/// What an answer cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The amount; absent if unpriced, never a silent zero.
    pub amount: Option<Money>,
    /// How certain it is.
    pub status: CostStatus,
    /// What the same tokens would have cost more at the dearest candidate that could have served.
    pub saved: Option<Money>,
}

/// The cost of `usage` at `price`. `exact` says whether the provider counted; `dearest` is the same usage at the most
/// expensive candidate that could have served.
pub fn cost(price: Option<&Price>, usage: &Usage, exact: bool, dearest: Option<Money>) -> Cost {
    let Some(price) = price else {
        return Cost { amount: None, status: CostStatus::Unpriced, saved: None };
    };
    let amount = price.cost(usage);
    let status = if exact { CostStatus::Exact } else { CostStatus::Estimated };
    Cost { amount: Some(amount), status, saved: dearest.map(|most| most.saturating_sub(amount)) }
}
