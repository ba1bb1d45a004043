//! What planning looked at beside the signals: enough to decide a request again, without the request.
//!
//! A decision can be taken anew — under another configuration, or with a deployment down — only if what it rested on was
//! written down: what the request needs, how busy and how fast everyone was at that moment, and the draw of chance. None of
//! it is text of the request.

use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Overspend, Reason};
use crate::{
    catalog::{Ability, Money, Price},
    id::DeploymentId,
    select::{Belief, Custom},
};

/// What a decision rested on, beside its signals.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// How far off the estimate of prompt tokens may be.
    pub token_error: u64,
    /// Abilities that the request needs.
    pub abilities: Vec<Ability>,
    /// Answer tokens at most, as the caller said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// Whether vectors were wanted.
    pub embed: bool,
    /// US dollars that the caller allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<f64>,
    /// The mean length of answers on the route taken, in tokens.
    pub mean_answer: f64,
    /// The seed of every draw of the call.
    pub draw: u64,
    /// How many calls the route had had.
    pub turn: u64,
    /// Who answered the session last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<DeploymentId>,
    /// Who was to be tried first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planned: Option<DeploymentId>,
    /// How the route ranked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// What conditions over the text came to, which cannot be evaluated again: by the hash of the condition. `None` stands
    /// for one that failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<(String, Option<bool>)>,
    /// What counted as sensitive: the threshold, and the types added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sensitive: Option<(f64, Vec<String>)>,
    /// Everyone who was considered, as he was at that moment.
    pub moments: Vec<Moment>,
}

/// A deployment at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Moment {
    /// Which; set where it stands in a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<DeploymentId>,
    /// What it charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// The chance that it was the one to be tried first; absent if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propensity: Option<f64>,
    /// What its answer was predicted to be worth, 0..1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<f64>,
    /// What a strategy that learns believed of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub belief: Option<Belief>,
    /// Median seconds to the whole answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50: Option<f64>,
    /// Median seconds to the first token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttft: Option<f64>,
    /// Whether the last measurement was old.
    #[serde(skip_serializing_if = "is_false")]
    pub stale: bool,
    /// Requests in flight, as a share of its concurrency limit if it has one.
    #[serde(skip_serializing_if = "is_zero")]
    pub load: f64,
    /// The share of its traffic that it should get while it recovers; absent for all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// Whether it was switched off.
    #[serde(skip_serializing_if = "is_false")]
    pub disabled: bool,
    /// How long its breaker was still open, in seconds; absent if it was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rest: Option<f64>,
    /// The limit that it was at, and for how long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<(String, Option<f64>)>,
    /// The budget that had no room for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Spent>,
    /// What a US dollar counted in scores, where a budget was paced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_of_money: Option<f64>,
}

/// The configuration that a decision was made under, as it was written. It may hold keys, so it is never shown.
#[derive(Clone, Default)]
pub struct Origin {
    /// The document.
    pub document: Arc<Value>,
    /// The user's own functions, by the route that they order.
    pub functions: Arc<Vec<(String, Custom)>>,
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Origin")
    }
}

/// A budget without room.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Its name.
    pub name: String,
    /// When it starts anew, in seconds since 1970.
    pub resets_at: f64,
}

/// The limits a deployment can be at, by name.
const LIMITS: [&str; 8] = ["concurrency", "queue", "rpm", "tpm", "input_tpm", "output_tpm", "rpd", "provider"];

impl Facts {
    /// What was known of this deployment; absent if it was not considered.
    pub fn moment(&self, deployment: &DeploymentId) -> Option<&Moment> {
        self.moments.iter().find(|moment| moment.deployment.as_ref() == Some(deployment))
    }

    /// The chance that the one who was to be tried first was drawn.
    pub fn propensity(&self) -> Option<f64> {
        self.moment(self.planned.as_ref()?)?.propensity
    }
}

impl Moment {
    /// What kept it from serving for a while, if anything: its breaker, or a limit.
    pub fn unavailable(&self) -> Option<Reason> {
        if let Some(rest) = self.rest {
            return Some(Reason::BreakerOpen(seconds(rest)));
        }
        let (name, wait) = self.limit.as_ref()?;
        let known = LIMITS.iter().find(|known| *known == name).copied().unwrap_or("reached");
        Some(Reason::RateLimited(known, wait.map(seconds)))
    }

    /// The budget that had no room for an answer of this cost, at `unix` seconds since 1970.
    pub fn overspent(&self, cost: Option<Money>, unix: f64) -> Option<Reason> {
        let Spent { name, resets_at } = self.budget.clone()?;
        Some(Reason::Budget(Overspend { budget: name, resets_at, wait: (resets_at - unix).max(0.0), cost }))
    }
}

fn seconds(of: f64) -> Duration {
    Duration::try_from_secs_f64(of).unwrap_or_default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_come_back_from_json_as_they_were() {
        let moment = Moment {
            deployment: Some("a".into()),
            propensity: Some(0.75),
            rest: Some(2.5),
            budget: Some(Spent { name: "day".into(), resets_at: 10.0 }),
            ..Moment::default()
        };
        let facts = Facts {
            abilities: vec![Ability::Tools],
            draw: u64::MAX,
            planned: Some("a".into()),
            conditions: vec![("ab".into(), None)],
            moments: vec![moment],
            ..Facts::default()
        };
        let text = serde_json::to_string(&facts).unwrap();
        assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), facts);
        assert_eq!(facts.propensity(), Some(0.75));
        assert_eq!(facts.moments[0].unavailable(), Some(Reason::BreakerOpen(Duration::from_millis(2500))));
        assert_eq!(facts.moments[0].overspent(None, 4.0).map(|reason| reason.code()), Some("budget"));
    }
}
