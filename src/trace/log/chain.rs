//! The chain: what a link's hash covers, in which order, in which bytes.
//!
//! The bytes are unambiguous: every table, row and cell says its kind and its length before its content, so no two
//! different sets of rows give the same ones. A link's number and kind are covered as well, and so are *all* tables for
//! each number: a row that is added where none belongs breaks the hash like one that is changed.

use rusqlite::{Connection, types::Value as Cell};
use sha2::{Digest as _, Sha256};

use super::entry::{ATTEMPT, CHOICE, DECISION};

/// A hash.
pub(super) type Hash = [u8; 32];

/// What the first link hangs on.
pub(super) const BEGINNING: Hash = [0; 32];

/// A table whose rows are covered.
#[derive(Debug)]
pub(super) struct Covered {
    pub(super) table: &'static str,
    pub(super) columns: &'static [&'static str],
}

/// Every table but the chain, in the order of hashing, with the columns after `seq`.
pub(super) const COVERED: &[Covered] = &[
    Covered { table: "decisions", columns: DECISION },
    Covered { table: "attempts", columns: ATTEMPT },
    Covered { table: "feedback", columns: &["id", "at", "score", "comment"] },
    Covered { table: "gaps", columns: &["at", "dropped"] },
    Covered { table: "checkpoints", columns: &["at", "through", "hash"] },
    Covered { table: "choices", columns: CHOICE },
];

/// The tables of `db` that are covered. A file of an earlier version lacks those that came later; where none of their rows
/// is, they add nothing to a hash.
pub(super) fn covered(db: &Connection) -> rusqlite::Result<Vec<&'static Covered>> {
    let mut find = db.prepare_cached("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1")?;
    let mut found = Vec::with_capacity(COVERED.len());
    for covered in COVERED {
        if find.exists([covered.table])? {
            found.push(covered);
        }
    }
    Ok(found)
}

/// A link under way.
pub(super) struct Link(Sha256);

impl Link {
    /// Begins the link `seq` of `kind` on `prev`.
    pub(super) fn new(prev: &[u8], seq: i64, kind: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"waypost log 1");
        hash.update(prev);
        hash.update(seq.to_be_bytes());
        let mut link = Self(hash);
        link.bytes(b't', kind.as_bytes());
        link
    }

    /// Takes in one row.
    pub(super) fn row(&mut self, table: &str, cells: &[Cell]) {
        self.bytes(b'R', table.as_bytes());
        self.0.update((cells.len() as u64).to_be_bytes());
        for cell in cells {
            match cell {
                Cell::Null => self.0.update(b"n"),
                Cell::Integer(number) => self.bytes(b'i', &number.to_be_bytes()),
                Cell::Real(number) => self.bytes(b'r', &number.to_bits().to_be_bytes()),
                Cell::Text(text) => self.bytes(b't', text.as_bytes()),
                Cell::Blob(bytes) => self.bytes(b'b', bytes),
            }
        }
    }

    pub(super) fn finish(self) -> Hash {
        self.0.finalize().into()
    }

    fn bytes(&mut self, kind: u8, content: &[u8]) {
        self.0.update([kind]);
        self.0.update((content.len() as u64).to_be_bytes());
        self.0.update(content);
    }
}

/// The statement that reads a table's rows of one link.
pub(super) fn reading(covered: &Covered) -> String {
    format!(
        "SELECT {} FROM {} WHERE seq = ?1 ORDER BY {}",
        covered.columns.join(", "),
        covered.table,
        covered.columns[0]
    )
}

/// The hash of the link `seq`, from what stands in the file.
pub(super) fn hash_of(
    db: &Connection,
    tables: &[&Covered],
    prev: &[u8],
    seq: i64,
    kind: &str,
) -> rusqlite::Result<Hash> {
    let mut link = Link::new(prev, seq, kind);
    for covered in tables {
        let mut statement = db.prepare_cached(&reading(covered))?;
        let mut rows = statement.query([seq])?;
        while let Some(row) = rows.next()? {
            let cells: Vec<Cell> = (0..covered.columns.len()).map(|at| row.get(at)).collect::<Result<_, _>>()?;
            link.row(covered.table, &cells);
        }
    }
    Ok(link.finish())
}
