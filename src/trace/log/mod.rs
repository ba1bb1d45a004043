//! The decision log: an SQLite file with a row for every call that has ended, bounded, hash-chained, without prompt text.
//!
//! A call never waits for it. What is to be written goes through a bounded queue to the one thread that owns the file;
//! when the queue is full or the file cannot be written the row is dropped, the drop is counted, and the next row that can
//! be written is preceded by a mark that says how many are missing.

mod chain;
mod entry;
mod fork;
pub mod query;
pub mod read;
mod store;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::TrySendError,
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;

use self::writer::{Message, Writer};
pub use self::{
    entry::{Entry, Feedback, Place},
    fork::{flush_all, forked, prepare_fork},
    verify::{Fault, Verdict, verify},
};

/// Rows kept unless written otherwise: at one call a second twelve days, at a thousand calls a day almost three years, and
/// about two gigabytes.
pub const MAX_ROWS: u64 = 1_000_000;
/// Rows that wait to be written at most. A disk that stalls for a second loses nothing at 4000 calls a second, and the
/// queue stays within some tens of megabytes.
pub const QUEUE: usize = 4_096;
/// The time that closing a router waits for its log.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// `telemetry.log`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// The file.
    pub path: PathBuf,
    /// Rows kept; older ones are removed, and the chain goes on from a checkpoint.
    pub max_rows: u64,
    /// Whether the caller's `metadata` is kept in the decision. Off unless written: it may hold anything.
    pub metadata: bool,
}

impl LogConfig {
    /// This file, and the defaults.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), max_rows: MAX_ROWS, metadata: false }
    }
}

/// The way to one log file. Making it opens nothing and starts nothing; the first row does.
#[derive(Debug)]
pub struct Log {
    config: LogConfig,
    writer: ArcSwapOption<Writer>,
    starting: Mutex<()>,
    losses: Arc<Losses>,
}

/// What was not written.
#[derive(Debug, Default)]
pub struct Losses {
    total: AtomicU64,
    unmarked: AtomicU64,
    why: Mutex<Option<String>>,
}

impl Losses {
    /// Rows that could not be written, since the log was made.
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Why writing failed last, if it did.
    pub fn why(&self) -> Option<String> {
        self.why.lock().clone()
    }

    fn lost(&self, rows: u64, why: impl Into<String>) {
        self.total.fetch_add(rows, Ordering::Relaxed);
        self.unmarked.fetch_add(rows, Ordering::Relaxed);
        *self.why.lock() = Some(why.into());
    }

    /// Losses that no mark in the file tells of yet; whoever takes them writes the mark or puts them back.
    fn take(&self) -> u64 {
        self.unmarked.swap(0, Ordering::Relaxed)
    }

    fn put_back(&self, rows: u64) {
        self.unmarked.fetch_add(rows, Ordering::Relaxed);
    }
}

impl Log {
    /// A log with these settings.
    pub fn new(config: LogConfig) -> Self {
        Self { config, writer: ArcSwapOption::empty(), starting: Mutex::new(()), losses: Arc::default() }
    }

    /// Its settings.
    pub fn config(&self) -> &LogConfig {
        &self.config
    }

    /// What was not written.
    pub fn losses(&self) -> &Losses {
        &self.losses
    }

    /// A call that has ended. Never waits.
    pub fn decision(&self, entry: Entry) {
        self.push(Message::Decision(Box::new(entry)));
    }

    /// A score for a call. Never waits.
    pub fn feedback(&self, feedback: Feedback) {
        self.push(Message::Feedback(feedback));
    }

    /// Writes what is waiting, closes the file and lets the thread go, within `limit`. A later row opens it again.
    pub fn finish(&self, limit: Duration) -> bool {
        let done = self.writer.load().as_ref().is_none_or(|writer| writer.settle(limit));
        forget_foreign(self.writer.swap(None));
        done
    }

    fn push(&self, message: Message) {
        let own = |writer: &Arc<Writer>| writer.process == std::process::id();
        let sent = match self.writer.load().as_ref().filter(|writer| own(writer)) {
            Some(writer) => writer.sender.try_send(message),
            None => match self.start() {
                Ok(writer) => writer.sender.try_send(message),
                Err(error) => return self.losses.lost(1, error),
            },
        };
        match sent {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.losses.lost(1, "the disk is slower than the calls"),
            Err(TrySendError::Disconnected(_)) => self.losses.lost(1, "the log's thread has ended"),
        }
    }

    fn start(&self) -> Result<Arc<Writer>, String> {
        let _one_at_a_time = self.starting.lock();
        if let Some(writer) = self.writer.load_full().filter(|writer| writer.process == std::process::id()) {
            return Ok(writer);
        }
        let writer = Writer::start(self.config.clone(), Arc::clone(&self.losses))?;
        forget_foreign(self.writer.swap(Some(Arc::clone(&writer))));
        Ok(writer)
    }
}

/// A child's copy of its parent's queue: nobody listens, and letting go of it might wait for a thread that is not there.
fn forget_foreign(writer: Option<Arc<Writer>>) {
    if let Some(writer) = writer.filter(|writer| writer.process != std::process::id()) {
        std::mem::forget(writer);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let Some(writer) = self.writer.swap(None) else { return };
        if writer.process == std::process::id() {
            writer.retire();
        } else {
            forget_foreign(Some(writer));
        }
    }
}
