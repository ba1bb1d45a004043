//! Prices and the arithmetic of cost, in one exact unit.
//!
//! A [`Money`] is a whole number of pico-dollars (10⁻¹² USD): a price of one dollar per million tokens is exactly one
//! million of them a token, so sums are exact and the order of adding does not matter.

use std::{iter::Sum, ops::Add};

use serde::{Deserialize, Serialize};

use crate::chat::Usage;

/// An amount of money, in pico-dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(pub u64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From US dollars; negative and non-finite amounts are zero.
    pub fn from_usd(usd: f64) -> Self {
        Self((usd * 1e12).round().clamp(0.0, u64::MAX as f64) as u64)
    }

    /// In US dollars.
    pub fn usd(self) -> f64 {
        self.0 as f64 / 1e12
    }

    /// The difference, not below zero.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

/// Prices of one model, in USD per million tokens as the user writes them and providers publish them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Price {
    /// A million prompt tokens.
    pub input: f64,
    /// A million answer tokens; reasoning is charged as answer unless it has a price of its own.
    pub output: f64,
    /// A million prompt tokens read from the provider's cache; absent: as `input`.
    pub cache_read: Option<f64>,
    /// A million prompt tokens written to the provider's cache; absent: as `input`.
    pub cache_write: Option<f64>,
    /// A million reasoning tokens; absent: as `output`.
    pub reasoning: Option<f64>,
    /// A request, in USD, beside its tokens (Perplexity charges for the search).
    pub request: Option<f64>,
    /// Other prices for long prompts, by rising threshold: all tokens of a request whose prompt is longer pay these.
    pub tiers: Vec<Tier>,
}

/// Prices above a prompt length.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tier {
    /// The prompt tokens above which these prices hold.
    pub above: u64,
    /// As in [`Price`]; absent: the base price.
    pub input: Option<f64>,
    /// As in [`Price`]; absent: the base price.
    pub output: Option<f64>,
    /// As in [`Price`]; absent: the base price.
    pub cache_read: Option<f64>,
    /// As in [`Price`]; absent: the base price.
    pub cache_write: Option<f64>,
    /// As in [`Price`]; absent: the base price.
    pub reasoning: Option<f64>,
}

/// `tokens` at `usd` a million.
fn charge(tokens: u64, usd: f64) -> Money {
    // Most requests have tokens of one or two kinds, and planning asks for every candidate.
    if tokens == 0 {
        return Money::ZERO;
    }
    // 1 USD a million tokens is 10⁶ pico-dollars a token.
    let a_token = (usd * 1e6).round().clamp(0.0, 1e15) as u64;
    Money(tokens.saturating_mul(a_token))
}

impl Price {
    /// What `usage` costs.
    pub fn cost(&self, usage: &Usage) -> Money {
        let tier = self.tiers.iter().rev().find(|tier| usage.prompt_tokens() > tier.above);
        let input = tier.and_then(|t| t.input).unwrap_or(self.input);
        let output = tier.and_then(|t| t.output).unwrap_or(self.output);
        let cache_read = tier.and_then(|t| t.cache_read).or(self.cache_read).unwrap_or(input);
        let cache_write = tier.and_then(|t| t.cache_write).or(self.cache_write).unwrap_or(input);
        let reasoning = tier.and_then(|t| t.reasoning).or(self.reasoning).unwrap_or(output);
        charge(usage.input, input)
            + charge(usage.cache_read, cache_read)
            + charge(usage.cache_write, cache_write)
            + charge(usage.output, output)
            + charge(usage.reasoning, reasoning)
            + self.request.map_or(Money::ZERO, Money::from_usd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_pays_its_own_price() {
        let price = Price { input: 2.5, output: 10.0, cache_read: Some(1.25), ..Price::default() };
        let usage = Usage::from_totals(1_000, 200, 400, 0, 50);
        // 600 × 2.5 + 400 × 1.25 + 200 × 10 = 4,000 millionths of a dollar
        assert_eq!(price.cost(&usage), Money::from_usd(0.004));
    }

    #[test]
    fn a_fee_a_request_is_charged_once() {
        let price = Price { input: 1.0, output: 1.0, request: Some(0.005), ..Price::default() };
        assert_eq!(price.cost(&Usage::from_totals(1_000, 1_000, 0, 0, 0)), Money::from_usd(0.007));
    }

    #[test]
    fn a_long_prompt_pays_the_tier_for_all_its_tokens() {
        let tier = Tier { above: 200_000, input: Some(2.5), output: Some(15.0), ..Tier::default() };
        let price = Price { input: 1.25, output: 10.0, tiers: vec![tier], ..Price::default() };
        let cost = |prompt| price.cost(&Usage::from_totals(prompt, 1_000, 0, 0, 0)).usd();
        assert!((cost(200_000) - 0.26).abs() < 1e-12);
        assert!((cost(300_000) - 0.765).abs() < 1e-12);
    }
}
