//! Which deployments an effect speaks of, worked out once for all requests.

use serde_json::Value;

use super::{bits::Bits, rule::Matcher, vocabulary::nearest};
use crate::{
    catalog::Deployment,
    error::{Error, Result},
};

/// How several tags of a matcher are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tags {
    /// A deployment must carry all (`require`, `prefer`).
    All,
    /// One is enough (`deny`).
    Any,
}

/// The deployments that `matcher` speaks of.
///
/// # Errors
/// A configuration error at `path` if there are none: a rule that names nothing is a mistake, and a dangerous one in `deny`.
pub(super) fn matching(matcher: &Matcher, tags: Tags, deployments: &[&Deployment], path: &str) -> Result<Bits> {
    if *matcher == Matcher::default() {
        return Err(Error::config(path, "this names no deployment")
            .with_hint(Some("give `tags`, `deployments`, `providers`, `regions` or an attribute".into())));
    }
    let set = Bits::of(deployments.len(), |at| deployments.get(at).is_some_and(|d| matches(matcher, tags, d)));
    if set.is_empty() {
        return Err(Error::config(path, "no deployment matches this").with_hint(Some(hint(matcher, deployments))));
    }
    Ok(set)
}

/// Whether `matcher` speaks of tags and of nothing else.
pub(super) fn is_by_tag(matcher: &Matcher) -> bool {
    let tags = matcher.tags.clone();
    !tags.is_empty() && *matcher == Matcher { tags, ..Matcher::default() }
}

fn matches(matcher: &Matcher, tags: Tags, deployment: &Deployment) -> bool {
    let one_of = |list: &[String], own: &str| list.is_empty() || list.iter().any(|item| item == own);
    let tagged = match tags {
        Tags::All => matcher.tags.iter().all(|tag| deployment.has_tag(tag)),
        Tags::Any => matcher.tags.is_empty() || matcher.tags.iter().any(|tag| deployment.has_tag(tag)),
    };
    tagged
        && one_of(&matcher.deployments, deployment.id.as_str())
        && one_of(&matcher.providers, deployment.provider.id)
        && (matcher.regions.is_empty() || deployment.region.as_deref().is_some_and(|own| one_of(&matcher.regions, own)))
        && matcher.attributes.iter().all(|(name, wanted)| has_attribute(deployment, name, wanted))
}

/// A list means any of its values, on either side. What a deployment does not say of itself matches nothing.
fn has_attribute(deployment: &Deployment, name: &str, wanted: &Value) -> bool {
    let Some(own) = deployment.attribute(name) else { return false };
    let own = own.as_array().map_or(std::slice::from_ref(&own), Vec::as_slice);
    let wanted = wanted.as_array().map_or(std::slice::from_ref(wanted), Vec::as_slice);
    own.iter().any(|value| wanted.iter().any(|other| same(value, other)))
}

fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.to_bits() == b.to_bits(),
        _ => a == b,
    }
}

/// The first word that no deployment answers to, and what was probably meant.
fn hint(matcher: &Matcher, deployments: &[&Deployment]) -> String {
    let tags: Vec<&str> = deployments.iter().flat_map(|d| d.tags.iter().map(String::as_str)).collect();
    let names: Vec<&str> = deployments.iter().map(|d| d.id.as_str()).collect();
    let providers: Vec<&str> = deployments.iter().map(|d| d.provider.id).collect();
    let regions: Vec<&str> = deployments.iter().filter_map(|d| d.region.as_deref()).collect();
    let lists = [
        ("tag", &matcher.tags, tags),
        ("name", &matcher.deployments, names),
        ("provider", &matcher.providers, providers),
        ("region", &matcher.regions, regions),
    ];
    for (what, wanted, known) in &lists {
        if let Some(word) = wanted.iter().find(|word| !known.contains(&word.as_str())) {
            let guess = nearest(word, known.iter().copied());
            return guess.unwrap_or_else(|| format!("no deployment has the {what} `{word}`"));
        }
    }
    for (name, wanted) in &matcher.attributes {
        if !deployments.iter().any(|d| has_attribute(d, name, wanted)) {
            let own = deployments.iter().flat_map(|d| d.attributes.keys()).map(String::as_str);
            let known = deployments.iter().any(|d| d.attribute(name).is_some());
            let guess = if known { None } else { nearest(name, own) };
            return guess.unwrap_or_else(|| format!("no deployment has `{name} = {wanted}`"));
        }
    }
    "each of these is found, but not all on one deployment".into()
}
