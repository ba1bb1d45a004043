//! Configurations as users write them, right and wrong.

mod choices;
mod example;
mod mistakes;
mod settings;
mod syntax;

use super::{Format, Settings, from_text};
use crate::error::{Error, Result};

/// Three deployments that everything can be said about.
const BASE: &str = r#"
[deployments.mini]
model = "openai/gpt-5-mini"
tags = ["us"]

[deployments.haiku]
model = "anthropic/claude-haiku-4-5"
tags = ["eu"]
region = "eu-west-1"
zdr = true

[deployments.house]
model = "openai-compatible/llama-3.3-70b"
base_url = "http://127.0.0.1:8000/v1"
tags = ["private", "eu"]
"#;

const SECRET: &str = "sk-never-shown-0123456789";

/// An environment with the keys of two providers.
fn env(name: &str) -> Option<String> {
    match name {
        "OPENAI_API_KEY" | "ANTHROPIC_API_KEY" | "ANTHROPIC_KEY_EU" => Some(SECRET.into()),
        "EMPTY" => Some(String::new()),
        "BROKEN_KEY" => Some(format!("{SECRET}\n")),
        _ => None,
    }
}

fn toml(text: &str) -> Result<Settings> {
    from_text(text, Format::Toml, "waypost.toml", &env)
}

/// [`BASE`] and more sections.
fn with_base(more: &str) -> Result<Settings> {
    toml(&format!("{BASE}\n{more}"))
}

/// One deployment `x` with these lines.
fn deployment(lines: &str) -> Result<Settings> {
    toml(&format!("[deployments.x]\nmodel = \"openai/gpt-5-mini\"\n{lines}"))
}

/// The route `fast` over [`BASE`] with these lines.
fn route(lines: &str) -> Result<Settings> {
    with_base(&format!("[routes.fast]\n{lines}"))
}

/// One rule over [`BASE`] with these lines.
fn rule(lines: &str) -> Result<Settings> {
    with_base(&format!("[[rules]]\n{lines}"))
}

#[track_caller]
fn mistake(result: Result<Settings>, path: &str, fragment: &str) -> Error {
    let Err(error) = result else { panic!("accepted, though {path} is wrong ({fragment})") };
    let text = error.to_string();
    assert_eq!(error.context.path.as_deref(), Some(path), "{text}");
    assert!(text.contains(fragment), "`{fragment}` is not in: {text}");
    assert!(!text.contains(SECRET), "a secret is in: {text}");
    error
}
