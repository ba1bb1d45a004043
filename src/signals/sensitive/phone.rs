//! Phone numbers: international by form, national by form or by the words around them.

use super::checksum::{is_date, value};
use super::number::Window;
use super::page::Raw;
use super::report::Kind;
use super::words::topic;

const PHONE: Kind = Kind::personal("phone");

/// Country codes of one or two digits; the others have three.
const SHORT_CODES: &[u64] = &[
    20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58, 60, 61, 62,
    63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
];
/// The longest national number of a country, where it is clearly below the general limit.
const LONGEST: &[(u64, usize)] = &[
    (7, 10),
    (27, 9),
    (30, 10),
    (31, 9),
    (32, 9),
    (33, 9),
    (34, 9),
    (36, 9),
    (41, 9),
    (44, 10),
    (45, 8),
    (47, 8),
    (48, 9),
    (51, 9),
    (52, 11),
    (55, 11),
    (56, 9),
    (60, 10),
    (61, 9),
    (63, 10),
    (65, 8),
    (66, 9),
    (84, 10),
    (86, 11),
    (90, 10),
    (91, 10),
    (92, 10),
    (98, 10),
    (351, 9),
    (353, 9),
    (420, 9),
    (421, 9),
    (852, 8),
    (971, 9),
    (972, 9),
];
/// What announces another number than a phone's.
const OTHER_NUMBER: u64 =
    topic::NOT_PHONE | topic::IDENTITY | topic::TAX | topic::MEDICAL_ID | topic::PASSPORT | topic::LICENCE | topic::SSN;
/// National digits at most, where nothing else is known.
const LONGEST_ELSEWHERE: usize = 12;

/// A phone number, with its brackets, its plus and its extension.
pub(super) fn check(window: &Window<'_>) -> Option<Raw> {
    if window.broken || !(6..=17).contains(&window.digits().len()) {
        return None;
    }
    let lead = Lead::of(window)?;
    let confidence = if lead.plus {
        international(window, 0)?
    } else if !spoken(window) && window.page.said_before(OTHER_NUMBER, window.start, 24) {
        return None;
    } else {
        [foreign(window), american(window, &lead), national(window, &lead)].into_iter().flatten().fold(0.0, f32::max)
    };
    (confidence > 0.0).then(|| Raw { kind: PHONE, start: lead.start, end: extension(window), confidence })
}

/// What stands before the first digit.
struct Lead {
    start: usize,
    plus: bool,
    bracket: bool,
}

impl Lead {
    fn of(window: &Window<'_>) -> Option<Self> {
        let page = window.page;
        let closed = window.groups() > 1 && window.gap(0).first() == Some(&b')');
        let mut lead = Self { start: window.start, plus: false, bracket: false };
        for _ in 0..2 {
            match page.before(lead.start) {
                b'+' if !lead.plus => lead.plus = true,
                b'(' if closed && !lead.bracket => lead.bracket = true,
                _ => break,
            }
            lead.start -= 1;
        }
        let before = page.before(lead.start);
        let torn = closed != lead.bracket || (lead.plus && (before.is_ascii_alphanumeric() || before == b')'));
        let other = matches!(before, b'#' | b'=' | b'/' | b'_' | b'*' | b'<') && !lead.plus;
        (!torn && !other).then_some(lead)
    }
}

/// One past the number and the extension that follows it.
fn extension(window: &Window<'_>) -> usize {
    let page = window.page;
    if let Some(end) = window.extension {
        return end;
    }
    let rest = page.slice(window.end, (window.end + 12).min(page.bytes.len()));
    let blank = rest.iter().take_while(|byte| **byte == b' ').count();
    let mark =
        [b"ext. ".as_slice(), b"ext.", b"ext ", b"ext", b"x"].into_iter().find(|mark| rest[blank..].starts_with(mark));
    let Some(mark) = mark else { return window.end };
    let digits = rest[blank + mark.len()..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if (1..=6).contains(&digits) { window.end + blank + mark.len() + digits } else { window.end }
}

/// A number after `+` or `00`: country code and what its country writes.
fn international(window: &Window<'_>, skip: usize) -> Option<f32> {
    let digits = &window.digits()[skip..];
    if !(7..=15).contains(&digits.len()) || digits[0] == 0 {
        return None;
    }
    let two = value(&digits[..2]);
    let (code, width) = match digits[0] {
        1 | 7 => (u64::from(digits[0]), 1),
        _ if SHORT_CODES.contains(&two) => (two, 2),
        _ => (value(&digits[..3]), 3),
    };
    let mut rest = &digits[width..];
    if rest.first() == Some(&0) && rest.len() > 7 && code != 39 && code != 1 {
        rest = &rest[1..];
    }
    let longest = LONGEST.iter().find(|known| known.0 == code).map_or(LONGEST_ELSEWHERE, |known| known.1);
    let fits = if code == 1 { rest.len() == 10 } else { (4..=longest).contains(&rest.len()) };
    let rounded = (0..window.groups()).filter(|&at| window.group(at) == 1).count() <= 3;
    (fits && rounded).then_some(if rest.len() >= 6 { 0.95 } else { 0.75 })
}

/// `0049 171 …`, and `011 49 171 …` as America dials it.
fn foreign(window: &Window<'_>) -> Option<f32> {
    let digits = window.digits();
    let american = digits.starts_with(&[0, 1, 1]) && window.groups() > 2 && window.group(0) == 3;
    if digits.len() < 10 || !((digits.starts_with(&[0, 0]) && window.group(0) > 1) || american) {
        return None;
    }
    let sure = international(window, 2 + usize::from(american))?;
    let grouped = window.groups() > 1 || spoken(window);
    Some(if grouped { sure - 0.05 } else { 0.55 })
}

/// Whether the words around say that a phone number comes, and nothing nearer says that it is another number.
fn spoken(window: &Window<'_>) -> bool {
    let page = window.page;
    if page.said_after(topic::PHONE_AFTER, window.end, 3) {
        return true;
    }
    match page.last_before(topic::PHONE, window.start, 48) {
        Some(phone) => page.last_before(topic::NOT_PHONE, window.start, 24).is_none_or(|other| other.end <= phone.end),
        None => false,
    }
}

/// Area, exchange and line of North America, with or without the trunk 1.
fn american(window: &Window<'_>, lead: &Lead) -> Option<f32> {
    let (digits, groups) = (window.digits(), window.groups());
    let ten = match digits.len() {
        10 => digits,
        11 if digits[0] == 1 => &digits[1..],
        _ => return None,
    };
    let trunk = usize::from(digits.len() == 11 && window.group(0) == 1);
    let formed =
        groups == 3 + trunk && window.group(trunk) == 3 && window.group(trunk + 1) == 3 && window.group(trunk + 2) == 4;
    let plausible = ten[0] > 1 && ten[3] > 1;
    let spoken = spoken(window);
    if !formed {
        let bracketed = lead.bracket && groups == 2 && window.is(&[3, 7]);
        return ((spoken || bracketed) && groups <= 2 && plausible).then_some(if spoken { 0.85 } else { 0.6 });
    }
    let dashed = window.gap(groups - 2) != b" ";
    match (spoken, plausible, dashed || lead.bracket || window.extension.is_some()) {
        (true, ..) => Some(0.92),
        (false, true, true) => Some(0.75),
        (false, true, false) if !in_table(window) => Some(0.55),
        (false, false, true) if window.extension.is_some() => Some(0.7),
        _ => None,
    }
}

/// What other countries write at home.
fn national(window: &Window<'_>, lead: &Lead) -> Option<f32> {
    let (digits, groups) = (window.digits(), window.groups());
    if digits.len() > 14 || looks_like_date(window) || digits.iter().all(|digit| *digit == digits[0]) {
        return None;
    }
    let singles = (0..groups).filter(|&at| window.group(at) == 1).count();
    if spoken(window) {
        let short = digits.len() == 6 && !(groups == 3 && singles == 0);
        let local = digits.len() == 7 && groups <= 2 && digits[0] < 2;
        return (!short && !local && singles <= 2 && groups <= 6).then_some(0.8);
    }
    if singles > 1 || !matches!(digits.len(), 8..=12) || in_table(window) {
        return None;
    }
    if window.is(&[3, 3, 2, 2]) && window.even() && digits[0] > 2 {
        return Some(0.55);
    }
    if lead.bracket && groups > 1 && (2..=5).contains(&window.group(0)) {
        return Some(0.65);
    }
    let trunk = digits[0] == 0 && digits[1] != 0 && (9..=11).contains(&digits.len());
    let grouped = groups >= 2 && (2..=5).contains(&window.group(0)) && (groups >= 3 || window.group(1) >= 6);
    if trunk && grouped && (window.even() || groups == 3) {
        return Some(0.6);
    }
    let chinese = digits.len() == 11 && digits[0] == 1 && digits[1] >= 3;
    if chinese && (groups == 1 || window.is(&[3, 4, 4])) {
        return Some(0.5);
    }
    let alone = trunk && digits.len() >= 10 && groups == 1 && window.page.is_all(window.start, window.end);
    alone.then_some(0.55)
}

/// Whether numbers stand on both sides: a row of a table.
fn in_table(window: &Window<'_>) -> bool {
    let page = window.page;
    let before = page.before(window.start) == b' ' && window.start > 1 && page.bytes[window.start - 2].is_ascii_digit();
    before && page.at(window.end) == b' ' && page.at(window.end + 1).is_ascii_digit()
}

fn looks_like_date(window: &Window<'_>) -> bool {
    if window.groups() != 3 || window.digits().len() != 8 || !window.even() || window.gap(0) == b" " {
        return false;
    }
    let digits = window.digits();
    let (a, b) = match (window.group(0), window.group(2)) {
        (2, 4) => (value(&digits[..2]), value(&digits[2..4])),
        (4, 2) => (value(&digits[4..6]), value(&digits[6..])),
        _ => return false,
    };
    is_date(a, b) || is_date(b, a)
}
