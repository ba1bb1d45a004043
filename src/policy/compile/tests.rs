use serde_json::json;

use super::{
    super::fixture::{mistake, policy, signals, try_policy},
    *,
};

/// Whether a condition holds for the request of the fixture.
fn holds(when: &str) -> bool {
    policy(&json!([{"when": when, "route": "r"}])).evaluate(&signals(), false).route.is_some()
}

#[test]
fn every_variable_is_readable() {
    for when in [
        "text.contains('BORROW')",
        "text.lowerAscii().contains('borrow')",
        "text.matches('(?i)borrow|lifetime')",
        "tokens == 0 && turns == 0",
        "intent == 'code' && intents.code > 0.5 && intents['refund'] < 0.5",
        "intent in ['code', 'other']",
        "complexity > 0.7",
        "complexity > 0 && complexity <= 1",
        "language == 'en'",
        "!has_images && !has_audio && !has_files && !has_tools && !has_schema && !stream",
        "sensitive.any && sensitive.personal && !sensitive.secrets && !sensitive.health",
        "'email' in sensitive.types && size(sensitive.types) == 1",
        "sensitive.types.exists(t, t in ['iban', 'email'])",
        "injection < 0.1",
        "'team:x' in tags && tags.exists(t, t.startsWith('team:')) && tags.all(t, t != 'y')",
        "metadata.team == 'x' && metadata['level'] >= 3 && metadata.level == 3.0",
        "metadata.nested.a[1] == 2 && size(metadata.nested.a) == 2",
        "user == '' && session == ''",
        "model == 'auto'",
        "budgets.daily >= 0.5",
        "now > timestamp('2023-01-01T00:00:00Z') && now.getFullYear() == 2023",
        "now.getHours('Europe/Berlin') == 23",
        "sensitive.any ? complexity > 0.5 : false",
        "(tokens + 5) * 2 == 10",
    ] {
        assert!(holds(when), "{when}");
    }
}

#[test]
fn a_missing_key_of_metadata_is_null_and_has_still_sees_it() {
    assert!(!holds("metadata.absent == 'x'"));
    assert!(holds("metadata.absent == null && metadata['absent'] == null"));
    assert!(holds("!has(metadata.absent) && has(metadata.team) && !('absent' in metadata)"));
    assert!(holds("metadata.?absent.orValue('d') == 'd'"));
}

#[test]
fn an_unknown_name_is_an_error_at_its_rule_with_what_was_meant() {
    for (when, message, hint) in [
        ("sensitive_any", "no variable `sensitive_any`", "did you mean `sensitive.any`?"),
        ("pii", "no variable `pii`", "did you mean `sensitive.any`?"),
        ("tokns > 5", "no variable `tokns`", "did you mean `tokens`?"),
        ("sensitive.persnal", "`sensitive` has no `persnal`", "did you mean `sensitive.personal`?"),
        ("has(sensitive.findings)", "`sensitive` has no `findings`", "any, personal, secrets, health and types"),
        ("intents['cod'] > 0.5", "no intent `cod`", "did you mean `code`?"),
        ("text.startWith('a')", "no function `startWith`", "did you mean `startsWith`?"),
        ("lower(text) == 'a'", "no function `lower`", "did you mean `lowerAscii`?"),
        ("intent == 'coed'", "no intent `coed`", "did you mean `code`?"),
        ("'refnd' == intent", "no intent `refnd`", "did you mean `refund`?"),
        ("intent in ['code', 'poetry']", "no intent `poetry`", "there are code, refund and other"),
        ("tags.exists(t, u == 'x')", "no variable `u`", ""),
    ] {
        let (path, said, hinted) = mistake(when);
        assert_eq!(path, "rules[0].when");
        assert!(said.contains(message), "{when}: {said}");
        assert!(hinted.contains(hint), "{when}: {hinted}");
    }
}

#[test]
fn kinds_that_do_not_fit_are_errors() {
    for (when, message) in [
        ("sensitive", "the condition is a map, not true or false"),
        ("tokens", "a number, not true or false"),
        ("'x'", "a string, not true or false"),
        ("tokens + 1", "a number, not true or false"),
        ("has_tools && tokens", "a part of the condition is a number"),
        ("!intent", "a part of the condition is a string"),
        ("tokens == '5'", "a number is compared with a string"),
        ("tokens > '5'", "a number is compared with a string"),
        ("user == null", "a string is compared with null"),
        ("tags == 'x'", "a list is compared with a string"),
        ("tags.contains('x')", "`contains` is for strings, and this is a list"),
        ("'x' in text", "`in` looks into a list or a map, and this is a string"),
        ("tokens.any", "`any` is asked of a number"),
        ("text.exists(c, c == 'a')", "a string has no parts to go through"),
        ("text.matches(user)", "must be written out"),
        ("text.matches('(')", "the pattern cannot be read"),
        ("tags.exists(user, true)", "`user` is a variable already"),
    ] {
        let (_, said, _) = mistake(when);
        assert!(said.contains(message), "{when}: {said}");
    }
}

#[test]
fn a_syntax_error_has_its_position_and_a_hint() {
    let (path, said, hint) = mistake("tokens > 5 and stream");
    assert_eq!(path, "rules[0].when");
    assert!(said.starts_with("syntax error at line 1, column "), "{said}");
    assert_eq!(hint, "CEL writes `&&` for and");
    assert!(mistake("tokens >").1.contains("line 1"));
    assert!(mistake("stream &&\n tokns > 1").1.contains("column"));
}

#[test]
fn a_rule_that_can_never_fire_is_an_error_and_one_that_always_does_is_none() {
    assert!(mistake("false && sensitive.any").1.contains("never holds"));
    assert!(mistake("1 > 2").1.contains("never holds"));
    let always = policy(&json!([{"when": "true || stream", "route": "r"}]));
    assert!(always.rules[0].when.is_none(), "it runs no condition");
}

#[test]
fn an_effect_that_names_no_deployment_is_an_error_with_a_hint() {
    for (effect, path, hint) in [
        (json!({"require": {"tags": ["privat"]}}), "rules[0].require", "did you mean `private`?"),
        (json!({"require": {"tags": ["private", "us"]}}), "rules[0].require", "not all on one deployment"),
        (json!({"deny": {"deployments": ["minni"]}}), "rules[0].deny", "did you mean `mini`?"),
        (json!({"prefer": {"regions": ["mars"]}}), "rules[0].prefer", "no deployment has the region `mars`"),
        (json!({"require": {"zdrr": true}}), "rules[0].require", "did you mean `zdr`?"),
        (json!({"require": {"zdr": 3}}), "rules[0].require", "no deployment has `zdr = 3`"),
        (json!({"deny": {}}), "rules[0].deny", "give `tags`"),
    ] {
        let error = try_policy(&json!([effect])).unwrap_err();
        assert_eq!(error.context.path.as_deref(), Some(path));
        assert!(error.context.hint.as_deref().unwrap_or_default().contains(hint), "{error}");
    }
}

#[test]
fn the_policy_knows_which_costly_signals_its_rules_read() {
    let reads = |rules: serde_json::Value| policy(&rules).reads();
    assert_eq!(reads(json!([{"when": "tokens > 5", "route": "r"}])), Reads::default());
    assert!(reads(json!([{"when": "sensitive.any", "require": {"tags": ["private"]}}])).sensitive);
    assert!(reads(json!([{"redact": true}])).sensitive);
    assert!(reads(json!([{"when": "tags.exists(t, t == language)", "route": "r"}])).language);
    let all = reads(json!([{"when": "intents.code > 0.5 && complexity > 0.5 && injection < 0.5", "route": "r"},
        {"when": "budgets.daily > 0.5 || text == 'x'", "route": "r"}]));
    assert!(all.intent && all.complexity && all.injection && all.budgets && all.text && !all.sensitive);
}

#[test]
fn intents_are_not_checked_where_none_are_known() {
    let rules = [super::super::fixture::rule(&json!({"when": "intent == 'anything'", "route": "r"}))];
    assert!(Policy::compile(&rules, &[], Known::default()).is_ok());
}
