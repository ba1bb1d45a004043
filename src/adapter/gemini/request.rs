//! The conversation → `contents` and `systemInstruction`.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    config,
    response::{PARTS, SIGNATURE_PATH},
    tools,
};
use crate::{
    adapter::media,
    catalog::Deployment,
    chat::{ChatRequest, Content, Map, Message, Part, Role, ToolCall},
    error::{Error, ErrorKind, Result},
};

/// What Google documents to send for a call that came from another model: newer models refuse a call without a signature.
const FOREIGN_SIGNATURE: &str = "skip_thought_signature_validator";

/// The body, before anything extra is merged in.
pub(super) fn body(request: &ChatRequest, deployment: &Deployment) -> Result<Map> {
    let mut talk = Talk { signs: config::wants_signatures(&deployment.model), ..Talk::default() };
    for message in &request.messages {
        talk.push(message)?;
    }
    let mut out = Map::new();
    let system = if talk.contents.is_empty() {
        // Instructions alone are no conversation for Gemini: they become the question.
        let parts = std::mem::take(&mut talk.system);
        talk.contents.push(Turn { role: "user", parts, results: false });
        Vec::new()
    } else {
        talk.system
    };
    let contents = talk.contents.into_iter().map(|turn| json!({"role": turn.role, "parts": turn.parts}));
    out.insert("contents".into(), contents.collect());
    if !system.is_empty() {
        out.insert("systemInstruction".into(), json!({"parts": system}));
    }
    if let Some(tools) = tools::tools(&request.tools) {
        out.insert("tools".into(), tools);
    }
    if let Some(choice) = tools::config(request)? {
        out.insert("toolConfig".into(), choice);
    }
    let generation = config::generation(request, deployment)?;
    if !generation.is_empty() {
        out.insert("generationConfig".into(), generation.into());
    }
    Ok(out)
}

struct Turn {
    role: &'static str,
    parts: Vec<Value>,
    /// Whether it holds results of tools: those of one turn of calls must stand together.
    results: bool,
}

#[derive(Default)]
struct Talk<'a> {
    system: Vec<Value>,
    contents: Vec<Turn>,
    /// Names of the functions called so far, by call id: a result names its function.
    names: HashMap<&'a str, &'a str>,
    signs: bool,
}

impl<'a> Talk<'a> {
    fn push(&mut self, message: &'a Message) -> Result<()> {
        match message.role {
            Role::System | Role::Developer => {
                self.system.extend(message.content.texts().filter(|text| !text.is_empty()).map(text));
            }
            Role::User => {
                let mut parts = parts(&message.content)?;
                if parts.is_empty() {
                    parts.push(text(""));
                }
                self.contents.push(Turn { role: "user", parts, results: false });
            }
            Role::Assistant => self.push_answer(message)?,
            Role::Tool => self.push_result(message)?,
        }
        Ok(())
    }

    fn push_answer(&mut self, message: &'a Message) -> Result<()> {
        let mut parts: Vec<Value> = message.extra.get(PARTS).and_then(Value::as_array).cloned().unwrap_or_default();
        parts.extend(self::parts(&message.content)?);
        if let (true, Some(refusal)) = (parts.is_empty(), message.extra.get("refusal").and_then(Value::as_str)) {
            parts.push(text(refusal));
        }
        if let Some(signature) = signature(&message.extra) {
            match parts.last_mut().filter(|part| part.get("text").is_some()) {
                Some(part) => part["thoughtSignature"] = signature.into(),
                None => parts.push(json!({"text": "", "thoughtSignature": signature})),
            }
        }
        let unsigned = self.signs && message.tool_calls.iter().all(|call| signature(&call.extra).is_none());
        for (place, call) in message.tool_calls.iter().enumerate() {
            self.names.insert(&call.id, &call.name);
            let foreign = (unsigned && place == 0).then_some(FOREIGN_SIGNATURE);
            parts.push(function_call(call, foreign));
        }
        if !parts.is_empty() {
            self.contents.push(Turn { role: "model", parts, results: false });
        }
        Ok(())
    }

    fn push_result(&mut self, message: &Message) -> Result<()> {
        let id = message.tool_call_id.as_deref().unwrap_or("");
        let Some(name) = self.names.get(id).copied().or(message.name.as_deref()) else {
            let text = "a tool's result answers no call of this conversation: its `tool_call_id` is unknown and it has no `name`";
            return Err(Error::new(ErrorKind::InvalidRequest, text));
        };
        let mut response = json!({"name": name, "response": result(&message.content.joined("\n"))});
        if !id.is_empty() {
            response["id"] = id.into();
        }
        let mut new = vec![json!({"functionResponse": response})];
        // Pictures and files that a tool returns stand beside its result: every generation takes them there.
        new.extend(parts(&message.content)?.into_iter().filter(|part| part.get("text").is_none()));
        match self.contents.last_mut().filter(|turn| turn.results) {
            Some(turn) => turn.parts.extend(new),
            None => self.contents.push(Turn { role: "user", parts: new, results: true }),
        }
        Ok(())
    }
}

fn text(text: &str) -> Value {
    json!({"text": text})
}

fn signature(extra: &Map) -> Option<&str> {
    let [content, google, name] = SIGNATURE_PATH;
    extra.get(content)?.get(google)?.get(name)?.as_str()
}

fn function_call(call: &ToolCall, foreign: Option<&str>) -> Value {
    let mut function = json!({"name": call.name, "args": arguments(&call.arguments)});
    if !call.id.is_empty() {
        function["id"] = call.id.clone().into();
    }
    let mut part = json!({"functionCall": function});
    if let Some(signature) = signature(&call.extra).or(foreign) {
        part["thoughtSignature"] = signature.into();
    }
    part
}

/// Gemini wants an object. Text that is none (a call that was cut off) is kept under one key, so that the conversation can go on.
fn arguments(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Value::Object(map),
        _ if text.trim().is_empty() => json!({}),
        _ => json!({"arguments": text}),
    }
}

/// A result must be an object too: what is none goes under `result`.
fn result(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Value::Object(map),
        Ok(list @ Value::Array(_)) => json!({"result": list}),
        _ => json!({"result": text}),
    }
}

fn parts(content: &Content) -> Result<Vec<Value>> {
    let mut out = Vec::new();
    for item in content.parts() {
        match item.as_ref() {
            // Gemini refuses a part that says nothing.
            Part::Text { text, .. } if text.is_empty() => {}
            Part::Text { text, .. } => out.push(self::text(text)),
            Part::Image { url, .. } => out.push(medium(url, None, "an image")?),
            Part::Audio { data, format, .. } => out.push(audio(data, format)),
            Part::File { data, id, name, .. } => out.push(file(data.as_deref(), id.as_deref(), name.as_deref())?),
            Part::Other(map) => out.extend(other(map)?),
        }
    }
    Ok(out)
}

/// A `data:` URL as `inlineData`, an address as `fileData`.
fn medium(url: &str, name: Option<&str>, what: &str) -> Result<Value> {
    if let Some((kind, data)) = media::data_url(url) {
        return Ok(inline(kind, data));
    }
    if media::is_address(url) {
        return Ok(by_uri(url, name));
    }
    let message = format!("{what} must be a base64 `data:` URL or an address (`https:`, `gs:`)");
    Err(Error::new(ErrorKind::InvalidRequest, message))
}

fn inline(kind: &str, data: &str) -> Value {
    json!({"inlineData": {"mimeType": kind, "data": data}})
}

fn by_uri(uri: &str, name: Option<&str>) -> Value {
    match media::media_type(uri).or_else(|| media::media_type(name?)) {
        Some(kind) => json!({"fileData": {"mimeType": kind, "fileUri": uri}}),
        None => json!({"fileData": {"fileUri": uri}}),
    }
}

fn audio(data: &str, format: &str) -> Value {
    if let Some((kind, data)) = media::data_url(data) {
        return inline(kind, data);
    }
    let kind = if format == "mp3" { "mpeg" } else { format };
    inline(&format!("audio/{kind}"), data)
}

fn file(data: Option<&str>, id: Option<&str>, name: Option<&str>) -> Result<Value> {
    match (data, id) {
        (Some(data), _) if data.starts_with("data:") || media::is_address(data) => medium(data, name, "a file"),
        (Some(data), _) => Ok(inline(name.and_then(media::media_type).unwrap_or("application/pdf"), data)),
        (None, Some(id)) => Ok(by_uri(id, name)),
        (None, None) => Err(Error::new(ErrorKind::InvalidRequest, "a file needs data or an id")),
    }
}

/// Google's own parts pass as they are; a video is a medium like others; another provider's thoughts are left out.
fn other(map: &Map) -> Result<Option<Value>> {
    let kind = map.get("type").and_then(Value::as_str).unwrap_or("");
    let url = |key: &str| {
        let value = map.get(key)?;
        value.as_str().or_else(|| value.get("url")?.as_str())
    };
    match kind {
        "video_url" | "audio_url" | "file_url" => {
            let url =
                url(kind).ok_or_else(|| Error::new(ErrorKind::InvalidRequest, format!("`{kind}` needs `url`")))?;
            medium(url, None, "a medium").map(Some)
        }
        "refusal" => Ok(map.get("refusal").and_then(Value::as_str).map(text)),
        "thinking" | "redacted_thinking" | "reasoning" => Ok(None),
        _ if map.get(kind).is_some_and(Value::is_object) => {
            let mut part = map.clone();
            part.remove("type");
            Ok(Some(Value::Object(part)))
        }
        _ => Err(Error::new(ErrorKind::InvalidRequest, format!("a part of type `{kind}` cannot be said to Gemini"))),
    }
}
