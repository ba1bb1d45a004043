//! The user's own intents: a request belongs to the intent whose example phrases it is like.
//!
//! Likeness is the cosine of weighted words, pairs of words and parts of words, so that `refunded` is like `refund` and a
//! slip of the pen is forgiven. Rare features weigh more (among the phrases), and the small words that every sentence has
//! weigh little. Of an intent the nearest phrase counts, and a second one that is near a little. A long message is
//! taken apart into sentences: the one that is like an example decides. Below [`THRESHOLD`] there is no answer.

use std::collections::HashMap;

use crate::signals::language::{cut, tail};

/// From which likeness an own intent holds; measured in `docs/signals.md`.
pub const THRESHOLD: f64 = 0.34;

/// What a small word weighs against another one.
const SMALL: f32 = 0.25;

/// What the parts of a word weigh together against the word.
const PARTS: f32 = 0.75;

/// What a pair of words weighs against a word.
const PAIR: f32 = 0.6;

/// What the second phrase adds.
const SECOND: f64 = 0.15;

/// Sentences looked at from the beginning and from the end of a message.
const SENTENCES: usize = 6;

/// Bytes of a sentence that are looked at.
const SENTENCE: usize = 240;

/// The words that carry no wish, in four languages.
const SMALL_WORDS: &str = "a an the is are was be to of in on at for and or it this that with my your i me you we please can could would do does did \
    how what have has am will der die das ein eine ist sind ich mir mich mein meine du sie wir zu in im auf für und oder es mit bitte kann wie was \
    le la les un une est sont je me mon ma vous nous de du des à au et ou il elle avec s'il plaît comment que el los las una es son yo mi mis de del \
    en y o por favor con cómo qué";

/// Phrases with their intents, ready to be compared with.
#[derive(Clone, Debug, Default)]
pub struct Examples {
    names: Vec<String>,
    /// The intent of each phrase.
    phrases: Vec<usize>,
    /// Feature → the phrases that have it, with its weight there.
    postings: HashMap<u64, Vec<(u32, f32)>>,
    /// Feature → how rare it is.
    rarity: HashMap<u64, f32>,
    /// Of a feature that no phrase has.
    unseen: f32,
}

impl Examples {
    /// Intents with their phrases.
    pub fn new(intents: &[(String, Vec<String>)]) -> Self {
        let mut all = Vec::new();
        let mut phrases = Vec::new();
        for (at, (_, texts)) in intents.iter().enumerate() {
            for text in texts {
                phrases.push(at);
                all.push(features(text));
            }
        }
        let mut counts: HashMap<u64, u32> = HashMap::new();
        all.iter().flat_map(HashMap::keys).for_each(|feature| *counts.entry(*feature).or_default() += 1);
        let number = phrases.len() as f32;
        let rare = |count: u32| ((number + 1.0) / (count as f32 + 0.5)).ln().max(0.1);
        let rarity: HashMap<u64, f32> = counts.iter().map(|(feature, count)| (*feature, rare(*count))).collect();
        let mut examples = Self {
            names: intents.iter().map(|(name, _)| name.clone()).collect(),
            phrases,
            unseen: rare(1),
            rarity,
            postings: HashMap::new(),
        };
        for (at, features) in all.into_iter().enumerate() {
            for (feature, weight) in examples.unit(features) {
                examples.postings.entry(feature).or_default().push((at as u32, weight));
            }
        }
        examples
    }

    /// The names of the intents.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// How like `text` is each intent, 0..1.
    pub fn scores(&self, text: &str) -> Vec<(String, f64)> {
        if self.names.is_empty() {
            return Vec::new();
        }
        let mut best = vec![0.0_f64; self.names.len()];
        for sentence in sentences(text) {
            for (best, score) in best.iter_mut().zip(self.of_sentence(sentence)) {
                *best = best.max(score);
            }
        }
        self.names.iter().cloned().zip(best).collect()
    }

    fn of_sentence(&self, sentence: &str) -> Vec<f64> {
        let mut likeness = vec![0.0_f32; self.phrases.len()];
        for (feature, weight) in self.unit(features(sentence)) {
            for (phrase, other) in self.postings.get(&feature).into_iter().flatten() {
                likeness[*phrase as usize] += weight * other;
            }
        }
        let mut two = vec![(0.0_f64, 0.0_f64); self.names.len()];
        for (at, likeness) in self.phrases.iter().zip(likeness) {
            let (first, second) = &mut two[*at];
            let likeness = f64::from(likeness);
            if likeness > *first {
                (*first, *second) = (likeness, *first);
            } else {
                *second = second.max(likeness);
            }
        }
        two.into_iter().map(|(first, second)| (first + SECOND * second * (1.0 - first)).clamp(0.0, 1.0)).collect()
    }

    /// Weighted by rarity, of length one.
    fn unit(&self, mut features: HashMap<u64, f32>) -> HashMap<u64, f32> {
        for (feature, weight) in &mut features {
            *weight *= self.rarity.get(feature).copied().unwrap_or(self.unseen);
        }
        let length = features.values().map(|weight| weight * weight).sum::<f32>().sqrt();
        if length > 0.0 {
            for weight in features.values_mut() {
                *weight /= length;
            }
        }
        features
    }
}

/// The sentences of a text; of a long one the first and the last few. A short text is one.
fn sentences(text: &str) -> Vec<&str> {
    let whole = text.trim();
    if whole.len() <= SENTENCE {
        let several = whole.matches(['.', '?', '!', '\n']).count() > 1;
        let parts = whole.split(['.', '?', '!', '\n']).map(str::trim).filter(|part| part.len() > 8);
        return std::iter::once(whole).chain(parts.filter(|_| several)).take(1 + SENTENCES).collect();
    }
    let first = cut(whole, SENTENCES * SENTENCE);
    let last = tail(whole, SENTENCES * SENTENCE);
    let of = |text: &'_ str| -> Vec<(usize, usize)> {
        let base = text.as_ptr() as usize - whole.as_ptr() as usize;
        let pieces = text.split(['.', '?', '!', '\n']).filter(|piece| piece.trim().len() > 8);
        pieces.map(|piece| (base + (piece.as_ptr() as usize - text.as_ptr() as usize), piece.len())).collect()
    };
    let mut places: Vec<(usize, usize)> = of(first).into_iter().take(SENTENCES).collect();
    let end = of(last);
    places.extend(end.iter().skip(end.len().saturating_sub(SENTENCES)));
    places.dedup();
    places.into_iter().map(|(at, length)| cut(whole[at..at + length].trim(), SENTENCE)).collect()
}

/// The words, pairs of words and parts of words of `text` with their weights.
fn features(text: &str) -> HashMap<u64, f32> {
    let lower = cut(text, SENTENCE).to_lowercase();
    let mut features: HashMap<u64, f32> = HashMap::new();
    let mut before: Option<&str> = None;
    for word in lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let small = is_small(word);
        let weight = if small { SMALL } else { 1.0 };
        *features.entry(hash(b"w", word)).or_default() += weight;
        if let Some(before) = before {
            *features.entry(hash(before.as_bytes(), word)).or_default() += PAIR * weight.max(SMALL);
        }
        if !small {
            parts(word, weight * PARTS, &mut features);
        }
        before = Some(word);
    }
    features
}

/// The runs of three characters of a word with its edges, or of two where it is short (as words of Chinese are long, its
/// signs are taken one by one and two by two).
fn parts(word: &str, weight: f32, features: &mut HashMap<u64, f32>) {
    let signs: Vec<char> = std::iter::once('^').chain(word.chars()).chain(std::iter::once('$')).collect();
    let length = if word.is_ascii() || word.chars().all(|c| (c as u32) < 0x2e80) { 3 } else { 2 };
    if signs.len() < length {
        return;
    }
    // The square root: a long word has more parts, and weighs as one.
    let each = weight / ((signs.len() - length + 1) as f32).sqrt();
    for run in signs.windows(length) {
        let run: String = run.iter().collect();
        *features.entry(hash(b"p", &run)).or_default() += each;
    }
}

fn is_small(word: &str) -> bool {
    static WORDS: std::sync::OnceLock<std::collections::HashSet<&'static str>> = std::sync::OnceLock::new();
    WORDS.get_or_init(|| SMALL_WORDS.split_ascii_whitespace().collect()).contains(word)
}

/// FNV-1a over both, apart.
fn hash(kind: &[u8], text: &str) -> u64 {
    let bytes = kind.iter().chain(&[0xff]).chain(text.as_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
