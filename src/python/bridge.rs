//! From tokio to asyncio: finished work is put on a queue, and one wake-up of the event loop resolves all of it.
//!
//! A worker thread never takes the GIL: it pushes plain data and writes one byte to a socket that the loop watches, and
//! only if nobody has done so since the loop last looked. The loop then converts everything that is ready in one go.
//! This costs about 5 µs a call, a tenth of waking the loop for every single completion.

use std::{
    cell::RefCell,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::Mutex;
use pyo3::{intern, prelude::*, sync::PyOnceLock};
use tokio::task::AbortHandle;

use super::runtime::{defect, give_up, runtime};

/// What a finished task hands over: it is turned into a Python object on the loop's thread.
pub(super) type Finished = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

enum Outcome {
    Done(Finished),
    /// Aborted: nobody waits for it.
    Gone,
    /// A defect.
    Panicked,
}

#[derive(Default)]
struct Queue {
    done: Mutex<Vec<(usize, Outcome)>>,
    armed: AtomicBool,
}

enum Wake {
    #[cfg(unix)]
    Socket(std::os::unix::net::UnixStream),
    /// For loops that cannot watch a socket (Windows' proactor).
    Threadsafe(Py<PyAny>, Mutex<Option<Py<PyAny>>>),
}

struct Shared {
    queue: Queue,
    wake: Wake,
}

impl Shared {
    fn push(&self, slot: usize, outcome: Outcome) {
        self.queue.done.lock().push((slot, outcome));
        if self.queue.armed.swap(true, Ordering::AcqRel) {
            return;
        }
        match &self.wake {
            #[cfg(unix)]
            Wake::Socket(socket) => {
                use std::io::Write;
                let mut socket = socket;
                // A full socket means that the loop is already being woken.
                let _ = socket.write(&[1]);
            }
            Wake::Threadsafe(event_loop, drain) => {
                Python::attach(|py| {
                    if let Some(drain) = &*drain.lock() {
                        // A closed loop has nobody left to wake.
                        let _ = event_loop.call_method1(py, "call_soon_threadsafe", (drain,));
                    }
                });
            }
        }
    }
}

/// The bridge of one event loop.
#[pyclass(frozen, module = "waypost._waypost")]
pub(super) struct Bridge {
    shared: Arc<Shared>,
    #[cfg(unix)]
    reader: Option<std::os::unix::net::UnixStream>,
    event_loop: Py<PyAny>,
    process: u32,
    waiting: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    futures: Vec<Option<Py<PyAny>>>,
    free: Vec<usize>,
}

impl Slots {
    fn put(&mut self, future: Py<PyAny>) -> usize {
        if let Some(slot) = self.free.pop() {
            self.futures[slot] = Some(future);
            return slot;
        }
        self.futures.push(Some(future));
        self.futures.len() - 1
    }

    fn take(&mut self, slot: usize) -> Option<Py<PyAny>> {
        let future = self.futures.get_mut(slot)?.take()?;
        self.free.push(slot);
        Some(future)
    }
}

thread_local! {
    /// The bridges of the loops that run on this thread, the latest first; more than one only where loops take turns.
    static BRIDGES: RefCell<Vec<Py<Bridge>>> = const { RefCell::new(Vec::new()) };
}

static GET_LOOP: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let get =
        GET_LOOP.get_or_try_init(py, || Ok::<_, PyErr>(py.import("asyncio")?.getattr("get_running_loop")?.unbind()))?;
    get.bind(py).call0()
}

fn current(py: Python<'_>) -> PyResult<Py<Bridge>> {
    let event_loop = running_loop(py)?;
    let process = std::process::id();
    let known = BRIDGES.with_borrow(|bridges| {
        let same = |bridge: &&Py<Bridge>| bridge.get().event_loop.is(&event_loop) && bridge.get().process == process;
        bridges.iter().find(same).map(|bridge| bridge.clone_ref(py))
    });
    if let Some(bridge) = known {
        return Ok(bridge);
    }
    let bridge = Bridge::open(py, &event_loop, process)?;
    let known = BRIDGES.take();
    let mut kept = vec![bridge.clone_ref(py)];
    kept.extend(known.into_iter().filter(|bridge| bridge.get().is_alive(py, process)));
    BRIDGES.set(kept);
    Ok(bridge)
}

impl Bridge {
    /// Whether its loop may run again.
    fn is_alive(&self, py: Python<'_>, process: u32) -> bool {
        let closed = self.event_loop.call_method0(py, "is_closed").and_then(|closed| closed.is_truthy(py));
        self.process == process && !closed.unwrap_or(true)
    }

    fn open(py: Python<'_>, event_loop: &Bound<'_, PyAny>, process: u32) -> PyResult<Py<Self>> {
        #[cfg(unix)]
        if let Some(bridge) = Self::over_socket(py, event_loop, process)? {
            return Ok(bridge);
        }
        let wake = Wake::Threadsafe(event_loop.clone().unbind(), Mutex::new(None));
        let bridge = Py::new(
            py,
            Self {
                shared: Arc::new(Shared { queue: Queue::default(), wake }),
                #[cfg(unix)]
                reader: None,
                event_loop: event_loop.clone().unbind(),
                process,
                waiting: Mutex::default(),
            },
        )?;
        let drain = bridge.getattr(py, "_drain")?;
        if let Wake::Threadsafe(_, slot) = &bridge.get().shared.wake {
            *slot.lock() = Some(drain);
        }
        Ok(bridge)
    }

    #[cfg(unix)]
    fn over_socket(py: Python<'_>, event_loop: &Bound<'_, PyAny>, process: u32) -> PyResult<Option<Py<Self>>> {
        use std::os::fd::AsRawFd;
        let (reader, writer) = std::os::unix::net::UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        writer.set_nonblocking(true)?;
        let descriptor = reader.as_raw_fd();
        let bridge = Py::new(
            py,
            Self {
                shared: Arc::new(Shared { queue: Queue::default(), wake: Wake::Socket(writer) }),
                reader: Some(reader),
                event_loop: event_loop.clone().unbind(),
                process,
                waiting: Mutex::default(),
            },
        )?;
        let watched = event_loop.call_method1("add_reader", (descriptor, bridge.getattr(py, "_drain")?));
        Ok(watched.is_ok().then_some(bridge))
    }
}

#[pymethods]
impl Bridge {
    /// Resolves everything that is ready; called by the event loop.
    fn _drain(&self, py: Python<'_>) {
        #[cfg(unix)]
        if let Some(reader) = &self.reader {
            use std::io::Read;
            let mut reader = reader;
            let mut bytes = [0; 64];
            while matches!(reader.read(&mut bytes), Ok(n) if n == bytes.len()) {}
        }
        // Disarm first, then take: what is pushed in between wakes the loop again.
        self.shared.queue.armed.store(false, Ordering::Release);
        let done = std::mem::take(&mut *self.shared.queue.done.lock());
        for (slot, outcome) in done {
            let Some(future) = self.waiting.lock().take(slot) else { continue };
            let future = future.bind(py);
            if future.call_method0(intern!(py, "done")).and_then(|done| done.is_truthy()).unwrap_or(true) {
                continue;
            }
            let settled = match outcome {
                Outcome::Gone => future.call_method0(intern!(py, "cancel")),
                Outcome::Panicked => future.call_method1(intern!(py, "set_exception"), (defect(py),)),
                Outcome::Done(finish) => match finish(py) {
                    Ok(value) => future.call_method1(intern!(py, "set_result"), (value,)),
                    Err(error) => future.call_method1(intern!(py, "set_exception"), (error,)),
                },
            };
            if let Err(error) = settled {
                error.write_unraisable(py, Some(future));
            }
        }
    }
}

/// Work under way: `future` is awaited, `abort()` gives it up.
#[pyclass(frozen, module = "waypost._waypost")]
pub(super) struct Pending {
    #[pyo3(get)]
    future: Py<PyAny>,
    abort: AbortHandle,
}

#[pymethods]
impl Pending {
    /// Gives the work up; nothing happens if it is done.
    fn abort(&self) {
        give_up(&self.abort);
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        give_up(&self.abort);
    }
}

/// Frees the slot also when the task is aborted or panics.
struct Guard {
    shared: Arc<Shared>,
    slot: usize,
    outcome: Option<Outcome>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let unfinished = if std::thread::panicking() { Outcome::Panicked } else { Outcome::Gone };
        self.shared.push(self.slot, self.outcome.take().unwrap_or(unfinished));
    }
}

/// Runs `work` on the runtime; the running event loop gets its result.
pub(super) fn submit<F>(py: Python<'_>, work: F) -> PyResult<Pending>
where
    F: Future<Output = Finished> + Send + 'static,
{
    let bridge = current(py)?;
    let inner = bridge.get();
    let future = inner.event_loop.call_method0(py, intern!(py, "create_future"))?;
    let slot = inner.waiting.lock().put(future.clone_ref(py));
    let mut guard = Guard { shared: Arc::clone(&inner.shared), slot, outcome: None };
    let task = runtime()?.spawn(async move {
        let finished = work.await;
        guard.outcome = Some(Outcome::Done(finished));
        drop(guard);
    });
    Ok(Pending { future, abort: task.abort_handle() })
}
