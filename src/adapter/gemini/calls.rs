//! Function calls of a stream.
//!
//! Usually each comes whole, its arguments one object. With `streamFunctionCallArguments` they come in pieces, each with a
//! JSON path to its place: the pieces are put together here and handed on once the call is whole, because text that is JSON
//! only at its end cannot be appended to by path.

use serde_json::Value;

use super::stream::signature;
use crate::{
    adapter::call_id,
    chat::{Map, ToolCallDelta},
};

/// A list index above this is not believed: it would only make us allocate.
const LONGEST_LIST: usize = 1024;
/// Nesting above this is not believed either.
const DEEPEST: usize = 64;

/// The calls of one candidate.
#[derive(Debug, Default)]
pub(super) struct Calls {
    count: u32,
    open: Option<Open>,
}

/// A call whose arguments are still coming.
#[derive(Debug, Default)]
struct Open {
    name: String,
    id: Option<String>,
    extra: Map,
    arguments: Map,
}

impl Calls {
    /// Whether there was one.
    pub(super) fn any(&self) -> bool {
        self.count > 0 || self.open.is_some()
    }

    /// Takes a part that calls a function. Calls that are whole go `into` the list; `None` if the part cannot be understood.
    pub(super) fn part(&mut self, mut part: Map, answer: &str, into: &mut Vec<ToolCallDelta>) -> Option<()> {
        let extra = signature(&mut part).unwrap_or_default();
        let Some(Value::Object(mut function)) = part.remove("functionCall") else { return None };
        if let Some(name) = function.remove("name") {
            into.extend(self.close(answer));
            let Value::String(name) = name else { return None };
            let id = match function.remove("id") {
                Some(Value::String(id)) => Some(id).filter(|id| !id.is_empty()),
                _ => None,
            };
            self.open = Some(Open { name, id, extra, arguments: Map::new() });
        }
        let open = self.open.as_mut()?;
        match function.remove("args") {
            Some(Value::Object(arguments)) => open.arguments.extend(arguments),
            None | Some(Value::Null) => {}
            Some(_) => return None,
        }
        if let Some(pieces) = function.get("partialArgs") {
            open.push(pieces)?;
        }
        if function.get("willContinue").is_none_or(|more| more != true) {
            into.extend(self.close(answer));
        }
        Some(())
    }

    /// The call that is open, as far as it came.
    pub(super) fn close(&mut self, answer: &str) -> Option<ToolCallDelta> {
        let open = self.open.take()?;
        let index = self.count;
        self.count += 1;
        let arguments = Value::Object(open.arguments).to_string();
        let id = open.id.unwrap_or_else(|| call_id::made_up(answer, index, &open.name, &arguments));
        Some(ToolCallDelta { index, id: Some(id), name: Some(open.name), arguments, extra: open.extra })
    }
}

impl Open {
    /// Takes the pieces of one event; `None` if they cannot be understood.
    fn push(&mut self, pieces: &Value) -> Option<()> {
        for piece in pieces.as_array()? {
            let path = steps(piece.get("jsonPath")?.as_str()?)?;
            let (Step::Key(first), rest) = path.split_first()? else { return None };
            let mut root = self.arguments.entry(first.clone()).or_insert(Value::Null);
            for step in rest {
                root = enter(root, step)?;
            }
            put(root, piece);
        }
        Some(())
    }
}

enum Step {
    Key(String),
    Index(usize),
}

/// `$.a[0].b` or `$['a'][0]["b"]`.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$')?;
    let mut out = Vec::new();
    while !rest.is_empty() {
        if out.len() == DEEPEST {
            return None;
        }
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            out.push(Step::Key(after[..end].into()));
            rest = &after[end..];
            continue;
        }
        let inner = rest.strip_prefix('[')?;
        let quote = inner.chars().next().filter(|first| *first == '\'' || *first == '"');
        if let Some(quote) = quote {
            let (key, after) = inner[1..].split_once(quote)?;
            out.push(Step::Key(key.into()));
            rest = after.strip_prefix(']')?;
        } else {
            let (index, after) = inner.split_once(']')?;
            out.push(Step::Index(index.parse().ok()?));
            rest = after;
        }
    }
    (!out.is_empty()).then_some(out)
}

/// The place one step further, made where it is not there yet.
fn enter<'a>(value: &'a mut Value, step: &Step) -> Option<&'a mut Value> {
    if value.is_null() {
        *value = match step {
            Step::Key(_) => Value::Object(Map::new()),
            Step::Index(_) => Value::Array(Vec::new()),
        };
    }
    match (value, step) {
        (Value::Object(map), Step::Key(key)) => Some(map.entry(key.clone()).or_insert(Value::Null)),
        (Value::Array(list), Step::Index(at)) if *at < LONGEST_LIST => {
            if list.len() <= *at {
                list.resize(at + 1, Value::Null);
            }
            list.get_mut(*at)
        }
        _ => None,
    }
}

/// Text is appended; everything else comes whole.
fn put(into: &mut Value, piece: &Value) {
    if let Some(text) = piece.get("stringValue").and_then(Value::as_str) {
        match into {
            Value::String(so_far) => so_far.push_str(text),
            other => *other = text.into(),
        }
    } else if let Some(value) = piece.get("numberValue").or_else(|| piece.get("boolValue")) {
        *into = value.clone();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pieces_find_their_places() {
        let mut call = Open::default();
        let pieces = json!([
            {"jsonPath": "$.list[0].name", "stringValue": "ap", "willContinue": true},
            {"jsonPath": "$.list[0].name", "stringValue": "ple"}, {"jsonPath": "$['list'][1][\"a.b\"]", "numberValue": 0.5},
            {"jsonPath": "$.on", "boolValue": true}, {"jsonPath": "$.none", "nullValue": "NULL_VALUE"}]);
        assert!(call.push(&pieces).is_some());
        assert_eq!(
            Value::Object(call.arguments),
            json!({"list": [{"name": "apple"}, {"a.b": 0.5}], "on": true, "none": null})
        );
    }

    #[test]
    fn a_call_in_pieces_is_handed_on_whole() {
        let (mut calls, mut out) = (Calls::default(), Vec::new());
        for function in [
            json!({"name": "f", "willContinue": true}),
            json!({"partialArgs": [{"jsonPath": "$.x", "stringValue": "a", "willContinue": true}], "willContinue": true}),
            json!({}),
            json!({"name": "g", "args": {"y": 1}}),
            json!({"name": "h", "willContinue": true}),
        ] {
            let part = Map::from_iter([("functionCall".into(), function)]);
            assert!(calls.part(part, "r", &mut out).is_some());
        }
        out.extend(calls.close("r"));
        let seen: Vec<(u32, &str)> = out.iter().map(|call| (call.index, call.arguments.as_str())).collect();
        assert_eq!(seen, [(0, r#"{"x":"a"}"#), (1, r#"{"y":1}"#), (2, "{}")]);
        let stray = Map::from_iter([("functionCall".into(), json!({}))]);
        assert!(calls.part(stray, "r", &mut out).is_none());
    }

    #[test]
    fn paths_that_lead_nowhere_are_refused() {
        let deep = format!("$.a{}", "[0]".repeat(100));
        for path in ["", "$", "a", "$[0]", "$.a[99999999999]", "$.a[5000]", "$.a[x", "$['a", &deep] {
            let mut call = Open::default();
            assert!(call.push(&json!([{"jsonPath": path, "stringValue": "x"}])).is_none(), "{path}");
        }
    }
}
