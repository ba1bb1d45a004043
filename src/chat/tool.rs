//! Tools that a model may call, and the calls it makes.

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use super::Map;

/// A tool offered to the model.
#[derive(Clone, Debug, PartialEq)]
pub enum Tool {
    /// A function of the caller's.
    Function(FunctionTool),
    /// A tool that the provider runs (web search, code execution …), as the caller wrote it.
    Hosted(Map),
}

/// A function that the caller offers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FunctionTool {
    /// The name the model calls.
    pub name: String,
    /// What it is for, in the caller's words.
    pub description: Option<String>,
    /// JSON schema of the arguments; absent means none are taken.
    pub parameters: Option<Value>,
    /// Whether the provider should hold the model to the schema.
    pub strict: Option<bool>,
    /// Other keys beside `function` (for example `cache_control`).
    pub extra: Map,
}

impl<'de> Deserialize<'de> for Tool {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut map = Map::deserialize(deserializer)?;
        if is_bare_hosted(&map) {
            return Ok(Self::Hosted(map));
        }
        let kind = map.get("type").and_then(Value::as_str).unwrap_or("function");
        if kind != "function" || !map.contains_key("function") {
            if kind == "function" {
                return Err(de::Error::missing_field("function"));
            }
            return Ok(Self::Hosted(map));
        }
        map.remove("type");
        let function = map.remove("function").unwrap_or(Value::Null);
        let function: Function = serde_json::from_value(function).map_err(de::Error::custom)?;
        Ok(Self::Function(FunctionTool {
            name: function.name,
            description: function.description,
            parameters: function.parameters,
            strict: function.strict,
            extra: map,
        }))
    }
}

/// The object under `function`.
#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Option<Value>,
    #[serde(default)]
    strict: Option<bool>,
}

/// Google writes its hosted tools as a mapping of one key, `{"googleSearch": {}}`, without a `type`.
fn is_bare_hosted(map: &Map) -> bool {
    map.len() == 1 && !map.contains_key("function") && map.values().all(Value::is_object)
}

/// A call the model makes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolCall {
    /// The call's identity, which the result names; adapters make one up where the wire has none.
    pub id: String,
    /// The function called.
    pub name: String,
    /// The arguments as JSON text, exactly as the model wrote them; it may be broken.
    pub arguments: String,
    /// Other keys of the call (for example Gemini's thought signature under `extra_content`).
    pub extra: Map,
}

impl<'de> Deserialize<'de> for ToolCall {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut map = Map::deserialize(deserializer)?;
        map.remove("type");
        let id = match map.remove("id") {
            Some(Value::String(id)) => id,
            _ => String::new(),
        };
        let Some(Value::Object(mut function)) = map.remove("function") else {
            return Err(de::Error::missing_field("function"));
        };
        let Some(Value::String(name)) = function.remove("name") else {
            return Err(de::Error::missing_field("function.name"));
        };
        let arguments = match function.remove("arguments") {
            Some(Value::String(text)) => text,
            None | Some(Value::Null) => String::new(),
            Some(value) => value.to_string(),
        };
        Ok(Self { id, name, arguments, extra: map })
    }
}

impl Serialize for ToolCall {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("type", "function")?;
        map.serialize_entry("function", &serde_json::json!({"name": self.name, "arguments": self.arguments}))?;
        for (key, value) in &self.extra {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}
