//! Money against ceilings: planning looks whether an answer would fit, an attempt sets its estimate aside, its outcome
//! puts the real cost in place of it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use parking_lot::Mutex;

use super::{
    call::{Ask, Call},
    execute::Run,
    plan::Plan,
};
use crate::{
    catalog::Money,
    chat::Usage,
    clock,
    error::{Error, ErrorKind},
    policy::{Ledger, Reservation, Spender, Spent, budget::BudgetConfig},
    trace::{Candidate, Overspend, Reason},
};

/// The ledger of a router. Every lock is held for one look or one entry.
#[derive(Debug, Default)]
pub struct Budgets {
    ledger: Mutex<Ledger>,
    /// Whether there are any: without them planning takes no lock.
    any: AtomicBool,
    /// Whether any is paced.
    paced: AtomicBool,
}

/// Money set aside for an attempt, until its outcome is known. Dropped unsettled, the caller has left: the provider reads a
/// prompt that it was sent, and bills that.
#[derive(Debug)]
pub struct Booking {
    budgets: Arc<Budgets>,
    reservation: Option<Reservation>,
    prompt: Money,
}

fn is_paced(budgets: &[BudgetConfig]) -> bool {
    budgets.iter().any(|budget| budget.pacing)
}

fn unix_now() -> f64 {
    clock::unix_seconds(clock::wall())
}

impl Budgets {
    /// Of these budgets.
    pub fn new(budgets: &[BudgetConfig]) -> Self {
        let (any, paced) = (!budgets.is_empty(), is_paced(budgets));
        Self { ledger: Mutex::new(Ledger::new(budgets)), any: any.into(), paced: paced.into() }
    }

    /// Takes other budgets; what is unchanged goes on.
    pub fn reload(&self, budgets: &[BudgetConfig]) {
        self.ledger.lock().reload(budgets);
        self.any.store(!budgets.is_empty(), Ordering::Relaxed);
        self.paced.store(is_paced(budgets), Ordering::Relaxed);
    }

    /// What a US dollar of `who` counts in scores, where a budget is paced.
    pub fn price(&self, who: Spender<'_>, unix: f64) -> Option<f64> {
        self.paced.load(Ordering::Relaxed).then(|| self.ledger.lock().price(who, unix))
    }

    /// The same, of the dearest account of every budget that is paced.
    pub fn prices(&self) -> Vec<(String, f64)> {
        self.ledger.lock().prices(unix_now())
    }

    /// The budgets that are paced.
    pub fn paced(&self) -> Vec<String> {
        self.prices().into_iter().map(|(name, _)| name).collect()
    }

    /// Whether there are any.
    pub fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// Why an answer that costs about `cost` does not fit, if so.
    pub fn refusal(&self, who: Spender<'_>, cost: Option<Money>, unix: f64) -> Option<Reason> {
        if !self.any() {
            return None;
        }
        self.ledger.lock().fits(who, cost, unix).err().map(|spent| overspend(spent, cost, unix))
    }

    /// Books a cost that nothing was set aside for: of a past call.
    pub fn book(&self, who: Spender<'_>, cost: Money, unix: f64) {
        self.ledger.lock().book(who, cost, unix);
    }

    /// The spent shares as rules see them.
    pub fn shares(&self, who: Spender<'_>, unix: f64) -> Vec<(String, f64)> {
        self.ledger.lock().shares(who, unix)
    }

    /// The spent share of the fullest account of every budget.
    pub fn fullest(&self) -> Vec<(String, f64)> {
        self.ledger.lock().fullest(unix_now())
    }
}

impl Booking {
    /// Puts what the attempt did cost in place of what was set aside.
    pub(super) fn settle(mut self, cost: Money) {
        self.close(cost);
    }

    /// Gives everything back: the attempt came to nothing.
    pub(super) fn release(mut self) {
        if let Some(reservation) = self.reservation.take() {
            self.budgets.ledger.lock().release(reservation, unix_now());
        }
    }

    fn close(&mut self, cost: Money) {
        if let Some(reservation) = self.reservation.take() {
            self.budgets.ledger.lock().settle(reservation, cost, unix_now());
        }
    }
}

impl Drop for Booking {
    fn drop(&mut self) {
        self.close(self.prompt);
    }
}

impl Run {
    /// Sets the estimated cost of an attempt on `index` aside.
    ///
    /// # Errors
    /// The budget that has no room for it any more.
    pub(super) fn reserve(&self, index: usize) -> Result<Option<Booking>, Reason> {
        if !self.shared.budgets.any() {
            return Ok(None);
        }
        let deployment = self.fleet.targets[index].deployment();
        let cost = estimate(&self.plan, deployment.id.as_str());
        let who = Spender {
            route: self.plan.decision.route.as_str(),
            deployment: deployment.id.as_str(),
            user: user(&self.call),
            tags: &self.plan.tags,
        };
        let budgets = Arc::clone(&self.shared.budgets);
        let now = unix_now();
        let reserved = budgets.ledger.lock().reserve(who, cost, now);
        let reservation = reserved.map_err(|spent| overspend(spent, cost, now))?;
        let usage = Usage { input: self.plan.units.input, ..Usage::default() };
        let prompt = deployment.price.as_ref().map(|price| price.cost(&usage)).unwrap_or_default();
        Ok(Some(Booking { budgets, reservation: Some(reservation), prompt }))
    }

    /// The answer under way cost so much.
    pub(super) fn spend(&mut self, cost: Option<Money>) {
        if let Some(booking) = self.booking.take() {
            booking.settle(cost.unwrap_or_default());
        }
    }
}

/// The end user of a call; empty if not given.
pub fn user(call: &Call) -> &str {
    let user = match &call.ask {
        Ask::Chat(request) => &request.user,
        Ask::Embed(request) => &request.user,
    };
    user.as_deref().unwrap_or_default()
}

fn overspend(spent: Spent, cost: Option<Money>, unix: f64) -> Reason {
    let wait = (spent.resets_at - unix).max(0.0);
    Reason::Budget(Overspend { budget: spent.budget, resets_at: spent.resets_at, wait, cost })
}

fn estimate(plan: &Plan, deployment: &str) -> Option<Money> {
    plan.decision.candidates.iter().find(|candidate| candidate.deployment.as_str() == deployment)?.estimated_cost
}

/// The error when somebody would serve if it were not for a budget. A limit on requests frees sooner than any budget: where
/// one is among the reasons, it is no matter of money.
pub fn exceeded(listed: &[Candidate]) -> Option<Error> {
    let mut first: Option<&Overspend> = None;
    for candidate in listed {
        match &candidate.refused {
            Some(Reason::Budget(over)) if first.is_none_or(|known| sooner(over, known)) => first = Some(over),
            None | Some(Reason::RateLimited(..)) => return None,
            Some(_) => {}
        }
    }
    let Overspend { budget, resets_at, wait, cost } = first?;
    let mut error = if cost.is_some() {
        let message = format!("budget `{budget}` has no room for this answer; it starts anew in {wait:.0} s");
        let wait = std::time::Duration::try_from_secs_f64(*wait).ok();
        Error::new(ErrorKind::BudgetExceeded, message).with_retry_after(wait)
    } else {
        let message = format!("budget `{budget}` applies and no deployment that may serve has a price; give it one");
        Error::new(ErrorKind::BudgetExceeded, message)
    };
    error.context.name = Some(budget.clone());
    error.context.resets_at = Some(*resets_at);
    Some(error)
}

/// Whether waiting for `one` helps, and sooner than for `other`.
fn sooner(one: &Overspend, other: &Overspend) -> bool {
    (one.cost.is_none(), one.resets_at) < (other.cost.is_none(), other.resets_at)
}

#[cfg(test)]
mod tests;
