//! What another configuration would have decided on logged traffic: the same requests, the same moments, the same draws.
//!
//! Nothing is called and nothing is drawn anew, so the result is the same each time. Limits, breakers and speeds are as they
//! were; money is spent as the other configuration would have spent it, from nothing at the first row. A route that learns
//! believes what it believed then; one that did not learn then learns from the log's scores, call by call.

mod again;
mod compare;

use std::{collections::HashMap, path::Path};

use serde::Serialize;

pub use self::again::{Case, Lacking, World, again};
use super::{budget::Budgets, fleet::Fleet};
use crate::{
    clock,
    config::Settings,
    error::{Error, ErrorKind, Result},
    policy::Spender,
    select::features,
    trace::{
        Decision, Outcome,
        log::read::{Past, Reader, Record, Span},
    },
};

/// Measurements behind the speed of a deployment, as a moving average over about this many.
const PACE_MEMORY: f64 = 32.0;

/// What became of one logged call under the other configuration.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Replayed {
    /// The identity of the call.
    pub id: String,
    /// When it began, in UTC.
    pub time: String,
    /// The same in seconds since 1970.
    pub at: f64,
    /// The route that was taken.
    pub route: String,
    /// The route that would be taken.
    pub route_to: Option<String>,
    /// Who was to be tried first; absent if the call was refused.
    pub from: Option<String>,
    /// Who would be.
    pub to: Option<String>,
    /// Who served in the end.
    pub served: Option<String>,
    /// `ok`, `error`, `refused` or `cancelled`, as logged.
    pub outcome: String,
    /// Whether another one would be tried first.
    pub changed: bool,
    /// Why, in words; absent where nothing changes.
    pub why: Option<String>,
    /// US dollars, as logged and as they would be for the same tokens.
    pub cost_from: Option<f64>,
    /// The same under the other configuration.
    pub cost_to: Option<f64>,
    /// Seconds, as logged.
    pub latency_from: Option<f64>,
    /// The mean seconds of whoever would be tried first, over the whole log.
    pub latency_to: Option<f64>,
    /// The share of attempts that answered, of whoever was to be tried first, over the whole log.
    pub success_from: Option<f64>,
    /// The same of whoever would be.
    pub success_to: Option<f64>,
    /// Predicted quality, as logged.
    pub quality_from: Option<f64>,
    /// Predicted quality of whoever would be tried first.
    pub quality_to: Option<f64>,
    /// The last score that somebody gave the call.
    pub score: Option<f64>,
    /// The chance with which `from` was chosen.
    pub propensity: Option<f64>,
    /// How likely each one was to be tried first; only those who could be.
    pub logged: Vec<(String, f64)>,
    /// How likely each one would be; absent if that is not known.
    pub chances: Option<Vec<(String, f64)>>,
    /// Signals that a rule asks for and the log lacks: then nothing else is said of the call.
    pub lacking: Vec<&'static str>,
    /// Deployments of whose state at that moment nothing is known: they count as free.
    pub assumed: Vec<String>,
}

/// Replays the log at `path` under `settings` and hands over every call, in the order in which they were made.
///
/// # Errors
/// [`ErrorKind::Config`] of the settings; [`ErrorKind::InvalidRequest`] if the file cannot be read; what `take` says.
pub fn replay(path: &Path, span: Span, settings: Settings, mut take: impl FnMut(Replayed) -> Result<()>) -> Result<()> {
    let unreadable = |message: String| Error::new(ErrorKind::InvalidRequest, message);
    let reader = Reader::open(path, span).map_err(unreadable)?;
    let records = reader.records().map_err(unreadable)?;
    let world = World { budgets: Some(Budgets::new(&settings.budgets)), ..World::default() };
    let fleet = Fleet::new(settings, None, clock::now())?;
    let mut replay = Replay { fleet, world, records };
    let mut failed = None;
    let done = reader.each(|past| {
        replay.one(&past).and_then(&mut take).map_err(|error| {
            let message = error.message.clone();
            failed = Some(error);
            message
        })
    });
    match failed {
        Some(error) => Err(error),
        None => done.map_err(unreadable),
    }
}

struct Replay {
    fleet: Fleet,
    world: World,
    records: HashMap<String, Record>,
}

impl Replay {
    fn one(&mut self, past: &Past) -> Result<Replayed> {
        let row = self.decide(past)?;
        for (deployment, outcome, seconds) in &past.attempts {
            if *outcome == Outcome::Ok {
                let pace = self.world.paces.entry(deployment.as_str().into()).or_insert(*seconds);
                *pace += (seconds - *pace) / PACE_MEMORY;
            }
        }
        Ok(row)
    }

    fn decide(&mut self, past: &Past) -> Result<Replayed> {
        let Some(facts) = &past.facts else {
            return Ok(Replayed { lacking: vec!["facts"], ..Replayed::logged(past) });
        };
        let case = Case { id: &past.id, requested: &past.requested, at: past.at, signals: &past.signals, facts };
        match again(&self.fleet, case, &self.world) {
            Ok(Ok(decision)) => {
                let row = compare::compare(&self.fleet, &self.records, past, facts, &decision);
                self.spend(&row, &decision);
                self.learn(past, &decision);
                Ok(row)
            }
            Ok(Err(lacking)) => Ok(Replayed { lacking, ..Replayed::logged(past) }),
            Err(error) if error.kind == ErrorKind::UnknownModel => Ok(compare::unknown(past, facts, &error)),
            Err(error) => Err(error),
        }
    }

    /// What the log says that the answer was worth teaches the route as if it had been said at once.
    fn learn(&self, past: &Past, decision: &Decision) {
        let (Some(score), Some(served)) = (past.score, &past.chosen) else { return };
        if let Some(lane) = self.fleet.lane(decision.route.as_str()) {
            lane.learned.learn(&served.as_str().into(), &features(&decision.signals), score);
        }
    }

    /// Books what the call would have cost.
    fn spend(&self, row: &Replayed, decision: &Decision) {
        let (Some(budgets), Some(to), Some(cost)) = (&self.world.budgets, &row.to, row.cost_to) else { return };
        let tags = &decision.signals.tags;
        let who = Spender { route: decision.route.as_str(), deployment: to, user: &decision.signals.user, tags };
        budgets.book(who, crate::catalog::Money::from_usd(cost), row.at);
    }
}

#[cfg(test)]
mod tests;
