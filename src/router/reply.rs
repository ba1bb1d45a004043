//! An answer with everything that is known about how it came.

use std::{sync::Arc, time::Duration};

use crate::{
    accounting::Cost,
    id::{DeploymentId, ProviderId, RouteId},
    trace::Decision,
};

/// An answer (`ChatResponse` or `EmbedResponse`) with its cost, its origin and its decision.
#[derive(Clone, Debug)]
pub struct Reply<T> {
    /// The answer.
    pub body: T,
    /// What it cost.
    pub cost: Cost,
    /// Who served it.
    pub provider: ProviderId,
    /// Which deployment served it.
    pub deployment: DeploymentId,
    /// The route taken.
    pub route: RouteId,
    /// From the call to the end of the answer, over all attempts.
    pub latency: Duration,
    /// From the call to the first token; of streams.
    pub ttft: Option<Duration>,
    /// Why.
    pub decision: Arc<Decision>,
}
