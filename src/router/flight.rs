//! One attempt under way, and the race of two: a slow attempt gets a second copy elsewhere, before it has failed (Dean and
//! Barroso, "The Tail at Scale").
//!
//! An attempt owns all that it needs, so that two can be under way in one call. Whoever commits first wins: a stream by its
//! first content, everything else by its whole answer. The other one is dropped, which closes its connection; what it may
//! have cost is booked, and its breaker hears nothing.

use std::{sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, FutureExt, select_all};

use super::{
    attempt::{Answer, Attempt},
    budget::Booking,
    call::Ask,
    execute::{Run, Tried, Won, settle, used},
    fleet::{Target, resilience},
    load::{Again, REPEAT_SHARE, Repeat},
};
use crate::{
    accounting,
    chat::{Tool, Usage},
    clock::{self, Instant},
    error::{self, Error},
    resilience::{
        breaker::{Pass, State},
        limit::Permit,
    },
    trace::{Outcome, Reason},
};

/// An attempt under way, with what it holds until its outcome is known.
struct Flight {
    index: usize,
    target: Arc<Target>,
    permit: Permit,
    pass: Pass,
    booking: Option<Booking>,
    began: Instant,
    record: usize,
    continues: Option<String>,
    /// Whether its wire is a stream: who is cancelled on it stops.
    streams: bool,
    /// Of a copy: its place in the retry budget.
    copy: Option<Repeat>,
    work: BoxFuture<'static, error::Result<Answer>>,
}

/// Why an attempt did not go out.
struct Grounded {
    reason: Reason,
    /// What its wire cannot say.
    error: Option<Error>,
}

impl From<Reason> for Grounded {
    fn from(reason: Reason) -> Self {
        Self { reason, error: None }
    }
}

impl Run {
    /// Tries `index`; if that takes too long, and a second copy is wanted and harmless, another deployment beside it.
    pub(super) async fn attempt(&mut self, index: usize) -> Tried {
        let first = match self.launch(index, None) {
            Ok(flight) => flight,
            Err(Grounded { reason, error }) => {
                if let Some(error) = error {
                    self.remember(index, error);
                }
                return Tried::Skipped(reason);
            }
        };
        let mut slow = self.slow_at(&first);
        let mut flights = vec![first];
        loop {
            let Some((at, result)) = landing(&mut flights, slow.take()).await else {
                let copy = self.copy();
                flights.extend(copy);
                continue;
            };
            let flight = flights.swap_remove(at);
            let error = match result {
                Ok(answer) => return Tried::Won(Box::new(self.won(flight, answer, flights))),
                Err(error) => error,
            };
            let (index, copied) = (flight.index, flight.copy.is_some());
            let error = self.crashed(flight, error);
            // What a copy makes of the request is not the last word while the first one is under way.
            if flights.is_empty() || (!copied && self.stops(index, &error)) {
                if let Some(other) = flights.pop() {
                    self.cancel(other, "the other attempt settled the call");
                }
                return Tried::Failed(index, error);
            }
            self.failed(index, error);
        }
    }

    /// Sends a request to `index`, if everything that must be asked agrees.
    fn launch(&mut self, index: usize, copy: Option<Repeat>) -> Result<Flight, Grounded> {
        let target = Arc::clone(&self.fleet.targets[index]);
        let (permit, pass) = self.admit(index, &target)?;
        let cleared = self.plan.clearance.permit(index).ok_or_else(|| Reason::Policy("clearance".into()))?;
        let attempt = Attempt {
            target: Arc::clone(&target),
            transport: Arc::clone(&self.shared.transport),
            limits: self.limits(index, &target),
            stream: self.call.stream,
            redaction: self.plan.redaction.clone(),
        };
        let continues = self.continues(&target);
        let ask = self.asked(continues.as_deref());
        let wire = attempt.encode(&ask).map_err(|error| {
            let reason = Reason::Unsupported(error.message.clone());
            Grounded { reason, error: Some(self.explain(error, &target)) }
        })?;
        let booking = self.reserve(index)?;
        self.accept(index);
        self.walk.started(index);
        // Whoever stands behind it in another line need not wait for it.
        self.places.clear();
        let (began, record) = self.began(&target, copy.is_some());
        let streams = attempt.streams(&ask);
        let work = async move { attempt.run(cleared, wire, &ask).await }.boxed();
        Ok(Flight { index, target, permit, pass, booking, began, record, continues, streams, copy, work })
    }

    /// Takes a place under the limits and the breaker's pass.
    fn admit(&self, index: usize, target: &Target) -> Result<(Permit, Pass), Reason> {
        let now = clock::now();
        if target.live.is_disabled() {
            return Err(Reason::Disabled);
        }
        let breaker = &target.live.breaker;
        let pass = if self.plan.probe == Some(index) { breaker.enter_early(now) } else { breaker.enter(now) };
        let pass = pass.map_err(Reason::BreakerOpen)?;
        let place = self.places.iter().find(|(at, _)| *at == index).map(|(_, place)| place);
        let permit = target.live.limiter.admit(self.plan.units, now, place);
        permit.map(|permit| (permit, pass)).map_err(|refused| Reason::RateLimited(refused.limit, refused.wait))
    }

    /// `flight` has answered; whoever is still under way is told.
    fn won(&mut self, flight: Flight, answer: Answer, others: Vec<Flight>) -> Won {
        let winner = flight.target.deployment().id.clone();
        if flight.copy.is_some() {
            self.shared.counters.hedge_won();
        }
        for other in others {
            if other.copy.is_none() {
                other.target.live.outrun(clock::now() - other.began, self.call.stream);
            }
            self.cancel(other, &format!("`{winner}` answered first"));
        }
        self.booking = flight.booking;
        let Flight { index, permit, pass, began, record, continues, .. } = flight;
        Won { index, answer, permit, pass, began, record, continues }
    }

    /// `flight` has failed: what it means for its deployment, and how the error reads.
    fn crashed(&mut self, flight: Flight, error: Error) -> Error {
        if let Some(booking) = flight.booking {
            booking.release();
        }
        let error = self.explain(error, &flight.target);
        self.lost(flight.record, flight.began, &error);
        settle(&flight.target, &error, flight.pass, clock::now());
        error
    }

    /// Nobody waits for `flight` any longer. The provider has the prompt and bills it; of an answer that is not streamed it
    /// may well make the whole.
    fn cancel(&mut self, flight: Flight, why: &str) {
        let Flight { target, permit, pass, booking, began, record, streams, work, .. } = flight;
        // In this order: the connection closes, then its places are free.
        drop(work);
        drop(pass);
        let output = if streams { 0 } else { self.plan.units.output };
        let usage = Usage { input: self.plan.units.input, output, ..Usage::default() };
        permit.settle(used(Some(&usage), self.plan.units));
        target.live.count_tokens(usage.prompt_tokens(), usage.completion_tokens());
        let cost = accounting::cost(target.deployment().price.as_ref(), &usage, false, None);
        if let Some(amount) = cost.amount {
            target.live.spend(amount);
        }
        if let Some(booking) = booking {
            booking.settle(cost.amount.unwrap_or_default());
        }
        self.bill.add(&usage, &cost, None);
        let Some(attempt) = self.plan.decision.attempts.get_mut(record) else { return };
        attempt.outcome = Outcome::Cancelled;
        attempt.duration = (clock::now() - began).as_secs_f64();
        attempt.message = Some(why.to_owned());
        attempt.possibly_billed = true;
    }

    /// When `first` is so slow that a second copy may go out; `None` if none may.
    fn slow_at(&self, first: &Flight) -> Option<Instant> {
        let lane = self.plan.lane.as_deref()?;
        let hedge = resilience(&first.target, Some(lane)).hedge?;
        lane.hedges.earn(hedge.max_extra);
        if self.plan.probe.is_some() || !self.harmless() || self.walk.ready().next().is_none() {
            return None;
        }
        let measured = |share: f64| -> Option<Duration> { first.target.live.percentile(share, self.call.stream) };
        hedge.after.delay(measured).map(|delay| first.began + delay)
    }

    /// Whether two copies of the request do no more than one. What a provider runs by itself, or is told in words that we do
    /// not read, may have effects. Two models never continue one answer.
    fn harmless(&self) -> bool {
        let Ask::Chat(request) = &self.plan.ask else { return true };
        let hosted = request.tools.iter().any(|tool| matches!(tool, Tool::Hosted(_)));
        !hosted && request.extra_body.is_empty() && self.beginning.is_none()
    }

    /// A second copy, on whoever would be next: within its own budget and that of repetitions, under the same policy, and
    /// under limits and budgets like any attempt. It is nobody's probe.
    fn copy(&mut self) -> Option<Flight> {
        let lane = self.plan.lane.clone()?;
        let now = clock::now();
        let healthy = |at: &usize| self.fleet.targets[*at].live.breaker.state(now) == State::Closed;
        let ready: Vec<usize> = self.walk.ready().filter(healthy).collect();
        if ready.is_empty() || !lane.hedges.take() {
            return None;
        }
        for index in ready {
            let Some(repeat) = self.shared.load.repeat(Again::Same, REPEAT_SHARE, true) else { break };
            if let Ok(flight) = self.launch(index, Some(repeat)) {
                self.shared.counters.hedged();
                return Some(flight);
            }
        }
        lane.hedges.give_back();
        None
    }
}

/// The first of `flights` to land, or nothing if that takes until `slow`.
async fn landing(flights: &mut [Flight], slow: Option<Instant>) -> Option<(usize, error::Result<Answer>)> {
    let first = select_all(flights.iter_mut().map(|flight| &mut flight.work)).map(|(result, at, _)| (at, result));
    match slow {
        Some(slow) => tokio::time::timeout_at(slow, first).await.ok(),
        None => Some(first.await),
    }
}
