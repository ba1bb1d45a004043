//! What Python gets back: thin handles on Rust data. Python's own result classes wrap them and ask for what is looked at.

use std::sync::Arc;

use pyo3::{PyClass, prelude::*, sync::PyOnceLock, types::PyType};
use serde_json::{Value, json};

use super::convert::object;
use crate::{
    accounting::Cost,
    chat::{ChatResponse, EmbedResponse, Usage},
    id::DeploymentId,
    router::{Delivered, Reply},
    trace::{Decision, Origin},
};

/// Python's result class of this name, remembered in `known`, around `handle`.
fn wrap<T>(py: Python<'_>, known: &PyOnceLock<Py<PyType>>, class: &str, handle: T) -> PyResult<Py<PyAny>>
where
    T: PyClass + Into<PyClassInitializer<T>>,
{
    let class = known.import(py, "waypost.results", class)?;
    Ok(class.call1((Py::new(py, handle)?,))?.unbind())
}

fn usage_state(usage: Option<Usage>) -> Value {
    let usage = usage.unwrap_or_default();
    json!({
        "prompt_tokens": usage.prompt_tokens(),
        "completion_tokens": usage.completion_tokens(),
        "total_tokens": usage.total_tokens(),
        "cached_tokens": usage.cache_read,
        "cache_write_tokens": usage.cache_write,
        "reasoning_tokens": usage.reasoning,
    })
}

fn cost_state(cost: &Cost) -> Value {
    json!({
        "usd": cost.amount.map(crate::catalog::Money::usd),
        "status": cost.status.as_str(),
        "saved_usd": cost.saved.map(crate::catalog::Money::usd),
    })
}

/// A decision.
#[pyclass(frozen, module = "waypost._waypost")]
pub(super) struct Decided(Arc<Decision>);

impl Decided {
    pub(super) fn new(decision: Arc<Decision>) -> Self {
        Self(decision)
    }

    /// The configuration that it was taken under.
    pub(super) fn origin(&self) -> Origin {
        self.0.origin.clone()
    }

    pub(super) fn wrap(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        wrap(py, &CLASS, "Decision", self)
    }
}

#[pymethods]
impl Decided {
    #[getter]
    fn chosen(&self) -> Option<&str> {
        self.0.chosen.as_ref().map(DeploymentId::as_str)
    }

    fn explain(&self) -> String {
        self.0.explain()
    }

    /// What it rested on beside its signals: enough to take it again.
    fn facts(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        object(py, &self.0.facts())
    }

    fn state(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let mut value = serde_json::to_value(&*self.0).unwrap_or_default();
        // The class's name in Python, as in `.error`.
        if let (Some(map), Some(kind)) = (value.as_object_mut(), self.0.error) {
            map.insert("error".into(), super::error::class(kind).into());
        }
        object(py, &value)
    }
}

/// A chat answer.
#[pyclass(frozen, module = "waypost._waypost")]
pub(super) struct Replied(Reply<ChatResponse>, bool);

impl Replied {
    pub(super) fn new(reply: Reply<ChatResponse>) -> Self {
        Self(reply, true)
    }

    /// The beginning of an answer that never ended: it has no finish reason.
    pub(super) fn partial(reply: Reply<ChatResponse>) -> Self {
        Self(reply, false)
    }

    pub(super) fn wrap(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        wrap(py, &CLASS, "ChatResponse", self)
    }
}

#[pymethods]
impl Replied {
    #[getter]
    fn text(&self) -> &str {
        self.0.body.first().and_then(|choice| choice.text.as_deref()).unwrap_or("")
    }

    #[getter]
    fn deployment(&self) -> &str {
        self.0.deployment.as_str()
    }

    fn decision(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Decided(Arc::clone(&self.0.decision)).wrap(py)
    }

    fn state(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let reply = &self.0;
        let first = reply.body.first();
        let whole = self.1;
        let finish = first.filter(|_| whole).map(|choice| choice.finish_reason.as_str());
        let mut openai = reply.body.to_openai();
        if let (false, Some(choices)) = (whole, openai.get_mut("choices").and_then(Value::as_array_mut)) {
            for choice in choices {
                choice["finish_reason"] = Value::Null;
            }
        }
        object(
            py,
            &json!({
                "openai": openai,
                "text": first.and_then(|choice| choice.text.as_deref()).unwrap_or(""),
                "message": first.map(crate::chat::Choice::message),
                "tool_calls": first.map(|choice| json!(choice.tool_calls)),
                "reasoning": first.and_then(|choice| choice.reasoning.as_deref()),
                "finish_reason": finish,
                "usage": usage_state(reply.body.usage),
                "cost": cost_state(&reply.cost),
                "model": reply.body.model,
                "provider": reply.provider,
                "deployment": reply.deployment,
                "route": reply.route,
                "id": reply.body.id,
                "latency": reply.latency.as_secs_f64(),
                "ttft": reply.ttft.map(|ttft| ttft.as_secs_f64()),
            }),
        )
    }
}

/// Vectors.
#[pyclass(frozen, module = "waypost._waypost")]
pub(super) struct Embedded(Reply<EmbedResponse>);

impl Embedded {
    pub(super) fn wrap(reply: Reply<EmbedResponse>, py: Python<'_>) -> PyResult<Py<PyAny>> {
        static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        wrap(py, &CLASS, "EmbeddingResponse", Self(reply))
    }
}

#[pymethods]
impl Embedded {
    fn embeddings(&self) -> Vec<Vec<f32>> {
        self.0.body.embeddings.clone()
    }

    fn decision(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Decided(Arc::clone(&self.0.decision)).wrap(py)
    }

    fn state(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let reply = &self.0;
        object(
            py,
            &json!({
                "usage": usage_state(reply.body.usage),
                "cost": cost_state(&reply.cost),
                "model": reply.body.model,
                "provider": reply.provider,
                "deployment": reply.deployment,
                "route": reply.route,
                "latency": reply.latency.as_secs_f64(),
            }),
        )
    }
}

/// One chunk of a stream: once per token, so it is what the caller gets, without a wrapper.
#[pyclass(frozen, name = "ChatChunk", module = "waypost")]
pub(super) struct Piece {
    delivered: Delivered,
    id: Arc<str>,
}

impl Piece {
    pub(super) fn new(delivered: Delivered, id: Arc<str>) -> Self {
        Self { delivered, id }
    }

    /// Of several answers the first; `to_dict()` has them all.
    fn first(&self) -> Option<&crate::chat::ChoiceDelta> {
        self.delivered.chunk.choices.iter().find(|delta| delta.index == 0)
    }
}

#[pymethods]
impl Piece {
    /// The text to append; empty if there is none.
    #[getter]
    fn text(&self) -> &str {
        self.first().and_then(|delta| delta.text.as_deref()).unwrap_or("")
    }

    /// The reasoning to append, or None.
    #[getter]
    fn reasoning(&self) -> Option<&str> {
        self.first().and_then(|delta| delta.reasoning.as_deref())
    }

    /// Pieces of tool calls, in OpenAI's shape.
    #[getter]
    fn tool_calls(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let value = self.first().filter(|delta| !delta.tool_calls.is_empty()).map(crate::chat::ChoiceDelta::to_openai);
        object(py, value.as_ref().and_then(|value| value.pointer("/delta/tool_calls")).unwrap_or(&json!([])))
    }

    /// Why the answer ended, on its last chunk.
    #[getter]
    fn finish_reason(&self) -> Option<&'static str> {
        self.first().and_then(|delta| delta.finish_reason).map(crate::chat::FinishReason::as_str)
    }

    /// The deployment that serves.
    #[getter]
    fn deployment(&self) -> &str {
        self.delivered.deployment.as_str()
    }

    /// Whether the answer began anew with this chunk: what came before is void.
    #[getter]
    fn restarted(&self) -> bool {
        self.delivered.restarted
    }

    /// An OpenAI `chat.completion.chunk` object.
    fn to_dict(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        object(py, &self.delivered.chunk.to_openai(&self.id, self.delivered.deployment.as_str()))
    }

    fn __repr__(&self) -> String {
        let finish = self.finish_reason().map(|reason| format!(", finish_reason={reason:?}")).unwrap_or_default();
        format!("ChatChunk(text={:?}{finish})", self.text())
    }
}
