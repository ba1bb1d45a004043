//! What is written of a call that has ended. The call hands over what it has anyway; taking it apart is the writer's work.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat};
use rusqlite::types::Value as Cell;
use serde_json::{Value, json};

use super::LogConfig;
use crate::{
    catalog::{Deployment, Money},
    chat::Usage,
    error::ErrorKind,
    id::DeploymentId,
    trace::{Attempt, Decision, Outcome, decision::VERSION},
};

/// A call that has ended.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What was decided and tried.
    pub decision: Arc<Decision>,
    /// Whether an answer came.
    pub answered: bool,
    /// Where those who were tried, and who was chosen, are.
    pub places: Vec<Place>,
    /// How the route ranks; absent for a caller who named a deployment.
    pub strategy: Option<&'static str>,
    /// Tokens, over all attempts that answered; absent if none did.
    pub usage: Option<Usage>,
    /// US dollars, if known.
    pub cost: Option<Money>,
    /// How certain they are.
    pub cost_status: Option<&'static str>,
    /// Seconds from the call to its end.
    pub latency: f64,
    /// Seconds from the call to its first token, of a stream.
    pub ttft: Option<f64>,
}

/// What is fixed about a deployment, as far as an audit asks.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its name.
    pub deployment: DeploymentId,
    /// Who runs it.
    pub provider: &'static str,
    /// The model.
    pub model: String,
    /// Where, if it was written.
    pub region: Option<String>,
    /// Its labels.
    pub tags: Vec<String>,
}

impl From<&Deployment> for Place {
    fn from(deployment: &Deployment) -> Self {
        Self {
            deployment: deployment.id.clone(),
            provider: deployment.provider.id,
            model: deployment.model.clone(),
            region: deployment.region.clone(),
            tags: deployment.tags.clone(),
        }
    }
}

/// A score that somebody gave a call.
#[derive(Clone, Debug)]
pub struct Feedback {
    /// The identity of the call.
    pub id: String,
    /// When it was given, in seconds since 1970.
    pub at: f64,
    /// 0..1.
    pub score: f64,
    /// In the caller's words.
    pub comment: Option<String>,
}

/// The columns of `decisions` after `seq`, and their cells below in the same order.
pub(super) const DECISION: &[&str] = &[
    "id",
    "at",
    "time",
    "route",
    "requested",
    "chosen",
    "provider",
    "model",
    "region",
    "tags",
    "strategy",
    "reason",
    "outcome",
    "error",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "cost_status",
    "latency",
    "ttft",
    "overhead",
    "personal",
    "secrets",
    "health",
    "types",
    "redacted",
    "rules",
    "user",
    "session",
    "request_tags",
    "decision",
];
/// The columns of `attempts` after `seq`.
pub(super) const ATTEMPT: &[&str] = &[
    "n",
    "id",
    "deployment",
    "provider",
    "model",
    "region",
    "tags",
    "outcome",
    "error",
    "status",
    "sent",
    "started",
    "duration",
    "ttft",
    "hedge",
    "possibly_billed",
];

/// The columns of `choices` after `seq`.
pub(super) const CHOICE: &[&str] = &["id", "planned", "propensity", "facts"];

impl Entry {
    /// The cells of its row in `choices`.
    pub(super) fn choice(&self) -> Vec<Cell> {
        let facts = self.decision.facts();
        vec![
            text(self.decision.id.as_str()),
            maybe(facts.planned.as_ref().map(DeploymentId::as_str)),
            facts.propensity().map_or(Cell::Null, real),
            text(serde_json::to_string(&facts).unwrap_or_default()),
        ]
    }

    /// The cells of its row in `decisions`.
    pub(super) fn cells(&self, config: &LogConfig) -> Vec<Cell> {
        let Decision { id, route, requested, chosen, error, signals, rules, redacted, at, .. } = &*self.decision;
        let place = chosen.as_ref().and_then(|id| self.place(id));
        let found = signals.sensitive.as_ref();
        let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_ref()).collect();
        let counts = redacted.as_ref().map(|counts| {
            let counts = counts.iter().map(|(kind, count)| ((*kind).to_owned(), Value::from(*count)));
            Value::Object(counts.collect())
        });
        vec![
            text(id.as_str()),
            real(*at),
            text(iso(*at)),
            text(route.as_str()),
            text(requested),
            maybe(chosen.as_ref().map(DeploymentId::as_str)),
            maybe(place.map(|place| place.provider)),
            maybe(place.map(|place| place.model.as_str())),
            maybe(place.and_then(|place| place.region.as_deref())),
            maybe(place.map(|place| json!(place.tags).to_string())),
            maybe(self.strategy),
            text(self.reason()),
            text(self.outcome()),
            maybe(error.map(ErrorKind::as_str)),
            self.usage.map_or(Cell::Null, |usage| whole(usage.prompt_tokens())),
            self.usage.map_or(Cell::Null, |usage| whole(usage.completion_tokens())),
            self.cost.map_or(Cell::Null, |cost| real(cost.usd())),
            maybe(self.cost_status),
            real(self.latency),
            self.ttft.map_or(Cell::Null, real),
            real(self.decision.overhead.as_secs_f64()),
            found.map_or(Cell::Null, |report| flag(report.personal)),
            found.map_or(Cell::Null, |report| flag(report.secrets)),
            found.map_or(Cell::Null, |report| flag(report.health)),
            maybe(found.map(|report| json!(report.types).to_string())),
            maybe(counts.map(|counts| counts.to_string())),
            text(json!(names).to_string()),
            maybe(Some(signals.user.as_str()).filter(|user| !user.is_empty())),
            maybe(Some(signals.session.as_str()).filter(|session| !session.is_empty())),
            text(json!(signals.tags).to_string()),
            text(self.document(config)),
        ]
    }

    /// The cells of its rows in `attempts`.
    pub(super) fn attempts(&self) -> impl Iterator<Item = Vec<Cell>> {
        self.decision.attempts.iter().enumerate().map(|(at, attempt)| {
            let place = self.place(&attempt.deployment);
            vec![
                whole(at as u64 + 1),
                text(self.decision.id.as_str()),
                text(attempt.deployment.as_str()),
                maybe(place.map(|place| place.provider)),
                maybe(place.map(|place| place.model.as_str())),
                maybe(place.and_then(|place| place.region.as_deref())),
                maybe(place.map(|place| json!(place.tags).to_string())),
                text(attempt.outcome.as_str()),
                maybe(attempt.error.map(ErrorKind::as_str)),
                attempt.status.map_or(Cell::Null, |status| whole(status.into())),
                flag(sent(attempt)),
                real(attempt.started),
                real(attempt.duration),
                attempt.ttft.map_or(Cell::Null, real),
                flag(attempt.hedge),
                flag(attempt.possibly_billed),
            ]
        })
    }

    fn place(&self, id: &DeploymentId) -> Option<&Place> {
        self.places.iter().find(|place| place.deployment == *id)
    }

    /// In one word.
    fn outcome(&self) -> &'static str {
        let left = self.decision.attempts.last().is_some_and(|last| last.outcome == Outcome::Cancelled);
        match (self.answered, self.decision.error) {
            (true, _) if left => "cancelled",
            (true, _) => "ok",
            (false, Some(ErrorKind::Cancelled)) => "cancelled",
            (false, _) if self.decision.attempts.is_empty() => "refused",
            (false, _) => "error",
        }
    }

    /// The decision's sentence. Where an attempt failed a call, its words may be a provider's: the kind stands for them.
    pub(in crate::trace) fn reason(&self) -> String {
        match self.decision.error {
            Some(kind) if !self.decision.attempts.is_empty() => format!("nothing worked: {}", kind.as_str()),
            _ => self.decision.reason.clone(),
        }
    }

    /// The decision as JSON, without providers' words and, unless they are wanted, the caller's facts.
    fn document(&self, config: &LogConfig) -> String {
        let Ok(Value::Object(mut map)) = serde_json::to_value(&*self.decision) else {
            return json!({"version": VERSION}).to_string();
        };
        map.insert("reason".into(), self.reason().into());
        for attempt in map.get_mut("attempts").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(attempt) = attempt.as_object_mut() {
                attempt.shift_remove("message");
            }
        }
        if let (false, Some(Value::Object(signals))) = (config.metadata, map.get_mut("signals")) {
            signals.shift_remove("metadata");
        }
        Value::Object(map).to_string()
    }
}

/// Whether bytes of the request may have left this machine. What is not known to have stayed counts as gone.
fn sent(attempt: &Attempt) -> bool {
    match attempt.error {
        // For these the record says whether the request had gone out.
        Some(ErrorKind::Connection | ErrorKind::Timeout | ErrorKind::DeadlineExceeded) => attempt.possibly_billed,
        _ => true,
    }
}

impl Feedback {
    /// The cells of its row after `seq`: id, at, score, comment.
    pub(super) fn cells(&self) -> Vec<Cell> {
        vec![text(&self.id), real(self.at), real(self.score), maybe(self.comment.as_deref())]
    }
}

/// `2026-07-01T00:00:00.000Z`: such texts sort by time.
fn iso(at: f64) -> String {
    let time = DateTime::from_timestamp_millis((at * 1e3) as i64).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

pub(super) fn text(value: impl Into<String>) -> Cell {
    Cell::Text(value.into())
}

fn maybe(value: Option<impl Into<String>>) -> Cell {
    value.map_or(Cell::Null, text)
}

pub(super) fn whole(value: u64) -> Cell {
    Cell::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

fn flag(value: bool) -> Cell {
    Cell::Integer(value.into())
}

/// As SQLite gives it back: it knows no NaN and no negative zero.
pub(super) fn real(value: f64) -> Cell {
    if value.is_nan() { Cell::Null } else { Cell::Real(value + 0.0) }
}
