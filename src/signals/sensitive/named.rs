//! Types that count only when the settings name them: URLs, persons who are introduced by name, and organisations by what they
//! are called. Dates are found in `birth`, places in `place`. Whoever needs every name in free text needs a model; this finds
//! what a form or a letterhead says.

use super::page::{Page, Raw};
use super::report::Kind;
use super::words::topic;

const URL: Kind = Kind::neutral("url");
const PERSON: Kind = Kind::neutral("person");
const ORGANIZATION: Kind = Kind::neutral("organization");

/// What stands after the name of a company.
const FORMS: &[&str] = &[
    "Inc",
    "Inc.",
    "Corp",
    "Corp.",
    "Corporation",
    "Incorporated",
    "Ltd",
    "Ltd.",
    "Limited",
    "LLC",
    "LLP",
    "PLC",
    "plc",
    "GmbH",
    "AG",
    "KG",
    "SE",
    "UG",
    "e.V.",
    "SA",
    "S.A.",
    "SAS",
    "SARL",
    "SL",
    "S.L.",
    "SpA",
    "S.p.A.",
    "Srl",
    "S.r.l.",
    "BV",
    "B.V.",
    "NV",
    "N.V.",
    "AB",
    "ASA",
    "ApS",
    "Oy",
    "Oyj",
    "Pty",
    "Pvt",
    "Group",
    "Holdings",
    "University",
    "Institute",
    "Bank",
    "Hospital",
    "Foundation",
    "Partners",
    "Associates",
];
/// What stands before the name of an institution.
const HEADS: &[&str] = &[
    "University of ",
    "Bank of ",
    "Ministry of ",
    "Department of ",
    "Institute of ",
    "Universitat ",
    "Universite de ",
];
/// Words of the name of an organisation at most.
const MOST_WORDS: usize = 4;

/// Finds `https://…`.
pub(super) fn urls(page: &Page<'_>, out: &mut Vec<Raw>) {
    for at in memchr::memmem::find_iter(page.bytes, b"://") {
        let scheme = page.bytes[..at].iter().rev().take(12).take_while(|byte| byte.is_ascii_alphabetic()).count();
        let rest = &page.bytes[at + 3..];
        let length =
            rest.iter().take(2048).take_while(|byte| byte.is_ascii_graphic() && !b"\"'<>`".contains(byte)).count();
        if scheme >= 2 && length >= 3 {
            out.push(Raw { kind: URL, start: at - scheme, end: at + 3 + length, confidence: 0.9 });
        }
    }
}

/// Finds the capitalised words after `Mr.`, `my name is`, `Name:`.
pub(super) fn persons(page: &Page<'_>, out: &mut Vec<Raw>) {
    for hit in page.hits.iter().filter(|hit| hit.topic == topic::NAME) {
        let from = hit.end as usize;
        let blank = page.bytes[from..].iter().take(3).take_while(|byte| **byte == b' ').count();
        let (mut end, mut at) = (from, from + blank);
        for _ in 0..3 {
            let rest = page.bytes.get(at..).unwrap_or_default();
            let word = rest.iter().take_while(|byte| byte.is_ascii_alphabetic() || b"'-".contains(byte)).count();
            if word < 2 || !rest[0].is_ascii_uppercase() {
                break;
            }
            end = at + word;
            if page.at(end) != b' ' {
                break;
            }
            at = end + 1;
        }
        if end > from {
            out.push(Raw { kind: PERSON, start: from + blank, end, confidence: 0.7 });
        }
    }
}

/// Finds `Meyer & Sons Ltd`, `Bank of England`.
pub(super) fn organizations(page: &Page<'_>, out: &mut Vec<Raw>) {
    let mut words: Vec<(usize, usize)> = Vec::new();
    for word in (Words { bytes: page.bytes, at: 0 }) {
        let text = page.slice(word.0, word.1);
        let follows = words.last().is_some_and(|last| page.slice(last.1, word.0) == b" ");
        if !follows {
            words.clear();
        }
        let named = text[0].is_ascii_uppercase() || text[0].is_ascii_digit() || text == b"&";
        if FORMS.iter().any(|form| form.as_bytes() == text) && !words.is_empty() {
            let first = words[words.len().saturating_sub(MOST_WORDS)];
            out.push(Raw { kind: ORGANIZATION, start: first.0, end: word.1, confidence: 0.7 });
            words.clear();
        } else if named {
            words.push(word);
        } else {
            words.clear();
        }
    }
    for head in HEADS {
        for at in memchr::memmem::find_iter(page.bytes, head.as_bytes()) {
            let from = at + head.len();
            let name = Words { bytes: page.bytes, at: from }.next().filter(|word| word.0 == from);
            if let Some(word) = name.filter(|word| page.bytes[word.0].is_ascii_uppercase()) {
                out.push(Raw { kind: ORGANIZATION, start: at, end: word.1, confidence: 0.7 });
            }
        }
    }
}

/// Words with the marks that names hold.
struct Words<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl Iterator for Words<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"&.-'".contains(byte);
        let start =
            self.at + self.bytes[self.at..].iter().position(|byte| byte.is_ascii_alphanumeric() || *byte == b'&')?;
        let end = start + self.bytes[start..].iter().take_while(|byte| inside(byte)).count();
        self.at = end;
        Some((start, end))
    }
}
