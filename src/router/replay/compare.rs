//! What changed between a logged call and the same one decided again: who, why, and what it would have meant.

use std::collections::HashMap;

use super::Replayed;
use crate::{
    catalog::{Money, Price},
    chat::Usage,
    error::Error,
    id::DeploymentId,
    router::fleet::Fleet,
    trace::{
        Candidate, Decision, Facts,
        log::read::{Past, Record},
    },
};

impl Replayed {
    /// What the log says of the call.
    pub(super) fn logged(past: &Past) -> Self {
        let planned = past.facts.as_ref().and_then(|facts| facts.planned.as_ref());
        Self {
            id: past.id.clone(),
            time: past.time.clone(),
            at: past.at,
            route: past.route.clone(),
            from: planned.map(ToString::to_string),
            served: past.chosen.clone(),
            outcome: past.outcome.clone(),
            cost_from: paid(past),
            latency_from: (past.outcome == "ok").then_some(past.latency),
            score: past.score,
            ..Self::default()
        }
    }
}

/// A refused call cost nothing; of one that failed it is not known.
fn paid(past: &Past) -> Option<f64> {
    past.cost.or_else(|| (past.outcome == "refused").then_some(0.0))
}

/// A call for somebody whom the other configuration does not know.
pub(super) fn unknown(past: &Past, facts: &Facts, error: &Error) -> Replayed {
    let row = with_chances(Replayed::logged(past), facts);
    let changed = row.from.is_some();
    let why = changed.then(|| error.message.clone());
    Replayed { changed, why, cost_to: Some(0.0), chances: Some(Vec::new()), ..row }
}

fn with_chances(row: Replayed, facts: &Facts) -> Replayed {
    let named = |moment: &crate::trace::Moment| Some((moment.deployment.as_ref()?.to_string(), moment.propensity?));
    let logged = facts.moments.iter().filter_map(named).filter(|(_, chance)| *chance > 0.0).collect();
    let quality = facts.planned.as_ref().and_then(|planned| facts.moment(planned)).and_then(|moment| moment.quality);
    Replayed { propensity: facts.propensity(), logged, quality_from: quality, ..row }
}

/// The call as logged beside `decision`.
pub(super) fn compare(
    fleet: &Fleet,
    records: &HashMap<String, Record>,
    past: &Past,
    facts: &Facts,
    decision: &Decision,
) -> Replayed {
    let row = with_chances(Replayed::logged(past), facts);
    let to = decision.basis.planned.as_ref();
    let candidate = decision.candidates.iter().find(|candidate| Some(&candidate.deployment) == to);
    let changed = to != facts.planned.as_ref();
    let success = |name: &Option<String>| records.get(name.as_deref()?).and_then(Record::success);
    let name = to.map(ToString::to_string);
    Replayed {
        route_to: Some(decision.route.to_string()),
        changed,
        why: changed.then(|| why(past, facts, decision)),
        cost_to: cost(fleet, past, facts, candidate),
        latency_to: match to {
            Some(_) if !changed => row.latency_from,
            Some(to) => records.get(to.as_str()).and_then(|record| record.latency),
            None => None,
        },
        success_from: success(&row.from),
        success_to: success(&name),
        quality_to: candidate.and_then(|candidate| candidate.predicted_quality),
        chances: chances(decision),
        assumed: assumed(facts, decision),
        to: name,
        ..row
    }
}

/// What the call would have cost: as logged where nothing changes, else its tokens at the price of whoever would be tried.
fn cost(fleet: &Fleet, past: &Past, facts: &Facts, candidate: Option<&Candidate>) -> Option<f64> {
    let Some(candidate) = candidate else { return Some(0.0) };
    let price = |id: &DeploymentId| -> Option<Price> {
        let at = fleet.place(id.as_str()).ok()?;
        fleet.targets[at].deployment().price.clone()
    };
    let now = price(&candidate.deployment);
    let then = facts.moment(&candidate.deployment).and_then(|moment| moment.price.clone());
    let served = past.chosen.as_deref() == Some(candidate.deployment.as_str());
    if served && now == then && past.cost.is_some() {
        return past.cost;
    }
    match past.tokens {
        Some((input, output)) => now.map(|price| price.cost(&Usage { input, output, ..Usage::default() }).usd()),
        // Nobody answered then, so nobody counted: what planning expects is all there is.
        None if past.outcome == "refused" => candidate.estimated_cost.map(Money::usd),
        None => None,
    }
}

/// Who would be tried first, and how likely; nothing where a strategy does not say.
fn chances(decision: &Decision) -> Option<Vec<(String, f64)>> {
    if decision.basis.planned.is_none() {
        return Some(Vec::new());
    }
    let all: Option<Vec<(String, f64)>> = decision
        .candidates
        .iter()
        .map(|candidate| Some((candidate.deployment.to_string(), candidate.propensity?)))
        .collect();
    all.map(|all| all.into_iter().filter(|(_, chance)| *chance > 0.0).collect())
}

fn assumed(facts: &Facts, decision: &Decision) -> Vec<String> {
    let unseen = decision.candidates.iter().filter(|candidate| facts.moment(&candidate.deployment).is_none());
    unseen.map(|candidate| candidate.deployment.to_string()).collect()
}

/// Why another one would be tried first.
fn why(past: &Past, facts: &Facts, decision: &Decision) -> String {
    let mut words = match (&facts.planned, &decision.basis.planned) {
        (None, _) => "was refused then, and is not any more".to_owned(),
        (Some(_), None) => decision.reason.clone(),
        (Some(from), Some(_)) => overtaken(from, past, decision),
    };
    let fired: Vec<&str> = decision.rules.iter().map(|rule| rule.name.as_str()).collect();
    let before: Vec<&str> = past.rules.iter().map(String::as_str).collect();
    let mut changes = Vec::new();
    changes.extend(fired.iter().filter(|rule| !before.contains(rule)).map(|rule| format!("rule `{rule}` fires")));
    changes
        .extend(before.iter().filter(|rule| !fired.contains(rule)).map(|rule| format!("rule `{rule}` does not fire")));
    if !changes.is_empty() {
        words = format!("{words}; {}", changes.join(", "));
    }
    words
}

fn overtaken(from: &DeploymentId, past: &Past, decision: &Decision) -> String {
    match decision.candidates.iter().find(|candidate| candidate.deployment == *from) {
        Some(Candidate { refused: Some(reason), .. }) => format!("`{from}` {}", reason.detail()),
        Some(_) => decision.reason.clone(),
        None if decision.route.as_str() == past.route => {
            format!("`{from}` is not among the candidates of route `{}`", decision.route)
        }
        None => format!("goes by route `{}`", decision.route),
    }
}
