//! Whether a class of requests can reach certain deployments, for Python.

use std::{cell::RefCell, collections::BTreeSet, path::PathBuf};

use pyo3::prelude::*;

use super::{
    check::{STAND_IN, variable},
    convert::{self, object},
    error::raise,
};
use crate::{
    chat::Map,
    config::{self, Settings},
    error::{Error, Result},
    router::Router,
    transport::client,
};

/// The proof, or the request that refutes it. Variables that are not set here do not matter: nothing is sent.
#[pyfunction]
#[pyo3(signature = (source, when, never))]
pub(super) fn prove(
    py: Python<'_>,
    source: Option<&Bound<'_, PyAny>>,
    when: Option<&str>,
    never: &str,
) -> PyResult<Py<PyAny>> {
    let settings = settings(source)?.map_err(|error| raise(py, error.into()))?;
    let proof = Router::new(settings, client::shared()).and_then(|router| py.detach(|| router.prove(when, never)));
    object(py, &proof.map_err(|error| raise(py, error.into()))?)
}

/// The settings for what sends nothing, with a stand-in for each variable that is missing.
pub(super) fn settings(source: Option<&Bound<'_, PyAny>>) -> PyResult<Result<Settings>> {
    let path = source.and_then(|source| source.extract::<PathBuf>().ok());
    let value = match (source, &path) {
        (Some(source), None) => Some(convert::value(source)?),
        _ => None,
    };
    let missing = RefCell::new(BTreeSet::new());
    let env = |name: &str| {
        let unset = missing.borrow().contains(name);
        if unset { Some(STAND_IN.to_owned()) } else { config::secret::process(name) }
    };
    loop {
        let read = match (&path, &value) {
            (Some(path), _) => config::from_path_with(path, Map::new(), &env),
            (None, Some(value)) => config::from_value_with(value.clone(), Map::new(), &env),
            (None, None) => config::from_env_with(Map::new(), &env),
        };
        match read.as_ref().err().and_then(unset) {
            // Each round names one more; a name that comes again is no name of a variable.
            Some(name) if missing.borrow_mut().insert(name.clone()) => {}
            _ => return Ok(read),
        }
    }
}

fn unset(error: &Error) -> Option<String> {
    variable(&error.message).map(str::to_owned)
}
