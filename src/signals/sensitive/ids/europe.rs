//! The rest of Europe.

use super::super::checksum::{is_date, luhn, mod_11_10, value, weighted};
use super::super::report::Kind;
use super::super::words::topic;
use super::{CodeId, NumberId, PERSON, day_first, two, unchecked, values, year_first};

pub(super) const NUMBERS: &[NumberId] = &[
    NumberId {
        kind: Kind::personal("de_tax_id"),
        topics: PERSON,
        len: 11,
        bare: 0.45,
        grouped: &[(&[2, 3, 3, 3], 0.7), (&[10, 1], 0.5)],
        check: german_tax,
    },
    NumberId {
        kind: Kind::personal("de_tax_number"),
        topics: topic::TAX,
        len: 11,
        bare: 0.0,
        grouped: &[(&[3, 3, 5], 0.5)],
        check: unchecked,
    },
    NumberId {
        kind: Kind::personal("de_tax_number"),
        topics: topic::TAX,
        len: 10,
        bare: 0.0,
        grouped: &[(&[2, 3, 5], 0.5)],
        check: unchecked,
    },
    NumberId {
        kind: Kind::personal("de_lanr"),
        topics: topic::MEDICAL_ID,
        len: 9,
        bare: 0.1,
        grouped: &[],
        check: unchecked,
    },
    NumberId {
        kind: Kind::personal("fr_nir"),
        topics: PERSON,
        len: 15,
        bare: 0.7,
        grouped: &[(&[1, 2, 2, 2, 3, 3, 2], 0.9), (&[13, 2], 0.8)],
        check: french,
    },
    NumberId {
        kind: Kind::personal("fr_siret"),
        topics: topic::COMPANY,
        len: 14,
        bare: 0.2,
        grouped: &[(&[3, 3, 3, 5], 0.5)],
        check: luhn,
    },
    NumberId {
        kind: Kind::personal("it_partita_iva"),
        topics: topic::TAX,
        len: 11,
        bare: 0.2,
        grouped: &[],
        check: luhn,
    },
    NumberId {
        kind: Kind::personal("nl_bsn"),
        topics: PERSON,
        len: 9,
        bare: 0.3,
        grouped: &[(&[4, 2, 3], 0.55), (&[3, 3, 3], 0.3)],
        check: dutch,
    },
    NumberId {
        kind: Kind::personal("be_national_number"),
        topics: PERSON,
        len: 11,
        bare: 0.6,
        grouped: &[(&[2, 2, 2, 3, 2], 0.85), (&[6, 3, 2], 0.85)],
        check: belgian,
    },
    NumberId { kind: Kind::personal("pl_pesel"), topics: PERSON, len: 11, bare: 0.5, grouped: &[], check: pesel },
    NumberId {
        kind: Kind::personal("pl_nip"),
        topics: topic::TAX,
        len: 10,
        bare: 0.2,
        grouped: &[(&[3, 3, 2, 2], 0.5), (&[3, 2, 2, 3], 0.5)],
        check: nip,
    },
    NumberId {
        kind: Kind::personal("pt_nif"),
        topics: PERSON,
        len: 9,
        bare: 0.3,
        grouped: &[(&[3, 3, 3], 0.4)],
        check: portuguese,
    },
    NumberId {
        kind: Kind::personal("ch_ahv"),
        topics: PERSON,
        len: 13,
        bare: 0.8,
        grouped: &[(&[3, 4, 4, 2], 0.9)],
        check: swiss,
    },
    NumberId {
        kind: Kind::personal("at_svnr"),
        topics: PERSON | topic::MEDICAL_ID,
        len: 10,
        bare: 0.4,
        grouped: &[(&[4, 6], 0.65)],
        check: austrian,
    },
    NumberId { kind: Kind::personal("bg_egn"), topics: PERSON, len: 10, bare: 0.4, grouped: &[], check: bulgarian },
    NumberId { kind: Kind::personal("ro_cnp"), topics: PERSON, len: 13, bare: 0.6, grouped: &[], check: romanian },
    NumberId { kind: Kind::personal("hr_oib"), topics: PERSON, len: 11, bare: 0.3, grouped: &[], check: mod_11_10 },
    NumberId { kind: Kind::personal("jmbg"), topics: PERSON, len: 13, bare: 0.6, grouped: &[], check: yugoslav },
    NumberId {
        kind: Kind::personal("cz_rodne_cislo"),
        topics: PERSON,
        len: 10,
        bare: 0.4,
        grouped: &[(&[6, 4], 0.65)],
        check: czech,
    },
    NumberId { kind: Kind::personal("gr_amka"), topics: PERSON, len: 11, bare: 0.5, grouped: &[], check: greek },
    NumberId { kind: Kind::personal("gr_afm"), topics: topic::TAX, len: 9, bare: 0.2, grouped: &[], check: greek_tax },
    NumberId { kind: Kind::personal("ru_inn"), topics: topic::TAX, len: 10, bare: 0.2, grouped: &[], check: inn_10 },
    NumberId { kind: Kind::personal("ru_inn"), topics: topic::TAX, len: 12, bare: 0.4, grouped: &[], check: inn_12 },
    NumberId {
        kind: Kind::personal("ru_snils"),
        topics: PERSON,
        len: 11,
        bare: 0.4,
        grouped: &[(&[3, 3, 3, 2], 0.75)],
        check: snils,
    },
    NumberId {
        kind: Kind::personal("ua_rntrc"),
        topics: topic::TAX,
        len: 10,
        bare: 0.2,
        grouped: &[],
        check: ukrainian,
    },
    NumberId {
        kind: Kind::personal("hu_taj"),
        topics: PERSON | topic::MEDICAL_ID,
        len: 9,
        bare: 0.2,
        grouped: &[(&[3, 3, 3], 0.3)],
        check: hungarian,
    },
];

pub(super) const CODES: &[CodeId] = &[
    CodeId {
        kind: Kind::personal("de_personalausweis"),
        topics: PERSON | topic::PASSPORT,
        form: "axxxxxxx0",
        bare: 0.45,
        check: german_card,
    },
    CodeId {
        kind: Kind::personal("de_social_security"),
        topics: PERSON,
        form: "00000000a000",
        bare: 0.8,
        check: german_pension,
    },
    CodeId {
        kind: Kind::personal("de_health_insurance"),
        topics: topic::MEDICAL_ID | topic::IDENTITY,
        form: "a000000000",
        bare: 0.5,
        check: german_health,
    },
    CodeId {
        kind: Kind::personal("de_vat_id"),
        topics: topic::TAX | topic::COMPANY,
        form: "DE000000000",
        bare: 0.6,
        check: german_vat,
    },
    CodeId { kind: Kind::personal("fr_nir"), topics: PERSON, form: "000000a00000000", bare: 0.8, check: corsican },
    CodeId { kind: Kind::personal("es_nif"), topics: PERSON, form: "00000000a", bare: 0.6, check: spanish },
    CodeId { kind: Kind::personal("es_nif"), topics: PERSON, form: "0000000a", bare: 0.4, check: spanish },
    CodeId { kind: Kind::personal("es_nie"), topics: PERSON, form: "a0000000a", bare: 0.7, check: spanish_foreigner },
    CodeId {
        kind: Kind::personal("it_codice_fiscale"),
        topics: PERSON,
        form: "aaaaaaxxaxxaxxxa",
        bare: 0.95,
        check: italian,
    },
    CodeId { kind: Kind::personal("nl_vat"), topics: topic::TAX, form: "000000000B00", bare: 0.6, check: dutch_vat },
    CodeId {
        kind: Kind::personal("ch_uid"),
        topics: topic::TAX | topic::COMPANY,
        form: "CHE000000000",
        bare: 0.6,
        check: unchecked,
    },
    CodeId { kind: Kind::personal("pt_cc"), topics: PERSON, form: "000000000aa0", bare: 0.5, check: unchecked },
    CodeId { kind: Kind::personal("at_vat"), topics: topic::TAX, form: "ATU00000000", bare: 0.6, check: unchecked },
    CodeId { kind: Kind::personal("pl_identity_card"), topics: PERSON, form: "aaa000000", bare: 0.0, check: unchecked },
];

fn german_tax(d: &[u8]) -> bool {
    let mut counts = [0; 10];
    d[..10].iter().for_each(|digit| counts[usize::from(*digit)] += 1);
    let twice = counts.iter().filter(|count| **count == 2).count();
    let thrice = counts.iter().filter(|count| **count == 3).count();
    d[0] != 0 && twice + thrice == 1 && counts.iter().all(|count| *count <= 3) && mod_11_10(d)
}

fn french(d: &[u8]) -> bool {
    matches!(d[0], 1..=4 | 7 | 8)
        && matches!(two(d, 3), 1..=12 | 20..=42 | 50..=99)
        && 97 - value(&d[..13]) % 97 == two(d, 13)
}

fn corsican(text: &[u8]) -> bool {
    let (department, minus) = match text[6] {
        b'A' => (1_u64, 1_000_000),
        b'B' => (2, 2_000_000),
        _ => return false,
    };
    let mut digits = values(text);
    digits.insert(6, 0);
    // Corsica's departments 2A and 2B count as 20, less one million for A and two for B.
    text[5] == b'2' && department > 0 && 97 - (value(&digits[..13]) - minus) % 97 == two(&digits, 13)
}

fn dutch(d: &[u8]) -> bool {
    let sum = weighted(&d[..8], &[9, 8, 7, 6, 5, 4, 3, 2]);
    sum > 0 && sum % 11 == u32::from(d[8])
}

fn dutch_vat(text: &[u8]) -> bool {
    dutch(&values(&text[..9]))
}

fn belgian(d: &[u8]) -> bool {
    let (body, check) = (value(&d[..9]), two(d, 9));
    let month = two(d, 2) % 20;
    month <= 12 && two(d, 4) <= 31 && (97 - body % 97 == check || 97 - (2_000_000_000 + body) % 97 == check)
}

fn pesel(d: &[u8]) -> bool {
    let check = (10 - weighted(&d[..10], &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10) % 10;
    is_date(two(d, 2) % 20, two(d, 4)) && check == u32::from(d[10])
}

fn nip(d: &[u8]) -> bool {
    weighted(&d[..9], &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == u32::from(d[9])
}

fn portuguese(d: &[u8]) -> bool {
    let check = 11 - weighted(&d[..8], &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    d[0] != 0 && (if check > 9 { 0 } else { check }) == u32::from(d[8])
}

fn swiss(d: &[u8]) -> bool {
    d.starts_with(&[7, 5, 6]) && weighted(d, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

fn austrian(d: &[u8]) -> bool {
    let sum = weighted(d, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]);
    d[0] != 0 && day_first(d, 4) && sum % 11 == u32::from(d[3])
}

fn bulgarian(d: &[u8]) -> bool {
    let check = weighted(&d[..9], &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10;
    is_date(two(d, 2) % 20, two(d, 4)) && check == u32::from(d[9])
}

fn romanian(d: &[u8]) -> bool {
    let rest = weighted(&d[..12], &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    d[0] != 0 && year_first(d, 1) && (if rest == 10 { 1 } else { rest }) == u32::from(d[12])
}

fn yugoslav(d: &[u8]) -> bool {
    let check = 11 - weighted(&d[..12], &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    day_first(d, 0) && matches!(d[4], 0 | 8 | 9) && (if check > 9 { 0 } else { check }) == u32::from(d[12])
}

fn czech(d: &[u8]) -> bool {
    let month = two(d, 2) % 50;
    is_date(if month > 20 { month - 20 } else { month }, two(d, 4)) && value(d).is_multiple_of(11)
}

fn greek(d: &[u8]) -> bool {
    day_first(d, 0) && luhn(d)
}

fn greek_tax(d: &[u8]) -> bool {
    weighted(&d[..8], &[256, 128, 64, 32, 16, 8, 4, 2]) % 11 % 10 == u32::from(d[8])
}

fn inn_10(d: &[u8]) -> bool {
    weighted(&d[..9], &[2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10 == u32::from(d[9])
}

fn inn_12(d: &[u8]) -> bool {
    let first = weighted(&d[..10], &[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10;
    let second = weighted(&d[..11], &[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10;
    first == u32::from(d[10]) && second == u32::from(d[11])
}

fn snils(d: &[u8]) -> bool {
    let sum = weighted(&d[..9], &[9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101;
    u64::from(sum % 100) == two(d, 9)
}

fn ukrainian(d: &[u8]) -> bool {
    let sum = i64::from(weighted(&d[1..9], &[5, 7, 9, 4, 6, 10, 5, 7])) - i64::from(d[0]);
    u64::try_from(sum.rem_euclid(11) % 10).is_ok_and(|check| check == u64::from(d[9]))
}

fn hungarian(d: &[u8]) -> bool {
    weighted(&d[..8], &[3, 7, 3, 7, 3, 7, 3, 7]) % 10 == u32::from(d[8])
}

/// The weights 7, 3, 1 of machine-readable documents, letters from 10.
fn german_card(text: &[u8]) -> bool {
    let sum: u32 =
        text[..8].iter().zip([7, 3, 1].iter().cycle()).map(|(byte, weight)| letter_value(*byte) * weight).sum();
    b"CFGHJKLMNPRTVWXYZ".contains(&text[0])
        && sum % 10 == u32::from(text[8] - b'0')
        && text.iter().filter(|byte| byte.is_ascii_digit()).count() >= 4
}

fn letter_value(byte: u8) -> u32 {
    if byte.is_ascii_digit() { u32::from(byte - b'0') } else { u32::from(byte - b'A') + 10 }
}

fn german_pension(text: &[u8]) -> bool {
    let letter = u64::from(text[8] - b'@');
    let mut digits = values(&text[..8]);
    digits.extend([(letter / 10) as u8, (letter % 10) as u8]);
    digits.extend(values(&text[9..11]));
    let weights = [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1];
    let sum: u32 =
        digits.iter().zip(weights).map(|(digit, weight)| u32::from(*digit) * weight).map(|n| n / 10 + n % 10).sum();
    is_date(two(&digits, 4), two(&digits, 2) % 50) && sum % 10 == u32::from(text[11] - b'0')
}

fn german_health(text: &[u8]) -> bool {
    let letter = u32::from(text[0] - b'@');
    let mut digits = vec![(letter / 10) as u8, (letter % 10) as u8];
    digits.extend(values(&text[1..9]));
    let sum: u32 = digits
        .iter()
        .zip([1, 2].iter().cycle())
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .map(|n| n / 10 + n % 10)
        .sum();
    sum % 10 == u32::from(text[9] - b'0')
}

fn german_vat(text: &[u8]) -> bool {
    text[2] != b'0'
}

const SPANISH: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

fn spanish(text: &[u8]) -> bool {
    let (digits, letter) = text.split_at(text.len() - 1);
    SPANISH[(value(&values(digits)) % 23) as usize] == letter[0]
}

fn spanish_foreigner(text: &[u8]) -> bool {
    let Some(first) = b"XYZ".iter().position(|byte| *byte == text[0]) else { return false };
    let number = first as u64 * 10_000_000 + value(&values(&text[1..8]));
    SPANISH[(number % 23) as usize] == text[8]
}

const ITALIAN_ODD: [u32; 36] = [
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10,
    22, 25, 24, 23,
];

fn italian(text: &[u8]) -> bool {
    let sum: u32 = text[..15]
        .iter()
        .enumerate()
        .map(|(at, byte)| {
            let value = letter_value(*byte);
            let even = if byte.is_ascii_digit() { value } else { value - 10 };
            if at % 2 == 0 { ITALIAN_ODD[value as usize] } else { even }
        })
        .sum();
    b"ABCDEHLMPRST".contains(&text[8]) && sum % 26 == u32::from(text[15] - b'A')
}
