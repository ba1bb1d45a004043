//! A strategy that is the user's own function.

use std::{fmt, sync::Arc};

use serde::Serialize;

use crate::{
    chat::Map,
    error::{Error, ErrorKind, Result},
};

/// A candidate as the function sees it.
#[derive(Clone, Debug, Serialize)]
pub struct Offer<'a> {
    /// The deployment's name, which the function gives back.
    pub deployment: &'a str,
    /// Its provider.
    pub provider: &'a str,
    /// Its model.
    pub model: &'a str,
    /// Its tags.
    pub tags: &'a [String],
    /// Its weight on this route.
    pub weight: f64,
    /// US dollars that the answer would cost; absent if unpriced.
    pub estimated_cost: Option<f64>,
    /// Measured seconds to the whole answer (p50); absent if never measured.
    pub expected_latency: Option<f64>,
    /// Measured seconds to the first token (p50); absent if never measured.
    pub ttft: Option<f64>,
    /// Share of attempts that failed of late, 0..1.
    pub error_rate: f64,
    /// Requests in flight, as a share of its concurrency limit if it has one.
    pub load: f64,
    /// Whether a rule prefers it: then it comes first, whatever the order.
    pub preferred: bool,
    /// Whether the session's last answer came from it.
    pub sticky: bool,
}

/// Orders candidates. Called between the stages, with no lock held; it may take its time, and the call waits for it.
pub trait Chooser: Send + Sync {
    /// The names of those to try, in order. Who is not named is not tried.
    ///
    /// # Errors
    /// [`ErrorKind::Strategy`], with what went wrong as its source.
    fn choose(&self, offers: &[Offer<'_>], signals: &Map) -> Result<Vec<String>>;
}

/// A chooser in a configuration.
#[derive(Clone)]
pub struct Custom(pub Arc<dyn Chooser>);

impl PartialEq for Custom {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Custom")
    }
}

/// The places of the offers that `custom` names, in its order; those that a rule prefers first. A name that is given twice
/// counts once.
///
/// # Errors
/// [`ErrorKind::Strategy`] if it fails or names somebody who is not offered.
pub fn chosen(custom: &Custom, offers: &[Offer<'_>], signals: &Map) -> Result<Vec<usize>> {
    let mut places: Vec<usize> = Vec::with_capacity(offers.len());
    for name in custom.0.choose(offers, signals)? {
        let Some(place) = offers.iter().position(|offer| offer.deployment == name) else {
            let shown: String = name.chars().take(80).collect();
            let known: Vec<String> = offers.iter().map(|offer| format!("`{}`", offer.deployment)).collect();
            let message =
                format!("the strategy named `{shown}`, which is no candidate; there are {}", known.join(", "));
            return Err(Error::new(ErrorKind::Strategy, message));
        };
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places.sort_by_key(|place| !offers[*place].preferred);
    Ok(places)
}
