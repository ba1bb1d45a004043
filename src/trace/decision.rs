//! The decision: every candidate with its verdict, every attempt with its outcome. Free of prompt text.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::facts::{Facts, Moment, Origin};
use crate::{
    catalog::{Ability, Money},
    chat::Map,
    error::{Error, ErrorKind},
    id::{DeploymentId, RequestId, RouteId},
    select::Scores,
    signals::Signals,
};

pub use crate::policy::RuleFired;

/// The version of the shape that [`Decision`] serialises to; it rises when a key changes its meaning or goes away.
pub const VERSION: u32 = 1;

/// One decision, with the attempts that followed from it.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The identity of the call.
    pub id: RequestId,
    /// The route taken; for a caller who named a deployment, its name.
    pub route: RouteId,
    /// What the caller asked for.
    pub requested: String,
    /// The deployment that served, or that would be tried first.
    pub chosen: Option<DeploymentId>,
    /// One sentence.
    pub reason: String,
    /// Why nothing was chosen or served.
    pub error: Option<ErrorKind>,
    /// Facts read from the request, without its text; written as a map of those that were computed.
    pub signals: Signals,
    /// Rules that fired, in order.
    pub rules: Vec<RuleFired>,
    /// How many different texts of each type were replaced by placeholders; absent if none were.
    pub redacted: Option<Vec<(&'static str, usize)>>,
    /// Everyone who was considered, best first; the refused ones last.
    pub candidates: Vec<Candidate>,
    /// Every attempt, in order.
    pub attempts: Vec<Attempt>,
    /// Time spent deciding, without any waiting for providers.
    pub overhead: Duration,
    /// Time spent waiting for room under limits.
    pub waited: Duration,
    /// When the call began, in seconds since 1970.
    pub at: f64,
    /// What else it rested on, but for the moments, which stand with the candidates: [`Decision::facts`] has all of it.
    pub basis: Facts,
    /// The configuration it was made under.
    pub origin: Origin,
}

/// A decision that is still being written. Handing it out costs no copy of its candidates; writing on after that does.
#[derive(Clone, Debug)]
pub struct Record(Arc<Decision>);

impl Record {
    /// The decision as it stands.
    pub fn share(&self) -> Arc<Decision> {
        Arc::clone(&self.0)
    }

    /// The decision, when nothing more will be written.
    pub fn into_inner(self) -> Decision {
        Arc::unwrap_or_clone(self.0)
    }
}

impl From<Decision> for Record {
    fn from(decision: Decision) -> Self {
        Self(Arc::new(decision))
    }
}

impl Deref for Record {
    type Target = Decision;
    fn deref(&self) -> &Decision {
        &self.0
    }
}

impl DerefMut for Record {
    fn deref_mut(&mut self) -> &mut Decision {
        Arc::make_mut(&mut self.0)
    }
}

/// A deployment that was considered.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Which.
    pub deployment: DeploymentId,
    /// Whether it is second choice.
    pub fallback: bool,
    /// Why it may not serve this request; absent if it may.
    pub refused: Option<Reason>,
    /// Its breaker is open for so long, and it is asked all the same, because nobody else may serve.
    pub probe: Option<Duration>,
    /// Its place in the order of trying, from 1; absent if it was refused.
    pub rank: Option<u32>,
    /// What the strategy ranked it by; lower is better. Absent where the order written decides.
    pub score: Option<f64>,
    /// The parts of the score.
    pub scores: Scores,
    /// What the answer would cost; absent if unpriced.
    pub estimated_cost: Option<Money>,
    /// Measured seconds to the whole answer (p50); absent if it was never measured.
    pub expected_latency: Option<f64>,
    /// 0..1; absent without a predictor.
    pub predicted_quality: Option<f64>,
    /// The chance, 0..1, that it was the one to be tried first; absent if it is not known.
    pub propensity: Option<f64>,
    /// How it was at that moment.
    pub moment: Moment,
}

/// Why a deployment may not serve a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// The prompt and the answer do not fit.
    ContextWindow {
        /// Tokens needed.
        needed: u64,
        /// Tokens that fit.
        window: u64,
    },
    /// It lacks an ability.
    MissingCapability(Ability),
    /// It is not known to have an ability, and unknown is refused.
    UnknownCapability(Ability),
    /// It embeds and does not chat, or the other way round.
    WrongKind,
    /// A rule refuses it.
    Policy(String),
    /// A rule asks for a tag that it lacks, or refuses one that it has.
    Tag(String),
    /// It failed too often and is resting for so long.
    BreakerOpen(Duration),
    /// A limit is reached: which one, and for how long.
    RateLimited(&'static str, Option<Duration>),
    /// A budget has no room for it, or it has no price to be held against the budget.
    Budget(Overspend),
    /// Its estimated cost is above the caller's `max_cost`, or it is unpriced.
    PriceCap(Option<Money>),
    /// It was switched off.
    Disabled,
    /// The user's own strategy did not name it.
    LeftOut,
    /// Its wire cannot say what the request asks for.
    Unsupported(String),
}

/// The budget that refuses a deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Overspend {
    /// Its name.
    pub budget: String,
    /// When it starts anew, in seconds since 1970.
    pub resets_at: f64,
    /// Seconds until then.
    pub wait: f64,
    /// What the answer would cost; absent if unpriced.
    pub cost: Option<Money>,
}

impl Decision {
    /// All that it rested on, beside its signals: enough to decide again.
    pub fn facts(&self) -> Facts {
        let moments = self.candidates.iter().map(|candidate| Moment {
            deployment: Some(candidate.deployment.clone()),
            propensity: candidate.propensity,
            quality: candidate.predicted_quality,
            ..candidate.moment.clone()
        });
        Facts { moments: moments.collect(), ..self.basis.clone() }
    }

    /// Nothing is tried, for `error`.
    pub fn refuse(&mut self, error: &Error) {
        self.chosen = None;
        if self.error.is_none() {
            self.error = Some(error.kind);
            self.reason.clone_from(&error.message);
        }
    }
}

impl Candidate {
    /// In words, why it may not serve; or why it may, although it rests.
    pub fn detail(&self) -> Option<String> {
        let probe = || {
            let rest = self.probe?.as_secs_f64();
            Some(format!("rests for {rest:.1} s more after failures; is asked because nobody else may serve"))
        };
        self.refused.as_ref().map(Reason::detail).or_else(probe)
    }
}

impl Reason {
    /// The code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ContextWindow { .. } => "context_window",
            Self::MissingCapability(_) | Self::UnknownCapability(_) | Self::WrongKind | Self::Unsupported(_) => {
                "missing_capability"
            }
            Self::Policy(_) => "policy",
            Self::Tag(_) => "tag",
            Self::BreakerOpen(_) => "breaker_open",
            Self::RateLimited(..) => "rate_limited",
            Self::Budget(_) => "budget",
            Self::PriceCap(_) => "price_cap",
            Self::Disabled => "disabled",
            Self::LeftOut => "strategy",
        }
    }

    /// The particulars, in words.
    pub fn detail(&self) -> String {
        match self {
            Self::ContextWindow { needed, window } => format!("needs about {needed} tokens, {window} fit"),
            Self::MissingCapability(ability) => format!("lacks {}", ability.as_str()),
            Self::UnknownCapability(ability) => format!("is not known to have {}", ability.as_str()),
            Self::WrongKind => "chat and embedding deployments do not stand in for each other".into(),
            Self::Policy(rule) => format!("refused by rule `{rule}`"),
            Self::Tag(rule) => format!("refused by rule `{rule}` for its tags"),
            Self::BreakerOpen(rest) => format!("failed too often; is probed in {:.1} s", rest.as_secs_f64()),
            Self::RateLimited("provider", Some(wait)) => {
                format!("its provider asked for a pause of {:.1} s more", wait.as_secs_f64())
            }
            Self::RateLimited("queue", _) => "others wait for it already".into(),
            Self::RateLimited(limit, Some(wait)) => {
                format!("limit {limit} reached; frees in {:.1} s", wait.as_secs_f64())
            }
            Self::RateLimited(limit, None) => format!("limit {limit} reached"),
            Self::Budget(Overspend { budget, wait, cost: Some(cost), .. }) => {
                format!(
                    "would cost about {:.6} USD, more than is left of budget `{budget}`, which resets in {wait:.0} s",
                    cost.usd()
                )
            }
            Self::Budget(Overspend { budget, cost: None, .. }) => format!("is unpriced, and budget `{budget}` applies"),
            Self::PriceCap(Some(cost)) => format!("would cost about {:.6} USD, above max_cost", cost.usd()),
            Self::PriceCap(None) => "is unpriced, and max_cost was given".into(),
            Self::Disabled => "was disabled".into(),
            Self::LeftOut => "was left out by the strategy".into(),
            Self::Unsupported(what) => what.clone(),
        }
    }

    /// The reason in a few words, for counting: "2 refused by policy".
    pub fn in_short(&self) -> String {
        match self {
            Self::ContextWindow { .. } => "with too small a context window".into(),
            Self::MissingCapability(ability) => format!("without {}", ability.as_str()),
            Self::UnknownCapability(ability) => format!("not known to have {}", ability.as_str()),
            Self::WrongKind | Self::Unsupported(_) => "unable to say what is asked".into(),
            Self::Policy(_) => "refused by policy".into(),
            Self::Tag(_) => "refused by policy for their tags".into(),
            Self::BreakerOpen(_) => "resting after failures".into(),
            Self::RateLimited(..) => "at a limit".into(),
            Self::Budget(_) => "over budget".into(),
            Self::PriceCap(_) => "above max_cost".into(),
            Self::Disabled => "disabled".into(),
            Self::LeftOut => "left out by the strategy".into(),
        }
    }

    /// How long until the reason may be gone; absent if time alone does not help.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::BreakerOpen(wait) => Some(*wait),
            Self::RateLimited(_, wait) => *wait,
            _ => None,
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Still under way.
    Running,
    /// It answered.
    Ok,
    /// It failed.
    Error,
    /// The caller gave up.
    Cancelled,
}

impl Outcome {
    /// As the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One try of one deployment, on the wire.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Which deployment.
    pub deployment: DeploymentId,
    /// How it ended.
    pub outcome: Outcome,
    /// The kind of error, if it failed.
    pub error: Option<ErrorKind>,
    /// The error in words.
    pub message: Option<String>,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Seconds from the beginning of the call.
    pub started: f64,
    /// Seconds.
    pub duration: f64,
    /// Seconds to the first token, of a stream.
    pub ttft: Option<f64>,
    /// Whether it was a second copy of a slow one.
    pub hedge: bool,
    /// Seconds that the provider asked us to wait.
    pub retry_after: Option<f64>,
    /// Whether the provider may have worked on it, and billed it, though no answer came.
    pub possibly_billed: bool,
    /// Events of the stream that could not be read and were skipped.
    pub skipped_events: u32,
}

impl Serialize for Candidate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("deployment", &self.deployment)?;
        map.serialize_entry("accepted", &self.refused.is_none())?;
        map.serialize_entry("fallback", &self.fallback)?;
        map.serialize_entry("reason", &self.refused.as_ref().map(Reason::code))?;
        map.serialize_entry("detail", &self.detail())?;
        map.serialize_entry("rank", &self.rank)?;
        map.serialize_entry("score", &self.score)?;
        map.serialize_entry("scores", &self.scores)?;
        map.serialize_entry("estimated_cost", &self.estimated_cost.map(Money::usd))?;
        map.serialize_entry("expected_latency", &self.expected_latency)?;
        map.serialize_entry("predicted_quality", &self.predicted_quality)?;
        map.serialize_entry("propensity", &self.propensity)?;
        map.end()
    }
}

impl Serialize for Attempt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("deployment", &self.deployment)?;
        map.serialize_entry("outcome", &self.outcome)?;
        map.serialize_entry("error", &self.error.map(ErrorKind::as_str))?;
        map.serialize_entry("message", &self.message)?;
        map.serialize_entry("status", &self.status)?;
        map.serialize_entry("started", &self.started)?;
        map.serialize_entry("duration", &self.duration)?;
        map.serialize_entry("ttft", &self.ttft)?;
        map.serialize_entry("hedge", &self.hedge)?;
        map.serialize_entry("retry_after", &self.retry_after)?;
        map.serialize_entry("possibly_billed", &self.possibly_billed)?;
        map.serialize_entry("skipped_events", &self.skipped_events)?;
        map.end()
    }
}

impl Serialize for Decision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("version", &VERSION)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("at", &self.at)?;
        map.serialize_entry("route", &self.route)?;
        map.serialize_entry("requested", &self.requested)?;
        map.serialize_entry("chosen", &self.chosen)?;
        map.serialize_entry("reason", &self.reason)?;
        map.serialize_entry("error", &self.error.map(ErrorKind::as_str))?;
        map.serialize_entry("signals", &self.signals.to_value())?;
        map.serialize_entry("rules", &self.rules)?;
        if let Some(counts) = &self.redacted {
            let counts: Map = counts.iter().map(|(kind, count)| ((*kind).to_owned(), (*count).into())).collect();
            map.serialize_entry("redacted", &counts)?;
        }
        map.serialize_entry("candidates", &self.candidates)?;
        map.serialize_entry("attempts", &self.attempts)?;
        map.serialize_entry("overhead_us", &(self.overhead.as_nanos() as f64 / 1e3))?;
        if !self.waited.is_zero() {
            map.serialize_entry("waited", &self.waited.as_secs_f64())?;
        }
        map.end()
    }
}
