//! Whom a scenario speaks of: a provider, a deployment, a glob over deployments, `tag:NAME`.

use crate::{
    catalog::Deployment,
    config::{
        hint,
        names::{glob, is_glob},
    },
    error::{Error, Result},
};

/// The places of the deployments that `on` names.
///
/// # Errors
/// It names none; the mistake is at `path`.
pub fn aimed(on: &str, path: &str, deployments: &[&Deployment]) -> Result<Vec<usize>> {
    let named = |deployment: &Deployment| match on.strip_prefix("tag:") {
        Some(tag) => deployment.has_tag(tag),
        None if is_glob(on) => glob(on, deployment.id.as_str()),
        None => deployment.id.as_str() == on || deployment.provider.id == on,
    };
    let places: Vec<usize> = deployments.iter().enumerate().filter(|(_, d)| named(d)).map(|(at, _)| at).collect();
    if !places.is_empty() {
        return Ok(places);
    }
    let mut known: Vec<&str> = deployments.iter().flat_map(|d| [d.id.as_str(), d.provider.id]).collect();
    known.sort_unstable();
    known.dedup();
    let message = format!("`{on}` is no deployment and no provider of this configuration");
    Err(Error::config(path, message).with_hint(hint::or_listed(on, known)))
}
