//! What Google answers, read leniently where it is decoration and strictly where it is the answer.
//!
//! A whole answer is a stream of one event: both are read by [`super::stream::Decoder`].

use serde::Deserialize;
use serde_json::{Value, json};

use super::{error, stream::Decoder};
use crate::{
    adapter::{StreamDecoder, classify},
    catalog::Deployment,
    chat::{Accumulator, ChatResponse, FinishReason, Map, Usage},
    error::{ErrorKind, Result},
    transport::WireReply,
};

/// Where a thought signature travels in the `extra` of a tool call or a message, as in Google's own OpenAI-compatible endpoint.
pub(super) const SIGNATURE_PATH: [&str; 3] = ["extra_content", "google", "thought_signature"];

/// The key of a message's `extra` that holds parts without a counterpart, as Google wrote them.
pub(super) const PARTS: &str = "google_parts";

/// One event of a stream, or the whole answer.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Reply {
    pub(super) candidates: Option<Vec<Candidate>>,
    pub(super) prompt_feedback: Option<Map>,
    pub(super) usage_metadata: Option<Value>,
    pub(super) model_version: Option<String>,
    pub(super) response_id: Option<String>,
    pub(super) error: Option<Value>,
    #[serde(flatten)]
    pub(super) extra: Map,
}

/// One answer, or the new part of it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Candidate {
    pub(super) index: Option<u32>,
    pub(super) content: Option<Parts>,
    pub(super) finish_reason: Option<Value>,
    pub(super) logprobs_result: Option<Value>,
    #[serde(flatten)]
    pub(super) extra: Map,
}

/// What an answer consists of.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Parts {
    pub(super) parts: Option<Vec<Map>>,
}

/// The whole answer of a status below 300.
pub(super) fn decode(reply: &WireReply, deployment: &Deployment) -> Result<ChatResponse> {
    let mut decoder = Decoder::new(deployment);
    let mut all = Accumulator::default();
    let chunks = decoder.whole(&reply.body).map_err(|mut failed| {
        if failed.kind == ErrorKind::Protocol {
            return classify::protocol(reply, deployment, "what is no answer of Gemini");
        }
        failed.context.request_id = classify::request_id(&reply.head);
        failed
    })?;
    for chunk in &chunks {
        all.push(chunk);
    }
    let response = all.response();
    if response.choices.is_empty() {
        return Err(classify::protocol(reply, deployment, "no candidates"));
    }
    Ok(response)
}

/// Why the prompt got no answer, if it was blocked.
pub(super) fn block_reason(reply: &Reply) -> Option<String> {
    let answered = reply.candidates.as_ref().is_some_and(|list| !list.is_empty());
    let reason = reply.prompt_feedback.as_ref()?.get("blockReason")?;
    // 0 is the unspecified value of the enumeration's numeric form.
    classify::scalar(reason).filter(|text| !answered && text != "0" && text != "BLOCK_REASON_UNSPECIFIED")
}

/// Every reason that Google documents, by name and by number.
pub(super) fn finish_reason(raw: &Value, called: bool) -> Option<FinishReason> {
    let word = match raw {
        Value::String(word) => word.as_str(),
        Value::Number(number) => numbered(number.as_u64()?),
        _ => return None,
    };
    Some(match word {
        "" | "FINISH_REASON_UNSPECIFIED" => return None,
        "MAX_TOKENS" => FinishReason::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "MODEL_ARMOR" => FinishReason::ContentFilter,
        // STOP is also what Gemini says after calling tools; with another reason the calls are there all the same.
        _ if called => FinishReason::ToolCalls,
        // STOP, OTHER, MALFORMED_FUNCTION_CALL, UNEXPECTED_TOOL_CALL, NO_IMAGE … and what is yet to come: it ended.
        _ => FinishReason::Stop,
    })
}

/// The names of the numbers, in the API that generativelanguage.googleapis.com speaks.
fn numbered(number: u64) -> &'static str {
    match number {
        0 => "",
        2 => "MAX_TOKENS",
        3 => "SAFETY",
        4 => "RECITATION",
        6 => "LANGUAGE",
        7 => "BLOCKLIST",
        8 => "PROHIBITED_CONTENT",
        9 => "SPII",
        11 => "IMAGE_SAFETY",
        5 | 10 | 12.. => "OTHER",
        _ => "STOP",
    }
}

/// Whether the reason is one that [`FinishReason`] says without loss.
pub(super) fn is_plain(raw: &Value) -> bool {
    raw.as_str().is_some_and(|word| word == "STOP" || word == "MAX_TOKENS") || raw.as_u64().is_some_and(|n| n < 3)
}

/// Google counts the results of its own tools beside the prompt, and thoughts beside the answer; both belong to the totals.
pub(super) fn usage(raw: &Value) -> Option<Usage> {
    let count = |key: &str| raw.get(key).and_then(Value::as_u64);
    let (answer, thoughts) = (count("candidatesTokenCount"), count("thoughtsTokenCount"));
    let (prompt, total) = (count("promptTokenCount"), count("totalTokenCount"));
    if prompt.is_none() && answer.is_none() && thoughts.is_none() {
        return None;
    }
    let prompt = prompt.unwrap_or(0).saturating_add(count("toolUsePromptTokenCount").unwrap_or(0));
    let completion = match (answer, thoughts) {
        (None, None) => total.unwrap_or(0).saturating_sub(prompt),
        _ => answer.unwrap_or(0).saturating_add(thoughts.unwrap_or(0)),
    };
    let cached = count("cachedContentTokenCount").unwrap_or(0);
    Some(Usage::from_totals(prompt, completion, cached, 0, thoughts.unwrap_or(0)))
}

/// `logprobsResult` in the shape that callers know.
pub(super) fn logprobs(raw: &Value) -> Value {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let tops = list(raw.get("topCandidates"));
    let entry = |one: &Value| {
        let token = one.get("token").and_then(Value::as_str).unwrap_or("");
        let logprob = one.get("logProbability").cloned().unwrap_or(Value::Null);
        json!({"token": token, "logprob": logprob, "bytes": token.as_bytes()})
    };
    let content = list(raw.get("chosenCandidates")).into_iter().enumerate().map(|(at, chosen)| {
        let others: Vec<Value> = list(tops.get(at).and_then(|top| top.get("candidates"))).iter().map(entry).collect();
        let mut item = entry(&chosen);
        item["top_logprobs"] = others.into();
        item
    });
    json!({"content": content.collect::<Vec<_>>()})
}

/// The event or the events of a body: one object, or the array that a stream is without `alt=sse`.
pub(super) fn replies(value: Value) -> Option<Vec<Reply>> {
    match value {
        Value::Array(list) => list.into_iter().map(one).collect(),
        other => Some(vec![one(other)?]),
    }
}

fn one(mut value: Value) -> Option<Reply> {
    // Some of Google's servers wrap the answer.
    let wrapped = value.get("candidates").is_none()
        && value.get("response").is_some_and(|inner| inner.get("candidates").is_some());
    if wrapped {
        value = value.get_mut("response").map(Value::take)?;
    }
    if !value.is_object() {
        return None;
    }
    let reply: Reply = serde_json::from_value(value).ok()?;
    let says_something = reply.candidates.is_some()
        || reply.prompt_feedback.is_some()
        || reply.usage_metadata.is_some()
        || reply.error.as_ref().is_some_and(error::is_error);
    says_something.then_some(reply)
}
