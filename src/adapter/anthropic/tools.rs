//! Tools and the choice among them.

use serde_json::{Value, json};

use crate::{
    chat::{ChatRequest, FunctionTool, Map, Tool, ToolChoice},
    error::{Error, ErrorKind, Result},
};

/// Writes `tools` and `tool_choice` into `body`.
pub(super) fn apply(request: &ChatRequest, body: &mut Map) -> Result<()> {
    let (choice, allowed) = match &request.tool_choice {
        Some(ToolChoice::Other(map)) => other_choice(map)?,
        Some(ToolChoice::Auto) => (Some(json!({"type": "auto"})), None),
        Some(ToolChoice::None) => (Some(json!({"type": "none"})), None),
        Some(ToolChoice::Required) => (Some(json!({"type": "any"})), None),
        Some(ToolChoice::Function(name)) => (Some(json!({"type": "tool", "name": name})), None),
        None => (None, None),
    };
    let is_allowed = |tool: &&Tool| match (tool, &allowed) {
        (Tool::Function(function), Some(names)) => names.contains(&function.name),
        _ => true,
    };
    let tools: Vec<Value> = request.tools.iter().filter(is_allowed).map(tool).collect();
    if let Some(choice) = parallel(choice, request.parallel_tool_calls, !tools.is_empty()) {
        body.insert("tool_choice".into(), choice);
    }
    if !tools.is_empty() {
        body.insert("tools".into(), tools.into());
    }
    Ok(())
}

fn tool(tool: &Tool) -> Value {
    match tool {
        Tool::Function(tool) => function(tool),
        Tool::Hosted(map) => Value::Object(map.clone()),
    }
}

fn function(tool: &FunctionTool) -> Value {
    let mut map = Map::new();
    map.insert("name".into(), tool.name.clone().into());
    if let Some(description) = &tool.description {
        map.insert("description".into(), description.clone().into());
    }
    let schema = tool.parameters.clone().filter(|schema| !is_empty(schema));
    map.insert("input_schema".into(), schema.unwrap_or_else(|| json!({"type": "object", "properties": {}})));
    if let Some(strict) = tool.strict {
        map.insert("strict".into(), strict.into());
    }
    // Beside `function` stand Anthropic's own keys of a tool (`cache_control`, `defer_loading` …).
    for (key, value) in &tool.extra {
        map.entry(key.clone()).or_insert_with(|| value.clone());
    }
    Value::Object(map)
}

fn is_empty(schema: &Value) -> bool {
    schema.is_null() || schema.as_object().is_some_and(Map::is_empty)
}

/// `parallel_tool_calls` is part of the choice here; no call at all has no use for it.
fn parallel(choice: Option<Value>, parallel: Option<bool>, has_tools: bool) -> Option<Value> {
    let Some(parallel) = parallel.filter(|_| has_tools) else { return choice };
    let mut choice = choice.unwrap_or_else(|| json!({"type": "auto"}));
    let calls = choice["type"].as_str().is_some_and(|kind| matches!(kind, "auto" | "any" | "tool"));
    if calls && choice.get("disable_parallel_tool_use").is_none() {
        choice["disable_parallel_tool_use"] = (!parallel).into();
    }
    Some(choice)
}

type Names = Vec<String>;

/// Anthropic's own form goes through; `allowed_tools` becomes a shorter list of tools.
fn other_choice(map: &Map) -> Result<(Option<Value>, Option<Names>)> {
    match map.get("type").and_then(Value::as_str) {
        Some("auto" | "any" | "tool" | "none") => Ok((Some(Value::Object(map.clone())), None)),
        Some("allowed_tools") => {
            let allowed = map.get("allowed_tools").and_then(Value::as_object).unwrap_or(map);
            let tools = allowed.get("tools").and_then(Value::as_array);
            let name =
                |tool: &Value| tool["function"]["name"].as_str().or_else(|| tool["name"].as_str()).map(Into::into);
            let names = tools.into_iter().flatten().filter_map(name).collect();
            let required = allowed.get("mode").is_some_and(|mode| mode == "required");
            Ok((Some(json!({"type": if required { "any" } else { "auto" }})), Some(names)))
        }
        _ => Err(Error::new(ErrorKind::InvalidRequest, "this form of `tool_choice` has no counterpart at Anthropic")),
    }
}
