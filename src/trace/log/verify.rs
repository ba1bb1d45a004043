//! Whether a log is as it was written.
//!
//! The chain shows that a row was changed, added or taken away by somebody who did not work out every later hash anew.
//! Against who does, only a note of the last hash kept elsewhere helps: it must still be in the chain.

use std::{fmt::Write as _, path::Path};

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::{
    chain::{BEGINNING, COVERED, covered, hash_of},
    store::{APPLICATION, SCHEMA, VERSION},
};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Links that are in the file.
    pub rows: u64,
    /// The last link's hash, in hexadecimal; worth keeping elsewhere. Empty for an empty log.
    pub head: String,
    /// Rows that were not written, and are marked as such.
    pub dropped: u64,
    /// The last link that was removed for its age; 0 if none was.
    pub pruned: i64,
    /// The first thing that is wrong.
    pub fault: Option<Fault>,
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The link's number; absent for what concerns the whole file.
    pub seq: Option<i64>,
    /// `changed`, `missing`, `added`, `view`, `head` or `file`.
    pub kind: &'static str,
    /// In words.
    pub message: String,
}

impl Fault {
    fn new(seq: impl Into<Option<i64>>, kind: &'static str, message: impl Into<String>) -> Self {
        Self { seq: seq.into(), kind, message: message.into() }
    }
}

/// Verifies the log at `path`; `head` is a hash noted earlier, which must still be in the chain (or have been removed
/// for its age as the last of those).
///
/// # Errors
/// The file cannot be read as an SQLite database; in words.
pub fn verify(path: &Path, head: Option<&str>) -> Result<Verdict, String> {
    let db = open(path)?;
    let verdict = look(&db, head).map_err(|error| error.to_string());
    match verdict {
        Err(message) if message.contains("malformed") || message.contains("not a database") => Ok(Verdict {
            rows: 0,
            head: String::new(),
            dropped: 0,
            pruned: 0,
            fault: Some(Fault::new(None, "file", "the file is damaged: parts of it cannot be read")),
        }),
        other => other,
    }
}

pub(super) fn open(path: &Path) -> Result<Connection, String> {
    if !path.is_file() {
        return Err(format!("there is no file `{}`", path.display()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let readable = |db: &Connection| db.query_row("PRAGMA application_id", [], |row| row.get::<_, i32>(0));
    let db = Connection::open_with_flags(path, flags).map_err(|error| error.to_string())?;
    let (db, application) = if let Ok(application) = readable(&db) {
        (db, application)
    } else {
        // A copy on a medium that cannot be written: SQLite wants to put its lock file beside it.
        let db = Connection::open_with_flags(immutable(path), flags).map_err(|error| error.to_string())?;
        let application = readable(&db).map_err(|error| error.to_string())?;
        (db, application)
    };
    if application != APPLICATION {
        return Err(format!("`{}` is no decision log of waypost", path.display()));
    }
    Ok(db)
}

fn immutable(path: &Path) -> String {
    let escaped = path.display().to_string().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{escaped}?immutable=1")
}

fn look(db: &Connection, head: Option<&str>) -> rusqlite::Result<Verdict> {
    // One state of the file, whoever writes meanwhile.
    let db = db.unchecked_transaction()?;
    let mut walk = Walk { head: head.map(str::to_ascii_lowercase), ..Walk::default() };
    let fault = walk.chain(&db)?;
    let fault = match fault {
        None => strangers(&db)?,
        some => some,
    };
    let fault = match fault {
        None => redefined(&db)?,
        some => some,
    };
    let fault = fault.or_else(|| {
        let wanted = walk.head.take()?;
        Some(Fault::new(None, "head", format!("the noted hash {wanted} is not in the chain: it was written anew")))
    });
    let dropped: i64 = db.query_row("SELECT coalesce(sum(dropped), 0) FROM gaps", [], |row| row.get(0))?;
    let rows = walk.rows;
    Ok(Verdict { rows, head: walk.last, dropped: dropped.unsigned_abs(), pruned: walk.pruned, fault })
}

#[derive(Default)]
struct Walk {
    rows: u64,
    last: String,
    pruned: i64,
    /// The noted hash, until it is found.
    head: Option<String>,
}

impl Walk {
    /// Follows the chain from its first link to its last.
    fn chain(&mut self, db: &Connection) -> rusqlite::Result<Option<Fault>> {
        let tables = covered(db)?;
        let mut statement = db.prepare("SELECT seq, kind, prev, hash FROM chain ORDER BY seq")?;
        let mut links = statement.query([])?;
        let mut before: Option<(i64, Vec<u8>)> = None;
        while let Some(link) = links.next()? {
            let (seq, kind): (i64, String) = (link.get(0)?, link.get(1)?);
            let (prev, hash): (Vec<u8>, Vec<u8>) = (link.get(2)?, link.get(3)?);
            let (expected, hangs_on) = match &before {
                Some((last, hash)) => (last + 1, hash.clone()),
                None => self.beginning(db, seq)?,
            };
            if seq != expected {
                return Ok(Some(missing(expected, seq)));
            }
            if prev != hangs_on || hash_of(db, &tables, &prev, seq, &kind)?[..] != hash[..] {
                let message = format!("row {seq} ({kind}) is not as it was written");
                return Ok(Some(Fault::new(seq, "changed", message)));
            }
            self.rows += 1;
            self.last = hex(&hash);
            self.find(&hash);
            before = Some((seq, hash));
        }
        let end = before.map_or(0, |(seq, _)| seq);
        let given = "SELECT seq FROM sqlite_sequence WHERE name = 'chain'";
        let given: Option<i64> = db.query_row(given, [], |row| row.get(0)).optional()?;
        Ok(given.filter(|given| *given > end).map(|given| missing(end + 1, given + 1)))
    }

    /// Where the chain should begin, and on what: at 1, or where a checkpoint says that older links were removed.
    fn beginning(&mut self, db: &Connection, first: i64) -> rusqlite::Result<(i64, Vec<u8>)> {
        let find = "SELECT through, hash FROM checkpoints WHERE through = ?1";
        let found: Option<(i64, Vec<u8>)> =
            db.query_row(find, [first - 1], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((through, hash)) = found else { return Ok((1, BEGINNING.to_vec())) };
        self.pruned = through;
        self.find(&hash);
        Ok((through + 1, hash))
    }

    fn find(&mut self, hash: &[u8]) {
        if self.head.as_deref().is_some_and(|wanted| wanted == hex(hash)) {
            self.head = None;
        }
    }
}

fn missing(from: i64, to: i64) -> Fault {
    let message = if to - from == 1 {
        format!("row {from} is missing")
    } else {
        format!("rows {from} to {} are missing", to - 1)
    };
    Fault::new(from, "missing", message)
}

/// Rows that hang on no link.
fn strangers(db: &Connection) -> rusqlite::Result<Option<Fault>> {
    for covered in covered(db)? {
        let table = covered.table;
        let find = format!("SELECT seq FROM {table} WHERE seq NOT IN (SELECT seq FROM chain) ORDER BY seq LIMIT 1");
        let seq: Option<i64> = db.query_row(&find, [], |row| row.get(0)).optional()?;
        if let Some(seq) = seq {
            return Ok(Some(Fault::new(seq, "added", format!("row {seq} of `{table}` is not in the chain"))));
        }
    }
    Ok(None)
}

fn version(db: &Connection) -> rusqlite::Result<i32> {
    db.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// A table or view of ours that was defined anew: a view that leaves rows out would answer the audit's question wrongly.
fn redefined(db: &Connection) -> rusqlite::Result<Option<Fault>> {
    let fresh = Connection::open_in_memory()?;
    fresh.execute_batch(SCHEMA)?;
    let mut statement = fresh.prepare("SELECT name, sql FROM sqlite_schema WHERE type IN ('table', 'view')")?;
    let ours = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let present: Vec<&str> = covered(db)?.iter().map(|covered| covered.table).collect();
    let later = |name: &str| COVERED.iter().any(|known| known.table == name) && !present.contains(&name);
    for object in ours {
        let (name, sql) = object?;
        // A file of the first version lacks the tables that came later; one of this version that lacks them is at fault.
        if version(db)? < VERSION && later(&name) {
            continue;
        }
        let find = "SELECT sql FROM sqlite_schema WHERE name = ?1";
        let found: Option<String> = db.query_row(find, [&name], |row| row.get(0)).optional()?;
        if found.as_deref() != Some(sql.as_str()) {
            return Ok(Some(Fault::new(None, "view", format!("`{name}` is not defined as waypost defined it"))));
        }
    }
    Ok(None)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
