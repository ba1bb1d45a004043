//! Rules made ready: conditions compiled and checked, and the deployments of every effect worked out, so that evaluation
//! does neither.

use std::{collections::HashMap, fmt, sync::Arc};

use super::{
    bits::Bits,
    check::Known,
    clearance::{Narrowing, Refusal},
    matcher::{self, Tags, matching},
    program::{Program, Root, language, root},
    recall::digest,
    rule::{Redact, RuleConfig},
};
use crate::{
    catalog::Deployment,
    chat::Map,
    error::{Error, Result},
    signals::own::Shape,
};

/// All rules over all deployments, ready to be evaluated.
pub struct Policy {
    pub(super) rules: Vec<Rule>,
    pub(super) count: usize,
    /// Absent if no rule has a condition.
    pub(super) root: Option<Root>,
    pub(super) reads: Reads,
    /// The user's own signals.
    pub(super) own: Vec<Shape>,
}

/// Which of the signals that are costly some rule looks at; the others need not be computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, one a signal")]
pub struct Reads {
    /// The last user message.
    pub text: bool,
    /// Sensitive content, in a condition or for `redact`.
    pub sensitive: bool,
    /// The intent or the scores of all.
    pub intent: bool,
    /// How hard the question is.
    pub complexity: bool,
    /// The language.
    pub language: bool,
    /// Attempts to take over the model.
    pub injection: bool,
    /// The spent shares of budgets.
    pub budgets: bool,
    /// What the caller says about the request.
    pub metadata: bool,
    /// The labels, those that rules add among them.
    pub tags: bool,
    /// The user's own signals, a bit each in their order.
    pub own: u64,
}

impl Reads {
    pub(super) fn note(&mut self, variable: &str) {
        match variable {
            "text" => self.text = true,
            "sensitive" => self.sensitive = true,
            "intent" | "intents" => self.intent = true,
            "complexity" => self.complexity = true,
            "language" => self.language = true,
            "injection" => self.injection = true,
            "budgets" => self.budgets = true,
            "metadata" => self.metadata = true,
            "tags" => self.tags = true,
            _ => {}
        }
    }

    fn unite(&mut self, other: Self) {
        self.text |= other.text;
        self.sensitive |= other.sensitive;
        self.intent |= other.intent;
        self.complexity |= other.complexity;
        self.language |= other.language;
        self.injection |= other.injection;
        self.budgets |= other.budgets;
        self.metadata |= other.metadata;
        self.tags |= other.tags;
        self.own |= other.own;
    }
}

/// One rule, ready.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) name: Arc<str>,
    /// Absent means always.
    pub(super) when: Option<Program>,
    /// The hash of the condition, by which its outcome is found again.
    pub(super) digest: Option<String>,
    /// What the condition looks at.
    pub(super) reads: Reads,
    /// Of `require`, `deny` and `block`.
    pub(super) narrowings: Vec<Arc<Narrowing>>,
    pub(super) prefer: Option<Bits>,
    pub(super) route: Option<String>,
    pub(super) block: Option<String>,
    pub(super) set: Map,
    pub(super) tag: Vec<String>,
    pub(super) redact: Option<Redact>,
}

impl Policy {
    /// Compiles `rules` over `deployments`, whose places are the places that a clearance speaks of. What a condition may name
    /// beside the built-in words is `known`.
    ///
    /// # Errors
    /// The first mistake found, at its path: `rules[2].when` and so on.
    pub fn compile(rules: &[RuleConfig], deployments: &[&Deployment], known: Known<'_>) -> Result<Self> {
        let conditional = rules.iter().any(|rule| rule.when.is_some());
        let env = if conditional { Some(language()?) } else { None };
        let mut reads = Reads::default();
        let mut patterns = HashMap::new();
        let mut compiled = Vec::with_capacity(rules.len());
        for (place, config) in rules.iter().enumerate() {
            let mut rule = Rule::new(config, place, deployments)?;
            reads.sensitive |= config.redact.is_some();
            if let (Some(source), Some(env)) = (&config.when, &env) {
                let (program, checked) = Program::compile(env, source, &known, &format!("rules[{place}].when"))?;
                reads.unite(checked.reads);
                rule.reads = checked.reads;
                patterns.extend(checked.patterns);
                rule.when = Some(program);
            }
            compiled.push(rule);
        }
        let root = match env {
            Some(env) => Some(root(env, patterns)?),
            None => None,
        };
        if let Some(root) = &root {
            constants(&mut compiled, root)?;
        }
        Ok(Self { rules: compiled, count: deployments.len(), root, reads, own: known.own.to_vec() })
    }

    /// Every condition that does not compile, each at its path: what [`Policy::compile`] would stumble over, one by one.
    pub fn mistakes(rules: &[RuleConfig], known: Known<'_>) -> Vec<Error> {
        let env = match language() {
            Ok(env) => env,
            Err(error) => return vec![error],
        };
        let conditions = rules.iter().enumerate().filter_map(|(place, rule)| Some((place, rule.when.as_ref()?)));
        conditions
            .filter_map(|(place, when)| Program::compile(&env, when, &known, &format!("rules[{place}].when")).err())
            .collect()
    }

    /// Which of the costly signals some rule looks at.
    pub fn reads(&self) -> Reads {
        self.reads
    }

    /// The user's own signals, a bit each in their order, on which it depends who may see a request: rules that narrow,
    /// redact, or add tags for other rules look at them.
    pub fn gates(&self) -> u64 {
        let gating = |rule: &&Rule| !rule.narrowings.is_empty() || rule.redact.is_some() || !rule.tag.is_empty();
        self.rules.iter().filter(gating).fold(0, |gates, rule| gates | rule.reads.own)
    }
}

/// Refuses conditions that can never hold and forgets those that always do.
fn constants(rules: &mut [Rule], root: &Root) -> Result<()> {
    for (place, rule) in rules.iter_mut().enumerate() {
        match rule.when.as_ref().and_then(|program| program.constant(root)) {
            Some(true) => rule.when = None,
            Some(false) => {
                return Err(Error::config(format!("rules[{place}].when"), "this rule never holds")
                    .with_hint(Some("delete it".into())));
            }
            None => {}
        }
    }
    Ok(())
}

impl Rule {
    fn new(config: &RuleConfig, place: usize, deployments: &[&Deployment]) -> Result<Self> {
        let name: Arc<str> =
            if config.name.is_empty() { format!("rules[{place}]").into() } else { config.name.as_str().into() };
        let path = |effect: &str| format!("rules[{place}].{effect}");
        let count = deployments.len();
        let narrowing = |effect: &'static str, by_tag: bool, kept: Bits| {
            Arc::new(Narrowing { refusal: Refusal { rule: Arc::clone(&name), effect, by_tag }, kept })
        };
        let mut narrowings = Vec::new();
        if let Some(require) = &config.require {
            let kept = matching(require, Tags::All, deployments, &path("require"))?;
            narrowings.push(narrowing("require", matcher::is_by_tag(require), kept));
        }
        if let Some(deny) = &config.deny {
            let denied = matching(deny, Tags::Any, deployments, &path("deny"))?;
            let kept = Bits::of(count, |at| !denied.has(at));
            narrowings.push(narrowing("deny", matcher::is_by_tag(deny), kept));
        }
        if config.block.is_some() {
            narrowings.push(narrowing("block", false, Bits::none(count)));
        }
        let prefer = match &config.prefer {
            Some(prefer) => Some(matching(prefer, Tags::All, deployments, &path("prefer"))?),
            None => None,
        };
        Ok(Self {
            name,
            when: None,
            digest: config.when.as_deref().map(digest),
            reads: Reads::default(),
            narrowings,
            prefer,
            route: config.route.clone(),
            block: config.block.clone(),
            set: config.set.clone(),
            tag: config.tag.clone(),
            redact: config.redact.clone(),
        })
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.rules.iter().map(|rule| &*rule.name).collect();
        f.debug_struct("Policy").field("rules", &names).field("deployments", &self.count).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
