//! The user's own signals, asked for before a call is planned: at the border of the stages, each within its time, and only
//! those that a rule or a strategy reads.
//!
//! Functions run here, so they see every request, all at once. A classifier elsewhere sees a request only if the rules let
//! it, as any deployment: as far as rules can be evaluated without it. Classifiers are asked in the order written. One on
//! which it depends who may see a request is waited for before the next is asked; the others are asked together.
//!
//! Whatever goes wrong, the signal is absent and its reason kept: a condition that reads it fails, which fails closed.

mod memory;
mod remote;

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::{Value, json};

pub use self::memory::Memory;
use super::{
    Router, Shared,
    call::{Ask, Call},
    fleet::{Fleet, Named},
    plan::View,
    read::{as_chat, read},
};
use crate::{
    adapter::openai::spoken,
    catalog::Money,
    chat::Map,
    clock::{self, Instant},
    signals::{
        self, Signals,
        own::{Function, Outcome, Own, Shape, Source},
    },
};

/// What came of the user's own signals.
#[derive(Clone, Debug, Default)]
pub struct Sensed {
    /// What each came to, or why it is absent; those that nothing reads are not there.
    pub values: Vec<(String, Outcome)>,
    /// What asking cost.
    pub cost: Option<Money>,
    /// How long it took.
    pub took: Duration,
}

/// A signal of the user's own, ready to be asked for.
#[derive(Debug)]
pub struct Sense {
    /// What it is.
    pub own: Own,
    /// Of a classifier: its place among all that a clearance speaks of.
    pub place: Option<usize>,
    /// Of a classifier: what it said of late.
    pub memory: Memory,
}

/// Which signals are wanted: a bit each, in their order.
type Wanted = u64;

impl Router {
    /// `call` with the user's own signals that something reads.
    pub(super) async fn sensed(&self, fleet: &Arc<Fleet>, mut call: Call) -> Call {
        if fleet.senses != 0 && fleet.resolve(&call.model).is_ok() {
            call.sensed = Arc::new(sensed(&self.shared, fleet, &call).await);
        }
        call
    }

    /// The same without a network: functions are asked, and of classifiers what they said of late. `wanted` are the signals
    /// that something reads, or all.
    pub(super) fn sensed_here(&self, fleet: &Fleet, call: &Call, wanted: u64) -> Option<Call> {
        if wanted == 0 {
            return None;
        }
        let mut found = here(fleet, call, wanted);
        for (at, sense) in remotes(fleet, wanted) {
            let unknown = unknown(fleet, wanted, &found);
            let known = with(call, &found);
            let asked = remote::prepare(&self.shared, fleet, &known, &look(&self.shared, fleet, &known), (at, unknown));
            let outcome = match asked {
                Ok(remote::Asked::Known(value)) => Ok(value),
                Ok(remote::Asked::Send(_)) => Err("a decision alone has no network, and nobody asked of late".into()),
                Err(reason) => Err(reason),
            };
            found.values.push((sense.own.shape.name.clone(), outcome));
        }
        Some(with(call, &found))
    }
}

/// `call` with what was found out so far.
fn with(call: &Call, found: &Sensed) -> Call {
    Call { sensed: Arc::new(found.clone()), ..call.clone() }
}

async fn sensed(shared: &Arc<Shared>, fleet: &Arc<Fleet>, call: &Call) -> Sensed {
    let began = clock::now();
    let wanted = fleet.senses;
    let mut found = Sensed { values: functions(fleet, call, wanted).await, ..Sensed::default() };
    let all: Vec<(usize, &Sense)> = remotes(fleet, wanted).collect();
    let mut next = 0;
    while next < all.len() {
        // Together up to and with the first one on which it depends who may see the request.
        let gate = all[next..].iter().position(|(at, _)| fleet.policy.gates() >> at & 1 == 1);
        let end = gate.map_or(all.len(), |gate| next + gate + 1);
        let (known, unknown) = (with(call, &found), unknown(fleet, wanted, &found));
        let seen = look(shared, fleet, &known);
        let asked = all[next..end].iter().map(|(at, sense)| {
            let (known, seen) = (&known, &seen);
            async move { (sense, remote::ask(shared, fleet, known, seen, (*at, unknown)).await) }
        });
        for (sense, (outcome, cost)) in join_all(asked).await {
            found.values.push((sense.own.shape.name.clone(), outcome));
            found.cost = cost.map(|cost| found.cost.unwrap_or_default() + cost).or(found.cost);
        }
        next = end;
    }
    found.took = clock::now() - began;
    found
}

/// The classifiers among those wanted, with their places among the signals.
fn remotes(fleet: &Fleet, wanted: Wanted) -> impl Iterator<Item = (usize, &Sense)> {
    let some = fleet.own.iter().enumerate().filter(move |(at, _)| wanted >> at & 1 == 1);
    some.filter(|(_, sense)| sense.place.is_some())
}

/// Who sees a request that is asked about the signal at `at`, and which signals are not known by then.
pub(super) fn listener(fleet: &Fleet, at: usize) -> Option<(usize, u64)> {
    let place = fleet.own[at].place.filter(|_| fleet.senses >> at & 1 == 1)?;
    let asked: Vec<usize> = remotes(fleet, fleet.senses).map(|(at, _)| at).collect();
    let gates = fleet.policy.gates();
    let start = asked.iter().rev().find(|other| **other < at && gates >> **other & 1 == 1).map_or(0, |gate| gate + 1);
    Some((place, asked.into_iter().filter(|other| *other >= start).fold(0, |bits, other| bits | 1 << other)))
}

/// Those that nobody was asked for yet.
fn unknown(fleet: &Fleet, wanted: Wanted, found: &Sensed) -> Wanted {
    let known = |name: &str| found.values.iter().any(|(known, _)| known == name);
    let open = fleet.own.iter().enumerate().filter(|(_, sense)| !known(&sense.own.shape.name));
    open.fold(0, |bits, (at, _)| bits | 1 << at) & wanted
}

/// What rules see of a call, as far as it is known.
fn look(shared: &Shared, fleet: &Fleet, call: &Call) -> Signals {
    let unix = clock::unix_seconds(clock::wall());
    let view =
        View { now: clock::now(), unix, sticky: None, budgets: &shared.budgets, draw: 0, again: None, places: &[] };
    read(fleet, call, &view).0
}

/// The functions among those wanted.
fn local(fleet: &Fleet, wanted: Wanted) -> impl Iterator<Item = (&Own, Option<&Function>)> {
    let some = fleet.own.iter().enumerate().filter(move |(at, _)| wanted >> at & 1 == 1);
    some.filter_map(|(_, sense)| match &sense.own.source {
        Source::Function(function) => Some((&sense.own, function.as_ref())),
        Source::Url(_) | Source::Deployment { .. } => None,
    })
}

async fn functions(fleet: &Fleet, call: &Call, wanted: Wanted) -> Vec<(String, Outcome)> {
    let Some(question) = question(fleet, call, wanted) else { return Vec::new() };
    let work = local(fleet, wanted).map(|(own, function)| {
        let question = &question;
        async move {
            let Some(function) = function else { return (own.shape.name.clone(), Err(UNGIVEN.into())) };
            let (sender, receiver) = tokio::sync::oneshot::channel();
            function.0.start(question, Box::new(move |outcome| drop(sender.send(outcome))));
            let outcome = match tokio::time::timeout(own.timeout, receiver).await {
                Ok(Ok(outcome)) => fit(&own.shape, outcome),
                Ok(Err(_)) => Err(GONE.into()),
                Err(_) => Err(late(own.timeout)),
            };
            (own.shape.name.clone(), outcome)
        }
    });
    join_all(work).await
}

/// As [`functions`], on a thread that may wait.
fn here(fleet: &Fleet, call: &Call, wanted: Wanted) -> Sensed {
    let Some(question) = question(fleet, call, wanted) else { return Sensed::default() };
    let began = clock::now();
    let started: Vec<_> = local(fleet, wanted)
        .map(|(own, function)| {
            let (sender, receiver) = mpsc::sync_channel(1);
            if let Some(function) = function {
                function.0.start(&question, Box::new(move |outcome| drop(sender.send(outcome))));
            }
            (own, function.is_some(), receiver)
        })
        .collect();
    let values = started.into_iter().map(|(own, given, receiver)| {
        let left = own.timeout.saturating_sub(clock::now() - began);
        let outcome = match receiver.recv_timeout(left) {
            Ok(outcome) => fit(&own.shape, outcome),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(late(own.timeout)),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(if given { GONE } else { UNGIVEN }.into()),
        };
        (own.shape.name.clone(), outcome)
    });
    Sensed { values: values.collect(), ..Sensed::default() }
}

const UNGIVEN: &str = "no function was given for it";
const GONE: &str = "nothing came of it";

fn fit(shape: &Shape, outcome: Outcome) -> Outcome {
    outcome.and_then(|value| shape.fit(value))
}

fn late(limit: Duration) -> String {
    format!("it took longer than {} s", limit.as_secs_f64())
}

/// What functions see of a call; absent if none is wanted.
fn question(fleet: &Fleet, call: &Call, wanted: Wanted) -> Option<Arc<Map>> {
    local(fleet, wanted).next()?;
    let (mut map, kind) = match &call.ask {
        Ask::Chat(request) => (spoken(request), "chat"),
        Ask::Embed(request) => (spoken(&as_chat(request)), "embed"),
    };
    let more = json!({
        "text": last_text(call), "kind": kind, "model": call.model, "tags": call.tags, "metadata": call.metadata,
        "session": call.session, "stream": call.stream,
    });
    if let Value::Object(more) = more {
        map.extend(more);
    }
    Some(Arc::new(map))
}

/// What the user said last; of texts to embed the last one.
fn last_text(call: &Call) -> String {
    match &call.ask {
        Ask::Chat(request) => signals::last_user_text(request),
        Ask::Embed(request) => signals::last_user_text(&as_chat(request)),
    }
}

/// Whether a caller named a deployment: then no rule sets the route.
fn named(fleet: &Fleet, call: &Call) -> bool {
    matches!(fleet.resolve(&call.model), Ok(Named::Deployment(_)))
}

/// The end of what `limit` allows from now on.
fn until(limit: Duration) -> Instant {
    clock::now() + limit
}

#[cfg(test)]
mod tests;
