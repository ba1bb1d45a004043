//! Rules that cannot be reached: what an earlier rule has decided, a later one cannot decide again.

use super::{
    reader::{Report, Table},
    rules::EFFECTS,
};
use crate::policy::rule::RuleConfig;

/// What an earlier rule settles.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Settled {
    Everything,
    Route,
}

/// Records the rules, and the `route` effects, that never come to anything.
pub(super) fn rules(rules: &[RuleConfig], top: &Table<'_>) {
    let report = top.node.report;
    for (place, rule) in rules.iter().enumerate() {
        if condition(rule) == Some("false") {
            report.add(format!("rules[{place}].when"), "this rule never holds", Some("delete it".into()));
            continue;
        }
        shadowed(place, rule, rules, report);
    }
}

fn shadowed(place: usize, rule: &RuleConfig, rules: &[RuleConfig], report: &Report) {
    for (earlier_place, earlier) in rules[..place].iter().enumerate() {
        let same = always(earlier) || same_condition(earlier, rule, &rules[earlier_place..place]);
        let Some(settled) = settled(earlier).filter(|_| same) else { continue };
        let whole = settled == Settled::Everything;
        if !whole && rule.route.is_none() {
            continue;
        }
        // A rule that does more than to set the route is reached, but not its `route`.
        let only_route = whole || effects(rule) == 1;
        let path = if only_route { format!("rules[{place}]") } else { format!("rules[{place}].route") };
        let what = if only_route { "this rule is never reached" } else { "this route is never taken" };
        let does = if whole { "blocks" } else { "sets the route of" };
        let when = if always(earlier) { "everything" } else { "the same requests" };
        let message = format!("{what}: `{}` before it {does} {when}", earlier.name);
        report.add(path, message, Some("put it before that rule, or narrow that rule's `when`".into()));
        return;
    }
}

fn settled(rule: &RuleConfig) -> Option<Settled> {
    match (&rule.block, &rule.route) {
        (Some(_), _) => Some(Settled::Everything),
        (None, Some(_)) => Some(Settled::Route),
        (None, None) => None,
    }
}

fn condition(rule: &RuleConfig) -> Option<&str> {
    rule.when.as_deref().map(str::trim)
}

fn always(rule: &RuleConfig) -> bool {
    // A broken rule was read as an empty one: it has no name.
    !rule.name.is_empty() && matches!(condition(rule), None | Some("true"))
}

/// Whether both hold for the same requests. A rule between them that adds tags may change what the later one sees.
fn same_condition(earlier: &RuleConfig, later: &RuleConfig, until: &[RuleConfig]) -> bool {
    let retagged = until.iter().any(|rule| !rule.tag.is_empty());
    let text = condition(earlier);
    text.is_some() && text == condition(later) && !(retagged && text.is_some_and(|text| text.contains("tags")))
}

fn effects(rule: &RuleConfig) -> usize {
    let has = |effect: &str| match effect {
        "require" => rule.require.is_some(),
        "deny" => rule.deny.is_some(),
        "prefer" => rule.prefer.is_some(),
        "route" => rule.route.is_some(),
        "block" => rule.block.is_some(),
        "set" => !rule.set.is_empty(),
        "tag" => !rule.tag.is_empty(),
        _ => rule.redact.is_some(),
    };
    EFFECTS.iter().filter(|effect| has(effect)).count()
}
