//! From what the user hands over — a mapping, a text, a file, the environment — to checked [`Settings`].

use std::{collections::HashMap, fs, path::Path, sync::Arc};

use serde_json::Value;

use super::{
    Env, Problem, Settings, discover, parse,
    reader::{Report, join},
    schema, secret,
};
use crate::{
    chat::Map,
    error::{Error, Result},
    policy::{Known, Policy},
    signals::intent,
};

/// The path of a mistake that concerns the whole configuration.
const WHOLE: &str = "configuration";
/// How many mistakes after the first one a message lists.
const LISTED: usize = 5;

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// TOML.
    Toml,
    /// YAML 1.2.
    Yaml,
    /// JSON.
    Json,
}

impl Format {
    /// By the extension of a file's name.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "toml" => Some(Self::Toml),
            "yaml" | "yml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// Settings from a mapping of sections, or from a list of deployments.
///
/// # Errors
/// The first mistake by its place in the document; its message lists the further ones.
pub fn from_value(value: Value, env: Env<'_>) -> Result<Settings> {
    from_value_with(value, Map::new(), env)
}

/// As [`from_value`], with top-level keys that replace those of the mapping (`seed`, `strategy` …).
///
/// # Errors
/// As [`from_value`].
pub fn from_value_with(value: Value, options: Map, env: Env<'_>) -> Result<Settings> {
    assemble(value, options, None, env)
}

/// Settings from a text; `file` is how messages call it.
///
/// # Errors
/// As [`from_value`]; a mistake of syntax is at `file:line:column`.
pub fn from_text(text: &str, format: Format, file: &str, env: Env<'_>) -> Result<Settings> {
    assemble(parse::parse(text, format, file)?, Map::new(), Some(file), env)
}

/// Settings from a file, its format told by its extension.
///
/// # Errors
/// As [`from_text`], or the file cannot be read.
pub fn from_path(path: &Path, env: Env<'_>) -> Result<Settings> {
    from_path_with(path, Map::new(), env)
}

/// As [`from_path`], with top-level keys that replace those of the file.
///
/// # Errors
/// As [`from_path`].
pub fn from_path_with(path: &Path, options: Map, env: Env<'_>) -> Result<Settings> {
    let (value, file) = written(path)?;
    assemble(value, options, Some(&file), env)
}

/// The document that a file holds, as it is written.
///
/// # Errors
/// The file cannot be read, or its syntax is broken.
pub fn document(path: &Path) -> Result<Value> {
    written(path).map(|(document, _)| document)
}

/// What a file holds, and how messages call the file.
pub(super) fn written(path: &Path) -> Result<(Value, String)> {
    let file = path.display().to_string();
    let Some(format) = Format::of(path) else {
        let message = "the format of a configuration file is told by its extension";
        return Err(Error::config(file, message).with_hint(Some("name it .toml, .yaml (or .yml) or .json".into())));
    };
    let text = read(path).map_err(|message| Error::config(&file, message))?;
    Ok((parse::parse(&text, format, &file)?, file))
}

fn read(path: &Path) -> std::result::Result<String, String> {
    let unreadable = |error: std::io::Error| format!("the file cannot be read: {error}");
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if size > parse::LARGEST as u64 {
        return Err(format!("the file is larger than {} MiB", parse::LARGEST / 1024 / 1024));
    }
    String::from_utf8(fs::read(path).map_err(unreadable)?).map_err(|_| "the file is not UTF-8 text".into())
}

/// Settings from the environment: the file that `WAYPOST_CONFIG` names, else a deployment for every provider whose key is set.
///
/// # Errors
/// As [`from_path`], or no provider's key is set.
pub fn from_env(env: Env<'_>) -> Result<Settings> {
    from_env_with(Map::new(), env)
}

/// As [`from_env`], with top-level keys that replace those of the file.
///
/// # Errors
/// As [`from_env`].
pub fn from_env_with(options: Map, env: Env<'_>) -> Result<Settings> {
    match secret::variable(env, discover::FILE) {
        Some(path) => from_path_with(Path::new(&path), options, env),
        None => from_value_with(discover::deployments(env)?, options, env),
    }
}

/// Every mistake of a file in the order of the document, and the settings as far as they can be read.
///
/// # Errors
/// The file cannot be read, or its syntax is broken.
pub fn review(path: &Path, env: Env<'_>) -> Result<(Settings, Vec<Problem>)> {
    let (value, file) = written(path)?;
    let (settings, mut problems, document) = survey(value, Map::new(), Some(&file), env)?;
    problems.extend(conditions(&settings));
    Ok((settings, in_order(problems, &document)))
}

fn assemble(value: Value, options: Map, file: Option<&str>, env: Env<'_>) -> Result<Settings> {
    let (settings, problems, document) = survey(value, options, file, env)?;
    if problems.is_empty() {
        return Ok(settings);
    }
    // Conditions that do not compile are mistakes too, and are told with the others.
    let all = problems.into_iter().chain(conditions(&settings)).collect();
    Err(first_of(all, &document, file))
}

/// The settings, what is wrong with them, and the document they were read from.
fn survey(value: Value, options: Map, file: Option<&str>, env: Env<'_>) -> Result<(Settings, Vec<Problem>, Value)> {
    let mut document = match value {
        Value::Array(_) => Value::Object(Map::from_iter([("deployments".to_owned(), value)])),
        other => other,
    };
    if let Value::Object(map) = &mut document {
        merge(map, options);
    }
    if parse::depth(&document) > parse::DEEPEST {
        return Err(Error::config(
            file.unwrap_or(WHOLE),
            format!("it is nested deeper than {} levels", parse::DEEPEST),
        ));
    }
    let written = document.clone();
    let mut report = Report::default();
    secret::substitute(&mut document, "", env, &mut report);
    let mut settings = schema::settings(&document, env, &report);
    // As they were written: whatever a variable holds is not kept where nothing reads it.
    for (name, section) in &mut settings.later {
        if let Some(original) = written.get(name) {
            section.clone_from(original);
        }
    }
    settings.origin.document = Arc::new(written);
    Ok((settings, report.into_problems(), document))
}

/// Puts the top-level keys of `options` in the place of those of `document`; of the user's own signals each by its name, since
/// a file may declare what a program hands in.
fn merge(document: &mut Map, mut options: Map) {
    if let (Some(Value::Object(written)), Some(Value::Object(own))) =
        (document.get("signals"), options.get_mut("signals"))
    {
        let mut all = written.clone();
        for (name, value) in std::mem::take(own) {
            match (all.get_mut(&name), value) {
                (Some(Value::Object(before)), Value::Object(now)) => before.extend(now),
                (_, value) => drop(all.insert(name, value)),
            }
        }
        *own = all;
    }
    document.extend(options);
}

/// What is wrong with the rules' conditions.
fn conditions(settings: &Settings) -> impl Iterator<Item = Problem> {
    let names = intent::names(settings.intents.iter().map(|(name, _)| name.as_str()));
    let own: Vec<_> = settings.own.iter().map(|own| own.shape.clone()).collect();
    Policy::mistakes(&settings.rules, Known { intents: &names, own: &own }).into_iter().map(|error| {
        let context = *error.context;
        let path = context.path.unwrap_or_default();
        Problem { path, message: error.message, hint: context.hint, not_yet: false }
    })
}

/// The first mistake in the order of the document; wishes for later versions come last.
pub(super) fn first_of(problems: Vec<Problem>, document: &Value, file: Option<&str>) -> Error {
    let mut problems = in_order(problems, document).into_iter();
    let Some(first) = problems.next() else { return Error::config(WHOLE, "there is a mistake") };
    let further: Vec<Problem> = problems.filter(|problem| first.not_yet || !problem.not_yet).collect();
    let mut message = first.message;
    if let Some(file) = file {
        message = format!("{message}, in `{file}`");
    }
    if !further.is_empty() {
        let listed = further.iter().take(LISTED).map(|problem| format!("{}: {}", problem.path, problem.message));
        let more = if further.len() > LISTED { "; …" } else { "" };
        message = format!("{message} (and {} more: {}{more})", further.len(), listed.collect::<Vec<_>>().join("; "));
    }
    let path = match (first.path.as_str(), file) {
        ("", Some(file)) => file.to_owned(),
        ("", None) => WHOLE.to_owned(),
        (path, _) => path.to_owned(),
    };
    Error::config(path, message).with_hint(first.hint)
}

fn in_order(mut problems: Vec<Problem>, document: &Value) -> Vec<Problem> {
    let places = places(document);
    problems.sort_by_key(|problem| (problem.not_yet, place(&problem.path, &places)));
    problems
}

/// Every path of a document and its place in reading order.
fn places(document: &Value) -> HashMap<String, usize> {
    fn walk(value: &Value, path: &str, places: &mut HashMap<String, usize>) {
        places.insert(path.to_owned(), places.len());
        match value {
            Value::Array(items) => {
                for (place, item) in items.iter().enumerate() {
                    walk(item, &format!("{path}[{place}]"), places);
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    walk(item, &join(path, key), places);
                }
            }
            _ => {}
        }
    }
    let mut places = HashMap::new();
    walk(document, "", &mut places);
    places
}

/// The place of a path; a key that is missing stands where its table stands.
fn place(path: &str, places: &HashMap<String, usize>) -> usize {
    let mut path = path;
    loop {
        if let Some(place) = places.get(path) {
            return *place;
        }
        match path.rfind(['.', '[']) {
            Some(end) => path = &path[..end],
            None => return if path.is_empty() { 0 } else { places.get("").copied().unwrap_or(0) },
        }
    }
}
