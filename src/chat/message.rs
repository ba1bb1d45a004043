//! Messages and their parts: what is said, by whom, in which medium.

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::{Map, ToolCall};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions of the application.
    System,
    /// Instructions of the application, as newer OpenAI models call them.
    Developer,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    #[serde(alias = "function")]
    Tool,
}

impl Role {
    /// As the wire spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Developer => "developer",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: Content,
    /// The speaker's name, where several share a role.
    pub name: Option<String>,
    /// Calls the model made in this message.
    pub tool_calls: Vec<ToolCall>,
    /// For a tool's result: the call it answers.
    pub tool_call_id: Option<String>,
    /// Other keys as the caller wrote them (`reasoning_content`, `refusal`, `cache_control` …).
    pub extra: Map,
}

impl Message {
    /// A user's message of plain text.
    pub fn user(text: impl Into<String>) -> Self {
        Self::new(Role::User, Content::Text(text.into()))
    }

    /// A message with nothing but its content.
    pub fn new(role: Role, content: Content) -> Self {
        Self { role, content, name: None, tool_calls: Vec::new(), tool_call_id: None, extra: Map::new() }
    }
}

/// A message's content, in the form the caller chose (providers that take both get the same form).
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Content {
    /// Nothing (an assistant's message that only calls tools).
    #[default]
    Empty,
    /// Plain text.
    Text(String),
    /// Parts of several kinds.
    Parts(Vec<Part>),
}

/// One part of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Text.
    Text {
        /// The text.
        text: String,
        /// Other keys of the part (`cache_control` …).
        extra: Map,
    },
    /// An image, by `https:` or `data:` URL.
    Image {
        /// The URL.
        url: String,
        /// `low`, `high` or `auto`.
        detail: Option<String>,
        /// Other keys of the part.
        extra: Map,
    },
    /// Audio, as base64.
    Audio {
        /// Base64 data.
        data: String,
        /// `wav`, `mp3` …
        format: String,
        /// Other keys of the part.
        extra: Map,
    },
    /// A file, by `data:` URL (or bare base64), by URL or by the provider's identity of an upload.
    File {
        /// `data:` URL, URL or base64.
        data: Option<String>,
        /// The provider's identity of an uploaded file.
        id: Option<String>,
        /// The file's name.
        name: Option<String>,
        /// Other keys of the part.
        extra: Map,
    },
    /// A part of a kind that only some provider knows, as the caller wrote it; it has a `type`.
    Other(Map),
}

impl Part {
    /// A part of plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), extra: Map::new() }
    }
}

impl Content {
    /// All text parts, in order. A plain string is one part.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let (one, many): (Option<&str>, &[Part]) = match self {
            Self::Empty => (None, &[]),
            Self::Text(text) => (Some(text), &[]),
            Self::Parts(parts) => (None, parts),
        };
        one.into_iter().chain(many.iter().filter_map(|part| match part {
            Part::Text { text, .. } => Some(text.as_str()),
            _ => None,
        }))
    }

    /// The text, parts joined by `separator`.
    pub fn joined(&self, separator: &str) -> String {
        self.texts().collect::<Vec<_>>().join(separator)
    }

    /// The parts; a plain string counts as one text part.
    pub fn parts(&self) -> Vec<std::borrow::Cow<'_, Part>> {
        use std::borrow::Cow;
        match self {
            Self::Empty => Vec::new(),
            Self::Text(text) => vec![Cow::Owned(Part::text(text.clone()))],
            Self::Parts(parts) => parts.iter().map(Cow::Borrowed).collect(),
        }
    }
}

fn take_string(map: &mut Map, key: &str) -> Option<String> {
    match map.get(key) {
        Some(Value::String(_)) => match map.remove(key) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        },
        Some(Value::Null) => {
            map.remove(key);
            None
        }
        _ => None,
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = Map::deserialize(deserializer)?;
        part_from(map).map_err(de::Error::custom)
    }
}

fn part_from(mut map: Map) -> Result<Part, String> {
    let kind = match map.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(_) => return Err("a content part's `type` must be a string".into()),
        None if map.contains_key("text") => "text".into(),
        None => return Err("a content part needs a `type` (text, image_url, input_audio, file)".into()),
    };
    match kind.as_str() {
        "text" => {
            let text = take_string(&mut map, "text").ok_or("a text part needs `text`, a string")?;
            map.remove("type");
            Ok(Part::Text { text, extra: map })
        }
        "image_url" => image_from(map),
        "input_audio" => audio_from(map),
        "file" => file_from(map),
        _ => Ok(Part::Other(map)),
    }
}

fn image_from(mut map: Map) -> Result<Part, String> {
    map.remove("type");
    let (url, detail) = match map.remove("image_url") {
        Some(Value::String(url)) => (url, None),
        Some(Value::Object(mut image)) => {
            (take_string(&mut image, "url").ok_or("`image_url` needs `url`")?, take_string(&mut image, "detail"))
        }
        _ => return Err("an image part needs `image_url`, a URL or a mapping with `url`".into()),
    };
    Ok(Part::Image { url, detail, extra: map })
}

fn audio_from(mut map: Map) -> Result<Part, String> {
    // Mistral's form: base64 or a URL, without a format.
    if map.get("input_audio").is_some_and(Value::is_string) {
        return Ok(Part::Other(map));
    }
    map.remove("type");
    match map.remove("input_audio") {
        Some(Value::Object(mut audio)) => Ok(Part::Audio {
            data: take_string(&mut audio, "data").ok_or("`input_audio` needs `data`, base64")?,
            format: take_string(&mut audio, "format").unwrap_or_else(|| "wav".into()),
            extra: map,
        }),
        _ => Err("an audio part needs `input_audio`, a mapping with `data` and `format`".into()),
    }
}

fn file_from(mut map: Map) -> Result<Part, String> {
    map.remove("type");
    match map.remove("file") {
        Some(Value::Object(mut file)) => {
            let (data, id) = (take_string(&mut file, "file_data"), take_string(&mut file, "file_id"));
            let name = take_string(&mut file, "filename");
            if data.is_none() && id.is_none() {
                return Err("`file` needs `file_data` or `file_id`".into());
            }
            if !file.is_empty() {
                map.insert("file".into(), Value::Object(file));
            }
            Ok(Part::File { data, id, name, extra: map })
        }
        _ => Err("a file part needs `file`, a mapping with `file_data` or `file_id`".into()),
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Content;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("`content` as a string, a list of parts or null")
            }
            fn visit_unit<E: de::Error>(self) -> Result<Content, E> {
                Ok(Content::Empty)
            }
            fn visit_none<E: de::Error>(self) -> Result<Content, E> {
                Ok(Content::Empty)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Content, E> {
                Ok(Content::Text(text.into()))
            }
            fn visit_string<E: de::Error>(self, text: String) -> Result<Content, E> {
                Ok(Content::Text(text))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Content, A::Error> {
                let mut parts = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(64));
                while let Some(item) = seq.next_element::<PartOrText>()? {
                    parts.push(item.0);
                }
                Ok(Content::Parts(parts))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Some callers put bare strings into the list of parts.
struct PartOrText(Part);

impl<'de> Deserialize<'de> for PartOrText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(Part::text(text))),
            Value::Object(map) => part_from(map).map(Self).map_err(de::Error::custom),
            _ => Err(de::Error::custom("a content part must be a mapping with a `type`")),
        }
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            role: Role,
            #[serde(default)]
            content: Content,
            #[serde(default)]
            name: Option<String>,
            #[serde(default)]
            tool_calls: Option<Vec<ToolCall>>,
            #[serde(default)]
            tool_call_id: Option<String>,
            #[serde(flatten)]
            extra: Map,
        }
        let wire = Wire::deserialize(deserializer)?;
        Ok(Self {
            role: wire.role,
            content: wire.content,
            name: wire.name,
            tool_calls: wire.tool_calls.unwrap_or_default(),
            tool_call_id: wire.tool_call_id,
            extra: wire.extra,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_of_content_is_read() {
        let message: Message = serde_json::from_value(json!({"role": "user", "content": [
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, "b",
            {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA", "filename": "a.pdf"}},
            {"type": "video_url", "video_url": {"url": "https://x"}}], "x": 1}))
        .unwrap();
        assert_eq!(message.content.joined("|"), "a|b");
        assert_eq!(message.content.parts().len(), 6);
        assert_eq!(message.extra["x"], 1);
    }

    #[test]
    fn a_part_without_its_payload_says_what_it_needs() {
        let error = serde_json::from_value::<Message>(json!({"role": "user", "content": [{"type": "image_url"}]}));
        assert!(error.unwrap_err().to_string().contains("needs `image_url`"));
    }
}
