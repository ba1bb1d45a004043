//! How hard the question is, 0..1, from what can be seen of it.
//!
//! A sum of features, each 0..1 and each with a weight that is never negative: more of a feature never makes a question
//! easier, and [`features`] says what made it hard. The weights were fitted to how often real models failed on real
//! prompts (`docs/signals.md` has the sources, and how far the figure follows that difficulty on prompts that were not fitted: it
//! follows, and no more). It is read from the text alone: what only an expert sees, it does not.

use std::{collections::HashSet, sync::OnceLock};

use crate::signals::language::{cut, tail};

/// Bytes looked at from the beginning, and from the end.
const WINDOW: usize = 2_000;

/// Spreads the sum over 0..1: one feature at its full is half of what there is, and the order of texts stays as it is.
const SPREAD: f64 = 2.2;

/// A text of so many words has full length.
const WORDS: f64 = 600.0;

/// The names of the features.
pub const FEATURES: [&str; 10] = [
    "length",
    "formulas",
    "code",
    "hard_words",
    "conditions",
    "asks",
    "long_words",
    "numbers",
    "long_sentences",
    "choices",
];

/// What each counts; fitted.
const WEIGHTS: [f64; 10] = [0.25, 0.4, 0.18, 0.3, 0.12, 0.2, 0.08, 0.2, 0.14, 0.12];

/// Words of tasks that take thought, by their stems.
const HARD: &str = "prove proof derive theorem lemma optimi optimal asymptotic eigen integral differential polynomial probabil permutation combinator \
    recurs concurren distributed architect scalab invariant deadlock race latency throughput compiler borrow lifetime unsafe kernel crypto \
    quantum thermodynam equilibrium molecul enzym stoichiometr jurisprud liabilit statut constitution hypothes regress bayes stochastic variance \
    trade-off tradeoff analy evaluat critique compare justify infer deduc contradict paradox puzzle refactor debug diagnos design implement strateg \
    beweis herleit optimier wahrscheinlich nebenläufig begründ vergleich démontre prouve dérive optimis conçois justifie compare demuestra deriva optimiza diseña justifica";

/// Words that bind an answer to something.
const CONDITIONS: &str = "if unless except only must should cannot without given such where whether exactly least most respectively assuming suppose let \
    either neither both each every none always never before after until while although however therefore wenn falls außer nur muss ohne genau mindestens höchstens \
    angenommen si sauf seulement doit sans exactement moins supposons salvo solo debe sin exactamente menos supongamos";

/// What a text shows, each 0..1, in the order of [`FEATURES`].
pub fn features(text: &str) -> [f64; 10] {
    let seen = window(text);
    let mut sums = Sums::default();
    let mut run = 0_u32;
    for word in seen.split_whitespace() {
        sums.word(word);
        run += 1;
        if word.ends_with(['.', '?', '!', ':', ';']) {
            sums.sentences += 1;
            sums.longest = sums.longest.max(run);
            run = 0;
        }
    }
    sums.longest = sums.longest.max(run);
    let words = f64::from(sums.words.max(1));
    let signs = seen.chars().filter(|c| matches!(c, '{' | '}' | ';' | '[' | ']' | '_' | '=')).count() as f64;
    let whole = (text.len() as f64 / seen.len().max(1) as f64).max(1.0);
    [
        ((1.0 + words * whole).ln() / (1.0 + WORDS).ln()).min(1.0),
        full(f64::from(sums.formulas), 4.0),
        full((signs / seen.len().max(40) as f64 - 0.01).max(0.0), 0.03),
        full(f64::from(sums.hard), 2.0),
        full(f64::from(sums.conditions), 6.0),
        full(f64::from(sums.asks.saturating_sub(1)), 3.0),
        ((f64::from(sums.long) / words - 0.05) / 0.3).clamp(0.0, 1.0),
        full(f64::from(sums.numbers), 6.0),
        full((f64::from(sums.longest) - 12.0).max(0.0), 25.0),
        full(f64::from(sums.choices), 6.0),
    ]
}

/// How hard `text` is, 0..1.
pub fn complexity(text: &str) -> f64 {
    if text.trim().is_empty() {
        return 0.0;
    }
    let sum = features(text).iter().zip(WEIGHTS).map(|(feature, weight)| feature * weight).sum::<f64>();
    1.0 - (1.0 - sum.clamp(0.0, 1.0)).powf(SPREAD)
}

/// Grows from 0 towards 1, and is two thirds at `scale`.
fn full(value: f64, scale: f64) -> f64 {
    1.0 - (-value * 1.1 / scale).exp()
}

#[derive(Default)]
struct Sums {
    words: u32,
    long: u32,
    hard: u32,
    conditions: u32,
    asks: u32,
    numbers: u32,
    formulas: u32,
    choices: u32,
    sentences: u32,
    longest: u32,
}

impl Sums {
    fn word(&mut self, word: &str) {
        self.words += 1;
        self.asks += u32::from(word.ends_with('?')) + u32::from(is_item(word));
        self.choices += u32::from(is_choice(word));
        self.numbers += u32::from(word.bytes().any(|b| b.is_ascii_digit()));
        let tex = word.contains('\\') || (word.len() > 2 && word.contains('$') && word.contains(['^', '_', '=', '{']));
        self.formulas += u32::from(tex || word.contains(['^', '∫', '√', '∑', '≤', '≥', '∈', '∂']));
        let plain = word.trim_matches(|c: char| !c.is_alphanumeric());
        let signs = plain.chars().take(40).count();
        self.long += u32::from((9..40).contains(&signs) && plain.chars().all(|c| c.is_alphabetic() || c == '-'));
        if signs == 40 || signs < 2 {
            return;
        }
        let lower = plain.to_lowercase();
        self.conditions += u32::from(is_condition(&lower));
        self.hard += u32::from(is_hard(&lower));
    }
}

/// `1.`, `2)`, `-`: an item of a list.
fn is_item(word: &str) -> bool {
    let digits = word.trim_end_matches(['.', ')']);
    word.len() <= 3
        && digits.len() + 1 == word.len()
        && !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
}

/// `A.`, `(b)`, `C)`: one of several answers to choose from.
fn is_choice(word: &str) -> bool {
    let inner = word.trim_start_matches('(').trim_end_matches(['.', ')', ':']);
    inner.len() == 1 && word.len() > 1 && inner.bytes().all(|b| b.is_ascii_alphabetic())
}

fn is_condition(word: &str) -> bool {
    static SET: OnceLock<HashSet<&'static str>> = OnceLock::new();
    SET.get_or_init(|| CONDITIONS.split_ascii_whitespace().collect()).contains(word)
}

/// Whether a word begins with one of the stems.
fn is_hard(word: &str) -> bool {
    static STEMS: OnceLock<HashSet<&'static str>> = OnceLock::new();
    let stems = STEMS.get_or_init(|| HARD.split_ascii_whitespace().collect());
    let longest = word.len().min(14);
    (3..=longest).any(|end| word.is_char_boundary(end) && stems.contains(&word[..end]))
}

/// The beginning and the end.
fn window(text: &str) -> std::borrow::Cow<'_, str> {
    if text.len() <= 2 * WINDOW {
        return text.into();
    }
    format!("{} {}", cut(text, WINDOW), tail(text, WINDOW)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harder_questions_score_higher() {
        let easy = complexity("Hi, how are you?");
        let middle = complexity("Explain why the sky is blue to a child, in three sentences.");
        let hard = complexity(
            "Prove that every bounded monotone sequence $x_n$ of real numbers converges, and derive an asymptotic bound \
             $O(1/n)$ for $|x_n - x|$ if $x_{n+1} = \\frac{x_n}{2} + \\frac{1}{x_n}$; justify every step, and state exactly \
             which hypotheses must hold.",
        );
        assert!(easy < 0.25 && easy < middle && middle < 0.7 && hard > 0.9, "{easy} {middle} {hard}");
    }

    #[test]
    fn the_range_is_used_by_questions_of_one_line() {
        let trivial = complexity("Write a function that adds two numbers");
        let hard = complexity(
            "Refactor this distributed consensus implementation to support dynamic membership changes; explain the race \
             condition between leader election and log compaction, and prove safety.",
        );
        assert!(trivial < 0.3 && hard > 0.7, "{trivial} {hard}");
    }

    #[test]
    fn more_of_a_feature_never_makes_it_easier() {
        assert!(WEIGHTS.iter().all(|weight| *weight >= 0.0));
        for (less, more) in
            [("Solve x.", "Solve x^2."), ("Sum these.", "Sum these if you must."), ("Why?", "Why? How? Where?")]
        {
            assert!(complexity(less) < complexity(more), "{more}");
        }
    }

    #[test]
    fn it_is_a_share_for_every_text() {
        for text in
            ["", " ", "\u{301}", "?".repeat(5_000).as_str(), "A) ".repeat(5_000).as_str(), "ß".repeat(9_999).as_str()]
        {
            let found = complexity(text);
            assert!((0.0..=1.0).contains(&found), "{found}");
        }
        assert!(complexity("").abs() < f64::EPSILON);
    }
}
