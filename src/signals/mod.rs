//! Stage 1: what is being asked. Plain data read from the request, in the words that rules see.
//!
//! [`Signals::read`] does what costs microseconds. What costs more (sensitive content, intent) is done only if a rule
//! looks at it ([`crate::policy::Policy::reads`]) and handed in as data; what is absent was not computed, and a rule that
//! looks at it fails, which fails closed.

use serde_json::{Number, Value, json};

use crate::chat::{ChatRequest, Content, Map, Part, ResponseFormat, Role};

pub mod complexity;
pub mod conversation;
pub mod embedding;
pub mod injection;
pub mod intent;
pub mod language;
mod media;
pub mod needs;
pub mod own;
pub mod parameters;
mod recall;
pub mod sensitive;
pub mod tokens;

pub use complexity::complexity;
pub use injection::InjectionDetector;
pub use intent::intents;
pub use language::language;
pub use needs::needs;
pub use parameters::with_parameters;
pub use sensitive::SensitiveReport;
pub use tokens::{Estimate, tokens, tokens_of};

/// The facts of one request, as rules see them. `None` means not computed.
#[derive(Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, named as rules name them")]
pub struct Signals {
    /// The last user message; rules only, never serialised and never printed.
    pub text: String,
    /// Estimated prompt tokens.
    pub tokens: Estimate,
    /// Some message has an image.
    pub has_images: bool,
    /// Some message has audio.
    pub has_audio: bool,
    /// Some message has a file.
    pub has_files: bool,
    /// Tools are offered.
    pub has_tools: bool,
    /// The answer must follow a JSON schema.
    pub has_schema: bool,
    /// The answer is wanted as a stream.
    pub stream: bool,
    /// Messages of the user so far.
    pub turns: u64,
    /// Results of tools that are errors.
    pub tool_errors: u64,
    /// How often the user asked the last question before.
    pub repeats: u64,
    /// What the request needs of a model (`tools`, `vision` …).
    pub needs: Vec<&'static str>,
    /// The caller's labels.
    pub tags: Vec<String>,
    /// The caller's facts.
    pub metadata: Map,
    /// The end user; empty if not given.
    pub user: String,
    /// The session; empty if not given.
    pub session: String,
    /// What the caller asked for: a route or a deployment.
    pub model: String,
    /// The likeliest intent, or `other`.
    pub intent: Option<String>,
    /// Every intent with its score, 0..1.
    pub intents: Option<Vec<(String, f64)>>,
    /// How hard the question is, 0..1.
    pub complexity: Option<f64>,
    /// The language, ISO 639-1.
    pub language: Option<String>,
    /// What sensitive content there is.
    pub sensitive: Option<SensitiveReport>,
    /// How much it looks like an attempt to take over the model, 0..1.
    pub injection: Option<f64>,
    /// The user's own signals that were asked for, by name: what each came to, or why it is absent.
    pub own: Vec<(String, own::Outcome)>,
    /// Every budget with the share of it that is spent, 0..1.
    pub budgets: Option<Vec<(String, f64)>>,
    /// Seconds since 1970.
    pub now: f64,
}

impl Signals {
    /// Reads what is cheap from `request`: text, tokens, media, tools, schema, the conversation's facts and user.
    pub fn read(&mut self, request: &ChatRequest) {
        self.tokens = tokens(request);
        self.text = last_user_text(request);
        self.turns = request.messages.iter().filter(|message| message.role == Role::User).count() as u64;
        self.tool_errors = conversation::tool_errors(request);
        self.repeats = conversation::repeats(request);
        self.has_tools = !request.tools.is_empty();
        self.has_schema = matches!(request.response_format, Some(ResponseFormat::JsonSchema { .. }));
        self.user = request.user.clone().unwrap_or_default();
        for part in parts(request) {
            match part {
                Part::Image { .. } => self.has_images = true,
                Part::Audio { .. } => self.has_audio = true,
                Part::File { .. } => self.has_files = true,
                Part::Text { .. } | Part::Other(_) => {}
            }
        }
    }

    /// Those that were computed, by the names rules use; never the text.
    pub fn to_value(&self) -> Map {
        let mut map = Map::new();
        let mut put = |key: &str, value: Value| map.insert(key.into(), value);
        put("tokens", self.tokens.tokens.into());
        for (key, flag) in self.flags() {
            put(key, flag.into());
        }
        put("turns", self.turns.into());
        put("tool_errors", self.tool_errors.into());
        put("repeats", self.repeats.into());
        put("needs", json!(self.needs));
        put("tags", json!(self.tags));
        put("metadata", Value::Object(self.metadata.clone()));
        put("user", json!(self.user));
        put("session", json!(self.session));
        put("model", json!(self.model));
        put("now", number(self.now));
        if let Some(budgets) = &self.budgets {
            put("budgets", scores(budgets));
        }
        if let Some(intent) = &self.intent {
            put("intent", json!(intent));
        }
        if let Some(intents) = &self.intents {
            put("intents", scores(intents));
        }
        if let Some(complexity) = self.complexity {
            put("complexity", number(complexity));
        }
        if let Some(language) = &self.language {
            put("language", json!(language));
        }
        if let Some(injection) = self.injection {
            put("injection", number(injection));
        }
        if let Some(report) = &self.sensitive {
            put("sensitive", serde_json::to_value(report).unwrap_or(Value::Null));
        }
        for (name, outcome) in &self.own {
            if let Ok(value) = outcome {
                put(name, value.clone());
            }
        }
        map
    }

    /// What a signal of the user's own came to; absent if it was not asked for.
    pub fn own(&self, name: &str) -> Option<&own::Outcome> {
        self.own.iter().find(|(known, _)| known == name).map(|(_, outcome)| outcome)
    }

    /// Sets a yes-or-no signal by name.
    pub(crate) fn set_flag(&mut self, name: &str, flag: bool) {
        match name {
            "has_images" => self.has_images = flag,
            "has_audio" => self.has_audio = flag,
            "has_files" => self.has_files = flag,
            "has_tools" => self.has_tools = flag,
            "has_schema" => self.has_schema = flag,
            "stream" => self.stream = flag,
            _ => {}
        }
    }

    /// The yes-or-no signals by name.
    pub(crate) fn flags(&self) -> [(&'static str, bool); 6] {
        [
            ("has_images", self.has_images),
            ("has_audio", self.has_audio),
            ("has_files", self.has_files),
            ("has_tools", self.has_tools),
            ("has_schema", self.has_schema),
            ("stream", self.stream),
        ]
    }
}

/// Without the text.
impl std::fmt::Debug for Signals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Signals").field(&self.to_value()).finish()
    }
}

/// All parts of all messages that are more than a plain string.
pub(crate) fn parts(request: &ChatRequest) -> impl Iterator<Item = &Part> {
    request.messages.iter().flat_map(|message| match &message.content {
        Content::Parts(parts) => parts.as_slice(),
        Content::Text(_) | Content::Empty => &[],
    })
}

/// What the user said last.
pub(crate) fn last_user_text(request: &ChatRequest) -> String {
    let last = request.messages.iter().rev().find(|message| message.role == Role::User);
    last.map(|message| message.content.joined("\n")).unwrap_or_default()
}

fn scores(pairs: &[(String, f64)]) -> Value {
    Value::Object(pairs.iter().map(|(name, score)| (name.clone(), number(*score))).collect())
}

fn number(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(value: Value) -> ChatRequest {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_request_is_read() {
        let mut signals = Signals::default();
        signals.read(&request(json!({"messages": [
            {"role": "user", "content": "first"}, {"role": "assistant", "content": "x"},
            {"role": "user", "content": ["last", {"type": "image_url", "image_url": "https://x/y.png"}]},
            {"role": "tool", "tool_call_id": "1", "content": "r"}],
            "user": "u", "tools": [{"type": "function", "function": {"name": "f"}}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}})));
        assert_eq!((signals.text.as_str(), signals.turns, signals.user.as_str()), ("last", 2, "u"));
        assert!(signals.has_images && signals.has_tools && signals.has_schema && !signals.has_audio);
    }

    #[test]
    fn the_record_has_what_was_computed_and_never_the_text() {
        let signals = Signals { text: "CANARY".into(), complexity: Some(0.5), ..Signals::default() };
        let map = signals.to_value();
        assert_eq!(map["complexity"], 0.5);
        assert!(!map.contains_key("intent") && !map.contains_key("sensitive") && !map.contains_key("text"));
        assert!(!format!("{map:?}{signals:?}").contains("CANARY"));
    }
}
