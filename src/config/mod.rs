//! The user's configuration: TOML, YAML, JSON or a mapping, the same structure in each, strict in all.

mod budgets;
mod deployments;
mod discover;
mod endpoint;
mod facts;
mod hint;
mod intents;
mod later;
mod load;
mod matcher;
mod names;
mod parse;
mod reader;
mod resilience;
mod routes;
mod rules;
pub mod scenario;
mod schema;
pub mod secret;
mod sensitive;
mod strategy;
mod telemetry;
#[cfg(test)]
mod tests;
mod units;
mod validate;

pub use load::{
    Format, document, from_env, from_env_with, from_path, from_path_with, from_text, from_value, from_value_with,
    review,
};
pub use reader::Problem;

use std::time::Duration;

use crate::{
    catalog::{Deployment, Route},
    chat::Map,
    policy::{budget::BudgetConfig, rule::RuleConfig},
    resilience::{ResilienceConfig, ResiliencePatch, limit::LimitConfig},
    select::StrategyConfig,
    trace::{Origin, log::LogConfig, otlp::OtlpConfig},
};

/// Where `${NAME}` and the providers' keys are looked up; [`secret::process`] is the environment of this process.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A whole configuration, checked: every name resolves, every default is filled in.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// All deployments, in the order written.
    pub deployments: Vec<DeploymentSettings>,
    /// All routes; `auto` is always among them.
    pub routes: Vec<RouteSettings>,
    /// The rules, in the order written.
    pub rules: Vec<RuleConfig>,
    /// The user's own intents: name → example phrases.
    pub intents: Vec<(String, Vec<String>)>,
    /// Sensitive types to count and from which confidence.
    pub sensitive: SensitiveConfig,
    /// Spend ceilings.
    pub budgets: Vec<BudgetConfig>,
    /// Makes every draw repeatable.
    pub seed: Option<u64>,
    /// Whether a candidate whose ability is unknown is refused (`unknown_capabilities = "refuse"`).
    pub refuse_unknown: bool,
    /// Where decisions are written down, if anywhere (`telemetry.log`).
    pub log: Option<LogConfig>,
    /// Where spans of calls are sent, if anywhere (`telemetry.otlp`).
    pub otlp: Option<OtlpConfig>,
    /// As it was written.
    pub origin: Origin,
    /// Sections of later versions that were written, as they were written: `cache`, `state`.
    pub later: Map,
}

/// A deployment with its limits and its resilience.
#[derive(Clone, Debug)]
pub struct DeploymentSettings {
    /// What is fixed about it.
    pub deployment: Deployment,
    /// Its limits.
    pub limits: LimitConfig,
    /// Its own table over `[resilience]`: what governs its breaker, whichever route calls it.
    pub resilience: ResilienceConfig,
    /// Its own table alone, to be laid over the resilience of the route that calls it.
    pub patch: ResiliencePatch,
}

/// A route with its strategy.
#[derive(Clone, Debug)]
pub struct RouteSettings {
    /// Who may answer.
    pub route: Route,
    /// In what order.
    pub strategy: StrategyConfig,
    /// Its resilience where its own table, or `[resilience]`, says so: `retry.attempts`, `timeouts.total` and `hedge` of the call.
    pub resilience: ResilienceConfig,
    /// Whether a refusal for content goes to the next candidate (`on_content_filter = "failover"`).
    pub failover_content: bool,
    /// What becomes of a stream that breaks after its first content.
    pub on_stream_failure: OnStreamFailure,
}

/// `on_stream_failure`: what becomes of a stream that breaks after its first content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnStreamFailure {
    /// The default: as `Continue`, but on another deployment only, and not for a caller who joins all pieces. Nobody is
    /// asked again what he has begun to answer, unless the route says so.
    #[default]
    Elsewhere,
    /// It is an error with the partial answer.
    Raise,
    /// Another attempt answers anew, and its first chunk says so (`restarted`).
    Restart,
    /// Another attempt continues the text so far where its model is known to (`prefill`), or else answers anew.
    Continue,
}

/// `[sensitive]`.
#[derive(Clone, Debug, PartialEq)]
pub struct SensitiveConfig {
    /// From which confidence a finding counts.
    pub threshold: f64,
    /// Types that count as personal beside the built-in ones (`person`, `location` …).
    pub types: Vec<String>,
    /// The time a scan may take; beyond it the request counts as sensitive.
    pub time_limit: Duration,
}

impl Default for SensitiveConfig {
    fn default() -> Self {
        Self { threshold: 0.5, types: Vec::new(), time_limit: Duration::from_millis(50) }
    }
}
