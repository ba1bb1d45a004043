//! A call that has ended → its spans, in the words of OpenTelemetry's conventions for generative models.
//!
//! The same names, and the same values, as `waypost.otel` gives to the spans it makes through an application's own SDK.

use std::borrow::Cow;

use super::{Ended, proto::Writer};
use crate::{
    catalog::Money,
    chat::{ChatResponse, EmbedResponse, Map},
    error::ErrorKind,
    trace::{Attempt, Decision, Outcome, log::Place},
};

/// What spans tell of an answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The model, as the provider called it.
    pub model: String,
    /// The provider's identity of the answer.
    pub id: Option<String>,
    /// How its first choice ended.
    pub finish: Option<&'static str>,
}

impl From<&ChatResponse> for Answer {
    fn from(body: &ChatResponse) -> Self {
        let finish = body.choices.first().map(|choice| choice.finish_reason.as_str());
        Self { model: body.model.clone(), id: Some(body.id.clone()), finish }
    }
}

impl From<&EmbedResponse> for Answer {
    fn from(body: &EmbedResponse) -> Self {
        Self { model: body.model.clone(), ..Self::default() }
    }
}

/// A span of somebody else's that a call stands below: the `traceparent` of its `metadata`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    trace: u128,
    span: u64,
    sampled: bool,
}

impl Parent {
    /// The parent that the caller's `metadata` names, if it does so in W3C's form.
    pub fn of(metadata: &Map) -> Option<Self> {
        let text = metadata.get("traceparent")?.as_str()?;
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let lower =
            |part: &str, length| part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let well_formed = lower(version, 2) && lower(trace, 32) && lower(span, 16) && lower(flags, 2);
        if !well_formed || version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let (trace, span) = (u128::from_str_radix(trace, 16).ok()?, u64::from_str_radix(span, 16).ok()?);
        let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        (trace != 0 && span != 0).then_some(Self { trace, span, sampled })
    }

    /// Whether its trace is recorded at all.
    pub fn is_sampled(self) -> bool {
        self.sampled
    }
}

/// Kinds of spans, as the protocol numbers them.
const INTERNAL: u64 = 1;
const CLIENT: u64 = 3;
/// The status of a failure.
const ERROR: u64 = 2;
const NANOSECONDS: f64 = 1e9;

/// An attribute's value.
enum Value<'a> {
    Said(Cow<'a, str>),
    Number(u64),
    Real(f64),
    Yes,
    Texts(Vec<String>),
}

fn text(text: &str) -> Value<'_> {
    Value::Said(text.into())
}

/// The conventions' names of providers, where they are not ours.
fn conventional(provider: &str) -> &str {
    match provider {
        "azure" => "azure.ai.openai",
        "bedrock" => "aws.bedrock",
        "gemini" => "gcp.gemini",
        "mistral" => "mistral_ai",
        "moonshot" => "moonshot_ai",
        "vertex" => "gcp.vertex_ai",
        "xai" => "x_ai",
        same => same,
    }
}

/// A whole request of the protocol.
pub(super) fn request(ended: &[Ended], service: &str) -> Vec<u8> {
    let mut request = Writer::default();
    request.message(1, |resource_spans| {
        resource_spans.message(1, |resource| {
            attribute(resource, 1, "service.name", &text(service));
            attribute(resource, 1, "telemetry.sdk.name", &text("waypost"));
            attribute(resource, 1, "telemetry.sdk.language", &text("rust"));
            attribute(resource, 1, "telemetry.sdk.version", &text(env!("CARGO_PKG_VERSION")));
        });
        resource_spans.message(2, |scope_spans| {
            scope_spans.message(1, |scope| {
                scope.bytes(1, b"waypost");
                scope.bytes(2, env!("CARGO_PKG_VERSION").as_bytes());
            });
            for one in ended {
                spans(scope_spans, one);
            }
        });
    });
    request.into_bytes()
}

fn spans(scope: &mut Writer, ended: &Ended) {
    let ids = Ids::of(ended);
    scope.message(2, |span| call(span, &ids, ended));
    let answered = answering(ended);
    for (at, attempt) in ended.entry.decision.attempts.iter().enumerate() {
        scope.message(2, |span| tried(span, &ids, ended, at, attempt, answered == Some(at)));
    }
}

/// The attempt that what was used is told with: the one that answered, else the last.
fn answering(ended: &Ended) -> Option<usize> {
    let attempts = &ended.entry.decision.attempts;
    let whole = attempts.iter().rposition(|attempt| attempt.outcome == Outcome::Ok);
    let chosen = || {
        let chosen = ended.entry.decision.chosen.as_ref()?;
        attempts.iter().rposition(|attempt| attempt.deployment == *chosen)
    };
    whole.or_else(chosen).or_else(|| attempts.len().checked_sub(1))
}

/// The identities of a call's spans. A call's own trace has the identity of its decision, so that either finds the other.
struct Ids {
    trace: u128,
    call: u64,
    parent: Option<u64>,
}

impl Ids {
    fn of(ended: &Ended) -> Self {
        let own = ended.entry.decision.id.as_str().strip_prefix("wp-");
        let own = own.and_then(|hex| u128::from_str_radix(hex, 16).ok()).unwrap_or(1);
        // The lower half is drawn by chance, but for the two bits that say which kind of identity it is: never zero.
        let (trace, parent) = ended.parent.map_or((own, None), |parent| (parent.trace, Some(parent.span)));
        Self { trace, call: own as u64, parent }
    }

    fn attempt(&self, at: usize) -> u64 {
        // An odd constant: no two attempts are mapped to one identity, and none to the call's.
        let id = self.call ^ (at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        if id == 0 { 1 } else { id }
    }
}

fn begin(span: &mut Writer, trace: u128, id: u64, parent: Option<u64>, name: &str) {
    span.bytes(1, &trace.to_be_bytes());
    span.bytes(2, &id.to_be_bytes());
    if let Some(parent) = parent {
        span.bytes(4, &parent.to_be_bytes());
    }
    span.bytes(5, name.as_bytes());
}

fn lasted(span: &mut Writer, from: f64, seconds: f64) {
    // Added as whole numbers: a date has no nanoseconds as a fraction.
    let nanoseconds = |at: f64| (at.max(0.0) * NANOSECONDS) as u64;
    span.fixed(7, nanoseconds(from));
    span.fixed(8, nanoseconds(from) + nanoseconds(seconds));
}

fn failed(span: &mut Writer, kind: &str) {
    span.message(15, |status| {
        status.bytes(2, kind.as_bytes());
        status.number(3, ERROR);
    });
}

fn call(span: &mut Writer, ids: &Ids, ended: &Ended) {
    let decision = &*ended.entry.decision;
    begin(span, ids.trace, ids.call, ids.parent, &format!("waypost {}", decision.route));
    span.number(6, INTERNAL);
    lasted(span, decision.at, ended.entry.latency);
    for (name, value) in about_call(ended, decision) {
        attribute(span, 9, name, &value);
    }
    let failure = decision.error.filter(|_| !ended.entry.answered);
    if let Some(kind) = failure {
        attribute(span, 9, "error.type", &text(kind.as_str()));
        failed(span, kind.as_str());
    }
}

fn about_call<'a>(ended: &'a Ended, decision: &'a Decision) -> Vec<(&'static str, Value<'a>)> {
    let refused = decision.candidates.iter().filter_map(|one| {
        let reason = one.refused.as_ref()?;
        Some(format!("{}: {}", one.deployment, reason.code()))
    });
    let rules = decision.rules.iter().map(|rule| rule.name.clone()).filter(|name| !name.is_empty());
    let mut about = vec![
        ("openinference.span.kind", text("CHAIN")),
        ("waypost.decision.id", text(decision.id.as_str())),
        ("waypost.route", text(decision.route.as_str())),
        ("waypost.attempts", Value::Number(decision.attempts.len() as u64)),
        ("waypost.overhead_us", Value::Real(decision.overhead.as_nanos() as f64 / 1e3)),
    ];
    about.extend(decision.chosen.as_ref().map(|chosen| ("waypost.deployment", text(chosen.as_str()))));
    about.extend(ended.entry.strategy.map(|strategy| ("waypost.strategy", text(strategy))));
    about.push(("waypost.reason", Value::Said(ended.entry.reason().into())));
    about.push(("waypost.rules", Value::Texts(rules.collect())));
    about.push(("waypost.refused", Value::Texts(refused.collect())));
    about
}

#[expect(clippy::too_many_arguments, reason = "a span, whose it is, and which of several")]
fn tried(span: &mut Writer, ids: &Ids, ended: &Ended, at: usize, attempt: &Attempt, answered: bool) {
    let place = ended.entry.places.iter().find(|place| place.deployment == attempt.deployment);
    let operation = if ended.embeds { "embeddings" } else { "chat" };
    let model = place.map_or("", |place| place.model.as_str());
    begin(span, ids.trace, ids.attempt(at), Some(ids.call), format!("{operation} {model}").trim_end());
    span.number(6, CLIENT);
    lasted(span, ended.entry.decision.at + attempt.started, attempt.duration);
    let about = about_attempt(attempt, operation, place).into_iter();
    let used = if answered { about_answer(ended) } else { Vec::new() };
    for (name, value) in about.chain(used) {
        attribute(span, 9, name, &value);
    }
    if let Some(kind) = attempt.error.map(ErrorKind::as_str) {
        let status = attempt.status.map(|status| status.to_string());
        attribute(span, 9, "error.type", &text(status.as_deref().unwrap_or(kind)));
        failed(span, kind);
    }
}

fn about_attempt<'a>(
    attempt: &'a Attempt,
    operation: &'a str,
    place: Option<&'a Place>,
) -> Vec<(&'static str, Value<'a>)> {
    let kind = if operation == "embeddings" { "EMBEDDING" } else { "LLM" };
    let mut about = vec![
        ("gen_ai.operation.name", text(operation)),
        ("openinference.span.kind", text(kind)),
        ("waypost.deployment", text(attempt.deployment.as_str())),
    ];
    if let Some(place) = place {
        about.push(("gen_ai.provider.name", text(conventional(place.provider))));
        about.push(("gen_ai.request.model", text(&place.model)));
    }
    about.extend(attempt.hedge.then_some(("waypost.hedge", Value::Yes)));
    about.extend(attempt.status.map(|status| ("http.response.status_code", Value::Number(status.into()))));
    about.extend(attempt.ttft.map(|ttft| ("gen_ai.response.time_to_first_chunk", Value::Real(ttft))));
    about
}

fn about_answer(ended: &Ended) -> Vec<(&'static str, Value<'_>)> {
    let mut about = Vec::new();
    if let Some(answer) = &ended.answer {
        about.push(("gen_ai.response.model", text(&answer.model)));
        about.push(("llm.model_name", text(&answer.model)));
        about.extend(answer.id.as_deref().map(|id| ("gen_ai.response.id", text(id))));
        let finish = answer.finish.map(|finish| vec![finish.to_owned()]);
        about.extend(finish.map(|finish| ("gen_ai.response.finish_reasons", Value::Texts(finish))));
    }
    if let Some(usage) = &ended.entry.usage {
        let (input, output) = (usage.prompt_tokens(), usage.completion_tokens());
        about.push(("gen_ai.usage.input_tokens", Value::Number(input)));
        about.push(("gen_ai.usage.output_tokens", Value::Number(output)));
        about.push(("llm.token_count.prompt", Value::Number(input)));
        about.push(("llm.token_count.completion", Value::Number(output)));
        about.push(("llm.token_count.total", Value::Number(input + output)));
        let some = |name, count: u64| (count > 0).then_some((name, Value::Number(count)));
        about.extend(some("gen_ai.usage.cache_read.input_tokens", usage.cache_read));
        about.extend(some("gen_ai.usage.cache_creation.input_tokens", usage.cache_write));
    }
    if let Some(usd) = ended.entry.cost.map(Money::usd) {
        about.push(("gen_ai.usage.cost", Value::Real(usd)));
        about.push(("llm.cost.total", Value::Real(usd)));
    }
    about.extend(ended.entry.cost_status.map(|status| ("waypost.cost.status", text(status))));
    about
}

/// One attribute; what is empty says nothing and is left out.
fn attribute(span: &mut Writer, field: u64, name: &str, value: &Value<'_>) {
    let empty = match value {
        Value::Said(text) => text.is_empty(),
        Value::Texts(texts) => texts.is_empty(),
        Value::Number(_) | Value::Real(_) | Value::Yes => false,
    };
    if empty {
        return;
    }
    span.message(field, |pair| {
        pair.bytes(1, name.as_bytes());
        pair.message(2, |any| match value {
            Value::Said(text) => any.bytes(1, text.as_bytes()),
            Value::Yes => any.number(2, 1),
            Value::Number(number) => any.number(3, *number),
            Value::Real(real) => any.fixed(4, real.to_bits()),
            Value::Texts(texts) => any.message(5, |array| {
                for text in texts {
                    array.message(1, |item| item.bytes(1, text.as_bytes()));
                }
            }),
        });
    });
}
