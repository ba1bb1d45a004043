//! A request's body. Nearly everything is said as the caller said it; the quirks of a provider rename or drop the rest.

use serde_json::{Value, json};

use super::address;
use crate::{
    adapter::compatible::PLAIN,
    catalog::{Deployment, Quirks},
    chat::{ChatRequest, Content, FunctionTool, Map, Message, Part, ResponseFormat, Role, Tool, ToolCall, ToolChoice},
};

/// Keys of answers that strict providers refuse when the message comes back.
const ANSWER_KEYS: [&str; 7] =
    ["refusal", "annotations", "audio", "function_call", "reasoning_content", "reasoning_details", "content_parts"];

/// Keys that only Anthropic's format knows. A conversation that began there carries them, and OpenAI refuses unknown keys.
const ANTHROPIC_KEYS: [&str; 3] = ["cache_control", "thinking_blocks", "content_blocks"];

/// A request as its caller said it, for whoever is no provider: messages, tools and parameters.
pub fn spoken(request: &ChatRequest) -> Map {
    const ALL: Quirks = Quirks { anthropic_keys: true, ..PLAIN };
    let mut body = Map::new();
    body.insert("messages".into(), request.messages.iter().map(|said| message(said, &ALL)).collect());
    tools(request, &ALL, &mut body);
    if let Some(format) = &request.response_format {
        body.insert("response_format".into(), response_format(format));
    }
    sampling(request, &ALL, &mut body);
    if let Some(most) = request.max_tokens {
        body.insert("max_tokens".into(), most.into());
    }
    body
}

/// The body for this deployment.
pub(super) fn body(request: &ChatRequest, deployment: &Deployment, stream: bool) -> Map {
    let quirks = &deployment.provider.quirks;
    let mut body = Map::new();
    if !address::names_model(deployment) {
        body.insert("model".into(), deployment.model.clone().into());
    }
    body.insert("messages".into(), request.messages.iter().map(|said| message(said, quirks)).collect());
    tools(request, quirks, &mut body);
    if let Some(format) = &request.response_format {
        body.insert("response_format".into(), response_format(format));
    }
    sampling(request, quirks, &mut body);
    if let Some(most) = request.max_tokens {
        body.insert(length_key(deployment).into(), most.into());
    }
    if stream {
        body.insert("stream".into(), true.into());
        if address::takes_stream_options(deployment) {
            body.insert("stream_options".into(), json!({"include_usage": true}));
        }
    }
    body
}

fn sampling(request: &ChatRequest, quirks: &Quirks, body: &mut Map) {
    let seed = if quirks.random_seed { "random_seed" } else { "seed" };
    let user = request.user.clone().filter(|_| !quirks.no_user);
    let stop = Some(&request.stop).filter(|stop| !stop.is_empty());
    for (key, value) in [
        ("temperature", request.temperature.map(number)),
        ("top_p", request.top_p.map(number)),
        ("stop", stop.map(|stop| json!(stop))),
        (seed, request.seed.map(Into::into)),
        ("n", request.n.map(Into::into)),
        ("logprobs", request.logprobs.map(Into::into)),
        ("top_logprobs", request.top_logprobs.map(Into::into)),
        ("presence_penalty", request.presence_penalty.map(number)),
        ("frequency_penalty", request.frequency_penalty.map(number)),
        ("reasoning_effort", request.reasoning_effort.clone().map(Into::into)),
        ("user", user.map(Into::into)),
    ] {
        if let Some(value) = value {
            body.insert(key.into(), value);
        }
    }
}

/// Whole numbers without a fraction: some servers parse `1` and refuse `1.0` where they want an integer.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e9 { json!(value as i64) } else { json!(value) }
}

fn tools(request: &ChatRequest, quirks: &Quirks, body: &mut Map) {
    if !request.tools.is_empty() {
        body.insert("tools".into(), request.tools.iter().map(|offered| tool(offered, quirks)).collect());
    }
    if let Some(choice) = &request.tool_choice {
        body.insert("tool_choice".into(), tool_choice(choice, quirks));
    }
    // Without tools OpenAI refuses it.
    let may_say = !request.tools.is_empty() && !quirks.no_parallel_tool_calls;
    if let Some(parallel) = request.parallel_tool_calls.filter(|_| may_say) {
        body.insert("parallel_tool_calls".into(), parallel.into());
    }
}

fn tool(tool: &Tool, quirks: &Quirks) -> Value {
    match tool {
        Tool::Hosted(map) => Value::Object(map.clone()),
        Tool::Function(FunctionTool { name, description, parameters, strict, extra }) => {
            let mut function = Map::from_iter([("name".into(), name.clone().into())]);
            if let Some(description) = description {
                function.insert("description".into(), description.clone().into());
            }
            // Absent means none, which Mistral wants said.
            let none = || json!({"type": "object", "properties": {}});
            function.insert("parameters".into(), parameters.clone().unwrap_or_else(none));
            if let Some(strict) = strict {
                function.insert("strict".into(), (*strict).into());
            }
            with(extra, quirks, [("type", "function".into()), ("function", function.into())])
        }
    }
}

fn tool_choice(choice: &ToolChoice, quirks: &Quirks) -> Value {
    match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required if quirks.any_for_required => "any".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Function(name) => json!({"type": "function", "function": {"name": name}}),
        ToolChoice::Other(map) => Value::Object(map.clone()),
    }
}

fn response_format(format: &ResponseFormat) -> Value {
    match format {
        ResponseFormat::Text => json!({"type": "text"}),
        ResponseFormat::JsonObject => json!({"type": "json_object"}),
        ResponseFormat::JsonSchema { name, description, schema, strict } => {
            let mut spec = Map::from_iter([("name".into(), name.clone().into())]);
            if let Some(description) = description {
                spec.insert("description".into(), description.clone().into());
            }
            spec.insert("schema".into(), schema.clone());
            if let Some(strict) = strict {
                spec.insert("strict".into(), (*strict).into());
            }
            json!({"type": "json_schema", "json_schema": spec})
        }
        ResponseFormat::Other(map) => Value::Object(map.clone()),
    }
}

fn message(said: &Message, quirks: &Quirks) -> Value {
    let mut out = Map::new();
    out.insert("role".into(), role(said, quirks).into());
    out.insert("content".into(), content(said, quirks));
    if let Some(name) = &said.name {
        out.insert("name".into(), name.clone().into());
    }
    if !said.tool_calls.is_empty() {
        out.insert("tool_calls".into(), said.tool_calls.iter().map(|made| call(made, quirks)).collect());
    }
    if let Some(id) = &said.tool_call_id {
        out.insert("tool_call_id".into(), call_id(id, quirks).into());
    }
    for (key, value) in &said.extra {
        if !(quirks.no_answer_keys && ANSWER_KEYS.contains(&key.as_str())) && known(key, quirks) {
            out.insert(key.clone(), value.clone());
        }
    }
    Value::Object(out)
}

/// Whether the provider knows a key that is not OpenAI's.
fn known(key: &str, quirks: &Quirks) -> bool {
    quirks.anthropic_keys || !ANTHROPIC_KEYS.contains(&key)
}

fn role(said: &Message, quirks: &Quirks) -> &'static str {
    match said.role {
        Role::Developer if quirks.no_developer_role => Role::System.as_str(),
        // A result that names no call is the form of 2023, which named the function.
        Role::Tool if said.tool_call_id.is_none() && said.name.is_some() => "function",
        role => role.as_str(),
    }
}

/// An assistant's message that only calls has null content; elsewhere null is refused, and nothing is an empty text.
fn content(said: &Message, quirks: &Quirks) -> Value {
    match &said.content {
        Content::Text(text) => text.clone().into(),
        Content::Parts(parts) => parts.iter().map(|piece| part(piece, quirks)).collect(),
        Content::Empty if said.role == Role::Assistant && !(said.tool_calls.is_empty() && said.extra.is_empty()) => {
            Value::Null
        }
        Content::Empty => "".into(),
    }
}

fn part(part: &Part, quirks: &Quirks) -> Value {
    match part {
        Part::Text { text, extra } => with(extra, quirks, [("type", "text".into()), ("text", text.clone().into())]),
        Part::Image { url, detail, extra } => {
            let mut image = Map::from_iter([("url".into(), url.clone().into())]);
            if let Some(detail) = detail {
                image.insert("detail".into(), detail.clone().into());
            }
            with(extra, quirks, [("type", "image_url".into()), ("image_url", image.into())])
        }
        Part::Audio { data, format, extra } => with(
            extra,
            quirks,
            [("type", "input_audio".into()), ("input_audio", json!({"data": data, "format": format}))],
        ),
        Part::File { data, id, name, extra } => {
            let mut file = extra.get("file").and_then(Value::as_object).cloned().unwrap_or_default();
            for (key, value) in [("file_data", data), ("file_id", id), ("filename", name)] {
                if let Some(value) = value {
                    file.insert(key.into(), value.clone().into());
                }
            }
            with(extra, quirks, [("type", "file".into()), ("file", file.into())])
        }
        Part::Other(map) => Value::Object(map.clone()),
    }
}

/// An object with these keys and the `extra` ones beside them.
fn with<const N: usize>(extra: &Map, quirks: &Quirks, keys: [(&str, Value); N]) -> Value {
    let mut out: Map = keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    for (key, value) in extra.iter().filter(|(key, _)| known(key, quirks)) {
        out.entry(key.clone()).or_insert_with(|| value.clone());
    }
    Value::Object(out)
}

fn call(made: &ToolCall, quirks: &Quirks) -> Value {
    // Servers parse the arguments: an empty text is not JSON.
    let arguments = if made.arguments.is_empty() { "{}" } else { &made.arguments };
    let function = json!({"name": made.name, "arguments": arguments});
    let mut out = with(&made.extra, quirks, [("type", "function".into()), ("function", function)]);
    if let Some(call) = out.as_object_mut().filter(|_| !made.id.is_empty()) {
        call.insert("id".into(), call_id(&made.id, quirks).into());
    }
    out
}

/// Characters of an identity where only short ones are taken.
const SHORT_ID: usize = 9;

/// A call's identity as this provider takes it: where another provider made the call, one is derived from the other's.
fn call_id(id: &str, quirks: &Quirks) -> String {
    let fits = id.len() == SHORT_ID && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !quirks.short_call_ids || fits {
        return id.to_owned();
    }
    let made = crate::adapter::call_id::made_up(id, 0, "", "");
    made[made.len() - SHORT_ID..].to_owned()
}

/// `max_completion_tokens` where the model wants it. OpenAI's older models know `max_tokens` alone under Azure's older
/// versions, and its reasoning models the newer name alone; servers of other people's models keep the older name.
fn length_key(deployment: &Deployment) -> &'static str {
    let quirks = &deployment.provider.quirks;
    let newer = quirks.only_max_completion_tokens
        || !quirks.only_max_tokens && (deployment.facts.reasoning == Some(true) || is_reasoner(&deployment.model));
    if newer { "max_completion_tokens" } else { "max_tokens" }
}

/// Whether the name is one of OpenAI's reasoning models: `o1` …, `gpt-5` and later.
fn is_reasoner(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    let digit = |rest: &str| rest.chars().next().and_then(|c| c.to_digit(10));
    if let Some(rest) = name.strip_prefix("gpt-") {
        return digit(rest).is_some_and(|generation| generation >= 5);
    }
    name.starts_with("codex") || name.strip_prefix('o').is_some_and(|rest| digit(rest).is_some())
}
