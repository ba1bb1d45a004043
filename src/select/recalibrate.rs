//! From what is predicted to what is to be expected: a rising map for each model, fitted on scored prompts of the traffic at hand.
//!
//! A predictor from elsewhere may be right about which prompts are hard and wrong about how hard they are. Two maps mend that:
//! the isotonic one (any rising steps, hundreds of prompts) and Platt's (a logistic curve of two numbers, a few dozen).

use serde::{Deserialize, Serialize};

/// How predictions are made into expected scores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recalibrated {
    /// They are taken as they are.
    #[default]
    Not,
    /// By rising steps, for each model.
    Isotonic(Vec<Isotonic>),
    /// By a logistic curve, for each model.
    Platt(Vec<Platt>),
}

impl Recalibrated {
    /// The expected score of each model.
    pub fn apply(&self, predicted: &[f64]) -> Vec<f64> {
        match self {
            Self::Not => predicted.to_vec(),
            Self::Isotonic(maps) => maps.iter().zip(predicted).map(|(map, value)| map.at(*value)).collect(),
            Self::Platt(maps) => maps.iter().zip(predicted).map(|(map, value)| map.at(*value)).collect(),
        }
    }

    /// Whether there is a sound map for each of so many models.
    pub fn fits(&self, models: usize) -> bool {
        match self {
            Self::Not => true,
            Self::Isotonic(maps) => maps.len() == models && maps.iter().all(Isotonic::is_sound),
            Self::Platt(maps) => maps.len() == models && maps.iter().all(|map| (map.slope + map.offset).is_finite()),
        }
    }
}

/// A map that never falls: straight between its knots, level beyond them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Isotonic {
    /// Predictions, rising; and what was seen there.
    pub knots: Vec<(f64, f64)>,
}

impl Isotonic {
    /// The map that is nearest to the pairs of prediction and score of all that never fall, by squares: neighbours that are
    /// the wrong way round are pooled until none is.
    pub fn fit(pairs: &[(f64, f64)]) -> Self {
        let mut sorted = pairs.to_vec();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut pools: Vec<Pool> = Vec::new();
        for (predicted, score) in sorted {
            match pools.last_mut() {
                // Equal predictions are one point.
                Some(last) if last.high >= predicted && last.low >= predicted => last.add(score),
                _ => pools.push(Pool { low: predicted, high: predicted, sum: score, count: 1.0 }),
            }
        }
        let mut merged: Vec<Pool> = Vec::new();
        for mut pool in pools {
            while let Some(before) = merged.pop_if(|before| before.mean() >= pool.mean()) {
                pool = Pool {
                    low: before.low,
                    high: pool.high,
                    sum: before.sum + pool.sum,
                    count: before.count + pool.count,
                };
            }
            merged.push(pool);
        }
        let knots = merged.iter().flat_map(|pool| [(pool.low, pool.mean()), (pool.high, pool.mean())]);
        let mut knots: Vec<(f64, f64)> = knots.collect();
        knots.dedup();
        Self { knots }
    }

    /// What is to be expected where this is predicted; the prediction itself where nothing was seen.
    pub fn at(&self, predicted: f64) -> f64 {
        let next = self.knots.partition_point(|(x, _)| *x < predicted);
        match (next.checked_sub(1).and_then(|at| self.knots.get(at)), self.knots.get(next)) {
            (Some((x0, y0)), Some((x1, y1))) if x1 > x0 => y0 + (y1 - y0) * (predicted - x0) / (x1 - x0),
            (_, Some((_, y))) | (Some((_, y)), None) => *y,
            (None, None) => predicted,
        }
    }

    fn is_sound(&self) -> bool {
        let finite = self.knots.iter().all(|(x, y)| x.is_finite() && y.is_finite());
        finite && self.knots.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1)
    }
}

/// Predictions that share an expected score.
struct Pool {
    low: f64,
    high: f64,
    sum: f64,
    count: f64,
}

impl Pool {
    fn add(&mut self, score: f64) {
        self.sum += score;
        self.count += 1.0;
    }

    fn mean(&self) -> f64 {
        self.sum / self.count
    }
}

/// Platt's map: a logistic curve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Platt {
    /// How steep it is.
    pub slope: f64,
    /// The logarithm of the odds where nought is predicted.
    pub offset: f64,
}

/// Newton's steps at most; half a dozen are enough.
const STEPS: usize = 50;
/// A step that changes less than this is the last one.
const SETTLED: f64 = 1e-10;
/// Keeps the curve finite where predictions tell all scores apart, and is felt nowhere else.
const RIDGE: f64 = 1e-3;

impl Platt {
    /// The likeliest curve. Scores between 0 and 1 count as shares of success; as Platt proposed, one success and one failure
    /// that nobody saw are added, so that a handful of prompts is not believed to the end.
    pub fn fit(pairs: &[(f64, f64)]) -> Self {
        let wins: f64 = pairs.iter().map(|(_, score)| score).sum();
        let losses = pairs.len() as f64 - wins;
        let (high, low) = ((wins + 1.0) / (wins + 2.0), 1.0 / (losses + 2.0));
        let mut map = Self { slope: 0.0, offset: ((wins + 1.0) / (losses + 1.0)).ln() };
        for _ in 0..STEPS {
            let (mut g, mut h) = ([RIDGE * map.slope, 0.0], [RIDGE, 0.0, RIDGE]);
            for (predicted, score) in pairs {
                let target = low + score * (high - low);
                let expected = map.at(*predicted);
                let (off, weight) = (expected - target, expected * (1.0 - expected));
                g = [g[0] + off * predicted, g[1] + off];
                h = [h[0] + weight * predicted * predicted, h[1] + weight * predicted, h[2] + weight];
            }
            let determinant = h[0] * h[2] - h[1] * h[1];
            let step = [(h[2] * g[0] - h[1] * g[1]) / determinant, (h[0] * g[1] - h[1] * g[0]) / determinant];
            if !step.iter().all(|part| part.is_finite()) {
                break;
            }
            map = Self { slope: map.slope - step[0], offset: map.offset - step[1] };
            if step.iter().all(|part| part.abs() < SETTLED) {
                break;
            }
        }
        map
    }

    /// What is to be expected where this is predicted.
    pub fn at(&self, predicted: f64) -> f64 {
        1.0 / (1.0 + (-(self.slope * predicted + self.offset)).exp())
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    fn close(found: f64, expected: f64, within: f64) {
        assert!((found - expected).abs() < within, "{found} is not {expected}");
    }

    #[test]
    fn neighbours_in_the_wrong_order_are_pooled() {
        let map = Isotonic::fit(&[(0.4, 1.0), (0.1, 0.0), (0.2, 1.0), (0.3, 0.0), (0.2, 0.0)]);
        // 0.2 was seen twice (mean 0.5) and is above 0.3 (0): both are 1/3.
        let third = 1.0 / 3.0;
        assert_eq!(map.knots.len(), 4);
        for (at, expected) in
            [(0.0, 0.0), (0.1, 0.0), (0.2, third), (0.25, third), (0.3, third), (0.4, 1.0), (2.0, 1.0)]
        {
            close(map.at(at), expected, 1e-12);
        }
        close(map.at(0.15), third / 2.0, 1e-12);
        close(Isotonic::default().at(0.3), 0.3, 1e-12);
        assert!(map.is_sound() && !Isotonic { knots: vec![(0.0, 1.0), (1.0, 0.0)] }.is_sound());
    }

    #[test]
    fn a_logistic_truth_is_found_again() {
        let mut rng = Rng::with_seed(3);
        let truth = Platt { slope: 3.0, offset: -1.0 };
        let mut draw = || {
            let predicted = rng.f64();
            (predicted, f64::from(rng.f64() < truth.at(predicted)))
        };
        let pairs: Vec<(f64, f64)> = (0..20_000).map(|_| draw()).collect();
        let found = Platt::fit(&pairs);
        close(found.slope, 3.0, 0.25);
        close(found.offset, -1.0, 0.15);
        for at in [0.1, 0.5, 0.9] {
            close(Isotonic::fit(&pairs).at(at), truth.at(at), 0.06);
        }
    }

    #[test]
    fn scores_that_predictions_tell_apart_give_a_finite_curve() {
        let found = Platt::fit(&[(0.0, 0.0), (0.1, 0.0), (0.9, 1.0), (1.0, 1.0)]);
        assert!(found.slope.is_finite() && found.at(0.0) < 0.5 && found.at(1.0) > 0.5);
        // Nothing is known: even odds.
        close(Platt::fit(&[]).at(0.7), 0.5, 1e-12);
    }
}
