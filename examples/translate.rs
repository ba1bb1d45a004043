//! A development harness: feeds recorded exchanges through the adapters, exactly as the router does, without a network.
//!
//! Reads JSON lines on stdin and writes one JSON line for each; `scripts/check_wire.py` compares them with a corpus.
//!
//! `{"id", "op": "encode" | "decode" | "stream" | "error", "provider", "model", "base_url", "api_version", "api", "embed",
//!   "request", "stream", "status", "headers", "body"}`

use std::io::{BufRead, Write};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use waypost::{
    adapter::{Adapter, compatible, for_deployment},
    catalog::{Api, Credential, Deployment, ModelFacts, Secret},
    chat::{Accumulator, ChatRequest, ChatResponse, EmbedRequest, Map},
    error::{Error, ErrorKind, Result},
    transport::{WireEvent, WireHead, WireReply, sse::Parser},
};

/// Sizes of the pieces that a stream is cut into; every one must give the same answer.
const CUTS: [usize; 4] = [usize::MAX, 1, 7, 1000];

/// What the router consumes itself, or adapters say on their own.
const OURS: [&str; 3] = ["model", "stream", "stream_options"];

/// The keys of a chat body that [`ChatRequest`] knows.
const KNOWN: [&str; 17] = [
    "messages",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "temperature",
    "top_p",
    "max_tokens",
    "stop",
    "seed",
    "n",
    "logprobs",
    "top_logprobs",
    "presence_penalty",
    "frequency_penalty",
    "reasoning_effort",
    "user",
];

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let task: Value = serde_json::from_str(&line?)?;
        let mut answer = run(&task);
        answer["id"] = task["id"].clone();
        writeln!(out, "{answer}")?;
    }
    Ok(())
}

fn run(task: &Value) -> Value {
    let deployment = match deployment(task) {
        Ok(deployment) => deployment,
        Err(error) => return failed(&error),
    };
    let adapter = for_deployment(&deployment);
    let embed = task["embed"] == true;
    let done = match (task["op"].as_str(), embed) {
        (Some("encode"), false) => encode(task, adapter, &deployment),
        (Some("encode"), true) => encode_embed(task, adapter, &deployment),
        (Some("decode"), false) => adapter.decode(&reply(task), &deployment).map(|response| normal(&response)),
        (Some("decode"), true) => adapter.decode_embed(&reply(task), &deployment).map(|response| {
            json!({"embeddings": response.embeddings.len(), "model": response.model,
                   "length": response.embeddings.first().map_or(0, Vec::len),
                   "usage": response.usage.map(|usage| usage.to_openai())})
        }),
        (Some("stream"), _) => stream(task, adapter, &deployment),
        (Some("error"), _) => Err(adapter.error(&reply(task), &deployment)),
        _ => Err(Error::new(ErrorKind::Internal, "`op` must be encode, decode, stream or error")),
    };
    done.unwrap_or_else(|error| failed(&error))
}

fn text(task: &Value, key: &str) -> String {
    task[key].as_str().unwrap_or("").to_owned()
}

fn deployment(task: &Value) -> Result<Deployment> {
    let id = text(task, "provider");
    let provider = compatible::provider(&id)
        .ok_or_else(|| Error::new(ErrorKind::Config, format!("`{id}` is not a known provider")))?;
    let base_url = task["base_url"].as_str().or(provider.base_url).unwrap_or("http://127.0.0.1");
    Ok(Deployment {
        id: "under test".into(),
        provider,
        model: text(task, "model"),
        base_url: base_url.trim_end_matches('/').to_owned(),
        credential: Credential { key: Some(Secret::new("test-key")), ..Credential::default() },
        api: match task["api"].as_str() {
            Some("responses") => Api::Responses,
            Some("openai") => Api::OpenAi,
            _ => Api::Chat,
        },
        api_version: task["api_version"].as_str().map(Into::into),
        region: None,
        headers: Vec::new(),
        extra_body: Map::new(),
        facts: ModelFacts::default(),
        price: None,
        tags: Vec::new(),
        attributes: Map::new(),
        stream_upstream: false,
    })
}

fn encode(task: &Value, adapter: &dyn Adapter, deployment: &Deployment) -> Result<Value> {
    let (mut known, mut extra) = (Map::new(), Map::new());
    for (key, value) in task["request"].as_object().into_iter().flatten() {
        if KNOWN.contains(&key.as_str()) {
            known.insert(key.clone(), value.clone());
        } else if !OURS.contains(&key.as_str()) {
            extra.insert(key.clone(), value.clone());
        }
    }
    known.insert("extra_body".into(), extra.into());
    let request: ChatRequest = serde_json::from_value(known.into())
        .map_err(|error| Error::new(ErrorKind::InvalidRequest, format!("not a chat request: {error}")))?;
    wire(&adapter.encode(&request, deployment, task["stream"] == true)?)
}

fn encode_embed(task: &Value, adapter: &dyn Adapter, deployment: &Deployment) -> Result<Value> {
    let body = &task["request"];
    let texts = match &body["input"] {
        Value::String(text) => vec![text.clone()],
        list => serde_json::from_value(list.clone())
            .map_err(|error| Error::new(ErrorKind::InvalidRequest, format!("not texts: {error}")))?,
    };
    let known = ["input", "dimensions", "user", "model"];
    let extra = body.as_object().into_iter().flatten().filter(|(key, _)| !known.contains(&key.as_str()));
    let request = EmbedRequest {
        texts,
        dimensions: body["dimensions"].as_u64().and_then(|length| u32::try_from(length).ok()),
        user: body["user"].as_str().map(Into::into),
        extra_body: extra.map(|(key, value)| (key.clone(), value.clone())).collect(),
    };
    wire(&adapter.encode_embed(&request, deployment)?)
}

fn wire(request: &waypost::transport::WireRequest) -> Result<Value> {
    let headers = request.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("").into()));
    let body: Value = serde_json::from_slice(&request.body)
        .map_err(|error| Error::new(ErrorKind::Internal, format!("not JSON: {error}")))?;
    Ok(json!({"url": request.url, "headers": headers.collect::<Map>(), "body": body}))
}

fn reply(task: &Value) -> WireReply {
    let mut headers = HeaderMap::new();
    for (name, value) in task["headers"].as_object().into_iter().flatten() {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_str(value.as_str().unwrap_or(""));
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.insert(name, value);
        }
    }
    let status = task["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
    WireReply { head: WireHead { status, headers }, body: Bytes::from(text(task, "body")) }
}

/// Every way of cutting the bytes must give one answer.
fn stream(task: &Value, adapter: &dyn Adapter, deployment: &Deployment) -> Result<Value> {
    let reply = reply(task);
    if reply.head.status >= 300 {
        return Err(adapter.error(&reply, deployment));
    }
    let answers: Vec<Value> = CUTS.iter().map(|cut| Run::new(adapter, deployment).over(&reply, *cut)).collect();
    if answers.iter().any(|answer| *answer != answers[0]) {
        return Err(Error::new(ErrorKind::Internal, "the answer depends on how the bytes are cut"));
    }
    Ok(answers[0].clone())
}

/// One reading of a streamed body.
struct Run {
    decoder: Box<dyn waypost::adapter::StreamDecoder>,
    answer: Accumulator,
    error: Option<Error>,
    skipped: usize,
}

impl Run {
    fn new(adapter: &dyn Adapter, deployment: &Deployment) -> Self {
        Self { decoder: adapter.stream(deployment), answer: Accumulator::default(), error: None, skipped: 0 }
    }

    fn over(mut self, reply: &WireReply, cut: usize) -> Value {
        match reply.head.media_type().as_str() {
            "application/json" => {
                let said = self.decoder.whole(&reply.body);
                self.take(said);
            }
            "application/x-ndjson" => {
                for line in String::from_utf8_lossy(&reply.body).lines().filter(|line| !line.trim().is_empty()) {
                    self.event(&WireEvent { name: String::new(), data: line.to_owned() });
                }
            }
            _ => self.events(&reply.body, cut),
        }
        let mut answer = normal(&self.answer.response());
        answer["finished"] = self.decoder.is_finished().into();
        answer["skipped"] = self.skipped.into();
        if let Some(error) = &self.error {
            answer["error"] = described(error);
        }
        answer
    }

    fn events(&mut self, body: &[u8], cut: usize) {
        let (mut parser, mut events) = (Parser::default(), Vec::new());
        for piece in body.chunks(cut) {
            if parser.push(piece, &mut events).is_err() {
                self.error = Some(Error::new(ErrorKind::Protocol, "an event is too large"));
                return;
            }
            for event in events.drain(..) {
                self.event(&event);
            }
        }
        if parser.finish(&mut events).is_ok() {
            for event in events.drain(..) {
                self.event(&event);
            }
        }
    }

    fn event(&mut self, event: &WireEvent) {
        if self.error.is_none() && !self.decoder.is_closed() {
            let said = self.decoder.event(event);
            self.take(said);
        }
    }

    fn take(&mut self, said: Result<Vec<waypost::chat::ChatChunk>>) {
        match said {
            Ok(chunks) => chunks.iter().for_each(|chunk| self.answer.push(chunk)),
            Err(error) if error.kind == ErrorKind::Protocol => self.skipped += 1,
            Err(error) => self.error = Some(error),
        }
    }
}

fn normal(response: &ChatResponse) -> Value {
    let Some(choice) = response.choices.iter().min_by_key(|choice| choice.index) else {
        return json!({"text": "", "tool_calls": [], "choices": 0});
    };
    let calls: Vec<Value> =
        choice.tool_calls.iter().map(|call| json!({"name": call.name, "arguments": call.arguments})).collect();
    let mut out = json!({"text": choice.text, "tool_calls": calls, "finish_reason": choice.finish_reason.as_str(),
                         "reasoning_text": choice.reasoning.clone().unwrap_or_default(), "choices": response.choices.len(),
                         "refusal": choice.refusal, "extra": choice.extra, "model": response.model});
    if let Some(usage) = &response.usage {
        out["usage"] = json!({"prompt_tokens": usage.prompt_tokens(), "completion_tokens": usage.completion_tokens(),
                              "total_tokens": usage.total_tokens(), "cached_tokens": usage.cache_read,
                              "cache_write_tokens": usage.cache_write, "reasoning_tokens": usage.reasoning});
    }
    out
}

fn failed(error: &Error) -> Value {
    json!({"error": described(error)})
}

fn described(error: &Error) -> Value {
    let class = match error.kind {
        ErrorKind::Authentication => "auth",
        ErrorKind::PermissionDenied => "permission",
        other => other.as_str(),
    };
    let context = &error.context;
    let mut out = json!({"class": class, "code": context.code, "message": error.message, "said": context.said});
    if let Some(status) = context.status {
        out["status"] = status.into();
    }
    if let Some(wait) = context.retry_after {
        out["retry_after_s"] = wait.as_secs_f64().into();
    }
    out
}
