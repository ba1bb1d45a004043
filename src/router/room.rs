//! Nobody may serve at this moment, but somebody will in the next: that moment is waited out instead of refusing.
//!
//! This is a queue without a queue: whoever waits is woken when a place frees, oldest first, and plans anew.

use std::sync::Arc;

use futures_util::{FutureExt, future::select_all};

use super::{
    execute::Run,
    fleet::{Target, resilience},
    load::Waiting,
};
use crate::{
    clock::{self, Instant},
    error::Result,
    resilience::{breaker::State, limit::CONCURRENCY, unavailable::OnAllUnavailable},
    trace::Reason,
};

/// What stands in everybody's way for a while.
#[derive(Default)]
struct Taken {
    /// Those whose places are all taken.
    busy: Vec<Arc<Target>>,
    /// Those whose breaker waits for the outcome of a probe.
    probed: Vec<Arc<Target>>,
    /// When the first of the others is free again, if that is soon enough.
    at: Option<Instant>,
}

impl Run {
    /// Waits for room under the limits that refused everybody, or for the first of those who rest to be probed. False if
    /// there is none within the patience of the call: as long as `queue` says, or all of its time for a batch; what
    /// `on_all_unavailable` says for those who rest.
    pub(super) async fn room(&self) -> bool {
        // A batch has its own bound: as many at once as its caller said.
        let Some(_place) = self.queues() else { return false };
        let now = clock::now();
        let patience = if self.call.patient {
            self.deadline.0
        } else {
            (self.start + self.plan.queue.max_wait).min(self.deadline.0)
        };
        let Taken { busy, probed, at } = self.taken(now, patience);
        let busy = if now < patience { busy } else { Vec::new() };
        let freed = busy.iter().map(|target| target.live.limiter.freed().boxed());
        let probed = probed.iter().map(|target| target.live.breaker.probed().boxed());
        let events: Vec<_> = freed.chain(probed).collect();
        if events.is_empty() {
            if let Some(at) = at {
                clock::sleep_until(at).await;
            }
            return at.is_some();
        }
        let woken = tokio::time::timeout_at(at.unwrap_or(patience), select_all(events)).await;
        woken.is_ok() || at.is_some()
    }

    /// Waits for a place on `index`, for a repetition (its first try had one, which others have taken in the pause) or for
    /// the first try of one that was full when the call began. False
    /// if patience ends, or somebody else is ready.
    pub(super) async fn place(&mut self, index: usize) -> bool {
        if (self.walk.tries(index) == 0 && !self.walk.is_late(index)) || self.walk.has_alternative(index) {
            return false;
        }
        let Some(_place) = self.queues() else { return false };
        let now = clock::now();
        let left = if self.call.patient {
            self.deadline.remaining(now)
        } else {
            self.plan.queue.max_wait.saturating_sub(self.waited)
        };
        let freed = tokio::time::timeout(left, self.fleet.targets[index].live.limiter.freed()).await;
        self.waited += clock::now() - now;
        freed.is_ok()
    }

    /// A place among those who wait for room, if the queue is not full.
    fn queues(&self) -> Option<Waiting> {
        let most = if self.call.patient { u32::MAX } else { self.plan.queue.max };
        self.shared.load.wait(most)
    }

    /// What stands in everybody's way for a while. Rates are waited for until `patience` ends, breakers as long as
    /// `on_all_unavailable` says.
    fn taken(&self, now: Instant, patience: Instant) -> Taken {
        let mut taken = Taken::default();
        for candidate in &self.plan.decision.candidates {
            let Ok(place) = self.fleet.place(candidate.deployment.as_str()) else { continue };
            let target = &self.fleet.targets[place];
            let (wait, until) = match candidate.refused {
                Some(Reason::RateLimited(CONCURRENCY, _)) => {
                    taken.busy.push(Arc::clone(target));
                    continue;
                }
                Some(Reason::RateLimited(_, Some(wait))) => (wait, patience),
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
        let plan = self.shared.plan(&self.fleet, &self.call, clock::now(), self.call.number)?;
        self.start_over(plan);
        (self.plan.decision.id, self.plan.decision.at) = (id, at);
        Ok(())
    }
}
