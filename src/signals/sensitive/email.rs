//! E-mail addresses, by the rules that mail servers live by rather than by all that the standard allows.

use super::page::{Page, Raw};
use super::report::Kind;

const EMAIL: Kind = Kind::personal("email");
/// Lengths of the parts at most, from the standard.
const MOST_LOCAL: usize = 64;
const MOST_HOST: usize = 253;

/// Finds addresses, from each `@` outwards.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Raw>) {
    let mut from = 0;
    for at in memchr::memchr_iter(b'@', page.bytes) {
        if let Some((start, end)) = address(page, from, at) {
            out.push(Raw { kind: EMAIL, start, end, confidence: 0.95 });
            from = end;
        } else {
            from = at + 1;
        }
    }
}

fn address(page: &Page<'_>, from: usize, at: usize) -> Option<(usize, usize)> {
    let start = local(page, from, at)?;
    let (before, further) = (page.before(start), page.slice(start.saturating_sub(2), start));
    if before == b':' && further != b"::" && in_url(page, start) {
        return None;
    }
    if page.at(at + 1) == b'[' {
        return literal(page, at + 2).map(|end| (start, end));
    }
    host(page, at + 1).map(|end| (start, end))
}

/// Where the local part begins.
fn local(page: &Page<'_>, from: usize, at: usize) -> Option<usize> {
    let least = from.max(at.saturating_sub(MOST_LOCAL));
    let mut start = at;
    while start > least && is_local(page.bytes[start - 1]) {
        start -= 1;
    }
    while start < at && !(page.bytes[start].is_ascii_alphanumeric() || page.bytes[start] == b'_') {
        start += 1;
    }
    (start < at && page.bytes[at - 1] != b'.').then_some(start)
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._%+-'~!#&*/=^{|}".contains(&byte)
}

/// Whether a password of a URL stands here: `scheme://user:` before it.
fn in_url(page: &Page<'_>, start: usize) -> bool {
    let window = page.slice(start.saturating_sub(80), start);
    let word = window.iter().rposition(u8::is_ascii_whitespace).map_or(window, |space| &window[space..]);
    memchr::memmem::find(word, b"://").is_some()
}

/// One past a host name with a top-level domain.
fn host(page: &Page<'_>, start: usize) -> Option<usize> {
    let (mut at, mut labels, mut label) = (start, 0, start);
    let mut end = None;
    loop {
        let byte = page.at(at);
        if byte.is_ascii_alphanumeric() || (byte == b'-' && at > label) {
            at += 1;
            if at - start > MOST_HOST || at - label > 63 {
                return None;
            }
            continue;
        }
        if at == label || byte == b'_' || byte == b'@' {
            break;
        }
        labels += 1;
        let name = page.slice(label, at);
        let top = name.len() >= 2 && (name.iter().all(u8::is_ascii_alphabetic) || name.starts_with(b"xn--"));
        if labels >= 2 {
            end = if top { Some(at) } else { end };
        }
        if byte != b'.' {
            break;
        }
        at += 1;
        label = at;
    }
    end
}

/// One past an address in brackets: `[192.0.2.1]`.
fn literal(page: &Page<'_>, start: usize) -> Option<usize> {
    let length = page.bytes.get(start..)?.iter().take(45).position(|byte| *byte == b']')?;
    let inside = std::str::from_utf8(page.slice(start, start + length)).ok()?;
    inside.parse::<std::net::IpAddr>().ok().map(|_| start + length + 1)
}
