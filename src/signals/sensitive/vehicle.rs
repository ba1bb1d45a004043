//! Vehicles: identification numbers by their check digit, plates by the words before them.

use super::page::{Page, Raw, Token};
use super::report::Kind;
use super::words::topic;

const VIN: Kind = Kind::personal("vin");
const PLATE: Kind = Kind::personal("license_plate");

/// Finds vehicles.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Raw>) {
    for token in page.tokens.iter().filter(|token| token.len() == 17 && token.digits >= 3 && !token.is_number()) {
        let said = page.said_before(topic::VEHICLE, token.start, 40);
        let text = page.slice(token.start, token.end);
        if is_vin(text) || (said && text.iter().all(|byte| !b"IOQioq".contains(byte))) {
            out.push(Raw { kind: VIN, start: token.start, end: token.end, confidence: if said { 0.95 } else { 0.7 } });
        }
    }
    if page.topics & topic::VEHICLE != 0 {
        plates(page, out);
    }
}

/// The check digit in the ninth place, mod 11.
fn is_vin(text: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    const VALUES: &[u8; 26] = b"12345678012345070923456789";
    let mut sum = 0;
    for (byte, weight) in text.iter().zip(WEIGHTS) {
        let byte = byte.to_ascii_uppercase();
        let value = if byte.is_ascii_digit() { byte - b'0' } else { VALUES[usize::from(byte - b'A')] - b'0' };
        if b"IOQ".contains(&byte) {
            return false;
        }
        sum += u32::from(value) * weight;
    }
    b"0123456789X"[(sum % 11) as usize] == text[8].to_ascii_uppercase()
}

fn plates(page: &Page<'_>, out: &mut Vec<Raw>) {
    for token in page.tokens.iter().filter(|token| token.len() <= 10) {
        if page.said_before(topic::VEHICLE, token.start, 28) {
            out.extend(plate(page, *token));
        }
    }
}

fn plate(page: &Page<'_>, token: Token) -> Option<Raw> {
    let (mut start, mut end) = (token.start, token.end);
    let is_word = |text: &[u8]| (1..=3).contains(&text.len()) && text.iter().all(u8::is_ascii_uppercase);
    if start > 0 && matches!(page.before(start), b' ' | b'-') {
        let letters =
            page.bytes[..start - 1].iter().rev().take(4).take_while(|byte| byte.is_ascii_alphabetic()).count();
        if is_word(page.slice(start - 1 - letters, start - 1)) {
            start -= 1 + letters;
        }
    }
    if end < page.bytes.len() && matches!(page.at(end), b' ' | b'-') {
        let letters = page.bytes[end + 1..].iter().take(4).take_while(|byte| byte.is_ascii_alphabetic()).count();
        if is_word(page.slice(end + 1, end + 1 + letters)) {
            end += 1 + letters;
        }
    }
    let text = page.slice(start, end);
    let letters = text.iter().filter(|byte| byte.is_ascii_uppercase()).count();
    (letters >= 1 && token.digits >= 1 && (5..=11).contains(&text.len()) && letters + token.digits as usize >= 5)
        .then_some(Raw { kind: PLATE, start, end, confidence: 0.8 })
}
