//! Base64, once: what is hidden one layer deep is looked at, what is hidden deeper is not.

use super::page::Page;

/// Shorter runs are words.
const LEAST: usize = 24;
/// Longer runs are media; their beginning decides whether they are text.
const HEAD: usize = 64;

/// Whether a byte belongs to base64, either alphabet, without padding.
fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

fn sextet(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    }))
}

/// The bytes that base64 stands for; white space and padding are skipped.
pub(in crate::signals) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.iter().filter(|byte| !byte.is_ascii_whitespace() && **byte != b'=') {
        bits = bits << 6 | sextet(*byte)?;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    Some(out)
}

/// Whether bytes are text: printable ASCII nearly throughout, or sound UTF-8.
pub(in crate::signals) fn is_text(bytes: &[u8]) -> bool {
    let plain = bytes.iter().filter(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()).count();
    !bytes.is_empty()
        && (plain * 20 >= bytes.len() * 19 || (plain * 2 >= bytes.len() && std::str::from_utf8(bytes).is_ok()))
}

/// Each run of base64 that stands for text: where it is, and the text.
pub(super) fn hidden(page: &Page<'_>, mut each: impl FnMut(usize, usize, &str)) {
    let mut until = 0;
    for token in page.tokens {
        if token.start < until || token.len() < 4 || token.is_number() {
            continue;
        }
        let left = page.bytes[until..token.start].iter().rev().take_while(|byte| is_base64(**byte)).count();
        let start = token.start - left;
        let length = page.bytes[start..].iter().take_while(|byte| is_base64(**byte)).count();
        until = start + length;
        let run = page.slice(start, until);
        if length < LEAST {
            continue;
        }
        let head = base64(&run[..length.min(HEAD)]).unwrap_or_default();
        if !is_text(&head) {
            continue;
        }
        if let Some(text) = base64(run) {
            each(start, until, &String::from_utf8_lossy(&text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_are_read() {
        assert_eq!(base64(b"aGVsbG8gd29ybGQ=").as_deref(), Some(b"hello world".as_slice()));
        assert_eq!(base64(b"_-8").as_deref(), base64(b"/+8=").as_deref());
        assert_eq!(base64(b"a*b"), None);
    }
}
