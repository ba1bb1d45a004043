//! How many tokens a prompt has, estimated from classes of characters, with a bound of the error.
//!
//! Every provider cuts text differently and few say how, so no exact count exists before the answer. The estimate follows
//! what the byte-pair tokenizers of the large providers share: a common word with its leading space is one token, digits go
//! in threes, punctuation clings to its neighbours, and scripts with little training text cost more a character.
//!
//! Measured on 569 prompts of `RouterArena` (questions, articles, code; mostly English) with the counts that two providers
//! reported: Claude 3 Haiku counts 9 % more than the estimate (median), Gemini 2.0 Flash 7 % less, and 95 % of the 1,138
//! counts are within the bound. For other scripts the bound is wider and not measured; media widen it further, because
//! their cost depends on what is in them.

use std::io;

use serde::Serialize;
use serde_json::Value;

use super::media;
use crate::chat::{ChatRequest, Content, Map, Message, Part, ResponseFormat, Tool};

/// Estimated tokens and how far off they may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// The likeliest count.
    pub tokens: u64,
    /// The count is within so much of the truth for 95 of 100 requests.
    pub error: u64,
}

impl Estimate {
    /// The lower end.
    pub fn low(&self) -> u64 {
        self.tokens.saturating_sub(self.error)
    }

    /// The upper end.
    pub fn high(&self) -> u64 {
        self.tokens.saturating_add(self.error)
    }
}

/// The prompt tokens of `request`: messages, calls and their results, tools, schema, images, audio and files.
pub fn tokens(request: &ChatRequest) -> Estimate {
    let mut tally = Tally::default();
    for message in &request.messages {
        tally.message(message);
    }
    for tool in &request.tools {
        tally.tool(tool);
    }
    match &request.response_format {
        Some(ResponseFormat::JsonSchema { schema, .. }) => tally.json(schema),
        Some(ResponseFormat::Other(map)) => tally.map(map),
        Some(ResponseFormat::Text | ResponseFormat::JsonObject) | None => {}
    }
    tally.flat(REPLY_OPENING);
    tally.estimate()
}

/// The tokens of `texts`, as an embedding counts them.
pub fn tokens_of(texts: &[String]) -> Estimate {
    let mut tally = Tally::default();
    for text in texts {
        tally.text(text);
    }
    tally.estimate()
}

/// Tokens that mark a message and its role: `OpenAI` documents three for its chat format; other formats have three to six.
const MESSAGE: u64 = 4;
/// Tokens that open the reply.
const REPLY_OPENING: u64 = 3;
/// Tokens round a call or a definition of a tool beside its own text.
const TOOL: u64 = 8;
/// Share of the ASCII tokens by which tokenizers differ, in thousandths: holds for 95 of 100 counts (module docs).
const ASCII_ERROR: u64 = 250;
/// The same for other scripts, where vocabularies differ most.
const SCRIPT_ERROR: u64 = 400;
/// Short texts differ by a few tokens whatever they are.
const LEAST_ERROR: u64 = 4;

/// Running sums in thousandths of a token.
#[derive(Debug, Default)]
struct Tally {
    ascii: u64,
    script: u64,
    media: u64,
    media_error: u64,
}

impl Tally {
    fn estimate(&self) -> Estimate {
        let error = self.ascii * ASCII_ERROR / 1000 + self.script * SCRIPT_ERROR / 1000 + self.media_error;
        Estimate {
            tokens: (self.ascii + self.script + self.media).div_ceil(1000),
            error: error.div_ceil(1000) + LEAST_ERROR,
        }
    }

    fn flat(&mut self, tokens: u64) {
        self.ascii += tokens * 1000;
    }

    fn message(&mut self, message: &Message) {
        self.flat(MESSAGE);
        match &message.content {
            Content::Empty => {}
            Content::Text(text) => self.text(text),
            Content::Parts(parts) => parts.iter().for_each(|part| self.part(part)),
        }
        for call in &message.tool_calls {
            self.flat(TOOL);
            self.text(&call.name);
            self.text(&call.arguments);
        }
        for text in message.name.iter().chain(&message.tool_call_id) {
            self.text(text);
        }
    }

    fn part(&mut self, part: &Part) {
        let (tokens, error) = match part {
            Part::Text { text, .. } => return self.text(text),
            Part::Image { detail, .. } => media::image(detail.as_deref()),
            Part::Audio { data, format, .. } => media::audio(data.len(), format),
            Part::File { data, .. } => media::file(data.as_deref()),
            Part::Other(map) => media::other(map),
        };
        self.media += tokens * 1000;
        self.media_error += error * 1000;
    }

    fn tool(&mut self, tool: &Tool) {
        self.flat(TOOL);
        match tool {
            Tool::Function(function) => {
                self.text(&function.name);
                self.text(function.description.as_deref().unwrap_or_default());
                if let Some(schema) = &function.parameters {
                    self.json(schema);
                }
            }
            Tool::Hosted(map) => self.map(map),
        }
    }

    fn json(&mut self, value: &Value) {
        // Writing into the tally cannot fail.
        let _ = serde_json::to_writer(Sink(self), value);
    }

    fn map(&mut self, map: &Map) {
        let _ = serde_json::to_writer(Sink(self), map);
    }

    /// Counts one text. Runs of one class are taken at once.
    fn text(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut at = 0;
        let mut after_mark = false;
        while let Some(&byte) = bytes.get(at) {
            let from = at;
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' => at = self.word(bytes, at),
                b'0'..=b'9' => {
                    at = run(bytes, at, |b| b.is_ascii_digit());
                    self.ascii += (at - from).div_ceil(3) as u64 * 1000;
                }
                b' ' | b'\t' => {
                    at = run(bytes, at, |b| matches!(b, b' ' | b'\t'));
                    self.ascii += blank(at - from, bytes.get(at));
                }
                b'\n' | b'\r' => {
                    at = run(bytes, at, |b| matches!(b, b'\n' | b'\r'));
                    self.ascii += if after_mark { 300 } else { 1000 };
                }
                0..=127 => {
                    at = run(bytes, at, |b| {
                        b.is_ascii_punctuation() || b.is_ascii_control() && !b.is_ascii_whitespace()
                    })
                    .max(at + 1);
                    self.ascii += marks(at - from, bytes.get(at));
                }
                _ => at = self.character(text, at),
            }
            after_mark = byte.is_ascii_punctuation();
        }
    }

    /// A word from `at`: letters, with a new one at each capital after a small letter. Returns where it ends.
    fn word(&mut self, bytes: &[u8], mut at: usize) -> usize {
        let (mut small, mut capitals) = (0, 0);
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'a'..=b'z' => small += 1,
                b'A'..=b'Z' if small > 0 => break,
                b'A'..=b'Z' => capitals += 1,
                // Latin letters with marks: two bytes, and the word is rarely in the vocabulary as a whole.
                0xC3..=0xC9 => {
                    small += 1;
                    self.script += 600;
                    at += 1;
                }
                _ => break,
            }
            at += 1;
        }
        self.ascii += letters(small, capitals);
        at
    }

    /// One character beyond ASCII at `at`. Returns where it ends.
    fn character(&mut self, text: &str, at: usize) -> usize {
        let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) else { return at + 1 };
        self.script += script(character);
        at + character.len_utf8()
    }
}

/// Where the run of bytes from `at` that are `like` ends.
fn run(bytes: &[u8], at: usize, like: impl Fn(u8) -> bool) -> usize {
    at + bytes[at..].iter().take_while(|byte| like(**byte)).count()
}

/// A word in thousandths of a token: one, a little more for length; unbroken capitals and endless words go in pieces.
fn letters(small: u64, capitals: u64) -> u64 {
    let length = small + capitals;
    if length > 20 {
        length * 400
    } else if small == 0 && capitals > 3 {
        capitals * 380
    } else {
        1000 + length.saturating_sub(6) * 60
    }
}

/// Blanks: one before a word belongs to the word, more than one make a token, digits do not take theirs.
fn blank(length: usize, next: Option<&u8>) -> u64 {
    match next {
        _ if length > 1 => 1000,
        Some(b'0'..=b'9') => 600,
        _ => 0,
    }
}

/// A run of punctuation: often merged with itself, and a single one with the word after it.
fn marks(length: usize, next: Option<&u8>) -> u64 {
    match next {
        Some(b) if length == 1 && b.is_ascii_alphabetic() => 700,
        _ => 1000 + (length as u64 - 1) * 450,
    }
}

/// Thousandths of a token of one character beyond ASCII, by script, between what older and newer vocabularies need.
fn script(character: char) -> u64 {
    match u32::from(character) {
        0x80..=0x24F | 0x900..=0xEFF => 700,
        0x370..=0x52F => 420,
        0x590..=0x7FF => 550,
        0x3040..=0x30FF => 850,
        0x3400..=0x9FFF => 1050,
        0xAC00..=0xD7AF => 900,
        0x1_F000..=0x1_FFFF => 2200,
        0x2_0000.. => 2500,
        _ => 950,
    }
}

/// Takes the pieces that `serde_json` writes; it writes whole characters.
struct Sink<'a>(&'a mut Tally);

impl io::Write for Sink<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if let Ok(text) = std::str::from_utf8(piece) {
            self.0.text(text);
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
