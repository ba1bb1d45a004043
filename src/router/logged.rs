//! The decision log's share of a call: what it cost so far, and the row when it has ended.

use std::{sync::Arc, time::Duration};

use super::{Router, execute::Run};
use crate::{
    accounting::{Cost, CostStatus},
    catalog::Money,
    chat::Usage,
    clock::{self, Instant},
    error::{Error, ErrorKind, Result},
    trace::{
        log::{Entry, Feedback, Log, LogConfig, Place},
        otlp,
    },
};

/// What a call has used so far, over all answers that were booked for it: a stream that began anew has several.
#[derive(Debug, Default)]
pub struct Bill {
    usage: Option<Usage>,
    cost: Option<Money>,
    status: Option<&'static str>,
    first_token: Option<Instant>,
    /// Of the last answer, what spans tell; kept where somebody is told.
    pub(super) answer: Option<otlp::Answer>,
}

impl Bill {
    /// One more answer, whole or not.
    pub fn add(&mut self, usage: &Usage, cost: &Cost, first_token: Option<Instant>) {
        let before = self.usage.unwrap_or_default();
        self.usage = Some(Usage {
            input: before.input + usage.input,
            cache_read: before.cache_read + usage.cache_read,
            cache_write: before.cache_write + usage.cache_write,
            output: before.output + usage.output,
            reasoning: before.reasoning + usage.reasoning,
        });
        if let Some(amount) = cost.amount {
            self.cost = Some(self.cost.map_or(amount, |sum| sum + amount));
        }
        // A sum with an estimate in it is one.
        let estimate = CostStatus::Estimated.as_str();
        if self.status != Some(estimate) || cost.status != CostStatus::Exact {
            self.status = Some(cost.status.as_str());
        }
        self.first_token = self.first_token.or(first_token);
    }
}

impl Run {
    /// Writes the call down, and tells of it, if calls are written down or told of. Its decision is final.
    pub(super) fn write_down(&self, answered: bool) {
        let (log, exporter) = (self.shared.log.load(), self.shared.otlp.load());
        if log.is_none() && exporter.is_none() {
            return;
        }
        let entry = self.entry(answered);
        if let Some(exporter) = &*exporter {
            self.tell(exporter, entry.clone());
        }
        if let Some(log) = &*log {
            log.decision(entry);
        }
    }

    fn entry(&self, answered: bool) -> Entry {
        let decision = self.plan.decision.share();
        let tried = decision.attempts.iter().map(|attempt| &attempt.deployment);
        let concerned: Vec<_> = tried.chain(&decision.chosen).collect();
        let places = self.fleet.targets.iter().map(|target| target.deployment());
        let places = places.filter(|deployment| concerned.contains(&&deployment.id)).map(Place::from).collect();
        Entry {
            answered,
            places,
            strategy: self.plan.lane.as_ref().map(|lane| lane.settings.strategy.as_str()),
            usage: self.bill.usage,
            cost: self.bill.cost,
            cost_status: self.bill.status,
            latency: (clock::now() - self.start).as_secs_f64(),
            ttft: self.bill.first_token.map(|at| at.saturating_duration_since(self.start).as_secs_f64()),
            decision,
        }
    }
}

impl Router {
    /// A score, 0..1, for the call with this identity: a row in the decision log, and a lesson for its route if that has a
    /// strategy that learns and the call is among the last ten thousand. Whether somebody learned of it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] for a score outside 0..1 or an empty identity.
    pub fn feedback(&self, id: &str, score: f64, comment: Option<String>) -> Result<bool> {
        if !(0.0..=1.0).contains(&score) {
            return Err(Error::new(ErrorKind::InvalidRequest, format!("a score is from 0 to 1, found {score}")));
        }
        if id.is_empty() {
            return Err(Error::new(ErrorKind::InvalidRequest, "feedback is for a call: its decision's id is empty"));
        }
        if let Some(log) = &*self.shared.log.load() {
            let at = clock::unix_seconds(clock::wall());
            log.feedback(Feedback { id: id.to_owned(), at, score, comment });
        }
        Ok(self.shared.awaited.lock().score(id, score))
    }

    /// Whether calls are written down, or told of: the end of a process waits for what is still to be.
    pub fn logs(&self) -> bool {
        self.shared.log.load().is_some() || self.shared.otlp.load().is_some()
    }

    /// Writes what waits for the decision log and closes its file, and sends what waits for the collector, each within
    /// `limit`. Whether both were in time.
    pub fn flush(&self, limit: Duration) -> bool {
        let written = self.shared.log.load().as_ref().is_none_or(|log| log.finish(limit));
        let sent = self.shared.otlp.load().as_ref().is_none_or(|exporter| exporter.flush(limit));
        written && sent
    }

    /// What the log lost, in words.
    pub(super) fn log_trouble(&self) -> Option<String> {
        let log = self.shared.log.load();
        let (losses, path) = log.as_ref().map(|log| (log.losses(), log.config().path.display()))?;
        let why = losses.why()?;
        Some(format!("telemetry.log: {} rows were not written to `{path}`: {why}", losses.total()))
    }

    /// Rows that the log has lost.
    pub(super) fn log_lost(&self) -> Option<u64> {
        self.shared.log.load().as_ref().map(|log| log.losses().total())
    }
}

/// The log for these settings: the one there is, if they have not changed.
pub(super) fn renewed(before: Option<Arc<Log>>, config: Option<LogConfig>) -> Option<Arc<Log>> {
    let config = config?;
    let same = before.filter(|log| *log.config() == config);
    Some(same.unwrap_or_else(|| Arc::new(Log::new(config))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_with_an_estimate_in_it_is_an_estimate() {
        let part = |status| Cost { amount: Some(Money(1)), status, saved: None };
        for (first, second, all) in [
            (CostStatus::Exact, CostStatus::Exact, "exact"),
            (CostStatus::Estimated, CostStatus::Exact, "estimated"),
            (CostStatus::Exact, CostStatus::Estimated, "estimated"),
        ] {
            let mut bill = Bill::default();
            bill.add(&Usage::default(), &part(first), None);
            bill.add(&Usage::default(), &part(second), None);
            assert_eq!((bill.status, bill.cost), (Some(all), Some(Money(2))));
        }
    }
}
