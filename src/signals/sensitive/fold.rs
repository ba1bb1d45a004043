//! Makes look-alikes look alike: full-width digits, zero-width characters, homoglyphs, accents and escapes become the
//! plain bytes that recognisers know, one byte a character, with a way back to the code point each came from.
//!
//! Plain ASCII without escapes, the common case, is borrowed as it is.

use std::{borrow::Cow, sync::LazyLock};

/// A letter of a script that no recogniser reads. It is no word character: Chinese runs on without spaces.
pub(super) const OTHER_LETTER: u8 = 0x80;
/// A symbol that joins nothing.
const OTHER_SYMBOL: u8 = b';';

/// Text as recognisers see it.
#[derive(Debug)]
pub(super) struct Folded<'a> {
    /// One byte a kept character.
    pub(super) bytes: Cow<'a, [u8]>,
    /// The code point where each byte begins, and one more for the end; empty when byte = code point.
    origin: Vec<u32>,
}

impl<'a> Folded<'a> {
    /// Folds a text.
    pub(super) fn new(text: &'a str) -> Self {
        if text.is_ascii() && !has_escapes(text.as_bytes()) {
            return Self { bytes: Cow::Borrowed(text.as_bytes()), origin: Vec::new() };
        }
        let (mut bytes, mut origin) = (Vec::with_capacity(text.len()), Vec::with_capacity(text.len() + 1));
        let mut point = 0_u32;
        let mut chars = text.char_indices();
        while let Some((at, c)) = chars.next() {
            let (folded, width) = match c {
                '\\' | '%' | '&' => escape(&text.as_bytes()[at..]).unwrap_or((c as u8, 1)),
                _ if c.is_ascii() => (c as u8, 1),
                _ => {
                    let Some(byte) = plain(c) else {
                        point += 1;
                        continue;
                    };
                    (byte, 1)
                }
            };
            bytes.push(folded);
            origin.push(point);
            point += width;
            for _ in 1..width {
                chars.next();
            }
        }
        origin.push(point);
        Self { bytes: Cow::Owned(bytes), origin }
    }

    /// The code points of a span of bytes.
    pub(super) fn points(&self, start: usize, end: usize) -> (usize, usize) {
        let point = |at: usize| self.origin.get(at).map_or(at, |&point| point as usize);
        (point(start), point(end))
    }
}

fn has_escapes(bytes: &[u8]) -> bool {
    memchr::memchr3_iter(b'\\', b'%', b'&', bytes).any(|at| escape(&bytes[at..]).is_some())
}

/// `\n`, `\u0040`, `%40`, `&#64;` and `&#x40;` as the character they stand for, with their width.
pub(in crate::signals) fn escape(bytes: &[u8]) -> Option<(u8, u32)> {
    let printable = |code: u32| u8::try_from(code).ok().filter(|byte| (0x20..0x7f).contains(byte));
    match bytes {
        [b'\\', b'n' | b'r', ..] => Some((b'\n', 2)),
        [b'\\', b't', ..] => Some((b'\t', 2)),
        [b'\\', b'u', hex @ ..] => Some((printable(number(hex.get(..4)?, 16)?)?, 6)),
        [b'%', hex @ ..] => Some((printable(number(hex.get(..2)?, 16)?)?, 3)),
        [b'&', b'#', rest @ ..] => {
            let end = rest.iter().take(6).position(|&byte| byte == b';')?;
            let code = match &rest[..end] {
                [b'x' | b'X', hex @ ..] => number(hex, 16),
                digits => number(digits, 10),
            };
            Some((printable(code?)?, end as u32 + 3))
        }
        _ => None,
    }
}

fn number(digits: &[u8], base: u32) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |sum, &digit| Some(sum * base + char::from(digit).to_digit(base)?))
}

/// Where ten digits of other scripts begin.
const ZEROS: [u32; 17] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0xf20, 0x1040,
    0x17e0,
];

/// Accented letters of Latin-1 (from U+00C0) and Latin Extended-A (from U+0100), without their accents.
const LATIN_1: &[u8; 64] = b"aaaaaaaceeeeiiiidnooooo*ouuuuypsaaaaaaaceeeeiiiidnooooo/ouuuuypy";
const LATIN_A: &[u8; 128] = b"aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllllllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

/// Letters of other alphabets that look like Latin ones.
const TWINS: &[(&str, u8)] = &[
    ("аαⲁ", b'a'),
    ("АΑ", b'A'),
    ("ВΒ", b'B'),
    ("сϲⅽ", b'c'),
    ("СϹ", b'C'),
    ("ԁ", b'd'),
    ("еє", b'e'),
    ("ЕΕ", b'E'),
    ("һ", b'h'),
    ("НΗ", b'H'),
    ("іιı", b'i'),
    ("ІΙ", b'I'),
    ("ј", b'j'),
    ("Ј", b'J'),
    ("к", b'k'),
    ("КΚ", b'K'),
    ("МΜ", b'M'),
    ("п", b'n'),
    ("Ν", b'N'),
    ("оοօ", b'o'),
    ("ОΟ", b'O'),
    ("рρ", b'p'),
    ("РΡ", b'P'),
    ("ѕ", b's'),
    ("Ѕ", b'S'),
    ("т", b't'),
    ("ТΤ", b'T'),
    ("υ", b'u'),
    ("ν", b'v'),
    ("ԝ", b'w'),
    ("хχ", b'x'),
    ("ХΧ", b'X'),
    ("уγ", b'y'),
    ("УΥ", b'Y'),
    ("Ζ", b'Z'),
];

/// Signs of other scripts that the words of context are written with, each as a byte of its own.
const SIGNS: &[(&str, u8)] = &[
    ("电電", 0x81),
    ("话話", 0x82),
    ("手", 0x83),
    ("机機", 0x84),
    ("号號", 0x85),
    ("身", 0x86),
    ("份", 0x87),
    ("证証證", 0x88),
    ("护護", 0x89),
    ("照", 0x8a),
    ("银銀", 0x8b),
    ("卡", 0x8c),
    ("密", 0x8d),
    ("码碼", 0x8e),
    ("传傳", 0x95),
    ("真", 0x96),
    ("拨撥", 0x97),
    ("打", 0x98),
    ("番", 0x8f),
    ("携", 0x90),
    ("帯", 0x91),
    ("फ", 0x93),
    ("न", 0x94),
];

/// The byte a character is read as; `None` for what is invisible.
pub(in crate::signals) fn plain(c: char) -> Option<u8> {
    let code = c as u32;
    Some(match code {
        0xad
        | 0x300..=0x36f
        | 0x61c
        | 0x180b..=0x180f
        | 0x200b..=0x200f
        | 0x202a..=0x202e
        | 0x2060..=0x206f
        | 0xfe00..=0xfe0f
        | 0xfeff
        | 0xe0000..=0xe01ef => return None,
        0xa0 | 0x2000..=0x200a | 0x202f | 0x205f | 0x3000 | 0x2028 | 0x2029 => b' ',
        0xff01..=0xff5e => (code - 0xfee0) as u8,
        0x2010..=0x2015 | 0x2212 | 0xfe58 | 0xfe63 | 0x2043 => b'-',
        0x2018..=0x201b | 0x2032 => b'\'',
        0x201c..=0x201f | 0x300c..=0x300f => b'"',
        0xfe6b => b'@',
        0x2024 | 0xb7 => b'.',
        0x2044 | 0x2215 => b'/',
        0xb2 => b'2',
        0xb3 => b'3',
        0xb9 => b'1',
        0x2070 | 0x2074..=0x2079 => b'0' + (code - 0x2070) as u8,
        0x2080..=0x2089 => b'0' + (code - 0x2080) as u8,
        0x2460..=0x2468 => b'1' + (code - 0x2460) as u8,
        0x1d7ce..=0x1d7ff => b'0' + ((code - 0x1d7ce) % 10) as u8,
        0x1d400..=0x1d6a3 => math_letter(code - 0x1d400),
        0xc0..=0xff => LATIN_1[(code - 0xc0) as usize],
        0x100..=0x17f => LATIN_A[(code - 0x100) as usize],
        _ => return Some(other(c, code)),
    })
}

fn math_letter(offset: u32) -> u8 {
    let letter = (offset % 52) as u8;
    if letter < 26 { b'A' + letter } else { b'a' + letter - 26 }
}

fn other(c: char, code: u32) -> u8 {
    if let Some(zero) = ZEROS.iter().find(|&&zero| (zero..zero + 10).contains(&code)) {
        return b'0' + (code - zero) as u8;
    }
    match known(c, code) {
        Some(byte) => byte,
        None if c.is_alphanumeric() || (0x900..0xe00).contains(&code) => OTHER_LETTER,
        None => OTHER_SYMBOL,
    }
}

/// Twins and signs by their code, sorted: a Russian or Chinese text asks for every letter of it.
static KNOWN: LazyLock<Vec<(u32, u8)>> = LazyLock::new(|| {
    let all = TWINS.iter().chain(SIGNS).flat_map(|(signs, byte)| signs.chars().map(move |c| (c as u32, *byte)));
    let mut known: Vec<(u32, u8)> = all.collect();
    known.sort_unstable();
    known
});

fn known(c: char, code: u32) -> Option<u8> {
    if (0x600..0x900).contains(&code) || c.is_ascii() {
        return None;
    }
    KNOWN.binary_search_by_key(&code, |(sign, _)| *sign).ok().map(|at| KNOWN[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        Folded::new(text).bytes.iter().map(|&byte| char::from(byte)).collect()
    }

    #[test]
    fn look_alikes_become_plain() {
        assert_eq!(folded("ａ＠ｂ．ｃｏ ４１１１"), "a@b.co 4111");
        assert_eq!(folded("4\u{200b}1\u{2060}1"), "411");
        assert_eq!(folded("Führer ١٢٣ pаypal"), "Fuhrer 123 paypal");
        assert_eq!(folded(r"a\u0040b%2Ec &#64;&#x40;"), "a@b.c @@");
        assert_eq!(folded("𝟒𝟏 𝐚𝐁"), "41 aB");
        assert_eq!(folded("50% of a\\users & co"), "50% of a\\users & co");
    }

    #[test]
    fn spans_lead_back_to_code_points() {
        let folded = Folded::new("é\u{200b}x \\u0040y");
        assert_eq!(&*folded.bytes, b"ex @y");
        assert_eq!(folded.points(1, 2), (2, 3));
        assert_eq!(folded.points(3, 4), (4, 10));
        assert_eq!(folded.points(3, 5), (4, 11));
    }
}
