//! Signals as the variables of a condition. Strings are borrowed, maps are built once an evaluation and only if looked at;
//! what was not computed is not there, so that a condition which looks at it fails.

use std::{collections::HashMap, sync::OnceLock};

use cel::{
    common::{
        types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelTimestamp, CelUInt},
        value::{CowVal, Val},
    },
    context::VariableResolver,
};
use serde_json::Value;

use crate::signals::{SensitiveReport, Signals};

/// What the conditions of one evaluation see.
#[derive(Debug)]
pub(super) struct Scope<'s> {
    pub(super) signals: &'s Signals,
    /// The caller's tags and those of the rules before.
    pub(super) tags: Vec<String>,
    /// What an analysis supposes of the parts of conditions that it does not understand; absent means that they fail.
    supposed: &'s [(String, Option<bool>)],
    metadata: OnceLock<CelMap<'s>>,
    sensitive: OnceLock<CelMap<'s>>,
    intents: OnceLock<CelMap<'s>>,
    budgets: OnceLock<CelMap<'s>>,
}

impl<'s> Scope<'s> {
    /// Over `signals`.
    pub(super) fn new(signals: &'s Signals) -> Self {
        Self::supposing(signals, &[])
    }

    /// Over `signals`, with what is `supposed` of parts that are not understood.
    pub(super) fn supposing(signals: &'s Signals, supposed: &'s [(String, Option<bool>)]) -> Self {
        Self {
            supposed,
            signals,
            tags: signals.tags.clone(),
            metadata: OnceLock::new(),
            sensitive: OnceLock::new(),
            intents: OnceLock::new(),
            budgets: OnceLock::new(),
        }
    }
}

impl VariableResolver for Scope<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let signals = self.signals;
        let text = |text: &'b str| Some(CowVal::owned(CelString::from(text)));
        let number = |value: f64| CowVal::owned(CelDouble::from(value));
        let flag = |value: bool| Some(CowVal::owned(CelBool::from(value)));
        match variable {
            "text" => text(&signals.text),
            "user" => text(&signals.user),
            "session" => text(&signals.session),
            "model" => text(&signals.model),
            "intent" => signals.intent.as_deref().and_then(text),
            "language" => signals.language.as_deref().and_then(text),
            "tokens" => Some(CowVal::owned(integer(signals.tokens.tokens))),
            "tool_errors" => Some(CowVal::owned(integer(signals.tool_errors))),
            "repeats" => Some(CowVal::owned(integer(signals.repeats))),
            "needs" => Some(CowVal::owned(words(&signals.needs))),
            "turns" => Some(CowVal::owned(integer(signals.turns))),
            "complexity" => signals.complexity.map(number),
            "injection" => signals.injection.map(number),
            "now" => timestamp(signals.now).map(CowVal::owned),
            "tags" => Some(CowVal::owned(strings(&self.tags))),
            "metadata" => Some(CowVal::Borrowed(self.metadata.get_or_init(|| object(&signals.metadata)))),
            "budgets" => {
                let budgets = signals.budgets.as_ref()?;
                Some(CowVal::Borrowed(self.budgets.get_or_init(|| scores(budgets))))
            }
            "intents" => {
                let intents = signals.intents.as_ref()?;
                Some(CowVal::Borrowed(self.intents.get_or_init(|| scores(intents))))
            }
            "sensitive" => {
                let report = signals.sensitive.as_ref()?;
                Some(CowVal::Borrowed(self.sensitive.get_or_init(|| sensitive(report))))
            }
            other => {
                let known = signals.flags().into_iter().find(|(name, _)| *name == other).map(|(_, value)| value);
                let supposed = || self.supposed.iter().find(|(name, _)| name == other).and_then(|(_, value)| *value);
                let own = || signals.own(other).and_then(|outcome| outcome.as_ref().ok()).map(|own| json(own).into());
                known.or_else(supposed).and_then(flag).or_else(own)
            }
        }
    }
}

fn integer(value: u64) -> CelInt {
    CelInt::from(i64::try_from(value).unwrap_or(i64::MAX))
}

fn timestamp(seconds: f64) -> Option<CelTimestamp> {
    let whole = seconds.floor();
    let nanos = ((seconds - whole) * 1e9) as u32;
    chrono::DateTime::from_timestamp(whole as i64, nanos).map(|at| CelTimestamp::from(at.fixed_offset()))
}

fn strings(list: &[String]) -> CelList<'_> {
    CelList::from(list.iter().map(|item| boxed(CelString::from(item.as_str()))).collect::<Vec<_>>())
}

fn words<'s>(list: &[&'static str]) -> CelList<'s> {
    CelList::from(list.iter().map(|item| boxed(CelString::from(*item))).collect::<Vec<_>>())
}

fn scores(pairs: &[(String, f64)]) -> CelMap<'_> {
    map(pairs.iter().map(|(name, score)| (name.as_str(), boxed(CelDouble::from(*score)))))
}

fn sensitive(report: &SensitiveReport) -> CelMap<'_> {
    map([
        ("any", boxed(CelBool::from(report.any))),
        ("personal", boxed(CelBool::from(report.personal))),
        ("secrets", boxed(CelBool::from(report.secrets))),
        ("health", boxed(CelBool::from(report.health))),
        ("types", boxed(strings(&report.types))),
    ])
}

fn object(fields: &crate::chat::Map) -> CelMap<'_> {
    map(fields.iter().map(|(name, value)| (name.as_str(), json(value))))
}

/// A value of JSON.
pub(super) fn json(value: &Value) -> Box<dyn Val + '_> {
    match value {
        Value::Null => boxed(CelNull),
        Value::Bool(flag) => boxed(CelBool::from(*flag)),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(integer), _) => boxed(CelInt::from(integer)),
            (None, Some(integer)) => boxed(CelUInt::from(integer)),
            (None, None) => boxed(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        },
        Value::String(text) => boxed(CelString::from(text.as_str())),
        Value::Array(items) => boxed(CelList::from(items.iter().map(json).collect::<Vec<_>>())),
        Value::Object(fields) => boxed(object(fields)),
    }
}

fn map<'s>(entries: impl IntoIterator<Item = (&'s str, Box<dyn Val + 's>)>) -> CelMap<'s> {
    let entries = entries.into_iter().map(|(name, value)| (CelMapKey::String(CelString::from(name)), value));
    CelMap::from(entries.collect::<HashMap<_, _>>())
}

fn boxed<'s>(value: impl Val + 's) -> Box<dyn Val + 's> {
    Box::new(value)
}
