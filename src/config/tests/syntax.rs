//! Mistakes of the three languages, each at its line and column.

use super::{Settings, env, mistake};
use crate::{
    config::{Format, from_text, from_value},
    error::Result,
};

fn toml(text: &str) -> Result<Settings> {
    from_text(text, Format::Toml, "w.toml", &env)
}

fn yaml(text: &str) -> Result<Settings> {
    from_text(text, Format::Yaml, "w.yaml", &env)
}

fn json(text: &str) -> Result<Settings> {
    from_text(text, Format::Json, "w.json", &env)
}

#[test]
fn of_toml() {
    mistake(toml("[deployments.a]\nmodel = openai/x"), "w.toml:2:9", "");
    mistake(toml("[deployments.a]\nmodel = \"openai/x\n"), "w.toml:2:18", "");
    mistake(toml("[a]\nx = 1\n[a]\ny = 2"), "w.toml:3:2", "duplicate key");
    mistake(toml("seed = 1\nseed = 2"), "w.toml:2:1", "duplicate key");
    mistake(toml("seed = 99999999999999999999"), "w.toml:1:8", "too large");
    mistake(toml("seed = nan"), "w.toml:1:8", "not finite");
}

#[test]
fn of_yaml() {
    mistake(yaml("deployments:\n  a:\n    model: openai/x\n   tags: [eu]\n"), "w.yaml:4:4", "");
    mistake(yaml("deployments:\n\ta: 1\n"), "w.yaml:2:2", "YAML takes no tabs");
    mistake(yaml("seed: 1\nseed: 2\n"), "w.yaml:2:1", "the key `seed` stands twice");
    mistake(yaml("deployments: [a\n"), "w.yaml:1:14", "");
    mistake(yaml("seed: 1\n---\nseed: 2\n"), "w.yaml:2:1", "");
    mistake(yaml("deployments: !!python/object:os.system x\n"), "w.yaml:1:40", "");
    mistake(yaml("deployments: *nothing\n"), "w.yaml:1:14", "");
}

#[test]
fn of_json() {
    mistake(json("{\"deployments\": [\"openai/x\",]}"), "w.json:1:29", "trailing comma");
    mistake(json("{\"seed\": 1,\n \"seed\": 2}"), "w.json:2:7", "the key `seed` stands twice");
    mistake(json("{\"seed\": 1"), "w.json:1:10", "EOF");
    mistake(json("{'seed': 1}"), "w.json:1:2", "");
    mistake(json("{\"seed\": 1} x"), "w.json:1:13", "trailing characters");
}

#[test]
fn an_empty_document_says_what_is_missing() {
    mistake(toml("# nothing"), "deployments", "`deployments` is missing, in `w.toml`");
    mistake(yaml("# nothing"), "w.yaml", "found nothing");
    mistake(json("{}"), "deployments", "`deployments` is missing");
    mistake(yaml("just words"), "w.yaml", "expected a table of sections");
}

#[test]
fn bombs_do_not_go_off() {
    let laugh = |level: usize| format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 10].join(", "));
    let laughs: Vec<String> = (1..12).map(laugh).collect();
    mistake(
        yaml(&format!("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n{}", laughs.concat())),
        "w.yaml:5:45",
        "unfolds to more",
    );
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100), close.repeat(100));
    assert!(yaml(&deep("[", "]")).is_err());
    assert!(json(&deep("[", "]")).is_err());
    assert!(json(&"[".repeat(100_000)).is_err());
    assert!(toml(&format!("a = {}", deep("[", "]"))).is_err());
    let nested = (0..100).fold(serde_json::json!(1), |inner, _| serde_json::json!([inner]));
    mistake(from_value(nested, &env), "configuration", "deeper than 32 levels");
    mistake(toml(&" ".repeat(5 * 1024 * 1024)), "w.toml", "larger than 4 MiB");
}

#[test]
fn yaml_words_stay_words() {
    let text = "deployments:\n  a: {model: openai/x, region: no, tags: [on, 'yes']}\n";
    let settings = yaml(text).unwrap_or_default();
    let deployment = &settings.deployments[0].deployment;
    assert_eq!(deployment.region.as_deref(), Some("no"));
    assert_eq!(deployment.tags, ["on", "yes"]);
}

#[test]
fn damaged_files_are_refused_or_read_but_never_panic() {
    let examples = [
        (include_str!("example.toml"), Format::Toml),
        (include_str!("example.yaml"), Format::Yaml),
        (include_str!("example.json"), Format::Json),
    ];
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..600 {
        let (text, format) = examples[round % examples.len()];
        let mut letters: Vec<char> = text.chars().collect();
        for _ in 0..random.usize(1..4) {
            let (from, to) = (random.usize(..letters.len()), random.usize(..letters.len()));
            match random.u8(..3) {
                0 => letters[to] = letters[from],
                1 => letters.insert(to, letters[from]),
                _ => drop(letters.drain(from.min(to)..from.max(to).min(from.min(to) + 9))),
            }
        }
        if let Err(error) = from_text(&letters.iter().collect::<String>(), format, "w", &env) {
            assert!(!error.to_string().contains(super::SECRET), "{error}");
        }
    }
}
