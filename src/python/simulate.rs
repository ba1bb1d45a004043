//! Simulations for Python: on a thread of their own, without the GIL; Ctrl-C ends them.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
};

use pyo3::{prelude::*, types::PyDict};

use super::{
    chooser,
    convert::{self, object},
    error::raise,
    prove::settings,
    runtime::{SIGNALS, defect},
};
use crate::{
    config::{
        Settings,
        scenario::{BUILTIN, Scenario},
    },
    error::{Error, Result},
    simulate,
};

/// The report of a run. Variables that are not set here do not matter: nothing is sent. `aim` is whom a built-in scenario hits.
#[pyfunction]
#[pyo3(signature = (source, strategies, scenario, aim, seed))]
#[expect(clippy::too_many_arguments, reason = "the interpreter's own handle and what a caller of Python says")]
pub(super) fn simulate_run(
    py: Python<'_>,
    source: Option<&Bound<'_, PyAny>>,
    strategies: &Bound<'_, PyDict>,
    scenario: &Bound<'_, PyAny>,
    aim: Option<&str>,
    seed: u64,
) -> PyResult<Py<PyAny>> {
    let fail = |error: Error| raise(py, error.into());
    let mut fleet = settings(source)?.map_err(fail)?;
    chooser::install(&mut fleet, strategies)?;
    let script = read(scenario, aim, &fleet)?.map_err(fail)?;
    let stop = Arc::new(AtomicBool::new(false));
    let (sender, mut receiver) = mpsc::sync_channel(1);
    let halted = Arc::clone(&stop);
    let work = move || drop(sender.send(simulate::simulate(&fleet, &script, seed, &halted)));
    std::thread::Builder::new().name("waypost-simulate".into()).spawn(work)?;
    loop {
        let waited = py.detach(move || {
            let result = receiver.recv_timeout(SIGNALS);
            (receiver, result)
        });
        receiver = waited.0;
        match waited.1 {
            Ok(report) => return object(py, &report.map_err(fail)?),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                py.check_signals().inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return Err(defect(py)),
        }
    }
}

/// The scenarios that need no file: name, what happens, and the text.
#[pyfunction]
pub(super) fn scenarios() -> Vec<(&'static str, &'static str, &'static str)> {
    BUILTIN.iter().map(|builtin| (builtin.name, builtin.about, builtin.text)).collect()
}

/// A mapping, the name of a built-in scenario, or the path of a file.
fn read(scenario: &Bound<'_, PyAny>, aim: Option<&str>, settings: &Settings) -> PyResult<Result<Scenario>> {
    let Ok(path) = scenario.extract::<PathBuf>() else {
        return Ok(Scenario::from_value(&convert::value(scenario)?));
    };
    // A word is a name: files have an extension, which tells their format.
    let name = path.to_str().filter(|name| path.extension().is_none() && !name.contains(std::path::MAIN_SEPARATOR));
    Ok(match (name, aim) {
        (Some(name), Some(aim)) => Scenario::builtin(name, aim),
        (Some(name), None) => Scenario::builtin(name, first_choice(settings)),
        (None, None) => Scenario::from_path(&path),
        (None, Some(_)) => {
            let message = "a scenario from a file says itself whom its outages hit";
            let hint = "leave `outage` out, or take a built-in scenario".to_owned();
            Err(Error::config(path.display().to_string(), message).with_hint(Some(hint)))
        }
    })
}

/// Whose outage is asked about when nobody says: the provider that the default route asks first.
fn first_choice(settings: &Settings) -> &str {
    let auto = settings.routes.iter().find(|route| route.route.id.as_str() == "auto");
    let first = auto.and_then(|route| route.route.candidates.first()).map(|candidate| &candidate.deployment);
    let deployment = first.and_then(|id| settings.deployments.iter().find(|settings| settings.deployment.id == *id));
    deployment.or(settings.deployments.first()).map_or("*", |settings| settings.deployment.provider.id)
}
