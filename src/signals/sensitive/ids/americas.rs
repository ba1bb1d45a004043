//! Latin America.

use super::super::checksum::{is_date, luhn, value, weighted};
use super::super::report::Kind;
use super::super::words::topic;
use super::{CodeId, NumberId, PERSON, two, unchecked, values};

pub(super) const NUMBERS: &[NumberId] = &[
    NumberId {
        kind: Kind::personal("br_cpf"),
        topics: PERSON,
        len: 11,
        bare: 0.45,
        grouped: &[(&[3, 3, 3, 2], 0.85), (&[9, 2], 0.6)],
        check: cpf,
    },
    NumberId {
        kind: Kind::personal("br_cnpj"),
        topics: topic::TAX | topic::COMPANY,
        len: 14,
        bare: 0.6,
        grouped: &[(&[2, 3, 3, 4, 2], 0.85)],
        check: cnpj,
    },
    NumberId {
        kind: Kind::personal("ar_cuit"),
        topics: PERSON,
        len: 11,
        bare: 0.5,
        grouped: &[(&[2, 8, 1], 0.8)],
        check: cuit,
    },
    NumberId {
        kind: Kind::personal("ar_dni"),
        topics: PERSON,
        len: 8,
        bare: 0.0,
        grouped: &[(&[2, 3, 3], 0.3)],
        check: unchecked,
    },
    NumberId {
        kind: Kind::personal("cl_rut"),
        topics: PERSON,
        len: 9,
        bare: 0.2,
        grouped: &[(&[8, 1], 0.65), (&[2, 3, 3, 1], 0.8)],
        check: rut,
    },
    NumberId {
        kind: Kind::personal("cl_rut"),
        topics: PERSON,
        len: 8,
        bare: 0.1,
        grouped: &[(&[7, 1], 0.6), (&[1, 3, 3, 1], 0.8)],
        check: rut,
    },
    NumberId { kind: Kind::personal("pe_ruc"), topics: PERSON, len: 11, bare: 0.4, grouped: &[], check: pe_ruc },
    NumberId {
        kind: Kind::personal("ec_cedula"),
        topics: PERSON,
        len: 10,
        bare: 0.3,
        grouped: &[(&[9, 1], 0.6)],
        check: ecuadorian,
    },
    NumberId { kind: Kind::personal("ec_ruc"), topics: topic::TAX, len: 13, bare: 0.2, grouped: &[], check: ec_ruc },
    NumberId {
        kind: Kind::personal("co_nit"),
        topics: topic::TAX,
        len: 10,
        bare: 0.2,
        grouped: &[(&[9, 1], 0.5), (&[3, 3, 3, 1], 0.7)],
        check: colombian,
    },
    NumberId { kind: Kind::personal("uy_rut"), topics: PERSON, len: 12, bare: 0.4, grouped: &[], check: uruguayan },
    NumberId {
        kind: Kind::personal("do_cedula"),
        topics: PERSON,
        len: 11,
        bare: 0.3,
        grouped: &[(&[3, 7, 1], 0.7)],
        check: luhn,
    },
    NumberId {
        kind: Kind::personal("cr_cedula"),
        topics: PERSON,
        len: 9,
        bare: 0.1,
        grouped: &[(&[1, 4, 4], 0.6)],
        check: unchecked,
    },
    NumberId {
        kind: Kind::personal("cr_cedula"),
        topics: PERSON,
        len: 10,
        bare: 0.1,
        grouped: &[(&[1, 3, 6], 0.6)],
        check: unchecked,
    },
    NumberId {
        kind: Kind::personal("sv_nit"),
        topics: PERSON,
        len: 14,
        bare: 0.2,
        grouped: &[(&[4, 6, 3, 1], 0.7)],
        check: salvadoran,
    },
    NumberId {
        kind: Kind::personal("pe_dni"),
        topics: PERSON,
        len: 9,
        bare: 0.0,
        grouped: &[(&[8, 1], 0.4)],
        check: peruvian_person,
    },
];

pub(super) const CODES: &[CodeId] = &[
    CodeId { kind: Kind::personal("mx_curp"), topics: PERSON, form: "aaaa000000aaaaaax0", bare: 0.9, check: curp },
    CodeId { kind: Kind::personal("mx_rfc"), topics: PERSON, form: "aaaa000000xxx", bare: 0.65, check: rfc },
    CodeId {
        kind: Kind::personal("mx_rfc"),
        topics: PERSON | topic::COMPANY,
        form: "aaa000000xxx",
        bare: 0.5,
        check: rfc,
    },
    CodeId { kind: Kind::personal("cl_rut"), topics: PERSON, form: "00000000K", bare: 0.6, check: rut_k },
    CodeId { kind: Kind::personal("ve_rif"), topics: PERSON, form: "a000000000", bare: 0.5, check: venezuelan },
];

/// A check digit mod 11 with falling weights that begin again after nine.
fn brazilian(d: &[u8]) -> u32 {
    let sum: u32 = d.iter().rev().enumerate().map(|(at, digit)| u32::from(*digit) * (at as u32 % 8 + 2)).sum();
    (11 - sum % 11) % 11 % 10
}

fn cpf_digit(d: &[u8]) -> u32 {
    let sum: u32 = d.iter().rev().enumerate().map(|(at, digit)| u32::from(*digit) * (at as u32 + 2)).sum();
    (11 - sum % 11) % 11 % 10
}

fn cpf(d: &[u8]) -> bool {
    d.iter().any(|digit| *digit != d[0])
        && cpf_digit(&d[..9]) == u32::from(d[9])
        && cpf_digit(&d[..10]) == u32::from(d[10])
}

fn cnpj(d: &[u8]) -> bool {
    d.iter().any(|digit| *digit != d[0])
        && brazilian(&d[..12]) == u32::from(d[12])
        && brazilian(&d[..13]) == u32::from(d[13])
}

fn cuit(d: &[u8]) -> bool {
    let check = (11 - weighted(&d[..10], &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    matches!(two(d, 0), 20 | 23 | 24 | 27 | 30 | 33 | 34 | 50 | 51 | 55) && check == u32::from(d[10])
}

fn rut_check(d: &[u8]) -> u32 {
    let sum: u32 = d.iter().rev().enumerate().map(|(at, digit)| u32::from(*digit) * (at as u32 % 6 + 2)).sum();
    11 - sum % 11
}

fn rut(d: &[u8]) -> bool {
    let (body, check) = d.split_at(d.len() - 1);
    d[0] != 0 && rut_check(body) % 11 == u32::from(check[0])
}

fn rut_k(text: &[u8]) -> bool {
    rut_check(&values(text)) == 10
}

fn pe_ruc(d: &[u8]) -> bool {
    let check = (11 - weighted(&d[..10], &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 10;
    matches!(two(d, 0), 10 | 15 | 17 | 20) && check == u32::from(d[10])
}

fn ecuadorian(d: &[u8]) -> bool {
    (1..=24).contains(&two(d, 0)) && d[2] < 6 && luhn(d)
}

fn ec_ruc(d: &[u8]) -> bool {
    (1..=24).contains(&two(d, 0)) && value(&d[10..]) == 1
}

fn colombian(d: &[u8]) -> bool {
    let rest = weighted(&d[..9], &[41, 37, 29, 23, 19, 17, 13, 7, 3]) % 11;
    (if rest > 1 { 11 - rest } else { rest }) == u32::from(d[9])
}

fn uruguayan(d: &[u8]) -> bool {
    (11 - weighted(&d[..11], &[4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11 == u32::from(d[11])
}

fn curp(text: &[u8]) -> bool {
    let digits = values(&text[4..10]);
    is_date(two(&digits, 2), two(&digits, 4)) && b"HMX".contains(&text[10])
}

fn rfc(text: &[u8]) -> bool {
    let digits = values(&text[text.len() - 9..text.len() - 3]);
    is_date(two(&digits, 2), two(&digits, 4))
}

fn venezuelan(text: &[u8]) -> bool {
    let Some(at) = b"VEJPG".iter().position(|byte| *byte == text[0]) else { return false };
    let first = [4, 8, 12, 16, 20][at];
    let rest = (first + weighted(&values(&text[1..9]), &[3, 2, 7, 6, 5, 4, 3, 2])) % 11;
    b"00987654321"[rest as usize] == text[9]
}
fn salvadoran(d: &[u8]) -> bool {
    const OLD: [u32; 13] = [14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2];
    const NEW: [u32; 13] = [2, 7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2];
    let old = value(&d[10..13]) <= 100;
    let rest = weighted(&d[..13], if old { &OLD } else { &NEW }) % 11;
    let check = if old { rest } else { (11 - rest) % 11 };
    is_date(two(d, 6), two(d, 4)) && check % 10 == u32::from(d[13])
}

/// The digit that is printed behind the number on a Peruvian identity card.
fn peruvian_person(d: &[u8]) -> bool {
    let rest = weighted(&d[..8], &[3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    b"65432110987"[rest as usize] - b'0' == d[8]
}
