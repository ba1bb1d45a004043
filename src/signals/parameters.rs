//! A request with parameters that rules set.

use serde_json::Value;

use crate::{
    chat::{ChatRequest, Map},
    error::{Error, ErrorKind, Result},
};

/// The parameters that a rule's `set` may override, by the names of `chat`.
pub const PARAMETERS: [&str; 17] = [
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "temperature",
    "top_p",
    "max_tokens",
    "stop",
    "seed",
    "n",
    "logprobs",
    "top_logprobs",
    "presence_penalty",
    "frequency_penalty",
    "reasoning_effort",
    "user",
    "extra_body",
];

/// `request` with the parameters in `set` in place of its own. `extra_body` is merged, the rest is replaced; null removes.
pub fn with_parameters(request: &ChatRequest, set: &Map) -> Result<ChatRequest> {
    let mut changed = request.clone();
    // Read through the request's own deserialiser, so that a rule says values exactly as a caller does.
    let read: ChatRequest = serde_json::from_value(Value::Object(set.clone()))
        .map_err(|error| Error::new(ErrorKind::Config, format!("a rule's `set` has a wrong value: {error}")))?;
    for key in set.keys() {
        match key.as_str() {
            "tools" => changed.tools.clone_from(&read.tools),
            "tool_choice" => changed.tool_choice.clone_from(&read.tool_choice),
            "parallel_tool_calls" => changed.parallel_tool_calls = read.parallel_tool_calls,
            "response_format" => changed.response_format.clone_from(&read.response_format),
            "temperature" => changed.temperature = read.temperature,
            "top_p" => changed.top_p = read.top_p,
            "max_tokens" => changed.max_tokens = read.max_tokens,
            "stop" => changed.stop.clone_from(&read.stop),
            "seed" => changed.seed = read.seed,
            "n" => changed.n = read.n,
            "logprobs" => changed.logprobs = read.logprobs,
            "top_logprobs" => changed.top_logprobs = read.top_logprobs,
            "presence_penalty" => changed.presence_penalty = read.presence_penalty,
            "frequency_penalty" => changed.frequency_penalty = read.frequency_penalty,
            "reasoning_effort" => changed.reasoning_effort.clone_from(&read.reasoning_effort),
            "user" => changed.user.clone_from(&read.user),
            "extra_body" => changed.extra_body.extend(read.extra_body.clone()),
            other => return Err(Error::new(ErrorKind::Config, format!("`set` knows no parameter `{other}`"))),
        }
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_parameter_is_set_and_messages_never_are() {
        let request = ChatRequest { temperature: Some(1.0), seed: Some(3), ..ChatRequest::default() };
        let set = json!({"temperature": 0, "max_tokens": 10, "stop": "x", "seed": null, "extra_body": {"a": 1}});
        let changed = with_parameters(&request, set.as_object().unwrap()).unwrap();
        assert_eq!((changed.temperature, changed.max_tokens, changed.seed), (Some(0.0), Some(10), None));
        assert_eq!((changed.stop.as_slice(), &changed.extra_body["a"]), (["x".to_owned()].as_slice(), &json!(1)));
        assert!(with_parameters(&request, json!({"messages": []}).as_object().unwrap()).is_err());
        assert!(with_parameters(&request, json!({"temperature": "hot"}).as_object().unwrap()).is_err());
        for name in PARAMETERS {
            let null = Map::from_iter([(name.to_owned(), Value::Null)]);
            assert!(with_parameters(&request, &null).is_ok(), "{name}");
        }
    }
}
