//! Rules over all requests at once: what holds in every class of them, and in which it does not.

use std::{collections::HashMap, fmt};

use super::{
    Policy, Verdict,
    bind::Scope,
    check::Known,
    classes::{Class, Classes, Reader, Variables},
    compile::Rule,
    program::{Program, Root, language, root},
    recall::Recalled,
};
use crate::error::Result;

/// Rules, and perhaps a question, ready to be evaluated on every class of requests.
pub struct Analysis<'p> {
    /// As a call sees them.
    policy: &'p Policy,
    /// The same with variables in place of what is not understood.
    read: Policy,
    /// The condition of the question, as written and as read; absent means every request.
    question: Option<(Program, Program)>,
    root: Root,
    variables: Variables,
}

/// What is plain to see of a rule.
#[derive(Clone, Copy, Debug)]
pub struct Outline<'p> {
    /// Its name.
    pub name: &'p str,
    /// Whether it has a condition that does not always hold.
    pub conditional: bool,
    /// Whether it sets the route.
    pub routes: bool,
}

/// Which rules an analysis is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scrutiny {
    /// Those that say where a request may go.
    Reach,
    /// All.
    Everything,
}

impl Policy {
    /// Every rule, in the order written.
    pub fn outlines(&self) -> impl Iterator<Item = Outline<'_>> {
        self.rules.iter().map(|rule| Outline {
            name: &rule.name,
            conditional: rule.when.is_some(),
            routes: rule.route.is_some(),
        })
    }

    /// Prepares an analysis of the requests for which `when` holds.
    ///
    /// # Errors
    /// A configuration error at `when` if that is no condition.
    pub fn analysis(&self, when: Option<&str>, scrutiny: Scrutiny) -> Result<Analysis<'_>> {
        let env = language()?;
        let known = Known { intents: &[], own: &self.own };
        let mut patterns = HashMap::new();
        let mut variables = Variables::default();
        let tagging = self.rules.iter().any(|rule| !rule.tag.is_empty());
        let place = |name: String| if tagging { name } else { String::new() };
        let mut rules = Vec::with_capacity(self.rules.len());
        for (at, rule) in self.rules.iter().enumerate().filter(|(_, rule)| scrutiny.covers(rule)) {
            let mut rule = rule.clone();
            if let Some(program) = &rule.when {
                patterns.extend(program.patterns(&env, &known)?);
                rule.when =
                    Some(program.read(&env, &mut Reader::new(&mut variables, &self.own, place(format!("{at}:"))))?);
            }
            rules.push(rule);
        }
        let question = match when {
            None => None,
            Some(source) => {
                let (program, checked) = Program::compile(&env, source, &known, "when")?;
                patterns.extend(checked.patterns);
                let read = program.read(&env, &mut Reader::new(&mut variables, &self.own, place("when:".into())))?;
                Some((program, read))
            }
        };
        let read = Policy {
            rules,
            count: self.count,
            root: Some(root(std::sync::Arc::clone(&env), patterns.clone())?),
            reads: self.reads,
            own: self.own.clone(),
        };
        Ok(Analysis { policy: self, read, question, root: root(env, patterns)?, variables })
    }
}

impl Scrutiny {
    fn covers(self, rule: &Rule) -> bool {
        self == Self::Everything || !rule.narrowings.is_empty() || rule.route.is_some() || !rule.tag.is_empty()
    }
}

impl Analysis<'_> {
    /// All classes, of callers who ask for one of `models`.
    ///
    /// # Errors
    /// How many there are, if they are too many.
    pub fn classes(&self, models: &[String]) -> std::result::Result<Classes, usize> {
        self.variables.classes(models).or_else(|_| self.variables.clone().without_hints().classes(models))
    }

    /// Whether some condition looks at what the caller asked for; if not, one class stands for all callers.
    pub fn reads_model(&self) -> bool {
        self.variables.reads_model()
    }

    /// The conditions of which a part is not understood.
    pub fn not_understood(&self) -> Vec<&str> {
        self.variables.not_understood()
    }

    /// Whether the question is about this class, under what is supposed of it.
    pub fn asks(&self, class: &Class) -> bool {
        let scope = Scope::supposing(&class.signals, &class.supposed);
        self.question.as_ref().is_none_or(|(_, read)| read.holds(&self.root, &scope) == Ok(true))
    }

    /// What the rules say, under what is supposed of the class.
    pub fn verdict(&self, class: &Class, named: bool) -> Verdict {
        self.read.evaluate_in(Scope::supposing(&class.signals, &class.supposed), named, &Recalled::default())
    }

    /// What the rules say before the signals that `unknown` has a bit for were asked for: of who is asked for them. Twice, under
    /// what is supposed of the class and of the request that stands for it; the second one is absent if the question is not
    /// about that request.
    pub fn before(&self, class: &Class, named: bool, unknown: u64) -> (Verdict, Option<Verdict>) {
        let mut signals = class.signals.clone();
        let is_unknown =
            |name: &str| self.policy.own.iter().position(|own| own.name == name).map(|at| unknown >> at & 1);
        signals.own.retain(|(name, _)| is_unknown(name) != Some(1));
        let scope = Scope::supposing(&signals, &class.supposed);
        let supposed = self.read.evaluate_as_far(scope, named, &Recalled::default(), unknown);
        let asked = self.verified(class, named).is_some();
        (supposed, asked.then(|| self.policy.evaluate_before(&signals, named, unknown)))
    }

    /// What the rules say about the request that stands for the class, with nothing supposed; absent if the question is
    /// not about it.
    pub fn verified(&self, class: &Class, named: bool) -> Option<Verdict> {
        let scope = Scope::new(&class.signals);
        let asked = self.question.as_ref().is_none_or(|(written, _)| written.holds(&self.root, &scope) == Ok(true));
        asked.then(|| self.policy.evaluate(&class.signals, named))
    }
}

impl fmt::Debug for Analysis<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Analysis")
            .field("policy", &self.policy)
            .field("variables", &self.variables)
            .finish_non_exhaustive()
    }
}
