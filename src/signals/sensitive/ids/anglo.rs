//! Australia, Canada, Ireland, New Zealand, South Africa, the United Kingdom, the United States.

use super::super::checksum::{luhn, value, weighted};
use super::super::report::Kind;
use super::super::words::topic;
use super::{CodeId, NumberId, PERSON, unchecked, year_first};

pub(super) const NUMBERS: &[NumberId] = &[
    NumberId {
        kind: Kind::personal("uk_nhs"),
        topics: PERSON | topic::MEDICAL_ID,
        len: 10,
        bare: 0.3,
        grouped: &[(&[3, 3, 4], 0.5)],
        check: nhs,
    },
    NumberId {
        kind: Kind::personal("uk_utr"),
        topics: topic::TAX,
        len: 10,
        bare: 0.1,
        grouped: &[(&[5, 5], 0.3)],
        check: utr,
    },
    NumberId {
        kind: Kind::personal("ca_sin"),
        topics: PERSON,
        len: 9,
        bare: 0.3,
        grouped: &[(&[3, 3, 3], 0.5)],
        check: sin,
    },
    NumberId {
        kind: Kind::personal("au_tfn"),
        topics: PERSON,
        len: 9,
        bare: 0.3,
        grouped: &[(&[3, 3, 3], 0.45)],
        check: tfn,
    },
    NumberId {
        kind: Kind::personal("au_acn"),
        topics: topic::COMPANY | topic::TAX,
        len: 9,
        bare: 0.1,
        grouped: &[(&[3, 3, 3], 0.4)],
        check: acn,
    },
    NumberId {
        kind: Kind::personal("au_abn"),
        topics: topic::COMPANY | topic::TAX,
        len: 11,
        bare: 0.3,
        grouped: &[(&[2, 3, 3, 3], 0.6)],
        check: abn,
    },
    NumberId {
        kind: Kind::personal("au_medicare"),
        topics: PERSON | topic::MEDICAL_ID,
        len: 10,
        bare: 0.3,
        grouped: &[(&[4, 5, 1], 0.65)],
        check: medicare,
    },
    NumberId {
        kind: Kind::personal("au_medicare"),
        topics: topic::MEDICAL_ID,
        len: 11,
        bare: 0.3,
        grouped: &[(&[4, 5, 1, 1], 0.65)],
        check: medicare,
    },
    NumberId {
        kind: Kind::personal("nz_ird"),
        topics: topic::TAX,
        len: 9,
        bare: 0.3,
        grouped: &[(&[3, 3, 3], 0.4)],
        check: ird,
    },
    NumberId {
        kind: Kind::personal("nz_ird"),
        topics: topic::TAX,
        len: 8,
        bare: 0.2,
        grouped: &[(&[2, 3, 3], 0.4)],
        check: ird,
    },
    NumberId {
        kind: Kind::personal("za_id"),
        topics: PERSON,
        len: 13,
        bare: 0.6,
        grouped: &[(&[6, 4, 3], 0.6)],
        check: south_african,
    },
    NumberId {
        kind: Kind::personal("us_ein"),
        topics: topic::TAX,
        len: 9,
        bare: 0.1,
        grouped: &[(&[2, 7], 0.4)],
        check: unchecked,
    },
    NumberId {
        kind: Kind::personal("us_routing_number"),
        topics: topic::BANK,
        len: 9,
        bare: 0.2,
        grouped: &[(&[4, 4, 1], 0.4)],
        check: routing,
    },
    NumberId {
        kind: Kind::personal("us_npi"),
        topics: topic::MEDICAL_ID,
        len: 10,
        bare: 0.3,
        grouped: &[(&[4, 3, 3], 0.5)],
        check: npi,
    },
    NumberId {
        kind: Kind::personal("bank_account"),
        topics: topic::BANK,
        len: 8,
        bare: 0.0,
        grouped: &[],
        check: unchecked,
    },
    NumberId {
        kind: Kind::personal("bank_account"),
        topics: topic::BANK,
        len: 9,
        bare: 0.0,
        grouped: &[],
        check: unchecked,
    },
    NumberId {
        kind: Kind::personal("bank_account"),
        topics: topic::BANK,
        len: 10,
        bare: 0.0,
        grouped: &[],
        check: unchecked,
    },
    NumberId {
        kind: Kind::personal("bank_account"),
        topics: topic::BANK,
        len: 12,
        bare: 0.0,
        grouped: &[],
        check: unchecked,
    },
    NumberId {
        kind: Kind::personal("nz_bank_account"),
        topics: topic::BANK,
        len: 15,
        bare: 0.0,
        grouped: &[(&[2, 4, 7, 2], 0.6)],
        check: unchecked,
    },
    NumberId {
        kind: Kind::personal("nz_bank_account"),
        topics: topic::BANK,
        len: 16,
        bare: 0.0,
        grouped: &[(&[2, 4, 7, 3], 0.6)],
        check: unchecked,
    },
];

pub(super) const CODES: &[CodeId] = &[
    CodeId { kind: Kind::personal("uk_nino"), topics: PERSON, form: "aa000000a", bare: 0.65, check: nino },
    CodeId {
        kind: Kind::personal("uk_driving_licence"),
        topics: topic::LICENCE,
        form: "xxxxx000000xxxaa",
        bare: 0.6,
        check: uk_licence,
    },
    CodeId {
        kind: Kind::personal("uk_driving_licence"),
        topics: topic::LICENCE,
        form: "xxxxx000000xx0aa",
        bare: 0.6,
        check: uk_licence,
    },
    CodeId { kind: Kind::personal("ie_pps"), topics: PERSON, form: "0000000a", bare: 0.4, check: pps },
    CodeId { kind: Kind::personal("ie_pps"), topics: PERSON, form: "0000000aa", bare: 0.4, check: pps },
    CodeId { kind: Kind::personal("us_mbi"), topics: topic::MEDICAL_ID, form: "0ax0ax0aa00", bare: 0.65, check: mbi },
    CodeId { kind: Kind::personal("us_dea"), topics: topic::MEDICAL_ID, form: "aa0000000", bare: 0.45, check: dea },
    CodeId {
        kind: Kind::personal("ca_business_number"),
        topics: topic::TAX | topic::COMPANY,
        form: "000000000aa0000",
        bare: 0.6,
        check: business,
    },
];

fn nhs(d: &[u8]) -> bool {
    let check = 11 - weighted(&d[..9], &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    check % 11 == u32::from(d[9]) && check != 10 && d[0] != 0
}

fn utr(d: &[u8]) -> bool {
    let rest = weighted(&d[1..], &[6, 7, 8, 9, 10, 5, 4, 3, 2]) % 11;
    [2, 1, 9, 8, 7, 6, 5, 4, 3, 2, 1][rest as usize] == d[0]
}

fn sin(d: &[u8]) -> bool {
    luhn(d) && d[0] != 0 && d[0] != 8
}

fn tfn(d: &[u8]) -> bool {
    weighted(d, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11) && d[0] != 0
}

fn acn(d: &[u8]) -> bool {
    (10 - weighted(&d[..8], &[8, 7, 6, 5, 4, 3, 2, 1]) % 10) % 10 == u32::from(d[8])
}

fn abn(d: &[u8]) -> bool {
    let sum = weighted(d, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    d[0] != 0 && (sum - 10).is_multiple_of(89)
}

fn medicare(d: &[u8]) -> bool {
    (2..=6).contains(&d[0]) && weighted(&d[..8], &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == u32::from(d[8])
}

fn ird(d: &[u8]) -> bool {
    let (body, check) = d.split_at(d.len() - 1);
    let skip = 8 - body.len();
    let sum = |weights: &[u32]| (11 - weighted(body, &weights[skip..]) % 11) % 11;
    let first = sum(&[3, 2, 7, 6, 5, 4, 3, 2]);
    let digit = if first == 10 { sum(&[7, 4, 3, 2, 5, 2, 7, 6]) } else { first };
    (10_000_000..150_000_000).contains(&value(d)) && digit == u32::from(check[0])
}

fn south_african(d: &[u8]) -> bool {
    year_first(d, 0) && d[10] <= 2 && luhn(d)
}

fn routing(d: &[u8]) -> bool {
    let sum = weighted(d, &[3, 7, 1, 3, 7, 1, 3, 7, 1]);
    matches!(d[0] * 10 + d[1], 0..=12 | 21..=32 | 61..=72 | 80) && sum > 0 && sum.is_multiple_of(10)
}

fn npi(d: &[u8]) -> bool {
    let mut all = [8, 0, 8, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    all[5..].copy_from_slice(d);
    matches!(d[0], 1 | 2) && luhn(&all)
}

fn nino(text: &[u8]) -> bool {
    let prefix = [text[0], text[1]];
    !prefix.iter().any(|byte| b"DFIQUV".contains(byte))
        && text[1] != b'O'
        && ![b"BG", b"GB", b"NK", b"KN", b"TN", b"NT", b"ZZ"].contains(&&prefix)
        && (b'A'..=b'D').contains(&text[8])
}

fn uk_licence(text: &[u8]) -> bool {
    let name = &text[..5];
    let letters = name.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let d = &text[5..11];
    let month = (d[1] - b'0') * 10 + d[2] - b'0';
    let day = (d[3] - b'0') * 10 + d[4] - b'0';
    letters > 0
        && name[letters..].iter().all(|byte| *byte == b'9')
        && matches!(month, 1..=12 | 51..=62)
        && (1..=31).contains(&day)
}

fn pps(text: &[u8]) -> bool {
    let digits = super::values(text);
    let second = text.get(8).map_or(0, |byte| if *byte == b'W' { 0 } else { u32::from(byte - b'@') });
    let rest = (weighted(&digits, &[8, 7, 6, 5, 4, 3, 2]) + second * 9) % 23;
    b"WABCDEFGHIJKLMNOPQRSTUV"[rest as usize] == text[7]
        && text.get(8).is_none_or(|byte| (b'A'..=b'I').contains(byte) || *byte == b'W')
}

fn mbi(text: &[u8]) -> bool {
    text[0] != b'0' && !text.iter().any(|byte| b"SLOIBZ".contains(byte))
}

fn dea(text: &[u8]) -> bool {
    let d = super::values(text);
    let sum = d[0] + d[2] + d[4] + 2 * (d[1] + d[3] + d[5]);
    b"ABCDEFGHJKLMPRSTUX".contains(&text[0]) && sum % 10 == d[6]
}

fn business(text: &[u8]) -> bool {
    luhn(&super::values(&text[..9]))
        && [b"RC", b"RM", b"RP", b"RT"].iter().any(|program| text[9..].starts_with(*program))
}
