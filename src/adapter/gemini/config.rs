//! `generationConfig`: sampling, the form of the answer, and how long the model thinks.

use serde_json::{Value, json};

use super::schema;
use crate::{
    catalog::Deployment,
    chat::{ChatRequest, Map, ResponseFormat},
    error::{Error, ErrorKind, Result},
};

/// The configuration; empty if nothing was asked for.
pub(super) fn generation(request: &ChatRequest, deployment: &Deployment) -> Result<Map> {
    let mut out = Map::new();
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            out.insert(key.into(), value);
        }
    };
    set("maxOutputTokens", request.max_tokens.map(Value::from));
    set("temperature", request.temperature.map(Value::from));
    set("topP", request.top_p.map(Value::from));
    set("stopSequences", (!request.stop.is_empty()).then(|| json!(request.stop)));
    set("candidateCount", request.n.filter(|n| *n != 1).map(Value::from));
    set("seed", request.seed.map(Value::from));
    set("presencePenalty", request.presence_penalty.map(Value::from));
    set("frequencyPenalty", request.frequency_penalty.map(Value::from));
    set("responseLogprobs", request.logprobs.map(Value::from));
    set("logprobs", request.top_logprobs.map(Value::from));
    set("thinkingConfig", thinking(request, deployment));
    format(request, &mut out)?;
    Ok(out)
}

fn format(request: &ChatRequest, out: &mut Map) -> Result<()> {
    let schema = match &request.response_format {
        None | Some(ResponseFormat::Text) => return Ok(()),
        Some(ResponseFormat::JsonObject) => None,
        Some(ResponseFormat::JsonSchema { schema, .. }) => Some(schema),
        // A json_object with a schema beside it, as some servers take it.
        Some(ResponseFormat::Other(map)) if map.get("type").is_some_and(|kind| kind == "json_object") => {
            map.get("schema")
        }
        Some(ResponseFormat::Other(_)) => {
            let message = "this `response_format` cannot be said to Gemini; use text, json_object or json_schema";
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
    };
    out.insert("responseMimeType".into(), "application/json".into());
    if let Some(schema) = schema {
        out.insert("responseJsonSchema".into(), schema::clean(schema));
    }
    Ok(())
}

/// The first generation that thinks.
const THINKS: (u32, u32) = (2, 5);
/// The first generation that takes a level instead of a number of tokens.
const LEVELS: (u32, u32) = (3, 0);

/// Whether the model wants its thought signatures back and refuses a call without one.
pub(super) fn wants_signatures(model: &str) -> bool {
    generation_of(model) >= LEVELS
}

/// `reasoning_effort` as a level (generation 3 and later, and names without a number, which follow the newest) or as a
/// budget of tokens (2.5). Models that do not think get nothing.
fn thinking(request: &ChatRequest, deployment: &Deployment) -> Option<Value> {
    let effort = request.reasoning_effort.as_deref()?;
    let generation = generation_of(&deployment.model);
    if deployment.facts.reasoning == Some(false) || generation < THINKS {
        return None;
    }
    let shown = effort != "none";
    let pro = deployment.model.contains("pro");
    Some(if generation < LEVELS {
        json!({"thinkingBudget": budget(effort, pro), "includeThoughts": shown})
    } else {
        json!({"thinkingLevel": level(effort, pro), "includeThoughts": shown})
    })
}

/// Tokens of thought, as Google's own OpenAI-compatible endpoint counts them.
fn budget(effort: &str, pro: bool) -> u32 {
    match effort {
        // The Pro model cannot stop thinking; this is the least it takes.
        "none" if pro => 128,
        "none" => 0,
        "minimal" | "low" => 1024,
        "high" | "xhigh" | "max" => 24_576,
        _ => 8192,
    }
}

fn level(effort: &str, pro: bool) -> &'static str {
    match effort {
        "none" | "minimal" if !pro => "minimal",
        "none" | "minimal" | "low" => "low",
        "high" | "xhigh" | "max" => "high",
        _ => "medium",
    }
}

/// `gemini-2.5-flash` → (2, 5). `gemini-flash-latest` counts as the newest, what is no Gemini (`gemma-…`) as the oldest.
fn generation_of(model: &str) -> (u32, u32) {
    let Some((_, rest)) = model.rsplit('/').next().unwrap_or(model).split_once("gemini-") else {
        return (0, 0);
    };
    let version = rest.split('-').next().unwrap_or("");
    let mut numbers = version.split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor),
        (Some(Ok(major)), None) => (major, 0),
        _ => (u32::MAX, 0),
    }
}
