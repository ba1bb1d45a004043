//! A route: the name callers ask for, and who may answer under it.

use crate::id::{DeploymentId, RouteId};

/// The candidates of a route, in the order written, globs and tags expanded.
#[derive(Clone, Debug)]
pub struct Route {
    /// The name.
    pub id: RouteId,
    /// Equals, which the strategy ranks.
    pub candidates: Vec<Weighted>,
    /// Second choice, tried in order.
    pub fallback: Vec<DeploymentId>,
}

/// A candidate with its weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighted {
    /// Which deployment.
    pub deployment: DeploymentId,
    /// Its share under `weighted`; 1 unless written.
    pub weight: f64,
}
