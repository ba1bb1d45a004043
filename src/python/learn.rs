//! Evaluation for Python: tables in, figures out. Names and words are Python's; the arithmetic is [`crate::learn`]'s.

use pyo3::{exceptions::PyValueError, prelude::*};
use pythonize::depythonize;
use serde::de::DeserializeOwned;

use super::{convert::object, error::raise};
use crate::learn::{self, Point, Study, curve, frontier};

/// What every strategy of a study would have been worth.
#[pyfunction]
pub(super) fn study(py: Python<'_>, asked: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    let asked: Study = read(asked)?;
    // Thousands of resamples take a while: other threads go on meanwhile.
    let found = py.detach(|| learn::study(&asked)).map_err(|error| raise(py, error.into()))?;
    object(py, &found)
}

/// The percentage of calls to the strong model that recovers `share` of the gap between weak and strong.
#[pyfunction]
pub(super) fn cpt(points: &Bound<'_, PyAny>, weak: f64, strong: f64, share: f64) -> PyResult<Option<f64>> {
    Ok(curve::cpt(&read::<Vec<Point>>(points)?, weak, strong, share))
}

/// What the cheapest way to the share `at` of the best model's quality saves of that model's cost.
#[pyfunction]
pub(super) fn cost_saved(points: &Bound<'_, PyAny>, best: &Bound<'_, PyAny>, at: f64) -> PyResult<Option<f64>> {
    Ok(frontier::saving(&read::<Vec<Point>>(points)?, read(best)?, at))
}

fn read<T: DeserializeOwned>(object: &Bound<'_, PyAny>) -> PyResult<T> {
    depythonize(object).map_err(|error| PyValueError::new_err(error.to_string()))
}
