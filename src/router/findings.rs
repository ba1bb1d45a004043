//! What rules do to all requests at once that nobody can have meant: found on the classes that a proof goes through.
//!
//! That something never happens is said only if it happens in no class; that something does happen, only of a request that
//! was evaluated as it stands.

mod limits;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    Router,
    fleet::{Fleet, Lane, Named},
    prove::callers,
};
use crate::{
    chat::Map,
    error::Result,
    policy::{Analysis, Clearance, RuleFired, Verdict, analysis::Scrutiny, classes::Class},
};

pub use limits::limits;

/// Something that does not do what it seems to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Where it is written.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl Finding {
    fn new(path: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), remedy: remedy.into() }
    }
}

impl Router {
    /// Rules that never come to anything or contradict each other, targets and routes that they keep everyone from, and
    /// requests for which several rules together leave one deployment or none.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Closed`], or a condition cannot be read.
    pub fn findings(&self) -> Result<Vec<Finding>> {
        let fleet = self.open()?;
        let analysis = fleet.policy.analysis(None, Scrutiny::Everything)?;
        let mut survey = Survey::new(&fleet, &analysis);
        let callers = callers(&fleet, analysis.reads_model());
        match analysis.classes(&callers) {
            Ok(classes) => classes.for_each(|class| survey.see(&class)),
            Err(count) => {
                let message = format!("the conditions tell {count} classes of requests apart: too many to be analysed");
                return Ok(vec![Finding::new("rules", message, "ask `waypost prove` about one class at a time")]);
            }
        }
        Ok(survey.findings())
    }
}

/// Rules that together leave too few, and where.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Squeeze {
    /// The route; absent if they leave nobody anywhere.
    route: Option<String>,
    rules: Vec<String>,
}

/// What was seen of all classes.
struct Survey<'a> {
    fleet: &'a Fleet,
    analysis: &'a Analysis<'a>,
    /// Verdicts that are known already, by what fired.
    seen: BTreeSet<Vec<(String, bool)>>,
    fired: BTreeSet<String>,
    /// Rules whose `route` was taken.
    routing: BTreeSet<String>,
    /// Routes taken by requests that are not blocked.
    taken: BTreeSet<String>,
    /// Deployments that some request may touch.
    allowed: BTreeSet<usize>,
    /// The same on one route.
    reached: BTreeSet<(String, usize)>,
    /// Who is left, and a request for which.
    squeezes: BTreeMap<Squeeze, (Option<usize>, Map)>,
}

impl<'a> Survey<'a> {
    fn new(fleet: &'a Fleet, analysis: &'a Analysis<'a>) -> Self {
        Self {
            fleet,
            analysis,
            seen: BTreeSet::new(),
            fired: BTreeSet::new(),
            routing: BTreeSet::new(),
            taken: BTreeSet::new(),
            allowed: BTreeSet::new(),
            reached: BTreeSet::new(),
            squeezes: BTreeMap::new(),
        }
    }

    fn see(&mut self, class: &Class) {
        let verdict = self.analysis.verdict(class, false);
        // What is supposed makes no difference to what never happens, and would hide a request that does happen.
        let verified = self.analysis.verified(class, false).filter(|real| real.fired == verdict.fired);
        let model = if self.analysis.reads_model() { class.signals.model.as_str() } else { "" };
        if !self.seen.insert(key(&verdict.fired, model, verified.is_some())) {
            return;
        }
        self.fired.extend(verdict.fired.iter().filter(|rule| rule.error.is_none()).map(|rule| rule.name.clone()));
        let routing = verdict.fired.iter().find(|rule| rule.error.is_none() && does(rule, "route"));
        self.routing.extend(routing.map(|rule| rule.name.clone()));
        if verdict.block.is_some() {
            return;
        }
        let places = 0..self.fleet.targets.len();
        self.allowed.extend(places.filter(|at| verdict.clearance.allows(*at)));
        let lanes: Vec<_> = self.fleet.lanes().cloned().collect();
        for own in lanes.into_iter().filter(|own| model.is_empty() || own.settings.route.id.as_str() == model) {
            let (Some(lane), _) = self.fleet.way(&Named::Route(own), &verdict) else { continue };
            let name = lane.settings.route.id.to_string();
            let there = members(&lane).into_iter().filter(|at| verdict.clearance.allows(*at));
            self.reached.extend(there.map(|at| (name.clone(), at)));
            self.taken.insert(name);
            if verified.is_some() && verdict.fired.iter().all(|rule| rule.error.is_none()) {
                self.squeezed(class, &lane, &verdict);
            }
        }
    }

    /// Notes which rules leave nobody, or one only, if it takes several of them.
    fn squeezed(&mut self, class: &Class, lane: &Lane, verdict: &Verdict) {
        let members = members(lane);
        let left: Vec<usize> = members.iter().copied().filter(|at| verdict.clearance.allows(*at)).collect();
        if left.len() > 1 || members.len() < 2 {
            return;
        }
        let narrowing = verdict.fired.iter().filter(|rule| does(rule, "require") || does(rule, "deny"));
        let rules: Vec<String> = narrowing.map(|rule| rule.name.clone()).collect();
        let everywhere: Vec<usize> = (0..self.fleet.targets.len()).collect();
        let contradiction = Some(fewest(&verdict.clearance, &rules, &everywhere, 0))
            .filter(|_| everywhere.iter().all(|at| !verdict.clearance.allows(*at)));
        let route = contradiction.is_none().then(|| lane.settings.route.id.to_string());
        let rules = contradiction.unwrap_or_else(|| fewest(&verdict.clearance, &rules, &members, left.len()));
        if rules.len() > 1 {
            let note = || (left.first().copied(), class.shown());
            self.squeezes.entry(Squeeze { route, rules }).or_insert_with(note);
        }
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings = self.idle_rules();
        findings.extend(self.unreached());
        findings.extend(self.squeezes.iter().map(|(squeeze, (left, request))| self.squeeze(squeeze, *left, request)));
        findings
    }

    fn idle_rules(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (place, rule) in self.fleet.policy.outlines().enumerate() {
            if rule.conditional && !self.fired.contains(rule.name) {
                findings.push(Finding::new(
                    format!("rules[{place}].when"),
                    format!("rule `{}` never holds: no request fulfils its condition", rule.name),
                    "correct the condition, or delete the rule",
                ));
            } else if rule.routes && !self.routing.contains(rule.name) {
                findings.push(Finding::new(
                    format!("rules[{place}].route"),
                    format!("the route of rule `{}` is never taken: wherever it fires, a rule before it sets the route or it fails", rule.name),
                    "put it before that rule, or narrow that rule's `when`",
                ));
            }
        }
        findings
    }

    fn unreached(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let name = |at: usize| self.fleet.targets[at].deployment().id.to_string();
        for at in (0..self.fleet.targets.len()).filter(|at| !self.allowed.contains(at)) {
            let message = format!("the rules refuse `{}` for every request", name(at));
            findings.push(Finding::new(format!("deployments.{}", name(at)), message, "loosen the rules, or delete it"));
        }
        let mut lanes: Vec<_> = self.fleet.lanes().collect();
        lanes.sort_by_key(|lane| lane.settings.route.id.to_string());
        for lane in lanes {
            let route = lane.settings.route.id.to_string();
            if !self.taken.contains(&route) {
                let message = format!("no request takes route `{route}`: the rules send or refuse all of them");
                findings.push(Finding::new(
                    format!("routes.{route}"),
                    message,
                    "narrow the rules, or delete the route",
                ));
                continue;
            }
            let first = lane.candidates.iter().map(|(at, _)| ("candidates", *at));
            let second = lane.fallback.iter().map(|at| ("fallback", *at));
            for (tier, at) in first.chain(second) {
                if self.allowed.contains(&at) && !self.reached.contains(&(route.clone(), at)) {
                    let message =
                        format!("the rules refuse `{}` for every request that takes route `{route}`", name(at));
                    let remedy = format!("take it out of `{tier}`, or loosen the rules");
                    findings.push(Finding::new(format!("routes.{route}.{tier}"), message, remedy));
                }
            }
        }
        findings
    }

    fn squeeze(&self, squeeze: &Squeeze, left: Option<usize>, request: &Map) -> Finding {
        let rules = squeeze.rules.iter().map(|rule| format!("`{rule}`")).collect::<Vec<_>>().join(" and ");
        let path = self.path_of(&squeeze.rules);
        let request = serde_json::Value::Object(request.clone());
        let Some(route) = &squeeze.route else {
            let message = format!(
                "rules {rules} contradict each other: where they fire together ({request}), no deployment is left"
            );
            return Finding::new(path, message, "add a deployment that all of them allow, or narrow one of them");
        };
        match left {
            None => Finding::new(
                path,
                format!("rules {rules} together leave nobody in route `{route}`: a request with {request} is refused"),
                "add a target that all of them allow, or set another route where they fire",
            ),
            Some(at) => Finding::new(
                path,
                format!(
                    "rules {rules} together leave only `{}` in route `{route}`: for a request with {request} there is no failover",
                    self.fleet.targets[at].deployment().id
                ),
                "add a second target that all of them allow",
            ),
        }
    }

    /// Where the last of `rules` stands: without it the others get on.
    fn path_of(&self, rules: &[String]) -> String {
        let last =
            self.fleet.policy.outlines().enumerate().filter(|(_, rule)| rules.iter().any(|name| name == rule.name));
        last.last().map_or_else(|| "rules".into(), |(place, _)| format!("rules[{place}]"))
    }
}

/// What a verdict depends on, as far as it is noted: which rules fired or failed, and for whom.
fn key(fired: &[RuleFired], model: &str, verified: bool) -> Vec<(String, bool)> {
    let rules = fired.iter().map(|rule| (rule.name.clone(), rule.error.is_none()));
    rules.chain([(model.to_owned(), verified)]).collect()
}

fn does(rule: &RuleFired, effect: &str) -> bool {
    rule.effect.split(',').any(|own| own == effect)
}

/// Candidates and fallback, each once.
fn members(lane: &Lane) -> Vec<usize> {
    let all = lane.candidates.iter().map(|(at, _)| *at).chain(lane.fallback.iter().copied());
    all.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The rules without which more than `left` of `members` would be: those that could be spared are not among them.
fn fewest(clearance: &Clearance, rules: &[String], members: &[usize], left: usize) -> Vec<String> {
    let mut needed = rules.to_vec();
    for rule in rules {
        let without: Vec<&String> = needed.iter().filter(|other| *other != rule).collect();
        let kept = members.iter().filter(|at| !without.iter().any(|rule| clearance.refuses(rule, **at))).count();
        if kept == left {
            needed.retain(|other| other != rule);
        }
    }
    needed
}

#[cfg(test)]
mod tests;
