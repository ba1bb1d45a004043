//! Embeddings: a list of texts in, a list of vectors out, as numbers or as bytes.

use serde_json::Value;

use super::{address, base64, error, usage};
use crate::{
    adapter::classify,
    catalog::Deployment,
    chat::{EmbedRequest, EmbedResponse, Map},
    error::Result,
    transport::WireReply,
};

/// The body that asks for vectors.
pub(super) fn body(request: &EmbedRequest, deployment: &Deployment) -> Map {
    let quirks = &deployment.provider.quirks;
    let mut body = Map::new();
    if !address::names_model(deployment) {
        body.insert("model".into(), deployment.model.clone().into());
    }
    body.insert("input".into(), request.texts.clone().into());
    if let Some(length) = request.dimensions {
        let key = if quirks.output_dimension { "output_dimension" } else { "dimensions" };
        body.insert(key.into(), length.into());
    }
    if let Some(user) = request.user.as_ref().filter(|_| !quirks.no_user) {
        body.insert("user".into(), user.clone().into());
    }
    body
}

/// The vectors, in the order of the texts.
pub(super) fn decode(reply: &WireReply, deployment: &Deployment) -> Result<EmbedResponse> {
    let protocol = |what: &str| classify::protocol(reply, deployment, what);
    let value: Value = serde_json::from_slice(&reply.body).map_err(|_| protocol("a body that is not JSON"))?;
    if let Some(error) = error::in_reply(&value, "data", reply, deployment) {
        return Err(error);
    }
    let items = value.get("data").and_then(Value::as_array).filter(|items| !items.is_empty());
    let items = items.ok_or_else(|| protocol("no vectors"))?;
    let mut vectors = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        let vector = item.get("embedding").and_then(vector).ok_or_else(|| protocol("a vector that cannot be read"))?;
        let place = item.get("index").and_then(Value::as_u64).unwrap_or(place as u64);
        vectors.push((place, vector));
    }
    // A stable sort: equal places keep the order in which they came.
    vectors.sort_by_key(|(place, _)| *place);
    Ok(EmbedResponse {
        model: value.get("model").and_then(Value::as_str).unwrap_or("").into(),
        embeddings: vectors.into_iter().map(|(_, vector)| vector).collect(),
        usage: value.get("usage").and_then(|said| usage::read(said, false)),
    })
}

/// A list of numbers, or the base64 of little-endian 32-bit floats.
fn vector(value: &Value) -> Option<Vec<f32>> {
    match value {
        Value::Array(numbers) => numbers.iter().map(|number| number.as_f64().map(|number| number as f32)).collect(),
        Value::String(text) => {
            let bytes = base64::decode(text)?;
            let chunks = bytes.chunks_exact(4);
            let whole = chunks.remainder().is_empty();
            whole.then(|| chunks.filter_map(|chunk| chunk.try_into().ok().map(f32::from_le_bytes)).collect())
        }
        _ => None,
    }
}
