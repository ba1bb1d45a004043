//! A text laid out for recognisers: its bytes, the words of context and the tokens that hold digits.

use super::report::Kind;
use super::words::{Hit, Topic};

/// A run of ASCII letters and digits with at least one digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// First byte.
    pub(super) start: usize,
    /// One past the last byte.
    pub(super) end: usize,
    /// How many of them are digits.
    pub(super) digits: u32,
}

impl Token {
    /// Length in bytes.
    pub(super) fn len(self) -> usize {
        self.end - self.start
    }

    /// Whether there is no letter in it.
    pub(super) fn is_number(self) -> bool {
        self.digits as usize == self.len()
    }
}

/// Something found, in bytes of the folded text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Raw {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) confidence: f32,
}

/// What recognisers look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page<'t> {
    pub(super) bytes: &'t [u8],
    pub(super) hits: &'t [Hit],
    /// All topics that are spoken of anywhere.
    pub(super) topics: Topic,
    pub(super) tokens: &'t [Token],
}

/// The tokens of a text.
pub(super) fn tokens(bytes: &[u8], out: &mut Vec<Token>) {
    let (mut at, mut last_end) = (0, 0);
    while let Some(skip) = bytes[at..].iter().position(u8::is_ascii_digit) {
        let digit = at + skip;
        let mut start = digit;
        while start > last_end && bytes[start - 1].is_ascii_alphanumeric() {
            start -= 1;
        }
        let (mut end, mut digits) = (digit, 0);
        while let Some(byte) = bytes.get(end).filter(|byte| byte.is_ascii_alphanumeric()) {
            digits += u32::from(byte.is_ascii_digit());
            end += 1;
        }
        out.push(Token { start, end, digits });
        (at, last_end) = (end, end);
    }
}

impl<'t> Page<'t> {
    /// The bytes of a span.
    pub(super) fn slice(&self, start: usize, end: usize) -> &'t [u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// The byte before a place; a space at the beginning.
    pub(super) fn before(&self, at: usize) -> u8 {
        if at == 0 { b' ' } else { self.bytes[at - 1] }
    }

    /// The byte at a place; a space at the end.
    pub(super) fn at(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(b' ')
    }

    /// Whether a word of a topic ends within `reach` bytes before a place.
    pub(super) fn said_before(&self, topic: Topic, at: usize, reach: usize) -> bool {
        self.last_before(topic, at, reach).is_some()
    }

    /// The last word of a topic that ends within `reach` bytes before a place.
    pub(super) fn last_before(&self, topic: Topic, at: usize, reach: usize) -> Option<Hit> {
        if self.topics & topic == 0 {
            return None;
        }
        let from = at.saturating_sub(reach) as u32;
        let until = self.hits.partition_point(|hit| hit.end as usize <= at);
        self.hits[..until].iter().rev().take_while(|hit| hit.end >= from).find(|hit| hit.topic & topic != 0).copied()
    }

    /// Whether a word of a topic begins within `reach` bytes after a place.
    pub(super) fn said_after(&self, topic: Topic, at: usize, reach: usize) -> bool {
        if self.topics & topic == 0 {
            return false;
        }
        let until = (at + reach) as u32;
        let from = self.hits.partition_point(|hit| (hit.end as usize) < at);
        self.hits[from..]
            .iter()
            .take_while(|hit| hit.end <= until + 24)
            .any(|hit| hit.topic & topic != 0 && hit.start as usize >= at && hit.start <= until)
    }

    /// Whether a word of a topic stands near a span: a little before it or right after it.
    pub(super) fn said_near(&self, topic: Topic, start: usize, end: usize) -> bool {
        self.said_before(topic, start, 60) || self.said_after(topic, end, 40)
    }

    /// Whether the span is all there is to the text, give or take punctuation.
    pub(super) fn is_all(&self, start: usize, end: usize) -> bool {
        let blank = |bytes: &[u8]| bytes.len() <= 4 && !bytes.iter().any(u8::is_ascii_alphanumeric);
        blank(&self.bytes[..start]) && blank(&self.bytes[end..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_hold_digits() {
        let text = b"ab 12 x1y-foo 0044";
        let mut found = Vec::new();
        tokens(text, &mut found);
        let texts: Vec<&[u8]> = found.iter().map(|token| &text[token.start..token.end]).collect();
        assert_eq!(texts, [b"12".as_slice(), b"x1y", b"0044"]);
        assert!(found[0].is_number() && !found[1].is_number());
    }
}
