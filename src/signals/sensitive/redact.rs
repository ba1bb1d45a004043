//! Redaction: findings become placeholders (`[EMAIL_1]`) before a request leaves, and become themselves again in the answer.
//!
//! One text has one placeholder throughout a request, so the model can still tell two people apart. An answer may come in
//! pieces that cut a placeholder anywhere; [`Restorer`] holds back what may still become one.

mod restore;

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::Arc,
};

use serde_json::Value;

pub use restore::{Redaction, Restorer};

use super::{Category, Detector};
use crate::chat::{ChatRequest, Content, FunctionTool, Map, Message, Part, ResponseFormat, Tool};

/// Replaces findings. One for each request.
#[derive(Debug)]
pub struct Redactor<'d> {
    detector: &'d Detector,
    /// The types to replace; empty means all.
    types: Vec<String>,
    placeholders: HashMap<(&'static str, String), String>,
    /// The placeholders alone: what looks sensitive about one of them is not.
    ours: HashSet<String>,
    counts: HashMap<&'static str, usize>,
    replaced: HashMap<&'static str, usize>,
    /// What already looks like a placeholder in the request and must stay what it is.
    taken: HashSet<String>,
}

impl<'d> Redactor<'d> {
    /// Replaces findings of these types; of all types if there are none.
    pub fn new(detector: &'d Detector, types: &[String]) -> Self {
        Self {
            detector,
            types: types.to_vec(),
            placeholders: HashMap::new(),
            ours: HashSet::new(),
            counts: HashMap::new(),
            replaced: HashMap::new(),
            taken: HashSet::new(),
        }
    }

    /// Replaces the findings in everything of a request that is text. What cannot be replaced (files, images, names that
    /// the wire restricts) is left: scan the result to know.
    pub fn request(&mut self, request: &mut ChatRequest) {
        super::walk::request(request, None, &mut |_, item| {
            if let super::walk::Item::Text(text) | super::walk::Item::Aside(text) = item {
                self.reserve(text);
            }
        });
        // What stays the same throughout a conversation comes first, and the messages in their order: so the placeholders of
        // one turn are those of the next.
        for tool in &mut request.tools {
            match tool {
                Tool::Function(function) => self.function(function),
                Tool::Hosted(hosted) => self.map(hosted),
            }
        }
        if let Some(format) = &mut request.response_format {
            self.format(format);
        }
        request.stop.iter_mut().for_each(|stop| self.replace(stop));
        request.user.iter_mut().for_each(|user| self.replace(user));
        self.map(&mut request.extra_body);
        for message in &mut request.messages {
            self.message(message);
        }
    }

    fn function(&mut self, function: &mut FunctionTool) {
        if let Some(text) = &mut function.description {
            self.replace(text);
        }
        function.parameters.iter_mut().for_each(|value| self.value("", value));
        self.map(&mut function.extra);
    }

    fn format(&mut self, format: &mut ResponseFormat) {
        match format {
            ResponseFormat::JsonSchema { description, schema, .. } => {
                for text in description.iter_mut() {
                    self.replace(text);
                }
                self.value("", schema);
            }
            ResponseFormat::Other(other) => self.map(other),
            ResponseFormat::Text | ResponseFormat::JsonObject => {}
        }
    }

    fn message(&mut self, message: &mut Message) {
        match &mut message.content {
            Content::Empty => {}
            Content::Text(text) => self.replace(text),
            Content::Parts(parts) => {
                self.texts(parts);
                for part in parts {
                    self.part(part);
                }
            }
        }
        if message.name.as_ref().is_some_and(|name| self.text(name) != *name) {
            message.name = None;
        }
        for call in &mut message.tool_calls {
            self.arguments(&mut call.arguments);
            self.map(&mut call.extra);
        }
        self.map(&mut message.extra);
    }

    /// The text parts of a message are one text: what is told by its context, or cut by a part's end, is found in the whole.
    fn texts(&mut self, parts: &mut [Part]) {
        let mut texts: Vec<&mut String> = parts
            .iter_mut()
            .filter_map(|part| match part {
                Part::Text { text, .. } => Some(text),
                _ => None,
            })
            .collect();
        for _ in 0..ROUNDS {
            if !self.round(&mut texts) {
                break;
            }
        }
    }

    /// One round over the texts of a message; whether anything was replaced.
    fn round(&mut self, texts: &mut [&mut String]) -> bool {
        let whole = texts.iter().map(|text| text.as_str()).collect::<Vec<_>>().join("\n");
        let found = self.found("", &whole);
        let mut begin = 0;
        for text in texts.iter_mut() {
            let end = begin + text.len();
            let here: Vec<(&'static str, Range<usize>)> = found
                .iter()
                .filter(|(_, at)| at.start < end && at.end > begin)
                .map(|(kind, at)| (*kind, at.start.max(begin) - begin..at.end.min(end) - begin))
                .collect();
            **text = self.rewrite(text, &here);
            begin = end + 1;
        }
        !found.is_empty()
    }

    /// A call's arguments are JSON: the values are replaced, as what they say and not as how JSON spells it.
    fn arguments(&mut self, arguments: &mut String) {
        match serde_json::from_str::<Value>(arguments) {
            Ok(mut value) if !value.is_string() => {
                let before = value.clone();
                self.value("", &mut value);
                if value != before {
                    *arguments = value.to_string();
                }
            }
            _ => self.replace(arguments),
        }
    }

    /// A text with its findings replaced.
    pub fn text(&mut self, text: &str) -> String {
        self.reserve(text);
        self.within("", text)
    }

    /// What stands for what, for the way back.
    pub fn finish(self) -> Redaction {
        let originals: HashMap<String, String> =
            self.placeholders.into_iter().map(|((_, original), placeholder)| (placeholder, original)).collect();
        let longest = originals.keys().map(String::len).max().unwrap_or(0);
        let mut counts: Vec<(&'static str, usize)> = self.replaced.into_iter().collect();
        counts.sort_unstable();
        Redaction { originals: Arc::new(originals), longest, counts }
    }

    fn replace(&mut self, text: &mut String) {
        *text = self.within("", text);
    }

    fn part(&mut self, part: &mut Part) {
        match part {
            Part::Text { extra, .. } => self.map(extra),
            Part::Image { url, extra, .. } => {
                if !url.starts_with("data:") {
                    self.replace(url);
                }
                self.map(extra);
            }
            Part::Audio { extra, .. } => self.map(extra),
            Part::File { name, extra, .. } => {
                if let Some(name) = name {
                    self.replace(name);
                }
                self.map(extra);
            }
            Part::Other(other) => self.map(other),
        }
    }

    fn map(&mut self, map: &mut Map) {
        for (key, value) in map.iter_mut() {
            self.value(key, value);
        }
    }

    fn value(&mut self, key: &str, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.within(key, text),
            Value::Array(list) => list.iter_mut().for_each(|value| self.value(key, value)),
            Value::Object(map) => self.map(map),
            Value::Number(number) => {
                let text = number.to_string();
                let redacted = self.within(key, &text);
                if redacted != text {
                    *value = Value::String(redacted);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Replaces findings in a text that stands under a key, which is its context.
    fn within(&mut self, key: &str, text: &str) -> String {
        let mut text = text.to_owned();
        for _ in 0..ROUNDS {
            let found = self.found(key, &text);
            if found.is_empty() {
                break;
            }
            text = self.rewrite(&text, &found);
        }
        text
    }

    /// Where in a text there is something to replace: the types and the bytes.
    fn found(&self, key: &str, text: &str) -> Vec<(&'static str, Range<usize>)> {
        let lead = if key.is_empty() { String::new() } else { format!("{key}: ") };
        let skip = lead.chars().count();
        let found = self.detector.find(&format!("{lead}{text}"), true);
        if found.is_empty() {
            return Vec::new();
        }
        // Byte offsets of code points, and one past the last.
        let offsets: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let (mut places, mut from) = (Vec::with_capacity(found.len()), 0);
        for one in found {
            let named = self.types.is_empty() || self.types.iter().any(|name| name == one.kind.name);
            // What begins in the key, which stays, is cut to the text.
            let (start, end) = (one.start.saturating_sub(skip), one.end.saturating_sub(skip));
            let (Some(&start), Some(&end)) = (offsets.get(start), offsets.get(end)) else { continue };
            if !named || one.kind.category == Category::Unscanned || start < from || start >= end {
                continue;
            }
            places.extend(self.around(text, start..end).into_iter().map(|piece| (one.kind.name, piece)));
            from = end;
        }
        places
    }

    /// What is left of a finding outside of the placeholders in it, if it says anything.
    fn around(&self, text: &str, at: Range<usize>) -> Vec<Range<usize>> {
        let mut pieces = Vec::new();
        let mut begin = at.start;
        for (open, _) in text[at.clone()].match_indices('[') {
            let open = at.start + open;
            let length = text[open..at.end].find(']').map_or(0, |close| close + 1);
            if open >= begin && self.ours.contains(&text[open..open + length]) {
                pieces.push(begin..open);
                begin = open + length;
            }
        }
        if begin == at.start {
            return vec![at];
        }
        pieces.push(begin..at.end);
        pieces.retain(|piece| text[piece.clone()].contains(char::is_alphanumeric));
        pieces
    }

    fn rewrite(&mut self, text: &str, found: &[(&'static str, Range<usize>)]) -> String {
        let (mut out, mut from) = (String::with_capacity(text.len()), 0);
        for (kind, at) in found {
            out.push_str(&text[from..at.start]);
            let placeholder = self.placeholder(kind, &text[at.clone()]);
            out.push_str(&placeholder);
            from = at.end;
        }
        out.push_str(&text[from..]);
        out
    }

    fn placeholder(&mut self, kind: &'static str, original: &str) -> String {
        let key = (kind, original.to_owned());
        if let Some(known) = self.placeholders.get(&key) {
            return known.clone();
        }
        let count = self.counts.entry(kind).or_insert(0);
        let placeholder = loop {
            *count += 1;
            let next = format!("[{}_{count}]", kind.to_ascii_uppercase());
            if !self.taken.contains(&next) {
                break next;
            }
        };
        self.placeholders.insert(key, placeholder.clone());
        self.ours.insert(placeholder.clone());
        *self.replaced.entry(kind).or_insert(0) += 1;
        placeholder
    }

    /// Remembers what looks like a placeholder before there are any.
    fn reserve(&mut self, text: &str) {
        for (at, _) in text.match_indices('[') {
            if let Some(close) = text[at..].bytes().take(MOST_PLACEHOLDER).position(|byte| byte == b']') {
                self.taken.insert(text[at..=at + close].to_owned());
            }
        }
    }
}

/// A text is read again after a replacement: what stood beside a finding may be one itself, now that it stands alone.
const ROUNDS: usize = 4;
/// No placeholder is longer: a type's name and a number.
const MOST_PLACEHOLDER: usize = 64;

#[cfg(test)]
mod tests;
