//! The shipped weights: a small file that `scripts/injection.py` writes.
//!
//! `WPI1`, then little-endian floats (the steps of a hashed feature and of a cue, the bias of a window, five for the text as a
//! whole, three for its worst passage), one signed byte for every hashed feature, one for every cue.

use super::{
    blocks::{BUCKETS, Block},
    cues::PLACES,
};
use crate::error::{Error, ErrorKind};

/// The file; about 140 kB.
const SHIPPED: &[u8] = include_bytes!("weights.bin");
const MAGIC: &[u8] = b"WPI1";
/// Numbers before the tables.
const NUMBERS: usize = 11;
/// The log-odds of an empty text.
const NOTHING: f32 = -10.0;
/// Windows that are averaged beside the highest one.
const TOP: usize = 4;

/// The weights of everything.
#[derive(Debug)]
pub(super) struct Weights {
    hashed: &'static [u8],
    cues: &'static [u8],
    /// What one step of a hashed feature is worth.
    step: f32,
    /// What one step of a cue is worth.
    cue_step: f32,
    /// What a window is worth with nothing in it.
    bias: f32,
    /// The whole text: bias, then what the highest window, the mean of the highest, the mean of all and the length are worth.
    whole: [f32; 5],
    /// Its worst passage: bias, then what the highest window and the length are worth.
    peak: [f32; 3],
}

impl Weights {
    /// The shipped ones.
    pub(super) fn shipped() -> Result<Self, Error> {
        Self::read(SHIPPED).ok_or_else(|| Error::new(ErrorKind::Internal, "the weights of `injection` cannot be read"))
    }

    fn read(file: &'static [u8]) -> Option<Self> {
        let rest = file.strip_prefix(MAGIC)?;
        let (numbers, rest) = rest.split_at_checked(NUMBERS * 4)?;
        let mut numbers =
            numbers.chunks_exact(4).map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
        let mut next = || numbers.next().filter(|number| number.is_finite());
        let (step, cue_step, bias) = (next()?, next()?, next()?);
        let whole = [next()?, next()?, next()?, next()?, next()?];
        let peak = [next()?, next()?, next()?];
        let (hashed, cues) = rest.split_at_checked(BUCKETS)?;
        (cues.len() == PLACES).then_some(Self { hashed, cues, step, cue_step, bias, whole, peak })
    }

    /// The log-odds of an attempt: of the text as a whole, or of its worst passage, whichever is higher.
    pub(super) fn logit(&self, blocks: &[Block]) -> f64 {
        let sums: Vec<Sum> = blocks.iter().map(|block| self.sum(block)).collect();
        let pairs = sums.windows(2).map(|pair| self.window(pair[0].and(pair[1])));
        let mut windows: Vec<f32> = match sums.as_slice() {
            [] => return f64::from(NOTHING),
            [only] => vec![self.window(*only)],
            _ => pairs.collect(),
        };
        let count = windows.len();
        let mean = windows.iter().sum::<f32>() / count as f32;
        windows.sort_unstable_by(|a, b| b.total_cmp(a));
        let top = &windows[..count.min(TOP)];
        let facts = [windows[0], top.iter().sum::<f32>() / top.len() as f32, mean, (count as f32).ln()];
        let weigh = |weights: &[f32], facts: &[f32]| {
            weights[0] + facts.iter().zip(&weights[1..]).map(|(fact, weight)| fact * weight).sum::<f32>()
        };
        f64::from(weigh(&self.whole, &facts).max(weigh(&self.peak, &[facts[0], facts[3]])))
    }

    fn sum(&self, block: &Block) -> Sum {
        let weigh = |table: &[u8], at: usize| table.get(at).map_or(0, |byte| i32::from(byte.cast_signed()));
        Sum {
            hashed: block.hashed.iter().map(|at| weigh(self.hashed, *at as usize)).sum(),
            count: block.hashed.len() as u32,
            cues: block.cues.iter().map(|at| weigh(self.cues, usize::from(*at))).sum(),
        }
    }

    /// Many features say little each: their sum grows with the root of their number.
    fn window(&self, sum: Sum) -> f32 {
        let root = (sum.count.max(1) as f32).sqrt();
        self.bias + self.step * sum.hashed as f32 / root + self.cue_step * sum.cues as f32
    }
}

/// What a block adds up to.
#[derive(Clone, Copy)]
struct Sum {
    hashed: i32,
    count: u32,
    cues: i32,
}

impl Sum {
    fn and(self, other: Self) -> Self {
        Self { hashed: self.hashed + other.hashed, count: self.count + other.count, cues: self.cues + other.cues }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_weights_are_read_and_others_refused() {
        assert!(Weights::shipped().is_ok() && SHIPPED.len() < 300_000);
        for wrong in [&SHIPPED[1..], &SHIPPED[..100], b"WPI1"] {
            assert!(Weights::read(wrong).is_none());
        }
    }

    #[test]
    fn nothing_is_no_attempt() {
        assert!(Weights::shipped().unwrap().logit(&[]) < -2.0);
    }
}
