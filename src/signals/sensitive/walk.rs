//! Every string of a request, and where it stands: nothing a caller can write into goes unread.

use serde_json::Value;

use super::decode;
use crate::chat::{ChatRequest, Content, FunctionTool, Map, Message, Part, ResponseFormat, Tool, ToolChoice};

/// Bytes of base64 that tell whether a medium is text; a multiple of four.
const FIRST: usize = 4_096;
/// Longer words than this are not put together over the end of a part: nothing that is looked for is longer.
const SEAM: usize = 256;

/// JSON in JSON is opened so often.
const DEEPEST: u8 = 3;
/// Shorter words hold no word in base64 that would tell anything.
const PACKED: usize = 12;

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
    aside(request.reasoning_effort.as_deref().unwrap_or_default(), each);
    aside(request.user.as_deref().unwrap_or_default(), each);
    map(&request.extra_body, each);
    if let Some(metadata) = metadata {
        map(metadata, each);
    }
}

/// Every string of a request as it is written, and once more as it reads when JSON and base64 are opened.
pub fn strings(asked: &ChatRequest, take: &mut impl FnMut(&str)) {
    request(asked, None, &mut |_, item| {
        if let Item::Text(text) | Item::Aside(text) = item {
            take(text);
            opened(text, DEEPEST, take);
        }
    });
}

fn opened(text: &str, levels: u8, take: &mut impl FnMut(&str)) {
    let Some(levels) = levels.checked_sub(1) else { return };
    if text.starts_with(['{', '[', '"'])
        && let Ok(value) = serde_json::from_str::<Value>(text)
    {
        return inside(&value, levels, take);
    }
    let packed = text.split(|sign: char| !(sign.is_ascii_alphanumeric() || "+/-_=".contains(sign)));
    for word in packed.filter(|word| word.len() >= PACKED) {
        if let Some(bytes) = decode::base64(word.as_bytes()).filter(|bytes| decode::is_text(bytes)) {
            take(&String::from_utf8_lossy(&bytes));
        }
    }
}

fn inside(value: &Value, levels: u8, take: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => {
            take(text);
            opened(text, levels, take);
        }
        Value::Array(items) => items.iter().for_each(|item| inside(item, levels, take)),
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            take(key);
            inside(value, levels, take);
        }),
        Value::Number(number) => take(&number.to_string()),
        Value::Null | Value::Bool(_) => {}
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
                (Some(_), Some(_)) => {
                    each(Item::Text(&message.content.joined("\n")));
                    seams(&message.content, each);
                }
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
        aside(&call.id, each);
        aside(&call.name, each);
        aside(&call.arguments, each);
        map(&call.extra, each);
    }
    map(&message.extra, each);
}

fn part(part: &Part, each: &mut impl FnMut(Item<'_>)) {
    match part {
        Part::Text { extra, .. } => map(extra, each),
        Part::Image { url, detail, extra } => {
            each(Item::Medium("image"));
            match url.strip_prefix("data:").and_then(|data| data.split_once(',')) {
                Some((head, body)) => medium(head, body, each),
                None => aside(url, each),
            }
            aside(detail.as_deref().unwrap_or_default(), each);
            map(extra, each);
        }
        Part::Audio { data, format, extra } => {
            each(Item::Medium("audio"));
            medium(";base64", data, each);
            aside(format, each);
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

/// Words that begin in one text part and end in the next one: a model reads them as one.
fn seams(content: &Content, each: &mut impl FnMut(Item<'_>)) {
    let texts: Vec<&str> = content.texts().collect();
    for pair in texts.windows(2) {
        let before = pair[0].rfind(char::is_whitespace).map_or(pair[0], |at| pair[0][at..].trim_start());
        let after = pair[1].find(char::is_whitespace).map_or(pair[1], |at| &pair[1][..at]);
        let short = before.len() <= SEAM && after.len() <= SEAM;
        if short && !before.is_empty() && !after.is_empty() {
            aside(&[before, after].concat(), each);
        }
    }
}

/// What is said to be an image or a recording, and may be text all the same (SVG is): nobody but the receiver looks.
fn medium(head: &str, body: &str, each: &mut impl FnMut(Item<'_>)) {
    if !head.ends_with(";base64") {
        aside(head, each);
        return aside(body, each);
    }
    let bytes = body.as_bytes();
    match decode::base64(&bytes[..bytes.len().min(FIRST)]) {
        Some(first) if decode::is_text(&first) => {
            let all = decode::base64(bytes).unwrap_or(first);
            aside(&String::from_utf8_lossy(&all), each);
        }
        Some(_) => {}
        None => aside(body, each),
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
