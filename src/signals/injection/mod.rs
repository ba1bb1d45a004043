//! Attempts to take over the model: prompt injection and jailbreaks, as a number from 0 to 1.
//!
//! A linear model, because it must be read in microseconds and its mistakes must be explicable: hashed words, pairs of words and pieces
//! of words, and *cues*, pairs and triples of meanings that stand close together (to disregard + what was said before +
//! instructions) in fifteen languages. The text is cut into blocks of a few words and two neighbouring blocks are judged at a
//! time, so that one sentence in a long document weighs as much as it does alone.
//!
//! What the developer writes (system prompt, tool definitions) is trusted and not looked at; every other part is: user turns, answers,
//! tool results and arguments, the text of files. The weights are fitted by `scripts/injection.py`; `docs/injection.md` says on
//! what, and how often it is wrong.

mod blocks;
mod cues;
mod fold;
mod lexicon;
mod weights;

pub use blocks::Block;

use self::{blocks::Cutter, cues::Cues, fold::Words, weights::Weights};
use super::sensitive::{decode, walk};
use crate::{
    chat::{ChatRequest, Role},
    error::Error,
};

/// A request with more text than this is not read to its end, and counts as an attempt: about a quarter of a second of work.
const MOST_BYTES: usize = 4 << 20;
/// Shorter runs of base64 are words.
const LEAST_HIDDEN: usize = 24;

/// Judges how much a request looks like an attempt to take over the model. Built once, shared by all threads.
#[derive(Debug)]
pub struct InjectionDetector {
    cues: Cues,
    weights: Weights,
}

impl InjectionDetector {
    /// Builds the automaton and reads the shipped weights.
    pub fn new() -> Result<Self, Error> {
        Ok(Self { cues: Cues::new()?, weights: Weights::shipped()? })
    }

    /// The most suspicious part of a request, 0..1.
    pub fn scan(&self, request: &ChatRequest) -> f64 {
        let (mut highest, mut left) = (0.0_f64, MOST_BYTES);
        walk::request(request, None, &mut |message, item| {
            let foreign = request.messages.get(message).is_some_and(|message| is_foreign(message.role));
            if let (true, walk::Item::Text(text) | walk::Item::Aside(text)) = (foreign, item) {
                if text.len() > left {
                    highest = 1.0;
                } else if highest < 1.0 {
                    left -= text.len();
                    highest = highest.max(self.score(text));
                }
            }
        });
        highest
    }

    /// One text, 0..1; what base64 hides in it is looked at too.
    pub fn score(&self, text: &str) -> f64 {
        let mut logit = self.logit(text);
        hidden(text, |inside| logit = logit.max(self.logit(inside)));
        1.0 / (1.0 + (-logit).exp())
    }

    /// The features of one text, block by block: what the weights are fitted on.
    pub fn blocks(&self, text: &str) -> Vec<Block> {
        let words = Words::new(text);
        Cutter::new(&words).cut(&self.cues.find(&words))
    }

    fn logit(&self, text: &str) -> f64 {
        self.weights.logit(&self.blocks(text))
    }
}

/// Whether somebody else than the developer may have written a message.
fn is_foreign(role: Role) -> bool {
    !matches!(role, Role::System | Role::Developer)
}

/// Calls `each` with every text that stands in base64.
fn hidden(text: &str, mut each: impl FnMut(&str)) {
    let in_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_');
    for run in text.split(|c| !in_base64(c)).filter(|run| run.len() >= LEAST_HIDDEN) {
        if let Some(bytes) = decode::base64(run.as_bytes()).filter(|bytes| decode::is_text(bytes)) {
            each(&String::from_utf8_lossy(&bytes));
        }
    }
}

#[cfg(test)]
mod tests;
