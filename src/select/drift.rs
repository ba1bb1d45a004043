//! Is the traffic still like the prompts of the calibration? An alarm that nearly never rings while it is, whatever it is like.
//!
//! Of each request a few numbers are looked at: how good the strong model is predicted to be, what a cheaper one is predicted
//! to lose, how far the prompt is from what the prompts were about, and where the user scores answers, how far the score is from
//! the prediction. Each is ranked among all that were seen before, those of the calibration included. While requests come
//! from one source in no particular order, these ranks are independent and even over 0 to 1, whatever the source is like:
//! a conformal test. A gambler stakes on their being uneven (towards an end, or towards both), someone new joins with
//! one coin at each request (the procedure of Shiryaev and Roberts, over conformal martingales as in Vovk et al., arXiv
//! 2102.10439), and the alarm rings when together they own as much as [`CALLS`] coins. As nobody wins on average, that takes
//! [`CALLS`] requests on average at least, and within N requests it happens with a probability of at most N / [`CALLS`].

use serde::{Deserialize, Serialize};

/// A false alarm comes no sooner than after so many requests on average, and in ten thousand with a chance of at most 1 %.
pub const CALLS: f64 = 1e6;

/// Values are told apart by this much of their range: far finer than what a change moves.
const BINS: usize = 2_048;
/// The range of values: a predicted score is hardly outside, and one that is counts as at the end.
const RANGE: (f64, f64) = (-1.0, 2.0);
/// What gamblers stake: on low ranks, on high ones, on the ends, on the middle, each lightly and boldly.
const STAKES: [Stake; 8] = [
    Stake { side: 1.8, ends: 0.0 },
    Stake { side: 0.6, ends: 0.0 },
    Stake { side: -1.8, ends: 0.0 },
    Stake { side: -0.6, ends: 0.0 },
    Stake { side: 0.0, ends: 0.9 },
    Stake { side: 0.0, ends: 0.3 },
    Stake { side: 0.0, ends: -0.9 },
    Stake { side: 0.0, ends: -0.3 },
];

/// What is looked at, by the order of the numbers of a request.
pub const SERIES: [&str; 4] = ["strong", "loss", "topic", "error"];

/// What the calibration's prompts were like: of each of [`SERIES`] how many fell where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// For each series bins and their counts.
    pub counts: Vec<Vec<(u32, u32)>>,
    /// The mean of the prompts' embeddings, of length 1; empty where there are none.
    pub topic: Vec<f32>,
}

/// The numbers of a request, in the order of [`SERIES`].
pub type Look = [Option<f64>; SERIES.len()];

impl Reference {
    /// From the numbers of each prompt.
    pub fn of(looks: &[Look], topic: Vec<f32>) -> Self {
        let count = |series: usize| {
            let mut counts = vec![0; BINS];
            looks.iter().filter_map(|look| look[series]).for_each(|value| counts[bin(value)] += 1);
            (0_u32..).zip(counts).filter(|(_, count)| *count > 0).collect()
        };
        Self { counts: (0..SERIES.len()).map(count).collect(), topic }
    }

    /// How near a prompt is to what the prompts were about, −1 to 1. Its embedding has length 1, or none.
    pub fn near(&self, embedding: &[f32]) -> Option<f64> {
        let same = !self.topic.is_empty() && self.topic.len() == embedding.len();
        same.then(|| self.topic.iter().zip(embedding).map(|(a, b)| f64::from(a * b)).sum())
    }
}

/// The alarm of one guarantee.
#[derive(Clone, Debug)]
pub struct Alarm {
    tracks: Vec<Track>,
    seen: u64,
    rang: Option<Rang>,
}

/// When it rang, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rang {
    /// After so many requests.
    pub after: u64,
    /// Which of [`SERIES`] was no longer what it had been.
    pub series: &'static str,
}

impl Alarm {
    /// An alarm that has seen the calibration's prompts, and nothing since.
    pub fn new(reference: &Reference) -> Self {
        let track = |series: usize| Track::new(reference.counts.get(series).map_or(&[], Vec::as_slice));
        Self { tracks: (0..SERIES.len()).map(track).collect(), seen: 0, rang: None }
    }

    /// Takes a request in. `chance` is an even draw from 0 to 1, for ranks of equal values. Whether it rang just now.
    pub fn see(&mut self, look: &Look, chance: f64) -> bool {
        self.seen += 1;
        let most = CALLS * SERIES.len() as f64;
        for (track, (value, series)) in self.tracks.iter_mut().zip(look.iter().zip(SERIES)) {
            let Some(value) = value.filter(|value| value.is_finite()) else { continue };
            if track.see(value, chance) >= most && self.rang.is_none() {
                self.rang = Some(Rang { after: self.seen, series });
                return true;
            }
        }
        false
    }

    /// When it rang. It does not stop by itself: only a new calibration tells what is true now.
    pub fn rang(&self) -> Option<Rang> {
        self.rang
    }

    /// Requests that it has seen.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// How near it is to ringing, 0 to 1, by the logarithm: 0.5 is half the evidence that it takes.
    pub fn evidence(&self) -> f64 {
        let most = self.tracks.iter().map(|track| track.coins.iter().sum::<f64>()).fold(1.0, f64::max);
        (most.ln() / (CALLS * SERIES.len() as f64).ln()).min(1.0)
    }
}

/// One series.
#[derive(Clone, Debug)]
struct Track {
    /// How many values fell into each bin or, as sums over powers of two, into those before it.
    tree: Vec<u32>,
    total: u32,
    /// Whether the calibration had any: without it there is nothing to compare to.
    known: bool,
    /// What each gambler owns.
    coins: [f64; STAKES.len()],
}

#[derive(Clone, Copy, Debug)]
struct Stake {
    side: f64,
    ends: f64,
}

impl Stake {
    /// What one coin becomes at this rank; one on average.
    fn pays(self, rank: f64) -> f64 {
        1.0 + self.side * (rank - 0.5) + self.ends * (2.0 * (2.0 * rank - 1.0).abs() - 1.0)
    }
}

impl Track {
    fn new(counts: &[(u32, u32)]) -> Self {
        let mut track =
            Self { tree: vec![0; BINS + 1], total: 0, known: !counts.is_empty(), coins: [0.0; STAKES.len()] };
        for (bin, count) in counts {
            track.add((*bin as usize).min(BINS - 1), *count);
        }
        track
    }

    /// Ranks a value among those before it and itself, lets the gamblers win or lose, and says what they own together.
    fn see(&mut self, value: f64, chance: f64) -> f64 {
        if !self.known || self.total == u32::MAX {
            return 0.0;
        }
        let bin = bin(value);
        let below = self.below(bin);
        self.add(bin, 1);
        let equal = self.below(bin + 1) - below;
        let rank = (f64::from(below) + chance * f64::from(equal)) / f64::from(self.total);
        let join = 1.0 / STAKES.len() as f64;
        for (coins, stake) in self.coins.iter_mut().zip(STAKES) {
            *coins = (*coins + join) * stake.pays(rank);
        }
        self.coins.iter().sum()
    }

    fn add(&mut self, bin: usize, count: u32) {
        let mut at = bin + 1;
        while at <= BINS {
            self.tree[at] = self.tree[at].saturating_add(count);
            at += at & at.wrapping_neg();
        }
        self.total = self.total.saturating_add(count);
    }

    /// How many are in the bins before this one.
    fn below(&self, bin: usize) -> u32 {
        let (mut at, mut sum) = (bin, 0_u32);
        while at > 0 {
            sum = sum.saturating_add(self.tree[at]);
            at &= at - 1;
        }
        sum
    }
}

fn bin(value: f64) -> usize {
    let part = (value - RANGE.0) / (RANGE.1 - RANGE.0);
    ((part * BINS as f64) as usize).min(BINS - 1)
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    /// A prompt of some traffic: scores crowd near 0.8, and some are equal.
    fn look(rng: &mut Rng, shift: f64) -> Look {
        let strong = (0.8 + 0.1 * (rng.f64() + rng.f64() - 1.0) + shift).min(0.95);
        let loss = if rng.bool() { 0.0 } else { 0.2 * rng.f64() + shift };
        [Some(strong), Some(loss), None, None]
    }

    fn alarm(rng: &mut Rng, prompts: usize) -> Alarm {
        let looks: Vec<Look> = (0..prompts).map(|_| look(rng, 0.0)).collect();
        Alarm::new(&Reference::of(&looks, Vec::new()))
    }

    #[test]
    fn traffic_like_the_calibration_does_not_ring() {
        // 60 runs of 5,000 requests, after few and many prompts: at N / CALLS a run rings in 1 of 200 at most.
        let rang = |seed: u64| {
            let mut rng = Rng::with_seed(seed);
            let mut alarm = alarm(&mut rng, if seed.is_multiple_of(2) { 60 } else { 2_000 });
            (0..5_000).any(|_| alarm.see(&look(&mut rng, 0.0), rng.f64()))
        };
        let count = (0..60).filter(|seed| rang(*seed)).count();
        assert!(count <= 2, "{count} of 60");
    }

    #[test]
    fn the_gamblers_own_as_many_coins_as_joined_on_average() {
        // E[coins after N] = N, the whole reason why the alarm keeps its promise. Short, so that the mean is steady.
        let mut rng = Rng::with_seed(5);
        let (runs, requests) = (4_000, 12);
        let mut total = 0.0;
        for _ in 0..runs {
            let mut track = Track::new(&[]);
            track.known = true;
            let last = (0..requests).map(|_| track.see(rng.f64() * rng.f64(), rng.f64())).last();
            total += last.unwrap_or_default();
        }
        let mean = total / f64::from(runs);
        assert!((mean - f64::from(requests)).abs() < 1.0, "{mean}");
    }

    #[test]
    fn other_traffic_rings_soon_also_after_a_long_peace() {
        for (shift, within) in [(-0.1, 150), (0.05, 600)] {
            let mut rng = Rng::with_seed(11);
            let mut alarm = alarm(&mut rng, 2_000);
            for _ in 0..20_000 {
                alarm.see(&look(&mut rng, 0.0), rng.f64());
            }
            assert_eq!(alarm.rang(), None);
            let after = (1..=within).find(|_| alarm.see(&look(&mut rng, shift), rng.f64()));
            assert!(after.is_some(), "a shift by {shift} is not noticed in {within} requests");
            let told = alarm.rang().unwrap();
            assert!(told.after > 20_000 && SERIES.contains(&told.series));
            assert!((alarm.evidence() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn what_was_never_calibrated_says_nothing() {
        let mut alarm = Alarm::new(&Reference::default());
        assert!(!(0..500).any(|_| alarm.see(&[Some(5.0), Some(f64::NAN), Some(-9.0), None], 0.5)));
        assert_eq!((alarm.seen(), alarm.evidence()), (500, 0.0));
    }

    #[test]
    fn nearness_needs_embeddings_of_one_length() {
        let reference = Reference::of(&[], vec![0.6, 0.8]);
        assert_eq!(reference.near(&[0.0, 1.0, 0.0]), None);
        assert!(reference.near(&[0.6, 0.8]).is_some_and(|near| (near - 1.0).abs() < 1e-6));
        assert_eq!(Reference::default().near(&[1.0]), None);
    }
}
