//! International bank account numbers: each country's length and form, and the check digits mod 97.

use super::checksum::mod_97;
use super::page::{Page, Raw};
use super::report::Kind;
use super::words::topic;

const IBAN: Kind = Kind::personal("iban");

/// Sorted: country and the form after its check digits: `n` digits, `a` letters, `c` either, each with a count.
const FORMS: &[(&[u8; 2], &str)] = &[
    (b"AD", "n8c12"),
    (b"AE", "n19"),
    (b"AL", "n8c16"),
    (b"AT", "n16"),
    (b"AZ", "a4c20"),
    (b"BA", "n16"),
    (b"BE", "n12"),
    (b"BG", "a4n6c8"),
    (b"BH", "a4c14"),
    (b"BI", "n23"),
    (b"BR", "n23a1c1"),
    (b"BY", "c4n4c16"),
    (b"CH", "n5c12"),
    (b"CR", "n18"),
    (b"CY", "n8c16"),
    (b"CZ", "n20"),
    (b"DE", "n18"),
    (b"DJ", "n23"),
    (b"DK", "n14"),
    (b"DO", "c4n20"),
    (b"EE", "n16"),
    (b"EG", "n25"),
    (b"ES", "n20"),
    (b"FI", "n14"),
    (b"FK", "a2n12"),
    (b"FO", "n14"),
    (b"FR", "n10c11n2"),
    (b"GB", "a4n14"),
    (b"GE", "a2n16"),
    (b"GI", "a4c15"),
    (b"GL", "n14"),
    (b"GR", "n7c16"),
    (b"GT", "c24"),
    (b"HN", "a4n20"),
    (b"HR", "n17"),
    (b"HU", "n24"),
    (b"IE", "a4n14"),
    (b"IL", "n19"),
    (b"IQ", "a4n15"),
    (b"IS", "n22"),
    (b"IT", "a1n10c12"),
    (b"JO", "a4n4c18"),
    (b"KW", "a4c22"),
    (b"KZ", "n3c13"),
    (b"LB", "n4c20"),
    (b"LC", "a4c24"),
    (b"LI", "n5c12"),
    (b"LT", "n16"),
    (b"LU", "n3c13"),
    (b"LV", "a4c13"),
    (b"LY", "n21"),
    (b"MC", "n10c11n2"),
    (b"MD", "c20"),
    (b"ME", "n18"),
    (b"MK", "n3c10n2"),
    (b"MN", "n16"),
    (b"MR", "n23"),
    (b"MT", "a4n5c18"),
    (b"MU", "a4n19a3"),
    (b"NI", "a4n20"),
    (b"NL", "a4n10"),
    (b"NO", "n11"),
    (b"OM", "n3c16"),
    (b"PK", "a4c16"),
    (b"PL", "n24"),
    (b"PS", "a4c21"),
    (b"PT", "n21"),
    (b"QA", "a4c21"),
    (b"RO", "a4c16"),
    (b"RS", "n18"),
    (b"RU", "n14c15"),
    (b"SA", "n2c18"),
    (b"SC", "a4n20a3"),
    (b"SD", "n14"),
    (b"SE", "n20"),
    (b"SI", "n15"),
    (b"SK", "n20"),
    (b"SM", "a1n10c12"),
    (b"SO", "n19"),
    (b"ST", "n21"),
    (b"SV", "a4n20"),
    (b"TL", "n19"),
    (b"TN", "n20"),
    (b"TR", "n6c16"),
    (b"UA", "n6c19"),
    (b"VA", "n18"),
    (b"VG", "a4n16"),
    (b"XK", "n16"),
    (b"YE", "a4n4c18"),
];

/// Finds account numbers.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Raw>) {
    for token in page.tokens {
        let text = page.slice(token.start, token.end);
        let [a, b, c, d, ..] = text else { continue };
        if !(a.is_ascii_alphabetic() && b.is_ascii_alphabetic() && c.is_ascii_digit() && d.is_ascii_digit()) {
            continue;
        }
        let country = [a.to_ascii_uppercase(), b.to_ascii_uppercase()];
        let Ok(form) = FORMS.binary_search_by_key(&country, |form| *form.0) else { continue };
        if let Some(end) = account(page, token.start, FORMS[form].1) {
            let said = page.said_before(topic::BANK, token.start, 60);
            out.push(Raw { kind: IBAN, start: token.start, end, confidence: if said { 0.99 } else { 0.95 } });
        }
    }
}

/// One past the account number that begins here.
fn account(page: &Page<'_>, start: usize, form: &str) -> Option<usize> {
    let (mut text, mut len, mut at) = ([0_u8; 34], 4, start + 4);
    text[..4].copy_from_slice(page.slice(start, at));
    let mut form = form.bytes().peekable();
    while let Some(class) = form.next() {
        let mut count = 0;
        while let Some(digit) = form.next_if(u8::is_ascii_digit) {
            count = count * 10 + usize::from(digit - b'0');
        }
        for _ in 0..count {
            at += usize::from(matches!(page.at(at), b' ' | b'-' | b'\n' | b'.'));
            let byte = page.at(at);
            let fits = match class {
                b'n' => byte.is_ascii_digit(),
                b'a' => byte.is_ascii_alphabetic(),
                _ => byte.is_ascii_alphanumeric(),
            };
            if !fits {
                return None;
            }
            *text.get_mut(len)? = byte;
            (len, at) = (len + 1, at + 1);
        }
    }
    if page.at(at).is_ascii_alphanumeric() {
        return None;
    }
    (mod_97(text[4..len].iter().chain(&text[..4]).copied()) == 1).then_some(at)
}
