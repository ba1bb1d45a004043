//! Redaction over the whole loop: what goes out, what comes back, and what is refused.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use crate::{
    chat::{ChatRequest, ChatResponse, EmbedRequest},
    error::ErrorKind,
    router::{
        Ask, Call, Router,
        fake::{Fake, ask, router},
    },
};

const RULE: &str = r#"
[deployments.a]
model = "openai-compatible/m"
base_url = "http://127.0.0.1:1/v1"
price = { input = 1.0, output = 10.0 }

[deployments.b]
model = "openai-compatible/m"
base_url = "http://127.0.0.1:2/v1"
price = { input = 1.0, output = 10.0 }

[[rules]]
name = "masked"
redact = true
"#;

const MAIL: &str = "jane.doe@example.com";
const CARD: &str = "4111 1111 1111 1111";

fn tool() -> serde_json::Value {
    json!([{"type": "function", "function": {"name": "f"}}])
}

fn call(value: serde_json::Value) -> Call {
    let request: ChatRequest = serde_json::from_value(value).unwrap();
    Call::new(Ask::Chat(Arc::new(request)))
}

fn parts(response: &ChatResponse) -> (String, String, String) {
    let choice = response.first().unwrap();
    let arguments = choice.tool_calls.first().map(|call| call.arguments.clone()).unwrap_or_default();
    (choice.text.clone().unwrap_or_default(), choice.reasoning.clone().unwrap_or_default(), arguments)
}

async fn streamed(router: &Router, call: Call) -> (String, String, String) {
    let mut stream = router.stream(call).unwrap();
    let (mut text, mut reasoning, mut arguments) = (String::new(), String::new(), String::new());
    while let Some(next) = stream.next().await {
        for delta in next.unwrap().chunk.choices {
            text.push_str(delta.text.as_deref().unwrap_or_default());
            reasoning.push_str(delta.reasoning.as_deref().unwrap_or_default());
            delta.tool_calls.iter().for_each(|call| arguments.push_str(&call.arguments));
        }
    }
    let whole = parts(&stream.reply().unwrap().body);
    assert_eq!(whole, (text.clone(), reasoning.clone(), arguments.clone()), "what was delivered is the whole answer");
    (text, reasoning, arguments)
}

#[tokio::test(start_paused = true)]
async fn the_provider_sees_placeholders_and_the_caller_the_originals() {
    let fake = Arc::new(Fake::default());
    *fake.statuses.lock() = vec![503];
    let router = router(RULE, &fake);
    let text = format!("Write to {MAIL} and charge {CARD}; then write to {MAIL} again");
    let reply =
        router.chat(call(json!({"messages": [{"role": "user", "content": text}], "tools": tool()}))).await.unwrap();
    assert_eq!(parts(&reply.body), (text.clone(), text.clone(), json!({"text": text}).to_string()));
    assert_eq!(fake.sent.lock().len(), 2, "for every attempt alike");
    for body in fake.sent.lock().iter() {
        assert!(
            !body.contains(MAIL) && !body.contains("4111") && body.contains("[EMAIL_1] and charge [CREDIT_CARD_1]"),
            "{body}"
        );
    }
    let decision = serde_json::to_string(&*reply.decision).unwrap();
    assert!(decision.contains(r#""redacted":{"credit_card":1,"email":1}"#), "{decision}");
    assert!(decision.contains("masked") && !decision.contains(MAIL) && !decision.contains("4111"));
    assert!(reply.decision.explain().contains("redacted: 1 credit_card, 1 email"));
    assert!(!format!("{router:?}{:?}", reply.decision).contains(MAIL));
}

#[tokio::test(start_paused = true)]
async fn what_holds_nothing_goes_as_it_is() {
    let fake = Arc::new(Fake::default());
    let router = router(RULE, &fake);
    let reply = router.chat(ask("Why is [EMAIL_1] blue?")).await.unwrap();
    assert_eq!(parts(&reply.body).0, "Why is [EMAIL_1] blue?");
    assert!(reply.decision.redacted.is_none());
}

#[tokio::test(start_paused = true)]
async fn only_the_types_that_are_named_are_replaced() {
    let fake = Arc::new(Fake::default());
    let router = router(&RULE.replace("redact = true", "redact = [\"email\"]"), &fake);
    router.chat(ask(&format!("{MAIL} {CARD}"))).await.unwrap();
    assert!(fake.sent.lock()[0].contains(&format!("[EMAIL_1] {CARD}")), "{:?}", fake.sent.lock());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_or_replaced_is_not_sent() {
    let fake = Arc::new(Fake::default());
    let router = router(RULE, &fake);
    let file = |file: serde_json::Value| {
        json!({"messages": [{"role": "user", "content": [
        {"type": "text", "text": MAIL}, {"type": "file", "file": file}]}]})
    };
    let cases = [
        (file(json!({"file_id": "file-1"})), "cannot be looked at"),
        (file(json!({"file_data": "data:text/plain,jane.doe@example.com"})), "`email` stands where"),
        (json!({"messages": [{"role": "user", "content": "x".repeat(5 << 20)}]}), "cannot be looked at"),
    ];
    for (request, fragment) in cases {
        let call = call(request);
        let decision = router.route(&call).unwrap();
        assert_eq!((decision.error, decision.chosen), (Some(ErrorKind::Blocked), None));
        let failure = router.chat(call).await.unwrap_err();
        let error = &failure.0.error;
        assert_eq!((error.kind, error.context.name.as_deref()), (ErrorKind::Blocked, Some("masked")), "{error}");
        assert!(error.message.contains(fragment), "{error}");
    }
    assert!(fake.sent.lock().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_condition_that_fails_redacts() {
    let fake = Arc::new(Fake::default());
    let router = router(&RULE.replace("redact =", "when = \"budgets.x > 0.5\"\nredact ="), &fake);
    assert_eq!(parts(&router.chat(ask(MAIL)).await.unwrap().body).0, MAIL);
    assert!(fake.sent.lock()[0].contains("[EMAIL_1]"));
}

#[tokio::test(start_paused = true)]
async fn texts_to_embed_are_replaced_too() {
    let fake = Arc::new(Fake::default());
    let router = router(RULE, &fake);
    let request = EmbedRequest { texts: vec!["plain".into(), MAIL.into()], ..EmbedRequest::default() };
    // The fake knows no vectors: what matters is what it was sent.
    let _ = router.embed(Call::new(Ask::Embed(Arc::new(request)))).await;
    let sent = fake.sent.lock();
    assert!(sent[0].contains("plain") && sent[0].contains("[EMAIL_1]") && !sent[0].contains(MAIL), "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn a_placeholder_is_restored_wherever_it_is_cut() {
    for cut in 1..=12 {
        for rest in [1, 3, 100] {
            let fake = Arc::new(Fake { cuts: vec![cut, rest], ..Fake::default() });
            let router = router(RULE, &fake);
            let text = format!("[{MAIL}]\"[EMAIL_{CARD}[");
            let call = call(json!({"messages": [{"role": "user", "content": text}], "tools": tool()}));
            let back = streamed(&router, call).await;
            assert_eq!(back, (text.clone(), text.clone(), json!({"text": text}).to_string()), "{cut} {rest}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_streamed_upstream_alone_is_restored_too() {
    let fake = Arc::new(Fake { cuts: vec![2], ..Fake::default() });
    let router = router(&RULE.replace("price =", "stream_upstream = true\nprice ="), &fake);
    assert_eq!(parts(&router.chat(ask(MAIL)).await.unwrap().body).0, MAIL);
    assert!(fake.sent.lock()[0].contains("\"stream\":true"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever the text and however the answer is cut: no original goes out, every original comes back.
    #[test]
    fn no_original_goes_out_and_all_come_back(
        text in "(\\PC{0,8}( |\\[|\\]|\"|_1\\]| jane\\.doe@example\\.com | 4111 1111 1111 1111 |\\[EMAIL_[12]\\])){0,8}",
        cuts in prop::collection::vec(1usize..30, 1..6),
        whole in any::<bool>(),
    ) {
        let text = format!("{text} {MAIL}");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let fake = Arc::new(Fake { cuts, ..Fake::default() });
            let router = router(RULE, &fake);
            let call = call(json!({"messages": [{"role": "user", "content": text}], "tools": tool()}));
            let back = if whole {
                parts(&router.chat(call).await.unwrap().body)
            } else {
                streamed(&router, call).await
            };
            let sent = fake.sent.lock();
            assert!(sent.iter().all(|body| !body.contains("jane") && !body.contains("4111 1111 1111 1111")), "{sent:?}");
            assert_eq!(back, (text.clone(), text.clone(), json!({"text": text}).to_string()));
        });
    }
}
