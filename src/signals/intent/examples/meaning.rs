//! What is meant: how near the point of a sentence ([`crate::signals::embedding`]) is to those of the phrases.
//!
//! The middle of an intent's phrases says what they have in common, the nearest one of them what is special; half each.

use crate::signals::embedding::{DIMENSIONS, Point, embed, likeness, unit};

/// The intents in which the nearest phrase is looked for; of the others the middle must do. They are those that may win.
const LOOKED_INTO: usize = 10;

/// Points of phrases.
#[derive(Clone, Debug, Default)]
pub(super) struct Meaning {
    intents: Vec<Points>,
}

#[derive(Clone, Debug)]
struct Points {
    middle: Point,
    phrases: Vec<Point>,
}

impl Meaning {
    /// Of each intent's phrases.
    pub(super) fn new(intents: &[(String, Vec<String>)]) -> Self {
        let points = |(_, phrases): &(String, Vec<String>)| {
            let phrases: Vec<Point> = phrases.iter().map(|phrase| embed(phrase)).collect();
            let mut middle = [0.0; DIMENSIONS];
            for point in &phrases {
                middle.iter_mut().zip(point).for_each(|(sum, x)| *sum += x);
            }
            Points { middle: unit(middle), phrases }
        };
        Self { intents: intents.iter().map(points).collect() }
    }

    /// Adds to `scores` how near `point` is to each intent, times `share`.
    pub(super) fn add(&self, point: &Point, mut scores: Vec<f64>, share: f64) -> Vec<f64> {
        let middles: Vec<f64> = self.intents.iter().map(|intent| likeness(point, &intent.middle)).collect();
        for (score, middle) in scores.iter_mut().zip(&middles) {
            *score += share * middle;
        }
        let mut order: Vec<usize> = (0..scores.len()).collect();
        if order.len() > LOOKED_INTO {
            order.select_nth_unstable_by(LOOKED_INTO - 1, |a, b| scores[*b].total_cmp(&scores[*a]));
            order.truncate(LOOKED_INTO);
        }
        for at in order {
            let near = self.intents[at].phrases.iter().map(|phrase| likeness(point, phrase));
            let nearest = near.fold(f64::MIN, f64::max).max(middles[at]);
            scores[at] += share / 2.0 * (nearest - middles[at]);
        }
        scores
    }
}
