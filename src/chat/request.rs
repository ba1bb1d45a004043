//! What a caller asks for: the conversation, the tools, the form of the answer, the parameters of sampling.

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::{Map, Message, Tool};

/// A chat request, provider-neutral. Parameters are OpenAI's, with their meanings and ranges.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ChatRequest {
    /// The conversation, oldest first.
    #[serde(default)]
    pub messages: Vec<Message>,
    /// Tools offered; empty means none.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub tools: Vec<Tool>,
    /// Whether and which tool must be called.
    #[serde(default)]
    pub tool_choice: Option<ToolChoice>,
    /// Whether several calls may come in one message.
    #[serde(default)]
    pub parallel_tool_calls: Option<bool>,
    /// The form of the answer.
    #[serde(default)]
    pub response_format: Option<ResponseFormat>,
    /// 0..2.
    #[serde(default)]
    pub temperature: Option<f64>,
    /// 0..1.
    #[serde(default)]
    pub top_p: Option<f64>,
    /// Tokens of the answer at most.
    #[serde(default)]
    pub max_tokens: Option<u64>,
    /// Texts that end the answer.
    #[serde(default, deserialize_with = "one_or_many")]
    pub stop: Vec<String>,
    /// For answers that repeat, where the provider can.
    #[serde(default)]
    pub seed: Option<i64>,
    /// How many answers.
    #[serde(default)]
    pub n: Option<u32>,
    /// Whether the answer's log probabilities are wanted.
    #[serde(default)]
    pub logprobs: Option<bool>,
    /// How many alternatives a token.
    #[serde(default)]
    pub top_logprobs: Option<u32>,
    /// -2..2.
    #[serde(default)]
    pub presence_penalty: Option<f64>,
    /// -2..2.
    #[serde(default)]
    pub frequency_penalty: Option<f64>,
    /// `none`, `minimal`, `low`, `medium`, `high` …
    #[serde(default)]
    pub reasoning_effort: Option<String>,
    /// The end user, as the provider should know them.
    #[serde(default)]
    pub user: Option<String>,
    /// Keys for the provider's own body, merged last and unchanged.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub extra_body: Map,
}

/// Whether and which tool the model must call.
#[derive(Clone, Debug, PartialEq)]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// No call.
    None,
    /// At least one call.
    Required,
    /// A call of this function.
    Function(String),
    /// Another form, as the caller wrote it (for example `allowed_tools`).
    Other(Map),
}

/// The form of the answer.
#[derive(Clone, Debug, PartialEq)]
pub enum ResponseFormat {
    /// Free text.
    Text,
    /// Some JSON object.
    JsonObject,
    /// JSON that follows a schema.
    JsonSchema {
        /// The schema's name.
        name: String,
        /// What it describes.
        description: Option<String>,
        /// The JSON schema.
        schema: Value,
        /// Whether the provider should hold the model to it.
        strict: Option<bool>,
    },
    /// Another form, as the caller wrote it.
    Other(Map),
}

fn null_is_empty<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    match Option::<Value>::deserialize(deserializer)? {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![text]),
        Some(list) => {
            serde_json::from_value(list).map_err(|_| de::Error::custom("`stop` must be a string or a list of strings"))
        }
    }
}

impl<'de> Deserialize<'de> for ToolChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(word) => match word.as_str() {
                "auto" => Ok(Self::Auto),
                "none" => Ok(Self::None),
                "required" | "any" => Ok(Self::Required),
                other => Err(de::Error::custom(format!(
                    "`tool_choice` must be auto, none, required or {{\"type\": \"function\", \"function\": {{\"name\": …}}}}, not `{other}`"
                ))),
            },
            Value::Object(map) => match map.get("function").and_then(|f| f.get("name")).and_then(Value::as_str) {
                Some(name) if map.get("type").is_none_or(|kind| kind == "function") => Ok(Self::Function(name.into())),
                _ => Ok(Self::Other(map)),
            },
            _ => Err(de::Error::custom("`tool_choice` must be a string or a mapping")),
        }
    }
}

impl<'de> Deserialize<'de> for ResponseFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = Map::deserialize(deserializer)?;
        match map.get("type").and_then(Value::as_str) {
            Some("text") => Ok(Self::Text),
            Some("json_object") if map.len() == 1 => Ok(Self::JsonObject),
            Some("json_schema") => schema_from(&map).map_or_else(|| Ok(Self::Other(map)), Ok),
            Some(_) => Ok(Self::Other(map)),
            None => Err(de::Error::custom("`response_format` needs a `type`: text, json_object or json_schema")),
        }
    }
}

fn schema_from(map: &Map) -> Option<ResponseFormat> {
    let spec = map.get("json_schema")?.as_object()?;
    Some(ResponseFormat::JsonSchema {
        name: spec.get("name").and_then(Value::as_str).unwrap_or("response").into(),
        description: spec.get("description").and_then(Value::as_str).map(Into::into),
        schema: spec.get("schema")?.clone(),
        strict: spec.get("strict").and_then(Value::as_bool),
    })
}
