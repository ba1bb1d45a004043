//! A streamed answer for Python: a task reads ahead a little, Python takes what is ready.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use parking_lot::Mutex;
use pyo3::prelude::*;
use tokio::{
    sync::{Mutex as AsyncMutex, mpsc},
    task::AbortHandle,
};

use super::{
    bridge::{Finished, Pending, submit},
    error::raise,
    results::{Piece, Replied},
    runtime::{block_on, defect, give_up, runtime},
};
use crate::{
    chat::ChatResponse,
    clock,
    error::{Error, ErrorKind},
    router::{ChatStream, Delivered, Failure, Reply},
};

/// Chunks read ahead of a slow reader; beyond it the provider is slowed down.
const AHEAD: usize = 64;

enum Item {
    Chunk(Box<Delivered>),
    End(Box<Reply<ChatResponse>>),
    Fail(Failure),
}

/// A stream under way.
#[pyclass(frozen, module = "waypost._waypost")]
pub(super) struct Stream {
    queue: Arc<Queue>,
    reply: Mutex<Option<Reply<ChatResponse>>>,
    task: AbortHandle,
    id: Arc<str>,
    /// Whether the end, or an error, was handed over: from then on there is nothing more.
    over: AtomicBool,
    closed: AtomicBool,
}

/// What has been read. A wait that is given up leaves the item it was woken for in `front`: no piece is ever lost.
struct Queue {
    items: AsyncMutex<mpsc::Receiver<Item>>,
    front: Mutex<Option<Item>>,
}

impl Queue {
    fn ready(&self) -> Option<Item> {
        if let Some(item) = self.front.lock().take() {
            return Some(item);
        }
        self.items.try_lock().ok()?.try_recv().ok()
    }

    /// Waits until there is something at the front, or nothing more can come.
    async fn fill(&self) {
        let mut items = self.items.lock().await;
        if self.front.lock().is_some() {
            return;
        }
        let item = items.recv().await;
        *self.front.lock() = item;
    }
}

/// Reads ahead until the end of the answer, or of the call's time.
async fn pump(mut stream: ChatStream, sender: mpsc::Sender<Item>) {
    let deadline = stream.deadline();
    while let Some(next) = stream.next().await {
        let place = sender.reserve();
        let place = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline.max(clock::now()), place).await,
            None => Ok(place.await),
        };
        let item = match next {
            Ok(chunk) => Item::Chunk(Box::new(chunk)),
            Err(failure) => Item::Fail(failure),
        };
        match place {
            Ok(Ok(place)) => place.send(item),
            Ok(Err(_)) => return,
            // Nobody reads: the provider is let go, and the reader learns of it when it comes back.
            Err(_) => {
                let failure = stream.expire();
                drop(stream);
                let _ = sender.send(failure.map_or(item, Item::Fail)).await;
                return;
            }
        }
    }
    if let Some(reply) = stream.reply().cloned() {
        // Nothing of the call is left to hold on to while a slow reader comes to the end.
        drop(stream);
        let _ = sender.send(Item::End(Box::new(reply))).await;
    }
}

impl Stream {
    pub(super) fn start(stream: ChatStream, id: &str) -> PyResult<Self> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let task = runtime()?.spawn(pump(stream, sender));
        let queue = Queue { items: AsyncMutex::new(receiver), front: Mutex::new(None) };
        Ok(Self {
            queue: Arc::new(queue),
            reply: Mutex::new(None),
            task: task.abort_handle(),
            id: id.into(),
            over: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        })
    }

    /// A chunk, `None` at the end, or the error.
    fn take(&self, py: Python<'_>, item: Option<Item>) -> PyResult<Option<Py<PyAny>>> {
        if let Some(Item::Chunk(chunk)) = item {
            return Ok(Some(Py::new(py, Piece::new(*chunk, Arc::clone(&self.id)))?.into_any()));
        }
        let was_over = self.over.swap(true, Ordering::Relaxed);
        match item {
            Some(Item::End(reply)) => {
                *self.reply.lock() = Some(*reply);
                Ok(None)
            }
            Some(Item::Fail(failure)) => Err(raise(py, failure)),
            // Neither the end nor an error: what came is not the whole answer, and must not look like it.
            _ if !was_over && self.closed.load(Ordering::Relaxed) => {
                Err(raise(py, Error::new(ErrorKind::Closed, "this stream was closed before its end").into()))
            }
            _ if !was_over => Err(defect(py)),
            _ => Ok(None),
        }
    }
}

#[pymethods]
impl Stream {
    /// The next chunk, waiting for it; None at the end.
    fn next(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let mut item = self.queue.ready();
        if item.is_none() {
            let queue = Arc::clone(&self.queue);
            block_on(py, async move { queue.fill().await })?;
            item = self.queue.ready();
        }
        self.take(py, item)
    }

    /// A chunk that is ready, or None. An error is raised.
    fn poll(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        match self.queue.ready() {
            Some(item) => self.take(py, Some(item)),
            None => Ok(None),
        }
    }

    /// Waits on the running event loop until `front` has an answer. It takes nothing: a task that is cancelled when the
    /// result is there but not yet delivered would lose what was taken for it.
    fn wait(&self, py: Python<'_>) -> PyResult<Pending> {
        let queue = Arc::clone(&self.queue);
        submit(py, async move {
            queue.fill().await;
            let finished: Finished = Box::new(|py| Ok(py.None()));
            finished
        })
    }

    /// What `wait` has waited for: a chunk, None at the end, or the error.
    fn front(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.take(py, self.queue.ready())
    }

    /// The whole answer, after the last chunk.
    fn response(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let reply = self.reply.lock().clone();
        reply.map(|reply| Replied::new(reply).wrap(py)).transpose()
    }

    /// Ends the stream; the provider's connection is closed.
    fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        give_up(&self.task);
    }

    /// Whether the end, or an error, was handed over.
    #[getter]
    fn over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        give_up(&self.task);
    }
}
