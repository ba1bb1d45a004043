//! Whether a class of requests can reach certain deployments: for all requests at once, by the code that plans each one.
//!
//! What counts is what policy allows: by a route or by name, as a candidate or as a fallback. Abilities, limits, breakers,
//! prices and budgets only take more away.

use serde::Serialize;

use super::{
    Router,
    fleet::{Fleet, Named},
    sense::listener,
};
use crate::{
    catalog::Deployment,
    chat::Map,
    error::Result,
    policy::{
        Analysis, RuleFired, Verdict,
        analysis::Scrutiny,
        classes::{Class, MOST},
        never as over,
    },
};

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// It holds for all requests.
    Proved,
    /// It does not: here is one.
    Counterexample,
    /// It could not be found out.
    Unknown,
}

/// The answer, with how it was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proof {
    /// The answer.
    pub answer: Answer,
    /// Why it is unknown, or holds for want of anything it could fail for.
    pub reason: Option<String>,
    /// A request that reaches what it must not. Where the answer is unknown, one that perhaps does.
    pub counterexample: Option<Counterexample>,
    /// Classes of requests that were looked at.
    pub classes: usize,
}

/// A request, and what it reaches.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Counterexample {
    /// What rules see of the request; what is left out does not matter.
    pub signals: Map,
    /// What the caller asks for.
    pub model: String,
    /// The route taken; absent if the caller named a deployment.
    pub route: Option<String>,
    /// The deployment reached.
    pub deployment: String,
    /// Whether it is reached as a fallback.
    pub fallback: bool,
    /// The rules that fired, in order.
    pub rules: Vec<RuleFired>,
    /// Why it is not known whether the deployment is one of those; it counts as one.
    pub doubt: Option<String>,
}

impl Router {
    /// Whether no request for which `when` holds (absent: no request at all) can reach a deployment for which `never` holds.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Config`] at `when` or `never` if that is no condition; [`crate::error::ErrorKind::Closed`].
    pub fn prove(&self, when: Option<&str>, never: &str) -> Result<Proof> {
        let fleet = self.open()?;
        let deployments: Vec<&Deployment> = fleet.places().collect();
        let forbidden = over(never, &deployments)?;
        let analysis = fleet.policy.analysis(when, Scrutiny::Reach)?;
        if forbidden.iter().all(|holds| *holds == Ok(false)) {
            return Ok(Proof::proved(0, Some(format!("no deployment is one where `{never}`"))));
        }
        let search = Search { fleet: &fleet, forbidden: &forbidden, analysis: &analysis };
        Ok(search.run())
    }
}

struct Search<'a> {
    fleet: &'a Fleet,
    /// Of each deployment, whether it must not be reached.
    forbidden: &'a [std::result::Result<bool, String>],
    analysis: &'a Analysis<'a>,
}

/// Where a request gets to: the deployment, and whether as a fallback.
type Reached = (usize, bool);

impl Search<'_> {
    fn run(&self) -> Proof {
        let callers = callers(self.fleet, self.analysis.reads_model());
        let classes = match self.analysis.classes(&callers) {
            Ok(classes) => classes,
            Err(count) => {
                let reason =
                    format!("the conditions tell {count} classes of requests apart; {MOST} are looked at at most");
                return Proof { answer: Answer::Unknown, reason: Some(reason), counterexample: None, classes: 0 };
            }
        };
        let (mut looked_at, mut possible) = (0, None);
        for class in classes.filter(|class| self.analysis.asks(class)) {
            looked_at += 1;
            // Once for all callers: what may be touched is the same for who names a deployment, and `way` knows the rest.
            let verdict = self.analysis.verdict(&class, false);
            for caller in self.of_class(&class, &callers) {
                let Some((found, is_certain)) = self.look(&class, caller, &verdict) else { continue };
                if is_certain {
                    return Proof {
                        answer: Answer::Counterexample,
                        reason: None,
                        counterexample: Some(found),
                        classes: looked_at,
                    };
                }
                possible.get_or_insert(found);
            }
        }
        match possible {
            Some(found) => self.unknown(found, looked_at),
            None if looked_at == 0 => Proof::proved(0, Some("there is no such request".into())),
            None => Proof::proved(looked_at, None),
        }
    }

    /// The callers that a class stands for.
    fn of_class<'c>(&self, class: &'c Class, callers: &'c [String]) -> &'c [String] {
        if self.analysis.reads_model() { std::slice::from_ref(&class.signals.model) } else { callers }
    }

    /// What `caller` reaches that must not be reached, and whether that is certain.
    fn look(&self, class: &Class, caller: &str, verdict: &Verdict) -> Option<(Counterexample, bool)> {
        let named = self.fleet.resolve(caller).ok()?;
        let by_name = matches!(named, Named::Deployment(_));
        let Some(reached) = self.reached(&named, verdict) else { return self.heard(class, caller, by_name) };
        let verified = self.analysis.verified(class, by_name);
        let certain = verified.and_then(|verdict| Some((self.reached(&named, &verdict)?, verdict)));
        let is_certain = certain.is_some();
        let (reached, verdict) = certain.unwrap_or_else(|| (reached, verdict.clone()));
        let (lane, _) = self.fleet.way(&named, &verdict);
        let route = lane.map(|lane| lane.settings.route.id.to_string());
        let model = caller.to_owned();
        Some((Counterexample { model, route, ..self.counterexample(class, reached, verdict) }, is_certain))
    }

    /// The first classifier that sees what it must not see, for a signal of the user's own.
    fn heard(&self, class: &Class, caller: &str, by_name: bool) -> Option<(Counterexample, bool)> {
        let listeners = (0..self.fleet.own.len()).filter_map(|at| listener(self.fleet, at));
        for (place, unknown) in listeners.filter(|(place, _)| self.forbidden[*place] != Ok(false)) {
            let (supposed, verified) = self.analysis.before(class, by_name, unknown);
            if supposed.clearance.allows(place) {
                let is_certain = verified.as_ref().is_some_and(|verdict| verdict.clearance.allows(place));
                let verdict = verified.filter(|_| is_certain).unwrap_or(supposed);
                let found = self.counterexample(class, (place, false), verdict);
                return Some((Counterexample { model: caller.to_owned(), ..found }, is_certain));
            }
        }
        None
    }

    /// The first deployment among those reached that must not be.
    fn reached(&self, named: &Named, verdict: &Verdict) -> Option<Reached> {
        let (lane, single) = self.fleet.way(named, verdict);
        let first = lane.iter().flat_map(|lane| lane.candidates.iter().map(|(at, _)| (*at, false)));
        let second = lane.iter().flat_map(|lane| lane.fallback.iter().map(|at| (*at, true)));
        let mut all = single.map(|at| (at, false)).into_iter().chain(first).chain(second);
        all.find(|(at, _)| verdict.clearance.allows(*at) && self.forbidden[*at] != Ok(false))
    }

    /// All of it but the caller and the route.
    fn counterexample(&self, class: &Class, (at, fallback): Reached, verdict: Verdict) -> Counterexample {
        Counterexample {
            signals: class.shown(),
            model: String::new(),
            route: None,
            deployment: self.fleet.places().nth(at).map(|place| place.id.to_string()).unwrap_or_default(),
            fallback,
            rules: verdict.fired,
            doubt: self.forbidden[at].clone().err(),
        }
    }

    fn unknown(&self, found: Counterexample, classes: usize) -> Proof {
        let conditions: Vec<String> =
            self.analysis.not_understood().iter().map(|condition| format!("`{condition}`")).collect();
        let reason = format!("whether this holds cannot be told for all requests: {}", conditions.join(", "));
        Proof { answer: Answer::Unknown, reason: Some(reason), counterexample: Some(found), classes }
    }
}

impl Proof {
    fn proved(classes: usize, reason: Option<String>) -> Self {
        Self { answer: Answer::Proved, reason, counterexample: None, classes }
    }
}

/// All that a caller can ask for; of several names for one deployment the first, unless rules look at the name.
pub(super) fn callers(fleet: &Fleet, by_every_name: bool) -> Vec<String> {
    let mut routes: Vec<String> = fleet.lanes().map(|lane| lane.settings.route.id.to_string()).collect();
    // `auto` first: an example is easiest to read for a caller who asks for nothing.
    routes.sort_by_key(|route| (route != "auto", route.clone()));
    let deployments = fleet.targets.iter().map(|target| target.deployment());
    let own = deployments.clone().map(|deployment| deployment.id.to_string());
    let long = deployments.map(|deployment| format!("{}/{}", deployment.provider.id, deployment.model));
    let mut callers: Vec<String> = routes.into_iter().chain(own).collect();
    if by_every_name {
        let more: Vec<String> = long.filter(|name| !callers.contains(name)).collect();
        callers.extend(more);
    }
    callers
}

#[cfg(test)]
mod tests;
