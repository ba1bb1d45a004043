//! The least speed of a stream: one that trickles is as good as stalled, and a stall limit never finds it.

use std::{collections::VecDeque, time::Duration};

/// The least speed of a stream after its first content.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ThroughputConfig {
    /// Units a second, as a mean over the window; 0 means any speed will do.
    pub min: f64,
    /// The window: a burst and a pause within it are no slowness.
    pub window: Duration,
}

impl Default for ThroughputConfig {
    fn default() -> Self {
        Self {
            // Off unless written: how slow is too slow depends on who reads.
            min: 0.0,
            // Long enough for a provider's hiccup, short against an answer.
            window: Duration::from_secs(10),
        }
    }
}

/// Grains of the window: what comes within one of them is counted as one, so that memory is bounded.
const GRAINS: u32 = 100;

/// Measures one stream. Its time is that spent waiting for the provider: a slow reader's time does not count.
#[derive(Clone, Debug)]
pub struct Meter {
    config: ThroughputConfig,
    waited: Duration,
    /// What came in the window, with the end of its grain.
    recent: VecDeque<(Duration, f64)>,
}

impl Meter {
    /// From the first content on; `None` if any speed will do.
    pub fn new(config: ThroughputConfig) -> Option<Self> {
        (config.min > 0.0).then(|| Self { config, waited: Duration::ZERO, recent: VecDeque::new() })
    }

    /// The provider was waited for.
    pub fn wait(&mut self, took: Duration) {
        self.waited += took;
    }

    /// So much came.
    pub fn receive(&mut self, amount: f64) {
        let grain = (self.config.window / GRAINS).max(Duration::from_nanos(1));
        let grains = (self.waited.as_nanos() / grain.as_nanos()) as u32;
        let end = grain.saturating_mul(grains.saturating_add(1));
        match self.recent.back_mut().filter(|(at, _)| *at == end) {
            Some((_, sum)) => *sum += amount,
            None => self.recent.push_back((end, amount)),
        }
        while self.recent.front().is_some_and(|(at, _)| *at + self.config.window <= self.waited) {
            self.recent.pop_front();
        }
    }

    /// For how long nothing may come before the mean over the window falls below the least speed. Nothing is said before the
    /// first window is over.
    pub fn patience(&self) -> Duration {
        /// The sum of many parts is not exact.
        const ROUNDING: f64 = 1e-9;
        let window = self.config.window;
        let need = self.config.min * window.as_secs_f64() - ROUNDING;
        let soonest = self.waited.max(window);
        let mut sum: f64 = self.recent.iter().map(|(_, amount)| amount).sum();
        for (at, amount) in &self.recent {
            if sum < need {
                break;
            }
            sum -= amount;
            if sum < need {
                return (*at + window).max(soonest).saturating_sub(self.waited);
            }
        }
        soonest.saturating_sub(self.waited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(min: f64) -> Meter {
        Meter::new(ThroughputConfig { min, window: Duration::from_secs(10) }).unwrap()
    }

    /// When a stream of `amount` every `pause` ms is found too slow, in milliseconds; it is watched for ten minutes.
    fn found(mut meter: Meter, amount: f64, pause: u64) -> Option<u128> {
        let pause = Duration::from_millis(pause);
        meter.receive(amount);
        while meter.waited < Duration::from_secs(600) {
            if meter.patience() < pause {
                return Some((meter.waited + meter.patience()).as_millis());
            }
            meter.wait(pause);
            meter.receive(amount);
        }
        None
    }

    #[test]
    fn a_trickle_is_found_when_the_first_window_is_over_and_enough_never_is() {
        assert_eq!(found(meter(5.0), 1.0, 500), Some(10_000));
        assert_eq!(found(meter(5.0), 1.0, 200), None);
        assert_eq!(found(meter(5.0), 100.0, 9_000), None, "a burst and a pause within the window");
        assert!(Meter::new(ThroughputConfig::default()).is_none());
    }

    #[test]
    fn a_stream_that_slows_down_is_found_when_the_window_shows_it() {
        let mut meter = meter(5.0);
        (0..100).for_each(|_| {
            meter.receive(1.0);
            meter.wait(Duration::from_millis(100));
        });
        // Ten a second so far: half of the window may pass in silence, and a grain.
        let patience = meter.patience().as_millis();
        assert!((5_000..=5_200).contains(&patience), "{patience}");
    }

    #[test]
    fn memory_is_bounded_by_the_grains() {
        let mut meter = meter(5.0);
        for _ in 0..100_000 {
            meter.receive(1.0);
            meter.wait(Duration::from_millis(1));
        }
        assert!(meter.recent.len() <= GRAINS as usize + 2, "{}", meter.recent.len());
    }
}
