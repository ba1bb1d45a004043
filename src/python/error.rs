//! A failure → the exception that Python catches. One match, no wildcard: a new kind of error needs a class.

use pyo3::{
    prelude::*,
    sync::PyOnceLock,
    types::{PyDict, PyModule},
};

use super::results::{Decided, Replied};
use crate::{
    error::{Error, ErrorKind},
    id::{DeploymentId, ProviderId},
    router::Failure,
};

static ERRORS: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

/// The class of each kind, in `waypost.errors`.
pub(super) fn class(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidRequest => "InvalidRequestError",
        ErrorKind::ContextLength => "ContextLengthError",
        ErrorKind::ContentFilter => "ContentFilterError",
        ErrorKind::Authentication => "AuthenticationError",
        ErrorKind::PermissionDenied => "PermissionDeniedError",
        ErrorKind::NotFound => "NotFoundError",
        ErrorKind::RateLimit => "RateLimitError",
        ErrorKind::Quota => "QuotaError",
        ErrorKind::Overloaded => "OverloadedError",
        ErrorKind::Server => "ServerError",
        ErrorKind::Connection => "APIConnectionError",
        ErrorKind::Timeout => "APITimeoutError",
        ErrorKind::Protocol => "ProtocolError",
        ErrorKind::Stream => "StreamError",
        ErrorKind::NoCandidates => "NoCandidatesError",
        ErrorKind::UnknownModel => "UnknownModelError",
        ErrorKind::Blocked => "BlockedError",
        ErrorKind::BudgetExceeded => "BudgetExceededError",
        ErrorKind::DeadlineExceeded => "DeadlineExceededError",
        ErrorKind::Config => "ConfigError",
        ErrorKind::Strategy | ErrorKind::Cancelled | ErrorKind::Closed | ErrorKind::Internal => "WaypostError",
    }
}

fn errors(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    let module = ERRORS.get_or_try_init(py, || Ok::<_, PyErr>(py.import("waypost.errors")?.unbind()))?;
    Ok(module.bind(py))
}

/// The exception for `failure`.
pub(super) fn raise(py: Python<'_>, failure: Failure) -> PyErr {
    let inner = *failure.0;
    match build(py, inner) {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

fn build(py: Python<'_>, inner: crate::router::failure::Inner) -> PyResult<Bound<'_, PyAny>> {
    let exception = instance(py, &inner.error)?;
    if let Some(decision) = inner.decision {
        exception.setattr("decision", Decided::new(decision).wrap(py)?)?;
    }
    if let Some(partial) = inner.partial {
        exception.setattr("partial", Replied::partial(partial).wrap(py)?)?;
    }
    if let Some(cause) = inner.cause {
        exception.setattr("__cause__", instance(py, &cause)?)?;
    }
    Ok(exception)
}

fn instance<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let context = &error.context;
    let details = PyDict::new(py);
    details.set_item("path", &context.path)?;
    details.set_item("hint", &context.hint)?;
    details.set_item("name", &context.name)?;
    details.set_item("provider", context.provider.as_ref().map(ProviderId::as_str))?;
    details.set_item("deployment", context.deployment.as_ref().map(DeploymentId::as_str))?;
    details.set_item("status", context.status)?;
    details.set_item("code", &context.code)?;
    details.set_item("request_id", &context.request_id)?;
    details.set_item("retry_after", context.retry_after.map(|wait| wait.as_secs_f64()))?;
    details.set_item("body", &context.body)?;
    details.set_item("resets_at", context.resets_at)?;
    let class = errors(py)?.getattr(class(error.kind))?;
    let exception = class.call_method1("_of", (error.to_string(), details))?;
    if let Some(cause) = context.source.as_deref().and_then(|source| source.downcast_ref::<PyErr>()) {
        exception.setattr("__cause__", cause.value(py))?;
    }
    Ok(exception)
}
