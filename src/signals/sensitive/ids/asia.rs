//! Asia, the Middle East, Turkey, Africa.

use super::super::checksum::{is_date, luhn, verhoeff, weighted};
use super::super::report::Kind;
use super::super::words::topic;
use super::{CodeId, NumberId, PERSON, two, unchecked, values, year_first};

pub(super) const NUMBERS: &[NumberId] = &[
    NumberId {
        kind: Kind::personal("in_aadhaar"),
        topics: PERSON,
        len: 12,
        bare: 0.35,
        grouped: &[(&[4, 4, 4], 0.65)],
        check: aadhaar,
    },
    NumberId {
        kind: Kind::personal("in_vid"),
        topics: PERSON,
        len: 16,
        bare: 0.2,
        grouped: &[(&[4, 4, 4, 4], 0.4)],
        check: aadhaar,
    },
    NumberId {
        kind: Kind::personal("cn_resident_id"),
        topics: PERSON,
        len: 18,
        bare: 0.95,
        grouped: &[(&[6, 8, 4], 0.95)],
        check: chinese_digits,
    },
    NumberId {
        kind: Kind::personal("jp_my_number"),
        topics: PERSON,
        len: 12,
        bare: 0.3,
        grouped: &[(&[4, 4, 4], 0.55)],
        check: japanese,
    },
    NumberId {
        kind: Kind::personal("kr_rrn"),
        topics: PERSON,
        len: 13,
        bare: 0.5,
        grouped: &[(&[6, 7], 0.8)],
        check: korean,
    },
    NumberId {
        kind: Kind::personal("kr_brn"),
        topics: topic::COMPANY | topic::TAX,
        len: 10,
        bare: 0.1,
        grouped: &[(&[3, 2, 5], 0.6)],
        check: korean_business,
    },
    NumberId {
        kind: Kind::personal("kr_driver_license"),
        topics: topic::LICENCE,
        len: 12,
        bare: 0.1,
        grouped: &[(&[2, 2, 6, 2], 0.65)],
        check: unchecked,
    },
    NumberId { kind: Kind::personal("il_teudat_zehut"), topics: PERSON, len: 9, bare: 0.3, grouped: &[], check: luhn },
    NumberId {
        kind: Kind::personal("th_national_id"),
        topics: PERSON,
        len: 13,
        bare: 0.5,
        grouped: &[(&[1, 4, 5, 2, 1], 0.85)],
        check: thai,
    },
    NumberId {
        kind: Kind::personal("my_nric"),
        topics: PERSON,
        len: 12,
        bare: 0.2,
        grouped: &[(&[6, 2, 4], 0.7)],
        check: malaysian,
    },
    NumberId { kind: Kind::personal("id_nik"), topics: PERSON, len: 16, bare: 0.3, grouped: &[], check: indonesian },
    NumberId {
        kind: Kind::personal("id_npwp"),
        topics: topic::TAX,
        len: 15,
        bare: 0.2,
        grouped: &[(&[2, 3, 3, 1, 3, 3], 0.8)],
        check: unchecked,
    },
    NumberId {
        kind: Kind::personal("pk_cnic"),
        topics: PERSON,
        len: 13,
        bare: 0.2,
        grouped: &[(&[5, 7, 1], 0.7)],
        check: pakistani,
    },
    NumberId {
        kind: Kind::personal("ph_tin"),
        topics: topic::TAX,
        len: 12,
        bare: 0.1,
        grouped: &[(&[3, 3, 3, 3], 0.4)],
        check: unchecked,
    },
    NumberId {
        kind: Kind::personal("ph_tin"),
        topics: topic::TAX,
        len: 9,
        bare: 0.1,
        grouped: &[(&[3, 3, 3], 0.1)],
        check: unchecked,
    },
    NumberId {
        kind: Kind::personal("ae_emirates_id"),
        topics: PERSON,
        len: 15,
        bare: 0.6,
        grouped: &[(&[3, 4, 7, 1], 0.85)],
        check: emirati,
    },
    NumberId { kind: Kind::personal("sa_national_id"), topics: PERSON, len: 10, bare: 0.2, grouped: &[], check: saudi },
    NumberId { kind: Kind::personal("tr_kimlik"), topics: PERSON, len: 11, bare: 0.55, grouped: &[], check: turkish },
    NumberId {
        kind: Kind::personal("tr_vkn"),
        topics: topic::TAX,
        len: 10,
        bare: 0.2,
        grouped: &[],
        check: turkish_tax,
    },
    NumberId {
        kind: Kind::personal("ng_nin"),
        topics: PERSON,
        len: 11,
        bare: 0.3,
        grouped: &[(&[4, 3, 4], 0.4)],
        check: verhoeff,
    },
    NumberId {
        kind: Kind::personal("vn_tax_code"),
        topics: topic::TAX,
        len: 10,
        bare: 0.2,
        grouped: &[],
        check: vietnamese,
    },
];

pub(super) const CODES: &[CodeId] = &[
    CodeId { kind: Kind::personal("in_pan"), topics: PERSON, form: "aaaaa0000a", bare: 0.6, check: pan },
    CodeId { kind: Kind::personal("in_gstin"), topics: topic::TAX, form: "00aaaaa0000axZx", bare: 0.85, check: gstin },
    CodeId { kind: Kind::personal("in_voter_id"), topics: PERSON, form: "aaa0000000", bare: 0.3, check: unchecked },
    CodeId {
        kind: Kind::personal("cn_resident_id"),
        topics: PERSON,
        form: "00000000000000000X",
        bare: 0.95,
        check: chinese,
    },
    CodeId { kind: Kind::personal("sg_nric"), topics: PERSON, form: "a0000000a", bare: 0.7, check: singaporean },
    CodeId { kind: Kind::personal("tw_national_id"), topics: PERSON, form: "a000000000", bare: 0.6, check: taiwanese },
    CodeId { kind: Kind::personal("hk_id"), topics: PERSON, form: "a0000000", bare: 0.2, check: unchecked },
    CodeId { kind: Kind::personal("ke_pin"), topics: PERSON, form: "a000000000a", bare: 0.4, check: unchecked },
];

fn aadhaar(d: &[u8]) -> bool {
    d[0] > 1 && verhoeff(d) && !d.iter().eq(d.iter().rev())
}

const CHINESE: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

fn chinese_digits(d: &[u8]) -> bool {
    matches!(two(d, 6), 18..=20)
        && year_first(d, 8)
        && b"10X98765432"[(weighted(&d[..17], &CHINESE) % 11) as usize] == d[17] + b'0'
}

fn chinese(text: &[u8]) -> bool {
    let d = values(&text[..17]);
    matches!(two(&d, 6), 18..=20) && year_first(&d, 8) && weighted(&d, &CHINESE) % 11 == 2
}

fn japanese(d: &[u8]) -> bool {
    let rest = weighted(&d[..11], &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    (if rest <= 1 { 0 } else { 11 - rest }) == u32::from(d[11])
}

fn korean(d: &[u8]) -> bool {
    // Numbers since 2020 have no check digit: the date and the century's digit must do.
    year_first(d, 0) && (1..=8).contains(&d[6])
}

fn korean_business(d: &[u8]) -> bool {
    let sum = weighted(&d[..8], &[1, 3, 7, 1, 3, 7, 1, 3]) + u32::from(d[8]) * 5 / 10 + u32::from(d[8]) * 5;
    (10 - sum % 10) % 10 == u32::from(d[9])
}

fn thai(d: &[u8]) -> bool {
    let sum = weighted(&d[..12], &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    (11 - sum % 11) % 10 == u32::from(d[12])
}

fn malaysian(d: &[u8]) -> bool {
    year_first(d, 0) && !matches!(two(d, 6), 0 | 17..=20 | 69 | 70 | 73 | 80 | 81 | 94..=97)
}

fn indonesian(d: &[u8]) -> bool {
    let day = two(d, 6) % 40;
    (11..=94).contains(&two(d, 0)) && is_date(two(d, 8), day)
}

fn pakistani(d: &[u8]) -> bool {
    (1..=7).contains(&d[0]) && d[12] != 0
}

fn emirati(d: &[u8]) -> bool {
    d.starts_with(&[7, 8, 4]) && luhn(d)
}

fn saudi(d: &[u8]) -> bool {
    matches!(d[0], 1 | 2) && luhn(d)
}

fn turkish(d: &[u8]) -> bool {
    let odd: i32 = [0, 2, 4, 6, 8].iter().map(|at| i32::from(d[*at])).sum();
    let even: i32 = [1, 3, 5, 7].iter().map(|at| i32::from(d[*at])).sum();
    let all: i32 = d[..10].iter().map(|digit| i32::from(*digit)).sum();
    d[0] != 0 && (odd * 7 - even).rem_euclid(10) == i32::from(d[9]) && all % 10 == i32::from(d[10])
}

fn turkish_tax(d: &[u8]) -> bool {
    let sum: u32 = (0..9_usize)
        .map(|at| {
            let shifted = (u32::from(d[at]) + 9 - at as u32) % 10;
            let power = 1_u32 << (9 - at);
            let product = shifted * power % 9;
            if shifted != 0 && product == 0 { 9 } else { product }
        })
        .sum();
    (10 - sum % 10) % 10 == u32::from(d[9])
}

fn vietnamese(d: &[u8]) -> bool {
    let sum = weighted(&d[..9], &[31, 29, 23, 19, 17, 13, 7, 5, 3]) % 11;
    10_u32.checked_sub(sum) == Some(u32::from(d[9]))
}

fn pan(text: &[u8]) -> bool {
    b"ABCFGHLJPTKN".contains(&text[3])
}

fn gstin(text: &[u8]) -> bool {
    let state = (text[0] - b'0') * 10 + text[1] - b'0';
    (1..=37).contains(&state) || state == 97
}

fn singaporean(text: &[u8]) -> bool {
    let extra = match text[0] {
        b'S' | b'F' => 0,
        b'T' | b'G' => 4,
        b'M' => 3,
        _ => return false,
    };
    let rest = ((weighted(&values(text), &[2, 7, 6, 5, 4, 3, 2]) + extra) % 11) as usize;
    let table: &[u8; 11] = match text[0] {
        b'S' | b'T' => b"JZIHGFEDCBA",
        b'M' => b"KLJNPQRTUWX",
        _ => b"XWUTRQPNMLK",
    };
    let at = if text[0] == b'M' { 10 - rest } else { rest };
    table[at] == text[8]
}

fn taiwanese(text: &[u8]) -> bool {
    let Some(at) = b"ABCDEFGHJKLMNPQRSTUVXYWZIO".iter().position(|byte| *byte == text[0]) else { return false };
    let letter = at as u32 + 10;
    let sum = letter / 10 + letter % 10 * 9 + weighted(&values(text), &[8, 7, 6, 5, 4, 3, 2, 1, 1]);
    matches!(text[1], b'1' | b'2' | b'8' | b'9') && sum.is_multiple_of(10)
}
