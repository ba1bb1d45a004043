//! The study, which no request passes: how good and how dear a way of choosing models would have been on prompts that every
//! model has answered already.
//!
//! The measures are those of the field, so that a figure can be laid beside a published one: `RouteLLM`'s curve over calls of the
//! strong model ([`curve`]), `RouterBench`'s area under the cost–quality hull ([`frontier`]). Everything here is arithmetic over
//! a table: no clock, no network, and the only randomness is the seeded resampling of [`study()`].

pub mod curve;
pub mod frontier;
pub mod guarantee;
pub mod offpolicy;
pub mod reliability;
pub mod study;
mod willing;

pub use self::{
    curve::{Point, Sample, Served},
    study::{Findings, Plan, Study, study},
};
