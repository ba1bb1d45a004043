//! Builds the requests that all dialects send: a JSON body by POST, the key in a header, never in the URL.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::Value;

use crate::{
    catalog::{Auth, Deployment},
    chat::Map,
    error::{Error, ErrorKind, Result},
    transport::WireRequest,
};

/// A JSON request to `path` (with its leading slash) below the deployment's base URL, with its credential and headers.
///
/// The deployment's `extra_body` and then the caller's are merged into `body`, last and unchanged.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] if a header cannot be said (a line break in a key).
pub fn post(deployment: &Deployment, path: &str, mut body: Map, extra: &Map, stream: bool) -> Result<WireRequest> {
    for (key, value) in deployment.extra_body.iter().chain(extra) {
        body.insert(key.clone(), value.clone());
    }
    as_is(deployment, path, body, stream)
}

/// As [`post`], for a body into which the adapter has merged everything already.
///
/// # Errors
/// As [`post`].
pub fn as_is(deployment: &Deployment, path: &str, body: Map, stream: bool) -> Result<WireRequest> {
    let mut headers = HeaderMap::with_capacity(6);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let accept = if stream { "text/event-stream" } else { "application/json" };
    headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
    authorize(deployment, &mut headers)?;
    for (name, value) in &deployment.headers {
        let bad = || bad_header(deployment, name);
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        let mut value = HeaderValue::from_str(value.expose()).map_err(|_| bad())?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let bytes = serde_json::to_vec(&Value::Object(body)).map_err(|error| {
        Error::new(ErrorKind::InvalidRequest, format!("the request cannot be written as JSON: {error}"))
    })?;
    Ok(WireRequest { url: format!("{}{path}", deployment.base_url), headers, body: Bytes::from(bytes) })
}

/// Merges `extra` into `body`. Where both hold an object its keys are merged too (one level, no deeper), so that one key of
/// `generationConfig` or `options` does not wipe the others; everything else is replaced.
pub fn merge(body: &mut Map, extra: &Map) {
    for (key, value) in extra {
        match (body.get_mut(key), value) {
            (Some(Value::Object(into)), Value::Object(from)) => {
                into.extend(from.iter().map(|(k, v)| (k.clone(), v.clone())));
            }
            _ => {
                body.insert(key.clone(), value.clone());
            }
        }
    }
}

fn authorize(deployment: &Deployment, headers: &mut HeaderMap) -> Result<()> {
    let Some(key) = deployment.credential.key.as_ref().filter(|key| !key.is_empty()) else {
        return Ok(());
    };
    let (name, value) = match deployment.provider.auth {
        Auth::Bearer => (header::AUTHORIZATION, format!("Bearer {}", key.expose())),
        Auth::Header(name) => (HeaderName::from_static(name), key.expose().to_owned()),
    };
    let mut value = HeaderValue::from_str(&value).map_err(|_| bad_header(deployment, name.as_str()))?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

fn bad_header(deployment: &Deployment, name: &str) -> Error {
    let message = format!("the header `{name}` of `{}` holds a character that headers cannot carry", deployment.id);
    Error::new(ErrorKind::InvalidRequest, message)
}
