//! The attempt loop: the only place where an error leads to another attempt. Chat, streams and embeddings share it.

use std::{sync::Arc, time::Duration};

use fastrand::Rng;

use super::{
    Shared,
    attempt::{Answer, Opened},
    budget::Booking,
    call::Call,
    failure::{Failure, no_candidates, weight},
    fleet::{Fleet, Target, resilience},
    load::{Active, Again, Repeat},
    logged::Bill,
    plan::Plan,
    room::Room,
    walk::{Step, Walk},
};
use crate::{
    catalog::{Deployment, Dialect},
    clock::{self, Instant},
    error::{Disposition, Error, ErrorKind},
    resilience::{
        breaker::Pass,
        deadline::Deadline,
        limit::{Permit, Units, frees_any_moment},
        line::Place,
    },
    trace::Reason,
};

/// With less than this left nothing is sent: not even a local model answers in it.
const LEAST: Duration = Duration::from_millis(2);

/// One call under way: what was decided, what was tried, what is left.
#[derive(Debug)]
pub struct Run {
    /// What all calls share.
    pub shared: Arc<Shared>,
    /// The fleet the call began with.
    pub fleet: Arc<Fleet>,
    /// The call.
    pub call: Arc<Call>,
    /// What was decided.
    pub plan: Plan,
    /// When the call began.
    pub start: Instant,
    /// When it must end.
    pub deadline: Deadline,
    pub(super) walk: Walk,
    pub(super) active: Option<Active>,
    pub(super) booking: Option<Booking>,
    /// What was used so far.
    pub(super) bill: Bill,
    /// What came of a stream that broke, for whoever can continue it.
    pub(super) beginning: Option<String>,
    /// Waited for a place: no time of ours.
    pub(super) waited: Duration,
    /// Where it stands in line for room, by places in the fleet.
    pub(super) places: Vec<(usize, Place)>,
    rng: Rng,
    errors: Vec<(bool, Error)>,
}

/// An attempt that succeeded, with what it holds until its answer is booked.
#[derive(Debug)]
pub struct Won {
    /// Who answered, as a place in the fleet.
    pub index: usize,
    /// What came.
    pub answer: Answer,
    /// The place taken; settled with what was really used.
    pub permit: Permit,
    /// The breaker's pass; its outcome is known at the end of the answer.
    pub pass: Pass,
    /// When the attempt began.
    pub began: Instant,
    /// Its record's place among the decision's attempts.
    pub record: usize,
    /// The beginning of another's answer that this one continues.
    pub continues: Option<String>,
}

/// What came of one turn of the loop.
#[derive(Debug)]
pub enum Tried {
    /// Somebody answered.
    Won(Box<Won>),
    /// It could not be tried.
    Skipped(Reason),
    /// It failed; with a copy under way, this one failed last.
    Failed(usize, Error),
}

impl Run {
    /// A call that has been planned.
    pub fn new(shared: Arc<Shared>, fleet: Arc<Fleet>, call: Arc<Call>, plan: Plan, start: Instant) -> Self {
        let deadline = Deadline::after(start, plan.total);
        let walk = walk(&fleet, &plan);
        let (active, rng, waited) = (Some(shared.load.enter()), shared.rng(!call.number), Duration::ZERO);
        Self {
            shared,
            fleet,
            call,
            plan,
            start,
            deadline,
            walk,
            active,
            booking: None,
            bill: Bill::default(),
            beginning: None,
            waited,
            places: Vec::new(),
            rng,
            errors: Vec::new(),
        }
    }

    /// Begins again with another plan.
    pub(super) fn start_over(&mut self, plan: Plan) {
        self.walk = walk(&self.fleet, &plan);
        self.errors.clear();
        self.plan = plan;
    }

    /// Tries until one deployment answers (for a stream: until one begins to).
    ///
    /// # Errors
    /// A [`Failure`] with the most telling error when nothing worked.
    pub async fn answer(&mut self) -> Result<Won, Failure> {
        loop {
            let error = match self.plan.refusal.take() {
                Some(refusal) => refusal,
                None => match self.walk_on().await {
                    Ok(won) => return Ok(won),
                    Err(error) => error,
                },
            };
            let untried = self.plan.decision.attempts.is_empty();
            let room = if untried && error.kind == ErrorKind::NoCandidates { self.room().await } else { Room::None };
            let ended = match room {
                Room::Free => self.replan().err(),
                Room::Refused(why, wait) => Some(self.unseated(error, why, wait)),
                Room::None => Some(error),
            };
            if let Some(error) = ended {
                self.places.clear();
                return Err(self.fail(error));
            }
        }
    }

    async fn walk_on(&mut self) -> Result<Won, Error> {
        loop {
            if self.deadline.remaining(clock::now()) < LEAST {
                return Err(self.out_of_time());
            }
            let Step::Try { index, at } = self.walk.next(clock::now(), self.deadline.0) else {
                return Err(self.give_up());
            };
            // Held through the pause and the attempt, whatever ends them.
            let Ok(_repeat) = self.repeat(index) else {
                self.skip(index, Reason::RateLimited("retry_budget", None));
                continue;
            };
            if at > clock::now() {
                // Nobody is kept waiting by one who sleeps.
                self.places.clear();
                clock::sleep_until(at).await;
            }
            let tried = self.attempt(index).await;
            if !matches!(tried, Tried::Skipped(Reason::RateLimited(..))) {
                self.places.clear();
            }
            match tried {
                Tried::Won(won) => return Ok(*won),
                Tried::Skipped(Reason::RateLimited(limit, _)) if frees_any_moment(limit) && self.place(index).await => {
                }
                Tried::Skipped(reason) => self.skip(index, reason),
                Tried::Failed(who, error) if self.refuses_to_continue(&self.fleet.targets[who], &error) => {
                    self.beginning = None;
                    self.walk.postponed(who, clock::now());
                }
                Tried::Failed(who, error) if self.stops(who, &error) => return Err(error),
                Tried::Failed(who, error) => self.failed(who, error),
            }
        }
    }

    /// A place in the retry budget, if this would be a further attempt. An empty budget fails at once and does not queue.
    fn repeat(&self, index: usize) -> Result<Option<Repeat>, ()> {
        let Some(previous) = self.walk.previous() else { return Ok(None) };
        let target = &self.fleet.targets[index];
        let budget = resilience(target, self.plan.lane.as_deref()).retry.budget;
        let (one, other) = (self.fleet.targets[previous].deployment(), target.deployment());
        let (what, share) = if self.walk.tries(index) > 0 {
            (Again::Same, budget.same)
        } else if one.provider.id == other.provider.id && one.model == other.model {
            (Again::Key, budget.keys)
        } else {
            (Again::Model, budget.models)
        };
        let worthwhile = what != Again::Same || target.live.allowance.is_fit();
        self.shared.load.repeat(what, share, worthwhile).map(Some).ok_or(())
    }

    /// Whether `error` ends the call.
    pub(super) fn stops(&self, index: usize, error: &Error) -> bool {
        match error.kind {
            // A refusal for content is routed around only where the route says so.
            ErrorKind::ContentFilter => !self.plan.lane.as_ref().is_some_and(|lane| lane.settings.failover_content),
            // What second choice makes of the request never hides what befell the first.
            ErrorKind::InvalidRequest | ErrorKind::NotFound if self.is_fallback(index) => !self.first_choice_failed(),
            _ => error.disposition() == Disposition::Stop,
        }
    }

    /// An error that may be the one to tell.
    pub(super) fn remember(&mut self, index: usize, error: Error) {
        self.errors.push((self.is_fallback(index), error));
    }

    fn is_fallback(&self, index: usize) -> bool {
        !self.plan.candidates.contains(&index)
    }

    fn first_choice_failed(&self) -> bool {
        self.errors.iter().any(|(fallback, _)| !fallback)
    }

    pub(super) fn failed(&mut self, index: usize, error: Error) {
        let tries = self.walk.tries(index);
        let target = &self.fleet.targets[index];
        let retry = resilience(target, self.plan.lane.as_deref()).retry;
        let pause = retry.pause(tries.saturating_sub(1), self.rng.f64());
        self.walk.failed(index, &error, clock::now(), pause);
        match error.kind {
            ErrorKind::Authentication | ErrorKind::PermissionDenied | ErrorKind::Quota => {
                self.refused(index, error.kind);
            }
            ErrorKind::ContextLength => self.too_long(index),
            _ => {}
        }
        self.remember(index, error);
    }

    /// The credential is of no use, here and wherever else it is the same. It is left alone for a while; unless there is
    /// no other: then the next call should say so again instead of finding nobody.
    fn refused(&mut self, index: usize, kind: ErrorKind) {
        let fleet = Arc::clone(&self.fleet);
        let target = &fleet.targets[index];
        let same: Vec<usize> = self
            .walk
            .untried()
            .filter(|at| shares_fate(kind, target.deployment(), fleet.targets[*at].deployment()))
            .collect();
        for at in &same {
            self.walk.skipped(*at);
        }
        if !self.walk.has_alternative(index) {
            return;
        }
        for at in same.iter().chain([&index]) {
            let (live, rest) = (&fleet.targets[*at].live, fleet.targets[*at].settings.resilience.breaker.cooldown);
            live.breaker.trip(clock::now(), rest);
            self.refuse(*at, Reason::BreakerOpen(rest));
        }
    }

    /// The prompt did not fit: it will fit even less where the window is known to be smaller.
    fn too_long(&mut self, index: usize) {
        let fleet = Arc::clone(&self.fleet);
        let window = |at: usize| fleet.targets[at].deployment().facts.context_window;
        let Some(refused) = window(index) else { return };
        let smaller: Vec<(usize, u64)> =
            self.walk.untried().filter_map(|at| Some((at, window(at).filter(|window| *window < refused)?))).collect();
        for (at, window) in smaller {
            self.walk.skipped(at);
            self.refuse(at, Reason::ContextWindow { needed: refused, window });
        }
    }

    fn skip(&mut self, index: usize, reason: Reason) {
        if let Reason::RateLimited(_, Some(wait)) = &reason {
            self.walk.postponed(index, clock::now() + *wait);
        } else {
            self.walk.skipped(index);
        }
        self.refuse(index, reason);
    }

    /// Nothing is left to try.
    fn give_up(&mut self) -> Error {
        // A fallback's own error never hides the first choice's.
        let first = self.first_choice_failed();
        let telling = std::mem::take(&mut self.errors)
            .into_iter()
            .filter(|(fallback, _)| !first || !fallback)
            .map(|(_, error)| error)
            .enumerate()
            .max_by_key(|(at, error)| (weight(error.kind), *at))
            .map(|(_, error)| error);
        let mut error = telling.unwrap_or_else(|| no_candidates(&self.plan.decision.candidates));
        let tried = self.plan.decision.attempts.len();
        if tried > 1 {
            error.message = format!("{} (the most telling of {tried} attempts)", error.message);
        }
        error
    }

    fn out_of_time(&self) -> Error {
        let message = match self.errors.last() {
            None => "the time for the whole call ran out before the first attempt".to_owned(),
            Some((_, last)) => format!("the time for the whole call ran out; the last attempt: {}", last.message),
        };
        Error::new(ErrorKind::DeadlineExceeded, message)
    }
}

/// The way through the plan's candidates; a deployment may have its own word on how often it is tried.
fn walk(fleet: &Fleet, plan: &Plan) -> Walk {
    let mut walk = Walk::new(&plan.candidates, &plan.fallback, &plan.retry);
    plan.later.iter().for_each(|late| walk.later(late, &plan.retry));
    for at in plan.candidates.iter().chain(&plan.fallback).chain(plan.later.iter().map(|late| &late.index)) {
        if let Some(most) = fleet.targets[*at].settings.patch.retry.per_deployment {
            walk.allow(*at, most);
        }
    }
    // A probe is one attempt.
    plan.probe.into_iter().for_each(|at| walk.allow(at, 1));
    walk
}

/// Whether what one deployment's credential met will meet the other's too.
fn shares_fate(kind: ErrorKind, one: &Deployment, other: &Deployment) -> bool {
    let account_wide = match kind {
        ErrorKind::Authentication => true,
        // Google counts its quotas by model.
        ErrorKind::Quota => one.provider.dialect != Dialect::Gemini,
        _ => false,
    };
    let key = |deployment: &Deployment| deployment.credential.key.as_ref().map(|key| key.expose().to_owned());
    account_wide
        && one.provider.id == other.provider.id
        && one.base_url == other.base_url
        && key(one).is_some_and(|own| !own.is_empty() && Some(own) == key(other))
}

/// What a failed attempt means for the deployment.
pub fn settle(target: &Target, error: &Error, pass: Pass, now: Instant) {
    target.live.failed(error.kind);
    if error.kind.is_ill_health() {
        pass.failure(error.kind, now);
    }
    if matches!(error.kind, ErrorKind::RateLimit | ErrorKind::Overloaded | ErrorKind::Timeout) {
        target.live.limiter.congested();
    }
    if let (ErrorKind::RateLimit | ErrorKind::Overloaded, Some(wait)) = (error.kind, error.context.retry_after) {
        /// A provider's wish for a pause is believed up to an hour.
        const LONGEST: Duration = Duration::from_secs(3_600);
        target.live.limiter.cool(now, wait.min(LONGEST));
    }
}

/// The units that an answer really used.
pub fn used(usage: Option<&crate::chat::Usage>, reserved: Units) -> Units {
    usage.map_or(reserved, |usage| Units { input: usage.prompt_tokens(), output: usage.completion_tokens() })
}

impl Opened {
    /// The whole of what came so far and of what is still to come.
    pub fn into_parts(self) -> (Vec<crate::chat::ChatChunk>, super::feed::Feed, Instant) {
        (self.first, self.feed, self.first_token)
    }
}
