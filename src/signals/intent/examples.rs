//! The user's own intents: a request belongs to the intent whose example phrases it is like.
//!
//! Two likenesses together are better than either: that of words ([`words`]), which knows names and forgives slips of the
//! pen, and that of what is meant ([`meaning`]), which knows that a parcel is a package. The second one knows English only:
//! where the phrases or the message are in another language the words decide alone. A long message is taken apart into
//! sentences: the one that is like an example decides. Below [`THRESHOLD`] there is no answer.

mod meaning;
mod words;

use self::{meaning::Meaning, words::Words};
use crate::signals::{
    embedding::embed,
    language::{UNKNOWN, cut, language, tail},
};

/// From which likeness an own intent holds; measured in `docs/signals.md`.
pub const THRESHOLD: f64 = 0.38;

/// The threshold of words alone.
const OF_WORDS_ALONE: f64 = 0.34;

/// What the words say against what is meant. Shares from 0.3 to 0.5 do as well.
const SHARE_OF_WORDS: f64 = 0.4;

/// Sentences looked at from the beginning and from the end of a message.
const SENTENCES: usize = 3;

/// Bytes of a sentence that are looked at.
const SENTENCE: usize = 240;

/// Bytes of a message by which its language is told: as many as tell it.
const FOR_LANGUAGE: usize = 400;

/// Phrases with their intents, ready to be compared with.
#[derive(Clone, Debug, Default)]
pub struct Examples {
    names: Vec<String>,
    words: Words,
    meaning: Meaning,
    /// Whether what is meant can be told of an intent: its phrases are in English.
    english: Vec<bool>,
}

impl Examples {
    /// Intents with their phrases.
    pub fn new(intents: &[(String, Vec<String>)]) -> Self {
        let english: Vec<bool> = intents.iter().map(|(_, phrases)| is_english(&phrases.join(".\n"))).collect();
        Self {
            names: intents.iter().map(|(name, _)| name.clone()).collect(),
            words: Words::new(intents),
            meaning: if english.contains(&true) { Meaning::new(intents) } else { Meaning::default() },
            english,
        }
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
        let english = self.english.contains(&true) && is_english(text);
        let mut best = vec![0.0_f64; self.names.len()];
        for sentence in sentences(text) {
            let by_words = self.words.scores(sentence);
            let alone: Vec<f64> = by_words.iter().map(|score| score / OF_WORDS_ALONE * THRESHOLD).collect();
            let both = if english {
                let by_words = by_words.iter().map(|score| score * SHARE_OF_WORDS).collect();
                self.meaning.add(&embed(sentence), by_words, 1.0 - SHARE_OF_WORDS)
            } else {
                Vec::new()
            };
            for (at, best) in best.iter_mut().enumerate() {
                let score = if english && self.english[at] { both[at] } else { alone[at] };
                *best = best.max(score.clamp(0.0, 1.0));
            }
        }
        self.names.iter().cloned().zip(best).collect()
    }
}

/// Whether `text` is in English, or too short to tell.
fn is_english(text: &str) -> bool {
    matches!(language([cut(text, FOR_LANGUAGE)]).code, "en" | UNKNOWN)
}

/// The sentences of a text; of a long one the first and the last few. A short text is one.
fn sentences(text: &str) -> Vec<&str> {
    let whole = text.trim();
    if whole.len() <= SENTENCE {
        let several = whole.matches(['.', '?', '!', '\n']).count() > 1;
        let parts = whole.split(['.', '?', '!', '\n']).map(str::trim).filter(|part| part.len() > 8);
        return std::iter::once(whole).chain(parts.filter(|_| several)).take(1 + 2 * SENTENCES).collect();
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
