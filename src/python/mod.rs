//! The Rust half of the boundary to Python: translation and waiting, no logic.

mod audit;
mod bridge;
mod check;
mod chooser;
mod convert;
mod error;
mod learn;
mod prove;
mod replay;
mod results;
mod router;
mod runtime;
mod simulate;
mod stream;

use pyo3::prelude::*;

/// The private extension module `waypost._waypost`.
#[pymodule(gil_used = false)]
mod _waypost {
    #[pymodule_export]
    use super::audit::{after_fork, before_fork, flush_logs, query_log, verify_log};
    #[pymodule_export]
    use super::bridge::{Bridge, Pending};
    #[pymodule_export]
    use super::check::check;
    #[pymodule_export]
    use super::learn::{cost_saved, cpt, study};
    #[pymodule_export]
    use super::prove::prove;
    #[pymodule_export]
    use super::replay::{off_policy, replay, what_if};
    #[pymodule_export]
    use super::results::{Decided, Embedded, Piece, Replied};
    #[pymodule_export]
    use super::router::{Core, catalogue, providers};
    #[pymodule_export]
    use super::simulate::{scenarios, simulate_run};
    #[pymodule_export]
    use super::stream::Stream;

    use super::{Bound, PyModule, PyModuleMethods, PyResult};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::runtime::quiet_panics();
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}

/// An answer is made on one thread and freed on another, which the C library's allocator does poorly: a tenth of a request.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
