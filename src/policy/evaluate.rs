//! Rules applied to one request: signals in, verdict out.

use serde::Serialize;

use super::{
    bind::Scope,
    bits::Bits,
    clearance::Clearance,
    compile::{Policy, Rule},
    recall::Recalled,
    rule::Redact,
};
use crate::{chat::Map, signals::Signals};

/// What the rules say about one request.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What it may touch; nothing if it is blocked.
    pub clearance: Clearance,
    /// The route that the first `route` sets; absent if the caller named a deployment.
    pub route: Option<String>,
    /// The rule that blocks it first, and its message.
    pub block: Option<(String, String)>,
    /// Parameters to override. Where several rules set one, the last says.
    pub set: Map,
    /// The caller's tags and those that rules added.
    pub tags: Vec<String>,
    /// Which findings to replace.
    pub redact: Option<Redact>,
    /// The rules that fired, and those whose condition failed, in order.
    pub fired: Vec<RuleFired>,
    /// Of each `prefer` that fired, in order.
    preferences: Vec<Bits>,
}

/// A rule that fired, or whose condition could not be evaluated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleFired {
    /// Its name.
    pub name: String,
    /// What it did: `require`, `deny`, `prefer`, `route`, `block`, `set`, `tag` or `redact`; several are joined by a comma.
    pub effect: String,
    /// Why its condition could not be evaluated. Then it did what narrows (`require`, `deny`, `block`, `redact`); the other
    /// effects did not happen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The effects that a rule still has when its condition fails: those that narrow or protect.
const CLOSED: [&str; 4] = ["require", "deny", "block", "redact"];

impl RuleFired {
    /// What came of a failed condition, in words: which effects held nonetheless, and which did not happen. Nothing for a
    /// condition that could be evaluated.
    pub fn consequence(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        let (held, lost): (Vec<_>, Vec<_>) = self.effect.split(',').partition(|effect| CLOSED.contains(effect));
        let held = if held.is_empty() { String::new() } else { format!("{} applied", held.join(",")) };
        let lost = if lost.is_empty() { String::new() } else { format!("{} not applied", lost.join(",")) };
        let both = [held, lost].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
        Some(format!("{both}, because its condition failed: {error}"))
    }
}

impl Verdict {
    /// Whether some rule prefers the deployment at `index`.
    pub fn prefers(&self, index: usize) -> bool {
        self.preferences.iter().any(|set| set.has(index))
    }
}

impl Policy {
    /// Applies the rules to a request. `named` says that the caller asked for a deployment by name: then no rule sets the
    /// route, and every other effect holds as ever.
    pub fn evaluate(&self, signals: &Signals, named: bool) -> Verdict {
        self.evaluate_in(Scope::new(signals), named, &Recalled::default())
    }

    /// The same before the user's own signals that `unknown` has a bit for were asked for: whether a rule holds that cannot
    /// be told without them is left open.
    pub fn evaluate_before(&self, signals: &Signals, named: bool, unknown: u64) -> Verdict {
        self.evaluate_as_far(Scope::new(signals), named, &Recalled::default(), unknown)
    }

    /// The same for a request of which there is only a record: where a condition over its text is known to have come to
    /// something, that holds again.
    pub fn evaluate_recalled(&self, signals: &Signals, named: bool, recalled: &Recalled<'_>) -> Verdict {
        self.evaluate_in(Scope::new(signals), named, recalled)
    }

    /// The same over what is already laid out.
    pub(super) fn evaluate_in(&self, scope: Scope<'_>, named: bool, recalled: &Recalled<'_>) -> Verdict {
        self.evaluate_as_far(scope, named, recalled, 0)
    }

    pub(super) fn evaluate_as_far(
        &self,
        mut scope: Scope<'_>,
        named: bool,
        recalled: &Recalled<'_>,
        unknown: u64,
    ) -> Verdict {
        let mut verdict = Verdict {
            clearance: Clearance::everything(self.count),
            route: None,
            block: None,
            set: Map::new(),
            tags: Vec::new(),
            redact: None,
            fired: Vec::new(),
            preferences: Vec::new(),
        };
        for rule in &self.rules {
            match self.holds(rule, &scope, recalled) {
                Ok(false) => {}
                Ok(true) => {
                    verdict.close(rule);
                    verdict.open(rule, named);
                    verdict.record(rule, |_| true, None);
                    add(&mut scope.tags, &rule.tag);
                }
                Err(_) if rule.reads.own & unknown != 0 => {}
                Err(error) => {
                    verdict.close(rule);
                    verdict.record(rule, is_closing, Some(&error));
                    verdict.record(rule, |effect| !is_closing(effect), Some(&error));
                }
            }
        }
        verdict.tags = scope.tags;
        verdict
    }

    fn holds(&self, rule: &Rule, scope: &Scope<'_>, recalled: &Recalled<'_>) -> Result<bool, String> {
        if let Some(outcome) = recalled.outcome(rule.digest.as_ref()) {
            return outcome;
        }
        match (&rule.when, &self.root) {
            (None, _) => Ok(true),
            (Some(program), Some(root)) => {
                program.holds(root, scope).map_err(|error| self.because(error, rule, scope.signals))
            }
            (Some(_), None) => Err("conditions are not set up".into()),
        }
    }
}

impl Policy {
    /// `error` with the reason, where it is that a signal of the user's own is absent.
    fn because(&self, error: String, rule: &Rule, signals: &Signals) -> String {
        let mut read = self.own.iter().enumerate().filter(|(at, _)| rule.reads.own >> at & 1 == 1);
        let reason = read.find_map(|(_, own)| {
            let absent = error.starts_with(&format!("`{}` was not computed", own.name));
            absent.then(|| signals.own(&own.name)?.as_ref().err()).flatten()
        });
        match reason {
            Some(reason) => format!("{error}: {reason}"),
            None => error,
        }
    }
}

/// Whether a condition that fails counts as fired for this effect: those that protect.
fn is_closing(effect: &str) -> bool {
    matches!(effect, "require" | "deny" | "block" | "redact")
}

impl Verdict {
    /// The effects that protect.
    fn close(&mut self, rule: &Rule) {
        for narrowing in &rule.narrowings {
            self.clearance.narrow(narrowing);
        }
        if let (Some(message), None) = (&rule.block, &self.block) {
            self.block = Some((rule.name.to_string(), message.clone()));
        }
        match (&rule.redact, &mut self.redact) {
            (None, _) | (_, Some(Redact::All)) => {}
            (Some(Redact::Types(more)), Some(Redact::Types(types))) => add(types, more),
            (Some(redact), _) => self.redact = Some(redact.clone()),
        }
    }

    /// The effects that choose. Tags are added by the caller, who shows them to the next rule.
    fn open(&mut self, rule: &Rule, named: bool) {
        self.preferences.extend(rule.prefer.clone());
        if self.route.is_none() && !named {
            self.route.clone_from(&rule.route);
        }
        self.set.extend(rule.set.clone());
    }

    fn record(&mut self, rule: &Rule, which: impl Fn(&str) -> bool, error: Option<&String>) {
        let narrowing = rule.narrowings.iter().map(|narrowing| narrowing.refusal.effect);
        let others = [
            ("prefer", rule.prefer.is_some()),
            ("route", rule.route.is_some()),
            ("set", !rule.set.is_empty()),
            ("tag", !rule.tag.is_empty()),
            ("redact", rule.redact.is_some()),
        ];
        let others = others.into_iter().filter(|(_, has)| *has).map(|(effect, _)| effect);
        let effects: Vec<&str> = narrowing.chain(others).filter(|effect| which(effect)).collect();
        if !effects.is_empty() {
            let name = rule.name.to_string();
            self.fired.push(RuleFired { name, effect: effects.join(","), error: error.cloned() });
        }
    }
}

fn add(list: &mut Vec<String>, more: &[String]) {
    for item in more {
        if !list.contains(item) {
            list.push(item.clone());
        }
    }
}

#[cfg(test)]
mod tests;
