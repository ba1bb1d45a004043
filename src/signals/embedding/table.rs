//! The table of token vectors that the extension carries, and the vocabulary beside it.

use super::{DIMENSIONS, Point};

/// Written by `scripts/embedding.py`: a mark, three counts, the vocabulary, a scale for each row, the rows, and the
/// point of an average text.
static FILE: &[u8] = include_bytes!("table.bin");
const MARK: &[u8] = b"wpt-emb1";
const HEADER: usize = MARK.len() + 12;
/// Slots of the vocabulary's hash table: a power of two, twice as many as there are tokens.
const SLOTS: usize = 1 << 16;
/// The token of a word that cannot be cut into known pieces.
const UNKNOWN: &[u8] = b"[UNK]";

/// Rows and vocabulary.
pub(super) struct Table {
    words: Vec<&'static [u8]>,
    /// Places in `words`, one more than the place; 0 is free.
    slots: Vec<u16>,
    scales: &'static [u8],
    rows: &'static [u8],
    /// Where an average text lies: every text is seen from there, or all would look alike.
    pub(super) centre: Point,
    pub(super) unknown: Option<u16>,
}

impl Table {
    /// The one that is shipped. A file that is not what it should be has no words: every text is then a stranger.
    pub(super) fn shipped() -> Self {
        Self::read(FILE).unwrap_or(Self {
            words: Vec::new(),
            slots: vec![0; SLOTS],
            scales: &[],
            rows: &[],
            centre: [0.0; DIMENSIONS],
            unknown: None,
        })
    }

    fn read(file: &'static [u8]) -> Option<Self> {
        let header = file.strip_prefix(MARK)?;
        let count = |at: usize| Some(u32::from_le_bytes(*header.get(at..)?.first_chunk()?) as usize);
        let (tokens, dimensions, bytes) = (count(0)?, count(4)?, count(8)?);
        let rest = file.get(HEADER..)?;
        let (words, rest) = rest.split_at_checked(bytes)?;
        let (scales, rest) = rest.split_at_checked(4 * tokens)?;
        let (rows, last) = rest.split_at_checked(tokens * dimensions)?;
        let (numbers, left) = last.as_chunks::<4>();
        let words: Vec<&[u8]> = words.split(|byte| *byte == b'\n').collect();
        if words.len() != tokens || !left.is_empty() {
            return None;
        }
        let centre: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let centre = centre.try_into().ok()?;
        let mut table = Self { words, slots: vec![0; SLOTS], scales, rows, centre, unknown: None };
        for place in 0..u16::try_from(tokens).ok()? {
            let mut slot = hash(table.words[usize::from(place)], false);
            while table.slots[slot] != 0 {
                slot = (slot + 1) % SLOTS;
            }
            table.slots[slot] = place + 1;
        }
        table.unknown = table.find(UNKNOWN, false);
        Some(table)
    }

    /// The token of a word, or of a piece that goes on with one (`##` in the vocabulary).
    pub(super) fn find(&self, piece: &[u8], goes_on: bool) -> Option<u16> {
        let mut slot = hash(piece, goes_on);
        loop {
            let place = self.slots[slot].checked_sub(1)?;
            let word = self.words[usize::from(place)];
            let same = if goes_on { word.strip_prefix(b"##") == Some(piece) } else { word == piece };
            if same {
                return Some(place);
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// Adds a token's row to `sum`.
    pub(super) fn add(&self, token: u16, sum: &mut Point) {
        let at = usize::from(token);
        let scale = self.scales[4 * at..].first_chunk().map_or(0.0, |bytes| f32::from_le_bytes(*bytes));
        let row = &self.rows[at * DIMENSIONS..(at + 1) * DIMENSIONS];
        for (sum, byte) in sum.iter_mut().zip(row) {
            *sum += f32::from(byte.cast_signed()) * scale;
        }
    }
}

/// FNV-1a, with `##` before a piece that goes on, as the vocabulary spells it.
fn hash(piece: &[u8], goes_on: bool) -> usize {
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    let start = if goes_on { b"##".iter().fold(0x811c_9dc5, step) } else { 0x811c_9dc5 };
    let hash = piece.iter().fold(start, step);
    (hash ^ (hash >> 16)) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_table_is_whole() {
        let table = Table::read(FILE).unwrap();
        assert_eq!(table.words.len(), 30_522);
        for (piece, goes_on, word) in [("the", false, "the"), ("ing", true, "##ing"), ("[UNK]", false, "[UNK]")] {
            let token = table.find(piece.as_bytes(), goes_on).unwrap();
            assert_eq!(table.words[usize::from(token)], word.as_bytes());
        }
        assert_eq!(table.find(b"thisisnoword", false), None);
    }
}
