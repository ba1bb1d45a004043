//! Nobody may serve at this moment, but somebody will in the next: that moment is waited out instead of refusing.
//!
//! This is a queue without a queue: whoever waits is woken when a place frees, oldest first, and plans anew.

use std::{sync::Arc, time::Duration};

use futures_util::future::select_all;

use super::{execute::Run, fleet::Target, walk::PATIENCE};
use crate::{clock, error::Result, resilience::limit::CONCURRENCY, trace::Reason};

impl Run {
    /// Waits for room under the limits that refused everybody. False if there is none within the patience of the call:
    /// three seconds, or all of its time for a batch.
    pub(super) async fn room(&self) -> bool {
        let now = clock::now();
        let patience = if self.call.patient { self.deadline.0 } else { (self.start + PATIENCE).min(self.deadline.0) };
        let (busy, wait) = self.taken();
        let at = wait.map(|wait| now + wait).filter(|at| *at < patience);
        if busy.is_empty() {
            if let Some(at) = at {
                clock::sleep_until(at).await;
            }
            return at.is_some();
        }
        if now >= patience {
            return false;
        }
        let freed = select_all(busy.iter().map(|target| Box::pin(target.live.limiter.freed())));
        let woken = tokio::time::timeout_at(at.unwrap_or(patience), freed).await;
        woken.is_ok() || at.is_some()
    }

    /// Waits for a place on `index`, for a repetition (its first try had one, which others have taken in the pause) or for
    /// the first try of one that was full when the call began. False
    /// if patience ends, or somebody else is ready.
    pub(super) async fn place(&mut self, index: usize) -> bool {
        if (self.walk.tries(index) == 0 && !self.walk.is_late(index)) || self.walk.has_alternative(index) {
            return false;
        }
        let now = clock::now();
        let left = if self.call.patient { self.deadline.remaining(now) } else { PATIENCE.saturating_sub(self.waited) };
        let freed = tokio::time::timeout(left, self.fleet.targets[index].live.limiter.freed()).await;
        self.waited += clock::now() - now;
        freed.is_ok()
    }

    /// Who is refused for requests under way, and the shortest wait of those who are refused for a rate.
    fn taken(&self) -> (Vec<Arc<Target>>, Option<Duration>) {
        let (mut busy, mut shortest) = (Vec::new(), None::<Duration>);
        for candidate in &self.plan.decision.candidates {
            let Some(Reason::RateLimited(limit, wait)) = candidate.refused else { continue };
            if limit == CONCURRENCY {
                let at = self.fleet.place(candidate.deployment.as_str());
                busy.extend(at.ok().map(|at| Arc::clone(&self.fleet.targets[at])));
            } else if let Some(wait) = wait {
                shortest = Some(shortest.map_or(wait, |least| least.min(wait)));
            }
        }
        (busy, shortest)
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
