//! Lines of a stream → chunks. `"done": true` on the last line is the end; a line with `error` is an error.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error;
use crate::{
    adapter::{StreamDecoder, call_id},
    catalog::Deployment,
    chat::{ChatChunk, ChoiceDelta, FinishReason, Map, ToolCallDelta, Usage},
    error::{Error, ErrorKind, Result},
    id::DeploymentId,
    transport::WireEvent,
};

/// One line, or the whole answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Line {
    model: Option<String>,
    created_at: Option<String>,
    message: Option<Message>,
    /// What `/api/generate` has in place of a message.
    response: Option<String>,
    thinking: Option<String>,
    done: Option<bool>,
    done_reason: Option<String>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
    logprobs: Option<Vec<Value>>,
    error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    content: Option<String>,
    thinking: Option<String>,
    tool_calls: Option<Vec<Call>>,
}

#[derive(Debug, Deserialize)]
struct Call {
    id: Option<String>,
    function: Function,
}

#[derive(Debug, Deserialize)]
struct Function {
    name: String,
    arguments: Option<Value>,
}

/// Reads one answer.
#[derive(Debug)]
pub(super) struct Decoder {
    deployment: DeploymentId,
    provider: &'static str,
    calls: u32,
    done: bool,
}

impl Decoder {
    pub(super) fn new(deployment: &Deployment) -> Self {
        Self { deployment: deployment.id.clone(), provider: deployment.provider.id, calls: 0, done: false }
    }

    fn place(&self, mut error: Error) -> Error {
        error.context.provider = Some(self.provider.into());
        error.context.deployment = Some(self.deployment.clone());
        error
    }

    fn protocol(&self, what: &str) -> Error {
        let message = format!("`{}` sent {what} that cannot be understood", self.deployment);
        self.place(Error::new(ErrorKind::Protocol, message))
    }

    fn read(&mut self, line: &[u8], what: &str) -> Result<ChatChunk> {
        let line: Line = serde_json::from_slice(line).map_err(|_| self.protocol(what))?;
        if let Some(body) = line.error.as_ref().filter(|body| !body.is_null()) {
            return Err(self.place(error::in_answer(body, &self.deployment)));
        }
        if line.message.is_none() && line.response.is_none() && line.done.is_none() {
            return Err(self.protocol(what));
        }
        Ok(self.chunk(line))
    }

    fn chunk(&mut self, line: Line) -> ChatChunk {
        let message = line.message.unwrap_or_default();
        let mut delta = ChoiceDelta {
            text: message.content.or(line.response),
            reasoning: message.thinking.or(line.thinking),
            logprobs: line.logprobs.map(|list| json!({"content": list})),
            ..ChoiceDelta::default()
        };
        let answer = line.created_at.as_deref().unwrap_or("");
        for call in message.tool_calls.into_iter().flatten() {
            delta.tool_calls.push(self.call(call, answer));
        }
        if line.done == Some(true) {
            self.done = true;
            delta.finish_reason = Some(finish_reason(line.done_reason.as_deref(), self.calls > 0));
        }
        ChatChunk {
            model: line.model,
            usage: usage(line.prompt_eval_count, line.eval_count),
            choices: vec![delta],
            ..ChatChunk::default()
        }
    }

    /// Calls come whole. Their `index` starts anew on every line in some versions: the order of arrival counts.
    fn call(&mut self, call: Call, answer: &str) -> ToolCallDelta {
        let index = self.calls;
        self.calls += 1;
        let arguments = match call.function.arguments {
            Some(Value::String(text)) => text,
            None | Some(Value::Null) => "{}".into(),
            Some(value) => value.to_string(),
        };
        let name = call.function.name;
        let id =
            call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| call_id::made_up(answer, index, &name, &arguments));
        ToolCallDelta { index, id: Some(id), name: Some(name), arguments, extra: Map::new() }
    }
}

fn finish_reason(raw: Option<&str>, called: bool) -> FinishReason {
    match raw {
        Some("length") => FinishReason::Length,
        // `stop` is also what Ollama says after calling tools.
        _ if called => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    }
}

fn usage(prompt: Option<u64>, answer: Option<u64>) -> Option<Usage> {
    if prompt.is_none() && answer.is_none() {
        return None;
    }
    Some(Usage { input: prompt.unwrap_or(0), output: answer.unwrap_or(0), ..Usage::default() })
}

impl StreamDecoder for Decoder {
    fn event(&mut self, event: &WireEvent) -> Result<Vec<ChatChunk>> {
        match event.data.trim() {
            "" => Ok(Vec::new()),
            line => Ok(vec![self.read(line.as_bytes(), "a line")?]),
        }
    }

    /// One object, or the lines of a stream that came under another media type.
    fn whole(&mut self, body: &Bytes) -> Result<Vec<ChatChunk>> {
        let body = body.trim_ascii();
        match self.read(body, "an answer") {
            Err(error) if error.kind == ErrorKind::Protocol && body.contains(&b'\n') => {
                let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
                lines.filter(|line| !line.is_empty()).map(|line| self.read(line, "a line")).collect()
            }
            one => Ok(vec![one?]),
        }
    }

    fn is_finished(&self) -> bool {
        self.done
    }

    fn is_closed(&self) -> bool {
        self.done
    }
}
