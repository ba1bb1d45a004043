//! A deployment: one callable endpoint, with everything that is fixed about it.

use serde_json::Value;

use super::{ModelFacts, Price, Provider, Secret};
use crate::{chat::Map, id::DeploymentId};

/// One callable endpoint: provider, model, base URL, credential, facts and price. What changes while it runs is elsewhere.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its name.
    pub id: DeploymentId,
    /// Who is called.
    pub provider: &'static Provider,
    /// The model's name, sent unchanged.
    pub model: String,
    /// The base URL, without a trailing slash.
    pub base_url: String,
    /// What opens the door.
    pub credential: Credential,
    /// Which of the provider's wire formats is spoken.
    pub api: Api,
    /// The version the provider wants named (Azure's `api-version`, Anthropic's `anthropic-version`).
    pub api_version: Option<String>,
    /// The region it runs in, for rules and for providers whose address has it.
    pub region: Option<String>,
    /// Headers sent with every request.
    pub headers: Vec<(String, Secret)>,
    /// Keys merged into every body, before the caller's own `extra_body`.
    pub extra_body: Map,
    /// What the model can do, where known.
    pub facts: ModelFacts,
    /// What it costs; absent means unpriced, never free.
    pub price: Option<Price>,
    /// Labels that rules and candidate lists speak of.
    pub tags: Vec<String>,
    /// Other attributes that rules speak of (`zdr`, `baa`, `trains_on_data` …).
    pub attributes: Map,
    /// Whether answers are fetched as a stream also when the caller wants them whole.
    pub stream_upstream: bool,
}

impl Deployment {
    /// Whether it carries this label.
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|own| own == tag)
    }

    /// An attribute by name: `provider`, `model`, `region` and `name` beside those the user gave.
    pub fn attribute(&self, name: &str) -> Option<Value> {
        match name {
            "provider" => Some(self.provider.id.into()),
            "model" => Some(self.model.clone().into()),
            "name" | "deployment" => Some(self.id.as_str().into()),
            "region" => self.region.clone().map(Value::String),
            other => self.attributes.get(other).cloned(),
        }
    }
}

/// What opens the door.
#[derive(Clone, Debug, Default)]
pub struct Credential {
    /// The API key; absent where none is needed.
    pub key: Option<Secret>,
    /// Cloud project (Vertex).
    pub project: Option<String>,
    /// Cloud location (Vertex).
    pub location: Option<String>,
}

/// Which of a provider's wire formats is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Api {
    /// The provider's chat format.
    #[default]
    Chat,
    /// OpenAI's Responses format.
    Responses,
    /// OpenAI's chat format at a provider that has a native one (`ollama`).
    OpenAi,
}
