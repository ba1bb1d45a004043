//! The one door between Python's threads and tokio's: release the GIL, run, honour Ctrl-C, survive `fork`.
//!
//! One runtime a process, started by the first call that needs it. After a `fork` the child has none of its parent's
//! threads, so it gets a runtime of its own; the parent's is left alone.

use std::{future::Future, sync::mpsc, thread, time::Duration};

use parking_lot::Mutex;
use pyo3::{exceptions::PyRuntimeError, prelude::*};
use tokio::{
    runtime::{Builder, Runtime},
    task::AbortHandle,
};

use super::error::raise;
use crate::error::{Error, ErrorKind};

/// How often a blocked call looks for Ctrl-C.
pub(super) const SIGNALS: Duration = Duration::from_millis(50);

static RUNTIME: Mutex<Option<(u32, &'static Runtime)>> = Mutex::new(None);

/// This process's runtime.
pub(super) fn runtime() -> PyResult<&'static Runtime> {
    let process = std::process::id();
    let mut slot = RUNTIME.lock();
    match *slot {
        Some((owner, runtime)) if owner == process => Ok(runtime),
        _ => {
            let runtime = Builder::new_multi_thread()
                .worker_threads(workers())
                .thread_name("waypost")
                .enable_all()
                .build()
                .map_err(|error| PyRuntimeError::new_err(format!("waypost cannot start its runtime: {error}")))?;
            let runtime: &'static Runtime = Box::leak(Box::new(runtime));
            *slot = Some((process, runtime));
            Ok(runtime)
        }
    }
}

/// One worker saturates an event loop on a small machine; a second one helps where there are cores to spare.
fn workers() -> usize {
    if std::thread::available_parallelism().map_or(1, usize::from) > 4 { 2 } else { 1 }
}

/// Runs `work` on the runtime and waits for it without the GIL; Ctrl-C ends it.
pub(super) fn block_on<T, F>(py: Python<'_>, work: F) -> PyResult<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let runtime = runtime()?;
    let (sender, receiver) = mpsc::sync_channel(1);
    let task = runtime.spawn(async move {
        let _ = sender.send(work.await);
    });
    let mut receiver = receiver;
    loop {
        let waited = py.detach(move || {
            let result = receiver.recv_timeout(SIGNALS);
            (receiver, result)
        });
        receiver = waited.0;
        match waited.1 {
            Ok(value) => return Ok(value),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                if let Err(interrupt) = py.check_signals() {
                    give_up(&task.abort_handle());
                    return Err(interrupt);
                }
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(defect(py));
            }
        }
    }
}

/// Tasks that were given up and may still be putting their things away.
static GIVEN_UP: Mutex<GivenUp> = Mutex::new(GivenUp { process: 0, tasks: Vec::new() });
/// Handles kept before it is looked which of them are over.
const HANDLES: usize = 64;
/// How often it is looked whether they are over.
const LOOK: Duration = Duration::from_millis(1);

struct GivenUp {
    process: u32,
    tasks: Vec<AbortHandle>,
}

impl GivenUp {
    /// Those of this process. A child leaves its parent's alone: they will not end here.
    fn own(&mut self) -> &mut Vec<AbortHandle> {
        let process = std::process::id();
        if std::mem::replace(&mut self.process, process) != process {
            std::mem::forget(std::mem::take(&mut self.tasks));
        }
        &mut self.tasks
    }
}

/// Gives up a task. What it held is put away a moment later, on the runtime; [`settle_given_up`] waits for that.
pub(super) fn give_up(task: &AbortHandle) {
    if task.is_finished() {
        return;
    }
    task.abort();
    let mut given_up = GIVEN_UP.lock();
    let tasks = given_up.own();
    if tasks.len() == tasks.capacity() {
        tasks.retain(|task| !task.is_finished());
        let kept = tasks.len();
        tasks.reserve(kept.max(HANDLES));
    }
    tasks.push(task.clone());
}

/// Waits until the tasks that were given up have put their things away, `limit` at most.
pub(super) fn settle_given_up(limit: Duration) {
    let mut tasks = std::mem::take(GIVEN_UP.lock().own());
    let mut left = limit;
    loop {
        tasks.retain(|task| !task.is_finished());
        if tasks.is_empty() || left.is_zero() {
            return;
        }
        thread::sleep(LOOK);
        left = left.saturating_sub(LOOK);
    }
}

/// Runs `work` on this thread without the GIL. A defect in it is an exception like any other, not one that `except
/// Exception` lets through.
pub(super) fn guarded<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> PyResult<T> {
    py.detach(|| std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))).map_err(|_| defect(py))
}

/// The exception for a panic. Its message stays where it is: it may hold anything.
pub(super) fn defect(py: Python<'_>) -> PyErr {
    raise(py, Error::new(ErrorKind::Internal, "waypost failed inside; this is a defect of it, please report it").into())
}

/// From now on a panic tells where it happened, and not with what: a panic's message may quote the prompt. Other
/// extensions have a hook of their own.
pub(super) fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        use std::io::Write;
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        // Nowhere to complain if the standard error is gone.
        let _ = writeln!(std::io::stderr(), "waypost: internal error at {place}");
    }));
}
