//! The user's own signals: a function, a classifier behind a URL, or a model of the configuration as a classifier. Here is
//! what they are and what a value must look like; asking for one takes time, so that is the router's business.
//!
//! A value is a number, a text, true or false, or a mapping of those. It ends up in decisions and logs, so it is small: what
//! a classifier says about a prompt, never the prompt.

use std::{fmt, sync::Arc, time::Duration};

use serde_json::Value;

use crate::{
    catalog::{Deployment, Money},
    chat::Map,
};

/// Characters of a text at most: enough for a label and its path, too few for a prompt.
pub const LONGEST_TEXT: usize = 200;
/// Entries of a mapping at most.
pub const MOST_ENTRIES: usize = 32;
/// Signals of one's own at most: a bit each says who reads which.
pub const MOST: usize = 64;
/// How long a function may take: as a thread that does arithmetic, or asks a store nearby, needs.
pub const OF_FUNCTION: Duration = Duration::from_millis(200);
/// How long a classifier behind a URL may take: one round trip and a small model.
pub const OF_URL: Duration = Duration::from_millis(500);
/// How long a model as a classifier may take: a small one answers a word in less.
pub const OF_DEPLOYMENT: Duration = Duration::from_secs(3);

/// What a signal came to, or why it is absent.
pub type Outcome = Result<Value, String>;

/// What a signal yields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Yields {
    /// Known only when it is there.
    #[default]
    Any,
    /// True or false.
    Bool,
    /// A number.
    Number,
    /// A text.
    Text,
    /// A mapping.
    Map,
}

/// What conditions may know of a signal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Its name, which is a variable.
    pub name: String,
    /// What it yields.
    pub yields: Yields,
    /// Of a mapping: what it has, and of what kind; empty means that this is not known.
    pub fields: Vec<(String, Yields)>,
}

/// A signal of the user's own.
#[derive(Clone, Debug)]
pub struct Own {
    /// What conditions may know of it.
    pub shape: Shape,
    /// Where it comes from.
    pub source: Source,
    /// How long it may take.
    pub timeout: Duration,
    /// Whether, and how long, what a text came to is remembered.
    pub cache: Option<Remember>,
}

/// How much is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remember {
    /// For how long.
    pub ttl: Duration,
    /// Of how many texts.
    pub max_entries: usize,
}

impl Default for Remember {
    /// Retries of one question, and the same question of many; a classifier that is renewed is believed soon after.
    fn default() -> Self {
        Self { ttl: Duration::from_secs(600), max_entries: 1_000 }
    }
}

/// Where a signal comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A function; absent where a configuration only says that there is one.
    Function(Option<Function>),
    /// A classifier behind a URL.
    Url(Box<Classifier>),
    /// A deployment that is asked for one of these labels.
    Deployment {
        /// Its name.
        name: String,
        /// What it may answer.
        labels: Vec<String>,
    },
}

/// A classifier behind a URL.
#[derive(Clone, Debug)]
pub struct Classifier {
    /// Where it is, what opens its door, and what rules may know of it: it is cleared like any deployment.
    pub deployment: Deployment,
    /// What it is sent.
    pub send: Send,
    /// What one answer costs.
    pub cost: Money,
}

/// What a classifier is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Send {
    /// The last message of the user.
    #[default]
    Text,
    /// All messages.
    Messages,
}

/// Takes what a function came to, once.
pub type Done = Box<dyn FnOnce(Outcome) + core::marker::Send>;

/// Works a signal out of a request.
pub trait Work: core::marker::Send + Sync {
    /// Starts on `request`. `done` is called once, at once or later, on any thread; dropped uncalled it means that nothing
    /// came of it.
    fn start(&self, request: &Arc<Map>, done: Done);
}

/// A function in a configuration.
#[derive(Clone)]
pub struct Function(pub Arc<dyn Work>);

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Function")
    }
}

impl Own {
    /// The classifier behind a URL, if it is one.
    pub fn classifier(&self) -> Option<&Classifier> {
        match &self.source {
            Source::Url(classifier) => Some(classifier),
            Source::Function(_) | Source::Deployment { .. } => None,
        }
    }
}

impl Yields {
    /// In words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Any => "a number, a text, true or false, or a mapping",
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Map => "a mapping",
        }
    }

    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Any => value.is_number() || value.is_string() || value.is_boolean() || value.is_object(),
            Self::Bool => value.is_boolean(),
            Self::Number => value.is_number(),
            Self::Text => value.is_string(),
            Self::Map => value.is_object(),
        }
    }
}

impl Shape {
    /// `value` as this signal's.
    ///
    /// # Errors
    /// What is wrong with it, without a word of it.
    pub fn fit(&self, value: Value) -> Outcome {
        if value.is_null() {
            return Err("it abstained".into());
        }
        if !self.yields.takes(&value) {
            return Err(format!("it is not {}", self.yields.title()));
        }
        match value {
            Value::Object(map) => self.entries(map).map(Value::Object),
            value => scalar(value),
        }
    }

    /// The entries that are declared, or all if none are.
    fn entries(&self, mut map: Map) -> Result<Map, String> {
        if self.fields.is_empty() {
            if map.len() > MOST_ENTRIES {
                return Err(format!("it has more than {MOST_ENTRIES} entries"));
            }
            return map.into_iter().map(|(key, value)| Ok((key, scalar(value)?))).collect();
        }
        let mut kept = Map::new();
        for (name, yields) in &self.fields {
            let value = map.remove(name).ok_or_else(|| format!("it has no `{name}`"))?;
            if !yields.takes(&value) || value.is_object() {
                return Err(format!("its `{name}` is not {}", yields.title()));
            }
            kept.insert(name.clone(), scalar(value)?);
        }
        Ok(kept)
    }
}

fn scalar(value: Value) -> Outcome {
    match &value {
        Value::String(text) if text.chars().count() > LONGEST_TEXT => {
            Err(format!("it holds a text of more than {LONGEST_TEXT} characters"))
        }
        Value::Array(_) | Value::Object(_) | Value::Null => {
            Err("it holds more than numbers, texts, true and false".into())
        }
        _ => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shape(yields: Yields, fields: &[(&str, Yields)]) -> Shape {
        let fields = fields.iter().map(|(name, yields)| ((*name).to_owned(), *yields)).collect();
        Shape { name: "x".into(), yields, fields }
    }

    #[test]
    fn a_value_is_of_the_declared_kind_and_small() {
        let any = shape(Yields::Any, &[]);
        for value in [json!(1), json!(0.5), json!("a"), json!(true), json!({"a": 1, "b": "c"})] {
            assert_eq!(any.fit(value.clone()), Ok(value));
        }
        for value in [json!([1]), json!(null), json!("x".repeat(201)), json!({"a": [1]}), json!({"a": {"b": 1}})] {
            assert!(any.fit(value).is_err());
        }
        assert_eq!(any.fit(Value::Null), Err("it abstained".into()));
        assert_eq!(shape(Yields::Number, &[]).fit(json!("CANARY")), Err("it is not a number".into()));
    }

    #[test]
    fn of_a_mapping_the_declared_entries_are_kept() {
        let shape = shape(Yields::Map, &[("score", Yields::Number), ("label", Yields::Any)]);
        let value = json!({"score": 0.5, "label": "a", "echo": "the whole prompt".repeat(100)});
        assert_eq!(shape.fit(value), Ok(json!({"score": 0.5, "label": "a"})));
        assert_eq!(shape.fit(json!({"label": "a"})), Err("it has no `score`".into()));
        assert_eq!(shape.fit(json!({"label": "a", "score": "b"})), Err("its `score` is not a number".into()));
    }
}
