//! The router for Python, each sync and async pair side by side over one core call.

use std::{path::PathBuf, sync::Arc};

use futures_util::{StreamExt, stream};
use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyDict, PyList},
};
use serde_json::Value;

use super::{
    bridge::{Finished, Pending, submit},
    chooser,
    convert::{self, object},
    error::raise,
    results::{Decided, Embedded, Replied},
    runtime::{block_on, guarded, runtime, settle_given_up},
    stream::Stream,
};
use crate::{
    catalog::builtin,
    chat::{ChatResponse, Map},
    config::{self, Settings},
    error::Error,
    router::{Call, Failure, Reply, Router},
    trace::log,
    transport::client,
};

/// The router.
#[pyclass(frozen, module = "waypost._waypost")]
pub(super) struct Core {
    router: Router,
}

fn fail(py: Python<'_>) -> impl Fn(Error) -> PyErr + '_ {
    move |error| raise(py, error.into())
}

/// Settings from a path, a mapping, a list, or (None) from the environment. `strategies` are Python functions by route.
fn settings(
    source: Option<&Bound<'_, PyAny>>,
    options: &Bound<'_, PyDict>,
    strategies: Option<&Bound<'_, PyDict>>,
) -> PyResult<Settings> {
    let py = options.py();
    let options: Map = match convert::value(options.as_any())? {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    let env = config::secret::process;
    let result = match source {
        None => config::from_env_with(options, &env),
        Some(source) => match source.extract::<PathBuf>() {
            Ok(path) => config::from_path_with(&path, options, &env),
            Err(_) => config::from_value_with(convert::value(source)?, options, &env),
        },
    };
    let mut settings = result.map_err(fail(py))?;
    if let Some(strategies) = strategies {
        chooser::install(&mut settings, strategies)?;
    }
    Ok(settings)
}

#[pymethods]
impl Core {
    #[new]
    #[pyo3(signature = (source, options, strategies=None))]
    fn new(
        source: Option<&Bound<'_, PyAny>>,
        options: &Bound<'_, PyDict>,
        strategies: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let settings = settings(source, options, strategies)?;
        let router = Router::new(settings, client::shared()).map_err(fail(options.py()))?;
        Ok(Self { router })
    }

    #[pyo3(signature = (source, options, strategies=None))]
    fn reload(
        &self,
        source: Option<&Bound<'_, PyAny>>,
        options: &Bound<'_, PyDict>,
        strategies: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let settings = settings(source, options, strategies)?;
        self.router.reload(settings).map_err(fail(options.py()))
    }

    fn chat(&self, messages: &Bound<'_, PyAny>, options: &Bound<'_, PyDict>) -> PyResult<Py<PyAny>> {
        let (py, call, router) = (messages.py(), convert::chat(messages, options)?, self.router.clone());
        let result = block_on(py, async move { router.chat(call).await })?;
        result.map_err(|failure| raise(py, failure)).and_then(|reply| Replied::new(reply).wrap(py))
    }

    fn achat(&self, messages: &Bound<'_, PyAny>, options: &Bound<'_, PyDict>) -> PyResult<Pending> {
        let (call, router) = (convert::chat(messages, options)?, self.router.clone());
        submit(messages.py(), async move {
            let result = router.chat(call).await;
            let finished: Finished = Box::new(move |py| {
                result.map_err(|failure| raise(py, failure)).and_then(|reply| Replied::new(reply).wrap(py))
            });
            finished
        })
    }

    fn embed(&self, texts: &Bound<'_, PyAny>, options: &Bound<'_, PyDict>) -> PyResult<Py<PyAny>> {
        let (py, call, router) = (texts.py(), convert::embed(texts, options)?, self.router.clone());
        let result = block_on(py, async move { router.embed(call).await })?;
        result.map_err(|failure| raise(py, failure)).and_then(|reply| Embedded::wrap(reply, py))
    }

    fn aembed(&self, texts: &Bound<'_, PyAny>, options: &Bound<'_, PyDict>) -> PyResult<Pending> {
        let (call, router) = (convert::embed(texts, options)?, self.router.clone());
        submit(texts.py(), async move {
            let result = router.embed(call).await;
            let finished: Finished = Box::new(move |py| {
                result.map_err(|failure| raise(py, failure)).and_then(|reply| Embedded::wrap(reply, py))
            });
            finished
        })
    }

    /// A stream, for both colours.
    fn stream(&self, messages: &Bound<'_, PyAny>, options: &Bound<'_, PyDict>) -> PyResult<Stream> {
        let (py, call) = (messages.py(), convert::chat(messages, options)?);
        let stream = guarded(py, || self.router.stream(call))?.map_err(fail(py))?;
        let id = stream.id();
        Stream::start(stream, &id)
    }

    fn route(&self, messages: &Bound<'_, PyAny>, options: &Bound<'_, PyDict>) -> PyResult<Py<PyAny>> {
        let (py, call) = (messages.py(), convert::chat(messages, options)?);
        let decision = guarded(py, || self.router.route(&call))?.map_err(fail(py))?;
        Decided::new(Arc::new(decision)).wrap(py)
    }

    fn signals(&self, messages: &Bound<'_, PyAny>, options: &Bound<'_, PyDict>) -> PyResult<Py<PyAny>> {
        let (py, call) = (messages.py(), convert::chat(messages, options)?);
        let signals = guarded(py, || self.router.signals(&call))?.map_err(fail(py))?;
        object(py, &signals)
    }

    /// Answers in order; `progress` is called now and then with how many are done. An error stands in its answer's place;
    /// whether one of a conversation that cannot be read does too, or ends the batch before it begins, says `keep`.
    #[expect(clippy::too_many_arguments, reason = "the arguments of one Python call")]
    fn batch(
        &self,
        items: &Bound<'_, PyList>,
        options: &Bound<'_, PyDict>,
        concurrency: usize,
        progress: Option<&Bound<'_, PyAny>>,
        keep: bool,
    ) -> PyResult<Vec<Py<PyAny>>> {
        let py = items.py();
        let (calls, unread) = read(items, options, keep)?;
        let results = all(py, &self.router, calls, concurrency, progress)?;
        let one = |result| match result {
            Ok(reply) => Replied::new(reply).wrap(py),
            Err(failure) => Ok(raise(py, failure).into_value(py).into_any()),
        };
        let mut results: Vec<_> = results.into_iter().map(one).collect::<PyResult<_>>()?;
        for (at, error) in unread {
            results.insert(at, error.into_value(py).into_any());
        }
        Ok(results)
    }

    fn deployments(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        object(py, &self.router.deployments())
    }

    /// What routes have learned from scores.
    fn learned(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        object(py, &self.router.learned())
    }

    fn routes(&self) -> Vec<String> {
        self.router.routes()
    }

    fn disable(&self, py: Python<'_>, name: &str, off: bool) -> PyResult<()> {
        self.router.disable(name, off).map_err(fail(py))
    }

    /// What is configured, is no mistake, and still does not do what it seems to; each with its path.
    fn warnings(&self) -> Vec<String> {
        self.router.warnings()
    }

    fn metrics(&self) -> String {
        self.router.metrics()
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        guarded(py, || {
            if self.router.logs() {
                settle_given_up(log::PATIENCE);
            }
            self.router.close();
        })
    }

    /// A score for the call with this identity, for the log and for its route; a score that is none is a `ValueError`.
    #[pyo3(signature = (call, score, comment=None))]
    fn feedback(&self, call: &str, score: f64, comment: Option<String>) -> PyResult<()> {
        self.router.feedback(call, score, comment).map(drop).map_err(|error| PyValueError::new_err(error.message))
    }

    /// Whether calls are written down, or told of.
    #[getter]
    fn logs(&self) -> bool {
        self.router.logs()
    }

    #[getter]
    fn closed(&self) -> bool {
        self.router.is_closed()
    }

    /// Panics inside a call; for the test that a defect stays an exception.
    #[staticmethod]
    fn _panic(py: Python<'_>, whole: bool) -> PyResult<Option<Pending>> {
        let broken = async { None::<()>.map_or_else(|| [(); 0][std::process::id() as usize], |()| ()) };
        if whole {
            return block_on(py, broken).map(|()| None);
        }
        submit(py, async move {
            broken.await;
            let finished: Finished = Box::new(|py| Ok(py.None()));
            finished
        })
        .map(Some)
    }

    /// Starts the runtime now; for measuring.
    #[expect(clippy::unused_self, reason = "Python asks the router that it is about to measure")]
    fn warm(&self) -> PyResult<()> {
        runtime().map(drop)
    }
}

/// The bundled catalogue's rows: provider, model, facts, price.
#[pyfunction]
pub(super) fn catalogue(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let rows: Vec<Value> = builtin::entries()
        .map(|entry| {
            serde_json::json!({"provider": entry.provider, "model": entry.model, "facts": entry.facts, "price": entry.price})
        })
        .collect();
    object(py, &serde_json::json!({"as_of": builtin::as_of(), "models": rows}))
}

/// The providers: name, title, base URL, key variables.
#[pyfunction]
pub(super) fn providers(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let rows: Vec<Value> = crate::adapter::compatible::providers()
        .iter()
        .map(|p| serde_json::json!({"id": p.id, "title": p.title, "base_url": p.base_url, "key_vars": p.key_vars}))
        .collect();
    object(py, &rows)
}

/// The place of a conversation of a batch that cannot be read, and why.
type Unread = (usize, PyErr);

/// The calls of a batch, and the place and error of each conversation that cannot be read; without `keep` the first such
/// error is the result.
fn read(items: &Bound<'_, PyList>, options: &Bound<'_, PyDict>, keep: bool) -> PyResult<(Vec<Call>, Vec<Unread>)> {
    let (mut calls, mut unread) = (Vec::with_capacity(items.len()), Vec::new());
    for (at, messages) in items.iter().enumerate() {
        match convert::chat(&messages, options) {
            Ok(call) => calls.push(Call { patient: true, ..call }),
            Err(error) if keep => unread.push((at, error)),
            Err(error) => return Err(error),
        }
    }
    Ok((calls, unread))
}

/// The results of `calls` in their order; every tenth of a second `progress` hears how many are done.
fn all(
    py: Python<'_>,
    router: &Router,
    calls: Vec<Call>,
    concurrency: usize,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Vec<Result<Reply<ChatResponse>, Failure>>> {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let (router, done) = (router.clone(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&done);
    let mut work = Box::pin(async move {
        let answers = stream::iter(calls).map(|call| {
            let (router, count) = (router.clone(), Arc::clone(&count));
            async move {
                let result = router.chat(call).await;
                count.fetch_add(1, Ordering::Relaxed);
                result
            }
        });
        answers.buffered(concurrency.max(1)).collect::<Vec<_>>().await
    });
    loop {
        let limit = std::time::Duration::from_millis(100);
        let step = block_on(py, async move {
            let timed = tokio::time::timeout(limit, &mut work).await;
            timed.map_err(|_| work)
        })?;
        if let Some(progress) = progress {
            progress.call1((done.load(Ordering::Relaxed),))?;
        }
        match step {
            Ok(results) => return Ok(results),
            Err(rest) => work = rest,
        }
    }
}
