//! What is written down of a call under way: its attempts, its errors in words, the last sentence of its decision.

use std::sync::Arc;

use super::{call::Ask, execute::Run, failure::Failure, fleet::Target, quote::quote};
use crate::{
    clock::{self, Instant},
    error::{Error, ErrorKind},
    id::DeploymentId,
    trace::{self, Decision, Outcome, Reason},
};

impl Run {
    /// An attempt begins, perhaps as a copy of a slow one: when, and at which place its record stands.
    pub(super) fn began(&mut self, target: &Target, copy: bool) -> (Instant, usize) {
        let now = clock::now();
        if self.plan.decision.attempts.is_empty() {
            self.plan.decision.overhead = (now - self.start).saturating_sub(self.waited);
        }
        self.plan.decision.attempts.push(trace::Attempt {
            deployment: target.deployment().id.clone(),
            outcome: Outcome::Running,
            error: None,
            message: None,
            status: None,
            started: (now - self.start).as_secs_f64(),
            duration: 0.0,
            ttft: None,
            hedge: copy,
            retry_after: None,
            possibly_billed: false,
            skipped_events: 0,
        });
        (now, self.plan.decision.attempts.len() - 1)
    }

    /// Writes an attempt's failure into its record.
    pub fn lost(&mut self, record: usize, began: Instant, error: &Error) {
        let duration = (clock::now() - began).as_secs_f64();
        let Some(attempt) = self.plan.decision.attempts.get_mut(record) else { return };
        attempt.outcome = Outcome::Error;
        attempt.duration = duration;
        attempt.error = Some(error.kind);
        attempt.message = Some(error.message.clone());
        attempt.status = error.context.status;
        attempt.retry_after = error.context.retry_after.map(|wait| wait.as_secs_f64());
        // A connection that broke, or a wait that ended, after the request went out: the provider may still have done the work.
        attempt.possibly_billed = !error.context.not_sent
            && matches!(
                error.kind,
                ErrorKind::Connection | ErrorKind::Timeout | ErrorKind::DeadlineExceeded | ErrorKind::Stream
            );
    }

    /// The error with its origin, and with the provider's words quoted as far as they are its own. The body, which is
    /// handed out on demand, loses our key.
    pub(super) fn explain(&self, mut error: Error, target: &Target) -> Error {
        let deployment = target.deployment();
        let key = deployment.credential.key.as_ref();
        error.context.deployment.get_or_insert_with(|| deployment.id.clone());
        error.context.provider.get_or_insert_with(|| deployment.provider.id.into());
        if let (Some(said), Ask::Chat(request)) = (error.context.said.take(), &self.plan.ask) {
            let quoted = quote(&said, request, key);
            if !quoted.is_empty() && quoted != "…" {
                error.message = format!("{}: {quoted}", error.message);
            }
        }
        let key = key.map(crate::catalog::Secret::expose).filter(|key| key.len() >= 8);
        if let (Some(body), Some(key)) = (&mut error.context.body, key) {
            *body = body.replace(key, "***");
        }
        error
    }

    /// `index` turned out to be out of reach between the plan and its turn.
    pub(super) fn refuse(&mut self, index: usize, reason: Reason) {
        let id = self.fleet.targets[index].deployment().id.clone();
        let decision = &mut self.plan.decision;
        if decision.attempts.iter().any(|attempt| attempt.deployment == id) {
            return;
        }
        let Some(candidate) = decision.candidates.iter_mut().find(|candidate| candidate.deployment == id) else {
            return;
        };
        candidate.refused = Some(reason);
        candidate.rank = None;
        let left = decision.candidates.iter_mut().filter(|candidate| candidate.refused.is_none());
        left.zip(1..).for_each(|(candidate, rank)| candidate.rank = Some(rank));
    }

    /// The decision's last words, when `id` has answered with the attempt at `record`: who failed, or was slower, if
    /// anybody was.
    pub(super) fn served(&mut self, id: &DeploymentId, record: usize) {
        let decision = &mut self.plan.decision;
        let mut failed: Vec<String> = Vec::new();
        for attempt in decision.attempts.iter().filter(|attempt| attempt.outcome == Outcome::Error) {
            let kind = attempt.error.map_or("error", ErrorKind::as_str).replace('_', " ");
            let words = format!("`{}` ({kind})", attempt.deployment);
            if !failed.contains(&words) {
                failed.push(words);
            }
        }
        if !failed.is_empty() {
            let nth = record + 1;
            decision.reason = format!("{}; {} failed, `{id}` was attempt {nth}", decision.reason, failed.join(", "));
        } else if let Some(slow) = outrun(&decision.attempts, record) {
            decision.reason = format!("{}; `{slow}` was slow, and its copy to `{id}` answered first", decision.reason);
        } else if let Some(planned) = decision.chosen.as_ref().filter(|chosen| *chosen != id) {
            let reason = decision.candidates.iter().find(|c| c.deployment == *planned).and_then(|c| c.refused.as_ref());
            let code = reason.map_or("skipped", Reason::code).replace('_', " ");
            decision.reason = format!("{}; `{planned}` was passed over ({code})", decision.reason);
        }
        decision.chosen = Some(id.clone());
    }

    /// Ends the call with `error`.
    pub fn fail(&mut self, error: Error) -> Failure {
        let decision = &mut self.plan.decision;
        decision.error = Some(error.kind);
        decision.chosen = None;
        if decision.attempts.is_empty() {
            decision.reason.clone_from(&error.message);
        } else {
            decision.reason = format!("nothing worked: {}", error.message);
        }
        self.ended(false);
        Failure::new(error, Some(self.decision()))
    }

    /// The decision as it stands.
    pub fn decision(&mut self) -> Arc<Decision> {
        if self.plan.decision.attempts.is_empty() {
            self.plan.decision.overhead = (clock::now() - self.start).saturating_sub(self.waited);
        }
        self.plan.decision.share()
    }

    /// Counts the call, once, and lets go of its place among those under way.
    pub(super) fn ended(&mut self, ok: bool) {
        if self.active.take().is_some() {
            if ok {
                self.await_score();
            }
            self.shared.count_call(&self.plan.decision, ok);
            self.write_down(ok);
        }
    }
}

/// Who was slower than the copy at `record`, if that is one.
fn outrun(attempts: &[trace::Attempt], record: usize) -> Option<DeploymentId> {
    let slow = attempts.get(..record)?.iter().rfind(|attempt| attempt.outcome == Outcome::Cancelled)?;
    attempts.get(record)?.hedge.then(|| slow.deployment.clone())
}

/// The caller gave up: nobody will read the decision, but it is counted as what it is.
impl Drop for Run {
    fn drop(&mut self) {
        if self.active.is_none() {
            return;
        }
        let since = (clock::now() - self.start).as_secs_f64();
        for attempt in self.plan.decision.attempts.iter_mut().filter(|attempt| attempt.outcome == Outcome::Running) {
            attempt.outcome = Outcome::Cancelled;
            attempt.duration = since - attempt.started;
            attempt.possibly_billed = true;
        }
        self.plan.decision.error = Some(ErrorKind::Cancelled);
        self.ended(false);
    }
}
