//! Internet addresses that lead to somebody: public ones of version 4 and 6. Private, loopback and link-local addresses
//! are everybody's. Hardware addresses are found here too, as they look alike.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::page::{Page, Raw};
use super::report::Kind;
use super::words::topic;

const IP: Kind = Kind::personal("ip_address");
const PRIVATE: Kind = Kind::neutral("private_ip");
const MAC: Kind = Kind::neutral("mac_address");

/// Finds addresses.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Raw>) {
    dotted(page, out);
    colons(page, out);
}

fn dotted(page: &Page<'_>, out: &mut Vec<Raw>) {
    let mut at = 0;
    while let Some(four) = page.tokens.get(at..at + 4) {
        at += 1;
        let adjacent =
            |pair: &[super::page::Token]| pair[1].start - pair[0].end == 1 && page.bytes[pair[0].end] == b'.';
        if !four.iter().all(|token| token.is_number() && token.len() <= 3) || !four.windows(2).all(adjacent) {
            continue;
        }
        let (start, end) = (four[0].start, four[3].end);
        let inside = |edge: u8, further: u8| (edge == b'.' || edge == b'-') && further.is_ascii_alphanumeric();
        let further = if start > 1 { page.bytes[start - 2] } else { b' ' };
        if inside(page.before(start), further) || inside(page.at(end), page.at(end + 1)) {
            continue;
        }
        let mut octets = [0_u8; 4];
        let parsed = octets.iter_mut().zip(four).try_for_each(|(octet, token)| {
            let text = page.slice(token.start, token.end);
            let value = text.iter().fold(0_u16, |sum, byte| sum * 10 + u16::from(byte - b'0'));
            u8::try_from(value).map(|value| *octet = value)
        });
        if parsed.is_err()
            || page.said_before(topic::VERSION, start, 3)
            || page.said_before(topic::VERSION, start, 12) && !page.said_before(topic::IP, start, 24)
        {
            continue;
        }
        let kind = if is_public(octets.into()) { IP } else { PRIVATE };
        out.push(Raw { kind, start, end, confidence: 0.9 });
        at += 3;
    }
}

fn is_public(ip: Ipv4Addr) -> bool {
    let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
    let own = ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.octets()[0] == 0 || shared;
    !own && !ip.is_broadcast() && !ip.is_multicast()
}

/// Runs of hexadecimal digits and colons: addresses of version 6 and of hardware.
fn colons(page: &Page<'_>, out: &mut Vec<Raw>) {
    let bytes = page.bytes;
    let mut from = 0;
    while let Some(skip) = memchr::memchr(b':', &bytes[from..]) {
        let colon = from + skip;
        let mut start = colon;
        while start > from && bytes[start - 1].is_ascii_hexdigit() && colon - start < 5 {
            start -= 1;
        }
        let mut end = colon;
        while end < bytes.len() && (bytes[end].is_ascii_hexdigit() || bytes[end] == b':') {
            end += 1;
        }
        from = end.max(colon + 1);
        let edge = page.before(start);
        if end - start >= 3 && end - start <= 60 && !edge.is_ascii_alphanumeric() && !matches!(edge, b':' | b'.' | b'_')
        {
            out.extend(version_6(page, start, end).or_else(|| hardware(page, start, end)));
        }
    }
}

fn version_6(page: &Page<'_>, start: usize, mut end: usize) -> Option<Raw> {
    // `…:192.0.2.1` ends in a dotted address.
    end += page.bytes[end..].iter().take(13).take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    if page.before(end) == b'.' {
        end -= 1;
    }
    let run = page.slice(start, end);
    if page.at(end).is_ascii_alphanumeric() {
        return None;
    }
    if run.ends_with(b":") && !run.ends_with(b"::") {
        end -= 1;
    }
    memchr::memchr_iter(b':', run).nth(1)?;
    let text = std::str::from_utf8(page.slice(start, end)).ok()?;
    let ip: Ipv6Addr = text.parse().ok()?;
    let digits = text.bytes().filter(u8::is_ascii_hexdigit).count();
    let first = ip.segments()[0];
    let mapped = ip.to_ipv4_mapped().is_some_and(|ip| !is_public(ip));
    let local = mapped
        || ip.is_loopback()
        || ip.is_unspecified()
        || ip.is_multicast()
        || first & 0xfe00 == 0xfc00
        || first & 0xffc0 == 0xfe80;
    // `a::b` is also how programs name things: short forms need digits or a word.
    let sure = digits >= 8
        || page.said_before(topic::IP, start, 30)
        || (text.bytes().any(|byte| byte.is_ascii_digit()) && digits >= 5);
    sure.then_some(Raw { kind: if local { PRIVATE } else { IP }, start, end, confidence: 0.9 })
}

fn hardware(page: &Page<'_>, start: usize, end: usize) -> Option<Raw> {
    let run = page.slice(start, end);
    let formed = run.len() == 17 && run.iter().enumerate().all(|(at, byte)| (at % 3 == 2) == (*byte == b':'));
    let empty = run.iter().all(|byte| matches!(byte, b'0' | b':'));
    (formed && !empty && !page.at(end).is_ascii_alphanumeric()).then_some(Raw {
        kind: MAC,
        start,
        end,
        confidence: if page.said_before(topic::MAC, start, 30) { 0.95 } else { 0.8 },
    })
}
