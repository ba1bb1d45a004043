//! What a request needs of a model, read from what it contains and asks for.

use super::parts;
use crate::{
    catalog::Ability,
    chat::{ChatRequest, Part, ResponseFormat, Role},
};

/// The abilities without which a model would refuse `request` or ignore a part of it, each once.
///
/// A seed is no need: it is best effort everywhere. Several calls in one message are one only where the caller says so.
pub fn needs(request: &ChatRequest) -> Vec<Ability> {
    Ability::ALL.into_iter().filter(|ability| needed(request, *ability)).collect()
}

fn needed(request: &ChatRequest, ability: Ability) -> bool {
    let any = |test: fn(&Part) -> bool| parts(request).any(test);
    match ability {
        Ability::Vision => any(|part| matches!(part, Part::Image { .. })),
        Ability::Audio => any(|part| matches!(part, Part::Audio { .. })),
        Ability::Files => any(|part| matches!(part, Part::File { .. })),
        // A conversation with calls in it is refused by wires without tools, also when none is offered now.
        Ability::Tools => {
            let used = |m: &crate::chat::Message| m.role == Role::Tool || !m.tool_calls.is_empty();
            !request.tools.is_empty() || request.messages.iter().any(used)
        }
        Ability::ParallelTools => request.parallel_tool_calls == Some(true) && !request.tools.is_empty(),
        Ability::JsonSchema => matches!(request.response_format, Some(ResponseFormat::JsonSchema { .. })),
        Ability::JsonMode => matches!(request.response_format, Some(ResponseFormat::JsonObject)),
        Ability::Reasoning => request.reasoning_effort.as_deref().is_some_and(|effort| effort != "none"),
        Ability::Prefill => {
            request.messages.last().is_some_and(|m| m.role == Role::Assistant && m.tool_calls.is_empty())
        }
        Ability::Logprobs => request.logprobs == Some(true) || request.top_logprobs.is_some_and(|count| count > 0),
        Ability::Seed => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(value: Value) -> Vec<Ability> {
        needs(&serde_json::from_value(value).unwrap())
    }

    #[test]
    fn plain_text_needs_nothing() {
        assert!(of(json!({"messages": [{"role": "user", "content": "hi"}], "seed": 1})).is_empty());
    }

    #[test]
    fn each_ability_has_its_sign() {
        let tool = json!([{"type": "function", "function": {"name": "f"}}]);
        let media = json!([{"type": "image_url", "image_url": "u"}, {"type": "input_audio", "input_audio": {"data": "A"}},
            {"type": "file", "file": {"file_id": "f"}}]);
        let rows = [
            (
                json!({"messages": [{"role": "user", "content": media}]}),
                vec![Ability::Vision, Ability::Audio, Ability::Files],
            ),
            (json!({"tools": tool}), vec![Ability::Tools]),
            (json!({"messages": [{"role": "tool", "content": "r", "tool_call_id": "1"}]}), vec![Ability::Tools]),
            (json!({"tools": tool, "parallel_tool_calls": true}), vec![Ability::Tools, Ability::ParallelTools]),
            (
                json!({"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}),
                vec![Ability::JsonSchema],
            ),
            (json!({"response_format": {"type": "json_object"}}), vec![Ability::JsonMode]),
            (json!({"reasoning_effort": "low"}), vec![Ability::Reasoning]),
            (json!({"reasoning_effort": "none"}), vec![]),
            (json!({"messages": [{"role": "assistant", "content": "{"}]}), vec![Ability::Prefill]),
            (json!({"logprobs": true}), vec![Ability::Logprobs]),
        ];
        for (request, expected) in rows {
            assert_eq!(of(request.clone()), expected, "{request}");
        }
    }
}
