//! Stage 2: who may serve. Rules are compiled once, with every mistake found then; evaluating them is pure and takes
//! microseconds. What a request may touch becomes a value, a [`Clearance`], without which nothing is sent.

pub mod analysis;
mod bind;
mod bits;
pub mod budget;
mod check;
pub mod classes;
pub mod clearance;
pub mod compile;
pub mod evaluate;
#[cfg(test)]
mod fixture;
pub mod ledger;
mod matcher;
mod never;
pub mod pace;
mod program;
pub mod recall;
pub mod rule;
mod vocabulary;

pub use analysis::Analysis;
pub use clearance::{Clearance, Cleared, Refusal};
pub use compile::{Policy, Reads};
pub use evaluate::{RuleFired, Verdict};
pub use ledger::{Ledger, Reservation, Spender, Spent};
pub use never::never;
pub use recall::Recalled;
