//! The price of a budget's money: what a US dollar counts against quality, so that the budget lasts for its window.
//!
//! This is the dual price of online allocation (Balseiro, Lu and Mirrokni, 2020: dual mirror descent), with the allowance worked
//! out anew before each call: what is left of the budget, divided by the calls that are still to come. A call that costs more
//! than the allowance raises the price, one that costs less lowers it, each in proportion. So dear answers go where they
//! are worth most, a rush makes money dear at once, and what a quiet hour leaves over is spent later.
//!
//! Calls to come are foretold from the window before, in which they came at the same hours; in the first window they are
//! taken to go on as they began.

/// Parts of a window in which calls are counted: the hours of a day.
const PARTS: usize = 24;
/// The price at first, as a share of a whole score for a call that costs the allowance. A tight budget is felt from the first
/// call on, and an ample one is not: there a call costs a fraction of the allowance.
const FIRST: f64 = 0.1;
/// The least price: it moves nothing but a tie, and it is few calls away from one that does.
const LEAST: f64 = 0.01;
/// The highest price: nobody but the cheapest is left.
const MOST: f64 = 100.0;
/// The highest price that a window begins with: the scarcity of the last hour is over.
const BEGIN: f64 = 1.0;
/// The size of a step, times the square root of the calls in a window: theory's choice for an unknown horizon.
const STEP: f64 = 2.0;
/// Steps are no smaller, for the price to follow a change, and no larger, for it not to swing.
const STEPS: (f64, f64) = (0.01, 0.2);
/// One call counts as so many allowances at most: a giant prompt is no reason to starve the next hundred.
const GIANT: f64 = 5.0;
/// Calls that the forecast takes for granted, so that the first ones of a day do not upset it.
const GRANTED: f64 = 20.0;
/// The time to which calls are referred in the very beginning, as a share of the window: one call tells no rate.
const BLINK: f64 = 1e-3;

/// The pace of one account of a budget.
#[derive(Clone, Debug)]
pub struct Pace {
    /// The logarithm of the price, in scores for a call that costs the allowance.
    price: f64,
    /// Calls of this window by its parts.
    calls: [f64; PARTS],
    /// Those of the window before; none if it was not seen as a whole.
    before: Option<[f64; PARTS]>,
    /// When in the window the first call came, as a share of it.
    since: Option<f64>,
}

/// Where a budget stands: the share of its window that has passed, and the US dollars that are left.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// 0..1.
    pub passed: f64,
    /// US dollars.
    pub left: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { price: FIRST.ln(), calls: [0.0; PARTS], before: None, since: None }
    }
}

impl Pace {
    /// What a US dollar counts now, in scores.
    pub fn price(&self, at: Standing) -> f64 {
        self.price.exp() / self.allowance(at)
    }

    /// A call was made, and cost so many US dollars.
    pub fn paid(&mut self, cost: f64, at: Standing) {
        let step = (STEP / self.whole(at).max(1.0).sqrt()).clamp(STEPS.0, STEPS.1);
        let over = (cost / self.allowance(at)).min(GIANT) - 1.0;
        self.price = (self.price + step * over).clamp(LEAST.ln(), MOST.ln());
        self.since.get_or_insert(at.passed);
        let (part, _) = part(at.passed);
        self.calls[part] += 1.0;
    }

    /// The next window begins. Whether there were any calls in the one that ends.
    pub fn renew(&mut self) -> bool {
        let any = self.seen() > 0.0;
        // A window that was entered in the middle says nothing of its beginning.
        let whole = self.since.is_some_and(|since| since * (PARTS as f64) < 1.0);
        self.before = (any && whole).then_some(self.calls).or(self.before);
        self.calls = [0.0; PARTS];
        self.since = Some(0.0);
        self.price = self.price.min(BEGIN.ln());
        any
    }

    /// US dollars that a call may cost.
    fn allowance(&self, at: Standing) -> f64 {
        (at.left / self.to_come(at).max(1.0)).max(f64::MIN_POSITIVE)
    }

    fn seen(&self) -> f64 {
        self.calls.iter().sum()
    }

    /// Calls to come in this window.
    fn to_come(&self, at: Standing) -> f64 {
        if let Some(before) = &self.before {
            let (part, share) = part(at.passed);
            let behind: f64 = before[..part].iter().sum::<f64>() + before[part] * share;
            let future: f64 = before[part..].iter().sum::<f64>() - before[part] * share;
            return future * (self.seen() + GRANTED) / (behind + GRANTED);
        }
        let since = at.passed - self.since.unwrap_or(at.passed);
        (self.seen() + 1.0) / since.max(BLINK) * (1.0 - at.passed)
    }

    /// Calls in a whole window.
    fn whole(&self, at: Standing) -> f64 {
        self.before.map_or_else(|| self.seen() + self.to_come(at), |before| before.iter().sum())
    }
}

/// The part of the window, and the share of it that has passed.
fn part(passed: f64) -> (usize, f64) {
    let parts = passed.clamp(0.0, 1.0) * PARTS as f64;
    let part = (parts as usize).min(PARTS - 1);
    (part, (parts - part as f64).min(1.0))
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use fastrand::Rng;

    use super::*;

    /// A day with a budget of one dollar: `dear` answers would cost so many times that if all were dear. Each hour's
    /// spending, and the share of dear answers.
    struct Day {
        hours: [f64; 24],
        dear: f64,
        gained: f64,
    }

    impl Day {
        fn spent(&self) -> f64 {
            self.hours.iter().sum()
        }
    }

    fn even(_: f64) -> f64 {
        1.0
    }

    /// Hardly anybody at night, most at one o'clock in the afternoon.
    fn waking(passed: f64) -> f64 {
        let hour = passed * 24.0;
        0.05 + if (6.0..20.0).contains(&hour) { (PI * (hour - 6.0) / 14.0).sin() } else { 0.0 }
    }

    /// Each of `calls` has a cheap answer, and one that costs twenty times as much and is better by 0..0.4.
    fn day(pace: Option<&mut Pace>, calls: usize, scarce: f64, traffic: fn(f64) -> f64, rng: &mut Rng) -> Day {
        let mut none = Pace::default();
        let (paced, pace) = (pace.is_some(), pace.unwrap_or(&mut none));
        let mut times: Vec<f64> = Vec::new();
        while times.len() < calls {
            let time = rng.f64();
            if rng.f64() * 1.05 < traffic(time) {
                times.push(time);
            }
        }
        times.sort_by(f64::total_cmp);
        let mut day = Day { hours: [0.0; 24], dear: 0.0, gained: 0.0 };
        let size = |rng: &mut Rng| -0.5 * (1.0 - rng.f64()).ln() + 0.5;
        for passed in times {
            let dear = scarce / calls as f64 * size(rng);
            let (cheap, better) = (dear / 20.0, 0.4 * rng.f64());
            let at = Standing { passed, left: 1.0 - day.spent() };
            let price = if paced { pace.price(at) } else { 0.0 };
            let takes = better > price * (dear - cheap) && dear <= at.left;
            let cost = if takes { dear } else { cheap };
            if cost > at.left {
                continue;
            }
            pace.paid(cost, at);
            day.hours[part(passed).0] += cost;
            day.dear += f64::from(u8::from(takes)) / calls as f64;
            day.gained += if takes { better } else { 0.0 };
        }
        pace.renew();
        day
    }

    #[test]
    fn a_scarce_budget_lasts_for_its_window_and_is_spent_in_it() {
        for (calls, scarce) in [(300, 2.0), (3_000, 2.0), (3_000, 5.0), (30_000, 3.0)] {
            let (mut pace, mut rng) = (Pace::default(), Rng::with_seed(7));
            let day = day(Some(&mut pace), calls, scarce, even, &mut rng);
            assert!((0.96..=1.0).contains(&day.spent()), "{calls} {scarce}: {}", day.spent());
            let (first, half) = (day.hours[0], day.hours[..12].iter().sum::<f64>());
            assert!(first < 0.09 && (0.4..0.6).contains(&half), "{calls} {scarce}: {:?}", day.hours);
        }
    }

    #[test]
    fn it_knows_the_hours_of_the_day_once_it_has_seen_one() {
        for (calls, scarce) in [(1_000, 2.0), (3_000, 4.0), (30_000, 2.0)] {
            let (mut pace, mut rng) = (Pace::default(), Rng::with_seed(3));
            let first = day(Some(&mut pace), calls, scarce, waking, &mut rng);
            assert!(first.spent() > 0.85, "{}", first.spent());
            let second = day(Some(&mut pace), calls, scarce, waking, &mut rng);
            assert!((0.97..=1.0).contains(&second.spent()), "{calls} {scarce}: {}", second.spent());
            let most = second.hours.iter().fold(0.0_f64, |most, hour| most.max(*hour));
            assert!(most < 0.16, "{calls} {scarce}: {:?}", second.hours);
            // A day with half the calls, and one with twice as many.
            let quiet = day(Some(&mut pace), calls / 2, scarce / 2.0, waking, &mut rng);
            let busy = day(Some(&mut pace), calls * 2, scarce * 2.0, waking, &mut rng);
            assert!(quiet.spent() > 0.6 && busy.spent() > 0.97, "{} {}", quiet.spent(), busy.spent());
            assert!(busy.hours[12..].iter().sum::<f64>() > 0.3, "{:?}", busy.hours);
        }
    }

    #[test]
    fn the_same_money_buys_more_than_first_come_first_served() {
        let (mut pace, mut rng) = (Pace::default(), Rng::with_seed(5));
        day(Some(&mut pace), 5_000, 4.0, waking, &mut rng);
        let paced = day(Some(&mut pace), 5_000, 4.0, waking, &mut rng);
        let cliff = day(None, 5_000, 4.0, waking, &mut rng);
        assert!(cliff.hours[..12].iter().sum::<f64>() > 0.95, "{:?}", cliff.hours);
        assert!(paced.gained > 1.3 * cliff.gained, "{} {}", paced.gained, cliff.gained);
    }

    #[test]
    fn an_ample_budget_is_not_felt() {
        let (mut pace, mut rng) = (Pace::default(), Rng::with_seed(2));
        let day = day(Some(&mut pace), 2_000, 0.4, even, &mut rng);
        assert!(day.dear > 0.97 && day.spent() < 0.5, "{} {}", day.dear, day.spent());
    }

    #[test]
    fn prices_stay_within_reason() {
        let mut pace = Pace::default();
        for passed in [0.0, 0.5, 1.0, 1.5, -1.0] {
            for left in [0.0, 1e-9, 1e9] {
                let at = Standing { passed, left };
                pace.paid(1e6, at);
                pace.paid(0.0, at);
                assert!(pace.price(at) > 0.0 && !pace.price(at).is_nan(), "{passed} {left}");
            }
        }
        assert!(pace.renew() && !pace.renew());
        assert!(pace.price(Standing { passed: 0.0, left: 1.0 }).is_finite());
    }
}
