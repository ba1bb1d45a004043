//! A way of choosing about which something was proved: "the quality lost against the strong model is above ε with a probability
//! of at most δ, on traffic like the prompts that it was calibrated on".
//!
//! What was proved holds for one exact rule, so the rule is here, where both [`crate::learn`], which tests it, and the router,
//! which follows it, read it: the cheapest model whose predicted quality is at most `margin` below that of the strong model. With
//! a falling margin this becomes "always the strong model", about which nothing needs proving: the safe end, where one
//! stays if the prompts are too few, and to which one goes back if the traffic is another one.

use serde::{Deserialize, Serialize};

use super::{drift::Reference, recalibrate::Recalibrated};

/// The largest number of models that a guarantee is about: more than anybody compares.
const MOST_MODELS: usize = 1_000;

/// What was proved, about which rule, on what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Guarantee {
    /// The quality that may be lost on average, on the scale of the scores.
    pub epsilon: f64,
    /// How likely the calibration may have been misled.
    pub delta: f64,
    /// Prompts that it was tested on.
    pub prompts: usize,
    /// Prompts needed at least, if nothing at all were lost on them.
    pub least: usize,
    /// The models, by rising cost.
    pub models: Vec<String>,
    /// What a call of each costs on average, in the unit of the data.
    pub costs: Vec<f64>,
    /// The place of the strong model among them.
    pub strong: usize,
    /// How many models the strong one was picked out of by these same prompts; 1 if it was given.
    pub picked_of: usize,
    /// How far below the strong model's predicted quality is good enough; none if no margin was proved: then the strong model.
    pub margin: Option<f64>,
    /// The mean loss on the prompts, at that margin.
    pub loss: Option<f64>,
    /// What the mean loss is below with a probability of 1 − δ.
    pub bound: Option<f64>,
    /// The p-value at that margin.
    pub p_value: Option<f64>,
    /// The share of these prompts for which the strong model is asked.
    pub strong_share: f64,
    /// The share of the strong model's cost that is saved on them.
    pub saved: f64,
    /// How predictions are made into expected scores before they are compared.
    pub recalibrated: Recalibrated,
    /// How the loss was counted and tested, in words.
    pub method: String,
    /// What has to be true for it to hold, in words.
    pub assumptions: Vec<String>,
    /// What the traffic was like.
    pub reference: Reference,
}

impl Guarantee {
    /// The strong model's name.
    pub fn strong_model(&self) -> &str {
        self.models.get(self.strong).map_or("", String::as_str)
    }

    /// The model that the rule asks, from the predicted score of each in the order of `models`.
    pub fn pick(&self, predicted: &[f64]) -> usize {
        let Some(margin) = self.margin else { return self.strong };
        pick(&self.recalibrated.apply(predicted), self.strong, margin)
    }

    /// Whether its parts fit each other: it was read from a file.
    pub fn is_whole(&self) -> bool {
        let models = self.models.len();
        let numbers = [self.epsilon, self.delta, self.strong_share, self.saved, self.margin.unwrap_or_default()];
        (2..=MOST_MODELS).contains(&models)
            && self.costs.len() == models
            && self.strong < models
            && numbers.iter().chain(&self.costs).all(|number| number.is_finite())
            && self.recalibrated.fits(models)
    }

    /// What it says, in one sentence.
    pub fn sentence(&self) -> String {
        let (strong, prompts) = (self.strong_model(), self.prompts);
        match self.bound {
            Some(bound) => format!(
                "at most {} of quality is lost against `{strong}` on average, with a probability of {} ({prompts} prompts, bound {bound:.3})",
                self.epsilon,
                1.0 - self.delta,
            ),
            None => format!(
                "nothing cheaper than `{strong}` was shown to lose at most {} with a probability of {} ({prompts} prompts; with no loss at all {} would do)",
                self.epsilon,
                1.0 - self.delta,
                self.least,
            ),
        }
    }
}

/// The first of models by rising cost whose expected score is at most `margin` below that of the strong one.
pub fn pick(expected: &[f64], strong: usize, margin: f64) -> usize {
    let Some(best) = expected.get(strong) else { return strong };
    expected.iter().position(|score| *score >= best - margin).map_or(strong, |found| found.min(strong))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheapest_within_the_margin_is_picked_and_nobody_dearer_than_the_strong_one() {
        let expected = [0.5, 0.7, 0.8, 0.95];
        assert_eq!([-0.1, 0.0, 0.15, 0.25, 0.35].map(|margin| pick(&expected, 2, margin)), [2, 2, 1, 1, 0]);
        // The strong model is asked even if the margin is below nought, unless a cheaper one is predicted to be better by it.
        assert_eq!(pick(&[0.5, 0.9, 0.8], 2, -0.05), 1);
        assert_eq!(pick(&[0.5, 0.9, 0.8], 2, -0.5), 2);
        assert_eq!(pick(&[f64::NAN, 0.9, f64::NAN], 2, 0.5), 2);
    }

    #[test]
    fn without_a_proof_the_strong_model_is_asked() {
        let guarantee = Guarantee { models: vec!["a".into(), "b".into()], strong: 1, ..Guarantee::default() };
        assert_eq!(guarantee.pick(&[1.0, 0.0]), 1);
        assert_eq!(Guarantee { margin: Some(0.0), ..guarantee }.pick(&[1.0, 0.0]), 0);
    }
}
