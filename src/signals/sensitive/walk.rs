//! Every string of a request, and where it stands: nothing a caller can write into goes unread.

use serde_json::Value;

use super::decode;
use crate::chat::{ChatRequest, Content, FunctionTool, Map, Message, Part, ResponseFormat, Tool, ToolChoice};

/// Something to look at.
pub(in crate::signals) enum Item<'t> {
    /// The text of a message.
    Text(&'t str),
    /// A string that stands elsewhere.
    Aside(&'t str),
    /// An image or a recording.
    Medium(&'static str),
    /// A file that cannot be read.
    Opaque,
}

/// Calls `each` with the index of the message and every item of the request.
pub(in crate::signals) fn request(
    request: &ChatRequest,
    metadata: Option<&Map>,
    each: &mut impl FnMut(usize, Item<'_>),
) {
    for (index, one) in request.messages.iter().enumerate() {
        message(one, &mut |item| each(index, item));
    }
    let each = &mut |item: Item<'_>| each(request.messages.len(), item);
    for tool in &request.tools {
        match tool {
            Tool::Function(function) => offered(function, each),
            Tool::Hosted(hosted) => map(hosted, each),
        }
    }
    match &request.tool_choice {
        Some(ToolChoice::Function(name)) => aside(name, each),
        Some(ToolChoice::Other(other)) => map(other, each),
        _ => {}
    }
    match &request.response_format {
        Some(ResponseFormat::JsonSchema { name, description, schema, .. }) => {
            aside(name, each);
            aside(description.as_deref().unwrap_or_default(), each);
            value(schema, each);
        }
        Some(ResponseFormat::Other(other)) => map(other, each),
        _ => {}
    }
    request.stop.iter().for_each(|stop| aside(stop, each));
    aside(request.user.as_deref().unwrap_or_default(), each);
    map(&request.extra_body, each);
    if let Some(metadata) = metadata {
        map(metadata, each);
    }
}

fn message(message: &Message, each: &mut impl FnMut(Item<'_>)) {
    match &message.content {
        Content::Empty => {}
        Content::Text(text) => each(Item::Text(text)),
        Content::Parts(parts) => {
            let mut texts = message.content.texts();
            match (texts.next(), texts.next()) {
                (Some(only), None) => each(Item::Text(only)),
                (Some(_), Some(_)) => each(Item::Text(&message.content.joined("\n"))),
                (None, _) => {}
            }
            for one in parts {
                part(one, each);
            }
        }
    }
    aside(message.name.as_deref().unwrap_or_default(), each);
    aside(message.tool_call_id.as_deref().unwrap_or_default(), each);
    for call in &message.tool_calls {
        aside(&call.name, each);
        aside(&call.arguments, each);
        map(&call.extra, each);
    }
    map(&message.extra, each);
}

fn part(part: &Part, each: &mut impl FnMut(Item<'_>)) {
    match part {
        Part::Text { extra, .. } => map(extra, each),
        Part::Image { url, extra, .. } => {
            each(Item::Medium("image"));
            if !url.starts_with("data:") {
                aside(url, each);
            }
            map(extra, each);
        }
        Part::Audio { extra, .. } => {
            each(Item::Medium("audio"));
            map(extra, each);
        }
        Part::File { data, id, name, extra } => {
            aside(name.as_deref().unwrap_or_default(), each);
            file(data.as_deref(), id.as_deref(), each);
            map(extra, each);
        }
        Part::Other(other) => map(other, each),
    }
}

/// A file's text if it is text; else it may hold anything.
fn file(data: Option<&str>, id: Option<&str>, each: &mut impl FnMut(Item<'_>)) {
    if id.is_some() {
        each(Item::Opaque);
    }
    let Some(data) = data else { return };
    if data.starts_with("http://") || data.starts_with("https://") {
        each(Item::Opaque);
        return aside(data, each);
    }
    let (head, body) = data.split_once(',').filter(|_| data.starts_with("data:")).unwrap_or((";base64", data));
    if !head.ends_with(";base64") {
        return aside(body, each);
    }
    match decode::base64(body.as_bytes()) {
        Some(bytes) if decode::is_text(&bytes) => aside(&String::from_utf8_lossy(&bytes), each),
        Some(_) => each(Item::Opaque),
        // Not base64 at all: the caller wrote the text itself.
        None => aside(body, each),
    }
}

fn offered(tool: &FunctionTool, each: &mut impl FnMut(Item<'_>)) {
    aside(&tool.name, each);
    aside(tool.description.as_deref().unwrap_or_default(), each);
    if let Some(parameters) = &tool.parameters {
        value(parameters, each);
    }
    map(&tool.extra, each);
}

fn aside(text: &str, each: &mut impl FnMut(Item<'_>)) {
    if !text.is_empty() {
        each(Item::Aside(text));
    }
}

/// JSON is read as its text: the key beside a value is its context, and numbers count too.
fn value(value: &Value, each: &mut impl FnMut(Item<'_>)) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::String(text) => aside(text, each),
        other => aside(&other.to_string(), each),
    }
}

fn map(map: &Map, each: &mut impl FnMut(Item<'_>)) {
    if map.is_empty() {
        return;
    }
    if let Ok(text) = serde_json::to_string(map) {
        aside(&text, each);
    }
}
