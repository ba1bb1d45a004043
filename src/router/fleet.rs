//! The configuration, ready to be planned over: names resolved to places in a list, everything that can be computed
//! before the first request computed. Replaced as a whole on reload; calls under way keep the one they began with.

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{learned::Learned, live::Live, meaning};
use crate::{
    adapter::{self, Adapter},
    catalog::Deployment,
    chat::{ChatRequest, Map},
    clock::Instant,
    config::{DeploymentSettings, RouteSettings, Settings},
    error::{Error, ErrorKind, Result},
    id::DeploymentId,
    policy::{Policy, Reads, Verdict},
    resilience::{ResilienceConfig, hedge::HedgeBudget},
    signals::{
        InjectionDetector,
        intent::{self, Examples},
        sensitive::{Detector, SensitiveConfig, SensitiveReport},
    },
    trace::Origin,
};

/// Answer tokens assumed on a route that has not answered yet.
pub(super) const FIRST_ANSWER: f64 = 400.0;
/// Answers behind the running mean, about.
const ANSWER_MEMORY: f64 = 50.0;

/// A deployment with everything that is needed to call it.
#[derive(Debug)]
pub struct Target {
    /// What is fixed about it, its limits and its resilience.
    pub settings: DeploymentSettings,
    /// How its wire is spoken.
    pub adapter: &'static dyn Adapter,
    /// What changes while it runs.
    pub live: Arc<Live>,
}

impl Target {
    /// What is fixed about it.
    pub fn deployment(&self) -> &Deployment {
        &self.settings.deployment
    }
}

/// A route over places in the fleet.
#[derive(Debug)]
pub struct Lane {
    /// Its settings.
    pub settings: RouteSettings,
    /// Candidates with their weights.
    pub candidates: Vec<(usize, f64)>,
    /// Second choice.
    pub fallback: Vec<usize>,
    /// Calls so far, for taking turns.
    pub turn: AtomicU64,
    /// Second copies of slow requests that may still be sent.
    pub hedges: HedgeBudget,
    /// What scores have taught it.
    pub learned: Arc<Learned>,
    answers: AtomicU64,
}

impl Lane {
    /// The mean length of its answers, in tokens.
    pub fn mean_answer(&self) -> f64 {
        f64::from_bits(self.answers.load(Ordering::Relaxed))
    }

    /// Takes one more answer into the mean.
    pub fn answered(&self, tokens: u64) {
        let mean = self.mean_answer();
        let mean = mean + (tokens as f64 - mean) / ANSWER_MEMORY;
        self.answers.store(mean.to_bits(), Ordering::Relaxed);
    }
}

/// All that can be called, and how.
#[derive(Debug)]
pub struct Fleet {
    /// The deployments, in the order written.
    pub targets: Vec<Arc<Target>>,
    /// The rules, compiled.
    pub policy: Policy,
    /// The configuration as it was written.
    pub origin: Origin,
    detector: OnceLock<Option<Detector>>,
    sensitive: SensitiveConfig,
    injection: OnceLock<Option<InjectionDetector>>,
    /// The user's own intents.
    pub examples: Examples,
    /// What is worked out of every request: a rule or a strategy reads it.
    pub wanted: Reads,
    /// Whether every request is looked through for sensitive content: a rule reads it, a log keeps it, or a route makes
    /// experiments.
    pub scans: bool,
    /// Whether an unknown ability refuses.
    pub refuse_unknown: bool,
    lanes: HashMap<String, Arc<Lane>>,
    names: HashMap<String, usize>,
}

/// What a caller's `model` stands for.
#[derive(Clone, Debug)]
pub enum Named {
    /// A route.
    Route(Arc<Lane>),
    /// One deployment.
    Deployment(usize),
}

impl Fleet {
    /// From checked settings. Deployments that `before` knew under the same name and endpoint keep their moving state.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a rule that does not compile.
    pub fn new(settings: Settings, before: Option<&Self>, now: Instant) -> Result<Self> {
        let deployments: Vec<&Deployment> = settings.deployments.iter().map(|d| &d.deployment).collect();
        let examples = Examples::new(&settings.intents);
        let policy = Policy::compile(&settings.rules, &deployments, &intent::names(examples.names()))?;
        let wanted = meaning::wanted(policy.reads(), settings.routes.iter().map(|route| &route.strategy));
        let sensitive = SensitiveConfig {
            threshold: settings.sensitive.threshold as f32,
            types: settings.sensitive.types.clone(),
            ..SensitiveConfig::default()
        };
        let seed = settings.seed.unwrap_or_else(|| u64::from_le_bytes(super::random_bytes()));
        let detector = OnceLock::new();
        // What is sensitive is no experiment, so it must be known where there are any.
        let explores = settings.routes.iter().any(|route| route.strategy.explores());
        let scans = policy.reads().sensitive || settings.log.is_some() || explores;
        if scans {
            let _ = detector.set(Some(Detector::new(sensitive.clone())?));
        }
        let injection = OnceLock::new();
        if policy.reads().injection {
            let _ = injection.set(Some(InjectionDetector::new()?));
        }
        let targets: Vec<Arc<Target>> = settings
            .deployments
            .into_iter()
            .enumerate()
            .map(|(at, d)| target(d, before, now, seed.wrapping_add(at as u64)))
            .collect();
        let names: HashMap<String, usize> =
            targets.iter().enumerate().map(|(at, t)| (t.deployment().id.to_string(), at)).collect();
        let learned = |route: &RouteSettings| learned(route, &targets, before);
        let lanes = settings.routes.into_iter();
        let lanes = lanes.map(|r| (r.route.id.to_string(), Arc::new(lane(learned(&r), r, &names)))).collect();
        Ok(Self {
            targets,
            policy,
            origin: settings.origin,
            examples,
            wanted,
            detector,
            sensitive,
            injection,
            scans,
            refuse_unknown: settings.refuse_unknown,
            lanes,
            names,
        })
    }

    /// What `name` stands for: a route, a deployment, or `"provider/model"` of a configured deployment.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownModel`] with the nearest names.
    pub fn resolve(&self, name: &str) -> Result<Named> {
        if let Some(lane) = self.lanes.get(name) {
            return Ok(Named::Route(Arc::clone(lane)));
        }
        if let Some(at) = self.names.get(name) {
            return Ok(Named::Deployment(*at));
        }
        let by_model = self.targets.iter().position(|target| {
            let deployment = target.deployment();
            name.split_once('/').is_some_and(|(p, m)| p == deployment.provider.id && m == deployment.model)
        });
        by_model.map(Named::Deployment).ok_or_else(|| self.unknown(name))
    }

    /// Where a request goes: by a route, which a rule may set, or to the one deployment that its caller named.
    pub fn way(&self, named: &Named, verdict: &Verdict) -> (Option<Arc<Lane>>, Option<usize>) {
        match named {
            Named::Route(own) => {
                let set = verdict.route.as_ref().and_then(|route| self.lane(route));
                (Some(Arc::clone(set.unwrap_or(own))), None)
            }
            Named::Deployment(at) => (None, Some(*at)),
        }
    }

    /// What sensitive content `request` and `metadata` hold. A detector that cannot be built counts everything as sensitive.
    pub fn scan(&self, request: &ChatRequest, metadata: &Map) -> SensitiveReport {
        match self.detector() {
            Some(detector) => detector.scan_with(request, Some(metadata)),
            None => {
                SensitiveReport { any: true, personal: true, secrets: true, health: true, ..SensitiveReport::default() }
            }
        }
    }

    /// What counts as sensitive: from which confidence, and which types beside the usual ones.
    pub fn sensitive(&self) -> (f64, Vec<String>) {
        (f64::from(self.sensitive.threshold), self.sensitive.types.clone())
    }

    /// How much `request` looks like an attempt to take over the model. A detector that cannot be built suspects everyone.
    pub fn injection(&self, request: &ChatRequest) -> f64 {
        let detector = self.injection.get_or_init(|| InjectionDetector::new().ok());
        detector.as_ref().map_or(1.0, |detector| detector.scan(request))
    }

    /// What looks for sensitive content; absent if it cannot be built.
    pub fn detector(&self) -> Option<&Detector> {
        self.detector.get_or_init(|| Detector::new(self.sensitive.clone()).ok()).as_ref()
    }

    /// A route by name.
    pub fn lane(&self, name: &str) -> Option<&Arc<Lane>> {
        self.lanes.get(name)
    }

    /// All routes.
    pub fn lanes(&self) -> impl Iterator<Item = &Arc<Lane>> {
        self.lanes.values()
    }

    /// A deployment's place by name.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownModel`] with the nearest names.
    pub fn place(&self, name: &str) -> Result<usize> {
        self.names.get(name).copied().ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> Error {
        let mut near: Vec<(usize, &str)> = self
            .lanes
            .keys()
            .chain(self.names.keys())
            .map(|known| (strsim::damerau_levenshtein(name, known), known.as_str()))
            .collect();
        near.sort_unstable();
        let shown: String = name.chars().take(80).collect();
        let nearest: Vec<String> = near.iter().take(3).map(|(_, known)| format!("`{known}`")).collect();
        let message = format!("no route or deployment is called `{shown}`; the nearest are {}", nearest.join(", "));
        let mut error = Error::new(ErrorKind::UnknownModel, message);
        error.context.name = Some(shown);
        error
    }
}

fn target(settings: DeploymentSettings, before: Option<&Fleet>, now: Instant, seed: u64) -> Arc<Target> {
    let deployment = &settings.deployment;
    let kept = before.and_then(|fleet| {
        let old = &fleet.targets[*fleet.names.get(deployment.id.as_str())?];
        let same = is_same(old.deployment(), deployment)
            && old.settings.limits == settings.limits
            && old.settings.resilience.breaker == settings.resilience.breaker;
        same.then(|| Arc::clone(&old.live))
    });
    let live = kept.unwrap_or_else(|| Arc::new(Live::new(&settings.limits, settings.resilience.breaker, now, seed)));
    Arc::new(Target { adapter: adapter::for_deployment(deployment), live, settings })
}

/// Whether `one` and `other` are the same endpoint, so that what was learned of one holds for the other.
fn is_same(one: &Deployment, other: &Deployment) -> bool {
    one.base_url == other.base_url && one.model == other.model
}

/// What a route of this name has learned before, of deployments that are still the same.
fn learned(route: &RouteSettings, targets: &[Arc<Target>], before: Option<&Fleet>) -> Arc<Learned> {
    let old = before.and_then(|fleet| Some((fleet, fleet.lane(route.route.id.as_str())?)));
    let Some((fleet, lane)) = old else { return Arc::default() };
    let target = |id: &DeploymentId| targets.iter().find(|target| target.deployment().id == *id);
    let former = |id: &DeploymentId| fleet.names.get(id.as_str()).map(|at| &fleet.targets[*at]);
    lane.learned.retain(|id| {
        target(id).zip(former(id)).is_some_and(|(one, other)| is_same(one.deployment(), other.deployment()))
    });
    Arc::clone(&lane.learned)
}

fn lane(learned: Arc<Learned>, settings: RouteSettings, names: &HashMap<String, usize>) -> Lane {
    let place = |id: &DeploymentId| names.get(id.as_str()).copied();
    let candidates = settings.route.candidates.iter().filter_map(|c| Some((place(&c.deployment)?, c.weight))).collect();
    let fallback = settings.route.fallback.iter().filter_map(place).collect();
    let answers = AtomicU64::new(FIRST_ANSWER.to_bits());
    let (turn, hedges) = (AtomicU64::new(0), HedgeBudget::default());
    Lane { settings, candidates, fallback, turn, hedges, learned, answers }
}

/// The resilience that holds for a call on `target` by way of `lane`: the deployment's own words over the route's.
pub fn resilience(target: &Target, lane: Option<&Lane>) -> ResilienceConfig {
    lane.map_or_else(
        || target.settings.resilience.clone(),
        |lane| target.settings.patch.apply(&lane.settings.resilience),
    )
}
