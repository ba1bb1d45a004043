//! `reasoning_effort` → `output_config.effort`, or a thinking budget for the models that came before it.
//!
//! The models with budgets are a closed list of old names; a name that is not on it is taken for a newer model, which
//! takes a word. So a new model needs no change here.

use serde_json::{Value, json};

use crate::{
    catalog::Deployment,
    chat::{ChatRequest, Map, ToolChoice},
    error::{Error, ErrorKind, Result},
};

/// How a model is told to reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// It does not reason.
    Never,
    /// `thinking.budget_tokens`.
    Budget,
    /// `output_config.effort` with adaptive thinking.
    Effort,
}

/// Pieces of the names of models that take a budget.
const BUDGET_MODELS: [&str; 9] = [
    "claude-3-7",
    "sonnet-4-0",
    "sonnet-4-2025",
    "opus-4-0",
    "opus-4-2025",
    "opus-4-1",
    "sonnet-4-5",
    "haiku-4-5",
    "opus-4-5",
];

/// Pieces of the names of models that do not reason.
const PLAIN_MODELS: [&str; 5] = ["claude-3-5", "claude-3-opus", "claude-3-sonnet", "claude-3-haiku", "claude-2"];

/// The least budget that Anthropic takes.
const LEAST_BUDGET: u64 = 1024;

/// Below this `top_p` Anthropic refuses a thinking budget.
const LEAST_TOP_P: f64 = 0.95;

/// Writes the effort into `body`. `max_tokens` must already be there; `unthought` says that thinking cannot begin now.
pub(super) fn apply(request: &ChatRequest, deployment: &Deployment, body: &mut Map, unthought: bool) -> Result<()> {
    let Some(effort) = request.reasoning_effort.as_deref() else { return Ok(()) };
    match (style(deployment), effort) {
        (Style::Never, _) | (Style::Budget, "none") => {}
        (Style::Effort, "none") => {
            body.insert("thinking".into(), json!({"type": "disabled"}));
        }
        (Style::Effort, effort) => with_effort(effort, request, body),
        (Style::Budget, effort) => {
            let wanted = budget(effort)?;
            // Neither a forced call nor the middle of another model's tool use may begin with thinking.
            let forced = matches!(request.tool_choice, Some(ToolChoice::Required | ToolChoice::Function(_)));
            if !forced && !unthought {
                with_budget(wanted, request, deployment, body);
            }
        }
    }
    Ok(())
}

fn style(deployment: &Deployment) -> Style {
    let name = deployment.model.to_ascii_lowercase().replace(['.', '@', '_'], "-");
    let is_any = |pieces: &[&str]| pieces.iter().any(|piece| name.contains(piece));
    if is_any(&PLAIN_MODELS) || deployment.facts.reasoning == Some(false) {
        Style::Never
    } else if is_any(&BUDGET_MODELS) || name.ends_with("sonnet-4") || name.ends_with("opus-4") {
        Style::Budget
    } else {
        Style::Effort
    }
}

fn with_effort(effort: &str, request: &ChatRequest, body: &mut Map) {
    // OpenAI's `minimal` has no counterpart; every other word goes as it is, and the model's own refusal names those it takes.
    let word = if effort == "minimal" { "low" } else { effort };
    let config = body.entry("output_config").or_insert_with(|| json!({}));
    config["effort"] = word.into();
    // Thinking would make Anthropic refuse a temperature; a caller who sets one gets the effort without it.
    if request.temperature.is_none_or(|temperature| temperature >= 1.0) {
        body.insert("thinking".into(), json!({"type": "adaptive"}));
    }
}

/// Tokens of thinking for a word. The largest stays, with the default of `max_tokens`, below the 32,000 that the smallest
/// of these models can write.
fn budget(effort: &str) -> Result<u64> {
    match effort {
        "minimal" => Ok(LEAST_BUDGET),
        "low" => Ok(2048),
        "medium" => Ok(6144),
        "high" => Ok(12_288),
        "xhigh" | "max" => Ok(15_360),
        _ => Err(Error::new(
            ErrorKind::InvalidRequest,
            "`reasoning_effort` must be none, minimal, low, medium, high, xhigh or max",
        )),
    }
}

fn with_budget(wanted: u64, request: &ChatRequest, deployment: &Deployment, body: &mut Map) {
    let limit = body.get("max_tokens").and_then(Value::as_u64).unwrap_or(0);
    // A limit that the caller gave holds for thinking and answer together, and half of it is left for the answer. Our own
    // default is for the answer, and grows.
    let (limit, budget) = if request.max_tokens.is_some() {
        (limit, wanted.min(limit / 2).max(LEAST_BUDGET))
    } else {
        let grown = (limit + wanted).min(deployment.facts.max_output.unwrap_or(u64::MAX));
        (grown, wanted.min(grown / 2).max(LEAST_BUDGET))
    };
    if budget >= limit {
        return;
    }
    body.insert("max_tokens".into(), limit.into());
    body.insert("thinking".into(), json!({"type": "enabled", "budget_tokens": budget}));
    body.remove("temperature");
    if request.top_p.is_some_and(|top_p| top_p < LEAST_TOP_P) {
        body.remove("top_p");
    }
}
