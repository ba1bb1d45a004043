//! `${NAME}`: the one place where a configuration meets the environment.
//!
//! One pass over string values, never over keys, and what a variable holds is not looked at again: a value that itself
//! contains `${…}` stays as it is. `$${` writes a literal `${`. An unset or empty variable is a mistake, because
//! `api_key = "${NAME}"` must not turn into "no key is needed" by accident.

use serde_json::Value;

use super::{
    Env,
    reader::{Report, join},
};

/// The environment of this process.
pub fn process(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    std::env::var(name).ok()
}

/// A variable that is set and not empty.
pub(super) fn variable(env: Env<'_>, name: &str) -> Option<String> {
    env(name).filter(|value| !value.is_empty())
}

/// Replaces every `${NAME}` in the string values of `value`.
pub(super) fn substitute(value: &mut Value, path: &str, env: Env<'_>, report: &mut Report) {
    match value {
        Value::String(text) if text.contains("${") => match expand(text, env) {
            Ok(expanded) => {
                if !expanded.values.is_empty() {
                    report.veiled.insert(path.into());
                    report.values.extend(expanded.values);
                }
                *text = expanded.text;
            }
            Err(Trouble { message, hint }) => {
                report.add(path, message, hint);
                report.broken.insert(path.into());
            }
        },
        Value::Array(items) => {
            for (place, item) in items.iter_mut().enumerate() {
                substitute(item, &format!("{path}[{place}]"), env, report);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                substitute(item, &join(path, key), env, report);
            }
        }
        _ => {}
    }
}

struct Expanded {
    text: String,
    /// What was put in.
    values: Vec<String>,
}

struct Trouble {
    message: String,
    hint: Option<String>,
}

fn expand(text: &str, env: Env<'_>) -> Result<Expanded, Trouble> {
    let mut out = String::with_capacity(text.len());
    let mut values = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, reference) = rest.split_at(at);
        if let Some(escaped) = before.strip_suffix('$') {
            out.push_str(escaped);
            out.push_str("${");
            rest = &reference[2..];
            continue;
        }
        out.push_str(before);
        let (value, after) = lookup(&reference[2..], env)?;
        out.push_str(&value);
        values.push(value);
        rest = after;
    }
    out.push_str(rest);
    Ok(Expanded { text: out, values })
}

/// The value of the variable whose name begins `text`, and what follows its brace.
fn lookup<'t>(text: &'t str, env: Env<'_>) -> Result<(String, &'t str), Trouble> {
    let trouble = |message: String, hint: &str| Err(Trouble { message, hint: Some(hint.into()) });
    let Some((name, after)) = text.split_once('}') else {
        return trouble("`${` without a closing brace".into(), "write ${NAME}; $${ stands for a literal ${");
    };
    if name.contains("${") {
        return trouble("a `${…}` cannot stand in another".into(), "name the variable itself");
    }
    if let Some((plain, _)) = name.split_once([':', '-', '?']).filter(|(plain, _)| is_name(plain)) {
        return trouble(format!("`${{{plain}…}}`: a variable takes no default here"), "write ${NAME} alone");
    }
    if !is_name(name) {
        return trouble(
            "`${…}` does not hold the name of a variable".into(),
            "write ${NAME}; $${ stands for a literal ${",
        );
    }
    match env(name) {
        Some(value) if !value.is_empty() => Ok((value, after)),
        Some(_) => trouble(format!("the environment variable `{name}` is empty"), "set it, or write the value itself"),
        None => trouble(format!("the environment variable `{name}` is not set"), "set it, or write the value itself"),
    }
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "KEY" => Some("secret".into()),
            "LOOP" => Some("${KEY}".into()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn variables_are_replaced_once() {
        let text = |text| expand(text, &env).map(|expanded| expanded.text).map_err(|trouble| trouble.message);
        assert_eq!(text("a ${KEY} b ${KEY}").as_deref(), Ok("a secret b secret"));
        assert_eq!(text("${LOOP}").as_deref(), Ok("${KEY}"));
        assert_eq!(text("$${KEY} costs $5").as_deref(), Ok("${KEY} costs $5"));
        for wrong in ["${NONE}", "${EMPTY}", "${KEY", "${A${KEY}}", "${}", "${a b}", "${KEY:-x}"] {
            assert!(text(wrong).is_err(), "{wrong}");
        }
    }
}
