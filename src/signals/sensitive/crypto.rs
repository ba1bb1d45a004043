//! Wallets of cryptocurrencies.

use super::page::{Page, Raw};
use super::report::Kind;
use super::words::topic;

const WALLET: Kind = Kind::personal("crypto_wallet");

/// Finds wallet addresses.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Raw>) {
    for token in page.tokens.iter().filter(|token| (26..=90).contains(&token.len())) {
        let text = page.slice(token.start, token.end);
        let sure = match text {
            [b'b' | b'B', b'c' | b'C', b'1', ..] if bech32(text) => 0.95,
            [b'0', b'x', hex @ ..] if hex.len() == 40 && hex.iter().all(u8::is_ascii_hexdigit) => 0.8,
            [b'1' | b'3', ..] if text.len() <= 35 && base58(text) => 0.6,
            [b'4' | b'8', ..] if text.len() == 95 && base58(text) => 0.8,
            _ => continue,
        };
        let said = page.said_before(topic::CRYPTO, token.start, 60);
        out.push(Raw { kind: WALLET, start: token.start, end: token.end, confidence: if said { 0.97 } else { sure } });
    }
}

fn base58(text: &[u8]) -> bool {
    let letters = text.iter().all(|byte| byte.is_ascii_alphanumeric() && !b"0OIl".contains(byte));
    let count = |test: fn(&u8) -> bool| text.iter().filter(|byte| test(byte)).count();
    letters
        && count(u8::is_ascii_lowercase) >= 5
        && count(u8::is_ascii_uppercase) >= 5
        && count(u8::is_ascii_digit) >= 2
}

/// The checksum of bech32 and bech32m: a polynomial over the values of 32 letters.
fn bech32(text: &[u8]) -> bool {
    const LETTERS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const STEPS: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let mut check = 1_u32;
    let mut step = |value: u32| {
        let top = check >> 25;
        check = (check & 0x1ff_ffff) << 5 ^ value;
        for (bit, term) in STEPS.iter().enumerate() {
            check ^= if top >> bit & 1 == 1 { *term } else { 0 };
        }
    };
    // The human-readable part is always `bc`: its high bits, a zero, its low bits.
    [3, 3, 0, 2, 3].into_iter().for_each(&mut step);
    for byte in &text[3..] {
        let Some(value) = LETTERS.iter().position(|letter| *letter == byte.to_ascii_lowercase()) else { return false };
        step(value as u32);
    }
    matches!(check, 1 | 0x2bc8_30a3)
}
