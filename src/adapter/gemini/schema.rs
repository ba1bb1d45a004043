//! JSON Schema as callers write it → the part of it that Gemini takes.
//!
//! Only rewritings that keep the meaning or loosen it: the model may then answer more freely, but no valid answer is ruled out.

use serde_json::Value;

use crate::chat::Map;

/// Nesting beyond this is sent as it is: no real schema is deeper.
const DEEPEST: u32 = 64;

/// Keywords that say nothing about the value; Gemini refuses some of them and `title` confuses it.
const SILENT: [&str; 7] = ["$schema", "$comment", "title", "examples", "discriminator", "readOnly", "writeOnly"];

/// The schema without what Gemini refuses.
pub(super) fn clean(schema: &Value) -> Value {
    clean_at(schema, DEEPEST)
}

/// The schema of a function's arguments; absent for a function that takes none, because an object without properties is refused.
pub(super) fn parameters(schema: &Value) -> Option<Value> {
    match schema {
        Value::Object(map) if !takes_nothing(map) => Some(clean(schema)),
        _ => None,
    }
}

fn takes_nothing(map: &Map) -> bool {
    map.iter().all(|(key, value)| match key.as_str() {
        "properties" => value.as_object().is_none_or(Map::is_empty),
        "required" => value.as_array().is_none_or(Vec::is_empty),
        "additionalProperties" => value == false,
        "type" => value.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("object")),
        "description" | "strict" => true,
        other => SILENT.contains(&other),
    })
}

fn clean_at(schema: &Value, depth: u32) -> Value {
    let (Value::Object(map), Some(depth)) = (schema, depth.checked_sub(1)) else {
        return schema.clone();
    };
    let mut out = Map::with_capacity(map.len());
    for (key, value) in map {
        match key.as_str() {
            word if SILENT.contains(&word) => {}
            // Google's older dialect writes types in capitals; JSON Schema does not.
            "type" => {
                out.insert(
                    key.clone(),
                    value.as_str().map_or_else(|| value.clone(), |kind| kind.to_ascii_lowercase().into()),
                );
            }
            "const" => {
                out.insert("enum".into(), Value::Array(vec![value.clone()]));
            }
            "exclusiveMinimum" => bound(&mut out, map, "minimum", value, 1),
            "exclusiveMaximum" => bound(&mut out, map, "maximum", value, -1),
            "oneOf" if !map.contains_key("anyOf") => {
                out.insert("anyOf".into(), each(value, depth));
            }
            "properties" | "$defs" | "definitions" => {
                out.insert(key.clone(), named(value, depth));
            }
            "items" | "prefixItems" | "anyOf" | "oneOf" | "allOf" | "additionalProperties" | "not" => {
                out.insert(key.clone(), each(value, depth));
            }
            _ => {
                out.insert(key.clone(), value.clone());
            }
        }
    }
    Value::Object(out)
}

/// Schemas by name.
fn named(value: &Value, depth: u32) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(name, schema)| (name.clone(), clean_at(schema, depth))).collect(),
        other => other.clone(),
    }
}

/// A schema or a list of schemas.
fn each(value: &Value, depth: u32) -> Value {
    match value {
        Value::Array(list) => list.iter().map(|schema| clean_at(schema, depth)).collect(),
        other => clean_at(other, depth),
    }
}

/// An exclusive bound as an inclusive one: exact for integers, one point looser for other numbers.
fn bound(out: &mut Map, map: &Map, inclusive: &str, value: &Value, step: i64) {
    if !value.is_number() || map.contains_key(inclusive) {
        return;
    }
    let integer = map.get("type").is_some_and(|kind| kind == "integer");
    let exact = value.as_i64().filter(|_| integer).and_then(|limit| limit.checked_add(step));
    out.insert(inclusive.into(), exact.map_or_else(|| value.clone(), Value::from));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_gemini_refuses_is_said_otherwise() {
        let schema = json!({"$schema": "x", "title": "T", "type": "object", "properties": {
            "title": {"type": "STRING", "title": "Title"}, "kind": {"const": "a"},
            "n": {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 10},
            "x": {"type": "number", "exclusiveMinimum": 0.5},
            "u": {"oneOf": [{"title": "A", "type": "string"}, {"$ref": "#/$defs/D"}]}},
            "$defs": {"D": {"title": "D", "enum": ["title"]}}, "additionalProperties": false});
        assert_eq!(
            clean(&schema),
            json!({"type": "object", "properties": {
                "title": {"type": "string"}, "kind": {"enum": ["a"]},
                "n": {"type": "integer", "minimum": 1, "maximum": 9}, "x": {"type": "number", "minimum": 0.5},
                "u": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/D"}]}},
                "$defs": {"D": {"enum": ["title"]}}, "additionalProperties": false})
        );
    }

    #[test]
    fn a_function_without_arguments_has_no_schema() {
        for empty in
            [json!(null), json!({}), json!({"type": "object", "properties": {}, "additionalProperties": false})]
        {
            assert_eq!(parameters(&empty), None, "{empty}");
        }
        assert!(parameters(&json!({"type": "object", "additionalProperties": true})).is_some());
    }

    #[test]
    fn endless_nesting_ends() {
        let mut schema = json!({"type": "string"});
        for _ in 0..500 {
            schema = json!({"items": schema});
        }
        assert_eq!(clean(&schema), schema);
    }
}
