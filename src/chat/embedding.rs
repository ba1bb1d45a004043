//! Texts in, vectors out.

use serde_json::{Value, json};

use super::{Map, Usage};

/// Texts to embed.
#[derive(Clone, Debug, Default)]
pub struct EmbedRequest {
    /// The texts; one vector each.
    pub texts: Vec<String>,
    /// Length of the vectors, where the model can shorten them.
    pub dimensions: Option<u32>,
    /// The end user, as the provider should know them.
    pub user: Option<String>,
    /// Keys for the provider's own body, merged last and unchanged.
    pub extra_body: Map,
}

/// Vectors, in the order of the texts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EmbedResponse {
    /// The model as the provider reported it.
    pub model: String,
    /// One vector a text.
    pub embeddings: Vec<Vec<f32>>,
    /// Tokens, where the provider counted them.
    pub usage: Option<Usage>,
}

impl EmbedResponse {
    /// OpenAI's `list` of `embedding` objects.
    pub fn to_openai(&self) -> Value {
        let data: Vec<Value> = self
            .embeddings
            .iter()
            .enumerate()
            .map(|(index, vector)| json!({"object": "embedding", "index": index, "embedding": vector}))
            .collect();
        let tokens = self.usage.map_or(0, |usage| usage.prompt_tokens());
        json!({"object": "list", "model": self.model, "data": data, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}})
    }
}
