//! How one model is spelled by those who sell it. Pure: a name in, the names to look up out.
//!
//! Only spellings that a provider's own documentation calls the same model are tried: a path in front of the name, the date
//! of a snapshot behind it. A name that merely resembles another is another model.

use std::borrow::Cow;

/// Paths that stand before a model's name at the providers that have them.
const PATHS: [&str; 4] =
    ["models/", "publishers/google/models/", "publishers/anthropic/models/", "accounts/fireworks/models/"];

/// Bedrock's inference profiles: the same model, served from more than one region, at prices of their own.
const PROFILES: [&str; 8] = ["us", "eu", "apac", "global", "jp", "au", "ca", "us-gov"];

/// The vendors that marketplaces write before the slash, and where their own rows are.
const VENDORS: [(&str, &str); 19] = [
    ("alibaba", "dashscope"),
    ("anthropic", "anthropic"),
    ("cohere", "cohere"),
    ("deepseek", "deepseek"),
    ("google", "gemini"),
    ("minimax", "minimax"),
    ("minimaxai", "minimax"),
    ("mistral", "mistral"),
    ("mistral-ai", "mistral"),
    ("mistralai", "mistral"),
    ("moonshotai", "moonshot"),
    ("openai", "openai"),
    ("perplexity", "perplexity"),
    ("qwen", "dashscope"),
    ("x-ai", "xai"),
    ("xai", "xai"),
    ("z-ai", "zai"),
    ("zai", "zai"),
    ("zai-org", "zai"),
];

/// The spellings of `model` in its own provider's rows, the most exact first, in lower case.
pub(super) fn spellings(model: &str) -> Vec<String> {
    let lower = model.to_ascii_lowercase();
    let mut names = vec![lower.clone()];
    let bare = without_path(&lower);
    for name in [bare, without_account(bare), undated(bare)] {
        if names.iter().all(|known| known != name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// The vendor's provider and the vendor's own spellings of a marketplace's `vendor/model`.
pub(super) fn at_vendor(model: &str) -> Option<(&'static str, Vec<String>)> {
    let lower = without_variant(model).to_ascii_lowercase();
    let (vendor, name) = lower.split_once('/')?;
    let &(_, provider) = VENDORS.iter().find(|(known, _)| *known == vendor)?;
    let mut names = spellings(name);
    // Marketplaces write `claude-haiku-4.5` for what Anthropic calls `claude-haiku-4-5`.
    names.extend(spellings(&name.replace('.', "-")));
    Some((provider, names))
}

/// A model at Bedrock without the inference profile before it.
pub(super) fn without_profile(model: &str) -> Option<&str> {
    let (profile, rest) = model.split_once('.')?;
    PROFILES.contains(&profile).then_some(rest)
}

/// A marketplace's name without the variant behind it (`:free`, `:nitro`, `:together`).
pub(super) fn without_variant(model: &str) -> &str {
    model.split_once(':').map_or(model, |(name, _)| name)
}

/// Whether `rest` is the end of a dated snapshot's name: `-2025-08-07`, `-20251001`, `@20251001`.
pub(super) fn is_date(rest: &str) -> bool {
    let Some(date) = rest.strip_prefix(['-', '@']) else { return false };
    let digits: Cow<'_, str> = match date.len() {
        10 if date.as_bytes()[4] == b'-' && date.as_bytes()[7] == b'-' => date.replace('-', "").into(),
        _ => date.into(),
    };
    digits.len() == 8 && digits.starts_with("20") && digits.bytes().all(|digit| digit.is_ascii_digit())
}

/// Without the path that stands before it.
fn without_path(name: &str) -> &str {
    PATHS.iter().find_map(|path| name.strip_prefix(path)).unwrap_or(name)
}

/// A fine-tuned model without whose it is: `ft:gpt-4o-2024-08-06:org::id` is priced as `ft:gpt-4o-2024-08-06`.
fn without_account(name: &str) -> &str {
    let Some(rest) = name.strip_prefix("ft:") else { return name };
    rest.find(':').map_or(name, |end| &name[..end + 3])
}

/// Without the snapshot's date, or the word that stands for the newest one.
fn undated(name: &str) -> &str {
    if let Some(base) = name.strip_suffix("-latest").or_else(|| name.strip_suffix("@default")) {
        return base;
    }
    [11, 9]
        .iter()
        .filter_map(|length| name.split_at_checked(name.len().checked_sub(*length)?))
        .find(|(base, rest)| !base.is_empty() && is_date(rest))
        .map_or(name, |(base, _)| base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_as_written_comes_first() {
        assert_eq!(spellings("gpt-5-mini-2025-08-07"), ["gpt-5-mini-2025-08-07", "gpt-5-mini"]);
        assert_eq!(spellings("claude-haiku-4-5@20251001"), ["claude-haiku-4-5@20251001", "claude-haiku-4-5"]);
        assert_eq!(spellings("models/Gemini-2.5-pro"), ["models/gemini-2.5-pro", "gemini-2.5-pro"]);
        assert_eq!(spellings("ft:gpt-4o-2024-08-06:me::x"), ["ft:gpt-4o-2024-08-06:me::x", "ft:gpt-4o-2024-08-06"]);
        assert_eq!(spellings("mistral-large-latest"), ["mistral-large-latest", "mistral-large"]);
    }

    #[test]
    fn a_number_that_is_no_date_belongs_to_the_name() {
        for name in ["gpt-4-0613", "gemini-2.0-flash-001", "llama-3-12345678", "日本語-モデル", "-20251001", ""] {
            assert_eq!(spellings(name), [name]);
        }
    }

    #[test]
    fn a_marketplace_names_the_vendor() {
        let (provider, names) = at_vendor("anthropic/claude-haiku-4.5:beta").unwrap();
        assert_eq!((provider, names.last().map(String::as_str)), ("anthropic", Some("claude-haiku-4-5")));
        assert!(at_vendor("nobody/model").is_none() && at_vendor("gpt-5").is_none());
    }
}
