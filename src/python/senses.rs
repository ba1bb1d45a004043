//! Python functions as signals of the user's own.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use pyo3::{
    prelude::*,
    types::{PyBool, PyDict, PyFloat, PyInt, PyString},
};
use serde_json::Value;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::{
    convert::{object, value},
    error::raise,
    runtime::runtime,
};
use crate::{
    chat::Map,
    config::Settings,
    error::Error,
    signals::own::{Done, Function, Outcome, Source, Work},
};

/// Calls of one function under way at most: where it hangs, threads do not pile up.
const MOST_UNDER_WAY: usize = 64;

/// `(request) -> number | string | bool | dict | None`.
struct Signal {
    function: Arc<Py<PyAny>>,
    under_way: Arc<AtomicUsize>,
}

/// A call under way, while it is held.
struct UnderWay(Arc<AtomicUsize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Work for Signal {
    fn start(&self, request: &Arc<Map>, done: Done) {
        let place = UnderWay(Arc::clone(&self.under_way));
        if self.under_way.fetch_add(1, Ordering::Relaxed) >= MOST_UNDER_WAY {
            return done(Err(format!("{MOST_UNDER_WAY} calls of it are under way")));
        }
        let (function, request) = (Arc::clone(&self.function), Arc::clone(request));
        let work = move || {
            // Nobody waits any longer when the interpreter ends.
            let outcome = Python::try_attach(|py| call(py, &function, &request));
            drop(place);
            done(outcome.unwrap_or_else(|| Err("the interpreter ends".into())));
        };
        if Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::CurrentThread) {
            // In a simulation nobody else is kept waiting, and its time stands still.
            return work();
        }
        if let Ok(runtime) = runtime() {
            drop(runtime.spawn_blocking(work));
        }
    }
}

fn call(py: Python<'_>, function: &Py<PyAny>, request: &Map) -> Outcome {
    // An exception's words may quote the prompt; its class does not.
    let failed = |error: PyErr| {
        let class = error.get_type(py).name().map_or_else(|_| "an exception".to_owned(), |name| name.to_string());
        format!("it raised {class}")
    };
    let request = object(py, request).map_err(failed)?;
    let found = function.bind(py).call1((request,)).map_err(failed)?;
    plain(&found).ok_or_else(|| "it is not a number, a text, true or false, or a mapping".into())
}

fn plain(found: &Bound<'_, PyAny>) -> Option<Value> {
    let known = found.is_none()
        || found.is_instance_of::<PyBool>()
        || found.is_instance_of::<PyInt>()
        || found.is_instance_of::<PyFloat>()
        || found.is_instance_of::<PyString>()
        || found.is_instance_of::<PyDict>();
    if known {
        return value(found).ok();
    }
    // Numbers and truths of other libraries (NumPy, PyTorch) know themselves.
    let item = found.call_method0("item").ok()?;
    item.hasattr("item").is_ok_and(|again| !again).then(|| plain(&item)).flatten()
}

/// Puts Python functions in the place of the signals of these names. Every function that is declared must be there.
pub(super) fn install(settings: &mut Settings, functions: &Bound<'_, PyDict>) -> PyResult<()> {
    let py = functions.py();
    let ready = py.import("waypost._senses")?.getattr("ready")?;
    for own in &mut settings.own {
        let Source::Function(slot) = &mut own.source else { continue };
        let Some(function) = functions.get_item(&own.shape.name)? else {
            let name = &own.shape.name;
            let error =
                Error::config(format!("signals.{name}"), format!("no function was given for the signal `{name}`"))
                    .with_hint(Some(format!(
                        "Router(…, signals={{\"{name}\": function}}), or write its `url` or `deployment`"
                    )));
            return Err(raise(py, error.into()));
        };
        let function = ready.call1((function, own.timeout.as_secs_f64()))?.unbind();
        *slot = Some(Function(Arc::new(Signal { function: Arc::new(function), under_way: Arc::default() })));
    }
    Ok(())
}
