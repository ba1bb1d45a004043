//! The language of the user's words, as ISO 639-1.
//!
//! Prompts are short, and what tells short texts apart is not letter statistics but the small words: `the` and `is`,
//! `der` and `nicht`. So they are counted first; scripts that belong to one language need nothing else, and trigrams
//! (whatlang) decide where no small word did, if the text is long enough for them. Code is left out: it is written in
//! English whoever writes it. Where all that says too little the answer is [`UNKNOWN`], never a guess.

use std::{collections::HashMap, sync::OnceLock};

use whatlang::{Lang, Script};

mod words;

/// The language of a text that does not show it: code, numbers, a name, a word that many languages share.
pub const UNKNOWN: &str = "unknown";

/// Bytes of prose that are looked at. More do not change the answer, and the cost stays bounded.
const SAMPLE: usize = 768;

/// A line longer than this is looked at in part only.
const LINE: usize = 1_024;

/// Fewer letters than this tell trigrams nothing.
const LETTERS_FOR_TRIGRAMS: usize = 20;

/// From which confidence an answer is given.
const SURE: f64 = 0.5;

/// Of the characters of a line at most this share are symbols, or it is code.
const SYMBOLS: f64 = 0.1;

/// A language and how sure that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Language {
    /// ISO 639-1, or [`UNKNOWN`].
    pub code: &'static str,
    /// 0..1; below one half the code is [`UNKNOWN`].
    pub confidence: f64,
}

/// The language of `texts`, the most telling first; later ones are looked at while there is room.
pub fn language<'a>(texts: impl IntoIterator<Item = &'a str>) -> Language {
    let mut sample = String::with_capacity(SAMPLE + 64);
    for text in texts {
        prose(text, &mut sample);
        if sample.len() >= SAMPLE {
            break;
        }
    }
    let found = of_prose(&sample);
    if found.confidence < SURE { Language { code: UNKNOWN, ..found } } else { found }
}

fn of_prose(sample: &str) -> Language {
    let Some(script) = whatlang::detect_script(sample) else { return Language { code: UNKNOWN, confidence: 0.0 } };
    if let Some(code) = of_script(script, sample) {
        return Language { code, confidence: 1.0 };
    }
    let by_words = small_words(sample);
    if by_words.confidence >= SURE {
        return by_words;
    }
    trigrams(sample).filter(|found| found.confidence > by_words.confidence).unwrap_or(by_words)
}

/// The language of a script that only one language of note is written in.
fn of_script(script: Script, sample: &str) -> Option<&'static str> {
    // Japanese is written in Han too, and its own signs may be few.
    let kana = || sample.chars().any(|c| ('\u{3040}'..='\u{30ff}').contains(&c));
    let has = |letters: &[char]| sample.contains(letters);
    Some(match script {
        Script::Mandarin => {
            if kana() {
                "ja"
            } else {
                "zh"
            }
        }
        Script::Hiragana | Script::Katakana => "ja",
        Script::Hangul => "ko",
        Script::Greek => "el",
        Script::Thai => "th",
        Script::Armenian => "hy",
        Script::Georgian => "ka",
        Script::Bengali => "bn",
        Script::Gujarati => "gu",
        Script::Gurmukhi => "pa",
        Script::Kannada => "kn",
        Script::Khmer => "km",
        Script::Malayalam => "ml",
        Script::Myanmar => "my",
        Script::Oriya => "or",
        Script::Sinhala => "si",
        Script::Tamil => "ta",
        Script::Telugu => "te",
        Script::Ethiopic => "am",
        Script::Hebrew => "he",
        // Letters that Arabic does not have tell its neighbours.
        Script::Arabic => {
            if has(&['ٹ', 'ڈ', 'ڑ', 'ے', 'ں']) {
                "ur"
            } else if has(&['پ', 'چ', 'ژ', 'گ', 'ک', 'ی']) {
                "fa"
            } else {
                "ar"
            }
        }
        Script::Devanagari | Script::Cyrillic | Script::Latin => return None,
    })
}

/// By the words that every sentence has. A word of several languages counts for each in part.
fn small_words(sample: &str) -> Language {
    static TABLE: OnceLock<HashMap<&'static str, Vec<usize>>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let mut table: HashMap<&'static str, Vec<usize>> = HashMap::new();
        for (at, (_, words)) in words::WORDS.iter().enumerate() {
            for word in words.split_ascii_whitespace() {
                table.entry(word).or_default().push(at);
            }
        }
        table
    });
    let mut scores = [0.0_f64; words::WORDS.len()];
    let lower = sample.to_lowercase();
    for word in lower.split(|c: char| !c.is_alphabetic() && c != '\u{301}').filter(|word| !word.is_empty()) {
        for at in table.get(word).into_iter().flatten() {
            scores[*at] += 1.0 / table[word].len() as f64;
        }
    }
    let (best, score) = top(&scores, None);
    let (_, second) = top(&scores, Some(best));
    if score <= 0.0 {
        return Language { code: UNKNOWN, confidence: 0.0 };
    }
    // One word of its own is enough if nothing speaks for another language; shared words are not.
    let margin = (score - second) / (score + second);
    let confidence = margin.sqrt() * (score / (score + 0.4));
    Language { code: words::WORDS[best].0, confidence }
}

fn top(scores: &[f64], but: Option<usize>) -> (usize, f64) {
    let others = scores.iter().copied().enumerate().filter(|(at, _)| Some(*at) != but);
    others.fold((0, 0.0), |best, one| if one.1 > best.1 { one } else { best })
}

fn trigrams(sample: &str) -> Option<Language> {
    if sample.chars().filter(|c| c.is_alphabetic()).count() < LETTERS_FOR_TRIGRAMS {
        return None;
    }
    let found = whatlang::detect(sample)?;
    Some(Language { code: iso(found.lang())?, confidence: if found.is_reliable() { found.confidence() } else { 0.0 } })
}

/// Appends what is not code of `text` to `sample`, until that is full.
fn prose(text: &str, sample: &mut String) {
    let mut fenced = false;
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with("```") || line.starts_with("~~~") {
            fenced = !fenced;
            continue;
        }
        let line = cut(line, LINE);
        if fenced || line.is_empty() || is_code(line) {
            continue;
        }
        sample.push_str(cut(line, SAMPLE.saturating_sub(sample.len())));
        sample.push('\n');
        if sample.len() >= SAMPLE {
            return;
        }
    }
}

/// Whether a line looks like code, markup or data and not like a sentence.
fn is_code(line: &str) -> bool {
    let starts =
        ["import ", "from ", "def ", "class ", "fn ", "return ", "#include", "public ", "const ", "let ", "var "];
    let ends = line.ends_with(['{', '}'])
        || (line.ends_with(';') && line.contains(['(', '=', '.']))
        || (line.ends_with(':') && line.contains('('));
    if ends || starts.iter().any(|start| line.starts_with(start) && line.contains(['(', '=', '<', '{', '.'])) {
        return true;
    }
    let (mut symbols, mut all) = (0_usize, 0_usize);
    for c in line.chars() {
        all += 1;
        symbols += usize::from(matches!(
            c,
            '=' | '{'
                | '}'
                | '['
                | ']'
                | '<'
                | '>'
                | '|'
                | '\\'
                | '/'
                | '_'
                | '#'
                | '$'
                | '@'
                | '&'
                | '*'
                | '+'
                | '^'
                | '`'
                | '~'
        ));
    }
    symbols as f64 > SYMBOLS * all as f64 && symbols > 2
}

/// At most the first `most` bytes of `text`, whole characters.
pub(super) fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// At most the last `most` bytes of `text`, whole characters.
pub(super) fn tail(text: &str, most: usize) -> &str {
    let mut start = text.len().saturating_sub(most);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

/// ISO 639-1 of whatlang's languages.
fn iso(language: Lang) -> Option<&'static str> {
    words::ISO.iter().find(|(code, _)| *code == language.code()).map(|(_, iso)| *iso)
}

#[cfg(test)]
mod tests;
