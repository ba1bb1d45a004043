//! Payment cards: the issuer's range, its lengths and Luhn's check digit.

use super::checksum;
use super::number::Window;
use super::page::Raw;
use super::report::Kind;
use super::words::topic;

const CARD: Kind = Kind::personal("credit_card");

/// First and last six-digit prefix of a network, with the lengths it issues as bits.
const RANGES: &[(u32, u32, u32)] = &[
    (400_000, 499_999, 1 << 13 | 1 << 16 | 1 << 19),
    (510_000, 559_999, 1 << 16),
    (222_100, 272_099, 1 << 16),
    (340_000, 349_999, 1 << 15),
    (370_000, 379_999, 1 << 15),
    (300_000, 305_999, 1 << 14 | 1 << 16),
    (309_500, 309_599, 1 << 14 | 1 << 16),
    (360_000, 369_999, 1 << 14 | 1 << 16),
    (380_000, 399_999, 1 << 14 | 1 << 16),
    (601_100, 601_199, 1 << 16 | 1 << 19),
    (622_126, 622_925, 1 << 16 | 1 << 19),
    (644_000, 659_999, 1 << 16 | 1 << 19),
    (352_800, 358_999, 1 << 16 | 1 << 19),
    (213_100, 213_199, 1 << 15),
    (180_000, 180_099, 1 << 15),
    (620_000, 629_999, 1 << 16 | 1 << 17 | 1 << 18 | 1 << 19),
    (220_000, 220_499, 1 << 16),
    (979_200, 979_299, 1 << 16),
    (500_000, 509_999, 0b1111_1111 << 12),
    (560_000, 589_999, 0b1111_1111 << 12),
    (600_000, 600_999, 0b1111_1111 << 12),
    (606_282, 606_282, 1 << 16),
    (630_000, 639_999, 0b1111_1111 << 12),
    (670_000, 679_999, 0b1111_1111 << 12),
    (810_000, 817_199, 1 << 16),
];

/// A card's number in one piece or in the groups it is printed in.
pub(super) fn check(window: &Window<'_>) -> Option<Raw> {
    let digits = window.digits();
    if !(12..=19).contains(&digits.len()) || !printed(window) {
        return None;
    }
    let prefix = checksum::value(&digits[..6]) as u32;
    let issued = |&(first, last, lengths): &(u32, u32, u32)| {
        (first..=last).contains(&prefix) && lengths & (1 << digits.len()) != 0
    };
    if !checksum::luhn(digits) || digits.iter().all(|digit| *digit == digits[0]) {
        return None;
    }
    let said = window.page.said_near(topic::CARD, window.start, window.end);
    if !RANGES.iter().any(issued) {
        // Where the words speak of a card, an issuer that we don't know is no reason to let its number go.
        return (said && window.groups() <= 5).then(|| window.raw(CARD, 0.7));
    }
    let confidence = match (said, digits.len()) {
        (true, _) => 0.99,
        (false, 14..=16) => 0.85,
        (false, _) => 0.6,
    };
    Some(window.raw(CARD, confidence))
}

fn printed(window: &Window<'_>) -> bool {
    let groups = window.groups();
    if groups == 1 {
        return true;
    }
    if !window.even() || !matches!(window.gap(0), b" " | b"-" | b"." | b"\n") {
        return false;
    }
    let last = window.group(groups - 1);
    let fours = (0..groups - 1).all(|at| window.group(at) == 4) && last <= 4 && (3..=5).contains(&groups);
    let single = (0..groups).all(|at| window.group(at) == 1);
    fours || single || window.is(&[4, 6, 5]) || window.is(&[4, 6, 4]) || window.is(&[8, 8])
}
