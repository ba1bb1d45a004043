//! The table of providers. A provider that speaks a known dialect is one row; what it does otherwise is a named quirk with
//! its reason, so that no adapter ever asks for a provider's name.

use crate::catalog::{Auth, Dialect, Provider, Quirks};

/// The provider of this name, as in `"provider/model"`.
pub fn provider(id: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.id == id)
}

/// All providers, in the order they are documented.
pub fn providers() -> &'static [Provider] {
    PROVIDERS
}

/// OpenAI's own behaviour.
pub const PLAIN: Quirks = Quirks {
    no_stream_options: false,
    only_max_tokens: false,
    only_max_completion_tokens: false,
    random_seed: false,
    any_for_required: false,
    no_developer_role: false,
    no_done_marker: false,
    reasoning_beside_completion: false,
    no_parallel_tool_calls: false,
    no_user: false,
    no_answer_keys: false,
    anthropic_keys: false,
    short_call_ids: false,
    version_path: None,
    chat_path: None,
    output_dimension: false,
};

/// A server of other people's models: it documents `max_tokens` for all of them, and hands roles to chat templates, most of
/// which know no `developer`.
const HOST: Quirks = Quirks { only_max_tokens: true, no_developer_role: true, ..PLAIN };

const fn cloud(
    id: &'static str,
    title: &'static str,
    url: &'static str,
    key_vars: &'static [&'static str],
) -> Provider {
    Provider {
        id,
        title,
        dialect: Dialect::OpenAi,
        base_url: Some(url),
        key_vars,
        key_optional: false,
        auth: Auth::Bearer,
        quirks: PLAIN,
    }
}

const fn host(id: &'static str, title: &'static str, url: &'static str, key_vars: &'static [&'static str]) -> Provider {
    Provider { quirks: HOST, ..cloud(id, title, url, key_vars) }
}

/// A server on the user's own machine, at its usual port.
const fn local(id: &'static str, title: &'static str, url: &'static str) -> Provider {
    Provider { key_optional: true, ..host(id, title, url, &[]) }
}

static PROVIDERS: &[Provider] = &[
    cloud("openai", "OpenAI", "https://api.openai.com/v1", &["OPENAI_API_KEY"]),
    // The endpoint belongs to the user's resource.
    Provider {
        base_url: None,
        auth: Auth::Header("api-key"),
        ..cloud("azure", "Azure OpenAI", "", &["AZURE_OPENAI_API_KEY", "AZURE_API_KEY"])
    },
    Provider {
        dialect: Dialect::Anthropic,
        auth: Auth::Header("x-api-key"),
        ..cloud("anthropic", "Anthropic", "https://api.anthropic.com", &["ANTHROPIC_API_KEY"])
    },
    Provider {
        dialect: Dialect::Gemini,
        auth: Auth::Header("x-goog-api-key"),
        ..cloud(
            "gemini",
            "Google Gemini",
            "https://generativelanguage.googleapis.com",
            &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        )
    },
    Provider { dialect: Dialect::Unsupported, base_url: None, ..cloud("vertex", "Google Vertex AI", "", &[]) },
    Provider {
        dialect: Dialect::Unsupported,
        base_url: None,
        ..cloud("bedrock", "Amazon Bedrock", "", &["AWS_BEARER_TOKEN_BEDROCK"])
    },
    Provider {
        quirks: Quirks {
            // Unknown keys are answered with 422: these are unknown to it, and usage comes unasked.
            no_stream_options: true,
            no_user: true,
            no_answer_keys: true,
            // Its names for the seed and the forced call.
            random_seed: true,
            any_for_required: true,
            // `must be a-z, A-Z, 0-9, with a length of 9`: conversations that began elsewhere have longer ones.
            short_call_ids: true,
            output_dimension: true,
            // Its SDK's server URL has no version.
            version_path: Some("/v1"),
            ..HOST
        },
        ..cloud("mistral", "Mistral", "https://api.mistral.ai/v1", &["MISTRAL_API_KEY"])
    },
    Provider {
        // Its SDK's base URL is the host alone; OpenAI's format lives below this path.
        quirks: Quirks { version_path: Some("/compatibility/v1"), ..HOST },
        ..cloud("cohere", "Cohere", "https://api.cohere.ai/compatibility/v1", &["COHERE_API_KEY", "CO_API_KEY"])
    },
    Provider {
        // `property 'refusal' is unsupported`; its SDK's base URL is the host alone.
        quirks: Quirks { no_answer_keys: true, version_path: Some("/openai/v1"), ..HOST },
        ..cloud("groq", "Groq", "https://api.groq.com/openai/v1", &["GROQ_API_KEY"])
    },
    host("deepseek", "DeepSeek", "https://api.deepseek.com", &["DEEPSEEK_API_KEY"]),
    Provider {
        // total = prompt + completion + reasoning.
        quirks: Quirks { reasoning_beside_completion: true, ..PLAIN },
        ..cloud("xai", "xAI", "https://api.x.ai/v1", &["XAI_API_KEY"])
    },
    host("together", "Together AI", "https://api.together.xyz/v1", &["TOGETHER_API_KEY"]),
    host("fireworks", "Fireworks AI", "https://api.fireworks.ai/inference/v1", &["FIREWORKS_API_KEY"]),
    Provider {
        // It translates for each model itself, and hands marks of caching to those that know them.
        quirks: Quirks { anthropic_keys: true, ..PLAIN },
        ..cloud("openrouter", "OpenRouter", "https://openrouter.ai/api/v1", &["OPENROUTER_API_KEY"])
    },
    Provider {
        // Unknown keys are refused; its SDK's base URL is the host alone.
        quirks: Quirks { only_max_completion_tokens: true, no_answer_keys: true, version_path: Some("/v1"), ..PLAIN },
        ..cloud("cerebras", "Cerebras", "https://api.cerebras.ai/v1", &["CEREBRAS_API_KEY"])
    },
    Provider {
        // Streams end with the finish reason, mostly without `[DONE]`; usage comes in every chunk.
        quirks: Quirks { no_done_marker: true, no_stream_options: true, ..HOST },
        ..cloud("perplexity", "Perplexity", "https://api.perplexity.ai", &["PERPLEXITY_API_KEY", "PPLX_API_KEY"])
    },
    host("nvidia", "NVIDIA NIM", "https://integrate.api.nvidia.com/v1", &["NVIDIA_API_KEY"]),
    host("huggingface", "Hugging Face", "https://router.huggingface.co/v1", &["HF_TOKEN", "HUGGINGFACE_API_KEY"]),
    host("moonshot", "Moonshot AI", "https://api.moonshot.ai/v1", &["MOONSHOT_API_KEY"]),
    host("zai", "Z.ai", "https://api.z.ai/api/paas/v4", &["ZAI_API_KEY", "ZHIPUAI_API_KEY"]),
    host("minimax", "MiniMax", "https://api.minimax.io/v1", &["MINIMAX_API_KEY"]),
    Provider {
        // Its explicit cache takes Anthropic's marks.
        quirks: Quirks { anthropic_keys: true, ..HOST },
        ..cloud(
            "dashscope",
            "Alibaba DashScope",
            "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
            &["DASHSCOPE_API_KEY"],
        )
    },
    host("nebius", "Nebius", "https://api.tokenfactory.nebius.com/v1", &["NEBIUS_API_KEY"]),
    host("deepinfra", "DeepInfra", "https://api.deepinfra.com/v1/openai", &["DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"]),
    cloud("github", "GitHub Models", "https://models.github.ai/inference", &["GITHUB_TOKEN", "GITHUB_API_KEY"]),
    host("venice", "Venice", "https://api.venice.ai/api/v1", &["VENICE_API_KEY"]),
    Provider {
        // It translates for each model itself, and leaves Gemini's thoughts out of completion and total alike.
        quirks: Quirks { anthropic_keys: true, reasoning_beside_completion: true, ..PLAIN },
        ..cloud("vercel", "Vercel AI Gateway", "https://ai-gateway.vercel.sh/v1", &["AI_GATEWAY_API_KEY"])
    },
    Provider {
        // Its own path, and streams that end with the finish reason.
        quirks: Quirks { chat_path: Some("/chat"), no_done_marker: true, ..HOST },
        ..cloud("writer", "Writer", "https://api.writer.com/v1", &["WRITER_API_KEY"])
    },
    Provider {
        // Embeddings only; it takes neither `dimensions` nor `user`.
        quirks: Quirks { output_dimension: true, no_user: true, ..HOST },
        ..cloud("voyage", "Voyage AI", "https://api.voyageai.com/v1", &["VOYAGE_API_KEY"])
    },
    Provider {
        // Embeddings only; unknown keys are answered with 422.
        quirks: Quirks { no_user: true, ..HOST },
        ..cloud("jina", "Jina AI", "https://api.jina.ai/v1", &["JINA_API_KEY"])
    },
    local("vllm", "vLLM", "http://127.0.0.1:8000/v1"),
    local("sglang", "SGLang", "http://127.0.0.1:30000/v1"),
    local("llamacpp", "llama.cpp", "http://127.0.0.1:8080/v1"),
    local("lmstudio", "LM Studio", "http://127.0.0.1:1234/v1"),
    Provider {
        dialect: Dialect::Ollama,
        key_vars: &["OLLAMA_API_KEY"],
        ..local("ollama", "Ollama", "http://127.0.0.1:11434")
    },
    Provider {
        base_url: None,
        // It may be a gateway with Anthropic behind it; servers of open models pass over what they do not know.
        quirks: Quirks { anthropic_keys: true, ..HOST },
        ..local("openai-compatible", "OpenAI-compatible server", "")
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_provider_has_one_row() {
        let documented = "openai azure anthropic gemini vertex bedrock mistral cohere groq deepseek xai together fireworks \
             openrouter cerebras perplexity nvidia huggingface moonshot zai minimax dashscope nebius deepinfra github venice \
             vercel writer voyage jina vllm sglang llamacpp lmstudio ollama openai-compatible";
        for id in documented.split_whitespace() {
            assert_eq!(PROVIDERS.iter().filter(|row| row.id == id).count(), 1, "{id}");
        }
        assert_eq!(PROVIDERS.len(), documented.split_whitespace().count());
    }

    #[test]
    fn rows_are_sound() {
        for row in providers() {
            assert!(row.base_url.is_none_or(|url| url.starts_with("http") && !url.ends_with('/')), "{}", row.id);
            assert!(row.key_optional || !row.key_vars.is_empty() || row.dialect == Dialect::Unsupported, "{}", row.id);
            assert!(!(row.quirks.only_max_tokens && row.quirks.only_max_completion_tokens), "{}", row.id);
        }
    }
}
