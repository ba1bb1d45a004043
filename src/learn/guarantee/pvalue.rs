//! How unlikely losses as small as those seen would be if the true mean loss were above what is allowed: p-values that hold for
//! every number of prompts, not only for many.
//!
//! Two tests. *Betting* (Waudby-Smith and Ramdas, arXiv 2010.09686): someone who doubts the claim "the mean loss is at least ε"
//! stakes on each prompt that its loss is below ε; if the claim is true their fortune multiplies by c with a probability of
//! at most 1/c. It pays where most losses are nought, as they are where two models mostly both succeed. *Hoeffding–Bentkus*
//! (Bates et al., arXiv 2101.02703; used by Angelopoulos et al., arXiv 2110.01052) knows only the mean and is tight for small
//! losses that are never negative.

use serde::{Deserialize, Serialize};

/// What is lost on a prompt by not asking the strong model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// The strong model's score less that of the one that is asked: prompts that the cheaper one answers better count in its
    /// favour, so that the mean is the quality that is lost.
    #[default]
    Mean,
    /// The same where it is above nought, else nought: no prompt makes up for another.
    Regret,
}

impl Loss {
    /// The loss between two scores.
    pub fn between(self, strong: f64, asked: f64) -> f64 {
        match self {
            Self::Mean => strong - asked,
            Self::Regret => (strong - asked).max(0.0),
        }
    }

    fn lowest(self) -> f64 {
        match self {
            Self::Mean => -1.0,
            Self::Regret => 0.0,
        }
    }
}

/// A way of testing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// A fortune that grows if losses are smaller than allowed.
    #[default]
    Betting,
    /// From the mean alone.
    HoeffdingBentkus,
}

/// The largest stake: a loss of 1, the worst there is, must leave something.
const LARGEST_STAKE: f64 = 0.95;
/// Stakes stand so far apart. One that is off by less than that earns nearly as much as the best one.
const STAKE_STEP: f64 = 2.0;
/// A stake below this over the root of the number of prompts could not convince anybody, whatever the losses.
const SMALLEST_STAKE: f64 = 2.0;
/// Halvings of the interval in which a bound lies: enough for twelve digits.
const HALVINGS: usize = 40;

impl Test {
    /// The p-value of "the mean of these losses is above `epsilon`": each loss at most 1.
    pub fn p_value(self, losses: &[f64], loss: Loss, epsilon: f64) -> f64 {
        if losses.is_empty() {
            return 1.0;
        }
        match self {
            Self::Betting => betting(losses, epsilon),
            Self::HoeffdingBentkus => {
                let width = 1.0 - loss.lowest();
                let onto = |value: f64| (value - loss.lowest()) / width;
                hoeffding_bentkus(onto(mean(losses)), losses.len(), onto(epsilon))
            }
        }
    }

    /// What the mean loss is below with a probability of 1 − `level`.
    pub fn bound(self, losses: &[f64], loss: Loss, level: f64) -> f64 {
        let (mut low, mut high) = (mean(losses).max(loss.lowest()), 1.0);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if self.p_value(losses, loss, middle) <= level { high = middle } else { low = middle }
        }
        high
    }

    /// How many prompts are needed if nothing at all is lost on them.
    pub fn least(self, loss: Loss, epsilon: f64, level: f64) -> usize {
        let enough = |count: usize| self.p_value(&vec![0.0; count], loss, epsilon) <= level;
        let mut high = 1;
        while !enough(high) && high < MOST_PROMPTS {
            high *= 2;
        }
        let mut low = high / 2;
        while high - low > 1 {
            let middle = low.midpoint(high);
            if enough(middle) { high = middle } else { low = middle }
        }
        high
    }
}

/// Where the search for the number of prompts ends: nobody has more.
const MOST_PROMPTS: usize = 1 << 22;

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// One over the mean fortune of gamblers with different stakes. The order of the prompts does not matter.
fn betting(losses: &[f64], epsilon: f64) -> f64 {
    let stakes = stakes(losses.len());
    // On most prompts nothing is lost: these are counted, not added up.
    let some: Vec<f64> = losses.iter().copied().filter(|loss| *loss != 0.0).collect();
    let none = (losses.len() - some.len()) as f64;
    let gain = |stake: f64, loss: f64| (stake * (epsilon - loss)).ln_1p();
    let fortune = |stake: f64| none * gain(stake, 0.0) + some.iter().map(|loss| gain(stake, *loss)).sum::<f64>();
    let fortunes: Vec<f64> = stakes.iter().map(|stake| fortune(*stake)).collect();
    let most = fortunes.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = fortunes.iter().map(|one| (one - most).exp()).sum();
    let log = most + (sum / stakes.len() as f64).ln();
    (-log).exp().min(1.0)
}

/// Stakes for so many prompts, the largest first.
fn stakes(prompts: usize) -> Vec<f64> {
    let smallest = SMALLEST_STAKE / (prompts as f64).sqrt();
    let mut stakes = vec![LARGEST_STAKE];
    let mut next = LARGEST_STAKE / STAKE_STEP;
    while next > smallest {
        stakes.push(next);
        next /= STAKE_STEP;
    }
    stakes
}

/// For losses between 0 and 1 with this mean.
fn hoeffding_bentkus(mean: f64, count: usize, epsilon: f64) -> f64 {
    if mean >= epsilon {
        return 1.0;
    }
    let n = count as f64;
    let entropy = |part: f64, of: f64| if part > 0.0 { part * (part / of).ln() } else { 0.0 };
    let divergence = entropy(mean, epsilon) + entropy(1.0 - mean, 1.0 - epsilon);
    let hoeffding = (-n * divergence).exp();
    // Rounding must not turn a whole number of losses into the next one.
    let losses = (n * mean - 1e-9).ceil().max(0.0);
    let bentkus = std::f64::consts::E * binomial(losses as usize, count, epsilon);
    hoeffding.min(bentkus).min(1.0)
}

/// How likely at most `most` of `count` draws hit, each with this chance.
fn binomial(most: usize, count: usize, chance: f64) -> f64 {
    if most >= count {
        return 1.0;
    }
    let (n, odds) = (count as f64, (1.0 - chance) / chance);
    let top = ln_factorial(count) - ln_factorial(most) - ln_factorial(count - most);
    let first = (top + most as f64 * chance.ln() + (count - most) as f64 * (-chance).ln_1p()).exp();
    // Downwards from the largest term: P(k−1) = P(k) · k / (n−k+1) · (1−p) / p.
    let mut term = first;
    let mut sum = first;
    for k in (1..=most).rev() {
        let k = k as f64;
        term *= k / (n - k + 1.0) * odds;
        sum += term;
        if term < sum * f64::EPSILON {
            break;
        }
    }
    sum.min(1.0)
}

/// Below this the logarithms are added up; above it Stirling's series is exact to the last digit.
const STIRLING: usize = 64;

fn ln_factorial(number: usize) -> f64 {
    if number < STIRLING {
        return (2..=number).map(|factor| (factor as f64).ln()).sum();
    }
    let n = number as f64;
    let series = 1.0 / (12.0 * n) - 1.0 / (360.0 * n.powi(3)) + 1.0 / (1260.0 * n.powi(5));
    n * n.ln() - n + 0.5 * (std::f64::consts::TAU * n).ln() + series
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1e-3), "{found} is not {expected}");
    }

    #[test]
    fn the_binomial_distribution_is_right() {
        // Summed in exact fractions.
        close(binomial(3, 20, 0.1), 0.867_046_676_565_664_9);
        close(binomial(0, 100, 0.05), 0.005_920_529_220_334_023);
        close(binomial(40, 1000, 0.05), 0.080_636_573_256_691_16);
        close(binomial(7, 7, 0.5), 1.0);
    }

    #[test]
    fn no_loss_on_too_few_prompts_proves_nothing() {
        for test in [Test::Betting, Test::HoeffdingBentkus] {
            assert!(test.p_value(&[0.0; 20], Loss::Regret, 0.02) > 0.3);
            close(test.p_value(&[], Loss::Regret, 0.02), 1.0);
            let least = test.least(Loss::Regret, 0.02, 0.05);
            assert!(test.p_value(&vec![0.0; least], Loss::Regret, 0.02) <= 0.05);
            assert!(test.p_value(&vec![0.0; least - 1], Loss::Regret, 0.02) > 0.05);
            assert!((100..500).contains(&least), "{test:?} {least}");
        }
    }

    #[test]
    fn a_bound_is_where_the_p_value_is_the_level() {
        let losses: Vec<f64> = (0..2_000).map(|at| f64::from(at % 40 == 0) - f64::from(at % 100 == 3)).collect();
        for (test, loss) in [(Test::Betting, Loss::Mean), (Test::HoeffdingBentkus, Loss::Mean)] {
            let bound = test.bound(&losses, loss, 0.05);
            assert!(bound > mean(&losses) && bound < 0.1, "{test:?} {bound}");
            close(test.p_value(&losses, loss, bound), 0.05);
        }
    }

    /// How often a claim that is true at its edge, "the mean loss is ε", is rejected at 5 %.
    fn rejected(test: Test, loss: Loss, draw: impl Fn(&mut Rng) -> f64, epsilon: f64, count: usize) -> f64 {
        let runs = 1_000;
        let mut rng = Rng::with_seed(7);
        let hit = |_: &usize| {
            let losses: Vec<f64> = (0..count).map(|_| draw(&mut rng)).collect();
            test.p_value(&losses, loss, epsilon) <= 0.05
        };
        (0..runs).filter(hit).count() as f64 / f64::from(runs as u32)
    }

    #[test]
    fn what_is_true_is_rejected_no_more_often_than_said() {
        // Two models that fail independently, a few percent apart, at ε exactly.
        let signed = |rng: &mut Rng| f64::from(rng.f64() < 0.10) - f64::from(rng.f64() < 0.07);
        let rare = |rng: &mut Rng| f64::from(rng.f64() < 0.03);
        for count in [50, 400, 1_500] {
            for test in [Test::Betting, Test::HoeffdingBentkus] {
                // Three standard errors of a share of 5 % in so many runs.
                assert!(rejected(test, Loss::Mean, signed, 0.03, count) <= 0.05 + 0.021);
                assert!(rejected(test, Loss::Regret, rare, 0.03, count) <= 0.05 + 0.021);
            }
        }
    }

    #[test]
    fn losses_that_cancel_are_found_small_by_betting_and_hardly_by_the_mean_alone() {
        let signed = |rng: &mut Rng| f64::from(rng.f64() < 0.05) - f64::from(rng.f64() < 0.05);
        assert!(rejected(Test::Betting, Loss::Mean, signed, 0.03, 2_000) > 0.7);
        assert!(rejected(Test::HoeffdingBentkus, Loss::Mean, signed, 0.03, 2_000) < 0.05);
    }
}
