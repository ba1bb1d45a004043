use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};

use super::{
    super::fixture::{deployment, policy, rule, signals},
    *,
};
use crate::{catalog::Deployment, policy::Known};

const MINI: usize = 0;
const HAIKU: usize = 1;
const HOUSE: usize = 2;

fn verdict(rules: &Value) -> Verdict {
    policy(rules).evaluate(&signals(), false)
}

fn allowed(verdict: &Verdict) -> Vec<usize> {
    (0..3).filter(|at| verdict.clearance.allows(*at)).collect()
}

fn fired(verdict: &Verdict) -> Vec<(&str, &str, bool)> {
    verdict.fired.iter().map(|rule| (rule.name.as_str(), rule.effect.as_str(), rule.error.is_some())).collect()
}

#[test]
fn without_rules_everything_may_be_touched() {
    let verdict = verdict(&json!([]));
    assert_eq!(allowed(&verdict), [MINI, HAIKU, HOUSE]);
    assert_eq!((verdict.clearance.count(), verdict.fired.len()), (3, 0));
    assert!(!verdict.clearance.allows(3) && verdict.clearance.permit(3).is_none() && !verdict.clearance.allows(64));
}

#[test]
fn rules_are_tried_in_order_and_no_condition_means_always() {
    let verdict = verdict(&json!([{"name": "b", "prefer": {"tags": ["eu"]}}, {"when": "stream", "route": "no"},
        {"name": "a", "when": "sensitive.any", "require": {"tags": ["private"]}, "tag": ["t"]}]));
    assert_eq!(fired(&verdict), [("b", "prefer", false), ("a", "require,tag", false)]);
}

#[test]
fn a_condition_sees_the_request_as_it_came() {
    let verdict = verdict(&json!([{"set": {"user": "other"}, "route": "r"},
        {"name": "changed", "when": "user == 'other' || model == 'r'", "set": {"seed": 1}}]));
    assert_eq!(verdict.fired.len(), 1);
}

#[test]
fn require_and_deny_intersect() {
    let verdict = verdict(
        &json!([{"name": "eu only", "require": {"tags": ["eu"]}}, {"name": "no house", "deny": {"deployments": ["house"]}}]),
    );
    assert_eq!(allowed(&verdict), [HAIKU]);
    let refusal = |at| verdict.clearance.refusal(at).map(|r| (r.rule.to_string(), r.effect, r.by_tag));
    assert_eq!(refusal(MINI), Some(("eu only".into(), "require", true)));
    assert_eq!(refusal(HOUSE), Some(("no house".into(), "deny", false)));
    assert_eq!(refusal(HAIKU), None);
    assert_eq!(verdict.clearance.permit(HAIKU).map(|cleared| cleared.index()), Some(HAIKU));
    assert!(verdict.clearance.permit(MINI).is_none());
}

#[test]
fn the_first_refusal_is_told() {
    let verdict =
        verdict(&json!([{"name": "1", "deny": {"tags": ["us"]}}, {"name": "2", "require": {"tags": ["eu"]}}]));
    assert_eq!(verdict.clearance.refusal(MINI).map(|r| &*r.rule), Some("1"));
}

#[test]
fn the_keys_of_a_matcher_mean_what_they_say() {
    for (effect, expected) in [
        (json!({"require": {"tags": ["private", "eu"]}}), vec![HOUSE]),
        (json!({"deny": {"tags": ["private", "us"]}}), vec![HAIKU]),
        (json!({"require": {"deployments": ["mini", "house"]}}), vec![MINI, HOUSE]),
        (json!({"require": {"providers": ["vllm"]}}), vec![HOUSE]),
        (json!({"require": {"regions": ["eu-west-1", "x"]}}), vec![HAIKU, HOUSE]),
        (json!({"require": {"zdr": true}}), vec![HAIKU]),
        (json!({"require": {"zdr": [true, 1]}}), vec![HAIKU]),
        (json!({"deny": {"zdr": true}}), vec![MINI, HOUSE]),
        (json!({"require": {"tags": ["eu"], "zdr": true}}), vec![HAIKU]),
        (json!({"deny": {"tags": ["eu"], "zdr": true}}), vec![MINI, HOUSE]),
    ] {
        assert_eq!(allowed(&verdict(&json!([effect]))), expected, "{effect}");
    }
}

#[test]
fn what_is_left_may_be_nothing_and_is_never_widened() {
    let verdict = verdict(&json!([{"require": {"tags": ["private"]}}, {"require": {"tags": ["us"]}}]));
    assert_eq!(allowed(&verdict), [] as [usize; 0]);
    assert!(verdict.block.is_none());
}

#[test]
fn prefer_marks_what_comes_first_and_refuses_nothing() {
    let verdict = verdict(&json!([{"prefer": {"providers": ["vllm"]}}, {"prefer": {"deployments": ["mini"]}}]));
    assert_eq!((0..4).map(|at| verdict.prefers(at)).collect::<Vec<_>>(), [true, false, true, false]);
    assert_eq!(allowed(&verdict).len(), 3);
}

#[test]
fn the_first_route_that_fires_wins() {
    let rules = json!([{"when": "stream", "route": "never"}, {"when": "intent == 'code'", "route": "first"}, {"route": "second"}]);
    assert_eq!(verdict(&rules).route.as_deref(), Some("first"));
}

#[test]
fn a_deployment_named_by_the_caller_keeps_its_place_but_is_bound_by_the_rest() {
    let rules = json!([{"route": "smart"}, {"deny": {"tags": ["us"]}}, {"when": "sensitive.any", "block": "no"}]);
    let verdict = policy(&rules).evaluate(&signals(), true);
    assert_eq!(verdict.route, None);
    assert!(!verdict.clearance.allows(MINI) && verdict.block.is_some());
    assert_eq!(verdict.clearance.refusal(MINI).map(|refusal| refusal.effect), Some("deny"));
}

#[test]
fn a_block_says_its_message_and_leaves_nothing_to_touch() {
    let verdict = verdict(
        &json!([{"name": "first", "when": "sensitive.any", "block": "not here"}, {"name": "second", "block": "nor here"}]),
    );
    assert_eq!(verdict.block, Some(("first".into(), "not here".into())));
    assert_eq!(verdict.clearance.count(), 0);
}

#[test]
fn set_overrides_and_the_last_one_says() {
    let verdict = verdict(&json!([{"set": {"temperature": 0, "seed": 1}}, {"set": {"seed": 2}}]));
    assert_eq!(Value::Object(verdict.set), json!({"temperature": 0, "seed": 2}));
}

#[test]
fn tags_are_seen_by_the_rules_after_and_by_none_before() {
    let verdict = verdict(&json!([{"when": "'late' in tags", "route": "early"}, {"tag": ["late", "team:x"]},
        {"when": "'late' in tags && 'team:x' in tags", "route": "after"}]));
    assert_eq!(verdict.route.as_deref(), Some("after"));
    assert_eq!(verdict.tags, ["team:x", "late"]);
}

#[test]
fn redactions_add_up() {
    let of = |rules: Value| verdict(&rules).redact;
    assert_eq!(of(json!([])), None);
    assert_eq!(
        of(json!([{"redact": ["email"]}, {"redact": ["iban", "email"]}])),
        Some(Redact::Types(vec!["email".into(), "iban".into()]))
    );
    assert_eq!(of(json!([{"redact": ["email"]}, {"redact": true}, {"redact": ["iban"]}])), Some(Redact::All));
}

#[test]
fn a_condition_that_fails_protects_and_does_nothing_else() {
    let rules = json!([{"name": "r", "when": "metadata.team > 5", "require": {"tags": ["private"]}, "deny": {"tags": ["us"]},
        "redact": true, "prefer": {"tags": ["us"]}, "route": "x", "set": {"seed": 1}, "tag": ["t"]},
        {"name": "open", "when": "metadata.nested.b == 1", "route": "y"},
        {"name": "closed", "when": "metadata.nested.b == 1", "block": "stop"}]);
    let verdict = verdict(&rules);
    assert_eq!(
        fired(&verdict),
        [
            ("r", "require,deny,redact", true),
            ("r", "prefer,route,set,tag", true),
            ("open", "route", true),
            ("closed", "block", true)
        ]
    );
    assert_eq!((verdict.route.as_deref(), verdict.set.len(), verdict.tags.len()), (None, 0, 1));
    assert!(!verdict.prefers(MINI) && verdict.redact == Some(Redact::All) && verdict.clearance.count() == 0);
    assert_eq!(verdict.block.as_ref().map(|(rule, _)| rule.as_str()), Some("closed"));
    assert_eq!(verdict.fired[2].error.as_deref(), Some("there is no `b`"));
}

#[test]
fn a_signal_that_was_not_computed_fails_closed() {
    let policy = policy(
        &json!([{"when": "sensitive.any", "require": {"tags": ["private"]}}, {"when": "intent == 'code'", "route": "r"},
        {"when": "budgets.monthly > 0.5", "deny": {"tags": ["us"]}}]),
    );
    let verdict = policy.evaluate(&Signals::default(), false);
    assert_eq!(allowed(&verdict), [HOUSE]);
    assert_eq!(verdict.route, None);
    assert_eq!(verdict.fired[0].error.as_deref(), Some("`sensitive` was not computed"));
    assert_eq!(verdict.fired[0].name, "rules[0]");
}

#[test]
fn a_condition_that_is_neither_true_nor_false_fails() {
    let verdict = verdict(&json!([{"when": "metadata.team", "block": "x"}, {"when": "metadata.absent", "route": "x"}]));
    assert!(verdict.block.is_some() && verdict.route.is_none());
    assert!(verdict.fired[0].error.as_deref().is_some_and(|error| error.contains("string")));
}

#[test]
fn errors_never_quote_the_request() {
    let mut signals = signals();
    signals.text = "CANARY".into();
    signals.metadata.insert("secret".into(), json!("CANARY"));
    for when in [
        "metadata.secret > 5",
        "metadata[text] > 5",
        "metadata.nested[text] == 1",
        "int(text) > 5",
        "timestamp(text) > now",
        "metadata.secret + 1 == 2",
        "metadata.secret.x == 1",
        "[1][int(metadata.secret)] == 1",
        "text.charAt(99) == 'x'",
        "metadata.secret",
        "duration(text) > duration('1s')",
        "{metadata.nested.a: 1}.x == 1",
        "metadata.secret ? true : false",
        "metadata.level.matches('x')",
    ] {
        let policy = policy(&json!([{"when": when, "block": "x"}]));
        let verdict = policy.evaluate(&signals, false);
        assert!(verdict.fired.len() == 1 && verdict.fired[0].error.is_some(), "{when} fails");
        assert!(!format!("{:?}", verdict.fired).contains("CANARY"), "{when}: {:?}", verdict.fired);
    }
}

const TAGS: [&str; 4] = ["private", "eu", "us", "zdr"];
const CONDITIONS: [&str; 6] =
    ["sensitive.any", "stream", "metadata.team > 5", "'added' in tags", "metadata.team == 'x'", "intents.none > 0.5"];

fn narrowing() -> impl Strategy<Value = Value> {
    let when = prop::option::of(select(&CONDITIONS[..]));
    let tags = prop::sample::subsequence(&TAGS[..], 1..3);
    (when, prop::bool::ANY, tags).prop_map(|(when, deny, tags)| {
        let effect = if deny { "deny" } else { "require" };
        let mut rule = json!({effect: {"tags": tags}});
        if let Some(when) = when {
            rule["when"] = when.into();
        }
        rule
    })
}

fn fleet() -> impl Strategy<Value = Vec<Deployment>> {
    let tags = prop::sample::subsequence(&TAGS[..], 0..=4);
    prop::collection::vec(tags, 1..90).prop_map(|all| {
        // One that carries everything, so that every rule names something.
        let mut fleet = vec![deployment("all", &TAGS)];
        fleet.extend(all.iter().enumerate().map(|(at, tags)| deployment(&format!("d{at}"), tags)));
        fleet
    })
}

fn compile(rules: &[Value], fleet: &[Deployment]) -> Policy {
    let rules: Vec<_> = rules.iter().map(rule).collect();
    let fleet: Vec<&Deployment> = fleet.iter().collect();
    Policy::compile(&rules, &fleet, Known::default()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// By a model that knows no bits: each rule that fired, or failed, is asked about each deployment.
    #[test]
    fn who_is_denied_never_gets_a_token(rules in prop::collection::vec(narrowing(), 0..6), fleet in fleet()) {
        let verdict = compile(&rules, &fleet).evaluate(&signals(), false);
        for (at, deployment) in fleet.iter().enumerate() {
            let refused = rules.iter().any(|rule| {
                let holds = !matches!(rule["when"].as_str(), Some("stream" | "'added' in tags"));
                let has = |effect: &str| -> Option<Vec<bool>> {
                    let tags = rule.get(effect)?["tags"].as_array()?;
                    Some(tags.iter().map(|tag| deployment.has_tag(tag.as_str().unwrap_or_default())).collect())
                };
                let lacks = has("require").is_some_and(|all| all.contains(&false));
                holds && (lacks || has("deny").is_some_and(|any| any.contains(&true)))
            });
            prop_assert_eq!(verdict.clearance.permit(at).is_none(), refused);
            prop_assert_eq!(verdict.clearance.refusal(at).is_some(), refused);
        }
        prop_assert!(verdict.clearance.permit(fleet.len()).is_none());
    }

    #[test]
    fn another_rule_never_widens(
        rules in prop::collection::vec(narrowing(), 0..5), more in narrowing(), place in 0..5usize, fleet in fleet(),
    ) {
        let before = compile(&rules, &fleet).evaluate(&signals(), false);
        let mut longer = rules.clone();
        longer.insert(place.min(rules.len()), more);
        let after = compile(&longer, &fleet).evaluate(&signals(), false);
        for at in 0..fleet.len() {
            prop_assert!(before.clearance.allows(at) || !after.clearance.allows(at));
        }
    }
}

/// Prints the time of an evaluation: `cargo test --no-default-features -- --ignored --nocapture five_rules`.
#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement")]
fn five_rules_over_a_thousand_deployments_take_microseconds() {
    let fleet: Vec<Deployment> = (0..1000).map(|at| deployment(&format!("d{at}"), &TAGS[at % 4..])).collect();
    let rows = [
        (
            "five rules",
            json!([{"when": "sensitive.any", "require": {"tags": ["private"]}},
            {"when": "intent == 'code' && complexity > 0.7", "route": "smart"},
            {"when": "metadata.team == 'x' && tokens > 1000", "deny": {"tags": ["us"]}},
            {"when": "tags.exists(t, t.startsWith('team:'))", "prefer": {"tags": ["eu"]}},
            {"when": "text.matches('(?i)borrow') || has_tools", "tag": ["code"]}]),
        ),
        (
            "five rules without conditions",
            json!([{"require": {"tags": ["eu"]}}, {"deny": {"tags": ["private"]}},
            {"prefer": {"tags": ["eu"]}}, {"route": "r"}, {"tag": ["x"]}]),
        ),
        ("no rules", json!([])),
    ];
    let signals = signals();
    for (name, rules) in rows {
        let rules: Vec<Value> = rules.as_array().unwrap().clone();
        let policy = compile(&rules, &fleet);
        let started = std::time::Instant::now();
        for _ in 0..10_000 {
            std::hint::black_box(policy.evaluate(std::hint::black_box(&signals), false));
        }
        println!("{name}: {:?} an evaluation", started.elapsed() / 10_000);
    }
}

#[test]
fn a_failed_condition_tells_what_held_and_what_did_not_happen() {
    let fired = |effect: &str, error: Option<&str>| {
        let rule = RuleFired { name: "r".into(), effect: effect.into(), error: error.map(Into::into) };
        rule.consequence().unwrap_or_default()
    };
    assert_eq!(fired("require", None), "");
    assert_eq!(fired("require", Some("x")), "require applied, because its condition failed: x");
    assert_eq!(fired("tag", Some("x")), "tag not applied, because its condition failed: x");
    let both = "require,redact applied, prefer not applied, because its condition failed: x";
    assert_eq!(fired("require,prefer,redact", Some("x")), both);
}
