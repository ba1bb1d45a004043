//! Replay, what-if and off-policy estimates for Python.

use std::path::PathBuf;

use pyo3::{exceptions::PyOSError, prelude::*, types::PyDict};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    check::stood_in,
    chooser,
    convert::{self, object},
    error::raise,
    results::Decided,
    runtime::guarded,
};
use crate::{
    chat::Map,
    clock,
    config::{self, Settings},
    error::{Error, ErrorKind, Result},
    learn::offpolicy::{self, Trial},
    router::{
        fleet::Fleet,
        replay::{self as again, Case, Replayed, World},
    },
    trace::{
        Facts, Origin,
        log::read::{Reader, Span},
    },
};

/// Rows between two words to the progress bar.
const STEP: usize = 256;

/// Every call of the log at `path`, decided again; `progress` hears now and then how many are done.
#[pyfunction]
#[pyo3(signature = (path, source, options, strategies, since=None, until=None, progress=None))]
#[expect(clippy::too_many_arguments, reason = "the arguments of one Python call")]
pub(super) fn replay(
    py: Python<'_>,
    path: &Bound<'_, PyAny>,
    source: Option<&Bound<'_, PyAny>>,
    options: &Bound<'_, PyDict>,
    strategies: &Bound<'_, PyDict>,
    since: Option<f64>,
    until: Option<f64>,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Py<PyAny>> {
    let (path, progress): (PathBuf, _) = (path.extract()?, progress.map(|progress| progress.clone().unbind()));
    let mut settings = settings(source, options)?.map_err(|error| raise(py, error.into()))?;
    chooser::install(&mut settings, strategies)?;
    let span = Span { since, until };
    // A file that is not there, or is no log, is found before anything is replayed.
    Reader::open(&path, span).map_err(PyOSError::new_err)?;
    let mut rows: Vec<Replayed> = Vec::new();
    let done = guarded(py, || {
        again::replay(&path, span, settings, |row| {
            rows.push(row);
            match &progress {
                Some(progress) if rows.len().is_multiple_of(STEP) => tell(progress, rows.len()),
                _ => Ok(()),
            }
        })
    })?;
    done.map_err(|error| raise(py, error.into()))?;
    object(py, &rows)
}

fn tell(progress: &Py<PyAny>, done: usize) -> Result<()> {
    Python::attach(|py| {
        let told = progress.call1(py, (done,)).and_then(|_| py.check_signals());
        told.map_err(|error| {
            let mut failure = Error::new(ErrorKind::Strategy, "the progress bar failed, or was interrupted");
            failure.context.source = Some(std::sync::Arc::new(error));
            failure
        })
    })
}

/// Settings from a path, a mapping or a list, with a stand-in for each variable that is missing: nothing is sent.
fn settings(source: Option<&Bound<'_, PyAny>>, options: &Bound<'_, PyDict>) -> PyResult<Result<Settings>> {
    let path = source.and_then(|source| source.extract::<PathBuf>().ok());
    let value = match (source, &path) {
        (Some(source), None) => Some(convert::value(source)?),
        _ => None,
    };
    let options = map(options)?;
    Ok(stood_in(|env| match (&path, &value) {
        (Some(path), _) => config::from_path_with(path, options.clone(), env),
        (None, Some(value)) => config::from_value_with(value.clone(), options.clone(), env),
        (None, None) => config::from_env_with(options.clone(), env),
    }))
}

fn map(options: &Bound<'_, PyDict>) -> PyResult<Map> {
    match convert::value(options.as_any())? {
        Value::Object(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

/// A decision as it was written down.
#[derive(Deserialize)]
struct Written {
    id: String,
    requested: String,
    at: f64,
    route: String,
    signals: Map,
    facts: Facts,
}

/// What is supposed to be different.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Change {
    down: Vec<String>,
    weights: Option<Vec<(String, f64)>>,
    /// Keys of the configuration that replace those it has.
    config: Map,
    /// The strategy of the route taken.
    strategy: Option<Value>,
    signals: Map,
    model: Option<String>,
    max_cost: Option<f64>,
    max_tokens: Option<u64>,
}

/// The decision that `state` holds, taken again under `source`, or else under the configuration that it was taken under.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "the arguments of one Python call")]
pub(super) fn what_if(
    py: Python<'_>,
    handle: Option<&Decided>,
    state: &Bound<'_, PyAny>,
    source: Option<&Bound<'_, PyAny>>,
    change: &Bound<'_, PyAny>,
    strategies: &Bound<'_, PyDict>,
) -> PyResult<Py<PyAny>> {
    let mut written: Written = serde_json::from_value(convert::value(state)?).map_err(unreadable(py))?;
    let change: Change = serde_json::from_value(convert::value(change)?).map_err(unreadable(py))?;
    let origin = handle.map(Decided::origin).filter(|_| source.is_none());
    let mut settings = match (&origin, source) {
        (Some(origin), _) => stood_in(|env| from_origin(origin, &written.route, &change, env)),
        (None, Some(source)) => {
            let document = document(source)?.map_err(|error| raise(py, error.into()))?;
            let origin = Origin { document: document.into(), ..Origin::default() };
            stood_in(|env| from_origin(&origin, &written.route, &change, env))
        }
        (None, None) => {
            let message = "this decision no longer knows its configuration: give one";
            Err(Error::new(ErrorKind::InvalidRequest, message))
        }
    }
    .map_err(|error| raise(py, error.into()))?;
    if origin.is_none() || !strategies.is_empty() {
        chooser::install(&mut settings, strategies)?;
    }
    weigh(&mut settings, &written.route, change.weights.as_deref()).map_err(|error| raise(py, error.into()))?;
    suppose(&mut written, change.model, change.max_cost, change.max_tokens, change.signals);
    let down = change.down;
    let decided = guarded(py, || decide(settings, &written, down))?;
    decided.map_err(|error| raise(py, error.into())).and_then(|decision| Decided::new(decision.into()).wrap(py))
}

fn unreadable(py: Python<'_>) -> impl Fn(serde_json::Error) -> PyErr + '_ {
    move |error| raise(py, Error::new(ErrorKind::InvalidRequest, format!("cannot be decided again: {error}")).into())
}

/// The document that `source` is, or names.
fn document(source: &Bound<'_, PyAny>) -> PyResult<Result<Value>> {
    match source.extract::<PathBuf>() {
        Ok(path) => Ok(config::document(&path)),
        Err(_) => convert::value(source).map(Ok),
    }
}

fn from_origin(origin: &Origin, route: &str, change: &Change, env: config::Env<'_>) -> Result<Settings> {
    let mut document = match &*origin.document {
        Value::Object(map) => map.clone(),
        list => Map::from_iter([("deployments".to_owned(), list.clone())]),
    };
    document.extend(change.config.clone());
    // Other weights are for the strategy that draws by them.
    let weighted = Value::from("weighted");
    if let Some(strategy) = change.strategy.as_ref().or(change.weights.as_ref().map(|_| &weighted)) {
        match document.get_mut("routes").and_then(|routes| routes.get_mut(route)).and_then(Value::as_object_mut) {
            Some(route) => {
                unweighted(route, strategy);
                route.insert("strategy".into(), strategy.clone());
            }
            None if route == "auto" => _ = document.insert("strategy".into(), strategy.clone()),
            None => {
                let message = format!("`{route}` is no route of the configuration: it has no strategy to change");
                return Err(Error::new(ErrorKind::InvalidRequest, message));
            }
        }
    }
    let mut settings = config::from_value(Value::Object(document), env)?;
    for (name, function) in &*origin.functions {
        let route = settings.routes.iter_mut().find(|route| route.route.id.as_str() == *name);
        if let Some(route) = route.filter(|_| change.strategy.is_none() && change.weights.is_none()) {
            route.strategy = crate::select::StrategyConfig::Custom(function.clone());
        }
    }
    Ok(settings)
}

/// Takes weights out of the candidates of `route` if `strategy` reads none: they would be a mistake.
fn unweighted(route: &mut Map, strategy: &Value) {
    let kind = strategy.get("kind").unwrap_or(strategy);
    if kind == "weighted" {
        return;
    }
    for candidate in route.get_mut("candidates").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(map) = candidate.as_object_mut() {
            map.shift_remove("weight");
        }
    }
}

/// Gives the candidates of `route` other weights.
fn weigh(settings: &mut Settings, route: &str, weights: Option<&[(String, f64)]>) -> Result<()> {
    let Some(weights) = weights else { return Ok(()) };
    let wrong = |message: String| Error::new(ErrorKind::InvalidRequest, message);
    let Some(lane) = settings.routes.iter_mut().find(|lane| lane.route.id.as_str() == route) else {
        return Err(wrong(format!("`{route}` is no route of the configuration: it has no weights")));
    };
    for (name, weight) in weights {
        let found = lane.route.candidates.iter_mut().find(|candidate| candidate.deployment.as_str() == name);
        let Some(candidate) = found else { return Err(wrong(format!("`{name}` is no candidate of route `{route}`"))) };
        if !weight.is_finite() || *weight < 0.0 {
            return Err(wrong(format!("the weight of `{name}` must be a number of 0 or more")));
        }
        candidate.weight = *weight;
    }
    Ok(())
}

fn suppose(written: &mut Written, model: Option<String>, cost: Option<f64>, tokens: Option<u64>, signals: Map) {
    if let Some(model) = model {
        written.signals.insert("model".into(), model.clone().into());
        written.requested = model;
    }
    written.facts.max_cost = cost.or(written.facts.max_cost);
    written.facts.max_tokens = tokens.or(written.facts.max_tokens);
    for (name, value) in signals {
        match (written.signals.get_mut(&name), value) {
            // Of a map, such as `sensitive`, what is not said stays.
            (Some(Value::Object(known)), Value::Object(more)) if name == "sensitive" => known.extend(more),
            (_, value) => _ = written.signals.insert(name, value),
        }
    }
}

fn decide(settings: Settings, written: &Written, down: Vec<String>) -> Result<crate::trace::Decision> {
    let fleet = Fleet::new(settings, None, clock::now())?;
    for name in &down {
        fleet.place(name)?;
    }
    let world = World { down, ..World::default() };
    let Written { id, requested, at, signals, facts, .. } = written;
    let case = Case { id, requested, at: *at, signals, facts };
    again::again(&fleet, case, &world)?.map_err(|lacking| {
        let message = format!("rules ask for what the decision does not hold: {}", lacking.join(", "));
        Error::new(ErrorKind::InvalidRequest, message)
    })
}

/// What another way of choosing would have been worth; nothing without trials.
#[pyfunction]
pub(super) fn off_policy(py: Python<'_>, trials: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    let value = convert::value(trials)?;
    let trials: Vec<Trial> = value.as_array().into_iter().flatten().map(trial).collect();
    object(py, &json!(offpolicy::estimate(&trials)))
}

fn trial(value: &Value) -> Trial {
    let number = |key: &str| value.get(key).and_then(Value::as_f64).unwrap_or_default();
    let pairs = |key: &str| {
        let items = value.get(key).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(|pair| Some((pair.get(0)?.as_str()?.to_owned(), pair.get(1)?.as_f64()?))).collect()
    };
    Trial {
        reward: number("reward"),
        action: value.get("action").and_then(Value::as_str).unwrap_or_default().to_owned(),
        propensity: number("propensity"),
        target: pairs("target"),
        logged: pairs("logged"),
    }
}
