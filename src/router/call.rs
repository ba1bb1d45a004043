//! One call as the edges hand it in.

use std::{sync::Arc, time::Duration};

use super::sense::Sensed;
use crate::chat::{ChatRequest, EmbedRequest, Map};

/// What is asked, of whom, and what the caller says about it.
#[derive(Clone, Debug)]
pub struct Call {
    /// The question.
    pub ask: Ask,
    /// A route, a deployment or `"provider/model"`.
    pub model: String,
    /// Labels that rules read.
    pub tags: Vec<String>,
    /// Facts that rules read.
    pub metadata: Map,
    /// For stickiness.
    pub session: Option<String>,
    /// The whole time it may take.
    pub timeout: Option<Duration>,
    /// US dollars it may be expected to cost.
    pub max_cost: Option<f64>,
    /// Whether the answer is wanted as a stream.
    pub stream: bool,
    /// Whether it may queue for a place under the limits until its deadline: of a batch, where nobody waits for one answer.
    pub patient: bool,
    /// Whether the caller joins all pieces of a stream, so that an answer that begins anew would stand in it twice.
    pub joined: bool,
    /// What came of the user's own signals; the router's to set.
    pub sensed: Arc<Sensed>,
    /// Which call of its router it is; the router's to set. Every draw of chance depends on it.
    pub number: u64,
}

/// A question.
#[derive(Clone, Debug)]
pub enum Ask {
    /// An answer to a conversation.
    Chat(Arc<ChatRequest>),
    /// Vectors for texts.
    Embed(Arc<EmbedRequest>),
}

impl Call {
    /// A call of the default route.
    pub fn new(ask: Ask) -> Self {
        Self {
            ask,
            model: "auto".into(),
            tags: Vec::new(),
            metadata: Map::new(),
            session: None,
            timeout: None,
            max_cost: None,
            stream: false,
            patient: false,
            joined: false,
            sensed: Arc::default(),
            number: 0,
        }
    }

    /// The chat request, if it is one.
    pub fn chat(&self) -> Option<&Arc<ChatRequest>> {
        match &self.ask {
            Ask::Chat(request) => Some(request),
            Ask::Embed(_) => None,
        }
    }
}
