use super::*;
use crate::{catalog::Money, chat::Usage};

fn facts(provider: &str, model: &str) -> ModelFacts {
    lookup(provider, model).unwrap_or_else(|| panic!("{provider}/{model} is unknown")).facts.clone()
}

fn price(provider: &str, model: &str) -> Option<(f64, f64)> {
    lookup(provider, model)?.price.as_ref().map(|price| (price.input, price.output))
}

/// API.md §5.
const PROVIDERS: &str = "openai azure anthropic gemini vertex bedrock mistral cohere groq deepseek xai together fireworks \
    openrouter cerebras perplexity nvidia huggingface moonshot zai minimax dashscope nebius deepinfra github venice vercel \
    writer voyage jina vllm sglang llamacpp lmstudio ollama openai-compatible";

#[test]
fn the_bundled_file_parses_and_speaks_of_known_providers() {
    let catalogue = Catalogue::read(FILE).unwrap();
    assert_eq!(catalogue.as_of.len(), 10);
    assert!(entries().count() > 3_000);
    for provider in catalogue.shelves.keys() {
        assert!(PROVIDERS.split_whitespace().any(|known| known == *provider), "{provider}");
    }
}

#[test]
fn a_corrupt_file_is_an_error_and_so_an_empty_catalogue() {
    assert!(Catalogue::read(&FILE[..FILE.len() / 2]).is_err());
}

#[test]
fn well_known_models_have_their_published_facts() {
    let mini = facts("openai", "gpt-5-mini");
    assert_eq!((mini.context_window, mini.max_input, mini.max_output), (Some(400_000), Some(272_000), Some(128_000)));
    assert_eq!(
        (mini.vision, mini.tools, mini.reasoning, mini.json_schema),
        (Some(true), Some(true), Some(true), Some(true))
    );
    assert_eq!((mini.audio, mini.seed, mini.embedding), (Some(false), None, Some(false)));
    assert_eq!(price("openai", "gpt-5-mini"), Some((0.25, 2.0)));
    assert_eq!(facts("anthropic", "claude-haiku-4-5").prefill, Some(true));
    assert_eq!(facts("openai", "text-embedding-3-small").embedding, Some(true));
    assert_eq!(price("openai", "text-embedding-3-small"), Some((0.02, 0.0)));
}

#[test]
fn long_prompts_and_cache_have_their_prices() {
    let price = lookup("gemini", "models/gemini-2.5-pro").unwrap().price.clone().unwrap();
    assert_eq!(price.cost(&Usage::from_totals(300_000, 1_000, 0, 0, 0)), Money::from_usd(0.765));
    assert_eq!(price.cost(&Usage::from_totals(300_000, 0, 300_000, 0, 0)), Money::from_usd(0.075));
    let sonar = lookup("perplexity", "sonar").unwrap().price.clone().unwrap();
    assert_eq!(sonar.cost(&Usage::from_totals(1_000, 1_000, 0, 0, 0)), Money::from_usd(0.002 + sonar.request.unwrap()));
}

/// What genai-prices' own calculator says to usages made up by `scripts/catalogue.py --verify`.
const COSTS: &str = include_str!("../../../tests/fixtures/catalogue/costs.tsv");

#[test]
fn costs_are_those_of_a_second_calculator() {
    for line in COSTS.lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let count = |column: usize| columns[column].parse::<u64>().unwrap();
        let usage = Usage {
            input: count(2),
            cache_read: count(3),
            cache_write: count(4),
            output: count(5),
            reasoning: count(6),
        };
        let expected: f64 = columns[7].parse().unwrap();
        let cost =
            lookup(columns[0], columns[1]).and_then(|entry| Some(entry.price.as_ref()?.cost(&usage).usd())).unwrap();
        assert!((cost - expected).abs() <= 1e-9 + 1e-7 * expected, "{line}: {cost}");
    }
}

#[test]
fn names_of_one_model_find_one_row() {
    for (provider, name) in [
        ("openai", "gpt-5-mini-2025-08-07"),
        ("openai", "gpt-5-mini-2099-01-01"),
        ("anthropic", "claude-haiku-4-5-20251001"),
        ("anthropic", "claude-opus-4-1"),
        ("vertex", "claude-haiku-4-5@20251001"),
        ("vertex", "publishers/google/models/gemini-2.5-pro"),
        ("fireworks", "accounts/fireworks/models/deepseek-v3"),
        ("minimax", "minimax-m2"),
        ("azure", "gpt-5-mini"),
    ] {
        assert!(lookup(provider, name).is_some_and(|entry| entry.price.is_some()), "{provider}/{name}");
    }
    assert_eq!(price("openai", "gpt-5-mini-2099-01-01"), price("openai", "gpt-5-mini"));
}

#[test]
fn a_base_name_without_a_row_is_its_newest_snapshot() {
    let text =
        r#"{"as_of":"","models":{"openai":{"m-2025-01-02":{"w":1},"m-2025-03-04":{"w":2},"m-x":{"w":3}}},"open":{}}"#;
    let catalogue = Catalogue::read(text).unwrap();
    assert_eq!(catalogue.own("openai", &["m".into()]).unwrap().entry.facts.context_window, Some(2));
}

#[test]
fn azure_has_openai_s_rows_where_it_has_none() {
    let text = r#"{"as_of":"","models":{"openai":{"m":{"w":9,"p":[1,2]}},"azure":{"own":{}}},"open":{}}"#;
    let catalogue = Catalogue::read(text).unwrap();
    assert!(catalogue.inherited("azure", "m").is_some_and(|entry| entry.price.is_some()));
}

#[test]
fn others_than_the_vendor_take_its_facts_and_not_its_price() {
    for (provider, name) in [
        ("github", "openai/gpt-5-mini"),
        ("openrouter", "anthropic/claude-haiku-4.5:nowhere"),
        ("vllm", "meta-llama/Llama-3.3-70B-Instruct"),
        ("openai-compatible", "meta-llama/llama-3.3-70b-instruct"),
        ("huggingface", "meta-llama/Llama-3.3-70B-Instruct"),
    ] {
        let entry = lookup(provider, name).unwrap_or_else(|| panic!("{provider}/{name}"));
        assert!(entry.price.is_none() && entry.facts.context_window.is_some(), "{provider}/{name}");
    }
    let own = lookup("openrouter", "anthropic/claude-haiku-4.5").unwrap();
    assert!(own.price.is_some() && own.facts.vision == Some(true), "its own price, the vendor's facts: {own:?}");
}

#[test]
fn what_nobody_published_is_unknown() {
    for (provider, model) in [
        ("openai", "gpt-99"),
        ("openai", "gpt-5-mini-but-not-quite"),
        ("openai", "anthropic/claude-haiku-4-5"),
        ("nobody", "gpt-5-mini"),
        ("vllm", "gpt-5-mini"),
        ("vllm", "llama-3.3-70b"),
        ("anthropic", ""),
        ("openrouter", "/"),
    ] {
        assert_eq!(lookup(provider, model), None, "{provider}/{model}");
    }
    assert!(entries().filter(|entry| LOCAL.contains(&entry.provider)).all(|entry| entry.price.is_none()));
}

#[test]
fn every_price_is_a_price() {
    let sane = |value: f64| value.is_finite() && (0.0..=1_000.0).contains(&value);
    for entry in entries() {
        let Some(price) = &entry.price else { continue };
        let mut all = vec![price.input, price.output];
        all.extend([price.cache_read, price.cache_write, price.reasoning, price.request].into_iter().flatten());
        for tier in &price.tiers {
            all.extend(
                [tier.input, tier.output, tier.cache_read, tier.cache_write, tier.reasoning].into_iter().flatten(),
            );
        }
        assert!(all.into_iter().all(sane), "{entry:?}");
        assert!(price.tiers.is_sorted_by(|a, b| a.above < b.above), "{entry:?}");
        let window = entry.facts.context_window.unwrap_or(u64::MAX);
        assert!(entry.facts.max_input.is_none_or(|input| input < window), "{entry:?}");
    }
}
