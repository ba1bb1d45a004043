//! The open file: rows in, each with its link in the chain, and old ones out.

use std::{fs, path::Path, path::PathBuf, time::Duration};

use rusqlite::{
    Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params, params_from_iter,
    types::Value as Cell,
};

use super::{
    LogConfig,
    chain::{BEGINNING, COVERED, Hash, Link},
    entry::{real, whole},
    writer::Message,
};
use crate::clock;

/// The tables and views.
pub(super) const SCHEMA: &str = include_str!("schema.sql");
/// "wayp": tells the file from other applications' files.
pub(super) const APPLICATION: i32 = 0x7761_7970;
/// The version of the tables.
pub(super) const VERSION: i32 = 2;
/// The first version, which a file is brought up from by making the tables that it lacks.
const FIRST: i32 = 1;
/// How long one process waits for another one's write.
const BUSY: Duration = Duration::from_secs(5);
/// Tries against a file that another process is just making, and the pause between them: SQLite does not wait there.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(20);
/// Old rows are removed this many at a time at most, so that the writer is never away for long.
const SLACK: i64 = 1_000;

/// Why the file could not be written. It names no content.
#[derive(Debug)]
pub(super) struct Failed(pub(super) String);

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self(match error {
            rusqlite::Error::SqliteFailure(code, words) => words.unwrap_or_else(|| code.to_string()),
            other => other.to_string(),
        })
    }
}

/// An open log.
#[derive(Debug)]
pub(super) struct Store {
    db: Connection,
    path: PathBuf,
    file: Option<Identity>,
    config: LogConfig,
}

impl Store {
    pub(super) fn open(config: &LogConfig) -> Result<Self, Failed> {
        let path = &config.path;
        create(path).map_err(|error| Failed(format!("the file cannot be made: {error}")))?;
        let mut tries = 0;
        let db = loop {
            match prepare(path) {
                Err(Trouble::Busy) if tries < TRIES => {
                    tries += 1;
                    std::thread::sleep(PAUSE);
                }
                Err(Trouble::Busy) => return Err(Failed("another process keeps the file locked".into())),
                Err(Trouble::Other(failed)) => return Err(failed),
                Ok(db) => break db,
            }
        };
        Ok(Self { db, path: path.clone(), file: identity(path), config: config.clone() })
    }

    /// Whether the path leads to another file by now, or to none.
    pub(super) fn moved(&self) -> bool {
        identity(&self.path) != self.file
    }

    /// Writes rows in one transaction, after a mark for those that were lost before them.
    pub(super) fn write(&mut self, rows: &[Message], lost: u64) -> Result<(), Failed> {
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut tail = Tail::read(&transaction)?;
        if lost > 0 {
            let cells = vec![real(clock::unix_seconds(clock::wall())), whole(lost)];
            tail.add(&transaction, "gap", &[("gaps", cells)])?;
        }
        for row in rows {
            match row {
                Message::Decision(entry) => {
                    let mut parts = vec![("decisions", entry.cells(&self.config))];
                    parts.extend(entry.attempts().map(|cells| ("attempts", cells)));
                    parts.push(("choices", entry.choice()));
                    tail.add(&transaction, "decision", &parts)?;
                }
                Message::Feedback(feedback) => {
                    tail.add(&transaction, "feedback", &[("feedback", feedback.cells())])?;
                }
                Message::Settle(_) | Message::Rest(..) | Message::Retire => {}
            }
        }
        prune(&transaction, &mut tail, self.config.max_rows)?;
        Ok(transaction.commit()?)
    }
}

/// The end of the chain.
struct Tail {
    hash: Hash,
}

impl Tail {
    fn read(db: &Connection) -> Result<Self, Failed> {
        let last = db.query_row("SELECT hash FROM chain ORDER BY seq DESC LIMIT 1", [], |row| row.get(0)).optional()?;
        Ok(Self { hash: last.unwrap_or(BEGINNING) })
    }

    /// Adds a link with its rows. The number comes from SQLite, which never gives one twice: if links were cut off the
    /// end, the numbers show it.
    fn add(&mut self, db: &Transaction<'_>, kind: &str, rows: &[(&str, Vec<Cell>)]) -> Result<(), Failed> {
        db.prepare_cached("INSERT INTO chain (kind, prev, hash) VALUES (?1, ?2, ?2)")?
            .execute(params![kind, self.hash])?;
        let seq = db.last_insert_rowid();
        let mut link = Link::new(&self.hash, seq, kind);
        for (table, cells) in rows {
            link.row(table, cells);
            let Some(covered) = COVERED.iter().find(|covered| covered.table == *table) else { continue };
            db.prepare_cached(&inserting(covered.table, covered.columns))?
                .execute(params_from_iter([&Cell::Integer(seq)].into_iter().chain(cells)))?;
        }
        self.hash = link.finish();
        db.prepare_cached("UPDATE chain SET hash = ?1 WHERE seq = ?2")?.execute(params![self.hash, seq])?;
        Ok(())
    }
}

fn inserting(table: &str, columns: &[&str]) -> String {
    let marks = vec!["?"; columns.len() + 1].join(", ");
    format!("INSERT INTO {table} (seq, {}) VALUES ({marks})", columns.join(", "))
}

/// Removes the oldest links beyond `most`, and writes down on what the rest hangs.
fn prune(db: &Transaction<'_>, tail: &mut Tail, most: u64) -> Result<(), Failed> {
    let ends = "SELECT coalesce((SELECT min(seq) FROM chain), 1), coalesce((SELECT max(seq) FROM chain), 0)";
    let (first, last): (i64, i64) = db.query_row(ends, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let slack = (most / 16).min(SLACK);
    if last - first < most.saturating_add(slack) {
        return Ok(());
    }
    // One place is for the checkpoint itself.
    let asked = last - most + 1;
    let find = "SELECT seq, hash FROM chain WHERE seq <= ?1 ORDER BY seq DESC LIMIT 1";
    let (through, hash): (i64, Hash) = db.query_row(find, [asked], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for table in COVERED.iter().map(|covered| covered.table).chain(["chain"]) {
        db.execute(&format!("DELETE FROM {table} WHERE seq <= ?1"), [through])?;
    }
    let cells = vec![real(clock::unix_seconds(clock::wall())), Cell::Integer(through), Cell::Blob(hash.to_vec())];
    tail.add(db, "checkpoint", &[("checkpoints", cells)])
}

enum Trouble {
    Busy,
    Other(Failed),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            _ => Self::Other(error.into()),
        }
    }
}

fn prepare(path: &Path) -> Result<Connection, Trouble> {
    let mut db = Connection::open(path)?;
    db.busy_timeout(BUSY)?;
    let application: i32 = db.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let objects: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if objects > 0 && application != APPLICATION {
        return Err(Trouble::Other(Failed("the file is another application's database".into())));
    }
    db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    // A crash of the process loses nothing that was written; a power cut may lose the last moments, never the chain.
    db.execute_batch("PRAGMA synchronous = NORMAL")?;
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match version {
        0 => {
            transaction.execute_batch(SCHEMA)?;
            transaction
                .execute_batch(&format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}"))?;
        }
        FIRST => {
            transaction.execute_batch(SCHEMA)?;
            transaction.execute_batch(&format!("PRAGMA user_version = {VERSION}"))?;
        }
        VERSION => {}
        _ => return Err(Trouble::Other(Failed("the file is of a later version of waypost".into()))),
    }
    transaction.commit()?;
    Ok(db)
}

/// What tells a file from another one of the same name.
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|data| (data.dev(), data.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<Identity> {
    fs::metadata(path).ok().map(|_| (0, 0))
}

/// Makes the file, if it is not there, readable by its owner alone: who asked for what is nobody else's business. One that
/// is there is not touched: closing it would let go of the locks that this process holds on it.
fn create(path: &Path) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}
