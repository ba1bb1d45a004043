//! Messages → `system` and turns of user and assistant.
//!
//! Anthropic's conversation has two speakers who take turns, and instructions that stand before it. Neighbours of one role
//! become one turn; results of tools are the user's; instructions go to `system` wherever they stood, because most models
//! refuse them between turns. An instruction that holds a block of Anthropic's own (`tool_addition`) stays in its place:
//! who writes one knows a model that takes it.

use serde_json::{Value, json};

use super::content::{blocks, compact};
use crate::{
    chat::{ChatRequest, Content, Map, Message, Part, Role, ToolCall},
    error::{Error, ErrorKind, Result},
};

/// The key under which an answer keeps its signed thinking, so that the next request can send it back.
pub(super) const THINKING_BLOCKS: &str = "thinking_blocks";
/// The key under which an answer keeps all its blocks, where text, thinking and calls alone would not spell it again.
pub(super) const CONTENT_BLOCKS: &str = "content_blocks";

/// A conversation as Anthropic wants it.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    /// The blocks of `system`.
    pub(super) system: Vec<Value>,
    turns: Vec<(&'static str, Vec<Value>)>,
}

impl Conversation {
    /// Reads a request's messages.
    pub(super) fn of(request: &ChatRequest) -> Result<Self> {
        let mut all = Self::default();
        for message in &request.messages {
            all.push(message)?;
        }
        if all.turns.is_empty() {
            // Instructions alone are a legal prompt elsewhere; here somebody must have said something.
            let system = std::mem::take(&mut all.system);
            all.turn("user", system);
        }
        if all.turns.is_empty() {
            return Err(Error::new(ErrorKind::InvalidRequest, "no message says anything"));
        }
        all.trim_prefill();
        Ok(all)
    }

    /// Whether the assistant is in the middle of using tools and its last turn shows no thinking: Anthropic then refuses a
    /// thinking budget. It happens when another provider's model made the calls.
    pub(super) fn has_unthought_calls(&self) -> bool {
        let last = self.turns.iter().rev().find(|(role, _)| *role == "assistant");
        let is = |block: &Value, kinds: &[&str]| block["type"].as_str().is_some_and(|kind| kinds.contains(&kind));
        last.is_some_and(|(_, blocks)| {
            blocks.iter().any(|block| is(block, &["tool_use"]))
                && !blocks.first().is_some_and(|block| is(block, &["thinking", "redacted_thinking"]))
        })
    }

    /// The turns.
    pub(super) fn messages(self) -> Value {
        self.turns.into_iter().map(|(role, blocks)| json!({"role": role, "content": compact(blocks)})).collect()
    }

    fn push(&mut self, message: &Message) -> Result<()> {
        match message.role {
            Role::System | Role::Developer => {
                let said = marked(blocks(&message.content)?, &message.extra);
                if is_anthropics_own(&message.content) {
                    self.turn("system", said);
                } else {
                    self.system.extend(said);
                }
            }
            Role::User => self.turn("user", marked(blocks(&message.content)?, &message.extra)),
            Role::Assistant => self.turn("assistant", marked(assistant(message)?, &message.extra)),
            Role::Tool => self.turn("user", vec![tool_result(message)?]),
        }
        Ok(())
    }

    fn turn(&mut self, role: &'static str, said: Vec<Value>) {
        match self.turns.last_mut() {
            _ if said.is_empty() => {}
            Some((last, blocks)) if *last == role => blocks.extend(said),
            _ => self.turns.push((role, said)),
        }
    }

    /// A last turn of the assistant is continued; Anthropic refuses one that ends with white space.
    fn trim_prefill(&mut self) {
        let Some(("assistant", blocks)) = self.turns.last_mut().map(|(role, blocks)| (*role, blocks)) else { return };
        if let Some(Value::String(text)) = blocks.last_mut().and_then(|block| block.get_mut("text")) {
            text.truncate(text.trim_end().len());
        }
    }
}

fn is_anthropics_own(content: &Content) -> bool {
    matches!(content, Content::Parts(parts) if parts.iter().any(|part| matches!(part, Part::Other(_))))
}

/// `cache_control` of a message marks its last block.
fn marked(mut blocks: Vec<Value>, extra: &Map) -> Vec<Value> {
    if let (Some(Value::Object(last)), Some(mark)) = (blocks.last_mut(), extra.get("cache_control")) {
        last.entry("cache_control").or_insert_with(|| mark.clone());
    }
    blocks
}

fn assistant(message: &Message) -> Result<Vec<Value>> {
    if let Some(whole) = whole_turn(message) {
        return Ok(whole);
    }
    let thinking = message.extra.get(THINKING_BLOCKS).and_then(Value::as_array);
    let mut turn: Vec<Value> = thinking.into_iter().flatten().filter(|block| is_signed(block)).cloned().collect();
    turn.extend(blocks(&message.content)?);
    turn.extend(message.tool_calls.iter().map(tool_use));
    Ok(turn)
}

/// The turn exactly as Claude wrote it, if the message still says the same: a caller may have edited the text or the calls.
fn whole_turn(message: &Message) -> Option<Vec<Value>> {
    let blocks = message.extra.get(CONTENT_BLOCKS)?.as_array()?;
    let of_kind = |kind: &'static str| blocks.iter().filter(move |block| block["type"] == kind);
    let said: String = of_kind("text").filter_map(|block| block["text"].as_str()).collect();
    let ids = of_kind("tool_use").map(|block| block["id"].as_str().unwrap_or(""));
    let same = said == message.content.joined("") && ids.eq(message.tool_calls.iter().map(|call| call.id.as_str()));
    let speaks =
        |block: &&Value| block["type"] != "text" || block["text"].as_str().is_some_and(|t| !t.trim().is_empty());
    (same && !blocks.is_empty()).then(|| blocks.iter().filter(speaks).cloned().collect())
}

/// Thinking can be sent back only with Anthropic's signature on it.
fn is_signed(block: &Value) -> bool {
    let key = match block["type"].as_str() {
        Some("thinking") => "signature",
        Some("redacted_thinking") => "data",
        _ => return false,
    };
    block[key].as_str().is_some_and(|sealed| !sealed.is_empty())
}

fn tool_use(call: &ToolCall) -> Value {
    let mut block = json!({
        "type": "tool_use", "id": safe_id(&call.id), "name": call.name, "input": input(&call.arguments),
    });
    if let Some(mark) = call.extra.get("cache_control") {
        block["cache_control"] = mark.clone();
    }
    block
}

/// Arguments as the object that Anthropic wants. Text that is no JSON object is kept under a name that says so, in the way
/// that Anthropic's guide to fine-grained tool streaming proposes: the model should see what it wrote.
fn input(arguments: &str) -> Value {
    if arguments.trim().is_empty() {
        return json!({});
    }
    match serde_json::from_str(arguments) {
        Ok(object @ Value::Object(_)) => object,
        Ok(Value::Null) => json!({}),
        _ => json!({"INVALID_JSON": arguments}),
    }
}

/// Anthropic takes letters, digits, `_` and `-` in the identity of a call; other providers' identities have more. The
/// same mapping on the call and on its result keeps them together.
fn safe_id(id: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    if id.is_empty() { "call".into() } else { id.chars().map(safe).collect() }
}

fn tool_result(message: &Message) -> Result<Value> {
    let Some(id) = &message.tool_call_id else {
        return Err(Error::new(ErrorKind::InvalidRequest, "a tool's message needs `tool_call_id`"));
    };
    let mut block = json!({"type": "tool_result", "tool_use_id": safe_id(id)});
    let said = blocks(&message.content)?;
    if !said.is_empty() {
        block["content"] = compact(said);
    }
    for key in ["is_error", "cache_control"] {
        if let Some(value) = message.extra.get(key) {
            block[key] = value.clone();
        }
    }
    Ok(block)
}
