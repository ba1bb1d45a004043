//! Deployments out of nothing but the environment: one for every provider whose key is set.

use serde_json::Value;

use super::{Env, secret};
use crate::{
    adapter::compatible::provider,
    error::{Error, Result},
};

/// The variable that names a configuration file.
pub(super) const FILE: &str = "WAYPOST_CONFIG";

/// A good and cheap chat model of each major provider, in the order in which they are tried.
///
/// Each stands in the bundled catalogue with its price; hosts of open weights all serve the same one. Left out are providers that need more than a key (`azure`, `bedrock`, `vertex`), and those whose variable is set for
/// other reasons on many machines (`GITHUB_TOKEN`, `HF_TOKEN`): nobody's prompts should go there by accident.
const MODELS: &[(&str, &str)] = &[
    ("openai", "gpt-5-mini"),
    ("anthropic", "claude-haiku-4-5"),
    ("gemini", "gemini-flash-lite-latest"),
    ("mistral", "mistral-small-latest"),
    ("groq", "openai/gpt-oss-120b"),
    ("deepseek", "deepseek-chat"),
    ("xai", "grok-4-1-fast-non-reasoning"),
    ("cohere", "command-r7b-12-2024"),
    ("together", "openai/gpt-oss-120b"),
    ("fireworks", "accounts/fireworks/models/gpt-oss-120b"),
    ("openrouter", "openai/gpt-5-mini"),
    ("cerebras", "gpt-oss-120b"),
    ("perplexity", "sonar"),
    ("moonshot", "kimi-k2.5"),
    ("zai", "glm-5.3-flash"),
    ("dashscope", "qwen-flash"),
    ("deepinfra", "openai/gpt-oss-120b"),
    ("nebius", "openai/gpt-oss-120b"),
];

/// A list of `"provider/model"`.
pub(super) fn deployments(env: Env<'_>) -> Result<Value> {
    let known = || MODELS.iter().filter_map(|(id, model)| Some((provider(id)?, model)));
    let is_set = |names: &[&str]| names.iter().any(|name| secret::variable(env, name).is_some());
    let found: Vec<Value> = known()
        .filter(|(provider, _)| is_set(provider.key_vars))
        .map(|(provider, model)| format!("{}/{model}", provider.id).into())
        .collect();
    if !found.is_empty() {
        return Ok(found.into());
    }
    let names: Vec<&str> = known().filter_map(|(provider, _)| provider.key_vars.first().copied()).take(6).collect();
    let message = format!("no provider's key is set: looked for {} and others", names.join(", "));
    let hint = format!("set one of them, or name a configuration file in {FILE}");
    Err(Error::config("environment", message).with_hint(Some(hint)))
}
