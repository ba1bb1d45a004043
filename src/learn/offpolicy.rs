//! What another way of choosing would have been worth, from choices that were drawn: off-policy estimates.
//!
//! A log knows only what came of the choice that was made. Where the choice was drawn, and the chance of it was written down,
//! each outcome stands for the requests in which another one was drawn: weighted by how much likelier the other way of
//! choosing makes it ([`Findings::ips`], unbiased; [`Findings::snips`], steadier), or as a correction to a model of the
//! outcomes ([`Findings::dr`], right if either the chances or the model are). What the log could never have chosen, none of
//! them knows of: [`Findings::coverage`] says how much that is.

use std::collections::HashMap;

use serde::Serialize;

/// One logged choice with what came of it.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// What came of it.
    pub reward: f64,
    /// Who was chosen.
    pub action: String,
    /// How likely that was, above 0.
    pub propensity: f64,
    /// How likely each would be under the other way of choosing; nobody for a request that it refuses.
    pub target: Vec<(String, f64)>,
    /// How likely each one was; who is missing was not.
    pub logged: Vec<(String, f64)>,
}

/// A mean with its ends of 95 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Findings {
    /// Choices with an outcome and a known chance.
    pub trials: usize,
    /// The mean outcome of the choices that were made.
    pub logged: Estimate,
    /// Inverse propensity scoring.
    pub ips: Option<Estimate>,
    /// The same, divided by the sum of its weights.
    pub snips: Option<Estimate>,
    /// Doubly robust, over the mean outcome of each deployment in the other half of the log.
    pub dr: Option<Estimate>,
    /// How many unweighted choices the weighted ones are worth.
    pub effective: f64,
    /// The largest weight.
    pub largest: f64,
    /// The share of the other way's choices that the log could have made.
    pub coverage: f64,
}

/// 95 % of a normal distribution are within so many standard deviations.
const Z: f64 = 1.959_963_984_540_054;
/// The model of each half is fitted on the other one, so that no outcome corrects itself.
const HALVES: usize = 2;
/// Outcomes that stand for the common mean in a deployment's own: one with a single outcome is hardly known.
const SHRINK: f64 = 1.0;

/// Estimates the mean outcome of the other way of choosing from `trials`; nothing without any.
pub fn estimate(trials: &[Trial]) -> Option<Findings> {
    if trials.is_empty() {
        return None;
    }
    let count = trials.len() as f64;
    let weights: Vec<f64> = trials.iter().map(Trial::weight).collect();
    let (sum, squares) = (weights.iter().sum::<f64>(), weights.iter().map(|weight| weight * weight).sum::<f64>());
    let rewards: Vec<f64> = trials.iter().map(|trial| trial.reward).collect();
    let weighted: Vec<f64> = weights.iter().zip(&rewards).map(|(weight, reward)| weight * reward).collect();
    let known = sum > 0.0;
    Some(Findings {
        trials: trials.len(),
        logged: mean(&rewards),
        ips: known.then(|| mean(&weighted)),
        snips: known.then(|| normalised(&weights, &rewards)),
        dr: known.then(|| mean(&robust(trials, &weights))),
        effective: if squares > 0.0 { sum * sum / squares } else { 0.0 },
        largest: weights.iter().copied().fold(0.0, f64::max),
        coverage: trials.iter().map(Trial::support).sum::<f64>() / count,
    })
}

impl Trial {
    fn weight(&self) -> f64 {
        chance(&self.target, &self.action) / self.propensity
    }

    /// The share of the other way's choices that could have been made here. A refusal needs no outcome.
    fn support(&self) -> f64 {
        if self.target.is_empty() {
            return 1.0;
        }
        let could = self.target.iter().filter(|(action, _)| chance(&self.logged, action) > 0.0);
        // Not `sum`, which says of nothing that it is minus zero.
        could.fold(0.0, |sum, (_, chance)| sum + chance)
    }
}

fn chance(of: &[(String, f64)], action: &str) -> f64 {
    of.iter().find(|(name, _)| name == action).map_or(0.0, |(_, chance)| *chance)
}

fn mean(values: &[f64]) -> Estimate {
    let count = values.len() as f64;
    let value = values.iter().sum::<f64>() / count;
    let spread: f64 = values.iter().map(|other| (other - value).powi(2)).sum();
    around(value, (spread / (count - 1.0).max(1.0) / count).sqrt())
}

/// A ratio of sums: its error is that of the residuals, weighted.
fn normalised(weights: &[f64], rewards: &[f64]) -> Estimate {
    let sum: f64 = weights.iter().sum();
    let value = weights.iter().zip(rewards).map(|(weight, reward)| weight * reward).sum::<f64>() / sum;
    let spread: f64 = weights.iter().zip(rewards).map(|(weight, reward)| (weight * (reward - value)).powi(2)).sum();
    around(value, spread.sqrt() / sum)
}

fn around(value: f64, error: f64) -> Estimate {
    Estimate { value, low: value - Z * error, high: value + Z * error }
}

/// Of each trial what the model expects of the other way, corrected by how far the model was off.
fn robust(trials: &[Trial], weights: &[f64]) -> Vec<f64> {
    let models: Vec<Model<'_>> = (0..HALVES).map(|half| Model::without(trials, half)).collect();
    let one = |(at, trial): (usize, &Trial)| {
        let model = &models[at % HALVES];
        let expected: f64 = trial.target.iter().map(|(action, chance)| chance * model.of(action)).sum();
        expected + weights[at] * (trial.reward - model.of(&trial.action))
    };
    trials.iter().enumerate().map(one).collect()
}

/// The mean outcome of each deployment.
struct Model<'t> {
    all: f64,
    each: HashMap<&'t str, (f64, f64)>,
}

impl<'t> Model<'t> {
    /// Fitted on all trials but those of this half.
    fn without(trials: &'t [Trial], half: usize) -> Self {
        let others = || trials.iter().enumerate().filter(move |(at, _)| at % HALVES != half).map(|(_, trial)| trial);
        let mut each: HashMap<&str, (f64, f64)> = HashMap::new();
        for trial in others() {
            let (sum, count) = each.entry(&trial.action).or_default();
            (*sum, *count) = (*sum + trial.reward, *count + 1.0);
        }
        let count = others().count();
        let all = if count == 0 { 0.0 } else { others().map(|trial| trial.reward).sum::<f64>() / count as f64 };
        Self { all, each }
    }

    fn of(&self, action: &str) -> f64 {
        let (sum, count) = self.each.get(action).copied().unwrap_or_default();
        (sum + SHRINK * self.all) / (count + SHRINK)
    }
}

#[cfg(test)]
mod tests;
