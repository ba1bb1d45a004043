//! TOML, YAML and JSON text to one value, with the place of what is wrong.
//!
//! All three keep the order of keys and refuse a key that stands twice; none runs code, and the size of what an anchor or
//! a nesting can unfold to is bounded.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_saphyr::{budget, options};
use toml::de::{DeTable, DeValue};

use super::Format;
use crate::{
    chat::Map,
    error::{Error, Result},
};

/// No configuration is larger; a file that is was named by mistake.
pub(super) const LARGEST: usize = 4 * 1024 * 1024;
/// The deepest sensible configuration has seven levels.
pub(super) const DEEPEST: usize = 32;
/// Values in a document, anchors unfolded.
const MOST_VALUES: usize = 100_000;

/// Reads `text`; a mistake is at `file:line:column`.
pub(super) fn parse(text: &str, format: Format, file: &str) -> Result<Value> {
    if text.len() > LARGEST {
        return Err(Error::config(file, format!("the file is larger than {} MiB", LARGEST / 1024 / 1024)));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format {
        Format::Toml => toml(text, file),
        Format::Yaml => yaml(text, file),
        Format::Json => json(text, file),
    }
}

/// How deep a value is nested, as far as [`DEEPEST`] and one more.
pub(super) fn depth(value: &Value) -> usize {
    let mut level: Vec<&Value> = vec![value];
    let mut depth = 0;
    while !level.is_empty() && depth <= DEEPEST {
        depth += 1;
        level = level.into_iter().flat_map(inner).collect();
    }
    depth
}

fn inner(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(map) => map.values().collect(),
        _ => Vec::new(),
    }
}

fn syntax(file: &str, line: usize, column: usize, message: &str) -> Error {
    let message = message.lines().next().unwrap_or_default().trim_end_matches('.');
    Error::config(format!("{file}:{line}:{column}"), message)
}

fn toml(text: &str, file: &str) -> Result<Value> {
    let at = |offset: usize, message: &str| {
        let (line, column) = position(text, offset);
        syntax(file, line, column, message)
    };
    let table = DeTable::parse(text)
        .map_err(|error| at(error.span().map_or(text.len(), |span| span.start), error.message()))?;
    from_table(table.into_inner()).map_err(|(offset, message)| at(offset, message))
}

/// Line and column, from 1, of a byte.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

type Misfit = (usize, &'static str);

/// The entries in the order written: the parser sorts them by name, their spans remember.
fn from_table(table: DeTable<'_>) -> std::result::Result<Value, Misfit> {
    let mut entries: Vec<_> = table.into_iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let mut map = Map::new();
    for (key, value) in entries {
        map.insert(key.into_inner().into_owned(), from_toml(value.span().start, value.into_inner())?);
    }
    Ok(Value::Object(map))
}

fn from_toml(offset: usize, value: DeValue<'_>) -> std::result::Result<Value, Misfit> {
    Ok(match value {
        DeValue::String(text) => Value::String(text.into_owned()),
        DeValue::Boolean(flag) => Value::Bool(flag),
        DeValue::Datetime(moment) => Value::String(moment.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(Value::from)
            .map_err(|_| (offset, "the number is too large"))?,
        DeValue::Float(number) => {
            let finite = number.as_str().parse().ok().and_then(Number::from_f64);
            Value::Number(finite.ok_or((offset, "the number is not finite"))?)
        }
        DeValue::Array(items) => {
            let items = items.into_iter().map(|item| from_toml(item.span().start, item.into_inner()));
            Value::Array(items.collect::<std::result::Result<_, _>>()?)
        }
        DeValue::Table(table) => from_table(table)?,
    })
}

fn yaml(text: &str, file: &str) -> Result<Value> {
    let options = options! {
        budget: budget! {
            max_depth: DEEPEST + 1,
            flow_nesting_limit: DEEPEST + 1,
            max_nodes: MOST_VALUES,
            max_events: 2 * MOST_VALUES,
            max_documents: 1,
            max_total_scalar_bytes: LARGEST,
            max_recorded_anchor_events: MOST_VALUES,
            max_recorded_anchor_bytes: LARGEST,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MOST_VALUES },
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options::<Option<Strict>>(text, options)
        .map(|value| value.map_or(Value::Null, |strict| strict.0))
        .map_err(|error| {
            let (line, column) =
                error.location().map_or((1, 1), |place| (place.line() as usize, place.column() as usize));
            let message = error.without_snippet().to_string();
            let tabs = text
                .lines()
                .nth(line.saturating_sub(1))
                .is_some_and(|line| line.trim_start_matches(' ').starts_with('\t'));
            let hint = tabs.then(|| "indent with blanks: YAML takes no tabs".to_owned());
            syntax(file, line.max(1), column.max(1), &in_our_words(&message)).with_hint(hint)
        })
}

/// The parser's words, without its own place, and without its API where it explains that.
fn in_our_words(message: &str) -> String {
    let message = message.split(" at line ").next().unwrap_or_default();
    if let Some(key) = message.strip_prefix("duplicate mapping key: ") {
        return format!("the key `{}` stands twice", key.split(", set Dupl").next().unwrap_or_default());
    }
    match message {
        _ if message.starts_with("budget breached") => {
            "the document unfolds to more than a configuration can need".into()
        }
        _ if message.starts_with("non-finite") => "the number is not finite".into(),
        message => message.into(),
    }
}

fn json(text: &str, file: &str) -> Result<Value> {
    serde_json::from_str::<Strict>(text).map(|strict| strict.0).map_err(|error| {
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
        let hint = message.contains("trailing comma").then(|| "JSON takes no comma after the last item".to_owned());
        syntax(file, error.line(), error.column().max(1), message).with_hint(hint)
    })
}

/// A value in which no key stands twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, flag: bool) -> std::result::Result<Value, E> {
        Ok(Value::Bool(flag))
    }
    fn visit_i64<E>(self, number: i64) -> std::result::Result<Value, E> {
        Ok(number.into())
    }
    fn visit_u64<E>(self, number: u64) -> std::result::Result<Value, E> {
        Ok(number.into())
    }
    fn visit_f64<E: serde::de::Error>(self, number: f64) -> std::result::Result<Value, E> {
        Number::from_f64(number).map(Value::Number).ok_or_else(|| E::custom("the number is not finite"))
    }
    fn visit_str<E>(self, text: &str) -> std::result::Result<Value, E> {
        Ok(text.into())
    }
    fn visit_string<E>(self, text: String) -> std::result::Result<Value, E> {
        Ok(text.into())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Strict(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(items.into())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> std::result::Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{key}` stands twice")));
            }
            let Strict(value) = access.next_value()?;
            map.insert(key, value);
        }
        Ok(map.into())
    }
}
