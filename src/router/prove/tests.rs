use std::{fmt::Write, sync::Arc};

use serde_json::{Value, json};

use super::*;
use crate::{
    chat::{ChatRequest, Message, Tool},
    router::{
        Ask, Call,
        fake::{Fake, router},
    },
    trace::{Decision, Reason},
};

/// `us` and `haiku` are others' machines, `house` is our own; `smart` is a route of others only.
const FLEET: &str = r#"
    [deployments.us]
    model = "openai-compatible/m"
    base_url = "http://127.0.0.1:1/v1"
    tags = ["us"]
    [deployments.haiku]
    model = "openai-compatible/h"
    base_url = "http://127.0.0.1:2/v1"
    tags = ["eu"]
    region = "eu-west-1"
    zdr = true
    [deployments.house]
    model = "vllm/l"
    base_url = "http://127.0.0.1:3/v1"
    tags = ["private", "eu"]
    [routes.auto]
    candidates = ["us", "house"]
    fallback = ["haiku"]
    strategy = "priority"
    [routes.smart]
    candidates = ["haiku"]
    fallback = ["us"]
    strategy = "priority"
"#;
const HOME: &str = "[[rules]]\nname = 'home'\nwhen = 'sensitive.any'\nrequire = { tags = ['private'] }\n";

fn over(rules: &str) -> Router {
    router(&format!("{FLEET}{rules}"), &Arc::new(Fake::default()))
}

fn prove(rules: &str, when: &str, never: &str) -> Proof {
    over(rules).prove(Some(when), never).unwrap()
}

fn example(rules: &str, when: &str, never: &str) -> Counterexample {
    let proof = prove(rules, when, never);
    assert_eq!(proof.answer, Answer::Counterexample, "{proof:?}");
    proof.counterexample.unwrap()
}

#[test]
fn what_a_rule_keeps_at_home_stays_there() {
    let proof = prove(HOME, "sensitive.any", "provider != 'vllm'");
    assert_eq!((proof.answer, proof.reason), (Answer::Proved, None));
    assert!(proof.classes > 0);
    assert_eq!(prove(HOME, "sensitive.health", "!('private' in tags)").answer, Answer::Proved);
    assert_eq!(prove(HOME, "'email' in sensitive.types", "!('private' in tags)").answer, Answer::Proved);
}

#[test]
fn without_the_rule_there_is_an_example() {
    let found = example("", "sensitive.any", "provider == 'openai-compatible'");
    assert_eq!((found.model.as_str(), found.route.as_deref(), found.deployment.as_str()), ("auto", Some("auto"), "us"));
    assert_eq!(found.signals["sensitive"]["any"], true);
    assert!(found.rules.is_empty() && !found.fallback && found.doubt.is_none());
}

#[test]
fn a_rule_about_less_leaves_the_rest_open() {
    let rule = HOME.replace("sensitive.any", "sensitive.personal");
    let found = example(&rule, "sensitive.any", "!('private' in tags)");
    assert!(found.signals["sensitive"].get("personal").is_none(), "{found:?}");
    assert_eq!(prove(&rule, "'email' in sensitive.types", "!('private' in tags)").answer, Answer::Proved);
}

#[test]
fn fallbacks_and_callers_who_name_a_deployment_count() {
    let deny = "[[rules]]\nname = 'deny'\nwhen = 'sensitive.any'\ndeny = { deployments = ['us'] }\n";
    let found = example(deny, "sensitive.any", "deployment == 'haiku'");
    assert_eq!((found.route.as_deref(), found.fallback), (Some("auto"), true));
    assert_eq!(found.rules[0].name, "deny");
    // No route reaches `us` any more where a rule sends all of them to a deployment of ours; by name it is reached.
    let text = FLEET
        .replace("fallback = [\"haiku\"]", "")
        .replace("candidates = [\"us\", \"house\"]", "candidates = [\"house\"]");
    let text = format!("{text}[[rules]]\nname = 'go'\nroute = 'auto'\n");
    let proof = router(&text, &Arc::new(Fake::default())).prove(None, "deployment == 'us'").unwrap();
    let found = proof.counterexample.unwrap();
    assert_eq!((found.model.as_str(), found.route), ("us", None));
}

#[test]
fn a_rule_that_sets_the_route_is_followed() {
    let rules = "[[rules]]\nname = 'go'\nwhen = 'complexity > 0.7'\nroute = 'smart'\n";
    let found = example(rules, "complexity > 0.9", "deployment == 'haiku'");
    assert_eq!((found.model.as_str(), found.route.as_deref(), found.fallback), ("auto", Some("smart"), false));
    assert!(found.signals["complexity"].as_f64().unwrap() > 0.9);
}

#[test]
fn conditions_that_fail_are_followed_as_on_a_call() {
    // A level that is no number fails and narrows; only what is surely low goes out.
    let rules = "[[rules]]\nname = 'low'\nwhen = 'metadata.level > 3'\nrequire = { tags = ['private'] }\n";
    assert_eq!(prove(rules, "metadata.level == 'x'", "!('private' in tags)").answer, Answer::Proved);
    assert_eq!(prove(rules, "metadata.level > 3.5", "!('private' in tags)").answer, Answer::Proved);
    let found = example(rules, "metadata.level > 2.5", "!('private' in tags)");
    let level = found.signals["metadata"]["level"].as_f64().unwrap();
    assert!(level > 2.5 && level <= 3.0, "{level}");
    // What is not there is null, which is no number either.
    assert_eq!(prove(rules, "!('level' in metadata)", "!('private' in tags)").answer, Answer::Proved);
}

#[test]
fn tags_that_rules_add_are_seen_by_later_rules_only() {
    let add = "[[rules]]\nname = 'add'\nwhen = 'sensitive.any'\ntag = ['secret']\n";
    let keep = "[[rules]]\nname = 'keep'\nwhen = \"'secret' in tags\"\nrequire = { tags = ['private'] }\n";
    let never = "!('private' in tags)";
    assert_eq!(prove(&format!("{add}{keep}"), "sensitive.any", never).answer, Answer::Proved);
    assert_eq!(prove(&format!("{keep}{add}"), "sensitive.any", never).answer, Answer::Counterexample);
}

#[test]
fn what_is_not_understood_proves_nothing_and_hides_nothing() {
    let rule = |when: &str| format!("[[rules]]\nname = 'r'\nwhen = \"{when}\"\nrequire = {{ tags = ['private'] }}\n");
    let never = "!('private' in tags)";
    let either = rule("sensitive.any || text.contains('merger')");
    assert_eq!(prove(&either, "sensitive.any", never).answer, Answer::Proved);
    assert_eq!(prove(&either, "text.contains('merger')", never).answer, Answer::Proved);
    let both = rule("sensitive.any && text.contains('merger')");
    assert_eq!(prove(&both, "sensitive.any", never).answer, Answer::Counterexample);
    // `^a+$` implies `a`, which nobody here knows.
    let proof = prove(&rule("text.contains('a')"), "text.matches('^a+$')", never);
    assert_eq!(proof.answer, Answer::Unknown);
    assert!(proof.reason.unwrap().contains("`text.matches('^a+$')`"));
    assert!(proof.counterexample.is_some());
}

#[test]
fn an_example_is_found_where_text_decides() {
    let rule = "[[rules]]\nname = 'r'\nwhen = \"text.contains('merger')\"\nrequire = { tags = ['private'] }\n";
    let found = example(rule, "text.contains('deal')", "!('private' in tags)");
    assert_eq!(found.signals["text"], "deal");
}

#[test]
fn too_many_classes_are_no_proof() {
    let many: Vec<String> = (0..20).map(|n| format!("'t{n}' in tags")).collect();
    let rule = format!("[[rules]]\nname = 'r'\nwhen = \"{}\"\nrequire = {{ tags = ['private'] }}\n", many.join(" || "));
    let proof = prove(&rule, "sensitive.any", "!('private' in tags)");
    assert_eq!((proof.answer, proof.classes), (Answer::Unknown, 0));
    assert!(proof.reason.unwrap().contains("2097152"));
}

#[test]
fn a_proof_for_want_of_anything_says_so() {
    assert!(prove(HOME, "sensitive.any", "provider == 'nobody'").reason.unwrap().contains("no deployment"));
    let contradiction = "intent == 'code' && intent == 'chat'";
    assert_eq!(prove(HOME, contradiction, "'us' in tags").reason.as_deref(), Some("there is no such request"));
}

#[test]
fn a_fact_that_cannot_be_asked_counts_against() {
    let found = example("", "sensitive.any", "region.startsWith('us')");
    assert_eq!(found.deployment, "us");
    assert!(found.doubt.is_some());
}

#[test]
fn rules_over_the_name_asked_for_are_followed() {
    let rule = "[[rules]]\nname = 'r'\nwhen = \"model != 'us' && model != 'openai-compatible/m'\"\ndeny = { deployments = ['us'] }\n";
    let found = example(rule, "true", "deployment == 'us'");
    assert_eq!(found.model, "us");
    let rule = rule.replace("model != 'us' && ", "");
    assert_eq!(example(&rule, "true", "deployment == 'us'").model, "openai-compatible/m");
}

#[test]
fn mistakes_in_the_question_are_told() {
    let router = over(HOME);
    let error = router.prove(Some("sensitve.any"), "true").unwrap_err();
    assert_eq!(error.context.path.as_deref(), Some("when"));
    assert_eq!(router.prove(None, "provder == 'x'").unwrap_err().context.path.as_deref(), Some("never"));
}

// Against every call.

const CONDITIONS: [&str; 16] = [
    "sensitive.any",
    "sensitive.personal",
    "sensitive.secrets",
    "'email' in sensitive.types",
    "stream",
    "has_tools",
    "stream == has_tools",
    "'a' in tags",
    "'b' in tags",
    "tags.exists(t, t.startsWith('a'))",
    "metadata.level > 2",
    "metadata.team in ['x', 'y']",
    "metadata.flag",
    "text.contains('deal')",
    "model == 'smart'",
    "user == 'u'",
];
const EFFECTS: [&str; 8] = [
    "require = { tags = ['private'] }",
    "require = { tags = ['eu'] }",
    "deny = { deployments = ['us'] }",
    "deny = { tags = ['private'] }",
    "route = 'smart'",
    "route = 'auto'",
    "tag = ['b']",
    "block = 'no'",
];
const NEVER: [&str; 4] = ["deployment == 'us'", "!('private' in tags)", "zdr", "'eu' in tags && provider != 'vllm'"];

fn condition(rng: &mut fastrand::Rng, depth: u8) -> String {
    match rng.u8(..if depth == 0 { 1 } else { 4 }) {
        0 => CONDITIONS[rng.usize(..CONDITIONS.len())].to_owned(),
        1 => format!("({} && {})", condition(rng, depth - 1), condition(rng, depth - 1)),
        2 => format!("({} || {})", condition(rng, depth - 1), condition(rng, depth - 1)),
        _ => format!("!({})", condition(rng, depth - 1)),
    }
}

fn rules(rng: &mut fastrand::Rng) -> String {
    let mut rules = String::new();
    for n in 0..rng.u8(1..5) {
        let effect = EFFECTS[rng.usize(..EFFECTS.len())];
        write!(rules, "[[rules]]\nname = 'r{n}'\nwhen = \"{}\"\n{effect}\n", condition(rng, 2)).unwrap();
    }
    rules
}

fn call(rng: &mut fastrand::Rng, callers: &[String]) -> Call {
    let texts =
        ["hello", "a deal", "write to ann.lee@example.org", "password: hunter2Xy9!", "a deal with ann.lee@example.org"];
    let mut request = ChatRequest { messages: vec![Message::user(texts[rng.usize(..5)])], ..ChatRequest::default() };
    if rng.bool() {
        request.tools = vec![tool()];
    }
    request.user = rng.bool().then(|| "u".to_owned());
    let mut call = Call::new(Ask::Chat(Arc::new(request)));
    call.tags = ["a", "b", "abc"].iter().filter(|_| rng.bool()).map(|tag| (*tag).to_owned()).collect();
    let values =
        [json!(1), json!(2), json!(2.5), json!(3), json!("x"), json!("z"), json!(true), json!(false), Value::Null];
    for key in ["level", "team", "flag"] {
        if rng.bool() {
            call.metadata.insert(key.into(), values[rng.usize(..values.len())].clone());
        }
    }
    call.stream = rng.bool();
    call.model.clone_from(&callers[rng.usize(..callers.len())]);
    call
}

fn tool() -> Tool {
    serde_json::from_value(json!({"type": "function", "function": {"name": "f"}})).unwrap()
}

/// Who may serve, as far as policy is concerned.
fn cleared(decision: &Decision) -> Vec<String> {
    let refused = |reason: &Option<Reason>| matches!(reason, Some(Reason::Tag(_) | Reason::Policy(_)));
    let cleared = decision.candidates.iter().filter(|candidate| !refused(&candidate.refused));
    cleared.map(|candidate| candidate.deployment.to_string()).collect()
}

/// What policy lets `call` reach of what must not be reached, if `call` is of the class.
fn breach(router: &Router, asked: &Router, call: &Call, forbidden: &[String]) -> Option<String> {
    let of_class = asked.route(call).unwrap().rules.iter().any(|rule| rule.name == "asked" && rule.error.is_none());
    let reached = cleared(&router.route(call).unwrap());
    reached.into_iter().find(|name| of_class && forbidden.contains(name))
}

fn replayed(found: &Counterexample) -> Option<Call> {
    let signals = &found.signals;
    let known = ["tags", "metadata", "stream", "has_tools", "user", "sensitive", "text"];
    let report = signals.get("sensitive").unwrap_or(&Value::Null);
    let is_known = signals.keys().all(|key| known.contains(&key.as_str()));
    if !is_known || report["health"] == true {
        return None;
    }
    let mut text = signals.get("text").and_then(Value::as_str).unwrap_or("hello").to_owned();
    if report["types"] == json!(["email"]) {
        text.push_str(" ann.lee@example.org");
    } else if report["personal"] == true {
        text.push_str(" IBAN GB82 WEST 1234 5698 7654 32");
    }
    if report["secrets"] == true {
        text.push_str(" password: hunter2Xy9!");
    }
    let mut request = ChatRequest { messages: vec![Message::user(text)], ..ChatRequest::default() };
    request.user = signals.get("user").and_then(Value::as_str).map(str::to_owned);
    if signals.get("has_tools") == Some(&json!(true)) {
        request.tools = vec![tool()];
    }
    let mut call = Call::new(Ask::Chat(Arc::new(request)));
    call.model.clone_from(&found.model);
    call.stream = signals.get("stream") == Some(&json!(true));
    call.metadata = signals.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
    call.tags = signals.get("tags").map(|tags| serde_json::from_value(tags.clone()).unwrap()).unwrap_or_default();
    Some(call)
}

#[test]
fn random_policies_agree_with_random_calls() {
    let (mut proved, mut refuted, mut replays) = (0, 0, 0);
    for seed in 0..250 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let rules = rules(&mut rng);
        // Every other time about what the first rule is about: then there is something to prove.
        let first = rules.split('"').nth(1).unwrap().to_owned();
        let when = if rng.bool() { first } else { condition(&mut rng, 1) };
        let never = NEVER[rng.usize(..NEVER.len())];
        let text = format!("{FLEET}{rules}");
        let router = router(&text, &Arc::new(Fake::default()));
        let asked = over(&format!("[[rules]]\nname = 'asked'\nwhen = \"{when}\"\ntag = ['asked']\n"));
        let proof = router.prove(Some(&when), never).unwrap();
        let fleet = router.open().unwrap();
        let deployments: Vec<&Deployment> = fleet.targets.iter().map(|target| target.deployment()).collect();
        let holds = crate::policy::never(never, &deployments).unwrap();
        let forbidden = deployments.iter().zip(&holds).filter(|(_, holds)| **holds != Ok(false));
        let forbidden: Vec<String> = forbidden.map(|(deployment, _)| deployment.id.to_string()).collect();
        match proof.answer {
            Answer::Proved => {
                proved += 1;
                for _ in 0..100 {
                    let call = call(&mut rng, &callers(&fleet, true));
                    let found = breach(&router, &asked, &call, &forbidden);
                    assert_eq!(found, None, "seed {seed}\n{rules}\nwhen {when}\nnever {never}\n{call:?}");
                }
            }
            Answer::Counterexample => {
                refuted += 1;
                let found = proof.counterexample.unwrap();
                if let Some(call) = replayed(&found) {
                    replays += 1;
                    let breach = breach(&router, &asked, &call, &forbidden);
                    assert!(breach.is_some(), "seed {seed}\n{rules}\nwhen {when}\nnever {never}\n{found:?}");
                }
            }
            Answer::Unknown => {}
        }
    }
    assert!(proved > 15 && refuted > 40 && replays > 30, "{proved} proved, {refuted} refuted, {replays} replayed");
}
