//! Signals from a record of them: the way back from [`Signals::to_value`].

use serde_json::Value;

use super::{Estimate, SensitiveReport, Signals};
use crate::chat::Map;

impl Signals {
    /// The signals that a decision wrote down. What is not in `map` was not computed; the text is never in it, nor are the
    /// places of findings.
    pub fn recalled(map: &Map, token_error: u64) -> Self {
        let mut signals = Self {
            tokens: Estimate { tokens: whole(map.get("tokens")), error: token_error },
            turns: whole(map.get("turns")),
            tags: texts(map.get("tags")),
            metadata: map.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default(),
            user: text(map.get("user")).unwrap_or_default(),
            session: text(map.get("session")).unwrap_or_default(),
            model: text(map.get("model")).unwrap_or_default(),
            intent: text(map.get("intent")),
            intents: map.get("intents").and_then(scores),
            complexity: map.get("complexity").and_then(Value::as_f64),
            language: text(map.get("language")),
            sensitive: map.get("sensitive").and_then(Value::as_object).map(report),
            injection: map.get("injection").and_then(Value::as_f64),
            budgets: map.get("budgets").and_then(scores),
            now: map.get("now").and_then(Value::as_f64).unwrap_or_default(),
            ..Self::default()
        };
        for (name, flag) in map {
            if let Some(flag) = flag.as_bool() {
                signals.set_flag(name, flag);
            }
        }
        let built_in = Self::complete().to_value();
        let own = map.iter().filter(|(name, _)| !built_in.contains_key(*name));
        signals.own = own.map(|(name, value)| (name.clone(), Ok(value.clone()))).collect();
        signals
    }

    /// With everything computed that may be absent.
    fn complete() -> Self {
        Self {
            intent: Some(String::new()),
            intents: Some(Vec::new()),
            complexity: Some(0.0),
            language: Some(String::new()),
            sensitive: Some(SensitiveReport::default()),
            injection: Some(0.0),
            budgets: Some(Vec::new()),
            ..Self::default()
        }
    }
}

fn whole(value: Option<&Value>) -> u64 {
    value.and_then(Value::as_u64).unwrap_or_default()
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::to_owned)
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn scores(value: &Value) -> Option<Vec<(String, f64)>> {
    let map = value.as_object()?;
    Some(map.iter().filter_map(|(name, score)| Some((name.clone(), score.as_f64()?))).collect())
}

fn report(map: &Map) -> SensitiveReport {
    let flag = |name: &str| map.get(name).and_then(Value::as_bool).unwrap_or_default();
    SensitiveReport {
        any: flag("any"),
        personal: flag("personal"),
        secrets: flag("secrets"),
        health: flag("health"),
        types: texts(map.get("types")),
        findings: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_down_comes_back() {
        let signals = Signals {
            tokens: Estimate { tokens: 120, error: 8 },
            has_tools: true,
            turns: 3,
            tags: vec!["eu".into()],
            metadata: Map::from_iter([("team".to_owned(), "blue".into())]),
            user: "u".into(),
            model: "auto".into(),
            intents: Some(vec![("code".into(), 0.75)]),
            complexity: Some(0.5),
            sensitive: Some(SensitiveReport { any: true, health: true, ..SensitiveReport::default() }),
            now: 1_700_000_000.25,
            own: vec![("vip".into(), Ok(true.into())), ("tone".into(), Err("it abstained".into()))],
            ..Signals::default()
        };
        let again = Signals::recalled(&signals.to_value(), 8);
        assert_eq!(again.to_value(), signals.to_value());
        assert_eq!((again.tokens, again.injection), (signals.tokens, None));
    }
}
