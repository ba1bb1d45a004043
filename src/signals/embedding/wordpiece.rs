//! `WordPiece` as BERT's uncased models cut text: lower case without accents, words and punctuation apart, Chinese
//! characters one by one, and each word in the longest known pieces from its start.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::{floor, table::Table};

/// Characters of a word beyond which it is not looked up (`max_input_chars_per_word` of the original).
const LONGEST_WORD: usize = 100;

/// Calls `each` with every token of `text`.
pub(super) fn tokens(text: &str, table: &Table, mut each: impl FnMut(u16)) {
    let mut word = String::new();
    for c in text.chars() {
        if c.is_ascii() {
            letter(c.to_ascii_lowercase(), table, &mut word, &mut each);
        } else {
            for c in c.to_lowercase().nfd().filter(|c| !is_combining_mark(*c)) {
                letter(c, table, &mut word, &mut each);
            }
        }
    }
    flush(&mut word, table, &mut each);
}

fn letter(c: char, table: &Table, word: &mut String, each: &mut impl FnMut(u16)) {
    if c.is_whitespace() {
        flush(word, table, each);
    } else if is_dropped(c) {
        // As if it were not there.
    } else if is_alone(c) {
        flush(word, table, each);
        word.push(c);
        flush(word, table, each);
    } else {
        word.push(c);
    }
}

/// Cuts the word that has been gathered, and begins the next one.
fn flush(word: &mut String, table: &Table, each: &mut impl FnMut(u16)) {
    if word.is_empty() {
        return;
    }
    let pieces =
        if word.len() > 4 * LONGEST_WORD || word.chars().count() > LONGEST_WORD { None } else { cut(word, table) };
    match pieces {
        Some(pieces) => pieces.into_iter().for_each(&mut *each),
        None => table.unknown.into_iter().for_each(&mut *each),
    }
    word.clear();
}

/// The longest known pieces from the start, or nothing if some rest is unknown.
fn cut(word: &str, table: &Table) -> Option<Vec<u16>> {
    if let Some(token) = table.find(word.as_bytes(), false) {
        return Some(vec![token]);
    }
    let (mut pieces, mut start) = (Vec::new(), 0);
    while start < word.len() {
        let mut end = word.len();
        let token = loop {
            if let Some(token) = table.find(&word.as_bytes()[start..end], start > 0) {
                break token;
            }
            end = floor(word, end - 1);
            if end <= start {
                return None;
            }
        };
        pieces.push(token);
        start = end;
    }
    Some(pieces)
}

/// Controls, format characters, and the replacement character.
fn is_dropped(c: char) -> bool {
    c.is_control()
        || c == '\u{fffd}'
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// Punctuation and symbols of ASCII, punctuation beyond it, and Chinese characters.
fn is_alone(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_punctuation();
    }
    matches!(u32::from(c),
        // Punctuation: Latin-1, general, supplemental, of Chinese, Japanese and Korean, of full width.
        0xa1 | 0xa7 | 0xab | 0xb6 | 0xb7 | 0xbb | 0xbf
        | 0x2010..=0x2027 | 0x2030..=0x2043 | 0x2045..=0x2051 | 0x2053..=0x205e
        | 0x2308..=0x230b | 0x2e00..=0x2e5d | 0x3001..=0x3003 | 0x3008..=0x3011 | 0x3014..=0x301f | 0x30fb
        | 0xff01..=0xff03 | 0xff05..=0xff0a | 0xff0c..=0xff0f | 0xff1a | 0xff1b | 0xff1f | 0xff20
        | 0xff3b..=0xff3d | 0xff3f | 0xff5b | 0xff5d | 0xff5f..=0xff65
        // Chinese characters, as the original lists their blocks.
        | 0x4e00..=0x9fff | 0x3400..=0x4dbf | 0x20000..=0x2a6df | 0x2a700..=0x2ceaf | 0xf900..=0xfaff | 0x2f800..=0x2fa1f)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<u16> {
        let table = Table::shipped();
        let mut found = Vec::new();
        tokens(text, &table, |token| found.push(token));
        found
    }

    /// The numbers that the tokenizer of the encoder gives.
    #[test]
    fn text_is_cut_as_the_encoder_cuts_it() {
        for (text, expected) in EXPECTED {
            assert_eq!(pieces(text), *expected, "{text}");
        }
    }

    const EXPECTED: &[(&str, &[u16])] = &[
        ("Hello, World!", &[7592, 1010, 2088, 999]),
        ("unaffable tokenization", &[14477, 20961, 3468, 19204, 3989]),
        ("Größe naïve café", &[24665, 2080, 17499, 15743, 7668]),
        ("日本語 text", &[1864, 1876, 1950, 3793]),
        ("x = foo(bar)[3] # ok", &[1060, 1027, 29379, 1006, 3347, 1007, 1031, 1017, 1033, 1001, 7929]),
        ("don't", &[2123, 1005, 1056]),
        ("\u{200b}zero\u{ad}width", &[5717, 9148, 11927, 2232]),
        ("12.5% of $1,000", &[2260, 1012, 1019, 1003, 1997, 1002, 1015, 1010, 2199]),
        ("İstanbul Ærø", &[9960, 1097, 2099, 16415]),
        ("the “quoted” — dash…", &[1996, 1523, 9339, 1524, 1517, 11454, 1529]),
        (
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            &[100],
        ),
        ("😀 ok", &[100, 7929]),
        ("ﬁne ½ ²", &[1984, 2638, 1092, 1082]),
    ];
}
