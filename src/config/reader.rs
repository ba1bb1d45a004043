//! A small typed reader over a JSON value that knows where it stands.
//!
//! Deserialising by hand instead of by derive, because the quality of the error is the point: every mistake says where it
//! is, what stands there, what should stand there and what was probably meant; and all mistakes are found in one go.

use std::{cell::RefCell, collections::HashSet, time::Duration};

use serde_json::Value;

use super::{hint, schema::Place, units};
use crate::chat::Map;

/// A text longer than this is not quoted in a message.
const QUOTED: usize = 48;

/// One mistake.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The key's path.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What was probably meant.
    pub hint: Option<String>,
    /// Whether it is no mistake but a wish that only a later version grants.
    pub not_yet: bool,
}

/// Collects the mistakes of one document.
#[derive(Debug, Default)]
pub(super) struct Report {
    problems: RefCell<Vec<Problem>>,
    /// Paths whose text came from the environment: never quoted.
    pub(super) veiled: HashSet<String>,
    /// Paths whose text could not be made: a mistake is recorded already.
    pub(super) broken: HashSet<String>,
    /// What the variables hold.
    pub(super) values: HashSet<String>,
}

/// A variable's value shorter than this is a word like `eu`, not a secret.
const SECRET: usize = 8;

impl Report {
    /// Records a mistake.
    pub(super) fn add(&self, path: impl Into<String>, message: impl Into<String>, hint: Option<String>) {
        let problem = Problem { path: path.into(), message: message.into(), hint, not_yet: false };
        self.problems.borrow_mut().push(problem);
    }

    /// Records a wish for something that this version does not do; told only when nothing else is wrong.
    pub(super) fn not_yet(&self, path: impl Into<String>, what: &str) {
        let message = format!("{what} is not in this version yet");
        self.problems.borrow_mut().push(Problem { path: path.into(), message, hint: None, not_yet: true });
    }

    /// How many mistakes there are so far, wishes for later versions not counted.
    pub(super) fn count(&self) -> usize {
        self.problems.borrow().iter().filter(|problem| !problem.not_yet).count()
    }

    /// All that was recorded, without a trace of what the variables hold.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        for value in self.values.iter().filter(|value| value.len() >= SECRET) {
            for problem in &mut problems {
                problem.message = problem.message.replace(value, "***");
                problem.hint = problem.hint.take().map(|hint| hint.replace(value, "***"));
            }
        }
        problems
    }
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    /// The value.
    pub(super) value: &'a Value,
    /// Its path from the root.
    pub(super) path: String,
    /// Where mistakes go.
    pub(super) report: &'a Report,
}

/// A table whose keys are known.
#[derive(Clone, Debug)]
pub(super) struct Table<'a> {
    /// Where it stands.
    pub(super) node: Node<'a>,
    /// What it holds.
    pub(super) map: &'a Map,
    /// Whether a key in it is unknown, so that a missing one is probably that one.
    misspelt: bool,
}

impl<'a> Node<'a> {
    /// Records a mistake here.
    pub(super) fn problem(&self, message: impl Into<String>, hint: Option<String>) {
        if !self.report.broken.contains(&self.path) {
            self.report.add(&self.path, message, hint);
        }
    }

    /// Records that something else stands here than `wanted`.
    pub(super) fn expected(&self, wanted: &str, hint: Option<String>) {
        self.problem(format!("expected {wanted}, found {}", self.found()), hint);
    }

    /// The value in backticks, unless it is long or came from the environment.
    pub(super) fn quoted(&self) -> String {
        match self.value {
            _ if self.report.veiled.contains(&self.path) => "the value of a variable".into(),
            Value::String(text) if text.chars().count() > QUOTED => "a long text".into(),
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        }
    }

    /// The kind of the value, and itself where it is a number or a word.
    fn found(&self) -> String {
        match self.value {
            Value::Null => "nothing".into(),
            Value::Bool(value) => format!("`{value}`"),
            Value::Number(number) => format!("`{number}`"),
            Value::String(_) => "a string".into(),
            Value::Array(_) => "a list".into(),
            Value::Object(_) => "a table".into(),
        }
    }

    /// A string, empty or not.
    pub(super) fn string(&self) -> Option<&'a str> {
        let text = self.value.as_str();
        if text.is_none() {
            self.expected("a string", None);
        }
        text.filter(|_| !self.report.broken.contains(&self.path))
    }

    /// A string that says something, without blanks around it.
    pub(super) fn text(&self) -> Option<&'a str> {
        let text = self.string()?;
        if text.trim().is_empty() {
            self.problem("expected a text, found an empty string", None);
            return None;
        }
        if text.trim() != text {
            self.problem("there are blanks around this text", Some("remove them".into()));
            return None;
        }
        Some(text)
    }

    /// A string that no message may quote, empty or not.
    pub(super) fn secret(&self) -> Option<&'a str> {
        let text = self.value.as_str();
        if text.is_none() {
            self.problem("expected a string", Some("write it in quotes, or as \"${NAME}\" to read a variable".into()));
        }
        text.filter(|_| !self.report.broken.contains(&self.path))
    }

    /// `true` or `false`.
    pub(super) fn flag(&self) -> Option<bool> {
        let flag = self.value.as_bool();
        if flag.is_none() {
            let hint = match self.value.as_str() {
                Some("true" | "yes" | "on") => Some("write true, without quotes".into()),
                Some("false" | "no" | "off") => Some("write false, without quotes".into()),
                _ => None,
            };
            self.expected("true or false", hint);
        }
        flag
    }

    /// A whole number from `least` on.
    pub(super) fn whole(&self, least: u64) -> Option<u64> {
        let integral = |number: &f64| number.fract() == 0.0 && (0.0..9e15).contains(number);
        let number = self.value.as_u64().or_else(|| self.value.as_f64().filter(integral).map(|number| number as u64));
        match number {
            Some(number) if number >= least => return Some(number),
            Some(_) => self.expected("a whole number above zero", None),
            None if self.value.as_f64().is_some_and(|number| number < 0.0) => {
                self.expected("a whole number, not a negative one", None);
            }
            None => self.expected("a whole number", self.unquoted()),
        }
        None
    }

    /// A count of at least one that fits 32 bits.
    pub(super) fn count(&self) -> Option<u32> {
        let whole = self.whole(1)?;
        let count = u32::try_from(whole).ok();
        if count.is_none() {
            self.expected("a smaller number", None);
        }
        count
    }

    /// A number from `least` to `most`.
    pub(super) fn number(&self, least: f64, most: f64) -> Option<f64> {
        match self.value.as_f64() {
            Some(number) if (least..=most).contains(&number) => return Some(number),
            Some(number) if number < 0.0 && least >= 0.0 => self.expected("a number that is not negative", None),
            Some(_) if most.is_finite() => self.expected(&format!("a number from {least} to {most}"), None),
            Some(_) => self.expected("a finite number", None),
            None => self.expected("a number", self.unquoted()),
        }
        None
    }

    /// For a number in quotes.
    fn unquoted(&self) -> Option<String> {
        let text = self.value.as_str().filter(|_| !self.report.veiled.contains(&self.path))?;
        let number = text.trim().replace('_', "");
        number.parse::<f64>().ok().map(|_| format!("write {number}, without quotes"))
    }

    /// A duration above zero.
    pub(super) fn duration(&self) -> Option<Duration> {
        let duration = self.pause()?;
        if duration.is_zero() {
            self.problem("expected a duration above zero, found zero", None);
            return None;
        }
        Some(duration)
    }

    /// A duration that may be zero.
    pub(super) fn pause(&self) -> Option<Duration> {
        const WANTED: &str = "a duration such as \"250ms\", \"3s\", \"1m\" or a number of seconds";
        let read = match self.value {
            Value::String(text) => units::duration(text),
            Value::Number(number) => units::from_seconds(number.as_f64().unwrap_or(f64::NAN)),
            _ => {
                self.expected(WANTED, None);
                return None;
            }
        };
        match read {
            Ok(duration) => return Some(duration),
            Err(units::NotADuration::Negative) => self.problem("a duration cannot be negative", None),
            Err(units::NotADuration::TooLong) => self.problem("no duration may be longer than ten years", None),
            Err(units::NotADuration::Malformed(meant)) => {
                let meant = meant.filter(|_| !self.report.veiled.contains(&self.path));
                let hint = meant.map(|meant| format!("did you mean \"{meant}\"?"));
                self.problem(format!("expected {WANTED}, found {}", self.quoted()), hint);
            }
        }
        None
    }

    /// The items of a list.
    pub(super) fn list(&self) -> Option<Vec<Self>> {
        let Some(items) = self.value.as_array() else {
            let hint = match self.value {
                Value::String(_) | Value::Number(_) => Some("write a list, with this as its only item: […]".into()),
                _ => None,
            };
            self.expected("a list", hint);
            return None;
        };
        Some(items.iter().enumerate().map(|(place, value)| self.item(place, value)).collect())
    }

    fn item(&self, place: usize, value: &'a Value) -> Self {
        Self { value, path: format!("{}[{place}]", self.path), report: self.report }
    }

    /// The items of a list; a single value stands for a list of one.
    pub(super) fn one_or_many(&self) -> Option<Vec<Self>> {
        if self.value.is_string() { Some(vec![self.clone()]) } else { self.list() }
    }

    /// Distinct texts, at least one; mistakes are recorded and left out.
    pub(super) fn texts(&self, items: Option<Vec<Self>>) -> Vec<String> {
        let Some(items) = items else { return Vec::new() };
        if items.is_empty() {
            self.problem("the list is empty", Some("leave the key out, or name something".into()));
        }
        let mut texts: Vec<String> = Vec::new();
        for item in items {
            let Some(text) = item.text() else { continue };
            if texts.iter().any(|other| other == text) {
                item.problem(format!("{} stands twice in this list", item.quoted()), None);
                continue;
            }
            texts.push(text.into());
        }
        texts
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, what: &str, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.string()?;
        let chosen = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if chosen.is_none() {
            let hint = hint::or_listed(text, words.iter().map(|(word, _)| *word));
            self.problem(format!("{} is no {what}", self.quoted()), hint);
        }
        chosen
    }

    /// A table with the keys of `place`; unknown keys are mistakes.
    pub(super) fn table(&self, place: &'static Place) -> Option<Table<'a>> {
        self.table_with(place, |_, _| false)
    }

    /// A table with the keys of `place` and those that `also` lets pass.
    pub(super) fn table_with(&self, place: &'static Place, also: impl Fn(&str, &Self) -> bool) -> Option<Table<'a>> {
        let entries = self.entries(place.what)?;
        let map = self.value.as_object()?;
        let mut misspelt = false;
        for (key, node) in entries {
            if place.keys.contains(&key) || also(key, &node) {
                continue;
            }
            misspelt = true;
            node.problem(format!("unknown key `{key}`"), hint::for_key(key, place));
        }
        Some(Table { node: self.clone(), map, misspelt })
    }

    /// The entries of a table whose keys are the user's own.
    pub(super) fn entries(&self, what: &str) -> Option<Vec<(&'a str, Self)>> {
        let Some(map) = self.value.as_object() else {
            self.expected(what, None);
            return None;
        };
        Some(map.iter().map(|(key, value)| (key.as_str(), self.child(key, value))).collect())
    }

    fn child(&self, key: &str, value: &'a Value) -> Self {
        Self { value, path: join(&self.path, key), report: self.report }
    }
}

impl<'a> Table<'a> {
    /// What stands under `key`.
    pub(super) fn get(&self, key: &str) -> Option<Node<'a>> {
        self.map.get(key).map(|value| self.node.child(key, value))
    }

    /// What stands under `key`, which must be written.
    pub(super) fn required(&self, key: &str, hint: Option<&str>) -> Option<Node<'a>> {
        let node = self.get(key);
        if node.is_none() && !self.misspelt {
            let path = join(&self.node.path, key);
            self.node.report.add(path, format!("`{key}` is missing"), hint.map(Into::into));
        }
        node
    }

    /// The path of `key` in this table.
    pub(super) fn path(&self, key: &str) -> String {
        join(&self.node.path, key)
    }
}

/// The path of `key` under `path`; a key with dots or brackets is quoted.
pub(super) fn join(path: &str, key: &str) -> String {
    let odd = |c: char| matches!(c, '.' | '[' | ']' | '"' | ' ') || c.is_control();
    let bare = !key.is_empty() && !key.contains(odd);
    let key = if bare { key.to_owned() } else { format!("{key:?}") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}
