//! Numbers written in groups: finds the windows of groups that may belong together and asks each recogniser about them.
//!
//! From one place at most [`MOST_GROUPS`] groups are joined, so the work is linear in the text.

use super::ids::Ids;
use super::page::{Page, Raw, Token};
use super::{card, phone, ssn};

/// A card number with a space after every digit has sixteen; everything else has fewer.
const MOST_GROUPS: usize = 16;
/// Groups of more than one digit that belong together at most.
const MOST_LONG_GROUPS: usize = 8;
/// The longest number that any recogniser knows.
pub(super) const MOST_DIGITS: usize = 20;

/// Some groups that follow each other, as one number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window<'p> {
    pub(super) page: &'p Page<'p>,
    /// First byte of the first group.
    pub(super) start: usize,
    /// One past the last group, without an extension.
    pub(super) end: usize,
    /// One past the extension of a phone number, if the last group has one.
    pub(super) extension: Option<usize>,
    /// Start and length of each group.
    spans: [(usize, u8); MOST_GROUPS],
    count: usize,
    digits: [u8; MOST_DIGITS],
    len: usize,
    /// Whether a line ends inside.
    pub(super) broken: bool,
}

impl<'p> Window<'p> {
    fn new(page: &'p Page<'p>, start: usize) -> Self {
        Self {
            page,
            start,
            end: start,
            extension: None,
            spans: [(0, 0); MOST_GROUPS],
            count: 0,
            digits: [0; MOST_DIGITS],
            len: 0,
            broken: false,
        }
    }

    /// The values of all digits.
    pub(super) fn digits(&self) -> &[u8] {
        &self.digits[..self.len]
    }

    /// How many groups.
    pub(super) fn groups(&self) -> usize {
        self.count
    }

    /// The length of a group.
    pub(super) fn group(&self, at: usize) -> usize {
        usize::from(self.spans[at].1)
    }

    /// Whether the groups have these lengths.
    pub(super) fn is(&self, lengths: &[u8]) -> bool {
        self.count == lengths.len()
            && self.spans[..self.count].iter().zip(lengths).all(|(span, length)| span.1 == *length)
    }

    /// What stands between a group and the next.
    pub(super) fn gap(&self, at: usize) -> &'p [u8] {
        let (start, length) = self.spans[at];
        self.page.slice(start + usize::from(length), self.spans[at + 1].0)
    }

    /// Whether all gaps are one and the same character.
    pub(super) fn even(&self) -> bool {
        self.count < 2 || (0..self.count - 1).all(|at| self.gap(at).len() == 1 && self.gap(at) == self.gap(0))
    }

    /// A finding over the groups.
    pub(super) fn raw(&self, kind: super::report::Kind, confidence: f32) -> Raw {
        Raw { kind, start: self.start, end: self.end, confidence }
    }

    /// Appends a group; false if it does not fit.
    fn push(&mut self, start: usize, end: usize) -> bool {
        if self.count == MOST_GROUPS || self.len + (end - start) > MOST_DIGITS {
            return false;
        }
        for (into, byte) in self.digits[self.len..].iter_mut().zip(self.page.slice(start, end)) {
            *into = byte - b'0';
        }
        self.spans[self.count] = (start, (end - start) as u8);
        (self.count, self.len, self.end) = (self.count + 1, self.len + end - start, end);
        true
    }

    /// Whether the same character and more digits go on on both sides.
    fn is_torn(&self) -> bool {
        let gap = self.page.before(self.start);
        self.page.at(self.end) == gap
            && (gap.is_ascii_punctuation() || gap == b' ')
            && self.start > 1
            && self.page.bytes[self.start - 2].is_ascii_digit()
            && self.page.at(self.end + 1).is_ascii_digit()
            && self.count > 1
    }

    fn is_spelled_out(&self) -> bool {
        self.spans[..self.count].iter().all(|span| span.1 == 1)
    }
}

/// Finds cards, phones, social security numbers and national numbers.
pub(super) fn scan(page: &Page<'_>, ids: &Ids, out: &mut Vec<Raw>) {
    let (mut at, mut row) = (0, Row { first: 0, end: 0 });
    while at < page.tokens.len() {
        if at >= row.end {
            row = Row::at(page, at);
        }
        if row.is_tedious(page, at) {
            at += 1;
            continue;
        }
        let cards_only = row.is_for_cards(page, at);
        match best(page, ids, at, cards_only) {
            Some(raw) => {
                out.push(raw);
                at += page.tokens[at..].partition_point(|token| token.start < raw.end).max(1);
            }
            None => at += 1,
        }
    }
}

/// Numbers that follow each other with one and the same thing between them.
#[derive(Clone, Copy, Debug)]
struct Row {
    first: usize,
    end: usize,
}

impl Row {
    /// The row that begins with a token.
    fn at(page: &Page<'_>, first: usize) -> Self {
        let tokens = &page.tokens[first..];
        let gap = tokens.get(1).map_or(&[][..], |next| page.slice(tokens[0].end, next.start.min(tokens[0].end + 4)));
        let follows = |pair: &[Token]| {
            let apart = pair[1].start - pair[0].end;
            apart <= 3 && page.slice(pair[0].end, pair[1].start) == gap && pair[0].is_number()
        };
        Self { first, end: first + 1 + tokens.windows(2).take_while(|pair| follows(pair)).count() }
    }

    /// Whether only a card can begin at a place, deep inside a row of groups of four.
    fn is_for_cards(self, page: &Page<'_>, at: usize) -> bool {
        self.end - self.first > MOST_LONG_GROUPS && self.end - at > 4 && at > self.first && page.tokens[at].len() == 4
    }

    /// Whether nothing but a card can begin at a place, deep inside a row, and not even a card does.
    fn is_tedious(self, page: &Page<'_>, at: usize) -> bool {
        let (length, token) = (self.end - self.first, page.tokens[at]);
        match token.len() {
            1 => length > MOST_GROUPS + 3,
            4 if length > MOST_LONG_GROUPS && self.end - at > 4 => !issued(page.bytes[token.start]),
            _ => length > MOST_LONG_GROUPS && at - self.first > 3 && self.end - at > 1,
        }
    }
}

/// The likeliest number that begins with a token.
fn best(page: &Page<'_>, ids: &Ids, first: usize, cards_only: bool) -> Option<Raw> {
    let token = page.tokens[first];
    group(page, token)?;
    let start = token.start;
    let alone = page.tokens.get(first + 1).is_none_or(|next| next.start > token.end + 3);
    if (alone && token.len() < 6) || token.len() > MOST_DIGITS || !begins(page, start) {
        return None;
    }
    let mut window = Window::new(page, start);
    let mut best: Option<Raw> = None;
    for (step, token) in page.tokens[first..].iter().enumerate() {
        if step > 0 {
            let Some(line) = joined(page.slice(window.end, token.start)) else { break };
            window.broken |= line;
        }
        let Some((end, extension)) = group(page, *token) else { break };
        if !window.push(token.start, end) {
            break;
        }
        window.extension = extension;
        if window.count > MOST_LONG_GROUPS && !window.is_spelled_out() {
            break;
        }
        if cards_only || window.is_torn() {
            if window.len == 16 {
                best = better(best, card::check(&window));
            }
        } else if window.len >= 6 && ends(page, window.end) {
            for found in [card::check(&window), ssn::check(&window), phone::check(&window), ids.number(&window)] {
                best = better(best, found);
            }
        }
        if extension.is_some() || (cards_only && window.len >= 16) {
            break;
        }
    }
    best
}

fn better(have: Option<Raw>, new: Option<Raw>) -> Option<Raw> {
    match (have, new) {
        (Some(have), Some(new)) => {
            let longer = new.end - new.start > have.end - have.start;
            let wins = new.confidence > have.confidence + 0.001 || (new.confidence > have.confidence - 0.001 && longer);
            Some(if wins { new } else { have })
        }
        (have, new) => new.or(have),
    }
}

/// Whether cards begin with a digit.
fn issued(digit: u8) -> bool {
    matches!(digit, b'2'..=b'6')
}

/// The digits of a token that count as a group, and the end of an extension (`9740x11144`, `1482ext63`).
fn group(page: &Page<'_>, token: Token) -> Option<(usize, Option<usize>)> {
    if token.is_number() {
        return Some((token.end, None));
    }
    let text = page.slice(token.start, token.end.min(token.start + 16));
    let lead = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = &text[lead..];
    let mark = if rest.starts_with(b"ext") { 3 } else { usize::from(matches!(rest.first(), Some(b'x' | b'X'))) };
    let is_extension = (3..=4).contains(&lead)
        && mark > 0
        && (2..=7).contains(&(rest.len() - mark))
        && rest[mark..].iter().all(u8::is_ascii_digit)
        && token.len() < 16;
    is_extension.then_some((token.start + lead, Some(token.end)))
}

/// Whether two groups with this between them may belong together; true inside if a line ends there.
fn joined(gap: &[u8]) -> Option<bool> {
    let fits = !gap.is_empty() && gap.len() <= 3 && gap.iter().all(|byte| b" .-/()\n\t".contains(byte));
    let sentence = gap.windows(2).any(|pair| pair == b". ");
    (fits && !sentence).then(|| gap.contains(&b'\n'))
}

/// A number does not begin in the middle of another one.
fn begins(page: &Page<'_>, start: usize) -> bool {
    let before = page.before(start);
    let further = if start > 1 { page.bytes[start - 2] } else { b' ' };
    let glued = matches!(before, b'-' | b'.' | b'/' | b'*' | b'+') || (before == b',' && thousands(page, start));
    !(glued && further.is_ascii_digit()) && before != b'$'
}

/// Nor does it end there.
fn ends(page: &Page<'_>, end: usize) -> bool {
    let (next, further) = (page.at(end), page.at(end + 1));
    let glued = matches!(next, b'-' | b'.' | b'/' | b'*' | b':') || (next == b',' && thousands(page, end + 1));
    !(glued && further.is_ascii_digit()) && next != b'%'
}

/// Whether exactly three digits begin here, as after the comma of a large number.
fn thousands(page: &Page<'_>, at: usize) -> bool {
    let rest = page.slice(at, (at + 4).min(page.bytes.len()));
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits == 3 && rest.get(3).is_none_or(|byte| !b"-/ ".contains(byte))
}
