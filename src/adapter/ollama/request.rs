//! The conversation → Ollama's body.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::{
    adapter::media,
    catalog::Deployment,
    chat::{ChatRequest, Content, FunctionTool, Map, Message, Part, ResponseFormat, Role, Tool, ToolCall, ToolChoice},
    error::{Error, ErrorKind, Result},
};

/// The body, before anything extra is merged in. `stream` is always said: its default is true.
pub(super) fn body(request: &ChatRequest, deployment: &Deployment, stream: bool) -> Result<Map> {
    if request.n.is_some_and(|n| n > 1) {
        return Err(refuse("Ollama gives one answer; ask with `n` of 1"));
    }
    let mut names = HashMap::new();
    let messages: Result<Vec<Value>> = request.messages.iter().map(|one| message(one, &mut names)).collect();
    let mut out = Map::new();
    out.insert("model".into(), deployment.model.clone().into());
    out.insert("messages".into(), messages?.into());
    out.insert("stream".into(), stream.into());
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            out.insert(key.into(), value);
        }
    };
    set("tools", tools(request)?);
    set("format", format(request)?);
    set("think", request.reasoning_effort.as_deref().map(think));
    set("logprobs", request.logprobs.map(Value::from));
    set("top_logprobs", request.top_logprobs.map(Value::from));
    let options = options(request);
    set("options", (!options.is_empty()).then_some(Value::Object(options)));
    Ok(out)
}

fn refuse(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

fn options(request: &ChatRequest) -> Map {
    let all = [
        ("num_predict", request.max_tokens.map(Value::from)),
        ("temperature", request.temperature.map(Value::from)),
        ("top_p", request.top_p.map(Value::from)),
        ("stop", (!request.stop.is_empty()).then(|| json!(request.stop))),
        ("seed", request.seed.map(Value::from)),
        ("presence_penalty", request.presence_penalty.map(Value::from)),
        ("frequency_penalty", request.frequency_penalty.map(Value::from)),
    ];
    all.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// Ollama knows three levels, and false; a model that has no levels takes any of them as true.
fn think(effort: &str) -> Value {
    match effort {
        "none" => false.into(),
        "minimal" | "low" => "low".into(),
        "high" | "xhigh" | "max" => "high".into(),
        _ => "medium".into(),
    }
}

fn format(request: &ChatRequest) -> Result<Option<Value>> {
    match &request.response_format {
        None | Some(ResponseFormat::Text) => Ok(None),
        Some(ResponseFormat::JsonObject) => Ok(Some("json".into())),
        Some(ResponseFormat::JsonSchema { schema, .. }) => Ok(Some(schema.clone())),
        Some(ResponseFormat::Other(map)) => match (map.get("type").and_then(Value::as_str), map.get("schema")) {
            (Some("json_object"), Some(schema)) => Ok(Some(schema.clone())),
            (Some("json_object"), None) => Ok(Some("json".into())),
            _ => Err(refuse("this `response_format` cannot be said to Ollama; use text, json_object or json_schema")),
        },
    }
}

fn tools(request: &ChatRequest) -> Result<Option<Value>> {
    let only = match &request.tool_choice {
        Some(ToolChoice::None) => return Ok(None),
        Some(ToolChoice::Function(name)) => Some(name),
        _ => None,
    };
    let mut out = Vec::new();
    for tool in &request.tools {
        match tool {
            Tool::Function(function) if only.is_none_or(|name| *name == function.name) => out.push(declare(function)),
            Tool::Function(_) => {}
            Tool::Hosted(map) => {
                let kind = map.get("type").and_then(Value::as_str).unwrap_or("of no type");
                return Err(refuse(format!("Ollama runs no tools itself: `{kind}` cannot be offered")));
            }
        }
    }
    Ok((!out.is_empty()).then_some(Value::Array(out)))
}

fn declare(function: &FunctionTool) -> Value {
    let mut out = Map::new();
    out.insert("name".into(), function.name.clone().into());
    if let Some(description) = &function.description {
        out.insert("description".into(), description.clone().into());
    }
    let none = || json!({"type": "object", "properties": {}});
    out.insert("parameters".into(), function.parameters.clone().filter(Value::is_object).unwrap_or_else(none));
    json!({"type": "function", "function": out})
}

fn message<'a>(message: &'a Message, names: &mut HashMap<&'a str, &'a str>) -> Result<Value> {
    let role = if message.role == Role::Developer { Role::System } else { message.role };
    let mut out = Map::new();
    out.insert("role".into(), role.as_str().into());
    out.insert("content".into(), text(message).into());
    let images = images(&message.content)?;
    if !images.is_empty() {
        out.insert("images".into(), images.into());
    }
    if role == Role::Assistant {
        let thoughts = ["reasoning_content", "reasoning"].iter().find_map(|key| message.extra.get(*key)?.as_str());
        if let Some(thoughts) = thoughts.filter(|text| !text.is_empty()) {
            out.insert("thinking".into(), thoughts.into());
        }
        names.extend(message.tool_calls.iter().map(|call| (call.id.as_str(), call.name.as_str())));
        if !message.tool_calls.is_empty() {
            out.insert("tool_calls".into(), message.tool_calls.iter().map(call).collect());
        }
    }
    if role == Role::Tool {
        let id = message.tool_call_id.as_deref().unwrap_or("");
        if let Some(name) = names.get(id).copied().or(message.name.as_deref()) {
            out.insert("tool_name".into(), name.into());
        }
        if !id.is_empty() {
            out.insert("tool_call_id".into(), id.into());
        }
    }
    Ok(Value::Object(out))
}

fn text(message: &Message) -> String {
    match message.extra.get("refusal").and_then(Value::as_str) {
        Some(refusal) if message.content == Content::Empty => refusal.into(),
        _ => message.content.joined("\n"),
    }
}

fn call(call: &ToolCall) -> Value {
    // Ollama wants an object. Text that is none (a call that was cut off) is kept under one key.
    let arguments = match serde_json::from_str(&call.arguments) {
        Ok(Value::Object(map)) => Value::Object(map),
        _ if call.arguments.trim().is_empty() => json!({}),
        _ => json!({"arguments": call.arguments}),
    };
    let function = json!({"name": call.name, "arguments": arguments});
    if call.id.is_empty() {
        return json!({"function": function});
    }
    json!({"id": call.id, "function": function})
}

fn images(content: &Content) -> Result<Vec<Value>> {
    let mut out = Vec::new();
    let Content::Parts(parts) = content else { return Ok(out) };
    for part in parts {
        match part {
            Part::Text { .. } => {}
            Part::Image { url, .. } => match media::data_url(url) {
                Some((_, data)) => out.push(data.into()),
                None => {
                    return Err(refuse("an image for Ollama must be a base64 `data:` URL: the server fetches nothing"));
                }
            },
            Part::Audio { .. } => return Err(refuse("Ollama takes no audio")),
            Part::File { .. } => return Err(refuse("Ollama takes no files")),
            Part::Other(map) => match map.get("type").and_then(Value::as_str).unwrap_or("") {
                // Another provider's thoughts are left out.
                "thinking" | "redacted_thinking" | "reasoning" => {}
                kind => return Err(refuse(format!("a part of type `{kind}` cannot be said to Ollama"))),
            },
        }
    }
    Ok(out)
}
