//! Content parts → Anthropic's content blocks.

use serde_json::{Value, json};

use crate::{
    chat::{Content, Map, Part},
    error::{Error, ErrorKind, Result},
};

/// The blocks of a message's content. Text without a visible character is left out: Anthropic refuses it.
pub(super) fn blocks(content: &Content) -> Result<Vec<Value>> {
    let mut blocks = Vec::new();
    for part in content.parts() {
        blocks.extend(block(&part)?);
    }
    Ok(blocks)
}

/// A plain text block; nothing if the text has no visible character.
pub(super) fn text(text: &str) -> Option<Value> {
    (!text.trim().is_empty()).then(|| json!({"type": "text", "text": text}))
}

/// The short form where there is one: a single plain text is a string.
pub(super) fn compact(mut blocks: Vec<Value>) -> Value {
    if let [Value::Object(only)] = blocks.as_mut_slice()
        && only.len() == 2
        && only.get("type").is_some_and(|kind| kind == "text")
        && let Some(text @ Value::String(_)) = only.get_mut("text")
    {
        return text.take();
    }
    Value::Array(blocks)
}

fn block(part: &Part) -> Result<Option<Value>> {
    let (block, extra) = match part {
        Part::Text { text: said, extra } => (text(said), extra),
        Part::Image { url, extra, .. } => (Some(image(url)?), extra),
        Part::File { data, id, name, extra } => (Some(file(data.as_deref(), id.as_deref(), name.as_deref())?), extra),
        Part::Audio { .. } => return Err(invalid("Anthropic's wire carries no audio")),
        Part::Other(map) => return Ok(other(map)),
    };
    Ok(block.map(|block| with_extras(block, extra)))
}

/// Keys that a caller may write on a part and that Anthropic knows. It refuses unknown ones, and a request that can go to
/// several providers may carry other providers' keys.
const EXTRAS: [&str; 4] = ["cache_control", "citations", "title", "context"];

fn with_extras(mut block: Value, extra: &Map) -> Value {
    if let Value::Object(map) = &mut block {
        let known = extra.iter().filter(|(key, value)| EXTRAS.contains(&key.as_str()) && !value.is_null());
        map.extend(known.map(|(key, value)| (key.clone(), value.clone())));
    }
    block
}

/// A block as Anthropic spells it goes through unchanged; of the other kinds only a refusal has a counterpart.
fn other(map: &Map) -> Option<Value> {
    match (map.get("type").and_then(Value::as_str), map.get("refusal").and_then(Value::as_str)) {
        (Some("refusal"), Some(said)) => text(said),
        _ => Some(Value::Object(map.clone())),
    }
}

fn image(url: &str) -> Result<Value> {
    if is_web(url) {
        return Ok(json!({"type": "image", "source": {"type": "url", "url": url}}));
    }
    match DataUrl::parse(url) {
        Some(data) if data.base64 => Ok(base64_image(&data)),
        Some(_) => Err(invalid("an image in a `data:` URL must be base64")),
        None => Err(invalid("an image must be an `https:` or a base64 `data:` URL")),
    }
}

fn base64_image(data: &DataUrl<'_>) -> Value {
    let media = if data.media == "image/jpg" { "image/jpeg" } else { &data.media };
    json!({"type": "image", "source": {"type": "base64", "media_type": media, "data": data.data}})
}

fn file(data: Option<&str>, id: Option<&str>, name: Option<&str>) -> Result<Value> {
    let mut block = match (data, id) {
        (Some(data), _) if is_web(data) => document(&json!({"type": "url", "url": data})),
        (Some(data), _) => embedded(data, name)?,
        (None, Some(id)) => document(&json!({"type": "file", "file_id": id})),
        (None, None) => return Err(invalid("a file part needs `file_data` or `file_id`")),
    };
    if let (Some(name), Some("document")) = (name, block["type"].as_str()) {
        block["title"] = name.into();
    }
    Ok(block)
}

fn document(source: &Value) -> Value {
    json!({"type": "document", "source": source})
}

/// A file that the part carries itself. Anthropic takes PDF as base64 and text as text.
fn embedded(data: &str, name: Option<&str>) -> Result<Value> {
    let bare = || DataUrl { media: media_of(data, name).into(), base64: true, data };
    let data = DataUrl::parse(data).unwrap_or_else(bare);
    if !data.base64 {
        return Err(invalid("a file in a `data:` URL must be base64"));
    }
    match data.media.as_str() {
        "application/pdf" => {
            Ok(document(&json!({"type": "base64", "media_type": "application/pdf", "data": data.data})))
        }
        media if media.starts_with("image/") => Ok(base64_image(&data)),
        media if media.starts_with("text/") || TEXTS.contains(&media) => {
            let text = decode(data.data).and_then(|bytes| String::from_utf8(bytes).ok());
            let text = text.ok_or_else(|| invalid("a text file must be UTF-8 in valid base64"))?;
            Ok(document(&json!({"type": "text", "media_type": "text/plain", "data": text})))
        }
        _ => Err(invalid(
            "Anthropic's wire carries files of PDF, text and images only; say which as `data:MEDIA_TYPE;base64,…`",
        )),
    }
}

/// Media types that are text though their name does not say so.
const TEXTS: [&str; 4] = ["application/json", "application/xml", "application/yaml", "application/x-yaml"];

/// What bare base64 is: by the first bytes (`%PDF`), then by the file's name.
fn media_of(data: &str, name: Option<&str>) -> &'static str {
    let ending = name.and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        _ if data.starts_with("JVBER") => "application/pdf",
        Some("pdf") => "application/pdf",
        Some("txt" | "md" | "csv" | "json" | "xml" | "html" | "yaml" | "yml") => "text/plain",
        _ => "",
    }
}

fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// `data:MEDIA;base64,DATA`.
struct DataUrl<'a> {
    media: String,
    base64: bool,
    data: &'a str,
}

impl<'a> DataUrl<'a> {
    fn parse(url: &'a str) -> Option<Self> {
        let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
        let mut pieces = head.split(';').map(str::trim);
        let media = pieces.next().unwrap_or("").to_ascii_lowercase();
        Some(Self { media, base64: pieces.any(|piece| piece.eq_ignore_ascii_case("base64")), data })
    }
}

/// Base64 in either alphabet, with or without padding; line breaks are skipped.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let (mut bits, mut held) = (0_u32, 0_u8);
    for byte in text.trim_end().trim_end_matches('=').bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    (held < 6).then_some(bytes)
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn base64_is_read_in_every_spelling() {
        for (text, bytes) in [("", Some("")), ("aGk=", Some("hi")), ("aGk", Some("hi")), ("aGVs\nbG8", Some("hello"))] {
            assert_eq!(decode(text).as_deref(), bytes.map(str::as_bytes), "{text}");
        }
        assert_eq!(decode("_-8="), Some(vec![0xFF, 0xEF]));
        assert_eq!((decode("a"), decode("a%b=")), (None, None));
    }
}
