//! Forking, and the end of the process.
//!
//! SQLite keeps what it knows of a file's locks in memory of the process, and a fork would copy it: the child would
//! believe in locks that it does not hold. So every file is closed before a fork and opened again, by each side for
//! itself, when there is something to write.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
        mpsc::{SyncSender, sync_channel},
    },
    time::Duration,
};

use parking_lot::Mutex;

use super::writer::{Message, Writer};

/// How long a fork waits for the files to be closed.
const FORK_PATIENCE: Duration = Duration::from_secs(1);

static WRITERS: Mutex<Vec<Weak<Writer>>> = Mutex::new(Vec::new());
/// Writers whose log is gone and whose thread still writes.
static RETIRED: Mutex<Vec<Arc<Writer>>> = Mutex::new(Vec::new());
/// Closed as long as a fork is under way: each writer waits for its gate to be dropped.
static GATES: Mutex<Vec<SyncSender<()>>> = Mutex::new(Vec::new());
/// A process whose child must not touch SQLite, because a file would not close in time.
static UNSAFE_PARENT: AtomicU32 = AtomicU32::new(0);

/// Whether this process is a child that was forked while a file was open.
pub(super) fn tainted() -> bool {
    let parent = UNSAFE_PARENT.load(Ordering::Relaxed);
    parent != 0 && parent != std::process::id()
}

pub(super) fn register(writer: &Arc<Writer>) {
    let mut writers = WRITERS.lock();
    writers.retain(|writer| writer.strong_count() > 0);
    writers.push(Arc::downgrade(writer));
}

/// A writer whose log is gone: it is known until its thread ends.
pub(super) fn retire(writer: Arc<Writer>) {
    let mut retired = RETIRED.lock();
    retired.retain(|writer| !writer.ended.load(Ordering::Acquire));
    retired.push(writer);
}

/// The writers of this process that still live.
fn writers() -> Vec<Arc<Writer>> {
    let mut all: Vec<Arc<Writer>> = WRITERS.lock().iter().filter_map(Weak::upgrade).collect();
    all.extend(RETIRED.lock().iter().filter(|writer| !writer.ended.load(Ordering::Acquire)).cloned());
    all.retain(|writer| writer.process == std::process::id());
    all
}

/// To be called before a fork: all files are closed, and stay closed until [`forked`].
pub fn prepare_fork() {
    for writer in writers() {
        let (gate, wait) = sync_channel(1);
        GATES.lock().push(gate);
        let rests = writer.ask(FORK_PATIENCE, |done| Message::Rest(done, wait));
        if !rests && !writer.ended.load(Ordering::Acquire) {
            UNSAFE_PARENT.store(std::process::id(), Ordering::Relaxed);
        }
    }
}

/// To be called after a fork, on both sides.
pub fn forked(child: bool) {
    let gates = std::mem::take(&mut *GATES.lock());
    if child {
        // The parent's threads are not here; their ends of the channels are left alone, and so are their queues.
        std::mem::forget(gates);
        std::mem::forget(std::mem::take(&mut *WRITERS.lock()));
        std::mem::forget(std::mem::take(&mut *RETIRED.lock()));
    } else {
        UNSAFE_PARENT.store(0, Ordering::Relaxed);
    }
}

/// Writes what waits in every log of this process, within `limit` each. For the end of the process.
pub fn flush_all(limit: Duration) {
    for writer in writers() {
        writer.settle(limit);
    }
}
