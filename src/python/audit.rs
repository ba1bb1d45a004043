//! The decision log for Python: verification, and the moments at which a process must not have it open.

use std::path::PathBuf;

use pyo3::{
    exceptions::{PyFileNotFoundError, PyOSError, PyTypeError, PyValueError},
    prelude::*,
    types::{PyBytes, PyDict, PyList, PyMapping, PySequence},
};
use serde_json::json;

use super::{
    convert::object,
    runtime::{guarded, settle_given_up},
};
use crate::trace::{
    log::{
        self,
        query::{Cell, Parameters, Trouble, query},
    },
    otlp,
};

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

/// The rows that a query finds in the log at `path`, as mappings.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "what an argument of Python is taken as")]
pub(super) fn query_log<'py>(
    py: Python<'py>,
    path: PathBuf,
    sql: &str,
    parameters: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyList>> {
    let parameters = read(parameters)?;
    let found = guarded(py, || query(&path, sql, &parameters))?;
    let table = found.map_err(|trouble| match trouble {
        Trouble::File(words) if !path.exists() => PyFileNotFoundError::new_err(words),
        Trouble::File(words) => PyOSError::new_err(words),
        Trouble::Query(words) => PyValueError::new_err(format!("the query failed: {words}")),
    })?;
    let rows = PyList::empty(py);
    for row in table.rows {
        let mapping = PyDict::new(py);
        for (name, cell) in table.columns.iter().zip(row) {
            match cell {
                Cell::Null => mapping.set_item(name, py.None())?,
                Cell::Integer(number) => mapping.set_item(name, number)?,
                Cell::Real(number) => mapping.set_item(name, number)?,
                Cell::Text(text) => mapping.set_item(name, text)?,
                Cell::Blob(bytes) => mapping.set_item(name, PyBytes::new(py, &bytes))?,
            }
        }
        rows.append(mapping)?;
    }
    Ok(rows)
}

fn read(parameters: &Bound<'_, PyAny>) -> PyResult<Parameters> {
    if let Ok(named) = parameters.cast::<PyMapping>() {
        let pairs = named.items()?;
        let pairs = pairs.iter().map(|pair| {
            let (name, value): (String, Bound<'_, PyAny>) = pair.extract()?;
            Ok((name, cell(&value)?))
        });
        return Ok(Parameters::Named(pairs.collect::<PyResult<_>>()?));
    }
    let ordered = parameters.cast::<PySequence>().map_err(|_| PyTypeError::new_err(VALUES))?;
    let cells = ordered.try_iter()?.map(|value| cell(&value?));
    Ok(Parameters::Ordered(cells.collect::<PyResult<_>>()?))
}

const VALUES: &str = "a query's values are a sequence or a mapping of None, bool, int, float, str and bytes";

fn cell(value: &Bound<'_, PyAny>) -> PyResult<Cell> {
    if value.is_none() {
        Ok(Cell::Null)
    } else if let Ok(number) = value.extract::<i64>() {
        Ok(Cell::Integer(number))
    } else if let Ok(number) = value.extract::<f64>() {
        Ok(Cell::Real(number))
    } else if let Ok(text) = value.extract::<String>() {
        Ok(Cell::Text(text))
    } else if let Ok(bytes) = value.cast::<PyBytes>() {
        Ok(Cell::Blob(bytes.as_bytes().to_vec()))
    } else {
        Err(PyTypeError::new_err(VALUES))
    }
}

/// Writes and sends what waits in every log and exporter of this process. For its end.
#[pyfunction]
pub(super) fn flush_logs(py: Python<'_>) -> PyResult<()> {
    guarded(py, || {
        settle_given_up(log::PATIENCE);
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
