//! What the user wants done: one of eleven tasks, by the words and the shape of the request.
//!
//! Weighted cues and no trained model, on purpose: whoever wonders why a prompt counts as code finds the line, a cue costs
//! nothing to add, and no labelled prompts of these classes are public under a licence that weights could be shipped under.
//! A request stands at the beginning of a prompt or at its end; what lies between is usually pasted, so it counts for
//! little. The system prompt counts too: under "you are a translator" a bare sentence is a translation.
//!
//! [`Examples`] are the user's own intents, from phrases; where one is near enough it goes before the shipped ones.

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, MatchKind};

mod cues;
mod examples;
mod shape;

pub use examples::{Examples, THRESHOLD};

use self::cues::ROWS;
use crate::{
    chat::{ChatRequest, Role},
    signals::language::{cut, tail},
};

/// The name of what fits nothing.
pub const OTHER: &str = "other";

/// Below this score a request is [`OTHER`]: less than one good cue.
const FLOOR: f64 = 0.45;

/// What the score of a question counts against the score of any other task.
const YIELD: f64 = 0.8;

/// Evidence that makes a score of two thirds: about one good cue.
const SCALE: f64 = 2.2;

/// Bytes looked at from the beginning, and from the end, of the last user message.
const WINDOW: usize = 1_500;

/// Bytes of the system prompt that are looked at: what the application is for stands in its first lines.
const SYSTEM: usize = 600;

/// A request stands within so many bytes of the beginning of a text or of its last paragraph.
const OPENING: usize = 48;

/// In a text of more than twice as many bytes, what is further than this from the beginning and not in a last paragraph of
/// at most so many is taken to be pasted.
const NEAR: usize = 320;

/// What a cue in pasted text counts.
const PASTED: f32 = 0.25;

/// What a request's verb counts that stands elsewhere than requests do.
const ASIDE: f32 = 0.3;

/// What a cue in the system prompt counts.
const OF_SYSTEM: f32 = 0.6;

/// A task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Program text is to be written, read or mended.
    Code,
    /// Numbers, formulas, proofs.
    Mathematics,
    /// Puzzles, plans, comparisons: several steps without a formula.
    Reasoning,
    /// Text is to be written or improved.
    Writing,
    /// Text is to be made shorter.
    Summarising,
    /// Facts are to be taken out of a text.
    Extraction,
    /// Text is to be put into another language.
    Translation,
    /// One of several labels is wanted.
    Classification,
    /// A fact or an explanation is wanted.
    QuestionAnswering,
    /// Talk.
    Chat,
    /// Something is to be done with tools.
    Agentic,
}

impl Intent {
    /// All, in the order of their names in docs.
    pub const ALL: [Self; 11] = [
        Self::Code,
        Self::Mathematics,
        Self::Reasoning,
        Self::Writing,
        Self::Summarising,
        Self::Extraction,
        Self::Translation,
        Self::Classification,
        Self::QuestionAnswering,
        Self::Chat,
        Self::Agentic,
    ];

    /// As rules spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Mathematics => "mathematics",
            Self::Reasoning => "reasoning",
            Self::Writing => "writing",
            Self::Summarising => "summarising",
            Self::Extraction => "extraction",
            Self::Translation => "translation",
            Self::Classification => "classification",
            Self::QuestionAnswering => "question_answering",
            Self::Chat => "chat",
            Self::Agentic => "agentic",
        }
    }
}

/// The names of all intents that a request may have, the user's own included and [`OTHER`] not.
pub fn names<'a>(own: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let shipped = Intent::ALL.iter().map(|intent| intent.name());
    let mut names: Vec<String> = shipped.map(Into::into).collect();
    for name in own {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// The likeliest intent, or [`OTHER`], and the score of each, 0..1.
pub fn intents(request: &ChatRequest, text: &str, own: &Examples) -> (String, Vec<(String, f64)>) {
    let shipped = shipped(request, text);
    let mut scores: Vec<(String, f64)> =
        Intent::ALL.iter().zip(shipped).map(|(intent, score)| (intent.name().to_owned(), score)).collect();
    let mut best = likeliest(&shipped).map(|intent| intent.name().to_owned());
    let near = own.scores(text);
    if let Some((name, _)) = best_of(&near).filter(|(_, score)| *score >= THRESHOLD) {
        best = Some(name.to_owned());
    }
    for (name, score) in near {
        match scores.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = known.max(score),
            None => scores.push((name, score)),
        }
    }
    (best.unwrap_or_else(|| OTHER.to_owned()), scores)
}

/// The shipped intent that fits best. Nearly everything that is asked is a question too, so that one yields.
fn likeliest(scores: &[f64; 11]) -> Option<Intent> {
    let yields = |intent: Intent| if intent == Intent::QuestionAnswering { YIELD } else { 1.0 };
    let fitting = Intent::ALL.into_iter().zip(scores).filter(|(_, score)| **score >= FLOOR);
    let fitting = fitting.map(|(intent, score)| (intent, score * yields(intent)));
    fitting.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(intent, _)| intent)
}

fn best_of(scores: &[(String, f64)]) -> Option<(&str, f64)> {
    let best = scores.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some((&best.0, best.1))
}

/// The scores of the shipped intents, in their order.
fn shipped(request: &ChatRequest, text: &str) -> [f64; 11] {
    let mut evidence = [0.0_f32; 11];
    for message in request.messages.iter().filter(|m| matches!(m.role, Role::System | Role::Developer)).take(2) {
        if let Some(text) = message.content.texts().next() {
            let mut of_system = [0.0; 11];
            gather(cut(text, SYSTEM), &mut of_system);
            for (at, value) in of_system.iter().enumerate() {
                evidence[at] += value * OF_SYSTEM;
            }
        }
    }
    gather(&window(text), &mut evidence);
    shape::gather(request, text, &mut evidence);
    evidence.map(|value| 1.0 - (-f64::from(value.max(0.0)) / SCALE).exp())
}

/// The beginning and the end.
fn window(text: &str) -> String {
    if text.len() <= 2 * WINDOW {
        return text.to_lowercase();
    }
    format!("{}\n{}", cut(text, WINDOW), tail(text, WINDOW)).to_lowercase()
}

struct Cues {
    finder: AhoCorasick,
    /// Of each pattern: its row, and whether a word may go on after it.
    rows: Vec<(usize, bool)>,
}

fn cues() -> Option<&'static Cues> {
    static CUES: OnceLock<Option<Cues>> = OnceLock::new();
    let build = || {
        let (mut patterns, mut rows) = (Vec::new(), Vec::new());
        for (at, (.., cues)) in ROWS.iter().enumerate() {
            for cue in cues.split('|') {
                let stem = cue.strip_suffix('*').filter(|stem| !stem.ends_with(' ')).unwrap_or(cue);
                patterns.push(stem);
                rows.push((at, stem.len() < cue.len()));
            }
        }
        let finder = AhoCorasick::builder().match_kind(MatchKind::Standard).build(patterns).ok()?;
        Some(Cues { finder, rows })
    };
    CUES.get_or_init(build).as_ref()
}

/// Adds what the cues in `text`, which is in lower case, say. A row counts in full once, and each further cue of it less.
fn gather(text: &str, evidence: &mut [f32; 11]) {
    let lower;
    let text = if text.chars().any(char::is_uppercase) {
        lower = text.to_lowercase();
        lower.as_str()
    } else {
        text
    };
    let Some(cues) = cues() else { return };
    let last = last_paragraph(text);
    let mut heard = [0.0_f32; ROWS.len()];
    let mut times = [0_u8; ROWS.len()];
    for found in cues.finder.find_overlapping_iter(text) {
        let (row, goes_on) = cues.rows[found.pattern().as_usize()];
        if !is_whole(text, found.start(), found.end(), goes_on) {
            continue;
        }
        let mut counts = if ROWS[row].2 && !is_opening(found.start(), last) { ASIDE } else { 1.0 };
        if is_pasted(found.start(), text.len(), last) {
            counts *= PASTED;
        }
        // 1, 1/2, 1/4 …: the same thing said again is not news.
        let again = 0.5_f32.powi(i32::from(times[row].min(8)));
        heard[row] += counts * again;
        times[row] = times[row].saturating_add(1);
    }
    for (row, value) in heard.iter().enumerate() {
        evidence[ROWS[row].0 as usize] += ROWS[row].1 * value;
    }
}

/// Whether a cue stands where words do: not in the midst of one.
fn is_whole(text: &str, start: usize, end: usize, goes_on: bool) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let first = text[start..].chars().next().is_some_and(word);
    let before = text[..start].chars().next_back().is_some_and(word);
    let last = text[..end].chars().next_back().is_some_and(word);
    let after = text[end..].chars().next().is_some_and(word);
    !(first && before) && (goes_on || !(last && after))
}

fn is_opening(at: usize, last: usize) -> bool {
    at < OPENING || (at >= last && at < last + OPENING)
}

fn is_pasted(at: usize, length: usize, last: usize) -> bool {
    let in_last = at >= last && length - last <= NEAR;
    length > 2 * NEAR && at > NEAR && !in_last
}

/// Where the last paragraph or line begins.
fn last_paragraph(text: &str) -> usize {
    text.trim_end().rfind('\n').map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests;
