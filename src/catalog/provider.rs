//! Providers: who can be called, where, how a key is presented, and which wire format is spoken.

/// A vendor or a server that speaks one wire format. The rows stand in [`crate::adapter::compatible`].
#[derive(Clone, Copy, Debug)]
pub struct Provider {
    /// The name in `"provider/model"`.
    pub id: &'static str,
    /// The name people know.
    pub title: &'static str,
    /// The wire format.
    pub dialect: Dialect,
    /// What the provider's own SDK takes as base URL; absent where the user must say it.
    pub base_url: Option<&'static str>,
    /// Environment variables that may hold the key, the usual one first; empty where none is needed.
    pub key_vars: &'static [&'static str],
    /// Whether a call without a key makes sense (local servers).
    pub key_optional: bool,
    /// How the key is presented.
    pub auth: Auth,
    /// Where this provider differs from its dialect.
    pub quirks: Quirks,
}

/// A family of wire formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI Chat Completions, which most providers speak.
    OpenAi,
    /// Anthropic Messages.
    Anthropic,
    /// Google Gemini generateContent.
    Gemini,
    /// Ollama's native `/api/chat`.
    Ollama,
    /// A dialect that this version does not speak yet; configuring one is an error that says so.
    Unsupported,
}

/// How a key is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `authorization: Bearer KEY`.
    Bearer,
    /// The key alone in a header of this name.
    Header(&'static str),
}

/// Named differences from a dialect. Each flag says what the provider does *not* take or does otherwise; the default is OpenAI's own behaviour.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about a wire, not states of one machine")]
pub struct Quirks {
    /// Refuses `stream_options` (it sends usage unasked, or never).
    pub no_stream_options: bool,
    /// Always wants `max_tokens`, never `max_completion_tokens`.
    pub only_max_tokens: bool,
    /// Wants `max_completion_tokens` for every model.
    pub only_max_completion_tokens: bool,
    /// Calls the seed `random_seed`.
    pub random_seed: bool,
    /// Spells a required tool choice `any`.
    pub any_for_required: bool,
    /// Does not know the role `developer`: it is sent as `system`.
    pub no_developer_role: bool,
    /// Ends a complete stream without `[DONE]`.
    pub no_done_marker: bool,
    /// Counts reasoning beside, not within, the completion tokens.
    pub reasoning_beside_completion: bool,
    /// Takes no `parallel_tool_calls`.
    pub no_parallel_tool_calls: bool,
    /// Takes no `user`.
    pub no_user: bool,
    /// Refuses, in a message that comes back, the keys that answers of others carry (`refusal`, `annotations`, `reasoning_content`).
    pub no_answer_keys: bool,
    /// Takes, and passes on, the keys that only Anthropic's format knows (`cache_control`, `thinking_blocks`).
    pub anthropic_keys: bool,
    /// Takes identities of calls only of nine letters and digits.
    pub short_call_ids: bool,
    /// Its own SDK takes the base URL without this path: it is added where the user's base URL does not end in a version.
    pub version_path: Option<&'static str>,
    /// Chats at this path instead of `/chat/completions`.
    pub chat_path: Option<&'static str>,
    /// Calls the length of embedding vectors `output_dimension`.
    pub output_dimension: bool,
}
