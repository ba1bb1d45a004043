//! Tokens used, in disjoint buckets that add up: nothing is counted twice and nothing is priced as something else.

use serde::{Deserialize, Serialize};

/// Tokens of one answer. The five buckets are disjoint; the totals that APIs speak of are sums of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Prompt tokens that were neither read from a provider's prompt cache nor written to it.
    pub input: u64,
    /// Prompt tokens read from the provider's cache.
    pub cache_read: u64,
    /// Prompt tokens written to the provider's cache.
    pub cache_write: u64,
    /// Answer tokens that are not reasoning.
    pub output: u64,
    /// Reasoning tokens.
    pub reasoning: u64,
}

impl Usage {
    /// From totals that include their parts, as OpenAI counts: cached tokens are part of the prompt, reasoning of the completion.
    pub fn from_totals(prompt: u64, completion: u64, cached: u64, cache_write: u64, reasoning: u64) -> Self {
        let cached = cached.min(prompt);
        let cache_write = cache_write.min(prompt - cached);
        let reasoning = reasoning.min(completion);
        Self {
            input: prompt - cached - cache_write,
            cache_read: cached,
            cache_write,
            output: completion - reasoning,
            reasoning,
        }
    }

    /// All prompt tokens.
    pub fn prompt_tokens(&self) -> u64 {
        self.input.saturating_add(self.cache_read).saturating_add(self.cache_write)
    }

    /// All answer tokens, reasoning included.
    pub fn completion_tokens(&self) -> u64 {
        self.output.saturating_add(self.reasoning)
    }

    /// All tokens.
    pub fn total_tokens(&self) -> u64 {
        self.prompt_tokens().saturating_add(self.completion_tokens())
    }
}

#[cfg(test)]
mod tests {
    use super::Usage;

    #[test]
    fn buckets_add_up_to_the_totals_they_came_from() {
        let usage = Usage::from_totals(100, 50, 30, 20, 10);
        assert_eq!(usage, Usage { input: 50, cache_read: 30, cache_write: 20, output: 40, reasoning: 10 });
        assert_eq!((usage.prompt_tokens(), usage.completion_tokens(), usage.total_tokens()), (100, 50, 150));
    }

    #[test]
    fn parts_larger_than_their_total_are_cut_to_it() {
        let usage = Usage::from_totals(10, 5, 99, 99, 99);
        assert_eq!((usage.prompt_tokens(), usage.completion_tokens()), (10, 5));
    }
}
