//! Do predicted scores mean what they say? A reliability diagram: of the prompts for which a score near 0.7 was predicted, the
//! mean score should be near 0.7. The expected calibration error (ECE) is how far off that is on average.

use serde::Serialize;

/// Bins of a diagram.
pub const BINS: usize = 10;

/// A diagram with its figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reliability {
    /// From low predictions to high ones; bins of the same number of prompts, so that none rests on a handful.
    pub bins: Vec<Bin>,
    /// The expected calibration error: the mean distance between predicted and seen, weighted by prompts.
    pub ece: f64,
    /// The mean squared error, which also rewards telling prompts apart.
    pub brier: f64,
    /// The mean squared error of predicting the mean for every prompt: what a predictor has to beat.
    pub brier_of_mean: f64,
}

/// Prompts with similar predictions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// The mean prediction.
    pub predicted: f64,
    /// The mean score.
    pub seen: f64,
    /// How many prompts.
    pub prompts: usize,
}

/// The diagram of pairs of prediction and score; none without any.
pub fn reliability(pairs: &[(f64, f64)], bins: usize) -> Option<Reliability> {
    if pairs.is_empty() || bins == 0 {
        return None;
    }
    let mut sorted = pairs.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let count = sorted.len();
    let bins = bins.min(count);
    let bins: Vec<Bin> = (0..bins).map(|at| bin(&sorted[at * count / bins..(at + 1) * count / bins])).collect();
    let n = count as f64;
    let mean = sorted.iter().map(|(_, score)| score).sum::<f64>() / n;
    let squares = |of: &dyn Fn(&(f64, f64)) -> f64| sorted.iter().map(|pair| of(pair).powi(2)).sum::<f64>() / n;
    Some(Reliability {
        ece: bins.iter().map(|bin| bin.prompts as f64 * (bin.predicted - bin.seen).abs()).sum::<f64>() / n,
        brier: squares(&|(predicted, score)| predicted - score),
        brier_of_mean: squares(&|(_, score)| mean - score),
        bins,
    })
}

fn bin(pairs: &[(f64, f64)]) -> Bin {
    let n = pairs.len() as f64;
    let sums = pairs.iter().fold((0.0, 0.0), |sums, pair| (sums.0 + pair.0, sums.1 + pair.1));
    Bin { predicted: sums.0 / n, seen: sums.1 / n, prompts: pairs.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictions_that_come_true_have_no_error() {
        let pairs: Vec<(f64, f64)> = (0..1_000).map(|at| (0.25, f64::from(at % 4 == 0))).collect();
        let found = reliability(&pairs, 1).unwrap();
        assert!(found.ece < 1e-12 && (found.brier - 0.1875).abs() < 1e-12);
        assert!((found.brier - found.brier_of_mean).abs() < 1e-12);
    }

    #[test]
    fn confidence_that_is_not_earned_shows() {
        // Half of what is called certain fails, and half of what is called hopeless works.
        let pairs: Vec<(f64, f64)> = (0..400).map(|at| (f64::from(at >= 200), f64::from(at % 2 == 0))).collect();
        let found = reliability(&pairs, BINS).unwrap();
        assert_eq!(found.bins.len(), BINS);
        assert!(found.bins.iter().all(|bin| bin.prompts == 40 && (bin.seen - 0.5).abs() < 1e-12));
        assert!((found.ece - 0.5).abs() < 1e-12 && found.brier > found.brier_of_mean);
    }

    #[test]
    fn few_prompts_make_few_bins() {
        assert_eq!(reliability(&[(0.1, 0.0), (0.9, 1.0)], BINS).unwrap().bins.len(), 2);
        assert_eq!(reliability(&[], BINS), None);
    }
}
