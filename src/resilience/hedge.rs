//! A second copy of a slow request: when it starts, and how many there may be.

use std::time::Duration;

use parking_lot::Mutex;

/// When a second copy starts, and how many there may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HedgeConfig {
    /// After this long without a first token.
    pub after: HedgeAfter,
    /// Extra requests as a share of all, at most.
    pub max_extra: f64,
}

/// When a second copy starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HedgeAfter {
    /// After this percentile (1..=99) of the deployment's measured time to first token.
    Percentile(u8),
    /// After a fixed time.
    Fixed(Duration),
}

impl HedgeAfter {
    /// The delay, with the percentiles that `measured` knows. Absent while too little is measured.
    pub fn delay(self, measured: impl FnOnce(f64) -> Option<Duration>) -> Option<Duration> {
        /// No copy starts sooner: two requests side by side are no hedge.
        const LEAST: Duration = Duration::from_millis(1);
        let delay = match self {
            Self::Percentile(percentile) => measured(f64::from(percentile) / 100.0)?,
            Self::Fixed(delay) => delay,
        };
        Some(delay.max(LEAST))
    }
}

/// How many copies there may still be: each request earns a share of one, and each copy costs one. So there are never more
/// copies than that share of the requests; only the first one is on credit, or whoever has few requests would never see any.
#[derive(Debug, Default)]
pub struct HedgeBudget(Mutex<Account>);

#[derive(Debug, Default)]
struct Account {
    balance: f64,
    used: bool,
}

impl HedgeBudget {
    /// Copies that a quiet time can save up: enough for the slow moment of one provider, too few for a storm.
    const SAVED: f64 = 10.0;

    /// A request goes out: it earns `share` of a copy.
    pub fn earn(&self, share: f64) {
        let mut account = self.0.lock();
        account.balance = (account.balance + share).min(Self::SAVED);
    }

    /// Takes a copy out, if there is one.
    pub fn take(&self) -> bool {
        /// Twenty times a twentieth is a whole, whatever the sum of the roundings.
        const ROUNDING: f64 = 1e-9;
        let mut account = self.0.lock();
        let credit = !account.used && account.balance > 0.0;
        if account.balance + ROUNDING < 1.0 && !credit {
            return false;
        }
        account.balance -= 1.0;
        account.used = true;
        true
    }

    /// A copy that was taken out did not go out.
    pub fn give_back(&self) {
        self.0.lock().balance += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_a_share_of_the_requests_and_the_first_is_on_credit() {
        for (share, most) in [(0.0, 0), (0.01, 1), (0.05, 5), (0.1, 10), (0.5, 50), (1.0, 100)] {
            let budget = HedgeBudget::default();
            let copies = (0..100).filter(|_| {
                budget.earn(share);
                budget.take()
            });
            assert_eq!(copies.count(), most, "{share}");
        }
    }

    #[test]
    fn a_quiet_time_saves_up_no_storm() {
        let budget = HedgeBudget::default();
        (0..100_000).for_each(|_| budget.earn(0.05));
        assert_eq!((0..1_000).filter(|_| budget.take()).count(), 10);
    }

    #[test]
    fn a_percentile_needs_measurements_and_no_delay_is_nothing() {
        let ms = Duration::from_millis;
        assert_eq!(HedgeAfter::Percentile(95).delay(|share| (share > 0.94).then_some(ms(70))), Some(ms(70)));
        assert_eq!(HedgeAfter::Percentile(95).delay(|_| None), None);
        assert_eq!(HedgeAfter::Fixed(Duration::ZERO).delay(|_| None), Some(ms(1)));
    }
}
