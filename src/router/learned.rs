//! What scores teach the routes whose strategy learns, and which calls may still be scored.
//!
//! A score comes long after its call, or never, so what the call looked like is kept for it: of the last ten thousand
//! calls. A score for an older one, or for a call of another process, teaches nothing; the decision log takes it all the same.

use std::{
    borrow::Borrow,
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use parking_lot::RwLock;
use serde::Serialize;

use super::{Router, execute::Run};
use crate::{
    id::{DeploymentId, RequestId},
    select::{Bandit, Belief, Features, StrategyConfig, bandit::Learned as Lesson, features},
};

/// Calls that wait for a score at most; the oldest are forgotten first. About 300 bytes each.
const MOST: usize = 10_000;

/// What a route has learned. It outlives a reload, as long as the route keeps its name.
#[derive(Debug, Default)]
pub struct Learned(RwLock<Bandit>);

impl Learned {
    /// What is believed of `deployment` for a request that looks like `x`.
    pub fn belief(&self, deployment: &DeploymentId, x: &Features) -> Belief {
        self.0.read().belief(deployment, x)
    }

    /// `deployment` was so good for a request that looked like `x`.
    pub fn learn(&self, deployment: &DeploymentId, x: &Features, score: f64) -> Lesson {
        self.0.write().learn(deployment, x, score)
    }

    /// Forgets deployments that are not `kept`: what is called by the name of another one now.
    pub fn retain(&self, kept: impl FnMut(&DeploymentId) -> bool) {
        self.0.write().retain(kept);
    }
}

/// A call that was served, and may be scored.
#[derive(Debug)]
struct Served {
    route: Arc<Learned>,
    deployment: DeploymentId,
    x: Features,
    /// The score it was given, if any, and when.
    given: Option<(Lesson, f64)>,
}

/// The calls that may be scored.
#[derive(Debug, Default)]
pub struct Awaited {
    calls: HashMap<Key, Served>,
    order: VecDeque<Key>,
    scores: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key(RequestId);

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        self.0.as_str()
    }
}

impl Awaited {
    fn wait(&mut self, id: &RequestId, served: Served) {
        if self.order.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.calls.remove(&oldest);
        }
        self.order.push_back(Key(id.clone()));
        self.calls.insert(Key(id.clone()), served);
    }

    /// Teaches the call's route what it was worth; a second score takes the place of the first. Whether anything was
    /// learned: the call may be unknown.
    pub fn score(&mut self, id: &str, score: f64) -> bool {
        let Some(served) = self.calls.get_mut(id) else { return false };
        let Served { route, deployment, x, given } = served;
        *given = Some(if let Some((lesson, before)) = *given {
            route.0.write().revise(deployment, x, (lesson, before, score));
            (lesson, score)
        } else {
            (route.learn(deployment, x, score), score)
        });
        self.scores += 1;
        true
    }

    /// Scores that taught something.
    pub fn scores(&self) -> u64 {
        self.scores
    }
}

impl Run {
    /// The call was served: where its route learns, it may be scored.
    pub(super) fn await_score(&self) {
        let Some(lane) = self.plan.lane.as_ref() else { return };
        let decision = &self.plan.decision;
        if let (StrategyConfig::Bandit { .. }, Some(deployment)) = (&lane.settings.strategy, &decision.chosen) {
            let (route, x) = (Arc::clone(&lane.learned), features(&decision.signals));
            let served = Served { route, deployment: deployment.clone(), x, given: None };
            self.shared.awaited.lock().wait(&decision.id, served);
        }
    }
}

/// What a route has learned of one of its deployments.
#[derive(Clone, Debug, Serialize)]
pub struct Lessons {
    /// The route.
    pub route: String,
    /// The deployment.
    pub deployment: String,
    /// The score expected of it for the route's usual request, 0..1.
    pub score: f64,
    /// How far off that may be: one standard deviation.
    pub doubt: f64,
    /// Scores behind it; old ones count less and less.
    pub scores: f64,
}

impl Router {
    /// What the routes whose strategy learns have learned, by route, in the order in which their deployments are written.
    pub fn learned(&self) -> Vec<Lessons> {
        let fleet = self.shared.fleet.load();
        let learns = |strategy: &StrategyConfig| matches!(strategy, StrategyConfig::Bandit { .. });
        let mut lanes: Vec<_> = fleet.lanes().filter(|lane| learns(&lane.settings.strategy)).collect();
        lanes.sort_by(|one, other| one.settings.route.id.cmp(&other.settings.route.id));
        let mut rows = Vec::new();
        for lane in lanes {
            let bandit = lane.learned.0.read();
            let usual = bandit.usual();
            let places = lane.candidates.iter().map(|(at, _)| *at).chain(lane.fallback.iter().copied());
            rows.extend(places.map(|at| {
                let id = &fleet.targets[at].deployment().id;
                let Belief { mean, sd } = bandit.belief(id, &usual);
                Lessons {
                    route: lane.settings.route.id.to_string(),
                    deployment: id.to_string(),
                    score: mean,
                    doubt: sd,
                    scores: bandit.weight(id),
                }
            }));
        }
        rows
    }
}

#[cfg(test)]
mod tests;
