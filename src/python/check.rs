//! A configuration file examined without being used: every mistake at once, and what the file means.
//!
//! A configuration is written on one machine and runs on another, so a variable that is not set here is told apart from a
//! mistake: a stand-in takes its place, and the rest is examined all the same.

use std::{cell::RefCell, collections::BTreeSet, path::PathBuf};

use pyo3::prelude::*;
use serde_json::{Value, json};

use super::{convert::object, error::raise};
use crate::{
    catalog::Deployment,
    config::{self, DeploymentSettings, Problem, RouteSettings, Settings},
    error::Result,
    policy::{
        budget::BudgetConfig,
        rule::{Matcher, RuleConfig},
    },
    router::{Router, findings::limits},
    transport::client,
};

/// What stands in for a variable: good as a key and as an address, and nobody's.
const STAND_IN: &str = "http://unset.invalid";
/// How the messages of a missing variable name it.
const VARIABLE: &str = "environment variable `";

/// A file's mistakes (`problems`), the variables that are not set (`missing`), what does not do what it seems to
/// (`warnings`), and what it means.
#[pyfunction]
pub(super) fn check(py: Python<'_>, path: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    let fail = |error: crate::error::Error| raise(py, error.into());
    let path: PathBuf = path.extract()?;
    let (_, first) = config::review(&path, &config::secret::process).map_err(fail)?;
    let missing: Vec<(String, String)> = first.iter().filter_map(missing).collect();
    let env = |name: &str| {
        let unset = missing.iter().any(|(_, variable)| variable == name);
        if unset { Some(STAND_IN.to_owned()) } else { config::secret::process(name) }
    };
    let (settings, second) = config::review(&path, &env).map_err(fail)?;
    // What a stand-in does not satisfy is no mistake of the file.
    let foreign = |problem: &Problem| !missing.is_empty() && problem.message.contains("the value of a variable");
    let mut problems: Vec<Value> = second.iter().filter(|problem| !foreign(problem)).map(row).collect();
    let meaning = meaning(&settings);
    let mut warnings = Vec::new();
    let mut findings = Vec::new();
    if second.is_empty() {
        findings = limits(&settings);
        match Router::new(settings, client::shared()) {
            Ok(router) => {
                warnings = router.warnings();
                findings.extend(py.detach(|| router.findings()).map_err(fail)?);
            }
            Err(error) => {
                let context = &error.context;
                problems.push(
                    json!({"path": context.path, "message": error.message, "hint": context.hint, "not_yet": false}),
                );
            }
        }
    }
    let missing: Vec<Value> = missing.iter().map(|(path, name)| json!({"path": path, "variable": name})).collect();
    object(
        py,
        &json!({"problems": problems, "missing": missing, "warnings": warnings, "findings": findings, "meaning": meaning}),
    )
}

fn row(problem: &Problem) -> Value {
    json!({"path": problem.path, "message": problem.message, "hint": problem.hint, "not_yet": problem.not_yet})
}

/// Where a variable is missing, and which.
fn missing(problem: &Problem) -> Option<(String, String)> {
    Some((problem.path.clone(), variable(&problem.message)?.to_owned()))
}

/// Which variable a message misses.
fn variable(message: &str) -> Option<&str> {
    let (_, after) = message.split_once(VARIABLE)?;
    after.split_once('`').map(|(name, _)| name)
}

/// What `read` reads, with a stand-in for each variable that is missing: where nothing is sent, no key matters.
pub(super) fn stood_in(read: impl Fn(config::Env<'_>) -> Result<Settings>) -> Result<Settings> {
    let missing = RefCell::new(BTreeSet::new());
    let env = |name: &str| {
        let unset = missing.borrow().contains(name);
        if unset { Some(STAND_IN.to_owned()) } else { config::secret::process(name) }
    };
    loop {
        let settings = read(&env);
        let unset = settings.as_ref().err().and_then(|error| variable(&error.message)).map(str::to_owned);
        match unset {
            // Each round names one more; a name that comes again is no name of a variable.
            Some(name) if missing.borrow_mut().insert(name.clone()) => {}
            _ => return settings,
        }
    }
}

fn meaning(settings: &Settings) -> Value {
    json!({
        "deployments": settings.deployments.iter().map(deployment).collect::<Vec<_>>(),
        "routes": settings.routes.iter().map(route).collect::<Vec<_>>(),
        "rules": settings.rules.iter().map(rule).collect::<Vec<_>>(),
        "budgets": settings.budgets.iter().map(budget).collect::<Vec<_>>(),
        "refuse_unknown": settings.refuse_unknown,
    })
}

fn budget(budget: &BudgetConfig) -> Value {
    json!({"name": budget.name, "usd": budget.usd, "window": budget.window.as_secs_f64()})
}

fn deployment(settings: &DeploymentSettings) -> Value {
    let Deployment { id, provider, model, base_url, facts, price, tags, region, attributes, .. } = &settings.deployment;
    json!({
        "name": id, "provider": provider.id, "model": model, "base_url": base_url, "facts": facts, "price": price,
        "tags": tags, "region": region, "attributes": attributes,
    })
}

fn route(settings: &RouteSettings) -> Value {
    let candidates: Vec<Value> = settings
        .route
        .candidates
        .iter()
        .map(|candidate| json!({"deployment": candidate.deployment, "weight": candidate.weight}))
        .collect();
    json!({
        "name": settings.route.id,
        "strategy": settings.strategy.as_str(),
        "candidates": candidates,
        "fallback": settings.route.fallback,
    })
}

fn rule(rule: &RuleConfig) -> Value {
    let effects = [
        ("require", rule.require.is_some()),
        ("deny", rule.deny.is_some()),
        ("prefer", rule.prefer.is_some()),
        ("route", rule.route.is_some()),
        ("block", rule.block.is_some()),
        ("set", !rule.set.is_empty()),
        ("tag", !rule.tag.is_empty()),
        ("redact", rule.redact.is_some()),
    ];
    let effects: Vec<&str> = effects.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
    json!({
        "name": rule.name, "when": rule.when, "effects": effects, "route": rule.route,
        "require": rule.require.as_ref().map(matcher), "deny": rule.deny.as_ref().map(matcher),
    })
}

fn matcher(matcher: &Matcher) -> Value {
    let Matcher { tags, deployments, providers, regions, attributes } = matcher;
    json!({"tags": tags, "deployments": deployments, "providers": providers, "regions": regions, "attributes": attributes})
}
