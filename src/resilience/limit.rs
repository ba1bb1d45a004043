//! Rate and concurrency limits: reserved on admission, settled on completion.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;

use super::{
    adaptive::Adaptive,
    line::{Line, Place},
    queue::Claim,
};
use crate::clock::Instant;

/// Limits of one deployment. `None` means no limit of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitConfig {
    /// Requests a minute.
    pub rpm: Option<u64>,
    /// Requests a day.
    pub rpd: Option<u64>,
    /// Tokens a minute, prompt and answer together.
    pub tpm: Option<u64>,
    /// Prompt tokens a minute.
    pub input_tpm: Option<u64>,
    /// Answer tokens a minute.
    pub output_tpm: Option<u64>,
    /// Requests at once.
    pub concurrency: Option<u32>,
    /// Requests at once as the provider bears them, where no number is given.
    pub adaptive: bool,
}

/// One-second buckets of a minute's window, and one more: a whole minute is covered at every instant, so that no two
/// windows side by side can be filled twice.
const MINUTE: usize = 61;
/// Hours of a day's window, and one more.
const DAY: usize = 25;

/// The limit of requests at once, as [`Refused`] names it.
pub const CONCURRENCY: &str = "concurrency";
/// There is room, and others wait for it, as [`Refused`] names it.
pub const QUEUE: &str = "queue";

/// Whether `limit` is gone as soon as somebody else leaves or has had a turn.
pub fn frees_any_moment(limit: &str) -> bool {
    [CONCURRENCY, QUEUE].contains(&limit)
}

/// What a request takes, or took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Units {
    /// Prompt tokens.
    pub input: u64,
    /// Answer tokens.
    pub output: u64,
}

/// Why a request was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which limit: `rpm`, `tpm`, `concurrency` … or `provider` when the provider said so.
    pub limit: &'static str,
    /// When it may be admitted; absent if only a completion can tell (concurrency) or never.
    pub wait: Option<Duration>,
}

/// Counts of the last `buckets.len()` ticks, with their sum: asking costs no scan, and time moves the window on.
#[derive(Debug)]
struct Window {
    limit: u64,
    /// Seconds of a tick.
    width: u64,
    /// The count of tick `t` at place `t % len`.
    buckets: Vec<u64>,
    /// The latest tick seen; those after it have no count yet.
    newest: u64,
    /// Of all buckets. They fit whatever they hold.
    sum: u128,
}

impl Window {
    fn new(limit: u64, width: u64, buckets: usize) -> Self {
        Self { limit, width, buckets: vec![0; buckets], newest: 0, sum: 0 }
    }

    fn tick(&self, since: Duration) -> u64 {
        since.as_secs() / self.width
    }

    /// What was used in the window that ends with `tick`. An earlier tick than the latest sees what the latest sees.
    fn used(&mut self, tick: u64) -> u64 {
        let span = self.buckets.len() as u64;
        for passed in tick.saturating_sub(span).max(self.newest)..tick {
            let slot = ((passed + 1) % span) as usize;
            self.sum -= u128::from(std::mem::take(&mut self.buckets[slot]));
        }
        self.newest = self.newest.max(tick);
        u64::try_from(self.sum).unwrap_or(u64::MAX)
    }

    /// How long until `n` more fit; `None` if they never do.
    fn wait(&mut self, since: Duration, n: u64) -> Result<(), Option<Duration>> {
        let (tick, span) = (self.tick(since), self.buckets.len() as u64);
        let mut used = self.used(tick);
        if used.saturating_add(n) <= self.limit {
            return Ok(());
        }
        if n > self.limit {
            // Larger than the whole window: let it pass when the window is empty rather than never.
            return if used == 0 { Ok(()) } else { Err(Some(Duration::from_secs(self.width * span))) };
        }
        for at in (self.newest + 1).saturating_sub(span)..=self.newest {
            used = used.saturating_sub(self.buckets[(at % span) as usize]);
            if used.saturating_add(n) <= self.limit {
                let free = Duration::from_secs(self.width * (at + span));
                return Err(Some(free.saturating_sub(since)));
            }
        }
        Err(None)
    }

    fn add(&mut self, tick: u64, n: u64) {
        self.used(tick);
        self.settle(tick, 0, n);
    }

    /// Replaces `reserved` by `actual` in the bucket of the reservation, if it is still remembered.
    fn settle(&mut self, tick: u64, reserved: u64, actual: u64) {
        let span = self.buckets.len() as u64;
        if tick > self.newest || self.newest - tick >= span {
            return;
        }
        let bucket = &mut self.buckets[(tick % span) as usize];
        self.sum -= u128::from(*bucket);
        *bucket = bucket.saturating_sub(reserved).saturating_add(actual);
        self.sum += u128::from(*bucket);
    }
}

/// What the provider itself has said is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// Requests left in its window.
    pub requests: Option<u64>,
    /// Tokens left in its window.
    pub tokens: Option<u64>,
    /// When the window that is nearest to its end starts anew.
    pub reset: Option<Duration>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Requests, tokens, input tokens, output tokens a minute; requests a day.
    windows: [Option<Window>; 5],
    learned: Option<(Learned, Instant)>,
    cooling: Option<Instant>,
}

const NAMES: [&str; 5] = ["rpm", "tpm", "input_tpm", "output_tpm", "rpd"];

fn shares(units: Units) -> [u64; 5] {
    [1, units.input.saturating_add(units.output), units.input, units.output, 1]
}

/// The limits of one deployment.
#[derive(Debug)]
pub struct Limiter {
    concurrency: Option<u32>,
    adaptive: Option<Adaptive>,
    start: Instant,
    in_flight: AtomicU32,
    line: Line,
    inner: Mutex<Inner>,
}

/// The right to one attempt. Dropped, it gives its place and its reserved tokens back; the request itself stays counted,
/// as providers count it.
#[derive(Debug)]
pub struct Permit {
    limiter: Arc<Limiter>,
    since: Duration,
    /// Under way when it was given, itself included.
    in_flight: u32,
    reserved: Units,
    settled: Option<Units>,
}

impl Limiter {
    /// With nothing used yet.
    pub fn new(config: &LimitConfig, now: Instant) -> Self {
        let minute = |limit: Option<u64>| limit.map(|n| Window::new(n, 1, MINUTE));
        let windows = [
            minute(config.rpm),
            minute(config.tpm),
            minute(config.input_tpm),
            minute(config.output_tpm),
            config.rpd.map(|n| Window::new(n, 3_600, DAY)),
        ];
        let inner = Inner { windows, ..Inner::default() };
        Self {
            concurrency: config.concurrency,
            adaptive: (config.adaptive && config.concurrency.is_none()).then(Adaptive::default),
            start: now,
            in_flight: AtomicU32::new(0),
            line: Line::default(),
            inner: Mutex::new(inner),
        }
    }

    /// Requests under way.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Requests that may be under way at once, as of now; absent if there is no such limit.
    pub fn most(&self) -> Option<u32> {
        self.concurrency.or_else(|| self.adaptive.as_ref().map(Adaptive::limit))
    }

    /// A request under way met congestion: it was refused for load, or nothing came.
    pub fn congested(&self) {
        if let Some(adaptive) = &self.adaptive {
            adaptive.refused(self.in_flight());
        }
    }

    /// Lines up for room for `need`.
    pub fn queue(self: &Arc<Self>, claim: Claim, need: Units) -> Place {
        Place::new(Arc::clone(self), claim, need)
    }

    /// Those who wait for room.
    pub fn line(&self) -> &Line {
        &self.line
    }

    /// Whether `need` would be admitted, without admitting it; while others wait, only for whose turn it is.
    ///
    /// # Errors
    /// The limit that refuses.
    pub fn peek(&self, need: Units, now: Instant, place: Option<&Place>) -> Result<(), Refused> {
        if self.most().is_some_and(|most| self.in_flight() >= most) {
            return Err(Refused { limit: CONCURRENCY, wait: None });
        }
        self.inner.lock().check(need, now, self.start)?;
        if self.line.lets(place) { Ok(()) } else { Err(Refused { limit: QUEUE, wait: None }) }
    }

    /// Admits and reserves `need`; while others wait, only for whose turn it is.
    ///
    /// # Errors
    /// The limit that refuses.
    pub fn admit(self: &Arc<Self>, need: Units, now: Instant, place: Option<&Place>) -> Result<Permit, Refused> {
        if !self.line.lets(place) {
            self.peek(need, now, place)?;
        }
        let most = self.most().unwrap_or(u32::MAX);
        let taken = self.in_flight.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |n| (n < most).then_some(n + 1));
        let Ok(before) = taken else { return Err(Refused { limit: CONCURRENCY, wait: None }) };
        let since = now.saturating_duration_since(self.start);
        let mut inner = self.inner.lock();
        if let Err(refused) = inner.check(need, now, self.start) {
            drop(inner);
            self.leave();
            return Err(refused);
        }
        for (window, share) in inner.windows.iter_mut().zip(shares(need)) {
            if let Some(window) = window {
                let tick = window.tick(since);
                window.add(tick, share);
            }
        }
        drop(inner);
        if let Some(place) = place {
            self.line.served(place, now);
        }
        let in_flight = before.saturating_add(1);
        Ok(Permit { limiter: Arc::clone(self), since, in_flight, reserved: need, settled: None })
    }

    fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
        self.line.wake();
    }

    /// The provider asks for a pause of `wait`: a longer pause already under way stays.
    pub fn cool(&self, now: Instant, wait: Duration) {
        let mut inner = self.inner.lock();
        let until = now + wait;
        inner.cooling = Some(inner.cooling.map_or(until, |before| before.max(until)));
    }

    /// What the provider's headers say is left.
    pub fn learn(&self, learned: Learned, now: Instant) {
        if learned != Learned::default() {
            self.inner.lock().learned = Some((learned, now));
        }
    }

    /// What is left of each limit that is set, by name; concurrency too.
    pub fn left(&self, now: Instant) -> Vec<(&'static str, u64)> {
        let mut inner = self.inner.lock();
        let since = now.saturating_duration_since(self.start);
        let mut left: Vec<(&'static str, u64)> = inner
            .windows
            .iter_mut()
            .zip(NAMES)
            .filter_map(|(window, name)| window.as_mut().map(|w| (name, w.limit.saturating_sub(w.used(w.tick(since))))))
            .collect();
        if let Some(most) = self.most() {
            left.push((CONCURRENCY, u64::from(most.saturating_sub(self.in_flight()))));
        }
        left
    }
}

impl Inner {
    fn check(&mut self, need: Units, now: Instant, start: Instant) -> Result<(), Refused> {
        if let Some(until) = self.cooling.filter(|until| now < *until) {
            return Err(Refused { limit: "provider", wait: Some(until - now) });
        }
        if let Some((learned, at)) = self.learned {
            let left =
                learned.reset.map(|reset| (at + reset).saturating_duration_since(now)).filter(|left| !left.is_zero());
            let short = learned.requests == Some(0) || learned.tokens.is_some_and(|tokens| tokens < need.input);
            if let (true, Some(wait)) = (short, left) {
                return Err(Refused { limit: "provider", wait: Some(wait) });
            }
        }
        let since = now.saturating_duration_since(start);
        for ((window, share), limit) in self.windows.iter_mut().zip(shares(need)).zip(NAMES) {
            if let Some(Err(wait)) = window.as_mut().map(|window| window.wait(since, share)) {
                return Err(Refused { limit, wait });
            }
        }
        Ok(())
    }
}

impl Permit {
    /// Books what was really used.
    pub fn settle(mut self, actual: Units) {
        self.settled = Some(actual);
        let grew = self.limiter.adaptive.as_ref().is_some_and(|adaptive| adaptive.served(self.in_flight));
        if grew {
            // One place more than the one that frees now.
            self.limiter.line.wake();
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(adaptive) = &self.limiter.adaptive {
            adaptive.ended();
        }
        self.limiter.leave();
        let actual = self.settled.unwrap_or_default();
        if actual == self.reserved {
            return;
        }
        let mut inner = self.limiter.inner.lock();
        let pairs = shares(self.reserved).into_iter().zip(shares(actual));
        for (window, (reserved, actual)) in inner.windows.iter_mut().zip(pairs) {
            if let Some(window) = window {
                let tick = window.tick(self.since);
                window.settle(tick, reserved, actual);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(config: LimitConfig) -> (Arc<Limiter>, Instant) {
        let now = crate::clock::now();
        (Arc::new(Limiter::new(&config, now)), now)
    }

    fn tokens(input: u64, output: u64) -> Units {
        Units { input, output }
    }

    #[test]
    fn no_minute_admits_more_than_the_limit() {
        let (limiter, start) = limiter(LimitConfig { rpm: Some(10), ..LimitConfig::default() });
        let mut admitted: Vec<u64> = Vec::new();
        for tenth in 0..2_000_u64 {
            let now = start + Duration::from_millis(tenth * 100);
            if limiter.admit(Units::default(), now, None).is_ok() {
                admitted.push(tenth);
            }
        }
        for (i, at) in admitted.iter().enumerate() {
            let in_minute = admitted[i..].iter().take_while(|later| **later < at + 600).count();
            assert!(in_minute <= 10, "{in_minute} within a minute of {at}");
        }
        assert!(admitted.len() >= 30, "{}", admitted.len());
    }

    #[test]
    fn tokens_are_reserved_before_and_settled_after() {
        let (limiter, now) = limiter(LimitConfig { tpm: Some(1_000), ..LimitConfig::default() });
        let permit = limiter.admit(tokens(100, 800), now, None).unwrap();
        assert_eq!(limiter.peek(tokens(100, 100), now, None).unwrap_err().limit, "tpm");
        permit.settle(tokens(100, 50));
        assert_eq!(limiter.left(now), [("tpm", 850)]);
        let failed = limiter.admit(tokens(400, 400), now, None).unwrap();
        drop(failed);
        assert_eq!(limiter.left(now), [("tpm", 850)]);
    }

    #[test]
    fn the_wait_is_exact_to_a_bucket() {
        let (limiter, now) = limiter(LimitConfig { rpm: Some(1), ..LimitConfig::default() });
        limiter.admit(Units::default(), now, None).unwrap();
        let refused = limiter.peek(Units::default(), now + Duration::from_secs(20), None).unwrap_err();
        assert_eq!(refused, Refused { limit: "rpm", wait: Some(Duration::from_secs(41)) });
        assert!(limiter.admit(Units::default(), now + Duration::from_secs(61), None).is_ok());
    }

    #[test]
    fn the_running_sum_is_what_a_count_of_the_last_minute_gives() {
        let (mut window, mut booked) = (Window::new(u64::MAX, 1, MINUTE), Vec::<(u64, u64)>::new());
        let mut rng = fastrand::Rng::with_seed(1);
        let mut tick: u64 = 0;
        for _ in 0..20_000 {
            tick += [0, 0, 0, 1, 2, 30, 61, 100][rng.usize(..8)];
            // Some come late: they read the clock before others did, and took the lock after them.
            let at = tick.saturating_sub(rng.u64(..3));
            let n = rng.u64(..1_000);
            window.add(at, n);
            booked.push((at, n));
            if rng.bool() {
                let place = rng.usize(..booked.len());
                let (at, reserved) = booked[place];
                if tick - at < MINUTE as u64 {
                    window.settle(at, reserved, 7);
                    booked[place].1 = 7;
                }
            }
            booked.retain(|(at, _)| tick - at < MINUTE as u64);
            assert_eq!(window.used(tick), booked.iter().map(|(_, n)| n).sum::<u64>());
        }
    }

    #[test]
    fn concurrency_is_given_back_on_drop() {
        let (limiter, now) = limiter(LimitConfig { concurrency: Some(1), ..LimitConfig::default() });
        let permit = limiter.admit(Units::default(), now, None).unwrap();
        assert!(limiter.admit(Units::default(), now, None).is_err());
        drop(permit);
        assert!(limiter.admit(Units::default(), now, None).is_ok());
    }

    #[test]
    fn an_adaptive_limit_follows_what_becomes_of_the_requests() {
        let (limiter, now) = limiter(LimitConfig { adaptive: true, ..LimitConfig::default() });
        let mut permits: Vec<Permit> = (0..20).map(|_| limiter.admit(Units::default(), now, None).unwrap()).collect();
        assert_eq!(limiter.admit(Units::default(), now, None).unwrap_err(), Refused { limit: CONCURRENCY, wait: None });
        permits.pop().unwrap().settle(Units::default());
        assert_eq!((limiter.most(), limiter.left(now)), (Some(21), vec![(CONCURRENCY, 2)]));
        // All that is under way fails together, and is one sign.
        for permit in permits {
            limiter.congested();
            drop(permit);
        }
        assert_eq!((limiter.most(), limiter.in_flight()), (Some(18), 0));
        let alone = limiter.admit(Units::default(), now, None).unwrap();
        alone.settle(Units::default());
        assert_eq!(limiter.most(), Some(18), "a limit that is not used does not grow");
        let fixed = LimitConfig { adaptive: true, concurrency: Some(2), ..LimitConfig::default() };
        assert_eq!(Limiter::new(&fixed, now).most(), Some(2));
    }

    #[test]
    fn a_cooldown_is_never_shortened_and_the_provider_is_believed() {
        let (limiter, now) = limiter(LimitConfig::default());
        limiter.cool(now, Duration::from_secs(10));
        limiter.cool(now, Duration::from_secs(1));
        assert_eq!(limiter.peek(Units::default(), now, None).unwrap_err().wait, Some(Duration::from_secs(10)));
        let later = now + Duration::from_secs(10);
        let reset = Some(Duration::from_secs(5));
        limiter.learn(Learned { tokens: Some(50), reset, ..Learned::default() }, later);
        assert!(limiter.peek(tokens(40, 0), later, None).is_ok());
        assert_eq!(limiter.peek(tokens(60, 0), later, None).unwrap_err().wait, reset);
    }
}
