//! Every request there can be, as a finite list: what an analysis evaluates the rules on.
//!
//! Conditions look at few things: whether a flag is set, which side of 0.7 a number lies on, whether a string is one of
//! those that are written. So the values of each variable fall into a few classes that no condition can tell apart, and one
//! value stands for each. Their product stands for all requests, and the rules are evaluated on it by the code that
//! evaluates them on a call. A part of a condition that is not understood (`text.matches(…)`) becomes a variable of its own
//! that is true, is false or fails: then there are more classes than requests, never fewer, so that what holds for all
//! classes holds for all requests.

mod atoms;
mod values;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    chat::Map,
    signals::{SensitiveReport, Signals, own::Yields},
};

pub(super) use atoms::Reader;

/// Classes at most: seconds of work.
pub const MOST: usize = 1 << 16;

/// A variable that conditions look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Variable {
    /// `has_images` and the like.
    Flag(&'static str),
    /// All of `sensitive`: its parts hang together.
    Sensitive,
    /// Whether the caller gave this tag.
    Tag(String),
    /// `tokens`, `turns`, `complexity`, `injection`.
    Number(&'static str),
    /// `intent`, `language`, `user`, `session`.
    Word(&'static str),
    /// A budget's spent share.
    Budget(String),
    /// What stands under a key of `metadata`.
    Metadata(String),
    /// What the caller asked for.
    Model,
    /// The last user message: only to find an example, never to prove.
    Text,
    /// The time: as the text.
    Now,
    /// A signal of the user's own, or an entry of it.
    Own(String, Option<String>, Yields),
    /// A part of a condition that is not understood, under this name.
    Opaque(String),
}

/// What conditions compare a variable with.
#[derive(Clone, Debug, Default)]
pub(super) struct Mentions {
    /// Whole values.
    values: Vec<Value>,
    /// Numbers it is ordered against or equal to.
    numbers: Vec<f64>,
    /// Strings asked for as members, or parts that are asked for (`personal`).
    members: Vec<String>,
    /// Whether it stands where true or false is wanted.
    as_bool: bool,
    /// Whether it is asked whether it is there.
    presence: bool,
}

/// One value that stands for many.
#[derive(Clone, Debug)]
pub(super) enum Standing {
    Flag(bool),
    Number(Option<f64>),
    Word(Option<String>),
    Json(Option<Value>),
    Sensitive(SensitiveReport),
    /// Absent: it fails.
    Opaque(Option<bool>),
}

/// The variables, and the conditions that are not understood.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    mentions: BTreeMap<Variable, Mentions>,
    /// Name → the condition it is a part of.
    opaque: BTreeMap<String, String>,
}

/// One class of requests, by one that stands for it.
#[derive(Clone, Debug)]
pub struct Class {
    /// What rules see of it.
    pub signals: Signals,
    /// What is supposed of the parts that are not understood.
    pub(super) supposed: Vec<(String, Option<bool>)>,
}

/// All classes, in an order that has the plain ones first.
#[derive(Debug)]
pub struct Classes {
    axes: Vec<(Variable, Vec<Standing>)>,
    count: usize,
    next: usize,
}

impl Variables {
    fn of(&mut self, variable: Variable) -> &mut Mentions {
        self.mentions.entry(variable).or_default()
    }

    /// Whether some condition looks at what the caller asked for.
    pub(super) fn reads_model(&self) -> bool {
        self.mentions.contains_key(&Variable::Model)
    }

    /// The conditions that have a part which is not understood, each once.
    pub(super) fn not_understood(&self) -> Vec<&str> {
        let mut conditions: Vec<&str> = self.opaque.values().map(String::as_str).collect();
        conditions.sort_unstable();
        conditions.dedup();
        conditions
    }

    /// The classes; `models` are all that a caller can ask for.
    ///
    /// # Errors
    /// How many there are, if they are too many.
    pub(super) fn classes(&self, models: &[String]) -> Result<Classes, usize> {
        let axes: Vec<(Variable, Vec<Standing>)> = self
            .mentions
            .iter()
            .map(|(variable, mentions)| (variable.clone(), values::standing(variable, mentions, models)))
            .collect();
        let count = axes.iter().fold(1_usize, |count, (_, values)| count.saturating_mul(values.len()));
        if count > MOST { Err(count) } else { Ok(Classes { axes, count, next: 0 }) }
    }

    /// Without the variables that only help to find an example.
    pub(super) fn without_hints(mut self) -> Self {
        self.mentions.retain(|variable, _| !matches!(variable, Variable::Text | Variable::Now));
        self
    }
}

impl Iterator for Classes {
    type Item = Class;

    fn next(&mut self) -> Option<Class> {
        if self.next >= self.count {
            return None;
        }
        let mut rest = self.next;
        self.next += 1;
        let signals =
            Signals { sensitive: Some(SensitiveReport::default()), model: "auto".into(), ..Signals::default() };
        let mut class = Class { signals, supposed: Vec::new() };
        for (variable, values) in &self.axes {
            if let Some(value) = values.get(rest % values.len()) {
                class.put(variable, value);
            }
            rest /= values.len();
        }
        Some(class)
    }
}

impl Class {
    /// What is out of the ordinary about it: enough to make such a request.
    pub fn shown(&self) -> Map {
        let plain = Signals { sensitive: Some(SensitiveReport::default()), ..Signals::default() }.to_value();
        let mut shown = self.signals.to_value();
        shown.retain(|name, value| name != "model" && plain.get(name) != Some(value));
        if !self.signals.text.is_empty() {
            // Put together from the conditions; no request's.
            shown.insert("text".into(), self.signals.text.clone().into());
        }
        if let Some(Value::Object(report)) = shown.get_mut("sensitive") {
            report.retain(|_, value| *value != Value::Bool(false) && *value != Value::Array(Vec::new()));
        }
        shown
    }

    fn put(&mut self, variable: &Variable, value: &Standing) {
        let signals = &mut self.signals;
        match (variable, value) {
            (Variable::Flag(name), Standing::Flag(flag)) => signals.set_flag(name, *flag),
            (Variable::Tag(tag), Standing::Flag(true)) => signals.tags.push(tag.clone()),
            (Variable::Sensitive, Standing::Sensitive(report)) => signals.sensitive = Some(report.clone()),
            (Variable::Number(name), Standing::Number(number)) => put_number(signals, name, *number),
            (Variable::Word(name), Standing::Word(word)) => put_word(signals, name, word.clone()),
            (Variable::Budget(name), Standing::Number(share)) => {
                signals.budgets.get_or_insert_default().extend(share.map(|share| (name.clone(), share)));
            }
            (Variable::Metadata(key), Standing::Json(Some(value))) => {
                signals.metadata.insert(key.clone(), value.clone());
            }
            (Variable::Own(name, entry, _), Standing::Json(Some(value))) => {
                put_own(signals, name, entry.as_ref(), value.clone());
            }
            (Variable::Model, Standing::Word(Some(model))) => signals.model.clone_from(model),
            (Variable::Text, Standing::Word(Some(text))) => signals.text.clone_from(text),
            (Variable::Now, Standing::Number(Some(now))) => signals.now = *now,
            (Variable::Opaque(name), Standing::Opaque(answer)) => self.supposed.push((name.clone(), *answer)),
            _ => {}
        }
    }
}

fn put_own(signals: &mut Signals, name: &str, entry: Option<&String>, value: Value) {
    let Some(entry) = entry else { return signals.own.push((name.to_owned(), Ok(value))) };
    if !signals.own.iter().any(|(known, _)| known == name) {
        signals.own.push((name.to_owned(), Ok(Value::Object(Map::new()))));
    }
    let own = signals.own.iter_mut().find(|(known, _)| known == name);
    // Beside a value that is no mapping there are no entries: whoever asks for one fails.
    if let Some((_, Ok(Value::Object(map)))) = own {
        map.insert(entry.clone(), value);
    }
}

fn put_number(signals: &mut Signals, name: &str, number: Option<f64>) {
    match name {
        "tokens" => signals.tokens.tokens = number.unwrap_or_default() as u64,
        "turns" => signals.turns = number.unwrap_or_default() as u64,
        "complexity" => signals.complexity = number,
        _ => signals.injection = number,
    }
}

fn put_word(signals: &mut Signals, name: &str, word: Option<String>) {
    match name {
        "intent" => signals.intent = word,
        "language" => signals.language = word,
        "user" => signals.user = word.unwrap_or_default(),
        _ => signals.session = word.unwrap_or_default(),
    }
}
