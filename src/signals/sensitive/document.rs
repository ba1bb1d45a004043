//! Passports and driving licences: their numbers have no form of their own, so the words before them decide.

use super::page::{Page, Raw};
use super::report::Kind;
use super::words::topic;

const PASSPORT: Kind = Kind::personal("passport");
const LICENCE: Kind = Kind::personal("driving_licence");
/// From the words to the number: `passport number is`, `licence no.:`.
const REACH: usize = 36;

/// Finds document numbers.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Raw>) {
    if page.topics & (topic::PASSPORT | topic::LICENCE) == 0 {
        return;
    }
    let mut until = 0;
    for (at, token) in page.tokens.iter().enumerate() {
        if token.start < until || token.len() > 20 {
            continue;
        }
        let Some(words) = page.last_before(topic::PASSPORT | topic::LICENCE, token.start, REACH) else { continue };
        let gap = page.slice(words.end as usize, token.start);
        if sentence_ends(gap) {
            continue;
        }
        let (mut end, mut digits) = (token.end, token.digits);
        for next in page.tokens[at + 1..].iter().take(4) {
            if next.start != end + 1 || !b"-.".contains(&page.bytes[end]) {
                break;
            }
            (end, digits) = (next.end, digits + next.digits);
        }
        let licence = words.topic & topic::LICENCE != 0;
        let length = end - token.start;
        let fits = if licence { (5..=20).contains(&length) } else { (6..=10).contains(&length) };
        if fits && digits >= 4 {
            until = end;
            let kind = if licence { LICENCE } else { PASSPORT };
            out.push(Raw { kind, start: token.start, end, confidence: 0.9 });
        }
    }
}

/// Whether a sentence ends here; `no. ` does not end one.
fn sentence_ends(gap: &[u8]) -> bool {
    let stop = memchr::memmem::find(gap, b". ")
        .is_some_and(|at| gap[..at].iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count() > 3);
    stop || gap.windows(2).any(|pair| pair == b"\n\n" || pair == b"? ")
}
