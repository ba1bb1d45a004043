//! A text as the model reads it: words in lower case, look-alikes, accents and escapes made plain, what is s p a c e d out or
//! wr1tt3n with digits put together again.

use crate::signals::sensitive::fold::{escape, plain};

/// A longer word is cut: Chinese and Thai run on without spaces.
const LONGEST: usize = 24;
/// So many single letters in a row are a word that was spaced out.
const SPACED: usize = 4;

/// The words of a text, one after the other in one string, each followed by a space.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// The words, each followed by a space.
    pub(super) text: String,
    /// Where each word begins, and one past its last byte.
    pub(super) spans: Vec<Span>,
    /// Single letters so far, each one separator from the next.
    singles: usize,
}

/// One word.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether a colon follows: `system:`.
    pub(super) colon: bool,
}

impl Words {
    /// Reads a text.
    pub(super) fn new(text: &str) -> Self {
        let mut words = Self { text: String::with_capacity(text.len() + 16), ..Self::default() };
        let (mut start, mut length, mut gap) = (0, 0, 1);
        let mut chars = text.char_indices();
        while let Some((at, c)) = chars.next() {
            let c = match c {
                'a'..='z' | ' ' => c,
                '\\' | '%' | '&' => escaped(&text.as_bytes()[at..], &mut chars).unwrap_or(c),
                _ => c,
            };
            match letter(c) {
                Letter::None => {}
                Letter::Of(c) => {
                    words.text.push(c);
                    length += 1;
                    if length == LONGEST {
                        words.close(start, length, gap, false);
                        (start, length, gap) = (words.text.len(), 0, 2);
                    }
                }
                Letter::Between(c) => {
                    if length > 0 {
                        words.close(start, length, gap, c == ':');
                        (start, length, gap) = (words.text.len(), 0, 0);
                    }
                    gap += 1;
                }
            }
        }
        if length > 0 {
            words.close(start, length, gap, false);
        }
        words.join(0);
        words
    }

    /// One word of the text.
    pub(super) fn word(&self, span: Span) -> &str {
        &self.text[span.start..span.end]
    }

    fn close(&mut self, start: usize, length: usize, gap: usize, colon: bool) {
        if length >= 5 {
            unleet(&mut self.text, start);
        }
        if length == 1 && gap == 1 {
            self.singles += 1;
        } else {
            self.join(usize::from(length == 1));
        }
        let end = self.text.len();
        self.text.push(' ');
        self.spans.push(Span { start, end, colon });
        if length > 1 {
            self.singles = 0;
        }
    }

    /// Puts the single letters together that stand at the end; a new run begins with `next` letters. The word that is being
    /// closed is in the text already.
    fn join(&mut self, next: usize) {
        if self.singles >= SPACED {
            let first = self.spans.len() - self.singles;
            let (start, end) = (self.spans[first].start, self.spans[self.spans.len() - 1].end);
            let colon = self.spans[self.spans.len() - 1].colon;
            let joined: String = self.text[start..end].chars().filter(|c| *c != ' ').collect();
            // The text keeps its length, so that what follows keeps its place.
            let pad = end - start - joined.len();
            self.text.replace_range(start..end, &format!("{joined}{}", " ".repeat(pad)));
            self.spans.truncate(first);
            self.spans.push(Span { start, end: start + joined.len(), colon });
        }
        self.singles = next;
    }
}

enum Letter {
    /// Invisible.
    None,
    /// Part of a word.
    Of(char),
    /// Not part of a word.
    Between(char),
}

fn letter(c: char) -> Letter {
    let of = |byte: u8| match byte {
        b'A'..=b'Z' => Letter::Of(char::from(byte.to_ascii_lowercase())),
        b'a'..=b'z' | b'0'..=b'9' => Letter::Of(char::from(byte)),
        other => Letter::Between(char::from(other)),
    };
    if c.is_ascii() {
        return of(c as u8);
    }
    match plain(c) {
        None => Letter::None,
        Some(byte) if byte.is_ascii() && (byte.is_ascii_alphanumeric() || !c.is_alphanumeric()) => of(byte),
        // Signs of other scripts stay what they are.
        Some(_) if c.is_alphanumeric() || is_mark(c) => Letter::Of(c.to_lowercase().next().unwrap_or(c)),
        Some(_) => Letter::Between(c),
    }
}

/// Vowel signs and the like, which words of Indian and other scripts hold.
fn is_mark(c: char) -> bool {
    (0x900..0xe80).contains(&(c as u32))
}

/// The character that an escape stands for; its own characters are skipped.
fn escaped(bytes: &[u8], chars: &mut std::str::CharIndices<'_>) -> Option<char> {
    let (byte, width) = escape(bytes)?;
    for _ in 1..width {
        chars.next();
    }
    Some(char::from(byte))
}

/// Digits between letters become the letters they look like: `1gn0re`, never `gpt4`.
fn unleet(text: &mut String, start: usize) {
    let word = &text.as_bytes()[start..];
    let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = word.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    if digits == 0 || letters <= digits || !word.last().is_some_and(u8::is_ascii_alphabetic) {
        return;
    }
    let plain: String = text[start..].chars().map(looks_like).collect();
    text.replace_range(start.., &plain);
}

fn looks_like(c: char) -> char {
    match c {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let words = Words::new(text);
        words.spans.iter().map(|span| words.word(*span).to_owned()).collect()
    }

    #[test]
    fn look_alikes_and_escapes_are_read() {
        assert_eq!(words("Ｉgnоre\u{200b} ALL\\nprevi\\u006fus"), ["ignore", "all", "previous"]);
        assert_eq!(words("Führe %41us"), ["fuhre", "aus"]);
        assert_eq!(words("忽略 पासवर्ड"), ["忽略", "पासवर्ड"]);
    }

    #[test]
    fn spaced_and_disguised_words_are_put_together() {
        assert_eq!(words("1gn0re gpt4 pr3v10us 2024"), ["ignore", "gpt4", "previous", "2024"]);
        assert_eq!(words("i g n o r e  a l l, me"), ["ignore", "a", "l", "l", "me"]);
        assert_eq!(words("x i-g-n-o-r-e it"), ["xignore", "it"]);
        assert_eq!(words("I a b"), ["i", "a", "b"]);
    }

    #[test]
    fn long_words_are_cut_and_a_colon_is_noted() {
        assert_eq!(Words::new(&"好".repeat(100)).spans.len(), 5);
        assert!(Words::new("system: x").spans[0].colon);
    }
}
