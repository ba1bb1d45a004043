//! The targets that the test suite also runs.

#[path = "../../tests/rust/fuzz/targets.rs"]
mod targets;

pub use targets::{adapters, config, sse};
