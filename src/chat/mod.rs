//! Words: the plain data that every room of the house speaks. No wire format, no provider, no decision in here.
//!
//! The shapes are OpenAI's Chat Completions ones, because that is what callers write; adapters translate them. What has
//! no counterpart here travels in `extra` maps, so that nothing a caller says is lost on the way to a provider that knows it.

pub mod accumulate;
pub mod chunk;
pub mod embedding;
pub mod message;
pub mod request;
pub mod response;
pub mod tool;
pub mod usage;

pub use accumulate::Accumulator;
pub use chunk::{ChatChunk, ChoiceDelta, ToolCallDelta};
pub use embedding::{EmbedRequest, EmbedResponse};
pub use message::{Content, Message, Part, Role};
pub use request::{ChatRequest, ResponseFormat, ToolChoice};
pub use response::{ChatResponse, Choice, FinishReason};
pub use tool::{FunctionTool, Tool, ToolCall};
pub use usage::Usage;

/// A JSON object whose keys keep their order.
pub type Map = serde_json::Map<String, serde_json::Value>;
