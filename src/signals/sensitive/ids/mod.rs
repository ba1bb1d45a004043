//! National, tax and health numbers of some forty countries. Each is a row of a table: its form, its check digits, the
//! words that announce it and how sure the form alone makes us. A check digit alone is weak evidence (one number in ten
//! has it), so most rows need the words, a telling grouping, or to be all that the message says.

mod americas;
mod anglo;
mod asia;
mod europe;
mod nordic;

use super::checksum::is_date;
use super::number::Window;
use super::page::{Page, Raw};
use super::report::Kind;
use super::words::{Topic, topic};

/// A number of digits only.
#[derive(Debug)]
pub(super) struct NumberId {
    kind: Kind,
    topics: Topic,
    len: usize,
    /// Confidence without words of context.
    bare: f32,
    /// Lengths of the groups it is written in, and the confidence of that grouping.
    grouped: &'static [(&'static [u8], f32)],
    check: fn(&[u8]) -> bool,
}

/// A code with letters. In the form `a` is a letter, `0` a digit, `x` either, a capital letter itself.
#[derive(Debug)]
pub(super) struct CodeId {
    kind: Kind,
    topics: Topic,
    form: &'static str,
    /// Confidence without words of context.
    bare: f32,
    check: fn(&[u8]) -> bool,
}

/// What most rows are announced by.
const PERSON: Topic = topic::IDENTITY | topic::TAX;
/// Confidence when the words announce it.
const ANNOUNCED: f32 = 0.9;
/// Confidence when it is all that the message says.
const ALONE: f32 = 0.55;
/// Forms that say less than this say nothing, even alone.
const TELLING: f32 = 0.2;
/// The longest code, and how many pieces it may be written in.
const MOST_BYTES: usize = 20;
const MOST_PIECES: usize = 5;
/// So many pieces of one length with letters and digits, one after the other, are a table or an attack, and no code.
const LONGEST_ROW: usize = 8;
/// Pieces with both letters and digits in a code at most.
const MOST_MIXED: usize = 3;

/// The tables, by length.
#[derive(Debug)]
pub(super) struct Ids {
    numbers: Vec<Vec<&'static NumberId>>,
    codes: Vec<Vec<CodeRow>>,
}

/// A row with its form as two sets of places, so that a text that does not fit is dismissed at once.
#[derive(Clone, Copy, Debug)]
struct CodeRow {
    id: &'static CodeId,
    /// Where a letter must be.
    letters: u32,
    /// Where a digit must be.
    digits: u32,
}

impl CodeRow {
    fn new(id: &'static CodeId) -> Self {
        let places = |wanted: fn(u8) -> bool| {
            id.form.bytes().enumerate().filter(|(_, class)| wanted(*class)).fold(0, |set, (at, _)| set | 1 << at)
        };
        let letters = places(|class| class == b'a' || class.is_ascii_uppercase());
        Self { id, letters, digits: places(|class| class.is_ascii_digit()) }
    }

    /// Whether letters at these places, and digits at all others, have the form.
    fn may_fit(self, letters: u32) -> bool {
        letters & self.letters == self.letters && letters & self.digits == 0
    }
}

impl Ids {
    /// Sorts the tables.
    pub(super) fn new() -> Self {
        let mut ids = Self { numbers: vec![Vec::new(); MOST_BYTES + 1], codes: vec![Vec::new(); MOST_BYTES + 1] };
        for row in
            [americas::NUMBERS, anglo::NUMBERS, asia::NUMBERS, europe::NUMBERS, nordic::NUMBERS].into_iter().flatten()
        {
            ids.numbers[row.len].push(row);
        }
        for row in [americas::CODES, anglo::CODES, asia::CODES, europe::CODES, nordic::CODES].into_iter().flatten() {
            ids.codes[row.form.len()].push(CodeRow::new(row));
        }
        ids
    }

    /// The types of all rows.
    pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
        let numbers = [americas::NUMBERS, anglo::NUMBERS, asia::NUMBERS, europe::NUMBERS, nordic::NUMBERS];
        let codes = [americas::CODES, anglo::CODES, asia::CODES, europe::CODES, nordic::CODES];
        let numbers = numbers.into_iter().flatten().map(|row| row.kind.name);
        numbers.chain(codes.into_iter().flatten().map(|row| row.kind.name))
    }

    /// The likeliest number that a window of digits is.
    pub(super) fn number(&self, window: &Window<'_>) -> Option<Raw> {
        if window.broken {
            return None;
        }
        let digits = window.digits();
        if digits.iter().all(|digit| *digit == digits[0]) || is_torn(window) {
            return None;
        }
        let rows = self.numbers.get(digits.len())?;
        let mut best: Option<(&NumberId, f32)> = None;
        for row in rows {
            let mut sure = if window.groups() == 1 { row.bare } else { 0.0 };
            for (groups, confidence) in row.grouped {
                if window.is(groups) && !(groups.len() == 2 && window.gap(0) == b".") {
                    sure = sure.max(*confidence);
                }
            }
            if !(row.check)(digits) {
                continue;
            }
            if (window.groups() == 1 || sure > 0.0) && window.page.said_near(row.topics, window.start, window.end) {
                sure = announced(window.page, window.start, row.kind, sure);
            }
            if best.is_none_or(|best| sure > best.1) {
                best = Some((row, sure));
            }
        }
        let (row, mut sure) = best?;
        if sure >= TELLING && window.page.is_all(window.start, window.end) {
            sure = sure.max(ALONE);
        }
        (sure > 0.0).then(|| window.raw(row.kind, sure))
    }

    /// Finds codes with letters.
    pub(super) fn codes(&self, page: &Page<'_>, out: &mut Vec<Raw>) {
        let (mut until, mut row) = (0, 0);
        for (at, token) in page.tokens.iter().enumerate() {
            let next = page.tokens.get(at + 1);
            let alike = next.is_some_and(|next| next.len() == token.len() && next.start == token.end + 1);
            row = if alike && !token.is_number() { row + 1 } else { 0 };
            if row > LONGEST_ROW {
                continue;
            }
            let inside = next.is_some_and(|next| token.is_number() && next.is_number() && next.start == token.end + 1);
            if token.start < until || (inside && token.len() < 5 && in_numbers(page, at)) {
                continue;
            }
            if let Some(raw) = self.code_at(page, at) {
                until = raw.end;
                out.push(raw);
            }
        }
    }

    fn code_at(&self, page: &Page<'_>, first: usize) -> Option<Raw> {
        let start = page.tokens[first].start;
        let lead = letters_before(page, start);
        let mut best: Option<Raw> = None;
        let (mut len, mut end, mut letters, mut mixed) = (0, start, false, 0);
        for (piece, token) in page.tokens[first..].iter().take(MOST_PIECES).enumerate() {
            if piece > 0 && !(token.start == end + 1 && b" -.".contains(&page.bytes[end])) {
                break;
            }
            (len, end, letters) = (len + token.len(), token.end, letters || !token.is_number());
            mixed += usize::from(!token.is_number());
            if len > MOST_BYTES || mixed > MOST_MIXED {
                break;
            }
            let tail = letters_after(page, end);
            if !letters && lead.is_none() && tail.is_none() {
                continue;
            }
            for from in [Some(start), lead].into_iter().flatten() {
                for to in [Some(end), tail].into_iter().flatten() {
                    let extra = lead.map_or(0, |lead| if from == lead { start - lead - 1 } else { 0 })
                        + (to - end).saturating_sub(1);
                    let rows = self.codes.get(len + extra).filter(|rows| !rows.is_empty() && (letters || extra > 0));
                    let found = rows.and_then(|rows| code(page, rows, from, to));
                    best = match (best, found) {
                        (Some(best), Some(found)) if found.confidence <= best.confidence => Some(best),
                        (best, found) => found.or(best),
                    };
                }
            }
        }
        best
    }
}

/// How sure the words make us: more if they call the number by its own name, and a little by its form.
fn announced(page: &Page<'_>, start: usize, kind: Kind, form: f32) -> f32 {
    let words = page.slice(start.saturating_sub(40), start).to_ascii_lowercase();
    let mut name = [0_u8; 32];
    let tail = kind.name.split_once('_').map_or(kind.name, |(_, tail)| tail);
    let name = &mut name[..tail.len().min(32)];
    name.iter_mut().zip(tail.bytes()).for_each(|(into, byte)| *into = if byte == b'_' { b' ' } else { byte });
    let called = memchr::memmem::find(&words, name).is_some();
    ANNOUNCED + if called { 0.08 } else { 0.0 } + form * 0.01
}

/// Whether evenly separated groups go on before or after the window: then they are part of something longer.
fn is_torn(window: &Window<'_>) -> bool {
    if window.groups() < 2 || !window.even() {
        return false;
    }
    let (page, separator) = (window.page, window.gap(0)[0]);
    let after = page.at(window.end) == separator && page.at(window.end + 1).is_ascii_digit();
    let before =
        page.before(window.start) == separator && window.start > 1 && page.bytes[window.start - 2].is_ascii_digit();
    after || before
}

/// Whether numbers, and nothing else, stand before a token and in the places a code from here could reach.
fn in_numbers(page: &Page<'_>, at: usize) -> bool {
    let start = page.tokens[at].start;
    let before = start > 1 && page.bytes[start - 2].is_ascii_digit();
    before && page.tokens.get(at + 1..=at + MOST_PIECES).is_some_and(|next| next.iter().all(|token| token.is_number()))
}

/// Where one to four letters begin that stand one separator before a place.
fn letters_before(page: &Page<'_>, start: usize) -> Option<usize> {
    if start < 2 || !matches!(page.bytes[start - 1], b' ' | b'-') || !page.bytes[start - 2].is_ascii_alphabetic() {
        return None;
    }
    let word = page.slice(start.saturating_sub(6), start.saturating_sub(1));
    let count = word.iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let free = start - 1 == count || !page.bytes[start - 2 - count].is_ascii_alphanumeric();
    (free && (1..=4).contains(&count)).then(|| start - 1 - count)
}

/// One past one to four letters that stand one separator after a place.
fn letters_after(page: &Page<'_>, end: usize) -> Option<usize> {
    if !matches!(page.at(end), b' ' | b'-') || !page.at(end + 1).is_ascii_alphabetic() {
        return None;
    }
    let word = page.slice(end + 1, (end + 6).min(page.bytes.len()));
    let count = word.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let free = !page.at(end + 1 + count).is_ascii_alphanumeric();
    (free && (1..=4).contains(&count)).then(|| end + 1 + count)
}

fn code(page: &Page<'_>, rows: &[CodeRow], start: usize, end: usize) -> Option<Raw> {
    let (mut text, mut len, mut letters) = ([0_u8; MOST_BYTES], 0, 0_u32);
    for byte in page.slice(start, end).iter().filter(|byte| byte.is_ascii_alphanumeric()) {
        *text.get_mut(len)? = byte.to_ascii_uppercase();
        letters |= u32::from(byte.is_ascii_alphabetic()) << len;
        len += 1;
    }
    let text = &text[..len];
    let row = rows.iter().filter(|row| row.may_fit(letters)).map(|row| row.id);
    let row = row.filter(|row| row.form.len() == len && fits(row.form, text) && (row.check)(text));
    let row = row.max_by(|a, b| a.bare.total_cmp(&b.bare))?;
    let mut sure = row.bare;
    if page.said_near(row.topics, start, end) {
        sure = announced(page, start, row.kind, sure);
    } else if page.slice(start, end).iter().any(u8::is_ascii_lowercase) && page.slice(start, end).contains(&b' ') {
        return None;
    } else if sure >= TELLING && page.is_all(start, end) {
        sure = sure.max(ALONE);
    }
    (sure > 0.0).then_some(Raw { kind: row.kind, start, end, confidence: sure })
}

/// Whether a text has a form.
fn fits(form: &str, text: &[u8]) -> bool {
    form.bytes().zip(text).all(|(class, byte)| match class {
        b'a' => byte.is_ascii_alphabetic(),
        b'0' => byte.is_ascii_digit(),
        b'x' => true,
        literal => literal == *byte,
    })
}

/// Two digits as a number.
fn two(digits: &[u8], at: usize) -> u64 {
    u64::from(digits[at]) * 10 + u64::from(digits[at + 1])
}

/// Whether `yymmdd` begins at a place.
fn year_first(digits: &[u8], at: usize) -> bool {
    is_date(two(digits, at + 2), two(digits, at + 4))
}

/// Whether `ddmmyy` begins at a place.
fn day_first(digits: &[u8], at: usize) -> bool {
    is_date(two(digits, at + 2), two(digits, at))
}

/// The values of the digits in a code.
fn values(text: &[u8]) -> Vec<u8> {
    text.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| byte - b'0').collect()
}

/// No check digits are known: the form and the words decide.
fn unchecked(_: &[u8]) -> bool {
    true
}

#[cfg(test)]
fn kinds(text: &str) -> Vec<&'static str> {
    super::Detector::default().scan_text(text).iter().map(|finding| finding.kind).collect()
}

#[cfg(test)]
mod tests {
    use super::kinds;

    #[test]
    fn valid_numbers_are_found_in_their_context() {
        for (text, kind) in [
            ("My NHS number is 943 476 5919", "uk_nhs"),
            ("nino: AB 12 34 56 C", "uk_nino"),
            ("Steuer-ID 36 574 261 809", "de_tax_id"),
            ("DNI 54362315K", "es_nif"),
            ("NIE: X9613851N", "es_nie"),
            ("codice fiscale RSSMRA85T10A562S", "it_codice_fiscale"),
            ("BSN 111222333", "nl_bsn"),
            ("PESEL 44051401458", "pl_pesel"),
            ("CPF 529.982.247-25", "br_cpf"),
            ("CUIT 20-10137663-0", "ar_cuit"),
            ("SIN 130 692 544", "ca_sin"),
            ("TFN 123 456 782", "au_tfn"),
            ("aadhaar 2341 2341 2346", "in_aadhaar"),
            ("hetu 131052-308T", "fi_hetu"),
            ("AHV 756.9217.0769.85", "ch_ahv"),
            ("身份证 360426199101010071", "cn_resident_id"),
            ("TC kimlik 10000000146", "tr_kimlik"),
            ("NRIC S2740116C", "sg_nric"),
        ] {
            assert!(kinds(text).contains(&kind), "{text}: {:?}", kinds(text));
        }
    }

    #[test]
    fn a_wrong_check_digit_is_no_number() {
        for (text, kind) in [
            ("My NHS number is 943 476 5918", "uk_nhs"),
            ("CPF 529.982.247-26", "br_cpf"),
            ("PESEL 44051401459", "pl_pesel"),
            ("NIE: X9613851M", "es_nie"),
            ("BSN 111222334", "nl_bsn"),
        ] {
            assert!(!kinds(text).contains(&kind), "{text}");
        }
    }

    #[test]
    fn a_check_digit_without_words_is_not_enough() {
        assert_eq!(kinds("The job ran for 111222333 cycles on the new machine"), Vec::<&str>::new());
    }
}
