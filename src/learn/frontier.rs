//! The plane of cost and quality: `RouterBench`'s hull and the area under it (AIQ), and what a given quality costs.

use super::curve::{Point, area};

/// The hull over the points that never falls: what mixing them at random can reach at each cost.
pub fn hull(points: &[Point]) -> Vec<Point> {
    let mut sorted = points.to_vec();
    // Of two points of one cost the better one counts.
    sorted.sort_by(|a, b| a.cost.total_cmp(&b.cost).then(b.quality.total_cmp(&a.quality)));
    sorted.dedup_by(|later, earlier| later.cost <= earlier.cost);
    let mut hull: Vec<Point> = Vec::new();
    for point in sorted {
        if hull.last().is_some_and(|last| point.quality < last.quality) {
            continue;
        }
        while let [.., before, last] = hull[..]
            && rise(before, last) <= rise(last, point)
        {
            hull.pop();
        }
        hull.push(point);
    }
    hull
}

fn rise(from: Point, to: Point) -> f64 {
    (to.quality - from.quality) / (to.cost - from.cost)
}

/// The mean quality over costs up to `most`: the area under the hull, held level to its right and nothing to its left, over
/// `most`. Strategies that are compared share one `most`.
pub fn aiq(points: &[Point], most: f64) -> Option<f64> {
    let hull = hull(points);
    let last = *hull.last()?;
    let line = hull.iter().map(|point| (point.cost, point.quality)).chain([(most, last.quality)]);
    (most > 0.0).then(|| area(line) / most)
}

/// How much less than the best single model costs the cheapest way along `points`, and from their end on to the best model,
/// that reaches the share `at` of the best model's quality.
pub fn saving(points: &[Point], best: Point, at: f64) -> Option<f64> {
    let target = at * best.quality;
    let line: Vec<Point> = points.iter().copied().chain([best]).collect();
    let ends = line.iter().filter(|point| point.quality >= target).map(|point| point.cost);
    let crossings = line.windows(2).filter_map(|pair| crossing(pair[0], pair[1], target));
    let cheapest = ends.chain(crossings).min_by(f64::total_cmp)?;
    (best.cost > 0.0).then(|| 1.0 - cheapest / best.cost)
}

/// The cost at which the line between two points has this quality.
fn crossing(from: Point, to: Point, target: f64) -> Option<f64> {
    let (below, above) = if from.quality < to.quality { (from, to) } else { (to, from) };
    let between = below.quality < target && target < above.quality;
    between.then(|| below.cost + (above.cost - below.cost) * (target - below.quality) / (above.quality - below.quality))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(cost: f64, quality: f64) -> Point {
        Point { strong: 0.0, quality, cost }
    }

    fn close(found: Option<f64>, expected: f64) {
        assert!(found.is_some_and(|found| (found - expected).abs() < 1e-12), "{found:?} is not {expected}");
    }

    #[test]
    fn a_hull_leaves_out_what_mixing_beats() {
        let points = [at(4.0, 0.8), at(0.0, 0.2), at(2.0, 0.3), at(1.0, 0.6), at(5.0, 0.7)];
        assert_eq!(hull(&points), [at(0.0, 0.2), at(1.0, 0.6), at(4.0, 0.8)]);
        assert_eq!(hull(&[at(1.0, 0.2), at(1.0, 0.6)]), [at(1.0, 0.6)]);
    }

    #[test]
    fn aiq_is_the_mean_height_of_the_hull() {
        // 0.4 + 2.1 up to a cost of 4, and 0.8 level up to 5.
        close(aiq(&[at(0.0, 0.2), at(1.0, 0.6), at(4.0, 0.8)], 5.0), (0.4 + 2.1 + 0.8) / 5.0);
        close(aiq(&[at(1.0, 0.5)], 2.0), 0.25);
        assert_eq!(aiq(&[], 1.0), None);
        assert_eq!(aiq(&[at(0.0, 0.5)], 0.0), None);
    }

    #[test]
    fn a_saving_is_where_the_line_first_reaches_the_quality() {
        let best = at(10.0, 1.0);
        close(saving(&[at(1.0, 0.5), at(4.0, 0.9), at(10.0, 1.0)], best, 0.95), 0.3);
        // A point that is good enough counts as it is; one that is not is mixed with the best model.
        close(saving(&[at(4.0, 0.97)], best, 0.95), 0.6);
        close(saving(&[at(4.0, 0.9)], best, 0.95), 0.3);
        // The best model alone is always there.
        close(saving(&[at(20.0, 0.97)], best, 0.95), 0.0);
        assert_eq!(saving(&[at(0.0, 1.0)], at(0.0, 1.0), 0.95), None);
    }
}
