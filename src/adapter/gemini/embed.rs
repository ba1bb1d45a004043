//! Embeddings: `batchEmbedContents`, one request a text.

use serde_json::{Value, json};

use super::{camel_keys, url};
use crate::{
    adapter::{classify, post},
    catalog::Deployment,
    chat::{EmbedRequest, EmbedResponse, Map, Usage},
    error::Result,
    transport::{WireReply, WireRequest},
};

/// One item a text. Extra keys (`taskType`, `title` …) belong to the items, and are merged into each.
pub(super) fn encode(request: &EmbedRequest, deployment: &Deployment) -> Result<WireRequest> {
    let model = url::model(deployment);
    let extras: Vec<Map> = [&deployment.extra_body, &request.extra_body].map(camel_keys).into();
    let items: Vec<Value> = request
        .texts
        .iter()
        .map(|text| {
            let mut item = Map::new();
            item.insert("model".into(), model.clone().into());
            item.insert("content".into(), json!({"parts": [{"text": text}]}));
            if let Some(dimensions) = request.dimensions {
                item.insert("outputDimensionality".into(), dimensions.into());
            }
            for extra in &extras {
                post::merge(&mut item, extra);
            }
            Value::Object(item)
        })
        .collect();
    let body = Map::from_iter([("requests".into(), Value::Array(items))]);
    post::as_is(deployment, &url::path(deployment, "batchEmbedContents"), body, false)
}

/// The vectors; Google names no model and rarely counts tokens.
pub(super) fn decode(reply: &WireReply, deployment: &Deployment) -> Result<EmbedResponse> {
    let bad = || classify::protocol(reply, deployment, "what is no list of vectors");
    let body: Value = serde_json::from_slice(&reply.body).map_err(|_| bad())?;
    let list = match (body.get("embeddings"), body.get("embedding")) {
        (Some(Value::Array(list)), _) => list.as_slice(),
        (None, Some(one)) => std::slice::from_ref(one),
        _ => return Err(bad()),
    };
    let vector = |item: &Value| -> Option<Vec<f32>> {
        item.get("values")?.as_array()?.iter().map(|number| number.as_f64().map(|n| n as f32)).collect()
    };
    let tokens = body.get("usageMetadata").and_then(|usage| usage.get("promptTokenCount")).and_then(Value::as_u64);
    Ok(EmbedResponse {
        model: deployment.model.clone(),
        embeddings: list.iter().map(vector).collect::<Option<_>>().ok_or_else(bad)?,
        usage: tokens.map(|input| Usage { input, ..Usage::default() }),
    })
}
