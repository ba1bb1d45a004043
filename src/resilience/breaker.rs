//! Circuit breaker: a deployment that keeps failing is given a rest, then probed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{clock::Instant, error::ErrorKind};

/// The classes of failure that may have a number of their own: all that speak of ill health.
pub const CLASSES: [ErrorKind; 6] = [
    ErrorKind::Overloaded,
    ErrorKind::Server,
    ErrorKind::Connection,
    ErrorKind::Timeout,
    ErrorKind::Protocol,
    ErrorKind::Stream,
];

/// When a deployment is given a rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerConfig {
    /// Consecutive failures that open it.
    pub failures: u32,
    /// Failures of one class without a success between that open it, in the order of [`CLASSES`].
    pub by_error: [Option<u32>; CLASSES.len()],
    /// The share of failures among the outcomes in the window above which it opens, however they are spread.
    pub ratio: f64,
    /// Outcomes in the window below which the ratio says nothing.
    pub min_calls: u32,
    /// The window in which outcomes count.
    pub window: Duration,
    /// How long it stays open before the first probe.
    pub cooldown: Duration,
    /// The longest rest: each failed probe doubles it up to here.
    pub max_cooldown: Duration,
    /// How long after recovery its share of traffic grows back.
    pub slow_start: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            failures: 5,
            // Off unless written: what is worse than other failures depends on who waits.
            by_error: [None; CLASSES.len()],
            // A provider that fails every second request is not worth the tokens.
            ratio: 0.5,
            min_calls: 10,
            window: Duration::from_secs(30),
            cooldown: Duration::from_secs(15),
            // A probe is one call, so a longer rest saves little: whoever recovers is seen within twenty seconds, after
            // however long an outage.
            max_cooldown: Duration::from_secs(20),
            slow_start: Duration::from_secs(30),
        }
    }
}

/// Buckets of the window; outcomes are forgotten one bucket at a time.
const BUCKETS: usize = 10;
/// The share of a rest after a failed probe that chance may take off, so that processes that failed together do not come
/// back together. The first rest is as configured.
const JITTER: f64 = 0.5;

impl BreakerConfig {
    /// The rest after a failed probe, when it has opened `opened` times in a row. `draw` is uniform in 0..1.
    fn longer(&self, opened: u32, draw: f64) -> Duration {
        let doubled = self.cooldown.saturating_mul(1 << opened.min(20));
        let rest = doubled.min(self.max_cooldown).mul_f64(1.0 - JITTER * draw.clamp(0.0, 1.0));
        rest.max(self.cooldown)
    }
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Healthy.
    Closed,
    /// Refusing until then.
    Open(Instant),
    /// Waiting for a probe, or for the outcome of one.
    HalfOpen {
        /// Whether a probe is under way.
        probing: bool,
    },
}

impl State {
    /// As metrics and the status table spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open(_) => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }
}

#[derive(Debug)]
struct Inner {
    state: State,
    consecutive: u32,
    by_error: [u32; CLASSES.len()],
    opened: u32,
    generation: u64,
    recovered: Option<Instant>,
    /// Probes before their time.
    early: u64,
    rng: Rng,
    buckets: [(u64, u32, u32); BUCKETS],
}

/// One circuit breaker. All methods are short and never wait.
#[derive(Debug)]
pub struct Breaker {
    config: BreakerConfig,
    start: Instant,
    /// Closed, and not recovering: what planning finds nearly always, told without the lock.
    calm: AtomicBool,
    /// Told when a probe ends.
    probed: Notify,
    inner: Mutex<Inner>,
}

/// The right to one attempt. Dropped without an outcome (the caller gave up) it leaves no trace, and frees the probe.
#[derive(Debug)]
pub struct Pass {
    breaker: Arc<Breaker>,
    generation: u64,
    probe: bool,
    /// Of a probe before its time: when the rest ends that it interrupts.
    rest: Option<Instant>,
    settled: bool,
}

impl Breaker {
    /// A closed breaker. `seed` is that of its jitter.
    pub fn new(config: BreakerConfig, now: Instant, seed: u64) -> Self {
        let inner = Inner {
            state: State::Closed,
            consecutive: 0,
            by_error: [0; CLASSES.len()],
            opened: 0,
            generation: 0,
            recovered: None,
            early: 0,
            rng: Rng::with_seed(seed),
            buckets: [(0, 0, 0); BUCKETS],
        };
        Self { config, start: now, calm: AtomicBool::new(true), probed: Notify::new(), inner: Mutex::new(inner) }
    }

    /// How it stands at `now`.
    pub fn state(&self, now: Instant) -> State {
        if self.calm.load(Ordering::Acquire) {
            return State::Closed;
        }
        match self.inner.lock().state {
            State::Open(until) if now >= until => State::HalfOpen { probing: false },
            state => state,
        }
    }

    /// How long from `now` until an attempt may pass; zero if it may now.
    pub fn wait(&self, now: Instant) -> Duration {
        match self.state(now) {
            State::Closed | State::HalfOpen { probing: false } => Duration::ZERO,
            State::Open(until) => until.saturating_duration_since(now),
            // The probe decides; asking again much sooner is pointless.
            State::HalfOpen { probing: true } => Duration::from_secs(1),
        }
    }

    /// The share of its traffic that a recovering deployment should get, 0.1..=1, rising over `slow_start`.
    pub fn share(&self, now: Instant) -> f64 {
        if self.calm.load(Ordering::Acquire) {
            return 1.0;
        }
        let mut inner = self.inner.lock();
        let Some(recovered) = inner.recovered else { return 1.0 };
        let ramp = self.config.slow_start.as_secs_f64();
        let since = now.saturating_duration_since(recovered).as_secs_f64();
        if ramp <= 0.0 || since >= ramp {
            inner.recovered = None;
            self.publish(&inner);
            return 1.0;
        }
        (since / ramp).max(0.1)
    }

    /// Lets one attempt pass, or says how long to wait.
    ///
    /// # Errors
    /// The wait, if it is open or its one probe is under way.
    pub fn enter(self: &Arc<Self>, now: Instant) -> Result<Pass, Duration> {
        let mut inner = self.inner.lock();
        let probe = match inner.state {
            State::Closed => false,
            State::Open(until) if now < until => return Err(until.saturating_duration_since(now)),
            State::HalfOpen { probing: true } => return Err(Duration::from_secs(1)),
            State::Open(_) | State::HalfOpen { probing: false } => {
                inner.state = State::HalfOpen { probing: true };
                true
            }
        };
        Ok(Pass { breaker: Arc::clone(self), generation: inner.generation, probe, rest: None, settled: false })
    }

    /// As [`Self::enter`], but a rest under way is interrupted by a probe before its time. If it fails, the rest goes on
    /// as if nobody had asked.
    ///
    /// # Errors
    /// The wait, if a probe is under way.
    pub fn enter_early(self: &Arc<Self>, now: Instant) -> Result<Pass, Duration> {
        let mut inner = self.inner.lock();
        let State::Open(until) = inner.state else {
            drop(inner);
            return self.enter(now);
        };
        inner.state = State::HalfOpen { probing: true };
        inner.early += 1;
        let rest = (now < until).then_some(until);
        Ok(Pass { breaker: Arc::clone(self), generation: inner.generation, probe: true, rest, settled: false })
    }

    /// Waits until a probe that is under way ends, one way or the other.
    pub fn probed(&self) -> tokio::sync::futures::Notified<'_> {
        self.probed.notified()
    }

    /// Probes before their time so far.
    pub fn early_probes(&self) -> u64 {
        self.inner.lock().early
    }

    /// Opens it at once, for at least `rest`: the provider has said that it will not serve.
    pub fn trip(&self, now: Instant, rest: Duration) {
        let mut inner = self.inner.lock();
        let until = match inner.state {
            // A second, shorter word never cuts a rest short.
            State::Open(until) => until.max(now + rest),
            _ => now + rest,
        };
        inner.open(until);
        self.publish(&inner);
    }

    /// Tells those who do not take the lock.
    fn publish(&self, inner: &Inner) {
        self.calm.store(inner.state == State::Closed && inner.recovered.is_none(), Ordering::Release);
    }

    fn bucket(&self, now: Instant) -> u64 {
        let width = (self.config.window / BUCKETS as u32).as_nanos().max(1);
        (now.saturating_duration_since(self.start).as_nanos() / width) as u64
    }

    fn record(&self, pass: &Pass, failed: Option<ErrorKind>, now: Instant) {
        let ok = failed.is_none();
        let bucket = self.bucket(now);
        let mut inner = self.inner.lock();
        // A straggler from before the breaker changed its state says nothing about the state it is in now.
        if pass.generation != inner.generation {
            return;
        }
        if pass.probe {
            if ok {
                inner.close(now);
            } else if let Some(until) = pass.rest.filter(|until| now < *until) {
                inner.state = State::Open(until);
            } else {
                let rest = self.config.longer(inner.opened, inner.rng.f64());
                inner.open(now + rest);
            }
        } else {
            inner.count(bucket, failed);
            let many = inner.consecutive >= self.config.failures || inner.of_one_class(&self.config);
            if !ok && (many || inner.failing(bucket, &self.config)) {
                inner.open(now + self.config.cooldown);
            }
        }
        self.publish(&inner);
        if pass.probe {
            self.probed.notify_waiters();
        }
    }
}

impl Inner {
    fn open(&mut self, until: Instant) {
        self.state = State::Open(until);
        self.opened = self.opened.saturating_add(1);
        self.generation += 1;
        self.consecutive = 0;
        self.by_error = [0; CLASSES.len()];
        self.buckets = [(0, 0, 0); BUCKETS];
    }

    fn close(&mut self, now: Instant) {
        self.state = State::Closed;
        self.opened = 0;
        self.generation += 1;
        self.recovered = Some(now);
    }

    fn count(&mut self, bucket: u64, failed: Option<ErrorKind>) {
        let slot = &mut self.buckets[(bucket % BUCKETS as u64) as usize];
        if slot.0 != bucket {
            *slot = (bucket, 0, 0);
        }
        if let Some(kind) = failed {
            slot.2 += 1;
            self.consecutive += 1;
            if let Some(class) = CLASSES.iter().position(|class| *class == kind) {
                self.by_error[class] += 1;
            }
        } else {
            slot.1 += 1;
            self.consecutive = 0;
            self.by_error = [0; CLASSES.len()];
        }
    }

    fn of_one_class(&self, config: &BreakerConfig) -> bool {
        self.by_error.iter().zip(config.by_error).any(|(count, most)| most.is_some_and(|most| *count >= most))
    }

    fn failing(&self, bucket: u64, config: &BreakerConfig) -> bool {
        let live = self.buckets.iter().filter(|slot| bucket - slot.0.min(bucket) < BUCKETS as u64);
        let (ok, failed) = live.fold((0, 0), |(ok, failed), slot| (ok + slot.1, failed + slot.2));
        ok + failed >= config.min_calls && f64::from(failed) > config.ratio * f64::from(ok + failed)
    }
}

impl Pass {
    /// The attempt succeeded.
    pub fn success(mut self, now: Instant) {
        self.settled = true;
        self.breaker.record(&self, None, now);
    }

    /// The attempt failed with `kind`, which speaks of ill health.
    pub fn failure(mut self, kind: ErrorKind, now: Instant) {
        self.settled = true;
        self.breaker.record(&self, Some(kind), now);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.probe && !self.settled {
            let mut inner = self.breaker.inner.lock();
            if inner.generation == self.generation {
                inner.state = self.rest.map_or(State::HalfOpen { probing: false }, State::Open);
                self.breaker.probed.notify_waiters();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> (Arc<Breaker>, Instant) {
        let now = crate::clock::now();
        (Arc::new(Breaker::new(BreakerConfig::default(), now, 1)), now)
    }

    fn fail(breaker: &Arc<Breaker>, now: Instant) {
        breaker.enter(now).unwrap().failure(ErrorKind::Server, now);
    }

    #[test]
    fn opens_exactly_at_the_configured_number_and_a_success_between_resets() {
        let (breaker, now) = breaker();
        (0..4).for_each(|_| fail(&breaker, now));
        breaker.enter(now).unwrap().success(now);
        (0..4).for_each(|_| fail(&breaker, now));
        assert_eq!(breaker.state(now), State::Closed);
        fail(&breaker, now);
        assert_eq!(breaker.enter(now).unwrap_err(), Duration::from_secs(15));
    }

    #[test]
    fn half_open_admits_one_probe_and_an_abandoned_probe_frees_its_place() {
        let (breaker, now) = breaker();
        (0..5).for_each(|_| fail(&breaker, now));
        let later = now + Duration::from_secs(15);
        let probe = breaker.enter(later).unwrap();
        assert!(breaker.enter(later).is_err());
        drop(probe);
        breaker.enter(later).unwrap().success(later);
        assert_eq!(breaker.state(later), State::Closed);
        assert!((breaker.share(later) - 0.1).abs() < 1e-9);
    }

    #[test]
    fn a_probe_before_its_time_leaves_the_rest_as_it_was_unless_it_succeeds() {
        let (breaker, now) = breaker();
        let (soon, rest) = (now + Duration::from_secs(1), Duration::from_secs(14));
        (0..5).for_each(|_| fail(&breaker, now));
        let probe = breaker.enter_early(soon).unwrap();
        assert!(breaker.enter_early(soon).is_err() && breaker.enter(soon).is_err());
        drop(probe);
        assert_eq!(breaker.wait(soon), rest);
        breaker.enter_early(soon).unwrap().failure(ErrorKind::Server, soon);
        assert_eq!(breaker.enter(soon).unwrap_err(), rest);
        breaker.enter_early(soon).unwrap().success(soon);
        assert_eq!((breaker.state(soon), breaker.early_probes()), (State::Closed, 3));
    }

    #[test]
    fn a_failed_probe_opens_it_for_longer() {
        let (breaker, now) = breaker();
        (0..5).for_each(|_| fail(&breaker, now));
        let mut at = now;
        for (least, most) in [(15, 15), (15, 30), (15, 30)] {
            let wait = breaker.wait(at).as_secs_f64();
            assert!((f64::from(least)..=f64::from(most)).contains(&wait), "{wait}");
            at += breaker.wait(at);
            fail(&breaker, at);
        }
        at += breaker.wait(at);
        breaker.enter(at).unwrap().success(at);
        (0..5).for_each(|_| fail(&breaker, at));
        assert_eq!(breaker.wait(at).as_secs(), 15, "a success resets it");
    }

    #[test]
    fn rests_double_up_to_the_longest_and_chance_takes_off_half_at_most() {
        let second = Duration::from_secs(1);
        let config = BreakerConfig { cooldown: second, max_cooldown: 100 * second, ..BreakerConfig::default() };
        let longest: Vec<u64> = (1..9).map(|opened| config.longer(opened, 0.0).as_secs()).collect();
        assert_eq!(longest, [2, 4, 8, 16, 32, 64, 100, 100]);
        assert_eq!(config.longer(3, 1.0), 4 * second);
        assert_eq!(config.longer(u32::MAX, 0.0), 100 * second);
        assert_eq!(BreakerConfig { max_cooldown: second, ..config }.longer(4, 1.0), second, "never below the first");
    }

    /// Facts of `failure_accrual` (linkerd's tests), re-typed: two failures open it, 1 s to 100 s.
    #[test]
    fn the_timeline_of_linkerd() {
        let (second, start) = (Duration::from_secs(1), crate::clock::now());
        let config =
            BreakerConfig { failures: 2, cooldown: second, max_cooldown: 100 * second, ..BreakerConfig::default() };
        let breaker = Arc::new(Breaker::new(config, start, 1));
        let straggler = breaker.enter(start).unwrap();
        fail(&breaker, start);
        assert_eq!(breaker.state(start), State::Closed);
        fail(&breaker, start);
        assert!(breaker.enter(start + second / 2).is_err());
        let probation = start + second;
        let probe = breaker.enter(probation).unwrap();
        assert!(breaker.enter(probation).is_err(), "exactly one permit");
        probe.failure(ErrorKind::Server, probation);
        straggler.success(probation);
        let rest = breaker.wait(probation);
        assert!((second..=2 * second).contains(&rest), "{rest:?}");
        let again = probation + rest;
        breaker.enter(again).unwrap().success(again);
        (0..2).for_each(|_| fail(&breaker, again));
        assert_eq!(breaker.wait(again), second);
    }

    #[test]
    fn the_ratio_needs_its_calls_within_the_window() {
        let start = crate::clock::now();
        let config = BreakerConfig { failures: 100, ratio: 0.2, min_calls: 5, ..BreakerConfig::default() };
        let breaker = Arc::new(Breaker::new(config, start, 1));
        (0..4).for_each(|_| fail(&breaker, start));
        assert_eq!(breaker.state(start), State::Closed);
        let later = start + config.window + Duration::from_secs(1);
        fail(&breaker, later);
        assert_eq!(breaker.state(later), State::Closed, "an idle time empties the window");
        (0..3).for_each(|_| breaker.enter(later).unwrap().success(later));
        fail(&breaker, later);
        assert!(matches!(breaker.state(later), State::Open(_)));
    }

    #[test]
    fn a_class_of_failures_has_its_own_number_and_others_between_do_not_reset_it() {
        let mut config = BreakerConfig { failures: 100, ..BreakerConfig::default() };
        config.by_error[3] = Some(3);
        assert_eq!(CLASSES[3], ErrorKind::Timeout);
        let now = crate::clock::now();
        let breaker = Arc::new(Breaker::new(config, now, 1));
        let failed = |kind| breaker.enter(now).unwrap().failure(kind, now);
        (0..2).for_each(|_| failed(ErrorKind::Timeout));
        breaker.enter(now).unwrap().success(now);
        (0..2).for_each(|_| failed(ErrorKind::Timeout));
        (0..4).for_each(|_| failed(ErrorKind::Server));
        assert_eq!(breaker.state(now), State::Closed);
        failed(ErrorKind::Timeout);
        assert!(matches!(breaker.state(now), State::Open(_)));
        let later = now + config.cooldown;
        breaker.enter(later).unwrap().success(later);
        breaker.enter(later).unwrap().failure(ErrorKind::Timeout, later);
        assert_eq!(breaker.state(later), State::Closed, "it counts anew");
    }

    #[test]
    fn half_of_all_failing_opens_it_though_never_in_a_row() {
        let (breaker, now) = breaker();
        for _ in 0..5 {
            breaker.enter(now).unwrap().success(now);
            fail(&breaker, now);
        }
        assert_eq!(breaker.state(now), State::Closed);
        fail(&breaker, now);
        assert!(matches!(breaker.state(now), State::Open(_)));
    }

    #[test]
    fn stragglers_do_not_close_an_open_breaker() {
        let (breaker, now) = breaker();
        let early = breaker.enter(now).unwrap();
        (0..5).for_each(|_| fail(&breaker, now));
        early.success(now);
        assert!(matches!(breaker.state(now), State::Open(_)));
    }
}
