//! What looks like a secret and what only stands for one.

/// Bits of the classes of bytes that tokens are made of.
pub(super) mod class {
    pub(in super::super) const HEX: u16 = 1;
    pub(in super::super) const ALNUM: u16 = 1 << 1;
    pub(in super::super) const UPPER: u16 = 1 << 2;
    pub(in super::super) const UNDER: u16 = 1 << 3;
    pub(in super::super) const DASH: u16 = 1 << 4;
    pub(in super::super) const DOT: u16 = 1 << 5;
    pub(in super::super) const EQUALS: u16 = 1 << 6;
    pub(in super::super) const PLUS: u16 = 1 << 7;
    pub(in super::super) const SLASH: u16 = 1 << 8;
    pub(in super::super) const COLON: u16 = 1 << 9;
    pub(in super::super) const TILDE: u16 = 1 << 10;
    /// Letters, digits, `_`, `-`.
    pub(in super::super) const WORD: u16 = ALNUM | UNDER | DASH;
    /// Base64, either alphabet.
    pub(in super::super) const BASE64: u16 = WORD | PLUS | SLASH | EQUALS;
}

/// The classes of a byte.
pub(super) fn classes(byte: u8) -> u16 {
    match byte {
        b'0'..=b'9' | b'A'..=b'F' => class::HEX | class::ALNUM | class::UPPER,
        b'a'..=b'f' => class::HEX | class::ALNUM,
        b'g'..=b'z' => class::ALNUM,
        b'G'..=b'Z' => class::ALNUM | class::UPPER,
        b'_' => class::UNDER,
        b'-' => class::DASH,
        b'.' => class::DOT,
        b'=' => class::EQUALS,
        b'+' => class::PLUS,
        b'/' => class::SLASH,
        b':' => class::COLON,
        b'~' => class::TILDE,
        _ => 0,
    }
}

/// How many bytes from the start are of a set, at most `most`.
pub(super) fn run(bytes: &[u8], set: u16, most: usize) -> usize {
    bytes.iter().take(most).take_while(|byte| classes(**byte) & set != 0).count()
}

/// Entropy of a text in bits a byte.
pub(super) fn entropy(text: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text {
        counts[usize::from(*byte)] += 1;
    }
    let total = text.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / total)
        .map(|share| -share * share.log2())
        .sum()
}

/// How often a text goes from digits to letters or back.
pub(super) fn changes(text: &[u8]) -> usize {
    text.windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count()
}

/// How many different bytes a text has.
pub(super) fn variety(text: &[u8]) -> usize {
    let mut seen = [false; 256];
    for byte in text {
        seen[usize::from(*byte)] = true;
    }
    seen.iter().filter(|seen| **seen).count()
}

/// Whether a text is a row of `x`, as documentation writes it.
pub(super) fn is_filler(text: &[u8]) -> bool {
    let crosses = text.iter().filter(|byte| matches!(byte, b'x' | b'X' | b'*' | b'#' | b'.')).count();
    crosses * 10 >= text.len() * 7
}

/// Words that a stand-in has and a secret has not.
const STAND_INS: &[&[u8]] = &[
    b"your",
    b"example",
    b"placeholder",
    b"xxxx",
    b"****",
    b"insert",
    b"redacted",
    b"not_a_real",
    b"changeme",
    b"dummy",
    b"<",
    b"...",
    b"environ",
    b"process.env",
    b"getenv",
    b"config.",
    b"secrets.",
    b"enter_",
    b"_here",
    b"too_short",
    b"tooshort",
    b"fake",
];

/// Whether a value stands for a secret instead of being one.
pub(super) fn is_stand_in(text: &[u8]) -> bool {
    if matches!(text.first(), Some(b'$' | b'<' | b'%' | b'{' | b'[' | b'(' | b'&' | b'*' | b'|'))
        || text.starts_with(b"env:")
    {
        return true;
    }
    if is_filler(text)
        || text.starts_with(b"http")
        || text.starts_with(b"./")
        || text.starts_with(b"../")
        || variety(text) < 4
    {
        return true;
    }
    // Long random values are told apart by their randomness; vendors' samples end in `EXAMPLEKEY`.
    if text.len() >= 36 && entropy(text) > 4.2 {
        return false;
    }
    let head: Vec<u8> = text.iter().take(64).map(u8::to_ascii_lowercase).collect();
    STAND_INS.iter().any(|word| memchr::memmem::find(&head, word).is_some())
}
