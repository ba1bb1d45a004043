//! The one thread that speaks to the collector.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};
use tokio::{runtime, sync::Notify, time};

use super::{Ended, Losses, OtlpConfig, QUEUE, proto, span};
use crate::{
    adapter::retry_after::retry_after,
    clock,
    transport::{Transport, WireRequest, client::Http},
};

/// Calls in one request at most: with their attempts about as many spans as an OpenTelemetry SDK sends at once (512).
const BATCH: usize = 200;
/// Tries of one batch. With the pauses between them 15 s: a collector that is being restarted is back by then.
const TRIES: u32 = 5;
/// A collector's wish for a pause is believed up to here: meanwhile the queue fills.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A connection to a collector, which is near.
const CONNECT: Duration = Duration::from_secs(3);
/// Of an answer not more is read: it holds a count and a sentence.
const MOST: usize = 65_536;
/// How often a question to the thread is offered to a full queue.
const AGAIN: Duration = Duration::from_millis(1);

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Message {
    /// A call has ended.
    Ended(Box<Ended>),
    /// Send everything now, say so.
    Settle(SyncSender<()>),
}

/// The way to the thread; it ends when the last of these is gone and everything is sent.
#[derive(Debug)]
pub(super) struct Poster {
    /// The process that the thread belongs to.
    pub(super) process: u32,
    pub(super) sender: SyncSender<Message>,
    hurry: Arc<Notify>,
}

impl Drop for Poster {
    fn drop(&mut self) {
        // Nobody waits for what is still to be sent: no pauses.
        self.hurry.notify_one();
    }
}

impl Poster {
    pub(super) fn start(config: OtlpConfig, losses: Arc<Losses>) -> Result<Arc<Self>, String> {
        let (sender, receiver) = sync_channel(QUEUE);
        let hurry = Arc::new(Notify::new());
        let desk = Desk { config, losses, hurry: Arc::clone(&hurry), http: Http::default() };
        let thread = thread::Builder::new().name("waypost-otlp".into()).spawn(move || desk.work(&receiver));
        thread.map_err(|error| format!("its thread cannot be started: {error}"))?;
        Ok(Arc::new(Self { process: std::process::id(), sender, hurry }))
    }

    /// Waits until everything is sent or given up, within `limit`.
    pub(super) fn settle(&self, limit: Duration) -> bool {
        if self.process != std::process::id() {
            return false;
        }
        self.hurry.notify_one();
        let (done, word) = sync_channel(1);
        let (mut message, mut left) = (Message::Settle(done), limit);
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

/// Why a batch was not taken, and what is left to do.
enum Refused {
    Never(String),
    Later(String, Option<Duration>),
}

struct Desk {
    config: OtlpConfig,
    losses: Arc<Losses>,
    hurry: Arc<Notify>,
    http: Http,
}

impl Desk {
    fn work(self, receiver: &Receiver<Message>) {
        // Its own, of this one thread: a process that forks or ends takes no other's runtime with it.
        let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return self.losses.lost(0, format!("its runtime cannot be started: {error}")),
        };
        while let Ok(first) = receiver.recv() {
            let (batch, asked) = self.gathered(first, receiver);
            if !batch.is_empty() {
                runtime.block_on(self.send(&batch));
            }
            if let Some(done) = asked {
                // Whoever waited has been served: the next batch is in no hurry.
                let _ = self.hurry.notified().now_or_never();
                let _ = done.try_send(());
            }
        }
    }

    /// What is sent together: what comes within a while of `first`, unless somebody waits for it.
    fn gathered(&self, first: Message, receiver: &Receiver<Message>) -> (Vec<Ended>, Option<SyncSender<()>>) {
        let until = clock::now() + self.config.pace.gather;
        let (mut batch, mut next) = (Vec::new(), Ok(first));
        loop {
            match next {
                Ok(Message::Ended(ended)) => batch.push(*ended),
                Ok(Message::Settle(done)) => return (batch, Some(done)),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return (batch, None),
            }
            if batch.len() >= BATCH {
                return (batch, None);
            }
            next = receiver.recv_timeout(until.saturating_duration_since(clock::now()));
        }
    }

    /// Posts a batch until it is taken, or counts it as lost.
    async fn send(&self, batch: &[Ended]) {
        let body = Bytes::from(span::request(batch, &self.config.service));
        let (mut pause, mut hurried) = (self.config.pace.pause, false);
        for attempt in 1.. {
            let why = match self.post(body.clone()).await {
                Ok(None) => return,
                Ok(Some(why)) => return self.losses.lost(batch.len(), why),
                Err(Refused::Never(why)) => return self.losses.lost(batch.len(), why),
                Err(Refused::Later(why, wish)) => {
                    pause = wish.map_or(pause, |wish| wish.min(LONGEST_PAUSE)).max(pause);
                    why
                }
            };
            if attempt >= TRIES || hurried {
                return self.losses.lost(batch.len(), why);
            }
            tokio::select! {
                () = time::sleep(pause) => {}
                () = self.hurry.notified() => hurried = true,
            }
            pause *= 2;
        }
    }

    /// Posts once; the inner text says why some of it was not taken.
    async fn post(&self, body: Bytes) -> Result<Option<String>, Refused> {
        let request = WireRequest { url: self.config.url.to_string(), headers: self.headers(), body };
        let exchange = async {
            let mut response = self.http.send(request, CONNECT).await?;
            let mut said = Vec::new();
            while let Some(piece) = response.body.next().await {
                let piece = piece?;
                said.extend_from_slice(&piece[..piece.len().min(MOST - said.len())]);
            }
            Ok((response.head, said))
        };
        let Ok(exchanged) = time::timeout(self.config.pace.timeout, exchange).await else {
            return Err(Refused::Later("the collector did not answer in time".into(), None));
        };
        let (head, said) = exchanged.map_err(|error: crate::transport::WireError| {
            Refused::Later(format!("the collector cannot be reached: {}", error.message), None)
        })?;
        match head.status {
            200..=299 => Ok(rejected(&said)),
            status @ (429 | 502 | 503 | 504) => Err(Refused::Later(answered(status), retry_after(&head))),
            status => Err(Refused::Never(answered(status))),
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        for (name, value) in &self.config.headers {
            // Both were read as what they are when the configuration was.
            let pair = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value.expose()));
            if let (Ok(name), Ok(mut value)) = pair {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        headers
    }
}

fn answered(status: u16) -> String {
    format!("the collector answered {status}")
}

/// What a collector that took a request says of spans that it did not take (`partial_success.rejected_spans`).
fn rejected(said: &[u8]) -> Option<String> {
    let (_, partial) = proto::find(said, 1)?;
    let (count, _) = proto::find(partial, 1).filter(|(count, _)| *count > 0)?;
    Some(format!("the collector refused {count} spans of a batch"))
}
