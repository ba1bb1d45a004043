//! What is said: the cosine of weighted words, pairs of words and parts of words, so that `refunded` is like `refund` and a
//! slip of the pen is forgiven. Rare features weigh more (among the phrases), and the small words that every sentence has
//! weigh little. Of an intent the nearest phrase counts, and a second one that is near a little.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasherDefault, Hasher},
    sync::OnceLock,
};

use super::SENTENCE;
use crate::signals::language::cut;

/// What a small word weighs against another one.
const SMALL: f32 = 0.25;

/// What the parts of a word weigh together against the word.
const PARTS: f32 = 0.75;

/// What a pair of words weighs against a word.
const PAIR: f32 = 0.6;

/// What the second phrase adds.
const SECOND: f64 = 0.15;

/// The words that carry no wish, in four languages.
const SMALL_WORDS: &str = "a an the is are was be to of in on at for and or it this that with my your i me you we please can could would do does did \
    how what have has am will der die das ein eine ist sind ich mir mich mein meine du sie wir zu in im auf für und oder es mit bitte kann wie was \
    le la les un une est sont je me mon ma vous nous de du des à au et ou il elle avec s'il plaît comment que el los las una es son yo mi mis de del \
    en y o por favor con cómo qué";

/// A feature is a hash already; hashing it again would take half of the time.
#[derive(Clone, Copy, Debug, Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, feature: u64) {
        self.0 = feature;
    }
}

type Features<T> = HashMap<u64, T, BuildHasherDefault<Same>>;

/// Phrases as features.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    intents: usize,
    /// The intent of each phrase.
    phrases: Vec<usize>,
    /// Feature → how rare it is, and the phrases that have it with its weight there.
    known: Features<(f32, Vec<(u32, f32)>)>,
    /// How rare a feature is that no phrase has.
    unseen: f32,
}

impl Words {
    /// Intents with their phrases.
    pub(super) fn new(intents: &[(String, Vec<String>)]) -> Self {
        let (mut all, mut phrases) = (Vec::new(), Vec::new());
        for (at, (_, texts)) in intents.iter().enumerate() {
            for text in texts {
                phrases.push(at);
                all.push(features(text));
            }
        }
        let mut counts: Features<u32> = Features::default();
        all.iter().flat_map(HashMap::keys).for_each(|feature| *counts.entry(*feature).or_default() += 1);
        let number = phrases.len() as f32;
        let rare = |count: u32| ((number + 1.0) / (count as f32 + 0.5)).ln().max(0.1);
        let known = counts.iter().map(|(feature, count)| (*feature, (rare(*count), Vec::new()))).collect();
        let mut words = Self { intents: intents.len(), phrases, unseen: rare(1), known };
        for (at, features) in all.into_iter().enumerate() {
            let length = words.length(&features);
            for (feature, weight) in features {
                if let Some((rarity, phrases)) = words.known.get_mut(&feature) {
                    phrases.push((at as u32, weight * *rarity / length));
                }
            }
        }
        words
    }

    /// How like `sentence` is each intent, 0..1.
    pub(super) fn scores(&self, sentence: &str) -> Vec<f64> {
        let mut likeness = vec![0.0_f32; self.phrases.len()];
        let features = features(sentence);
        let length = self.length(&features);
        for (feature, weight) in features {
            let Some((rarity, phrases)) = self.known.get(&feature) else { continue };
            let weight = weight * rarity / length;
            for (phrase, other) in phrases {
                likeness[*phrase as usize] += weight * other;
            }
        }
        let mut two = vec![(0.0_f64, 0.0_f64); self.intents];
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

    /// The length of these features, each weighted by how rare it is; never zero.
    fn length(&self, features: &Features<f32>) -> f32 {
        let rarity = |feature| self.known.get(feature).map_or(self.unseen, |(rarity, _)| *rarity);
        let squares = features.iter().map(|(feature, weight)| (weight * rarity(feature)).powi(2));
        squares.sum::<f32>().sqrt().max(f32::MIN_POSITIVE)
    }
}

/// The words, pairs of words and parts of words of `text` with their weights.
fn features(text: &str) -> Features<f32> {
    let lower = cut(text, SENTENCE).to_lowercase();
    let mut features = Features::with_capacity_and_hasher(2 * lower.len(), BuildHasherDefault::default());
    let mut before: Option<&str> = None;
    for word in lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let small = is_small(word);
        let weight = if small { SMALL } else { 1.0 };
        *features.entry(hash(b"w", word.bytes())).or_default() += weight;
        if let Some(before) = before {
            *features.entry(hash(before.as_bytes(), word.bytes())).or_default() += PAIR * weight.max(SMALL);
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
fn parts(word: &str, weight: f32, features: &mut Features<f32>) {
    let length = if word.is_ascii() || word.chars().all(|c| (c as u32) < 0x2e80) { 3 } else { 2 };
    let edged = format!("^{word}$");
    let starts: Vec<usize> = edged.char_indices().map(|(at, _)| at).chain([edged.len()]).collect();
    if starts.len() <= length {
        return;
    }
    // The square root: a long word has more parts, and weighs as one.
    let each = weight / ((starts.len() - length) as f32).sqrt();
    for run in starts.windows(length + 1) {
        let run = edged[run[0]..run[length]].bytes();
        *features.entry(hash(b"p", run)).or_default() += each;
    }
}

fn is_small(word: &str) -> bool {
    static WORDS: OnceLock<HashSet<&'static str>> = OnceLock::new();
    WORDS.get_or_init(|| SMALL_WORDS.split_ascii_whitespace().collect()).contains(word)
}

/// FNV-1a over both, apart.
fn hash(kind: &[u8], text: impl Iterator<Item = u8>) -> u64 {
    let bytes = kind.iter().copied().chain([0xff]).chain(text);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
