//! A run: the router over the world, the callers coming in their time, a look at the breakers in every column.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::{
    caller::{Told, callers},
    chance::{MOST_CALLS, expected},
    internal, mix,
    world::World,
};
use crate::{
    catalog::Deployment,
    clock::{self, Instant},
    config::{Settings, scenario::Scenario},
    error::{Error, ErrorKind, Result},
    router::Router,
    transport::Transport,
};

/// The seed of the router's draws is another one than those of callers and providers.
const ROUTER: u64 = 2;

/// A router and the world around it.
#[derive(Debug)]
pub struct Stage {
    router: Router,
    world: Arc<World>,
    scenario: Arc<Scenario>,
    seed: u64,
    start: Instant,
    /// By column: whose breaker was not closed at its end.
    breakers: Mutex<Vec<Vec<bool>>>,
}

impl Stage {
    /// A router of `settings` over providers as `scenario` has them. Nothing is written to the decision log.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a scenario that speaks of what the configuration does not have, or that has no end.
    pub fn new(settings: Settings, scenario: &Scenario, seed: u64) -> Result<Self> {
        Self::over(settings, scenario, seed, false, |world| world)
    }

    /// As [`Self::new`], but every request is kept ([`World::sent`]), and what `wrap` makes of the world is what the router
    /// sends by.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn watched(
        settings: Settings,
        scenario: &Scenario,
        seed: u64,
        wrap: impl FnOnce(Arc<dyn Transport>) -> Arc<dyn Transport>,
    ) -> Result<Self> {
        Self::over(settings, scenario, seed, true, wrap)
    }

    fn over(
        mut settings: Settings,
        scenario: &Scenario,
        seed: u64,
        watched: bool,
        wrap: impl FnOnce(Arc<dyn Transport>) -> Arc<dyn Transport>,
    ) -> Result<Self> {
        let calls = expected(scenario);
        if calls > MOST_CALLS {
            let message = format!("these are about {calls:.0} calls; a simulation has at most {MOST_CALLS:.0}");
            let hint = "make `rpm` or `duration` smaller".to_owned();
            return Err(Error::config("traffic", message).with_hint(Some(hint)));
        }
        for (place, settings) in settings.deployments.iter_mut().enumerate() {
            World::mark(place, &mut settings.deployment);
        }
        settings.seed = Some(mix(seed, ROUTER));
        settings.log = None;
        settings.otlp = None;
        let deployments: Vec<&Deployment> = settings.deployments.iter().map(|settings| &settings.deployment).collect();
        let world = Arc::new(World::new(&deployments, scenario, seed, watched)?);
        let transport = wrap(Arc::<World>::clone(&world));
        let router = Router::new(settings, transport)?;
        let (scenario, start) = (Arc::new(scenario.clone()), clock::now());
        Ok(Self { router, world, scenario, seed, start, breakers: Mutex::default() })
    }

    /// The router.
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// The providers.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// By column: whose breaker was not closed at its end.
    pub fn columns(&self) -> Vec<Vec<bool>> {
        self.breakers.lock().clone()
    }

    /// Lets everybody call, and waits for the last of them. What became of the calls is told in the order of their coming.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`] after `stop`; what the router refuses about a call itself (a model that is not there).
    pub async fn play(&self, stop: &AtomicBool) -> Result<Vec<Told>> {
        let mut calls = JoinSet::new();
        let mut told = Vec::new();
        for caller in callers(&self.scenario, self.seed) {
            self.look(self.start + caller.at).await;
            clock::sleep_until(self.start + caller.at).await;
            if stop.load(Ordering::Relaxed) {
                return Err(Error::new(ErrorKind::Cancelled, "the simulation was stopped"));
            }
            calls.spawn(caller.call(self.router.clone(), Arc::clone(&self.scenario), self.seed));
            while let Some(ended) = calls.try_join_next() {
                told.push(ended.map_err(|_| defect())?);
            }
        }
        self.look(self.start + self.scenario.duration).await;
        while let Some(ended) = calls.join_next().await {
            told.push(ended.map_err(|_| defect())?);
        }
        told.sort_by_key(|told| told.number);
        Ok(told)
    }

    /// Notes how the breakers stand at the end of every column up to `until`.
    async fn look(&self, until: Instant) {
        loop {
            let column = self.breakers.lock().len() as u32 + 1;
            let end = self.start + self.scenario.step * column;
            if end > until {
                return;
            }
            clock::sleep_until(end).await;
            let open = self.router.deployments().iter().map(|status| status.breaker != "closed").collect();
            self.breakers.lock().push(open);
        }
    }
}

fn defect() -> Error {
    internal("a simulated call ended in a defect of waypost; please report it")
}
