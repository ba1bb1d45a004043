//! The decision log for Python: verification, and the moments at which a process must not have it open.

use std::path::PathBuf;

use pyo3::{exceptions::PyOSError, prelude::*};
use serde_json::json;

use super::{convert::object, runtime::guarded};
use crate::trace::{log, otlp};

/// What a verification of the log at `path` finds, as a mapping.
#[pyfunction]
#[pyo3(signature = (path, head=None))]
pub(super) fn verify_log(py: Python<'_>, path: &Bound<'_, PyAny>, head: Option<&str>) -> PyResult<Py<PyAny>> {
    let path: PathBuf = path.extract()?;
    let found = guarded(py, || log::verify(&path, head))?.map_err(PyOSError::new_err)?;
    let fault = found.fault.map(|fault| json!({"seq": fault.seq, "kind": fault.kind, "message": fault.message}));
    object(
        py,
        &json!({
            "rows": found.rows, "head": found.head, "dropped": found.dropped, "pruned": found.pruned, "fault": fault,
        }),
    )
}

/// Writes and sends what waits in every log and exporter of this process. For its end.
#[pyfunction]
pub(super) fn flush_logs(py: Python<'_>) -> PyResult<()> {
    guarded(py, || {
        log::flush_all(log::PATIENCE);
        otlp::flush_all(otlp::PATIENCE);
    })
}

/// Closes every log before a fork.
#[pyfunction]
pub(super) fn before_fork(py: Python<'_>) -> PyResult<()> {
    guarded(py, log::prepare_fork)
}

/// Lets the logs go on after a fork.
#[pyfunction]
pub(super) fn after_fork(child: bool) {
    log::forked(child);
}
