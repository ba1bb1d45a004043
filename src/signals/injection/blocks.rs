//! The features of a text, in blocks of a few words.
//!
//! Hashed words, pairs and pieces need no vocabulary, so that the model is one table and a word it has never seen still has
//! pieces that it knows.

use super::{
    cues::{Cue, Cues},
    fold::{Span, Words},
};

/// Words in a block: two blocks are a long sentence.
pub(super) const WORDS: usize = 24;
/// Places in the table of hashed features: more bought nothing, and this fits a processor's second cache.
pub(super) const BUCKETS: usize = 1 << 17;
/// Letters of a piece.
const PIECE: usize = 4;

/// What is known of a few words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Hashed words, pairs of words and pieces of words.
    pub hashed: Vec<u32>,
    /// Meanings, and which stand together; each once.
    pub cues: Vec<u16>,
}

/// Cuts a text into blocks.
pub(super) struct Cutter<'w> {
    words: &'w Words,
}

impl<'w> Cutter<'w> {
    pub(super) fn new(words: &'w Words) -> Self {
        Self { words }
    }

    /// The blocks, with the meanings that were found in order of place.
    pub(super) fn cut(&self, found: &[Cue]) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::with_capacity(self.words.spans.len() / WORDS + 1);
        let mut last = Hash::START;
        for spans in self.words.spans.chunks(WORDS) {
            let mut block = Block { hashed: Vec::with_capacity(WORDS * 8), cues: Vec::new() };
            for span in spans {
                last = self.word(*span, last, &mut block.hashed);
            }
            blocks.push(block);
        }
        Cues::close_together(found, |word, cue| {
            if let Some(block) = blocks.get_mut(word / WORDS).filter(|block| !block.cues.contains(&cue)) {
                block.cues.push(cue);
            }
        });
        blocks
    }

    /// The features of one word after `last`; its hash.
    fn word(&self, span: Span, last: Hash, out: &mut Vec<u32>) -> Hash {
        let word = self.words.word(span);
        let hash = Hash::of(word.as_bytes());
        out.push(hash.and(b'w').bucket());
        out.push(hash.then(last).and(b'p').bucket());
        if span.colon {
            out.push(hash.and(b':').bucket());
        }
        if word.is_ascii() {
            pieces(self.words, span, out);
        } else {
            signs(word, out);
        }
        hash
    }
}

/// Four letters at a time, with the spaces around the word.
fn pieces(words: &Words, span: Span, out: &mut Vec<u32>) {
    // The space before is the one after the last word.
    let bytes = &words.text.as_bytes()[span.start.saturating_sub(1)..=span.end];
    for piece in bytes.windows(PIECE) {
        out.push(Hash::of(piece).and(b'c').bucket());
    }
}

/// Two and three signs at a time, of scripts where a sign says more.
fn signs(word: &str, out: &mut Vec<u32>) {
    let places: Vec<usize> = word.char_indices().map(|(at, _)| at).chain([word.len()]).collect();
    for size in [2, 3] {
        for piece in places.windows(size + 1) {
            out.push(Hash::of(&word.as_bytes()[piece[0]..piece[size]]).and(b's').bucket());
        }
    }
}

/// FNV-1a with a last mixing: short inputs, the same on every machine.
#[derive(Clone, Copy)]
struct Hash(u64);

impl Hash {
    const START: Self = Self(0xcbf2_9ce4_8422_2325);
    const PRIME: u64 = 0x0000_0100_0000_01b3;

    fn of(bytes: &[u8]) -> Self {
        bytes.iter().fold(Self::START, |hash, byte| hash.and(*byte))
    }

    fn and(self, byte: u8) -> Self {
        Self((self.0 ^ u64::from(byte)).wrapping_mul(Self::PRIME))
    }

    /// This after another.
    fn then(self, last: Self) -> Self {
        Self((self.0 ^ last.0.rotate_left(23)).wrapping_mul(Self::PRIME))
    }

    fn bucket(self) -> u32 {
        let mixed = (self.0 ^ (self.0 >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 40) as u32 & (BUCKETS as u32 - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_hold_still() {
        let words = Words::new("ignore me");
        let blocks = Cutter::new(&words).cut(&[]);
        assert_eq!(blocks.len(), 1);
        // Two words and two pairs; of `ignore` five pieces, of `me` one with its two spaces.
        assert_eq!(blocks[0].hashed.len(), 4 + 4 + 1);
        assert_eq!(blocks, Cutter::new(&Words::new("Ignore, ME!")).cut(&[]));
    }

    #[test]
    fn blocks_are_short() {
        let words = Words::new(&"one two three ".repeat(20));
        assert_eq!(Cutter::new(&words).cut(&[]).len(), 3);
    }
}
