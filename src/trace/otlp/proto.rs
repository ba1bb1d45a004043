//! Protobuf, as much of it as a trace needs: numbers, bytes, and messages within messages.

/// Bytes being written.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

/// How a field's value is laid out.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;

impl Writer {
    /// What was written.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn key(&mut self, field: u64, kind: u64) {
        self.varint(field << 3 | kind);
    }

    /// A number.
    pub(super) fn number(&mut self, field: u64, number: u64) {
        self.key(field, VARINT);
        self.varint(number);
    }

    /// A number of eight bytes.
    pub(super) fn fixed(&mut self, field: u64, number: u64) {
        self.key(field, FIXED64);
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// Bytes, or text.
    pub(super) fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.key(field, BYTES);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// A message.
    pub(super) fn message(&mut self, field: u64, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        write(&mut inner);
        self.bytes(field, &inner.0);
    }
}

/// One field of a message: its number, and its value as a number or as bytes.
pub(super) type Field<'a> = (u64, u64, &'a [u8]);

/// The first field of a message and what follows it; absent at the end, or where it is no message.
pub(super) fn field(bytes: &[u8]) -> Option<(Field<'_>, &[u8])> {
    let (key, rest) = varint(bytes)?;
    let number = key >> 3;
    match key & 7 {
        VARINT => varint(rest).map(|(value, rest)| ((number, value, &[][..]), rest)),
        FIXED64 => {
            let (value, rest) = rest.split_first_chunk::<8>()?;
            Some(((number, u64::from_le_bytes(*value), &[][..]), rest))
        }
        BYTES => {
            let (length, rest) = varint(rest)?;
            let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            Some(((number, 0, value), rest))
        }
        5 => rest
            .split_first_chunk::<4>()
            .map(|(value, rest)| ((number, u32::from_le_bytes(*value).into(), &[][..]), rest)),
        _ => None,
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (at, byte) in bytes.iter().take(10).enumerate() {
        number |= u64::from(byte & 0x7f).checked_shl(7 * at as u32)?;
        if byte & 0x80 == 0 {
            return Some((number, &bytes[at + 1..]));
        }
    }
    None
}

/// The value of the field with this number, the last one as the format wants it.
pub(super) fn find(mut bytes: &[u8], wanted: u64) -> Option<(u64, &[u8])> {
    let mut found = None;
    while let Some(((number, value, inner), rest)) = field(bytes) {
        if number == wanted {
            found = Some((value, inner));
        }
        bytes = rest;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_come_back() {
        for number in [0, 1, 127, 128, 300, 1 << 35, u64::MAX] {
            let mut writer = Writer::default();
            writer.number(1, number);
            writer.fixed(2, number);
            writer.message(300, |inner| inner.bytes(1, b"text"));
            let bytes = writer.into_bytes();
            assert_eq!(find(&bytes, 1), Some((number, &[][..])));
            assert_eq!(find(&bytes, 2), Some((number, &[][..])));
            let (_, inner) = find(&bytes, 300).unwrap();
            assert_eq!(find(inner, 1), Some((0, &b"text"[..])));
        }
    }

    #[test]
    fn what_is_no_message_has_no_fields() {
        for bytes in [&[][..], &[0x80; 20], &[0x0a, 0xff], &[0x09, 1], &[0x0f], b"<html>"] {
            assert_eq!(find(bytes, 1), None, "{bytes:?}");
        }
    }
}
