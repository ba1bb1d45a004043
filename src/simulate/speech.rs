//! How made-up providers speak: answers, events and errors in the wire format of each dialect.
//!
//! Every token of an answer is a numbered word, so that whoever reads an answer sees whether a word is missing or stands twice, however
//! many deployments have had a part in it.

use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::catalog::{Api, Deployment, Dialect};

/// An answer to be spoken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer<'a> {
    /// By which model.
    pub(super) model: &'a str,
    /// The words already there: of an answer that is continued.
    pub(super) from: u64,
    /// The words of the whole answer.
    pub(super) tokens: u64,
    /// Tokens of the prompt.
    pub(super) prompt: u64,
}

/// The wire format that `deployment` speaks.
pub(super) fn dialect(deployment: &Deployment) -> Dialect {
    match (deployment.provider.dialect, deployment.api) {
        (Dialect::Ollama, Api::OpenAi) => Dialect::OpenAi,
        (dialect, _) => dialect,
    }
}

/// The words from one to another, each with its number.
pub(super) fn words(from: u64, to: u64) -> String {
    let mut text = String::with_capacity((to.saturating_sub(from) * 6) as usize);
    for word in from..to {
        let _ = write!(text, "w{word} ");
    }
    text
}

/// How many words `text` has if it is the beginning of an answer without a gap; absent if it is not.
pub(super) fn count(text: &str) -> Option<u64> {
    let words =
        text.split_whitespace().map(|word| word.strip_prefix('w').and_then(|number| number.parse::<u64>().ok()));
    words.enumerate().try_fold(0, |_, (at, number)| (number == Some(at as u64)).then_some(at as u64 + 1))
}

impl Answer<'_> {
    fn openai_usage(&self) -> Value {
        let (prompt, answer) = (self.prompt, self.tokens - self.from);
        json!({"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer})
    }

    fn gemini_usage(&self) -> Value {
        let (prompt, answer) = (self.prompt, self.tokens - self.from);
        json!({"promptTokenCount": prompt, "candidatesTokenCount": answer, "totalTokenCount": prompt + answer})
    }

    /// The answer in one piece.
    pub(super) fn whole(&self, dialect: Dialect) -> Bytes {
        let (text, model, out) = (words(self.from, self.tokens), self.model, self.tokens - self.from);
        let body = match dialect {
            Dialect::Anthropic => json!({
                "id": "msg_simulated", "type": "message", "role": "assistant", "model": model, "stop_reason": "end_turn",
                "content": [{"type": "text", "text": text}], "usage": {"input_tokens": self.prompt, "output_tokens": out},
            }),
            Dialect::Gemini => json!({
                "modelVersion": model, "usageMetadata": self.gemini_usage(),
                "candidates": [{"index": 0, "finishReason": "STOP", "content": {"role": "model", "parts": [{"text": text}]}}],
            }),
            Dialect::Ollama => json!({
                "model": model, "message": {"role": "assistant", "content": text}, "done": true, "done_reason": "stop",
                "prompt_eval_count": self.prompt, "eval_count": out,
            }),
            Dialect::OpenAi | Dialect::Unsupported => json!({
                "id": "simulated", "object": "chat.completion", "model": model, "usage": self.openai_usage(),
                "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
            }),
        };
        body.to_string().into()
    }

    /// What a stream says before the first word.
    pub(super) fn opening(&self, dialect: Dialect) -> String {
        match dialect {
            Dialect::Anthropic => {
                let message = json!({
                    "id": "msg_simulated", "type": "message", "role": "assistant", "model": self.model, "content": [],
                    "usage": {"input_tokens": self.prompt, "output_tokens": 1},
                });
                let block =
                    json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
                event("message_start", &json!({"type": "message_start", "message": message}))
                    + &event("content_block_start", &block)
            }
            _ => String::new(),
        }
    }

    /// Words in the middle of a stream.
    pub(super) fn delta(&self, dialect: Dialect, from: u64, to: u64) -> String {
        let (text, model) = (words(from, to), self.model);
        match dialect {
            Dialect::Anthropic => {
                let delta = json!({"type": "text_delta", "text": text});
                event("content_block_delta", &json!({"type": "content_block_delta", "index": 0, "delta": delta}))
            }
            Dialect::Gemini => {
                let content = json!({"role": "model", "parts": [{"text": text}]});
                data(&json!({"modelVersion": model, "candidates": [{"index": 0, "content": content}]}))
            }
            Dialect::Ollama => {
                json!({"model": model, "message": {"role": "assistant", "content": text}, "done": false}).to_string()
                    + "\n"
            }
            Dialect::OpenAi | Dialect::Unsupported => {
                let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": null});
                data(
                    &json!({"id": "simulated", "object": "chat.completion.chunk", "model": model, "choices": [choice]}),
                )
            }
        }
    }

    /// What a stream says after the last word.
    pub(super) fn closing(&self, dialect: Dialect) -> String {
        let (model, out) = (self.model, self.tokens - self.from);
        match dialect {
            Dialect::Anthropic => {
                let delta = json!({"stop_reason": "end_turn"});
                let message = json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": out}});
                event("content_block_stop", &json!({"type": "content_block_stop", "index": 0}))
                    + &event("message_delta", &message)
                    + &event("message_stop", &json!({"type": "message_stop"}))
            }
            Dialect::Gemini => {
                let last = json!({"index": 0, "finishReason": "STOP"});
                data(&json!({"modelVersion": model, "candidates": [last], "usageMetadata": self.gemini_usage()}))
            }
            Dialect::Ollama => {
                let end = json!({
                    "model": model, "message": {"role": "assistant", "content": ""}, "done": true, "done_reason": "stop",
                    "prompt_eval_count": self.prompt, "eval_count": out,
                });
                end.to_string() + "\n"
            }
            Dialect::OpenAi | Dialect::Unsupported => {
                let choice = json!({"index": 0, "delta": {}, "finish_reason": "stop"});
                let last = json!({"id": "simulated", "model": model, "choices": [choice]});
                let usage = json!({"id": "simulated", "model": model, "choices": [], "usage": self.openai_usage()});
                data(&last) + &data(&usage) + "data: [DONE]\n\n"
            }
        }
    }
}

/// The media type of a stream.
pub(super) fn media(dialect: Dialect) -> &'static str {
    if dialect == Dialect::Ollama { "application/x-ndjson" } else { "text/event-stream" }
}

/// The body of an error.
pub(super) fn fault(dialect: Dialect, status: u16) -> Bytes {
    let message = "simulated";
    let kind = match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    let body = match dialect {
        Dialect::Anthropic => json!({"type": "error", "error": {"type": kind, "message": message}}),
        Dialect::Gemini => json!({"error": {"code": status, "message": message}}),
        Dialect::Ollama => json!({"error": message}),
        Dialect::OpenAi | Dialect::Unsupported => json!({"error": {"message": message, "type": kind, "code": null}}),
    };
    body.to_string().into()
}

fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}

fn event(name: &str, value: &Value) -> String {
    format!("event: {name}\ndata: {value}\n\n")
}
