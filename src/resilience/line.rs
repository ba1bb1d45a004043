//! Those who wait for room under one deployment's limits, one after the other.
//!
//! Only whoever is first is let in, and whoever comes while somebody waits lines up behind: a place that frees is nobody's
//! prey. The first is woken when a place frees, sleeps by itself while a rate is in the way, and is woken too when it becomes
//! the first. Whoever gives up leaves by being dropped.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{
    limit::{Limiter, Units},
    queue::{Claim, Order},
};
use crate::clock::{self, Instant};

/// Turns that must have been taken before their pace says anything.
const MEASURED: f64 = 8.0;
/// The pace is that of the last so many seconds, older turns counting half.
const MEMORY: Duration = Duration::from_secs(10);
/// A call is only called hopeless if it would be at this share of the way at the end of its patience: a pace is a mean.
const DOUBT: f64 = 0.5;

/// The line of one limiter.
#[derive(Debug, Default)]
pub struct Line {
    len: AtomicUsize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    order: Order<Arc<Notify>>,
    /// Since when the line has not been empty, and the turns since then; older ones count less.
    pace: Option<(Instant, f64)>,
}

/// A place in a line, until it is dropped.
#[derive(Debug)]
pub struct Place {
    limiter: Arc<Limiter>,
    id: u64,
    need: Units,
    woken: Arc<Notify>,
}

impl Line {
    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// How long somebody with this claim would wait at least, as far as the pace of the line tells.
    pub fn wait(&self, claim: &Claim, now: Instant) -> Option<Duration> {
        let inner = self.inner.lock();
        let (since, turns) = inner.pace.filter(|(_, turns)| *turns >= MEASURED)?;
        let one = now.saturating_duration_since(since).as_secs_f64() / turns;
        let wait = one * (inner.order.ahead(claim) + 1) as f64 * DOUBT;
        Duration::try_from_secs_f64(wait).ok()
    }

    /// Whether nobody is to be let in before whoever holds `place`, or nobody waits at all.
    pub(super) fn lets(&self, place: Option<&Place>) -> bool {
        self.waiting() == 0 || {
            let first = self.inner.lock().order.head();
            first.is_none_or(|first| place.is_some_and(|place| place.id == first))
        }
    }

    /// Whoever is first looks whether there is room.
    pub(super) fn wake(&self) {
        if self.waiting() > 0 {
            self.inner.lock().wake();
        }
    }

    /// `place` has had its turn.
    pub(super) fn served(&self, place: &Place, now: Instant) {
        let mut inner = self.inner.lock();
        if inner.order.serve(place.id) {
            inner.count(now);
            self.changed(&mut inner);
        }
    }

    fn join(&self, claim: Claim, now: Instant) -> (u64, Arc<Notify>) {
        let mut inner = self.inner.lock();
        inner.pace.get_or_insert((now, 0.0));
        let woken = Arc::new(Notify::new());
        let id = inner.order.join(claim, Arc::clone(&woken));
        self.changed(&mut inner);
        (id, woken)
    }

    fn leave(&self, id: u64) {
        let mut inner = self.inner.lock();
        if inner.order.leave(id) {
            self.changed(&mut inner);
        }
    }

    fn changed(&self, inner: &mut Inner) {
        self.len.store(inner.order.len(), Ordering::Release);
        if inner.order.is_empty() {
            inner.pace = None;
        }
        inner.wake();
    }
}

impl Inner {
    fn wake(&self) {
        if let Some(first) = self.order.head().and_then(|id| self.order.note(id)) {
            first.notify_one();
        }
    }

    fn count(&mut self, now: Instant) {
        let Some((since, turns)) = &mut self.pace else { return };
        *turns += 1.0;
        let passed = now.saturating_duration_since(*since);
        if passed > MEMORY {
            *since += passed / 2;
            *turns /= 2.0;
        }
    }
}

impl Place {
    pub(super) fn new(limiter: Arc<Limiter>, claim: Claim, need: Units) -> Self {
        let (id, woken) = limiter.line().join(claim, clock::now());
        Self { limiter, id, need, woken }
    }

    /// Waits until it is this one's turn and there is room.
    pub async fn turn(&self) {
        loop {
            let now = clock::now();
            match self.limiter.peek(self.need, now, Some(self)) {
                Ok(()) => return,
                // Who is not the first need not look at the clock.
                Err(refused) => match refused.wait.filter(|_| self.limiter.line().lets(Some(self))) {
                    Some(wait) => _ = tokio::time::timeout_at(now + wait, self.woken.notified()).await,
                    None => self.woken.notified().await,
                },
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.limiter.line().leave(self.id);
    }
}
