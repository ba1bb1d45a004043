//! Tools and the choice among them.

use serde_json::{Value, json};

use super::schema;
use crate::{
    chat::{ChatRequest, Map, Tool, ToolChoice},
    error::{Error, ErrorKind, Result},
};

/// `tools`: all functions in one entry, each hosted tool in its own. Absent if none is offered.
pub(super) fn tools(offered: &[Tool]) -> Option<Value> {
    let (mut functions, mut list) = (Vec::new(), Vec::new());
    for tool in offered {
        match tool {
            Tool::Function(function) => {
                let mut out = Map::new();
                out.insert("name".into(), function.name.clone().into());
                // Gemini wants one; the empty text says as much as its absence.
                out.insert("description".into(), function.description.clone().unwrap_or_default().into());
                if let Some(parameters) = function.parameters.as_ref().and_then(schema::parameters) {
                    out.insert("parametersJsonSchema".into(), parameters);
                }
                functions.push(Value::Object(out));
            }
            Tool::Hosted(map) => list.push(hosted(map)),
        }
    }
    if !functions.is_empty() {
        list.insert(0, json!({"functionDeclarations": functions}));
    }
    (!list.is_empty()).then_some(Value::Array(list))
}

/// `{"type": "googleSearch", …}` → `{"googleSearch": {…}}`; a map without a `type` is Google's own form already.
fn hosted(map: &Map) -> Value {
    let Some(kind) = map.get("type").and_then(Value::as_str) else {
        return Value::Object(map.clone());
    };
    let mut options = map.clone();
    options.remove("type");
    let inner = options.remove(kind).filter(Value::is_object);
    let mut options = options;
    if let Some(Value::Object(inner)) = inner {
        options.extend(inner);
    }
    json!({ kind: options })
}

/// `toolConfig`; absent where the default says the same, or no function is there to be chosen.
pub(super) fn config(request: &ChatRequest) -> Result<Option<Value>> {
    let Some(choice) = &request.tool_choice else { return Ok(None) };
    if !request.tools.iter().any(|tool| matches!(tool, Tool::Function(_))) {
        return Ok(None);
    }
    let config = match choice {
        ToolChoice::Auto => json!({"mode": "AUTO"}),
        ToolChoice::None => json!({"mode": "NONE"}),
        ToolChoice::Required => json!({"mode": "ANY"}),
        ToolChoice::Function(name) => json!({"mode": "ANY", "allowedFunctionNames": [name]}),
        ToolChoice::Other(map) => other(map)?,
    };
    Ok(Some(json!({"functionCallingConfig": config})))
}

/// The other forms that callers write: `allowed_tools`, and a function named without nesting.
fn other(map: &Map) -> Result<Value> {
    let kind = map.get("type").and_then(Value::as_str).unwrap_or("");
    if let (true, Some(name)) = (["function", "tool"].contains(&kind), map.get("name").and_then(Value::as_str)) {
        return Ok(json!({"mode": "ANY", "allowedFunctionNames": [name]}));
    }
    if kind == "allowed_tools" {
        let spec = map.get("allowed_tools").and_then(Value::as_object).unwrap_or(map);
        let names: Vec<&Value> =
            spec.get("tools").and_then(Value::as_array).into_iter().flatten().filter_map(name).collect();
        // With names, the mode that may also answer in text is VALIDATED: AUTO takes none.
        let mode = if spec.get("mode").is_some_and(|mode| mode == "required") { "ANY" } else { "VALIDATED" };
        return Ok(json!({"mode": mode, "allowedFunctionNames": names}));
    }
    let message = format!(
        "`tool_choice` of type `{kind}` cannot be said to Gemini; use auto, none, required, a function or allowed_tools"
    );
    Err(Error::new(ErrorKind::InvalidRequest, message))
}

fn name(tool: &Value) -> Option<&Value> {
    tool.get("function").and_then(|function| function.get("name")).or_else(|| tool.get("name"))
}
