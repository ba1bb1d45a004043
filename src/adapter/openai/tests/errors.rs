use std::time::Duration;

use super::*;

use ErrorKind as K;

/// A status, a body in a shape that some provider documents, and what it stands for.
const CASES: &[(u16, &str, K)] = &[
    (401, r#"{"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}}"#, K::Authentication),
    (401, r#"{"detail":"Invalid API Key"}"#, K::Authentication),
    (
        400,
        r#"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: x"}"#,
        K::Authentication,
    ),
    (
        400,
        r#"[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}]"#,
        K::Authentication,
    ),
    (429, r#"{"error":{"message":"Rate limit reached","type":"tokens","code":"rate_limit_exceeded"}}"#, K::RateLimit),
    (429, r#"{"error":{"message":"x","type":"insufficient_quota","code":"insufficient_quota"}}"#, K::Quota),
    (
        429,
        r#"{"code":"Some resource has been exhausted","error":"Your team has used all available credits"}"#,
        K::Quota,
    ),
    (
        429,
        r#"[{"error":{"code":429,"message":"You exceeded your current quota","status":"RESOURCE_EXHAUSTED"}}]"#,
        K::RateLimit,
    ),
    (429, r#"{"error":"Too Many Requests","message":"You have exceeded your usage limits."}"#, K::RateLimit),
    (402, r#"{"error":{"message":"Insufficient Balance","code":"invalid_request_error"}}"#, K::Quota),
    (413, r#"{"error":{"message":"Request too large","type":"tokens","code":"rate_limit_exceeded"}}"#, K::RateLimit),
    (400, r#"{"error":{"message":"x","code":"context_length_exceeded"}}"#, K::ContextLength),
    (400, r#"{"error":{"code":400,"message":"x","type":"exceed_context_size_error"}}"#, K::ContextLength),
    (
        400,
        r#"{"object":"error","message":"This model's maximum context length is 8 tokens","code":400}"#,
        K::ContextLength,
    ),
    (
        500,
        r#"{"error":{"code":500,"message":"Context size has been exceeded.","type":"server_error"}}"#,
        K::ContextLength,
    ),
    (400, r#"{"error":{"message":"x","code":"content_filter","status":400}}"#, K::ContentFilter),
    (
        400,
        r#"{"error":{"code":"400","message":"x","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
        K::ContentFilter,
    ),
    (404, r#"{"error":{"message":"x","code":"model_not_found"}}"#, K::NotFound),
    (400, r#"{"code":"1500","message":"Invalid model: x","object":"error","type":"invalid_model"}"#, K::NotFound),
    (400, r#"{"error":{"code":400,"message":"Model a/b does not exist"}}"#, K::NotFound),
    (403, r#"{"error":{"code":"forbidden","message":"Forbidden"}}"#, K::PermissionDenied),
    (
        422,
        r#"{"object":"error","message":{"detail":[{"loc":["body","x"]}]},"type":"invalid_request_error"}"#,
        K::InvalidRequest,
    ),
    (503, "<html>busy</html>", K::Overloaded),
    (500, r#"{"error":{"message":"The engine is currently overloaded"}}"#, K::Overloaded),
    (502, "", K::Server),
    (400, "not json", K::InvalidRequest),
    (301, "", K::Protocol),
];

fn error(status: u16, body: &str) -> Error {
    OpenAi.error(&reply(status, &[], body), &deployment("openai", "m"))
}

#[test]
fn every_shape_of_error_is_of_the_class_it_names() {
    for (status, body, kind) in CASES {
        assert_eq!(error(*status, body).kind, *kind, "{status} {body}");
    }
}

#[test]
fn messages_have_our_words_and_the_context_has_the_providers() {
    let body = r#"{"error":{"message":"said","code":429,"metadata":{"raw":"upstream","retry_after_seconds":3}}}"#;
    let reply = reply(429, &[("x-request-id", "r1")], body);
    let error = OpenAi.error(&reply, &deployment("openrouter", "m"));
    assert_eq!(error.message, "`mine` answered 429");
    assert_eq!(error.context.said.as_deref(), Some("said: upstream"));
    assert_eq!(error.context.request_id.as_deref(), Some("r1"));
    assert_eq!(error.context.retry_after, Some(Duration::from_secs(3)));
    assert_eq!(error.context.body.as_deref(), Some(body));
}

#[test]
fn the_code_is_the_telling_one() {
    for (body, code) in [
        (r#"{"error":{"code":400,"type":"exceed_context_size_error"}}"#, Some("exceed_context_size_error")),
        (r#"{"code":"3051","type":"invalid_request_invalid_args"}"#, Some("3051")),
        (r#"{"error":{"code":null,"type":"invalid_request_error"}}"#, Some("invalid_request_error")),
        (r#"{"error":{"code":400}}"#, Some("400")),
        ("[]", None),
    ] {
        assert_eq!(error(400, body).context.code.as_deref(), code, "{body}");
    }
}

#[test]
fn the_header_knows_the_wait_better_than_the_words() {
    let body = r#"{"error":{"message":"Please try again in 50.6s.","code":"rate_limit_exceeded"}}"#;
    assert_eq!(error(429, body).context.retry_after, Some(Duration::from_secs_f64(50.6)));
    let with_header = OpenAi.error(&reply(429, &[("retry-after", "51")], body), &deployment("groq", "m"));
    assert_eq!(with_header.context.retry_after, Some(Duration::from_secs(51)));
}

#[test]
fn an_error_inside_a_200_has_the_status_it_stands_for() {
    for (body, kind, status) in [
        (
            json!({"error": {"message": "x", "code": 429, "metadata": {"raw": "error code: 1015"}}}),
            ErrorKind::RateLimit,
            429,
        ),
        (json!({"error": {"message": "x", "code": "content_filter", "status": 400}}), ErrorKind::ContentFilter, 400),
        (json!({"error": {"message": "Insufficient balance"}, "choices": []}), ErrorKind::Quota, 402),
        (json!({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}), ErrorKind::Quota, 402),
        (
            json!({"choices": [{"error": {"code": 503, "message": "x"}, "message": {"content": "a"}}]}),
            ErrorKind::Overloaded,
            503,
        ),
        (json!({"message": "x"}), ErrorKind::Server, 500),
    ] {
        let error = answer("openrouter", &body).unwrap_err();
        assert_eq!((error.kind, error.context.status), (kind, Some(status)), "{body}");
    }
}
