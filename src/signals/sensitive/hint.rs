//! Types that count only when the settings name them: URLs, and persons who are introduced by name. Dates are found in
//! `birth`. Whoever needs every name in free text needs a model; this finds what a form or a letterhead says.

use super::page::{Page, Raw};
use super::report::Kind;
use super::words::topic;

const URL: Kind = Kind::neutral("url");
const PERSON: Kind = Kind::neutral("person");

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
