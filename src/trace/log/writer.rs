//! The one thread that owns the file.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use super::{
    Entry, Feedback, LogConfig, Losses, QUEUE, fork,
    store::{Failed, Store},
};

/// Rows written in one transaction at most.
const BATCH: usize = 512;
/// How often a question to the thread is offered to a full queue.
const AGAIN: Duration = Duration::from_millis(1);

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Message {
    /// A call has ended.
    Decision(Box<Entry>),
    /// A call was scored.
    Feedback(Feedback),
    /// Write everything, close the file, say so.
    Settle(SyncSender<()>),
    /// Write everything and end.
    Retire,
    /// As `Settle`, and then wait: the process is about to fork.
    Rest(SyncSender<()>, Receiver<()>),
}

/// The way to the thread; it ends when the last of these is gone and everything is written.
#[derive(Debug)]
pub(super) struct Writer {
    /// The process that the thread belongs to.
    pub(super) process: u32,
    /// Whether the thread has ended.
    pub(super) ended: Arc<AtomicBool>,
    pub(super) sender: SyncSender<Message>,
}

impl Writer {
    pub(super) fn start(config: LogConfig, losses: Arc<Losses>) -> Result<Arc<Self>, String> {
        if fork::tainted() {
            return Err("this process was forked while the log was being written; only its parent writes it".into());
        }
        let (sender, receiver) = sync_channel(QUEUE);
        let ended = Arc::new(AtomicBool::new(false));
        let (desk, over) = (Desk { config, losses, store: None }, Arc::clone(&ended));
        let thread = thread::Builder::new().name("waypost-log".into()).spawn(move || {
            desk.work(&receiver);
            over.store(true, Ordering::Release);
        });
        thread.map_err(|error| format!("its thread cannot be started: {error}"))?;
        let writer = Arc::new(Self { process: std::process::id(), ended, sender });
        fork::register(&writer);
        Ok(writer)
    }

    /// Waits until everything is written and the file is closed, within `limit`.
    pub(super) fn settle(&self, limit: Duration) -> bool {
        self.ask(limit, Message::Settle)
    }

    /// Lets the thread go when everything is written. Until then it is known, for forks and for the end of the process.
    pub(super) fn retire(self: Arc<Self>) {
        if self.sender.try_send(Message::Retire).is_ok() {
            fork::retire(self);
        }
    }

    /// Asks the thread and waits for its word, within `limit`.
    pub(super) fn ask(&self, limit: Duration, question: impl FnOnce(SyncSender<()>) -> Message) -> bool {
        if self.process != std::process::id() {
            return false;
        }
        let (done, word) = sync_channel(1);
        let (mut message, mut left) = (question(done), limit);
        while let Err(refused) = self.sender.try_send(message) {
            let TrySendError::Full(back) = refused else { return false };
            if left.is_zero() {
                return false;
            }
            thread::sleep(AGAIN);
            (message, left) = (back, left.saturating_sub(AGAIN));
        }
        word.recv_timeout(left).is_ok()
    }
}

struct Desk {
    config: LogConfig,
    losses: Arc<Losses>,
    store: Option<Store>,
}

impl Desk {
    fn work(mut self, receiver: &Receiver<Message>) {
        // What was settled is over: what is unmarked after that is for the next thread to mark.
        let (mut settled, mut retired) = (false, false);
        while !retired && let Ok(first) = receiver.recv() {
            let (mut rows, mut asked) = (Vec::new(), None);
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Settle(done) => asked = Some((done, None)),
                    Message::Rest(done, gate) => asked = Some((done, Some(gate))),
                    Message::Retire => retired = true,
                    row => rows.push(row),
                }
                let full = asked.is_some() || retired || rows.len() >= BATCH;
                next = if full { None } else { receiver.try_recv().ok() };
            }
            self.write(&rows);
            settled = asked.is_some();
            if let Some((done, gate)) = asked {
                self.store = None;
                let _ = done.try_send(());
                // Until the fork is over.
                let _ = gate.map(|gate| gate.recv());
            }
        }
        if !settled {
            self.write(&[]);
        }
    }

    /// Writes `rows` with a mark of what was lost before them, or counts them as lost.
    fn write(&mut self, rows: &[Message]) {
        let lost = self.losses.take();
        if rows.is_empty() && lost == 0 {
            return;
        }
        match self.try_write(rows, lost) {
            Ok(()) => {}
            Err(error) => {
                self.store = None;
                self.losses.put_back(lost);
                if !rows.is_empty() {
                    self.losses.lost(rows.len() as u64, error.0);
                }
            }
        }
    }

    fn try_write(&mut self, rows: &[Message], lost: u64) -> Result<(), Failed> {
        if self.store.as_ref().is_some_and(Store::moved) {
            self.store = None;
        }
        if self.store.is_none() {
            self.store = Some(Store::open(&self.config)?);
        }
        match &mut self.store {
            Some(store) => store.write(rows, lost),
            None => Ok(()),
        }
    }
}
