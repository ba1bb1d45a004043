//! What a request may touch, as a value. Only [`super::Policy::evaluate`] makes a [`Clearance`] and only a clearance makes
//! a [`Cleared`]; the one function that sends bytes demands one. Narrowing is all that can be done to it.
//!
//! What is obviously wrong does not compile. A permission comes from a clearance, and is good for one sending:
//!
//! ```
//! use waypost::policy::{Clearance, Cleared};
//! fn send(_: Cleared) {}
//! fn once(clearance: &Clearance) {
//!     if let Some(cleared) = clearance.permit(0) {
//!         send(cleared);
//!     }
//! }
//! ```
//!
//! Nobody else makes one:
//!
//! ```compile_fail,E0451
//! use waypost::policy::Cleared;
//! let cleared = Cleared { index: 0 };
//! ```
//!
//! Whom the clearance does not have gets none, and the answer cannot be passed over:
//!
//! ```compile_fail,E0308
//! use waypost::policy::{Clearance, Cleared};
//! fn send(_: Cleared) {}
//! fn anyway(clearance: &Clearance) {
//!     send(clearance.permit(7));
//! }
//! ```
//!
//! It is not used twice, and not copied:
//!
//! ```compile_fail,E0382
//! use waypost::policy::Cleared;
//! fn send(_: Cleared) {}
//! fn twice(cleared: Cleared) {
//!     send(cleared);
//!     send(cleared);
//! }
//! ```
//!
//! ```compile_fail,E0599
//! use waypost::policy::Cleared;
//! fn copy(cleared: &Cleared) -> Cleared {
//!     cleared.clone()
//! }
//! ```
//!
//! A clearance is made by policy alone, and never becomes wider:
//!
//! ```compile_fail,E0624
//! let clearance = waypost::policy::Clearance::everything(3);
//! ```
//!
//! ```compile_fail,E0616
//! fn widen(clearance: &mut waypost::policy::Clearance, other: waypost::policy::Clearance) {
//!     clearance.allowed = other.allowed;
//! }
//! ```

use std::sync::Arc;

use super::bits::Bits;

/// The deployments that a request may touch, on the first attempt and on every later one.
#[derive(Clone, Debug)]
pub struct Clearance {
    allowed: Bits,
    /// In the order of the rules, so that the first refusal is the one told.
    narrowings: Vec<Arc<Narrowing>>,
}

/// The permission to send one request to one deployment. It cannot be copied, and nobody but a [`Clearance`] can make it.
#[derive(Debug)]
pub struct Cleared {
    index: usize,
}

impl Cleared {
    /// The place of the deployment.
    pub fn index(&self) -> usize {
        self.index
    }
}

/// Why a deployment may not be touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The rule that refused it first.
    pub rule: Arc<str>,
    /// `require`, `deny` or `block`.
    pub effect: &'static str,
    /// Whether the rule speaks of tags alone.
    pub by_tag: bool,
}

/// What one effect of one rule leaves over.
#[derive(Debug)]
pub(super) struct Narrowing {
    pub(super) refusal: Refusal,
    pub(super) kept: Bits,
}

impl Clearance {
    /// All `count` deployments: where no rule narrows.
    pub(super) fn everything(count: usize) -> Self {
        Self { allowed: Bits::all(count), narrowings: Vec::new() }
    }

    /// Takes away what `narrowing` does not keep.
    pub(super) fn narrow(&mut self, narrowing: &Arc<Narrowing>) {
        self.allowed.intersect(&narrowing.kept);
        self.narrowings.push(Arc::clone(narrowing));
    }

    /// Whether the deployment at `index` may be touched.
    pub fn allows(&self, index: usize) -> bool {
        self.allowed.has(index)
    }

    /// How many deployments may be touched.
    pub fn count(&self) -> usize {
        self.allowed.count()
    }

    /// Which rule refused the deployment at `index`, the first if several did.
    pub fn refusal(&self, index: usize) -> Option<&Refusal> {
        self.narrowings.iter().find(|narrowing| !narrowing.kept.has(index)).map(|narrowing| &narrowing.refusal)
    }

    /// Whether `rule` refuses the deployment at `index`, be it the first to do so or not.
    pub fn refuses(&self, rule: &str, index: usize) -> bool {
        self.narrowings.iter().any(|narrowing| &*narrowing.refusal.rule == rule && !narrowing.kept.has(index))
    }

    /// The permission to send to the deployment at `index`, if there is one.
    pub fn permit(&self, index: usize) -> Option<Cleared> {
        self.allows(index).then_some(Cleared { index })
    }
}
