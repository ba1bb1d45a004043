//! Money spent against ceilings: reserved before an attempt, settled after it, so that a burst cannot overspend together.
//!
//! Windows are fixed and aligned to 1970 (a day begins at midnight UTC), so that processes agree on them without talking.
//! Plain data: time comes in as an argument, and whoever shares a ledger holds the lock.

use std::collections::HashMap;

use super::{
    budget::{BudgetConfig, BudgetScope},
    pace::{Pace, Standing},
};
use crate::catalog::Money;

/// All budgets and what was spent of them in their present windows.
#[derive(Debug, Default)]
pub struct Ledger {
    budgets: Vec<Budget>,
    /// Budgets so far: what is set aside finds its budget again, though a reload has come in between.
    serials: u64,
}

/// On whose behalf money is spent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spender<'a> {
    /// The route taken.
    pub route: &'a str,
    /// The deployment that is paid.
    pub deployment: &'a str,
    /// The end user; those without a name share one account.
    pub user: &'a str,
    /// The tags of the request; requests without the tag of a budget share one account.
    pub tags: &'a [String],
}

/// Money set aside for one attempt; give it back with [`Ledger::settle`].
#[derive(Debug)]
#[must_use = "money that is never settled stays set aside"]
pub struct Reservation {
    /// The account in each budget, by the budget's serial number.
    keys: Vec<(u64, String)>,
    amount: Money,
}

/// The budget that is spent.
#[derive(Clone, Debug, PartialEq)]
pub struct Spent {
    /// Its name.
    pub budget: String,
    /// When its window ends, in seconds since 1970.
    pub resets_at: f64,
}

#[derive(Debug)]
struct Budget {
    serial: u64,
    config: BudgetConfig,
    window: u64,
    accounts: HashMap<String, Account>,
    /// Where it is paced, those accounts that were paid from in this window or the last.
    paces: HashMap<String, Pace>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Account {
    spent: Money,
    reserved: Money,
}

impl Ledger {
    /// Of `budgets`, with nothing spent.
    pub fn new(budgets: &[BudgetConfig]) -> Self {
        let mut ledger = Self::default();
        ledger.reload(budgets);
        ledger
    }

    /// Takes other budgets. One with the name, the window and the scope of a former one goes on with what was spent of it,
    /// whatever its limit is now.
    pub fn reload(&mut self, budgets: &[BudgetConfig]) {
        let mut former = std::mem::take(&mut self.budgets);
        for config in budgets {
            let same = |old: &Budget| {
                (&old.config.name, old.config.window, &old.config.per) == (&config.name, config.window, &config.per)
            };
            let budget = if let Some(at) = former.iter().position(same) {
                Budget { config: config.clone(), ..former.swap_remove(at) }
            } else {
                self.serials += 1;
                let (accounts, paces) = (HashMap::new(), HashMap::new());
                Budget { serial: self.serials, config: config.clone(), window: 0, accounts, paces }
            };
            self.budgets.push(budget);
        }
    }

    /// Whether `amount` fits every budget now; an absent one, of an answer without a price, fits none.
    ///
    /// # Errors
    /// Of the budgets that have no room for it, the one that resets last.
    pub fn fits(&mut self, who: Spender<'_>, amount: Option<Money>, now: f64) -> Result<(), Spent> {
        let mut last: Option<Spent> = None;
        for budget in &mut self.budgets {
            budget.roll(now);
            let used = budget.account(&budget.key(who)).used();
            // What is free spends nothing, also where nothing is left.
            let fits = amount.is_some_and(|amount| amount == Money::ZERO || used + amount <= budget.limit());
            let spent = Spent { budget: budget.config.name.clone(), resets_at: budget.ends() };
            if !fits && last.as_ref().is_none_or(|other| other.resets_at < spent.resets_at) {
                last = Some(spent);
            }
        }
        last.map_or(Ok(()), Err)
    }

    /// Sets `amount` aside in every budget, or in none.
    ///
    /// # Errors
    /// As [`Ledger::fits`].
    pub fn reserve(&mut self, who: Spender<'_>, amount: Option<Money>, now: f64) -> Result<Reservation, Spent> {
        self.fits(who, amount, now)?;
        let amount = amount.unwrap_or_default();
        let mut keys = Vec::with_capacity(self.budgets.len());
        for budget in &mut self.budgets {
            let key = budget.key(who);
            let account = budget.accounts.entry(key.clone()).or_default();
            account.reserved = account.reserved + amount;
            keys.push((budget.serial, key));
        }
        Ok(Reservation { keys, amount })
    }

    /// Puts what an attempt did cost in place of what was set aside.
    pub fn settle(&mut self, reservation: Reservation, cost: Money, now: f64) {
        for (serial, key) in reservation.keys {
            let Some(budget) = self.budgets.iter_mut().find(|budget| budget.serial == serial) else { continue };
            budget.give_back(&key, reservation.amount, now);
            budget.pay(key, cost, now);
        }
    }

    /// Adds what was spent without having been set aside, also beyond a limit.
    pub fn book(&mut self, who: Spender<'_>, cost: Money, now: f64) {
        for budget in &mut self.budgets {
            let key = budget.key(who);
            budget.pay(key, cost, now);
        }
    }

    /// Gives back what was set aside for an attempt that came to nothing.
    pub fn release(&mut self, reservation: Reservation, now: f64) {
        for (serial, key) in reservation.keys {
            if let Some(budget) = self.budgets.iter_mut().find(|budget| budget.serial == serial) {
                budget.give_back(&key, reservation.amount, now);
            }
        }
    }

    /// What a US dollar of `who` counts in scores, over all budgets that are paced.
    pub fn price(&mut self, who: Spender<'_>, now: f64) -> f64 {
        let paced = self.budgets.iter_mut().filter(|budget| budget.config.pacing);
        paced.map(|budget| budget.price(&budget.key(who), now)).sum()
    }

    /// What a US dollar counts in scores, of the dearest account of every budget that is paced.
    pub fn prices(&mut self, now: f64) -> Vec<(String, f64)> {
        let paced = self.budgets.iter_mut().filter(|budget| budget.config.pacing);
        let dearest = |budget: &mut Budget| {
            let accounts: Vec<String> = budget.paces.keys().cloned().collect();
            let price = accounts.iter().map(|key| budget.price(key, now)).fold(0.0, f64::max);
            (budget.config.name.clone(), price)
        };
        paced.map(dearest).collect()
    }

    /// The spent share of every budget for `who`, 0..1, as rules see it. What is counted for each deployment has the share
    /// of the deployment that spent most.
    pub fn shares(&mut self, who: Spender<'_>, now: f64) -> Vec<(String, f64)> {
        let share = |budget: &mut Budget| {
            budget.roll(now);
            let share = match budget.config.per {
                BudgetScope::Deployment => budget.fullest(),
                _ => budget.share(budget.account(&budget.key(who))),
            };
            (budget.config.name.clone(), share)
        };
        self.budgets.iter_mut().map(share).collect()
    }

    /// The spent share of the fullest account of every budget, 0..1.
    pub fn fullest(&mut self, now: f64) -> Vec<(String, f64)> {
        let share = |budget: &mut Budget| {
            budget.roll(now);
            (budget.config.name.clone(), budget.fullest())
        };
        self.budgets.iter_mut().map(share).collect()
    }
}

impl Account {
    fn used(self) -> Money {
        self.spent + self.reserved
    }
}

impl Budget {
    fn key(&self, who: Spender<'_>) -> String {
        match &self.config.per {
            BudgetScope::Global => String::new(),
            BudgetScope::Route => who.route.to_owned(),
            BudgetScope::Deployment => who.deployment.to_owned(),
            BudgetScope::User => who.user.to_owned(),
            BudgetScope::Tag(name) => {
                let value = |tag: &String| tag.strip_prefix(name.as_str())?.strip_prefix(':').map(str::to_owned);
                who.tags.iter().find_map(value).unwrap_or_default()
            }
        }
    }

    /// So much was set aside, and is not any more.
    fn give_back(&mut self, key: &str, amount: Money, now: f64) {
        self.roll(now);
        if let Some(account) = self.accounts.get_mut(key) {
            account.reserved = account.reserved.saturating_sub(amount);
        }
    }

    fn pay(&mut self, key: String, cost: Money, now: f64) {
        self.roll(now);
        if self.config.pacing {
            let at = self.standing(&key, now);
            self.paces.entry(key.clone()).or_default().paid(cost.usd(), at);
        }
        let account = self.accounts.entry(key).or_default();
        account.spent = account.spent + cost;
    }

    fn price(&mut self, key: &str, now: f64) -> f64 {
        self.roll(now);
        let at = self.standing(key, now);
        self.paces.get(key).map_or_else(|| Pace::default().price(at), |pace| pace.price(at))
    }

    fn standing(&self, key: &str, now: f64) -> Standing {
        let left = self.limit().saturating_sub(self.account(key).used()).usd();
        Standing { passed: 1.0 - (self.ends() - now) / self.length(), left }
    }

    fn limit(&self) -> Money {
        Money::from_usd(self.config.usd)
    }

    fn share(&self, account: Account) -> f64 {
        if self.limit() == Money::ZERO { 1.0 } else { (account.used().0 as f64 / self.limit().0 as f64).min(1.0) }
    }

    fn fullest(&self) -> f64 {
        self.accounts.values().map(|account| self.share(*account)).fold(0.0, f64::max)
    }

    fn account(&self, key: &str) -> Account {
        self.accounts.get(key).copied().unwrap_or_default()
    }

    /// Begins a new window if the present one is over. What is still set aside is carried into it. A clock that goes back
    /// begins none: money is not forgotten.
    fn roll(&mut self, now: f64) {
        let window = (now / self.length()) as u64;
        if window > self.window {
            self.window = window;
            self.accounts.retain(|_, account| {
                account.spent = Money::ZERO;
                account.reserved > Money::ZERO
            });
            self.paces.retain(|_, pace| pace.renew());
        }
    }

    fn ends(&self) -> f64 {
        (self.window + 1) as f64 * self.length()
    }

    fn length(&self) -> f64 {
        self.config.window.as_secs_f64().max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ledger(usd: f64, per: BudgetScope) -> Ledger {
        Ledger::new(&[BudgetConfig {
            name: "daily".into(),
            usd,
            window: Duration::from_secs(86_400),
            per,
            pacing: false,
        }])
    }

    fn usd(amount: f64) -> Money {
        Money::from_usd(amount)
    }

    const NOON: f64 = 10.5 * 86_400.0;

    #[test]
    fn a_burst_cannot_spend_more_than_there_is() {
        let mut ledger = ledger(1.0, BudgetScope::Global);
        let taken: Vec<_> = (0..5).map(|_| ledger.reserve(Spender::default(), Some(usd(0.4)), NOON)).collect();
        assert_eq!(taken.iter().filter(|result| result.is_ok()).count(), 2);
        assert_eq!(taken[2].as_ref().err(), Some(&Spent { budget: "daily".into(), resets_at: 11.0 * 86_400.0 }));
    }

    #[test]
    fn settling_frees_what_was_not_spent() {
        let mut ledger = ledger(1.0, BudgetScope::Global);
        let Ok(first) = ledger.reserve(Spender::default(), Some(usd(0.9)), NOON) else { panic!("there is room") };
        ledger.settle(first, usd(0.1), NOON);
        assert_eq!(ledger.shares(Spender::default(), NOON), [("daily".to_owned(), 0.1)]);
        let Ok(second) = ledger.reserve(Spender::default(), Some(usd(0.9)), NOON) else { panic!("there is room") };
        ledger.release(second, NOON);
        assert_eq!(ledger.shares(Spender::default(), NOON), [("daily".to_owned(), 0.1)]);
    }

    #[test]
    fn a_new_window_begins_with_what_is_still_set_aside() {
        let mut ledger = ledger(1.0, BudgetScope::Global);
        let first = ledger.reserve(Spender::default(), Some(usd(0.3)), NOON);
        let Ok(second) = ledger.reserve(Spender::default(), Some(usd(0.7)), NOON) else { panic!("there is room") };
        ledger.settle(second, usd(0.7), NOON);
        assert!(ledger.reserve(Spender::default(), Some(usd(0.1)), NOON).is_err());
        let tomorrow = NOON + 86_400.0;
        assert!((ledger.shares(Spender::default(), tomorrow)[0].1 - 0.3).abs() < 1e-9);
        assert!(ledger.reserve(Spender::default(), Some(usd(0.7)), tomorrow).is_ok());
        assert!(first.is_ok());
    }

    #[test]
    fn a_clock_that_goes_back_forgets_nothing() {
        let mut ledger = ledger(1.0, BudgetScope::Global);
        let Ok(all) = ledger.reserve(Spender::default(), Some(usd(1.0)), NOON) else { panic!("there is room") };
        ledger.settle(all, usd(1.0), NOON);
        assert!(ledger.reserve(Spender::default(), Some(usd(0.1)), NOON - 86_400.0).is_err());
    }

    #[test]
    fn each_spender_has_an_account_and_the_nameless_share_one() {
        let team = |name: &str| vec![format!("team:{name}")];
        let mut ledger = ledger(1.0, BudgetScope::Tag("team".into()));
        let (a, b) = (team("a"), team("b"));
        let spender = |tags| Spender { tags, ..Spender::default() };
        assert!(ledger.reserve(spender(&a), Some(usd(1.0)), NOON).is_ok());
        assert!(ledger.reserve(spender(&a), Some(usd(0.1)), NOON).is_err());
        assert!(ledger.reserve(spender(&b), Some(usd(1.0)), NOON).is_ok());
        assert!(ledger.reserve(spender(&[]), Some(usd(1.0)), NOON).is_ok());
        assert!(ledger.reserve(spender(&["other".to_owned()]), Some(usd(0.1)), NOON).is_err());
    }

    #[test]
    fn what_one_budget_refuses_no_budget_keeps() {
        let window = Duration::from_secs(60);
        let config =
            |name: &str, usd| BudgetConfig { name: name.into(), usd, window, per: BudgetScope::Global, pacing: false };
        let mut ledger = Ledger::new(&[config("large", 10.0), config("small", 0.1)]);
        assert_eq!(
            ledger.reserve(Spender::default(), Some(usd(1.0)), NOON).err().map(|spent| spent.budget),
            Some("small".into())
        );
        assert_eq!(ledger.shares(Spender::default(), NOON)[0], ("large".to_owned(), 0.0));
    }

    #[test]
    fn nothing_without_a_price_fits_a_budget() {
        let mut ledger = ledger(1.0, BudgetScope::Global);
        assert!(ledger.fits(Spender::default(), Some(usd(1.0)), NOON).is_ok());
        assert!(ledger.fits(Spender::default(), None, NOON).is_err());
        assert!(ledger.reserve(Spender::default(), Some(usd(1.0)), NOON).is_ok());
        assert!(ledger.fits(Spender::default(), Some(Money::ZERO), NOON).is_ok(), "what is free goes on");
        assert!(Ledger::default().fits(Spender::default(), None, NOON).is_ok());
    }

    #[test]
    fn of_several_the_one_that_resets_last_is_told() {
        let config = |name: &str, hours: u64| BudgetConfig {
            name: name.into(),
            usd: 0.1,
            window: Duration::from_secs(3_600 * hours),
            per: BudgetScope::Global,
            pacing: false,
        };
        let mut ledger = Ledger::new(&[config("hourly", 1), config("daily", 24), config("minute", 1)]);
        let spent = ledger.fits(Spender::default(), Some(usd(1.0)), NOON);
        assert_eq!(spent, Err(Spent { budget: "daily".into(), resets_at: 11.0 * 86_400.0 }));
    }

    #[test]
    fn a_paced_budget_makes_money_dear_when_it_is_scarce_and_forgets_idle_accounts() {
        let config = BudgetConfig {
            name: "daily".into(),
            usd: 1.0,
            window: Duration::from_secs(86_400),
            per: BudgetScope::User,
            pacing: true,
        };
        let mut ledger = Ledger::new(&[config]);
        let who = |user| Spender { user, ..Spender::default() };
        let midnight = 10.0 * 86_400.0;
        for minute in 0..300 {
            let now = midnight + 60.0 * f64::from(minute);
            ledger.book(who("rich"), usd(0.000_1), now);
            ledger.book(who("poor"), usd(0.002), now);
        }
        let noon = midnight + 43_200.0;
        let (rich, poor) = (ledger.price(who("rich"), noon), ledger.price(who("poor"), noon));
        assert!(poor > 20.0 * rich, "{poor} {rich}");
        assert_eq!(ledger.prices(noon), [("daily".to_owned(), poor)]);
        let failed = ledger.reserve(who("rich"), Some(usd(0.1)), noon);
        ledger.release(failed.unwrap(), noon);
        assert!((ledger.price(who("rich"), noon) - rich).abs() < 1e-12, "what came to nothing moves nothing");
        ledger.book(who("rich"), usd(0.000_1), noon + 86_400.0);
        assert_eq!(ledger.budgets[0].paces.len(), 2, "one day without a call is remembered");
        ledger.price(who("rich"), noon + 2.0 * 86_400.0);
        assert_eq!(ledger.budgets[0].paces.len(), 1);
        assert!(Ledger::default().price(who("rich"), noon) <= 0.0);
    }

    #[test]
    fn a_reload_keeps_what_was_spent_of_the_same_budget() {
        let config = |usd, per| BudgetConfig {
            name: "daily".into(),
            usd,
            window: Duration::from_secs(86_400),
            per,
            pacing: false,
        };
        let mut ledger = Ledger::new(&[config(1.0, BudgetScope::Global)]);
        let Ok(first) = ledger.reserve(Spender::default(), Some(usd(0.5)), NOON) else { panic!("there is room") };
        ledger.reload(&[config(2.0, BudgetScope::Global)]);
        assert!((ledger.fullest(NOON)[0].1 - 0.25).abs() < 1e-9);
        ledger.settle(first, usd(1.0), NOON);
        assert!((ledger.fullest(NOON)[0].1 - 0.5).abs() < 1e-9);
        let Ok(second) = ledger.reserve(Spender::default(), Some(usd(0.5)), NOON) else { panic!("there is room") };
        ledger.reload(&[config(2.0, BudgetScope::User)]);
        ledger.settle(second, usd(1.0), NOON);
        assert!((ledger.fullest(NOON)[0].1 - 0.0).abs() < 1e-9);
    }
}
