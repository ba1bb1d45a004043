//! Spans of every call and every attempt, sent to an OpenTelemetry collector (OTLP over HTTP), without prompt text.
//!
//! A call never waits for it. What has ended goes through a bounded queue to one thread, which makes spans of it and posts
//! them in batches; when the queue is full, or the collector will not take a batch, the calls are dropped and counted. The
//! wire is protobuf, written by hand: of the two encodings that the protocol has it is the one that every collector takes,
//! and the dozen fields of a span are not worth the crates that would bring it.

mod post;
mod proto;
mod span;

#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
        mpsc::TrySendError,
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;

use self::post::{Message, Poster};
pub use self::span::{Answer, Parent};
use super::log::Entry;
use crate::catalog::Secret;

/// Calls that wait to be sent at most: a collector that is away for the retries below loses nothing at 100 calls a second,
/// and the queue stays within some tens of megabytes.
pub const QUEUE: usize = 4_096;
/// The time that closing a router waits for its spans.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// Where the protocol has its traces, below the address of a collector.
const PATH: &str = "/v1/traces";

/// `telemetry.otlp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtlpConfig {
    /// Where spans are posted to.
    pub url: Arc<str>,
    /// Headers of each post: a backend's credentials.
    pub headers: Vec<(String, Secret)>,
    /// `service.name` of the spans.
    pub service: Arc<str>,
    /// When to send, and how long to try.
    pub pace: Pace,
}

/// How spans are sent. Not written by the user: the protocol's own numbers serve everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Spans wait so long for others to be sent with.
    pub gather: Duration,
    /// The pause before a second try; each further one is twice as long.
    pub pause: Duration,
    /// One post.
    pub timeout: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        // As every OpenTelemetry SDK: 5 s between batches, 10 s for one. 1 s before the second try.
        Self { gather: Duration::from_secs(5), pause: Duration::from_secs(1), timeout: Duration::from_secs(10) }
    }
}

impl OtlpConfig {
    /// This collector, and the defaults. The protocol's path is appended where the address does not have it.
    pub fn new(address: &str) -> Self {
        let base = address.trim_end_matches('/');
        let url = if base.ends_with(PATH) { base.to_owned() } else { format!("{base}{PATH}") };
        Self { url: url.into(), headers: Vec::new(), service: "waypost".into(), pace: Pace::default() }
    }
}

/// A call that has ended, as its spans tell of it.
#[derive(Clone, Debug)]
pub struct Ended {
    /// What the decision log has of it too.
    pub entry: Entry,
    /// The answer, if there is one.
    pub answer: Option<Answer>,
    /// Whether vectors were asked for.
    pub embeds: bool,
    /// The span that it stands below.
    pub parent: Option<Parent>,
}

/// The way to one collector. Making it connects to nothing and starts nothing; the first call that ends does.
#[derive(Debug)]
pub struct Exporter {
    config: OtlpConfig,
    poster: ArcSwapOption<Poster>,
    starting: Mutex<()>,
    losses: Arc<Losses>,
}

/// What was not sent.
#[derive(Debug, Default)]
pub struct Losses {
    total: AtomicU64,
    why: Mutex<Option<String>>,
}

impl Losses {
    /// Calls whose spans were dropped, since the exporter was made.
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Why sending failed last, if it did.
    pub fn why(&self) -> Option<String> {
        self.why.lock().clone()
    }

    fn lost(&self, calls: usize, why: impl Into<String>) {
        self.total.fetch_add(calls as u64, Ordering::Relaxed);
        *self.why.lock() = Some(why.into());
    }
}

impl Exporter {
    /// An exporter with these settings.
    pub fn new(config: OtlpConfig) -> Self {
        Self { config, poster: ArcSwapOption::empty(), starting: Mutex::new(()), losses: Arc::default() }
    }

    /// Its settings.
    pub fn config(&self) -> &OtlpConfig {
        &self.config
    }

    /// What was not sent.
    pub fn losses(&self) -> &Losses {
        &self.losses
    }

    /// A call that has ended. Never waits.
    pub fn ended(&self, ended: Ended) {
        let own = |poster: &Arc<Poster>| poster.process == std::process::id();
        let message = Message::Ended(Box::new(ended));
        let sent = match self.poster.load().as_ref().filter(|poster| own(poster)) {
            Some(poster) => poster.sender.try_send(message),
            None => match self.start() {
                Ok(poster) => poster.sender.try_send(message),
                Err(error) => return self.losses.lost(1, error),
            },
        };
        match sent {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.losses.lost(1, "the collector is slower than the calls"),
            Err(TrySendError::Disconnected(_)) => self.losses.lost(1, "the exporter's thread has ended"),
        }
    }

    /// Sends what is waiting, within `limit`.
    pub fn flush(&self, limit: Duration) -> bool {
        self.poster.load().as_ref().is_none_or(|poster| poster.settle(limit))
    }

    fn start(&self) -> Result<Arc<Poster>, String> {
        let _one_at_a_time = self.starting.lock();
        if let Some(poster) = self.poster.load_full().filter(|poster| poster.process == std::process::id()) {
            return Ok(poster);
        }
        let poster = Poster::start(self.config.clone(), Arc::clone(&self.losses))?;
        forget_foreign(self.poster.swap(Some(Arc::clone(&poster))));
        let mut all = POSTERS.lock();
        all.retain(|poster| poster.strong_count() > 0);
        all.push(Arc::downgrade(&poster));
        Ok(poster)
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        forget_foreign(self.poster.swap(None));
    }
}

/// A child's copy of its parent's queue: nobody listens, and letting go of it might wait for a thread that is not there.
fn forget_foreign(poster: Option<Arc<Poster>>) {
    if let Some(poster) = poster.filter(|poster| poster.process != std::process::id()) {
        std::mem::forget(poster);
    }
}

static POSTERS: Mutex<Vec<Weak<Poster>>> = Mutex::new(Vec::new());

/// Sends what waits in every exporter of this process, within `limit` each. For the end of the process.
pub fn flush_all(limit: Duration) {
    let all: Vec<Arc<Poster>> = POSTERS.lock().iter().filter_map(Weak::upgrade).collect();
    for poster in all {
        if poster.process == std::process::id() {
            poster.settle(limit);
        } else {
            forget_foreign(Some(poster));
        }
    }
}
