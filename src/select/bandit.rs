//! The strategy that learns from scores: a linear model of the score for each deployment, drawn from as Thompson sampling
//! does, within a bound.
//!
//! Most calls go to whoever is believed best. The share `explore` of them is drawn: each deployment as often as it may be
//! the best one after all, given how little is known of it. The chances are worked out first and then drawn from, so a
//! decision can say exactly how likely it was. Old scores fade, also of those that nobody asks any more: their beliefs grow
//! wide again, and they are tried again.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{id::DeploymentId, signals::Signals};

/// What a request looks like to the model: a constant, its length, tools or a schema, media, its complexity, and whether it
/// is about code, about reasoning, or about a text that is given.
pub type Features = [f64; SIZE];

const SIZE: usize = 8;
/// Scores that are remembered, about: older ones fade. Enough to tell 0.70 from 0.75, few enough to follow a model that
/// was changed within a day at some hundred scores a day.
const MEMORY: f64 = 500.0;
/// How far scores of like requests scatter. Users give thumbs more often than shades.
const NOISE: f64 = 0.35;
/// How far a deployment may be from the middle before anything is known of it.
const PRIOR: f64 = 0.3;
/// How much a feature may make of that: less, because most of what models differ in they differ in everywhere.
const PRIOR_FEATURE: f64 = 0.15;
/// The score that is expected of a deployment of which nothing is known.
const MIDDLE: f64 = 0.5;
/// Tokens whose logarithm counts as 1.
const LONG: f64 = 10_000.0;

/// What is believed of a deployment for one request.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Belief {
    /// The score expected.
    pub mean: f64,
    /// How far off that may be.
    pub sd: f64,
}

impl Default for Belief {
    fn default() -> Self {
        Self { mean: MIDDLE, sd: PRIOR }
    }
}

/// The features of a request. What was not worked out of it counts as usual.
pub fn features(signals: &Signals) -> Features {
    let flag = |on: bool| f64::from(u8::from(on));
    let about = |intents: &[&str]| flag(signals.intent.as_deref().is_some_and(|intent| intents.contains(&intent)));
    [
        1.0,
        (signals.tokens.tokens as f64).ln_1p() / LONG.ln_1p(),
        flag(signals.has_tools || signals.has_schema),
        flag(signals.has_images || signals.has_audio || signals.has_files),
        signals.complexity.unwrap_or(MIDDLE),
        about(&["code", "agentic"]),
        about(&["mathematics", "reasoning"]),
        about(&["writing", "summarising", "extraction", "translation", "classification"]),
    ]
}

/// What a route has learned of its deployments.
#[derive(Clone, Debug, Default)]
pub struct Bandit {
    arms: HashMap<DeploymentId, Arm>,
    /// Scores so far: the time in which they fade.
    seen: u64,
}

/// When a score was learned, in scores of its route: what is needed to take it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Learned(u64);

/// Ridge regression over fading scores: `a` is the precision gained, `b` what it points at.
#[derive(Clone, Copy, Debug)]
struct Arm {
    a: [[f64; SIZE]; SIZE],
    b: Features,
    /// When it was last scored, in scores of the route.
    at: u64,
}

impl Arm {
    const NEW: Self = Self { a: [[0.0; SIZE]; SIZE], b: [0.0; SIZE], at: 0 };

    /// As it is when the route has had `now` scores.
    fn faded(&self, now: u64) -> Self {
        let kept = kept(now - self.at);
        Self { a: self.a.map(|row| row.map(|value| value * kept)), b: self.b.map(|value| value * kept), at: now }
    }

    /// Scores behind it, less what has faded: the constant feature counts them.
    fn weight(&self) -> f64 {
        self.a[0][0]
    }

    /// What is believed for `x`. The middle is expected before anything is known.
    fn belief(&self, x: &Features) -> Belief {
        let mut a = self.a;
        for (at, row) in a.iter_mut().enumerate() {
            let prior = if at == 0 { PRIOR } else { PRIOR_FEATURE };
            row[at] += NOISE * NOISE / (prior * prior);
        }
        let (weights, spread) = (solve(&a, &self.b), solve(&a, x));
        let mean = MIDDLE + dot(&weights, x);
        Belief { mean: mean.clamp(0.0, 1.0), sd: NOISE * dot(&spread, x).max(0.0).sqrt() }
    }
}

/// The share of a score that is left after `later` more.
fn kept(later: u64) -> f64 {
    (1.0 - 1.0 / MEMORY).powf(later as f64)
}

impl Bandit {
    /// How good `deployment` was for a request that looked like `x`: 0..1.
    pub fn learn(&mut self, deployment: &DeploymentId, x: &Features, score: f64) -> Learned {
        self.seen += 1;
        let mut arm = self.arms.get(deployment).unwrap_or(&Arm::NEW).faded(self.seen);
        for (row, left) in arm.a.iter_mut().zip(x) {
            for (value, right) in row.iter_mut().zip(x) {
                *value += left * right;
            }
        }
        for (value, x) in arm.b.iter_mut().zip(x) {
            *value += x * (score - MIDDLE);
        }
        self.arms.insert(deployment.clone(), arm);
        Learned(self.seen)
    }

    /// A score that was learned turns out to be another one: as if it had been that from the beginning.
    pub fn revise(&mut self, deployment: &DeploymentId, x: &Features, (learned, old, new): (Learned, f64, f64)) {
        let Some(arm) = self.arms.get_mut(deployment) else { return };
        // Both fade together: what is left of the old one is what the new one may count.
        let left = kept(arm.at.saturating_sub(learned.0));
        for (value, x) in arm.b.iter_mut().zip(x) {
            *value += left * x * (new - old);
        }
    }

    /// What is believed of `deployment` for a request that looks like `x`.
    pub fn belief(&self, deployment: &DeploymentId, x: &Features) -> Belief {
        self.arms.get(deployment).map_or(Arm::NEW, |arm| arm.faded(self.seen)).belief(x)
    }

    /// Scores behind what is believed of `deployment`, less what has faded.
    pub fn weight(&self, deployment: &DeploymentId) -> f64 {
        self.arms.get(deployment).map_or(0.0, |arm| arm.faded(self.seen).weight())
    }

    /// The request that was scored on the average; a short question if none was.
    pub fn usual(&self) -> Features {
        let mut sum = [0.0; SIZE];
        for arm in self.arms.values().map(|arm| arm.faded(self.seen)) {
            sum.iter_mut().zip(arm.a[0]).for_each(|(sum, value)| *sum += value);
        }
        if sum[0] > 0.0 { sum.map(|value| value / sum[0]) } else { features(&Signals::default()) }
    }

    /// Forgets whoever is not `kept`.
    pub fn retain(&mut self, mut kept: impl FnMut(&DeploymentId) -> bool) {
        self.arms.retain(|deployment, _| kept(deployment));
    }

    /// Scores so far.
    pub fn seen(&self) -> u64 {
        self.seen
    }
}

fn dot(left: &Features, right: &Features) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

/// The solution of `a · x = b`; `a` is positive definite, because every diagonal has its share of the prior.
fn solve(a: &[[f64; SIZE]; SIZE], b: &Features) -> Features {
    let (mut a, mut x) = (*a, *b);
    for at in 0..SIZE {
        let pivot = a[at];
        for below in at + 1..SIZE {
            let factor = a[below][at] / pivot[at];
            for (value, above) in a[below].iter_mut().zip(&pivot) {
                *value -= factor * above;
            }
            x[below] -= factor * x[at];
        }
    }
    for at in (0..SIZE).rev() {
        let known: f64 = (at + 1..SIZE).map(|later| a[at][later] * x[later]).sum();
        x[at] = (x[at] - known) / a[at][at];
    }
    x
}

/// Of each belief, the share of calls that it gets: whoever is believed best all of them but `explore`, which are shared out
/// by the chance of being the best. Of equals the first counts as the best.
pub(super) fn shares(beliefs: &[Belief], explore: f64) -> Vec<f64> {
    let best = (0..beliefs.len()).rev().max_by(|a, b| beliefs[*a].mean.total_cmp(&beliefs[*b].mean));
    let Some(best) = best else { return Vec::new() };
    let mut shares: Vec<f64> = if explore > 0.0 {
        chances(beliefs).into_iter().map(|chance| chance * explore).collect()
    } else {
        vec![0.0; beliefs.len()]
    };
    shares[best] += 1.0 - explore;
    shares
}

/// The middles of sixteen equal shares of a standard normal distribution.
const QUANTILES: [f64; 16] = [
    -1.862_731_9,
    -1.318_010_9,
    -1.009_990_2,
    -0.776_421_8,
    -0.579_132_2,
    -0.402_250_1,
    -0.237_202_1,
    -0.078_412_4,
    0.078_412_4,
    0.237_202_1,
    0.402_250_1,
    0.579_132_2,
    0.776_421_8,
    1.009_990_2,
    1.318_010_9,
    1.862_731_9,
];

/// Of each belief, the chance that it is the best one: the mean, over its possible values, of the chance that all others are
/// below.
fn chances(beliefs: &[Belief]) -> Vec<f64> {
    let below = |value: f64, other: &Belief| normal((value - other.mean) / other.sd.max(f64::EPSILON));
    let one = |at: usize| -> f64 {
        let others = || beliefs.iter().enumerate().filter(move |(other, _)| *other != at);
        let value = |z: &f64| beliefs[at].mean + z * beliefs[at].sd;
        QUANTILES.iter().map(|z| others().map(|(_, other)| below(value(z), other)).product::<f64>()).sum()
    };
    let chances: Vec<f64> = (0..beliefs.len()).map(one).collect();
    let whole: f64 = chances.iter().sum();
    let even = 1.0 / beliefs.len().max(1) as f64;
    chances.into_iter().map(|chance| if whole > 0.0 { chance / whole } else { even }).collect()
}

/// The standard normal distribution up to `z` (Abramowitz and Stegun 26.2.17; off by less than 10⁻⁷).
fn normal(z: f64) -> f64 {
    const SERIES: [f64; 5] = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let series = SERIES.iter().rev().fold(0.0, |sum, factor| (sum + factor) * t);
    let tail = (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt() * series;
    if z < 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    const SHORT: Features = [1.0, 0.3, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0];
    const TOOLS: Features = [1.0, 0.3, 1.0, 0.0, 0.5, 0.0, 0.0, 0.0];

    fn id(name: &str) -> DeploymentId {
        name.into()
    }

    #[test]
    fn scores_narrow_a_belief_and_tell_kinds_of_requests_apart() {
        let mut bandit = Bandit::default();
        let before = bandit.belief(&id("a"), &SHORT);
        for _ in 0..200 {
            bandit.learn(&id("a"), &SHORT, 0.9);
            bandit.learn(&id("a"), &TOOLS, 0.3);
        }
        let (short, tools) = (bandit.belief(&id("a"), &SHORT), bandit.belief(&id("a"), &TOOLS));
        assert!((short.mean - 0.9).abs() < 0.03 && (tools.mean - 0.3).abs() < 0.03, "{short:?} {tools:?}");
        assert!(short.sd < before.sd / 5.0, "{before:?} {short:?}");
    }

    #[test]
    fn a_score_that_is_corrected_counts_as_if_it_had_been_so_from_the_beginning() {
        let (mut corrected, mut right) = (Bandit::default(), Bandit::default());
        let learned = corrected.learn(&id("a"), &TOOLS, 1.0);
        right.learn(&id("a"), &TOOLS, 0.25);
        for bandit in [&mut corrected, &mut right] {
            (0..50).for_each(|_| _ = bandit.learn(&id("b"), &SHORT, 0.5));
            (0..3).for_each(|_| _ = bandit.learn(&id("a"), &SHORT, 0.75));
        }
        corrected.revise(&id("a"), &TOOLS, (learned, 1.0, 0.25));
        corrected.revise(&id("nobody"), &TOOLS, (learned, 1.0, 0.25));
        let (one, other) = (corrected.belief(&id("a"), &TOOLS), right.belief(&id("a"), &TOOLS));
        assert!((one.mean - other.mean).abs() < 1e-9 && (one.sd - other.sd).abs() < 1e-9, "{one:?} {other:?}");
    }

    #[test]
    fn nothing_is_known_of_somebody_new_and_of_somebody_forgotten() {
        let mut bandit = Bandit::default();
        let fresh = bandit.belief(&id("a"), &SHORT);
        assert!((fresh.mean - MIDDLE).abs() < 1e-9 && (0.3..0.36).contains(&fresh.sd), "{fresh:?}");
        assert_eq!(bandit.usual().map(f64::to_bits), features(&Signals::default()).map(f64::to_bits));
        (0..20).for_each(|_| _ = bandit.learn(&id("a"), &TOOLS, 0.9));
        assert!((19.0..20.0).contains(&bandit.weight(&id("a"))) && bandit.weight(&id("b")) == 0.0);
        assert!((bandit.usual()[2] - 1.0).abs() < 1e-9);
        bandit.retain(|deployment| deployment.as_str() != "a");
        assert_eq!((bandit.belief(&id("a"), &SHORT), bandit.seen()), (fresh, 20));
    }

    #[test]
    fn what_was_learned_fades_and_is_asked_again() {
        let mut bandit = Bandit::default();
        (0..200).for_each(|_| _ = bandit.learn(&id("a"), &SHORT, 0.1));
        let then = bandit.belief(&id("a"), &SHORT);
        (0..5_000).for_each(|_| _ = bandit.learn(&id("b"), &SHORT, 0.6));
        let now = bandit.belief(&id("a"), &SHORT);
        assert!(now.sd > 4.0 * then.sd && (now.mean - 0.5).abs() < 0.05, "{then:?} {now:?}");
        // A model that has changed is believed within some hundred scores.
        (0..400).for_each(|_| _ = bandit.learn(&id("b"), &SHORT, 0.2));
        (0..400).for_each(|_| _ = bandit.learn(&id("b"), &SHORT, 0.2));
        assert!(bandit.belief(&id("b"), &SHORT).mean < 0.3);
    }

    #[test]
    fn exploring_is_bounded_and_goes_where_the_best_may_be() {
        let beliefs = [Belief { mean: 0.8, sd: 0.05 }, Belief { mean: 0.75, sd: 0.2 }, Belief { mean: 0.3, sd: 0.05 }];
        let shares = shares(&beliefs, 0.1);
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(shares[0] >= 0.9 && shares[1] > 0.02 && shares[2] < 0.001, "{shares:?}");
        assert_eq!(super::shares(&beliefs, 0.0), [1.0, 0.0, 0.0]);
        assert_eq!(super::shares(&[Belief::default(); 2], 0.0), [1.0, 0.0]);
        assert!(super::shares(&[], 0.1).is_empty());
    }

    #[test]
    fn chances_are_those_of_drawing_from_the_beliefs() {
        let beliefs = [Belief { mean: 0.5, sd: 0.2 }, Belief { mean: 0.6, sd: 0.1 }, Belief { mean: 0.4, sd: 0.3 }];
        let mut rng = Rng::with_seed(3);
        let mut gauss = || (-2.0 * rng.f64().max(1e-12).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos();
        let mut wins = [0_u32; 3];
        for _ in 0..40_000 {
            let draws: Vec<f64> = beliefs.iter().map(|belief| belief.mean + belief.sd * gauss()).collect();
            wins[(0..3).max_by(|a, b| draws[*a].total_cmp(&draws[*b])).unwrap()] += 1;
        }
        for (chance, won) in chances(&beliefs).iter().zip(wins) {
            assert!((chance - f64::from(won) / 40_000.0).abs() < 0.02, "{:?} {wins:?}", chances(&beliefs));
        }
    }

    #[test]
    fn it_finds_the_better_one_and_follows_a_change() {
        let (mut bandit, mut rng) = (Bandit::default(), Rng::with_seed(11));
        let names = ["a", "b", "c"].map(id);
        let mut run = |bandit: &mut Bandit, good: usize| -> usize {
            let mut right = 0;
            for step in 0..3_000 {
                let beliefs: Vec<Belief> = names.iter().map(|name| bandit.belief(name, &SHORT)).collect();
                let mut draw = rng.f64();
                let chosen = shares(&beliefs, 0.1).iter().position(|share| {
                    draw -= share;
                    draw < 0.0
                });
                let chosen = chosen.unwrap_or(0);
                let hit = rng.f64() < if chosen == good { 0.8 } else { 0.55 };
                bandit.learn(&names[chosen], &SHORT, f64::from(u8::from(hit)));
                right += usize::from(step >= 2_000 && chosen == good);
            }
            right
        };
        assert!(run(&mut bandit, 2) > 850);
        assert!(run(&mut bandit, 0) > 850);
    }
}
