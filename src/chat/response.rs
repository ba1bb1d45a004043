//! What a model answered, whichever provider it came from.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Map, ToolCall, Usage};

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatResponse {
    /// The provider's identity of the answer.
    pub id: String,
    /// The model as the provider reported it; empty if it did not.
    pub model: String,
    /// Seconds since 1970; 0 if the provider did not say.
    pub created: u64,
    /// The answers; one unless `n` asked for more.
    pub choices: Vec<Choice>,
    /// Tokens, where the provider counted them.
    pub usage: Option<Usage>,
    /// Other top-level keys, as the provider wrote them.
    pub extra: Map,
}

/// One answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// Its place among the answers.
    pub index: u32,
    /// The text; absent if the model only called tools.
    pub text: Option<String>,
    /// The model's reasoning, where the provider shows it.
    pub reasoning: Option<String>,
    /// The model's words of refusal, where the provider keeps them apart.
    pub refusal: Option<String>,
    /// Calls of tools, in order.
    pub tool_calls: Vec<ToolCall>,
    /// Why the answer ended.
    pub finish_reason: FinishReason,
    /// Log probabilities, OpenAI's shape.
    pub logprobs: Option<Value>,
    /// Other keys of the message (`annotations`, `audio`, `thinking_blocks` …), as the provider wrote them.
    pub extra: Map,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model was done.
    #[default]
    Stop,
    /// The answer reached `max_tokens` or the model's own limit.
    Length,
    /// The model wants tools called.
    ToolCalls,
    /// The provider stopped the answer for its content.
    ContentFilter,
}

impl FinishReason {
    /// As the wire of OpenAI spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
        }
    }
}

impl Choice {
    /// The message in OpenAI's shape.
    pub fn message(&self) -> Value {
        let mut message = Map::new();
        message.insert("role".into(), "assistant".into());
        message.insert("content".into(), self.text.clone().map_or(Value::Null, Value::String));
        message.insert("refusal".into(), self.refusal.clone().map_or(Value::Null, Value::String));
        if let Some(reasoning) = &self.reasoning {
            message.insert("reasoning_content".into(), reasoning.clone().into());
        }
        if !self.tool_calls.is_empty() {
            message.insert("tool_calls".into(), json!(self.tool_calls));
        }
        for (key, value) in &self.extra {
            message.entry(key.clone()).or_insert_with(|| value.clone());
        }
        Value::Object(message)
    }
}

impl ChatResponse {
    /// The first answer, which is the only one unless `n` asked for more.
    pub fn first(&self) -> Option<&Choice> {
        self.choices.first()
    }

    /// Exactly an OpenAI `chat.completion` object.
    pub fn to_openai(&self) -> Value {
        let mut root = Map::new();
        root.insert("id".into(), self.id.clone().into());
        root.insert("object".into(), "chat.completion".into());
        root.insert("created".into(), self.created.into());
        root.insert("model".into(), self.model.clone().into());
        let choices = self.choices.iter().map(|choice| {
            json!({"index": choice.index, "message": choice.message(), "logprobs": choice.logprobs,
                   "finish_reason": choice.finish_reason.as_str()})
        });
        root.insert("choices".into(), choices.collect());
        if let Some(usage) = &self.usage {
            root.insert("usage".into(), usage.to_openai());
        }
        for (key, value) in &self.extra {
            root.entry(key.clone()).or_insert_with(|| value.clone());
        }
        Value::Object(root)
    }
}

impl Usage {
    /// OpenAI's `usage` object.
    pub fn to_openai(&self) -> Value {
        json!({
            "prompt_tokens": self.prompt_tokens(),
            "completion_tokens": self.completion_tokens(),
            "total_tokens": self.total_tokens(),
            "prompt_tokens_details": {"cached_tokens": self.cache_read, "cache_write_tokens": self.cache_write},
            "completion_tokens_details": {"reasoning_tokens": self.reasoning},
        })
    }
}
