//! How the deployments stand, for people.

use serde::Serialize;

use super::{Router, live::Live};
use crate::{catalog::ModelFacts, clock};

/// One deployment's standing.
#[derive(Clone, Debug, Serialize)]
pub struct DeploymentStatus {
    /// Its name.
    pub name: String,
    /// Its provider.
    pub provider: String,
    /// Its model.
    pub model: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Whether it was switched off.
    pub disabled: bool,
    /// `closed`, `open` or `half_open`.
    pub breaker: &'static str,
    /// Seconds until an open breaker lets a probe pass.
    pub opens_in: Option<f64>,
    /// Attempts under way.
    pub in_flight: u32,
    /// Calls in line for room on it.
    pub waiting: u64,
    /// Median seconds to the whole answer.
    pub p50: Option<f64>,
    /// 95th percentile of it.
    pub p95: Option<f64>,
    /// Median seconds to the first token.
    pub ttft: Option<f64>,
    /// Share of attempts that failed of late, 0..1.
    pub error_rate: f64,
    /// Attempts so far.
    pub requests: u64,
    /// Failed ones, by kind of error, the most frequent first.
    pub failures: Vec<(&'static str, u64)>,
    /// What is left of each limit that is set.
    pub limits_left: Vec<(&'static str, u64)>,
    /// US dollars spent on it.
    pub spend: f64,
    /// What the model can do, and how much it takes and gives.
    pub capabilities: ModelFacts,
}

/// Failed attempts by kind, the most frequent first.
fn failures(live: &Live) -> Vec<(&'static str, u64)> {
    let mut failures: Vec<_> = live.counts().errors.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    failures.sort_by_key(|(kind, count)| (std::cmp::Reverse(*count), *kind));
    failures
}

impl Router {
    /// How every deployment stands, in the order written.
    pub fn deployments(&self) -> Vec<DeploymentStatus> {
        let now = clock::now();
        let fleet = self.shared.fleet.load();
        fleet
            .targets
            .iter()
            .map(|target| {
                let (deployment, live) = (target.deployment(), &target.live);
                let figures = live.figures(now);
                let wait = live.breaker.wait(now);
                DeploymentStatus {
                    name: deployment.id.to_string(),
                    provider: deployment.provider.id.into(),
                    model: deployment.model.clone(),
                    tags: deployment.tags.clone(),
                    disabled: live.is_disabled(),
                    breaker: live.breaker.state(now).as_str(),
                    opens_in: (!wait.is_zero()).then_some(wait.as_secs_f64()),
                    in_flight: live.limiter.in_flight(),
                    waiting: live.limiter.line().waiting() as u64,
                    p50: figures.p50,
                    p95: figures.p95,
                    ttft: figures.ttft,
                    error_rate: figures.error_rate,
                    requests: figures.requests,
                    failures: failures(live),
                    limits_left: live.limiter.left(now),
                    spend: live.spent().usd(),
                    capabilities: deployment.facts.clone(),
                }
            })
            .collect()
    }

    /// Calls under way, and repetitions among them.
    pub fn under_way(&self) -> (u64, u64) {
        self.shared.load.now()
    }

    /// The names of all routes, sorted.
    pub fn routes(&self) -> Vec<String> {
        let fleet = self.shared.fleet.load();
        let mut names: Vec<String> = fleet.lanes().map(|lane| lane.settings.route.id.to_string()).collect();
        names.sort_unstable();
        names
    }
}
