//! Facts: what can be called, what it can do and what it costs.

pub mod builtin;
pub mod deployment;
pub mod model;
mod names;
pub mod price;
pub mod provider;
pub mod route;
pub mod secret;

pub use builtin::Entry;
pub use deployment::{Api, Credential, Deployment};
pub use model::{Ability, ModelFacts};
pub use price::{Money, Price};
pub use provider::{Auth, Dialect, Provider, Quirks};
pub use route::Route;
pub use secret::Secret;
