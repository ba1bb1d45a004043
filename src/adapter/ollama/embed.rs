//! Embeddings: `/api/embed`, all texts in one request.

use serde::Deserialize;
use serde_json::json;

use crate::{
    adapter::classify,
    catalog::Deployment,
    chat::{EmbedRequest, EmbedResponse, Map, Usage},
    error::Result,
    transport::WireReply,
};

/// The body, before anything extra is merged in.
pub(super) fn body(request: &EmbedRequest, deployment: &Deployment) -> Map {
    let mut out = Map::new();
    out.insert("model".into(), deployment.model.clone().into());
    out.insert("input".into(), json!(request.texts));
    if let Some(dimensions) = request.dimensions {
        out.insert("dimensions".into(), dimensions.into());
    }
    out
}

/// The vectors.
pub(super) fn decode(reply: &WireReply, deployment: &Deployment) -> Result<EmbedResponse> {
    #[derive(Deserialize)]
    struct Body {
        model: Option<String>,
        embeddings: Vec<Vec<f32>>,
        prompt_eval_count: Option<u64>,
    }
    let body: Body = serde_json::from_slice(&reply.body)
        .map_err(|_| classify::protocol(reply, deployment, "what is no list of vectors"))?;
    Ok(EmbedResponse {
        model: body.model.unwrap_or_else(|| deployment.model.clone()),
        embeddings: body.embeddings,
        usage: body.prompt_eval_count.map(|input| Usage { input, ..Usage::default() }),
    })
}
