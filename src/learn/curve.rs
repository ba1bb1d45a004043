//! `RouteLLM`'s measures: quality over the share of calls that go to the strong model, at eleven thresholds on the deciles of the
//! predicted win rate; the average gap recovered (APGR) and the calls needed to recover a part of it (CPT).
//!
//! Published figures come from `pandas.qcut` (of pandas 2) and `numpy.interp`, so their arithmetic is repeated here to the last
//! bit that matters: a threshold that falls on a value by rounding decides whether a tenth of the prompts is in or out.

use serde::{Deserialize, Serialize};

/// Bins of the published protocol; one threshold more.
const BINS: u32 = 10;

/// What one answer was worth, and what it cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Served {
    /// Between 0 and 1, as the data set scores it.
    pub quality: f64,
    /// In the unit of the data set.
    pub cost: f64,
}

/// One prompt as a predictor of win rates sees it.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// How likely the strong model is to be worth its price.
    pub win: f64,
    /// The weak model's answer.
    pub weak: Served,
    /// The strong model's answer.
    pub strong: Served,
}

/// One way of running a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The share of calls to the strong model, 0 to 1.
    pub strong: f64,
    /// Mean quality.
    pub quality: f64,
    /// Mean cost of a prompt.
    pub cost: f64,
}

/// The curve of samples that are sorted by rising `win`, from few calls of the strong model to all.
pub fn curve(samples: &[Sample]) -> Vec<Point> {
    let total = samples.len();
    let sums = Sums::of(samples);
    let thresholds = thresholds(samples);
    let last = thresholds.len().saturating_sub(1);
    let first_above = |(at, threshold): (usize, &f64)| {
        // Only the topmost threshold excludes its own value: with it nothing goes to the strong model.
        let below = |sample: &Sample| sample.win < *threshold || (at == last && sample.win <= *threshold);
        samples.partition_point(below)
    };
    thresholds.iter().enumerate().rev().map(first_above).map(|split| sums.point(split, total)).collect()
}

/// What the answers up to each prompt add up to, so that each threshold costs one look-up.
struct Sums {
    weak: Vec<Served>,
    strong: Vec<Served>,
}

impl Sums {
    fn of(samples: &[Sample]) -> Self {
        let running = |served: fn(&Sample) -> Served| {
            let mut sum = Served::default();
            let mut sums = vec![sum];
            for sample in samples {
                let one = served(sample);
                sum = Served { quality: sum.quality + one.quality, cost: sum.cost + one.cost };
                sums.push(sum);
            }
            sums
        };
        Self { weak: running(|sample| sample.weak), strong: running(|sample| sample.strong) }
    }

    /// The weak model answers the first `split` prompts, the strong one the rest.
    fn point(&self, split: usize, total: usize) -> Point {
        let n = total as f64;
        let (weak, strong, all) = (self.weak[split], self.strong[split], self.strong[total]);
        Point {
            strong: (total - split) as f64 / n,
            quality: (weak.quality + all.quality - strong.quality) / n,
            cost: (weak.cost + all.cost - strong.cost) / n,
        }
    }
}

/// The edges of ten bins of equal size, rising, each once.
fn thresholds(samples: &[Sample]) -> Vec<f64> {
    let mut edges: Vec<f64> = (0..=BINS).filter_map(|bin| quantile(samples, bin)).collect();
    edges.dedup();
    edges
}

/// The value below which so many tenths lie; between two values the way `numpy` goes between them.
fn quantile(samples: &[Sample], tenths: u32) -> Option<f64> {
    let step = 1.0 / f64::from(BINS);
    let part = if tenths == BINS { 1.0 } else { f64::from(tenths) * step * 100.0 / 100.0 };
    let place = part * samples.len().checked_sub(1)? as f64;
    let at = place.floor();
    let t = place - at;
    let low = samples.get(at as usize)?.win;
    let high = samples.get(at as usize + 1).map_or(low, |sample| sample.win);
    let between = high - low;
    Some(if t >= 0.5 { high - between * (1.0 - t) } else { low + between * t })
}

/// The average share of the gap between the weak and the strong model that the curve recovers; none where there is no gap or
/// no curve.
pub fn apgr(curve: &[Point], weak: f64, strong: f64) -> Option<f64> {
    let width = curve.last()?.strong - curve.first()?.strong;
    let whole = (strong - weak) * width;
    let area = area(curve.iter().map(|point| (point.strong, point.quality)));
    let apgr = (area - weak * width) / whole;
    (whole != 0.0 && apgr.is_finite()).then_some(apgr)
}

/// The percentage of calls to the strong model that recovers this `share` of the gap.
pub fn cpt(curve: &[Point], weak: f64, strong: f64, share: f64) -> Option<f64> {
    let gap = strong - weak;
    if curve.len() < 2 || gap.abs() <= 0.0 {
        return None;
    }
    let (weak, strong) = (100.0 * weak, 100.0 * strong);
    let quality: Vec<f64> = curve.iter().map(|point| 100.0 * point.quality).collect();
    let calls: Vec<f64> = curve.iter().map(|point| 100.0 * point.strong).collect();
    Some(interpolate(share * (strong - weak) + weak, &quality, &calls))
}

/// The area under a line through `points`, by trapezia.
pub fn area(points: impl Iterator<Item = (f64, f64)>) -> f64 {
    let mut before: Option<(f64, f64)> = None;
    points.fold(0.0, |sum, (x, y)| {
        let piece = before.map_or(0.0, |(x0, y0)| (x - x0) * (y + y0) / 2.0);
        before = Some((x, y));
        sum + piece
    })
}

/// The value at `key` of the line through (`xs`, `ys`), as `numpy.interp` finds it. A quality curve need not rise everywhere,
/// and then the answer depends on how one searches; published figures depend on it, so the search is the same.
#[expect(clippy::float_cmp, reason = "published figures depend on the exact search of `numpy.interp`")]
fn interpolate(key: f64, xs: &[f64], ys: &[f64]) -> f64 {
    let last = xs.len() - 1;
    if key > xs[last] {
        return ys[last];
    }
    if key < xs[0] {
        return ys[0];
    }
    let at = segment(key, xs);
    if at >= last || xs[at] == key {
        return ys[at.min(last)];
    }
    (ys[at + 1] - ys[at]) / (xs[at + 1] - xs[at]) * (key - xs[at]) + ys[at]
}

/// The segment in which `key` is looked for: few points one by one, more by looking at the first ones and then by halves.
fn segment(key: f64, xs: &[f64]) -> usize {
    if xs.len() <= 4 {
        return (1..xs.len()).find(|at| key < xs[*at]).unwrap_or(xs.len()) - 1;
    }
    if key < xs[1] {
        return 0;
    }
    if let Some(near) = (1..3).find(|at| key < xs[at + 1]) {
        return near;
    }
    // The search goes on among the next few if the answer is there.
    let near = 9;
    let (mut low, mut high) = (3, if xs.len() > near + 1 && key < xs[near] { near } else { xs.len() });
    while low < high {
        let middle = low + (high - low) / 2;
        if key >= xs[middle] { low = middle + 1 } else { high = middle }
    }
    low - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(rows: &[(f64, f64, f64)]) -> Vec<Sample> {
        let served = |quality, cost| Served { quality, cost };
        rows.iter()
            .map(|(win, weak, strong)| Sample { win: *win, weak: served(*weak, 1.0), strong: served(*strong, 5.0) })
            .collect()
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    #[test]
    fn a_curve_starts_with_the_weak_model_alone_and_ends_with_the_strong_one() {
        let rows: Vec<(f64, f64, f64)> = (0..20).map(|at| (f64::from(at), 0.25, 0.75)).collect();
        let curve = curve(&samples(&rows));
        assert_eq!(curve.len(), 11);
        assert_eq!(curve[0], Point { strong: 0.0, quality: 0.25, cost: 1.0 });
        assert_eq!(curve[10], Point { strong: 1.0, quality: 0.75, cost: 5.0 });
        close(apgr(&curve, 0.25, 0.75).unwrap(), 0.5);
        close(cpt(&curve, 0.25, 0.75, 0.5).unwrap(), 50.0);
    }

    #[test]
    fn a_predictor_that_knows_recovers_the_gap_first() {
        // Ten prompts; the strong model helps on the two that are predicted highest.
        let rows: Vec<(f64, f64, f64)> = (0..10).map(|at| (f64::from(at), 0.0, f64::from(at >= 8))).collect();
        let curve = curve(&samples(&rows));
        let found: Vec<(f64, f64)> = curve.iter().map(|point| (point.strong, point.quality)).collect();
        let expected = [(0.0, 0.0), (0.1, 0.1), (0.2, 0.2), (0.3, 0.2), (0.4, 0.2), (0.5, 0.2), (0.6, 0.2)];
        for (found, expected) in found.iter().zip(expected) {
            close(found.0, expected.0);
            close(found.1, expected.1);
        }
        // The triangle up to 0.2 lacks half of it: (1 − 0.1).
        close(apgr(&curve, 0.0, 0.2).unwrap(), 0.9);
        close(cpt(&curve, 0.0, 0.2, 0.5).unwrap(), 10.0);
    }

    #[test]
    fn values_that_repeat_give_fewer_thresholds() {
        let curve = curve(&samples(&[(0.0, 0.0, 1.0), (0.0, 0.0, 1.0), (1.0, 0.0, 1.0), (1.0, 0.0, 1.0)]));
        let shares: Vec<f64> = curve.iter().map(|point| point.strong).collect();
        assert_eq!(shares, [0.0, 0.5, 0.5, 0.5, 1.0]);
    }

    #[test]
    fn where_nothing_differs_there_is_nothing_to_recover() {
        let constant = curve(&samples(&[(0.5, 0.0, 1.0), (0.5, 0.0, 1.0)]));
        assert_eq!((apgr(&constant, 0.0, 1.0), cpt(&constant, 0.0, 1.0, 0.5)), (None, None));
        let same = curve(&samples(&[(0.1, 1.0, 1.0), (0.5, 1.0, 1.0)]));
        assert_eq!((apgr(&same, 1.0, 1.0), cpt(&same, 1.0, 1.0, 0.5)), (None, None));
        assert!(curve(&[]).is_empty());
    }

    #[test]
    fn a_line_is_read_between_its_points_and_held_beyond_them() {
        let (xs, ys) = ([0.0, 1.0, 3.0, 4.0, 6.0], [0.0, 10.0, 30.0, 50.0, 60.0]);
        let found: Vec<f64> = [-1.0, 0.5, 2.0, 4.0, 5.0, 9.0].iter().map(|key| interpolate(*key, &xs, &ys)).collect();
        assert_eq!(found, [0.0, 5.0, 20.0, 50.0, 55.0, 60.0]);
    }
}
