//! Nobody may serve at this moment, but somebody will in the next: that moment is waited out instead of refusing.
//!
//! Whoever waits stands in the line of every deployment that could serve it, and plans anew when its turn has come in one of
//! them. How many wait in all is bounded; who cannot have its turn in time is told so at once.

use std::{sync::Arc, time::Duration};

use futures_util::{
    FutureExt,
    future::{Either, select, select_all},
};

use super::{
    execute::Run,
    fleet::{Target, resilience},
    metrics::Unseated,
};
use crate::{
    clock::{self, Instant},
    error::{Error, Result},
    resilience::{
        breaker::State,
        limit::frees_any_moment,
        queue::{Claim, FairBy, Seat},
        unavailable::OnAllUnavailable,
    },
    trace::Reason,
};

/// The key of a call's metadata that says how urgent it is.
const PRIORITY: &str = "priority";
/// Priorities by name.
const PRIORITIES: [(&str, i32); 3] = [("low", -1), ("normal", 0), ("high", 1)];
/// As far as priorities by number go: beyond it lies nothing but a mistake.
const EXTREME: i64 = 100;

/// What stands in everybody's way for a while.
#[derive(Default)]
struct Taken {
    /// Those at a limit that will have room, as places in the fleet.
    limited: Vec<usize>,
    /// Those whose breaker waits for the outcome of a probe.
    probed: Vec<Arc<Target>>,
    /// When the first of those who rest is asked again, if that is soon enough.
    at: Option<Instant>,
}

/// What came of waiting for room.
pub(super) enum Room {
    /// There may be room now.
    Free,
    /// There is nothing to wait for.
    None,
    /// There is none in time; and how long it would take at least, as far as that is known.
    Refused(Unseated, Option<Duration>),
}

impl Run {
    /// Waits for room under the limits that refused everybody, or for the first of those who rest to be probed: within the
    /// patience of the call, which is as long as `queue` says, or all of its time for a batch; what `on_all_unavailable`
    /// says for those who rest.
    pub(super) async fn room(&mut self) -> Room {
        let now = clock::now();
        let patience = if self.call.patient {
            self.deadline.0
        } else {
            (self.start + self.plan.queue.max_wait).min(self.deadline.0)
        };
        let Taken { limited, probed, at } = self.taken(now, patience);
        if limited.is_empty() && probed.is_empty() && at.is_none() {
            return Room::None;
        }
        let claim = self.claim();
        let late = self.late(&limited, &claim, now).filter(|wait| now + *wait > patience);
        if let (Some(wait), true, None) = (late, probed.is_empty(), at) {
            return Room::Refused(Unseated::Late, Some(wait));
        }
        let Some(seat) = self.seat(&claim) else { return Room::Refused(Unseated::Full, late) };
        self.line_up(&limited, &claim);
        // It may stand first in the line of one whose breaker has opened since: that turn helps nobody yet.
        let turns = self.places.iter().filter(|(at, _)| limited.contains(at)).map(|(_, place)| place.turn().boxed());
        let probed = probed.iter().map(|target| target.live.breaker.probed().boxed());
        let events: Vec<_> = turns.chain(probed).collect();
        let woken = async {
            match at {
                Some(at) if events.is_empty() => clock::sleep_until(at).await,
                Some(at) => _ = tokio::time::timeout_at(at, select_all(events)).await,
                None => return tokio::time::timeout_at(patience, select_all(events)).await.is_ok(),
            }
            true
        };
        let room = match select(woken.boxed(), seat.shed().boxed()).await {
            Either::Left((true, _)) => Room::Free,
            Either::Left((false, _)) => Room::Refused(Unseated::Patience, None),
            Either::Right(_) => Room::Refused(Unseated::Shed, None),
        };
        self.rested(now);
        room
    }

    /// Waits for a place on `index`, for a repetition (its first try had one, which others have taken in the pause) or for
    /// the first try of one that was full when the call began. False
    /// if patience ends, or somebody else is ready.
    pub(super) async fn place(&mut self, index: usize) -> bool {
        if (self.walk.tries(index) == 0 && !self.walk.is_late(index)) || self.walk.has_alternative(index) {
            return false;
        }
        let claim = self.claim();
        let Some(seat) = self.seat(&claim) else { return false };
        let now = clock::now();
        let left = if self.call.patient {
            self.deadline.remaining(now)
        } else {
            self.plan.queue.max_wait.saturating_sub(self.waited)
        };
        self.line_up(&[index], &claim);
        let Some((_, place)) = self.places.iter().find(|(at, _)| *at == index) else { return false };
        let turn = tokio::time::timeout(left, place.turn());
        let came = matches!(select(turn.boxed(), seat.shed().boxed()).await, Either::Left((Ok(()), _)));
        self.rested(now);
        came
    }

    /// The error of a call that got no room.
    pub(super) fn unseated(&self, mut error: Error, why: Unseated, wait: Option<Duration>) -> Error {
        self.shared.counters.unseated(why);
        let words = match why {
            Unseated::Late => "; the line is too long for the time it has",
            Unseated::Full => "; as many calls wait for room as may",
            Unseated::Shed => "; it made way for a call of higher priority",
            Unseated::Patience => "",
        };
        error.message.push_str(words);
        if let Some(wait) = wait {
            error.message = format!("{}, about {:.1} s", error.message, wait.as_secs_f64());
            error.context.retry_after = error.context.retry_after.max(Some(wait));
        }
        error
    }

    /// It has waited since `began`.
    fn rested(&mut self, began: Instant) {
        let wait = clock::now() - began;
        self.waited += wait;
        self.plan.decision.waited = self.waited;
        self.shared.counters.waited(wait);
    }

    /// A seat among those who wait for room, if there is one. A batch has its own bound: as many at once as its caller said.
    fn seat(&self, claim: &Claim) -> Option<Seat> {
        let hall = &self.shared.load.hall;
        if self.call.patient { Some(hall.apart()) } else { hall.enter(claim.priority, self.plan.queue.max) }
    }

    /// Joins the lines of these deployments, where it does not stand in them already.
    fn line_up(&mut self, indices: &[usize], claim: &Claim) {
        for index in indices {
            if self.places.iter().all(|(at, _)| at != index) {
                let place = self.fleet.targets[*index].live.limiter.queue(claim.clone(), self.plan.units);
                self.places.push((*index, place));
            }
        }
    }

    /// How long it would wait at least in the shortest of these lines; nothing where one is shorter than is known.
    fn late(&self, indices: &[usize], claim: &Claim, now: Instant) -> Option<Duration> {
        if !self.places.is_empty() {
            return None;
        }
        let waits = indices.iter().map(|at| self.fleet.targets[*at].live.limiter.line().wait(claim, now));
        waits.collect::<Option<Vec<_>>>()?.into_iter().min()
    }

    /// What it brings into a line.
    fn claim(&self) -> Claim {
        let queue = &self.plan.queue;
        let account = match &queue.fair_by {
            FairBy::Nobody => "",
            FairBy::User => &self.plan.decision.signals.user,
            FairBy::Tag(name) => {
                let value =
                    |tag: &'_ String| tag.strip_prefix(&**name).and_then(|rest| rest.strip_prefix(':')).is_some();
                let tag = self.plan.tags.iter().find(|tag| value(tag));
                tag.map_or("", |tag| &tag[name.len() + 1..])
            }
        };
        let size = self.plan.units.input.saturating_add(self.plan.units.output);
        Claim { priority: self.priority(), account: account.into(), weight: queue.weight(account), size }
    }

    /// How urgent the call is, in its caller's words; one of a batch, where nobody waits for a single answer, is not urgent.
    fn priority(&self) -> i32 {
        let unsaid = if self.call.patient { -1 } else { 0 };
        let Some(said) = self.call.metadata.get(PRIORITY) else { return unsaid };
        let number = said.as_i64().and_then(|number| i32::try_from(number.clamp(-EXTREME, EXTREME)).ok());
        let named = || PRIORITIES.iter().find(|(name, _)| said == name).map(|(_, priority)| *priority);
        number.or_else(named).unwrap_or(unsaid)
    }

    /// What stands in everybody's way for a while. Limits are waited for until `patience` ends, breakers as long as
    /// `on_all_unavailable` says.
    fn taken(&self, now: Instant, patience: Instant) -> Taken {
        let mut taken = Taken::default();
        for candidate in &self.plan.decision.candidates {
            let Ok(place) = self.fleet.place(candidate.deployment.as_str()) else { continue };
            let target = &self.fleet.targets[place];
            let (wait, until) = match candidate.refused {
                Some(Reason::RateLimited(limit, wait)) => {
                    let wait = if frees_any_moment(limit) { Some(Duration::ZERO) } else { wait };
                    if wait.is_some_and(|wait| now + wait < patience) {
                        taken.limited.push(place);
                    }
                    continue;
                }
                Some(Reason::BreakerOpen(wait)) => {
                    let resilience = resilience(target, self.plan.lane.as_deref());
                    let OnAllUnavailable::Wait(most) = resilience.unavailable else { continue };
                    (wait, (self.start + most).min(self.deadline.0))
                }
                _ => continue,
            };
            let probing = target.live.breaker.state(now) == State::HalfOpen { probing: true };
            if probing && now < until {
                taken.probed.push(Arc::clone(target));
            }
            // While a probe is under way the time left says little: what is left of the patience is waited out.
            let at = if probing { (now + wait).min(until) } else { now + wait };
            if at < until || (probing && now < until) {
                taken.at = Some(taken.at.map_or(at, |first| first.min(at)));
            }
        }
        taken
    }

    /// `index` is tried after all, though it was at a limit when the call was planned: the record says so.
    pub(super) fn accept(&mut self, index: usize) {
        let id = &self.fleet.targets[index].deployment().id;
        let Some(from) = self.plan.decision.candidates.iter().position(|c| c.deployment == *id && c.refused.is_some())
        else {
            return;
        };
        let fallback = self.plan.decision.candidates[from].fallback;
        let tier = if fallback { &mut self.plan.fallback } else { &mut self.plan.candidates };
        if !tier.contains(&index) {
            tier.push(index);
        }
        let listed = &mut self.plan.decision.candidates;
        let mut candidate = listed.remove(from);
        let accepted = listed.iter().take_while(|other| other.refused.is_none()).count();
        candidate.refused = None;
        candidate.rank = u32::try_from(accepted + 1).ok();
        listed.insert(accepted, candidate);
    }

    /// Decides anew, as the same call.
    pub(super) fn replan(&mut self) -> Result<()> {
        let (id, at) = (self.plan.decision.id.clone(), self.plan.decision.at);
        let plan = self.shared.plan(&self.fleet, &self.call, clock::now(), (self.call.number, &self.places))?;
        self.start_over(plan);
        (self.plan.decision.id, self.plan.decision.at) = (id, at);
        self.plan.decision.waited = self.waited;
        Ok(())
    }
}
