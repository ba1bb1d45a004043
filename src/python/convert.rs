//! Python ⇄ chat. The only user of pythonize.

use std::{sync::Arc, time::Duration};

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    intern,
    prelude::*,
    types::{PyDict, PyList, PyString, PyTuple},
};
use pythonize::{depythonize, pythonize};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, IntoDeserializer, value::StrDeserializer},
};
use serde_json::Value;

use super::error::raise;
use crate::{
    chat::{ChatRequest, Content, EmbedRequest, Message, Role},
    error::{Error, ErrorKind},
    router::{Ask, Call},
};

/// A Python value as JSON.
pub(super) fn value(object: &Bound<'_, PyAny>) -> PyResult<Value> {
    shallow(object, DEEPEST).map_err(|()| PyValueError::new_err(TOO_DEEP))?;
    depythonize(object).map_err(|error| PyTypeError::new_err(error.to_string()))
}

/// Levels of lists and mappings in each other. JSON readers stop at about as many, and so does a thread's stack at more.
const DEEPEST: u32 = 100;
const TOO_DEEP: &str = "lists and mappings are nested more than 100 deep";

/// Whether `object` is at most so many levels deep; one that holds itself is not.
fn shallow(object: &Bound<'_, PyAny>, levels: u32) -> Result<(), ()> {
    let inner = levels.checked_sub(1).ok_or(());
    if let Ok(map) = object.cast::<PyDict>() {
        map.iter().try_for_each(|(_, value)| inner.and_then(|inner| shallow(&value, inner)))
    } else if let Ok(list) = object.cast::<PyList>() {
        list.iter().try_for_each(|value| inner.and_then(|inner| shallow(&value, inner)))
    } else if let Ok(list) = object.cast::<PyTuple>() {
        list.iter().try_for_each(|value| inner.and_then(|inner| shallow(&value, inner)))
    } else {
        Ok(())
    }
}

/// Anything serialisable as a Python object.
pub(super) fn object<T: Serialize + ?Sized>(py: Python<'_>, value: &T) -> PyResult<Py<PyAny>> {
    pythonize(py, value).map(Bound::unbind).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// An argument, read into what it should be; the error says which argument and what is wrong, not what it holds.
fn read<T: DeserializeOwned>(name: &str, object: &Bound<'_, PyAny>) -> PyResult<T> {
    shallow(object, DEEPEST).map_err(|()| invalid(object.py(), format!("`{name}` cannot be read: {TOO_DEEP}")))?;
    depythonize(object).map_err(|error| {
        let problem = without_value(&error.to_string());
        invalid(object.py(), format!("`{name}` cannot be read: {problem}"))
    })
}

/// Serde's complaint without the value it complains of: of ``invalid type: string "…", expected a list`` the value goes.
fn without_value(complaint: &str) -> String {
    match complaint.rsplit_once(", expected ") {
        Some((found, expected)) => {
            let kind = found.split(['"', '`']).next().unwrap_or_default().trim_end();
            format!("{kind}, expected {expected}")
        }
        // Python's own errors quote what they met; serde's say the name of a field.
        None if complaint.starts_with("missing field") || complaint.starts_with("duplicate field") => complaint.into(),
        None => "it holds something that is no JSON".into(),
    }
}

fn invalid(py: Python<'_>, message: String) -> PyErr {
    raise(py, Error::new(ErrorKind::InvalidRequest, message).into())
}

/// Messages and options as Python says them → a call.
pub(super) fn chat(messages: &Bound<'_, PyAny>, options: &Bound<'_, PyDict>) -> PyResult<Call> {
    let py = messages.py();
    let mut request = ChatRequest {
        messages: match messages.cast::<PyString>() {
            Ok(text) => vec![Message::user(text.to_string())],
            Err(_) => match plain(messages) {
                Some(messages) => messages,
                None => read::<Vec<Message>>("messages", messages)?,
            },
        },
        ..ChatRequest::default()
    };
    if request.messages.is_empty() {
        return Err(invalid(py, "`messages` is empty; give a string or at least one message".into()));
    }
    let mut call = Call::new(Ask::Chat(Arc::default()));
    for (key, value) in given(options) {
        let key = key.cast_into::<PyString>()?;
        let key = key.to_str()?;
        if !option(&mut call, key, &value)? {
            parameter(&mut request, key, &value)?;
        }
    }
    call.ask = Ask::Chat(Arc::new(request));
    Ok(call)
}

/// A list of messages that are nothing but a role and a text, as nearly all are: read without the detour over serde.
fn plain(messages: &Bound<'_, PyAny>) -> Option<Vec<Message>> {
    let py = messages.py();
    let (role, content) = (intern!(py, "role"), intern!(py, "content"));
    let one = |item: Bound<'_, PyAny>| {
        let map = item.cast_into::<PyDict>().ok().filter(|map| map.len() == 2)?;
        let text = |key| map.get_item(key).ok().flatten()?.cast_into::<PyString>().ok();
        let (role, content) = (text(role)?, text(content)?);
        let role: StrDeserializer<'_, serde::de::value::Error> = role.to_str().ok()?.into_deserializer();
        Some(Message::new(Role::deserialize(role).ok()?, Content::Text(content.to_str().ok()?.to_owned())))
    };
    messages.cast::<PyList>().ok()?.iter().map(one).collect()
}

/// What the caller gave of the arguments of a method, which are handed over as the method's local variables: not those that
/// are absent, and not the object and the question themselves.
fn given<'py>(arguments: &Bound<'py, PyDict>) -> impl Iterator<Item = (Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let absent =
        |value: &Bound<'py, PyAny>| value.is_none() || value.cast::<PyTuple>().is_ok_and(PyTupleMethods::is_empty);
    let apart =
        |key: &Bound<'py, PyAny>| ["self", "messages", "texts"].iter().any(|name| key.eq(name).unwrap_or(false));
    arguments.iter().filter(move |(key, value)| !absent(value) && !apart(key))
}

/// Texts and options → a call.
pub(super) fn embed(texts: &Bound<'_, PyAny>, options: &Bound<'_, PyDict>) -> PyResult<Call> {
    let py = texts.py();
    let mut request = EmbedRequest {
        texts: match texts.cast::<PyString>() {
            Ok(text) => vec![text.to_string()],
            Err(_) => read("texts", texts)?,
        },
        ..EmbedRequest::default()
    };
    if request.texts.is_empty() {
        return Err(invalid(py, "`texts` is empty; give a string or at least one text".into()));
    }
    let mut call = Call::new(Ask::Embed(Arc::default()));
    for (key, value) in given(options) {
        let key = key.cast_into::<PyString>()?;
        let key = key.to_str()?;
        if option(&mut call, key, &value)? {
            continue;
        }
        match key {
            "dimensions" => request.dimensions = read(key, &value)?,
            "user" => request.user = read(key, &value)?,
            "extra_body" => request.extra_body = read(key, &value)?,
            other => return Err(PyTypeError::new_err(format!("unexpected keyword argument `{other}`"))),
        }
    }
    call.ask = Ask::Embed(Arc::new(request));
    Ok(call)
}

/// What the caller says about the request, as opposed to what the model is asked.
fn option(call: &mut Call, key: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    match key {
        "model" => {
            call.model = match value.cast::<PyString>() {
                Ok(name) => name.to_str()?.to_owned(),
                Err(_) => read(key, value)?,
            }
        }
        "tags" => call.tags = read(key, value)?,
        "metadata" => call.metadata = read(key, value)?,
        "session" => call.session = read(key, value)?,
        "stream" => call.stream = read(key, value)?,
        "patient" => call.patient = read(key, value)?,
        "joined" => call.joined = read(key, value)?,
        "timeout" => {
            let seconds: f64 = read(key, value)?;
            let timeout = Duration::try_from_secs_f64(seconds).ok().filter(|timeout| !timeout.is_zero());
            let wrong = || invalid(value.py(), "`timeout` must be a positive number of seconds".into());
            call.timeout = Some(timeout.ok_or_else(wrong)?);
        }
        "max_cost" => {
            let usd: f64 = read(key, value)?;
            if !usd.is_finite() || usd < 0.0 {
                return Err(invalid(value.py(), "`max_cost` must be a number of US dollars, 0 or more".into()));
            }
            call.max_cost = Some(usd);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn parameter(request: &mut ChatRequest, key: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    match key {
        "tools" => request.tools = read(key, value)?,
        "tool_choice" => request.tool_choice = read(key, value)?,
        "parallel_tool_calls" => request.parallel_tool_calls = read(key, value)?,
        "response_format" => request.response_format = read(key, value)?,
        "temperature" => request.temperature = read(key, value)?,
        "top_p" => request.top_p = read(key, value)?,
        "max_tokens" => request.max_tokens = read(key, value)?,
        "stop" => {
            request.stop = match value.cast::<PyString>() {
                Ok(text) => vec![text.to_string()],
                Err(_) => read(key, value)?,
            }
        }
        "seed" => request.seed = read(key, value)?,
        "n" => request.n = read(key, value)?,
        "logprobs" => request.logprobs = read(key, value)?,
        "top_logprobs" => request.top_logprobs = read(key, value)?,
        "presence_penalty" => request.presence_penalty = read(key, value)?,
        "frequency_penalty" => request.frequency_penalty = read(key, value)?,
        "reasoning_effort" => request.reasoning_effort = read(key, value)?,
        "user" => request.user = read(key, value)?,
        "extra_body" => request.extra_body = read(key, value)?,
        other => return Err(PyTypeError::new_err(format!("unexpected keyword argument `{other}`"))),
    }
    Ok(())
}
