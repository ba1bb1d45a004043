//! Rules over a request that is no longer there: which signals they ask for that its record lacks, and what conditions over
//! its text came to.
//!
//! The text of a request is in no record. What a condition over it came to is, by a hash of the condition: under the same
//! condition the answer holds again. Any other condition over the text cannot be evaluated, and that is said, never guessed.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::{Policy, Verdict};

/// What is known of a past request beside its signals.
#[derive(Clone, Debug, Default)]
pub struct Recalled<'a> {
    /// What conditions over its text came to, by their hash; `None` stands for one that failed.
    pub conditions: &'a [(String, Option<bool>)],
}

/// The bytes of the hash that are kept: among a thousand conditions no two are taken for each other.
const KEPT: usize = 8;

/// The hash by which a condition is found again.
pub(super) fn digest(condition: &str) -> String {
    let hash = Sha256::digest(condition.trim().as_bytes());
    hash.iter().take(KEPT).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Recalled<'_> {
    /// What the condition of this hash came to, in words if it failed; absent if nobody knows.
    pub(super) fn outcome(&self, digest: Option<&String>) -> Option<Result<bool, String>> {
        let digest = digest?;
        let (_, outcome) = self.conditions.iter().find(|(known, _)| known == digest)?;
        Some(outcome.ok_or_else(|| "it failed when the request was there".into()))
    }
}

impl Policy {
    /// What the conditions over the text came to in `verdict`. One that reads labels as well is left out: rules before it
    /// may have added some.
    pub fn conditions(&self, verdict: &Verdict) -> Vec<(String, Option<bool>)> {
        let over_text = self.rules.iter().filter(|rule| rule.reads.text && !rule.reads.tags);
        let known = over_text.filter_map(|rule| {
            let fired = verdict.fired.iter().find(|fired| fired.name == *rule.name);
            Some((rule.digest.clone()?, fired.map_or(Some(false), |fired| fired.error.is_none().then_some(true))))
        });
        known.collect()
    }

    /// Whether some condition reads the text and is not among those whose outcome is known.
    pub fn wants_text(&self, recalled: &Recalled<'_>) -> bool {
        let mut over_text = self.rules.iter().filter(|rule| rule.reads.text);
        over_text.any(|rule| rule.reads.tags || recalled.outcome(rule.digest.as_ref()).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::Deployment,
        policy::{Known, rule::RuleConfig},
        signals::Signals,
    };

    fn policy(conditions: &[&str]) -> Policy {
        let rules: Vec<RuleConfig> = conditions
            .iter()
            .map(|when| RuleConfig { when: Some((*when).into()), tag: vec!["t".into()], ..RuleConfig::default() })
            .collect();
        Policy::compile(&rules, &[] as &[&Deployment], Known::default()).unwrap()
    }

    #[test]
    fn a_condition_over_the_text_keeps_its_outcome_without_the_text() {
        let before = policy(&["text.contains('CANARY')", "text.contains('x')", "int(text) > 3"]);
        let signals = Signals { text: "CANARY".into(), ..Signals::default() };
        let known = before.conditions(&before.evaluate(&signals, false));
        let outcomes: Vec<_> = known.iter().map(|(_, outcome)| *outcome).collect();
        assert_eq!(outcomes, [Some(true), Some(false), None]);
        assert!(!format!("{known:?}").contains("CANARY"));
        let recalled = Recalled { conditions: &known };
        let now = policy(&["text.contains('x')", "tokens > 3", " text.contains('CANARY')"]);
        assert!(!now.wants_text(&recalled));
        let fired = now.evaluate_recalled(&Signals::default(), false, &recalled).fired;
        assert_eq!(fired.iter().map(|rule| rule.name.as_str()).collect::<Vec<_>>(), ["rules[2]"]);
        assert!(policy(&["text.contains('y')"]).wants_text(&recalled));
        assert!(policy(&["text.contains('x') && 'a' in tags"]).wants_text(&recalled));
    }
}
