//! The report of a run: before, while and after; column by column; deployment by deployment.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::{
    caller::{Ending, Told},
    stage::Stage,
    stats::{Stats, rounded},
};
use crate::config::scenario::{Fault, Scenario};

/// The version of the shape that [`Report`] serialises to; it rises when a key changes its meaning or goes away.
const VERSION: u32 = 1;

/// What a simulation found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The version of this shape.
    pub version: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The seed, which gives the same report again.
    pub seed: u64,
    /// Seconds that were simulated.
    pub duration: f64,
    /// Seconds of a column.
    pub step: f64,
    /// The whole time, and where the scenario has outages: before, while and after.
    pub phases: Vec<Phase>,
    /// The same without the outages of the scenario; absent if it has none.
    pub baseline: Option<Vec<Phase>>,
    /// How the failed calls failed: the kind of error and how many, the most frequent first.
    pub errors: Vec<(String, u64)>,
    /// What went wrong, when.
    pub outages: Vec<Happened>,
    /// The deployments, in the order written.
    pub deployments: Vec<DeploymentReport>,
    /// The run in columns, by the time at which calls were made.
    pub columns: Vec<Column>,
}

/// A part of the time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Phase {
    /// `all`, `before`, `during` or `after`.
    pub name: &'static str,
    /// Seconds from the start.
    pub from: f64,
    /// Seconds from the start.
    pub to: f64,
    /// Over the calls made in it.
    #[serde(flatten)]
    pub stats: Stats,
}

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Happened {
    /// At whom.
    pub deployments: Vec<String>,
    /// What.
    pub fault: String,
    /// The share of requests that it befell, 0..=1.
    pub share: f64,
    /// Seconds from the start.
    pub from: f64,
    /// Seconds from the start.
    pub to: f64,
}

/// One deployment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeploymentReport {
    /// Its name.
    pub name: String,
    /// Requests that it was sent.
    pub requests: u64,
    /// Those that it did not answer, by the scenario's doing.
    pub faulty: u64,
    /// Calls that it answered.
    pub answered: u64,
    /// The most requests at once.
    pub most_at_once: u32,
    /// Seconds in which its breaker was not closed, as seen at the end of every column.
    pub breaker_open: f64,
    /// US dollars spent on it.
    pub cost_usd: f64,
}

/// A column of time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Column {
    /// Seconds from the start.
    pub from: f64,
    /// Over the calls made in it.
    #[serde(flatten)]
    pub stats: Stats,
    /// By deployment: calls made in it that it answered.
    pub answered_by: Vec<u64>,
    /// By deployment: requests that it was sent in it.
    pub sent_to: Vec<u64>,
    /// By deployment: whether its breaker was not closed at the end.
    pub breaker_open: Vec<bool>,
}

/// The parts of `scenario`'s time, from the beginning of the first outage to the end of the last one.
pub(super) fn phases(scenario: &Scenario, calls: &[Told]) -> Vec<Phase> {
    let phase = |name, from: Duration, to: Duration| Phase {
        name,
        from: from.as_secs_f64(),
        to: to.as_secs_f64(),
        stats: Stats::of(calls.iter().filter(|told| (from..to).contains(&told.at))),
    };
    let (start, end) = (Duration::ZERO, scenario.duration);
    let mut phases = vec![phase("all", start, end)];
    let first = scenario.outages.iter().map(|outage| outage.at).min();
    let last = scenario.outages.iter().map(|outage| (outage.at + outage.lasts).min(end)).max();
    if let (Some(first), Some(last)) = (first, last) {
        let parts = [("before", start, first), ("during", first, last), ("after", last, end)];
        phases
            .extend(parts.into_iter().filter(|(_, from, to)| from < to).map(|(name, from, to)| phase(name, from, to)));
    }
    phases
}

pub(super) fn report(scenario: &Scenario, stage: &Stage, breakers: &[Vec<bool>], calls: &[Told], seed: u64) -> Report {
    Report {
        version: VERSION,
        scenario: scenario.name.clone(),
        seed,
        duration: scenario.duration.as_secs_f64(),
        step: scenario.step.as_secs_f64(),
        phases: phases(scenario, calls),
        baseline: None,
        errors: errors(calls),
        outages: outages(scenario, stage),
        deployments: deployments(scenario, stage, breakers, calls),
        columns: columns(scenario, stage, breakers, calls),
    }
}

fn errors(calls: &[Told]) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for told in calls {
        if let Ending::Failed(kind) = told.ending {
            *counts.entry(kind.as_str()).or_default() += 1;
        }
    }
    let mut errors: Vec<(String, u64)> = counts.into_iter().map(|(kind, count)| (kind.to_owned(), count)).collect();
    errors.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    errors
}

/// Each outage once, with all whom it befell.
fn outages(scenario: &Scenario, stage: &Stage) -> Vec<Happened> {
    let mut found: Vec<Happened> = Vec::new();
    for place in 0..stage.world().len() {
        for outage in stage.world().outages(place) {
            let happened = Happened {
                deployments: vec![stage.world().name(place).to_owned()],
                fault: match outage.fault {
                    Fault::Slow => format!("slow ×{}", (outage.factor * 10.0).round() / 10.0),
                    fault => fault.name(),
                },
                share: rounded(outage.share),
                from: rounded(outage.at.as_secs_f64()),
                to: rounded((outage.at + outage.lasts).min(scenario.duration).as_secs_f64()),
            };
            let same = |other: &&mut Happened| {
                (&other.fault, other.share, other.from, other.to)
                    == (&happened.fault, happened.share, happened.from, happened.to)
            };
            match found.iter_mut().find(same) {
                Some(other) if !other.deployments.contains(&happened.deployments[0]) => {
                    other.deployments.extend(happened.deployments);
                }
                _ => found.push(happened),
            }
        }
    }
    found.sort_by(|one, other| one.from.total_cmp(&other.from));
    found
}

fn deployments(scenario: &Scenario, stage: &Stage, breakers: &[Vec<bool>], calls: &[Told]) -> Vec<DeploymentReport> {
    let status = stage.router().deployments();
    let one = |(place, status): (usize, &crate::router::status::DeploymentStatus)| {
        let (sent, faulty, most_at_once) = stage.world().books(place);
        let answered = calls.iter().filter(|told| told.deployment.as_deref() == Some(&status.name)).count();
        let open = breakers.iter().filter(|column| column[place]).count();
        DeploymentReport {
            name: status.name.clone(),
            requests: sent.iter().map(|count| u64::from(*count)).sum(),
            faulty,
            answered: answered as u64,
            most_at_once,
            breaker_open: rounded(scenario.step.as_secs_f64() * open as f64),
            cost_usd: status.spend,
        }
    };
    status.iter().enumerate().map(one).collect()
}

fn columns(scenario: &Scenario, stage: &Stage, breakers: &[Vec<bool>], calls: &[Told]) -> Vec<Column> {
    let count = scenario.duration.as_nanos().div_ceil(scenario.step.as_nanos().max(1)) as usize;
    let places = stage.world().len();
    let sent: Vec<Vec<u32>> = (0..places).map(|place| stage.world().books(place).0).collect();
    let mut columns: Vec<Column> = Vec::with_capacity(count);
    let mut rest = calls;
    for at in 0..count {
        let to = scenario.step * (at as u32 + 1);
        let (own, later) = rest.split_at(rest.partition_point(|told| told.at < to));
        rest = later;
        let by = |place: usize| {
            let name = stage.world().name(place);
            own.iter().filter(|told| told.deployment.as_deref() == Some(name)).count() as u64
        };
        columns.push(Column {
            from: rounded((scenario.step * at as u32).as_secs_f64()),
            stats: Stats::of(own.iter()),
            answered_by: (0..places).map(by).collect(),
            sent_to: sent.iter().map(|counts| counts.get(at).map_or(0, |count| u64::from(*count))).collect(),
            breaker_open: breakers.get(at).cloned().unwrap_or_else(|| vec![false; places]),
        });
    }
    columns
}
