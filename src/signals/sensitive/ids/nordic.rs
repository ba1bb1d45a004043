//! Denmark, Estonia, Finland, Iceland, Latvia, Lithuania, Norway, Sweden.

use super::super::checksum::{luhn, value, weighted};
use super::super::report::Kind;
use super::super::words::topic;
use super::{CodeId, NumberId, PERSON, day_first, values, year_first};

pub(super) const NUMBERS: &[NumberId] = &[
    NumberId {
        kind: Kind::personal("se_personnummer"),
        topics: PERSON,
        len: 10,
        bare: 0.3,
        grouped: &[(&[6, 4], 0.7)],
        check: swedish,
    },
    NumberId {
        kind: Kind::personal("se_personnummer"),
        topics: PERSON,
        len: 12,
        bare: 0.6,
        grouped: &[(&[8, 4], 0.8)],
        check: swedish_long,
    },
    NumberId {
        kind: Kind::personal("se_organisationsnummer"),
        topics: topic::COMPANY | topic::TAX,
        len: 10,
        bare: 0.0,
        grouped: &[(&[6, 4], 0.4)],
        check: luhn,
    },
    NumberId {
        kind: Kind::personal("no_fodselsnummer"),
        topics: PERSON,
        len: 11,
        bare: 0.6,
        grouped: &[(&[6, 5], 0.8), (&[2, 2, 2, 5], 0.6)],
        check: norwegian,
    },
    NumberId {
        kind: Kind::personal("dk_cpr"),
        topics: PERSON,
        len: 10,
        bare: 0.1,
        grouped: &[(&[6, 4], 0.6)],
        check: danish,
    },
    NumberId {
        kind: Kind::personal("is_kennitala"),
        topics: PERSON,
        len: 10,
        bare: 0.4,
        grouped: &[(&[6, 4], 0.65)],
        check: icelandic,
    },
    NumberId { kind: Kind::personal("ee_isikukood"), topics: PERSON, len: 11, bare: 0.45, grouped: &[], check: baltic },
    NumberId {
        kind: Kind::personal("lv_personas_kods"),
        topics: PERSON,
        len: 11,
        bare: 0.1,
        grouped: &[(&[6, 5], 0.6)],
        check: latvian,
    },
];

pub(super) const CODES: &[CodeId] = &[
    CodeId { kind: Kind::personal("fi_hetu"), topics: PERSON, form: "000000000x", bare: 0.6, check: finnish },
    CodeId { kind: Kind::personal("fi_hetu"), topics: PERSON, form: "000000a000x", bare: 0.85, check: finnish },
];

fn swedish(d: &[u8]) -> bool {
    let day = value(&d[4..6]);
    let shifted = if day > 60 { day - 60 } else { day };
    super::is_date(value(&d[2..4]), shifted) && luhn(d)
}

fn swedish_long(d: &[u8]) -> bool {
    (18..=21).contains(&value(&d[..2])) && swedish(&d[2..])
}

fn norwegian(d: &[u8]) -> bool {
    let mut birth = [0; 6];
    birth.copy_from_slice(&d[..6]);
    birth[0] %= 4;
    birth[2] %= 4;
    let first = (11 - weighted(&d[..9], &[3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11) % 11;
    let second = (11 - weighted(&d[..10], &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    day_first(&birth, 0) && first == u32::from(d[9]) && second == u32::from(d[10])
}

fn danish(d: &[u8]) -> bool {
    day_first(d, 0)
}

fn icelandic(d: &[u8]) -> bool {
    let check = (11 - weighted(&d[..8], &[3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    day_first(d, 0) && check == u32::from(d[8]) && matches!(d[9], 0 | 8 | 9)
}

fn baltic(d: &[u8]) -> bool {
    let mut rest = weighted(&d[..10], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11;
    if rest == 10 {
        rest = weighted(&d[..10], &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10;
    }
    (1..=8).contains(&d[0]) && year_first(d, 1) && rest == u32::from(d[10])
}

fn latvian(d: &[u8]) -> bool {
    day_first(d, 0) && d[6] <= 2 || d.starts_with(&[3, 2])
}

fn finnish(text: &[u8]) -> bool {
    let digits = values(&text[..6]);
    let serial = values(&text[text.len() - 4..text.len() - 1]);
    if text.len() == 11 && !b"ABCDEFYXWVU".contains(&text[6]) {
        return false;
    }
    let number = value(&digits) * 1000 + value(&serial);
    serial.len() == 3
        && day_first(&digits, 0)
        && b"0123456789ABCDEFHJKLMNPRSTUVWXY"[(number % 31) as usize] == text[text.len() - 1]
}
