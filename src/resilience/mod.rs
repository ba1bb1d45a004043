//! How we try: deadlines, backoff, circuit breakers, limits. Not one word about language models in here.

pub mod adaptive;
pub mod allowance;
pub mod backoff;
pub mod breaker;
pub mod deadline;
pub mod hedge;
pub mod limit;
pub mod line;
pub mod patch;
pub mod queue;
pub mod throughput;
pub mod unavailable;

pub use patch::ResiliencePatch;

/// Everything that governs the attempts on one deployment; a deployment's own values win over its route's, those over
/// `[resilience]`.
#[derive(Clone, Debug, Default)]
pub struct ResilienceConfig {
    /// Time limits.
    pub timeouts: deadline::TimeoutConfig,
    /// The least speed of a stream; any unless written.
    pub throughput: throughput::ThroughputConfig,
    /// Attempts and pauses.
    pub retry: backoff::RetryConfig,
    /// When a deployment is given a rest.
    pub breaker: breaker::BreakerConfig,
    /// A second copy of a slow request; off unless written.
    pub hedge: Option<hedge::HedgeConfig>,
    /// How calls wait for room under limits.
    pub queue: queue::QueueConfig,
    /// What becomes of a call when everyone who may serve it is resting.
    pub unavailable: unavailable::OnAllUnavailable,
}
