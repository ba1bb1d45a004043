//! What a model can do. Every ability has three values: yes, no and unknown; nothing is guessed.

use serde::{Deserialize, Serialize};

/// Facts about a model. `None` means unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelFacts {
    /// Tokens of prompt and answer together.
    pub context_window: Option<u64>,
    /// Tokens of a prompt at most, where the provider cuts it shorter than the window (GPT-5: 272k of 400k).
    pub max_input: Option<u64>,
    /// Tokens of an answer at most.
    pub max_output: Option<u64>,
    /// Takes images.
    pub vision: Option<bool>,
    /// Takes audio.
    pub audio: Option<bool>,
    /// Takes files.
    pub files: Option<bool>,
    /// Calls tools.
    pub tools: Option<bool>,
    /// Calls several tools in one message.
    pub parallel_tools: Option<bool>,
    /// Follows a JSON schema.
    pub json_schema: Option<bool>,
    /// Answers with some JSON object on request.
    pub json_mode: Option<bool>,
    /// Reasons before it answers, and takes `reasoning_effort`.
    pub reasoning: Option<bool>,
    /// Continues a last message of the assistant.
    pub prefill: Option<bool>,
    /// Gives log probabilities.
    pub logprobs: Option<bool>,
    /// Takes a seed.
    pub seed: Option<bool>,
    /// Embeds texts instead of chatting.
    pub embedding: Option<bool>,
}

/// One ability, by the name that configuration, decisions and errors use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ability {
    /// Takes images.
    Vision,
    /// Takes audio.
    Audio,
    /// Takes files.
    Files,
    /// Calls tools.
    Tools,
    /// Calls several tools in one message.
    ParallelTools,
    /// Follows a JSON schema.
    JsonSchema,
    /// Answers with some JSON object on request.
    JsonMode,
    /// Reasons before it answers.
    Reasoning,
    /// Continues a last message of the assistant.
    Prefill,
    /// Gives log probabilities.
    Logprobs,
    /// Takes a seed.
    Seed,
}

impl Ability {
    /// All abilities, in the order they are documented.
    pub const ALL: [Self; 11] = [
        Self::Vision,
        Self::Audio,
        Self::Files,
        Self::Tools,
        Self::ParallelTools,
        Self::JsonSchema,
        Self::JsonMode,
        Self::Reasoning,
        Self::Prefill,
        Self::Logprobs,
        Self::Seed,
    ];

    /// The name in configuration, decisions and errors.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vision => "vision",
            Self::Audio => "audio",
            Self::Files => "files",
            Self::Tools => "tools",
            Self::ParallelTools => "parallel_tools",
            Self::JsonSchema => "json_schema",
            Self::JsonMode => "json_mode",
            Self::Reasoning => "reasoning",
            Self::Prefill => "prefill",
            Self::Logprobs => "logprobs",
            Self::Seed => "seed",
        }
    }
}

impl ModelFacts {
    /// Whether the model has `ability`; `None` means unknown.
    pub fn has(&self, ability: Ability) -> Option<bool> {
        match ability {
            Ability::Vision => self.vision,
            Ability::Audio => self.audio,
            Ability::Files => self.files,
            Ability::Tools => self.tools,
            Ability::ParallelTools => self.parallel_tools,
            Ability::JsonSchema => self.json_schema,
            Ability::JsonMode => self.json_mode,
            Ability::Reasoning => self.reasoning,
            Ability::Prefill => self.prefill,
            Ability::Logprobs => self.logprobs,
            Ability::Seed => self.seed,
        }
    }

    /// These facts where they are known, `other`'s where they are not.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self {
            context_window: self.context_window.or(other.context_window),
            max_input: self.max_input.or(other.max_input),
            max_output: self.max_output.or(other.max_output),
            vision: self.vision.or(other.vision),
            audio: self.audio.or(other.audio),
            files: self.files.or(other.files),
            tools: self.tools.or(other.tools),
            parallel_tools: self.parallel_tools.or(other.parallel_tools),
            json_schema: self.json_schema.or(other.json_schema),
            json_mode: self.json_mode.or(other.json_mode),
            reasoning: self.reasoning.or(other.reasoning),
            prefill: self.prefill.or(other.prefill),
            logprobs: self.logprobs.or(other.logprobs),
            seed: self.seed.or(other.seed),
            embedding: self.embedding.or(other.embedding),
        }
    }
}
