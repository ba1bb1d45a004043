//! Records: what was decided, what was tried, and why. A trace is the sum of what the stages returned, never a side channel.

pub mod decision;
pub mod explain;
pub mod facts;
pub mod log;
pub mod otlp;

pub use decision::{Attempt, Candidate, Decision, Outcome, Overspend, Reason, Record};
pub use facts::{Facts, Moment, Origin, Spent};
