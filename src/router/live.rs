//! What changes about a deployment while it runs: its breaker, its limits, its measured speed, its spending.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;

use crate::{
    catalog::Money,
    clock::Instant,
    error::ErrorKind,
    resilience::{
        allowance::Allowance,
        breaker::{Breaker, BreakerConfig},
        limit::{LimitConfig, Limiter},
    },
};

/// Measurements kept: enough for a p95, few enough to follow a change within a minute of traffic.
const SAMPLES: usize = 64;
/// Measurements from which a percentile is believed: of fewer the slowest is no more than the slowest so far.
const ENOUGH: usize = 10;
/// A measurement older than this is taken anew now and then.
const STALE: Duration = Duration::from_secs(30);
/// Outcomes behind the error rate, as a moving average over about this many.
const ERROR_MEMORY: f64 = 50.0;

/// The moving state of one deployment. Kept over a reload, as long as the deployment keeps its name and endpoint.
#[derive(Debug)]
pub struct Live {
    /// Rate and concurrency limits.
    pub limiter: Arc<Limiter>,
    /// The circuit breaker.
    pub breaker: Arc<Breaker>,
    /// Whether repetitions are worth their load.
    pub allowance: Allowance,
    disabled: AtomicBool,
    spent: AtomicU64,
    start: Instant,
    pace: Published,
    stats: Mutex<Stats>,
}

/// What planning reads of every candidate, for it to read without the lock. The figures are each right; two of them may be of
/// measurements one apart, which no choice depends on.
#[derive(Debug, Default)]
struct Published {
    p50: AtomicU64,
    ttft: AtomicU64,
    /// Nanoseconds from the start to the last measurement; 0 means never.
    measured: AtomicU64,
}

/// How fast a deployment is, as planning sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pace {
    /// Median seconds to the whole answer.
    pub p50: Option<f64>,
    /// Median seconds to the first token.
    pub ttft: Option<f64>,
    /// Whether the last measurement is old.
    pub stale: bool,
}

/// A figure in 64 bits; nothing measured is a bit pattern that no measurement has.
fn bits(value: Option<f64>) -> u64 {
    value.map_or(0, |value| value.to_bits() ^ u64::MAX)
}

fn figure(bits: &AtomicU64) -> Option<f64> {
    let bits = bits.load(Ordering::Relaxed);
    (bits != 0).then(|| f64::from_bits(bits ^ u64::MAX))
}

#[derive(Debug, Default)]
struct Stats {
    latency: Ring,
    ttft: Ring,
    measured: Option<Instant>,
    error_rate: f64,
    requests: u64,
    tokens: (u64, u64),
    errors: Vec<(ErrorKind, u64)>,
}

impl Stats {
    /// Takes one more outcome into the error rate: the plain mean at first, a moving one when enough were seen.
    fn outcome(&mut self, failed: bool) {
        let memory = (self.requests.max(1) as f64).min(ERROR_MEMORY);
        self.error_rate += (f64::from(u8::from(failed)) - self.error_rate) / memory;
    }
}

/// The last measurements, in their order and sorted: planning reads the percentiles for every candidate.
#[derive(Debug, Default)]
struct Ring {
    values: Vec<f32>,
    sorted: Vec<f32>,
    next: usize,
    p50: Option<f64>,
    p95: Option<f64>,
}

impl Ring {
    /// The percentile at `share`, once enough is measured for one.
    fn percentile(&self, share: f64) -> Option<Duration> {
        (self.sorted.len() >= ENOUGH).then(|| Duration::from_secs_f64(self.at(share)))
    }

    /// The measurement at `share` of the sorted ones, of which there are some.
    fn at(&self, share: f64) -> f64 {
        f64::from(self.sorted[((self.sorted.len() - 1) as f64 * share).round() as usize])
    }

    fn push(&mut self, value: f64) {
        let value = value as f32;
        if self.values.len() < SAMPLES {
            self.values.push(value);
        } else {
            let oldest = std::mem::replace(&mut self.values[self.next], value);
            self.sorted.remove(self.place(oldest).min(SAMPLES - 1));
        }
        self.next = (self.next + 1) % SAMPLES;
        self.sorted.insert(self.place(value), value);
        (self.p50, self.p95) = (Some(self.at(0.5)), Some(self.at(0.95)));
    }

    /// Where `value` stands among the sorted ones, or would.
    fn place(&self, value: f32) -> usize {
        self.sorted.partition_point(|other| other.total_cmp(&value).is_lt())
    }
}

/// A copy of the figures, for planning and for the status table.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Median seconds to the whole answer.
    pub p50: Option<f64>,
    /// 95th percentile of it.
    pub p95: Option<f64>,
    /// Median seconds to the first token.
    pub ttft: Option<f64>,
    /// 95th percentile of it.
    pub ttft_p95: Option<f64>,
    /// Whether the last measurement is old.
    pub stale: bool,
    /// Share of attempts that failed of late, 0..1.
    pub error_rate: f64,
    /// Attempts so far.
    pub requests: u64,
}

/// Counts for the metrics.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Attempts.
    pub requests: u64,
    /// Prompt and answer tokens.
    pub tokens: (u64, u64),
    /// Failures by kind.
    pub errors: Vec<(ErrorKind, u64)>,
}

impl Live {
    /// With nothing measured yet. `seed` is that of the breaker's jitter.
    pub fn new(limits: &LimitConfig, breaker: BreakerConfig, now: Instant, seed: u64) -> Self {
        Self {
            limiter: Arc::new(Limiter::new(limits, now)),
            breaker: Arc::new(Breaker::new(breaker, now, seed)),
            allowance: Allowance::default(),
            disabled: AtomicBool::new(false),
            spent: AtomicU64::new(0),
            start: now,
            pace: Published::default(),
            stats: Mutex::default(),
        }
    }

    /// Whether it was switched off.
    pub fn is_disabled(&self) -> bool {
        self.disabled.load(Ordering::Relaxed)
    }

    /// Switches it off or on.
    pub fn disable(&self, off: bool) {
        self.disabled.store(off, Ordering::Relaxed);
    }

    /// What was spent on it.
    pub fn spent(&self) -> Money {
        Money(self.spent.load(Ordering::Relaxed))
    }

    /// Books a cost.
    pub fn spend(&self, amount: Money) {
        self.spent.fetch_add(amount.0, Ordering::Relaxed);
    }

    /// Books tokens.
    pub fn count_tokens(&self, prompt: u64, completion: u64) {
        let mut stats = self.stats.lock();
        stats.tokens.0 += prompt;
        stats.tokens.1 += completion;
    }

    /// An answer came: whole after `latency`, its first token after `ttft`.
    pub fn succeeded(&self, latency: Duration, ttft: Option<Duration>, now: Instant) {
        self.allowance.success();
        let mut stats = self.stats.lock();
        stats.requests += 1;
        stats.outcome(false);
        stats.latency.push(latency.as_secs_f64());
        if let Some(ttft) = ttft {
            stats.ttft.push(ttft.as_secs_f64());
        }
        stats.measured = Some(now);
        self.pace.p50.store(bits(stats.latency.p50), Ordering::Relaxed);
        self.pace.ttft.store(bits(stats.ttft.p50), Ordering::Relaxed);
        let since = now.saturating_duration_since(self.start).as_nanos().max(1) as u64;
        self.pace.measured.store(since, Ordering::Relaxed);
    }

    /// The percentile at `share` of the time to the first token, or to the whole answer where it is not streamed; once
    /// enough is measured.
    pub fn percentile(&self, share: f64, streamed: bool) -> Option<Duration> {
        let stats = self.stats.lock();
        if streamed { stats.ttft.percentile(share) } else { stats.latency.percentile(share) }
    }

    /// An answer was not waited for any longer than `waited`, because another came first. It is measured as if it had come
    /// then: without the slow ones the percentiles would sink with every copy that is sent for one.
    pub fn outrun(&self, waited: Duration, streamed: bool) {
        let mut stats = self.stats.lock();
        let ring = if streamed { &mut stats.ttft } else { &mut stats.latency };
        ring.push(waited.as_secs_f64());
    }

    /// How fast it is, without a lock.
    pub fn pace(&self, now: Instant) -> Pace {
        let measured = self.pace.measured.load(Ordering::Relaxed);
        let at = self.start + Duration::from_nanos(measured);
        let stale = measured != 0 && now.saturating_duration_since(at) > STALE;
        Pace { p50: figure(&self.pace.p50), ttft: figure(&self.pace.ttft), stale }
    }

    /// An attempt failed.
    pub fn failed(&self, kind: ErrorKind) {
        // Whoever is at a limit is well, and says when to come back.
        if kind.is_ill_health() {
            self.allowance.failure();
        }
        let mut stats = self.stats.lock();
        stats.requests += 1;
        stats.outcome(kind.is_ill_health() || kind == ErrorKind::RateLimit);
        match stats.errors.iter_mut().find(|(own, _)| *own == kind) {
            Some((_, count)) => *count += 1,
            None => stats.errors.push((kind, 1)),
        }
    }

    /// The figures at `now`.
    pub fn figures(&self, now: Instant) -> Figures {
        let stats = self.stats.lock();
        Figures {
            p50: stats.latency.p50,
            p95: stats.latency.p95,
            ttft: stats.ttft.p50,
            ttft_p95: stats.ttft.p95,
            stale: stats.measured.is_some_and(|at| now.saturating_duration_since(at) > STALE),
            error_rate: stats.error_rate,
            requests: stats.requests,
        }
    }

    /// The counts so far.
    pub fn counts(&self) -> Counts {
        let stats = self.stats.lock();
        Counts { requests: stats.requests, tokens: stats.tokens, errors: stats.errors.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_last_measurements() {
        let (mut ring, mut chance, mut all) = (Ring::default(), fastrand::Rng::with_seed(1), Vec::new());
        for _ in 0..500 {
            let value = f64::from(chance.u8(..20));
            ring.push(value);
            all.push(value);
            let mut last = all[all.len().saturating_sub(SAMPLES)..].to_vec();
            last.sort_by(f64::total_cmp);
            let at = |share: f64| last[((last.len() - 1) as f64 * share).round() as usize];
            assert_eq!((ring.p50, ring.p95), (Some(at(0.5)), Some(at(0.95))));
        }
    }

    #[test]
    fn planning_sees_what_was_measured_and_when_it_grows_old() {
        let now = crate::clock::now();
        let live = Live::new(&LimitConfig::default(), BreakerConfig::default(), now, 1);
        assert_eq!(live.pace(now), Pace::default());
        live.succeeded(Duration::from_secs(2), Some(Duration::ZERO), now);
        assert_eq!(live.pace(now + STALE), Pace { p50: Some(2.0), ttft: Some(0.0), stale: false });
        assert!(live.pace(now + STALE + Duration::from_secs(1)).stale);
    }
}
