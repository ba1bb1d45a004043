//! waypost sends each prompt to the language model that should answer it, keeps answering when providers fail, and can
//! always say why.
//!
//! A request walks one way through the house, and the modules are listed in walking order:
//!
//! ```text
//! request → signals → policy → select → [ limit · breaker · attempt · retry ] → adapter → transport
//!                                                                                             │
//! trace ← accounting ← response / stream ←──────────── adapter ←──────────────────────────────┘
//! ```
//!
//! Pure functions decide, one loop (in [`router`]) acts. `ARCHITECTURE.md` has the map and the invariants.

pub mod accounting;
pub mod adapter;
pub mod catalog;
pub mod chat;
pub mod clock;
pub mod config;
pub mod error;
pub mod id;
pub mod learn;
pub mod policy;
pub mod resilience;
pub mod router;
pub mod select;
pub mod signals;
pub mod simulate;
pub mod trace;
pub mod transport;

#[cfg(feature = "python")]
mod python;
