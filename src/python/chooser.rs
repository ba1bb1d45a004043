//! A Python function as a strategy.

use std::sync::Arc;

use pyo3::{
    prelude::*,
    types::{PyDict, PyString},
};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::convert::object;
use crate::{
    chat::Map,
    config::Settings,
    error::{Error, ErrorKind, Result},
    select::{Chooser, Custom, Offer, StrategyConfig},
};

/// `(candidates, signals) -> names`.
struct Function(Py<PyAny>);

impl Chooser for Function {
    fn choose(&self, offers: &[Offer<'_>], signals: &Map) -> Result<Vec<String>> {
        let call = || Python::attach(|py| self.call(py, offers, signals).map_err(|error| failed(py, error)));
        if Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::CurrentThread) {
            // In a simulation nobody else is kept waiting, and its time stands still.
            return call();
        }
        // The function may take its time, or wait for another call of the router: meanwhile the runtime goes on without
        // this thread.
        tokio::task::block_in_place(call)
    }
}

impl Function {
    fn call(&self, py: Python<'_>, offers: &[Offer<'_>], signals: &Map) -> PyResult<Vec<String>> {
        let names = self.0.bind(py).call1((object(py, offers)?, object(py, signals)?))?;
        match names.cast::<PyString>() {
            Ok(one) => Ok(vec![one.to_string()]),
            Err(_) => names.try_iter()?.map(|name| name?.extract()).collect(),
        }
    }
}

/// The exception is the cause; its words may quote anything, so they are not in the message.
fn failed(py: Python<'_>, error: PyErr) -> Error {
    let class = error.get_type(py).name().map_or_else(|_| "an exception".to_owned(), |name| name.to_string());
    let mut failure =
        Error::new(ErrorKind::Strategy, format!("the strategy failed with {class}, or did not return names"));
    failure.context.source = Some(Arc::new(error));
    failure
}

/// Puts Python functions in the place of the strategies of these routes.
pub(super) fn install(settings: &mut Settings, functions: &Bound<'_, PyDict>) -> PyResult<()> {
    for (name, function) in functions {
        let name: String = name.extract()?;
        let custom = Custom(Arc::new(Function(function.unbind())));
        if let Some(route) = settings.routes.iter_mut().find(|route| route.route.id.as_str() == name) {
            route.strategy = StrategyConfig::Custom(custom);
        }
    }
    Ok(())
}
