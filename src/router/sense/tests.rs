use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::*;
use crate::{
    chat::{ChatRequest, Message},
    config::{Format, from_text},
    error::ErrorKind,
    router::{
        Router,
        fake::{Fake, ask},
    },
    signals::own::{Done, Work},
    transport::{Transport, WireError, WireHead, WireRequest, WireResponse},
};

/// A provider, and classifiers under `http://classify.test/…` that answer what they are told to, after a while.
#[derive(Debug, Default)]
struct World {
    provider: Fake,
    said: Mutex<Vec<(String, String)>>,
    answers: Mutex<Vec<(u16, String)>>,
    delay: Duration,
}

impl Transport for World {
    fn send(&self, request: WireRequest, connect: Duration) -> BoxFuture<'static, Result<WireResponse, WireError>> {
        let Some(path) = request.url.strip_prefix("http://classify.test/") else {
            return self.provider.send(request, connect);
        };
        self.said.lock().push((path.to_owned(), String::from_utf8_lossy(&request.body).into_owned()));
        let mut answers = self.answers.lock();
        let (status, body) = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        let delay = self.delay;
        let answer = async move {
            clock::sleep_until(clock::now() + delay).await;
            let head = WireHead { status, ..WireHead::default() };
            Ok(WireResponse { head, body: stream::iter([Ok(Bytes::from(body))]).boxed() })
        };
        answer.boxed()
    }
}

/// A function that answers at once, after a while on a thread of its own, or never.
struct Answers(Option<Outcome>);

impl Work for Answers {
    fn start(&self, request: &Arc<Map>, done: Done) {
        assert!(request["text"].is_string() && request["messages"].is_array() && request["tags"].is_array());
        match &self.0 {
            Some(outcome) => done(outcome.clone()),
            None => std::mem::forget(done),
        }
    }
}

const DEPLOYMENTS: &str = r#"
    [deployments.cloud]
    model = "openai-compatible/cloud"
    base_url = "http://127.0.0.1:1/v1"
    [deployments.house]
    model = "openai-compatible/house"
    base_url = "http://127.0.0.1:1/v1"
    tags = ["private"]
    price = { input = 1.0, output = 1.0 }
"#;

fn world(answers: &[(u16, Value)], delay: u64) -> Arc<World> {
    let answers = answers.iter().map(|(status, value)| (*status, value.to_string())).collect();
    Arc::new(World { answers: Mutex::new(answers), delay: Duration::from_millis(delay), ..World::default() })
}

fn router(config: &str, world: &Arc<World>, functions: &[(&str, Option<Outcome>)]) -> Router {
    let mut settings = from_text(&format!("{DEPLOYMENTS}{config}"), Format::Toml, "test", &|_| None).unwrap();
    for (name, outcome) in functions {
        let own = settings.own.iter_mut().find(|own| own.shape.name == *name).unwrap();
        own.source = Source::Function(Some(Function(Arc::new(Answers(outcome.clone())))));
    }
    let transport: Arc<World> = Arc::clone(world);
    Router::new(settings, transport).unwrap()
}

const VIP: &str = r#"
    [signals.vip]
    type = "bool"
    timeout = "50ms"
    [[rules]]
    name = "vips stay home"
    when = "vip"
    require = ["house"]
"#;

#[tokio::test(start_paused = true)]
async fn a_function_is_a_variable_of_rules() {
    for (outcome, first) in [(Ok(json!(true)), "house"), (Ok(json!(false)), "cloud")] {
        let router = router(VIP, &world(&[(200, json!(0))], 0), &[("vip", Some(outcome.clone()))]);
        let decision = router.route(&ask("Hello")).unwrap();
        assert_eq!(decision.chosen.unwrap().as_str(), first);
        assert_eq!(decision.signals.to_value()["vip"], outcome.clone().unwrap());
        let reply = router.chat(ask("Hello")).await.unwrap();
        assert_eq!((reply.deployment.as_str(), reply.decision.signals.own("vip")), (first, Some(&outcome)));
        let mut stream = router.stream(ask("Hello")).unwrap();
        let id = stream.id();
        while let Some(chunk) = stream.next().await {
            assert_eq!(chunk.unwrap().deployment.as_str(), first);
        }
        assert_eq!(stream.reply().unwrap().decision.id.to_string(), id);
        assert!(router.signals(&ask("Hello")).unwrap().contains_key("vip"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_absent_and_closes() {
    let why = |outcome: Option<Outcome>| {
        let router = router(VIP, &world(&[(200, json!(0))], 0), &[("vip", outcome)]);
        async move {
            let decision = router.chat(ask("Hello")).await.unwrap().decision;
            assert_eq!(decision.chosen.as_ref().unwrap().as_str(), "house");
            assert!(!decision.signals.to_value().contains_key("vip"));
            decision.rules[0].error.clone().unwrap()
        }
    };
    assert_eq!(why(None).await, "`vip` was not computed: it took longer than 0.05 s");
    assert_eq!(why(Some(Err("it raised KeyError".into()))).await, "`vip` was not computed: it raised KeyError");
    assert_eq!(why(Some(Ok(json!("CANARY")))).await, "`vip` was not computed: it is not true or false");
    assert_eq!(why(Some(Ok(Value::Null))).await, "`vip` was not computed: it abstained");
}

#[tokio::test(start_paused = true)]
async fn what_nothing_reads_is_not_asked_for() {
    let config = "[signals.vip]\n[signals.topic]\nurl = \"http://classify.test/topic\"\n";
    let world = world(&[(200, json!("a"))], 0);
    let router = router(config, &world, &[("vip", None)]);
    let start = clock::now();
    let decision = router.chat(ask("Hello")).await.unwrap().decision;
    assert!(decision.signals.own.is_empty() && world.said.lock().is_empty());
    assert!(clock::now() - start < Duration::from_millis(150));
}

const TOPIC: &str = r#"
    [signals.topic]
    url = "http://classify.test/topic"
    cost = 0.01
    fields = { label = "string", score = "number" }
    [budgets.daily]
    usd = 0.025
    window = "1d"
    [[rules]]
    name = "orders"
    when = "topic.label == 'order' && topic.score > 0.5"
    prefer = ["house"]
    [[rules]]
    name = "private"
    when = "text.contains('secret')"
    require = { tags = ["private"] }
"#;

#[tokio::test(start_paused = true)]
async fn a_classifier_is_asked_once_for_one_text_and_its_cost_is_booked() {
    let world = world(&[(200, json!({"label": "order", "score": 0.9, "echo": "CANARY"}))], 20);
    let router = router(TOPIC, &world, &[]);
    // A decision alone has no network.
    let decision = router.route(&ask("Where is it?")).unwrap();
    assert!(
        decision.rules[0].error.as_ref().unwrap().contains("a decision alone has no network"),
        "{:?}",
        decision.rules
    );
    assert!(world.said.lock().is_empty());
    for _ in 0..2 {
        let reply = router.chat(Call { max_cost: None, ..ask("Where is it?") }).await;
        let decision = reply.map_or_else(|failure| failure.0.decision.clone().unwrap(), |reply| reply.decision);
        assert_eq!(decision.signals.to_value()["topic"], json!({"label": "order", "score": 0.9}));
        assert_eq!(decision.rules.iter().map(|rule| rule.name.as_str()).collect::<Vec<_>>(), ["orders"]);
    }
    assert_eq!(*world.said.lock(), [("topic".to_owned(), json!({"text": "Where is it?"}).to_string())]);
    // What is known already is known to a decision alone too.
    assert!(router.route(&ask("Where is it?")).unwrap().rules[0].error.is_none());
    let spent = |router: &Router| router.shared.budgets.fullest()[0].1;
    assert!(spent(&router) > 0.39, "{}", spent(&router));
    // One more fits the budget, and then there is no room.
    for (text, said) in [("And this?", 2), ("And that?", 2)] {
        let _ = router.chat(ask(text)).await;
        assert!(world.said.lock().len() <= said);
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_does_not_reach_a_classifier_that_is_not_cleared() {
    let world = world(&[(200, json!({"label": "order", "score": 0.9}))], 0);
    let router = router(TOPIC, &world, &[]);
    let decision = router.chat(ask("my secret")).await.unwrap().decision;
    assert!(world.said.lock().is_empty());
    let why = decision.rules.iter().find(|rule| rule.name == "orders").unwrap().error.clone().unwrap();
    assert_eq!(why, "`topic` was not computed: rule `private` does not let this request reach it");
    assert_eq!(decision.chosen.as_ref().unwrap().as_str(), "house");
    // One that carries the tag is cleared.
    let cleared = TOPIC.replace("cost = 0.01", "tags = [\"private\"]");
    let decision = self::router(&cleared, &world, &[]).chat(ask("my secret")).await.unwrap().decision;
    assert_eq!(world.said.lock().len(), 1);
    assert!(decision.rules.iter().all(|rule| rule.error.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_classifier_sees_what_is_redacted_as_it_is_redacted() {
    let world = world(&[(200, json!("order"))], 0);
    let config = r#"
        [signals.topic]
        url = "http://classify.test/topic"
        send = "messages"
        [[rules]]
        name = "hide"
        when = "sensitive.personal"
        redact = true
        [[rules]]
        when = "topic == 'order'"
        tag = ["orders"]
    "#;
    let router = router(config, &world, &[]);
    router.chat(ask("Write to anna.berg@example.com please")).await.unwrap();
    let said = world.said.lock()[0].1.clone();
    assert!(said.contains("please") && !said.contains("anna.berg"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn who_decides_what_others_may_see_is_asked_before_them() {
    let config = r#"
        [signals.risk]
        url = "http://classify.test/risk"
        tags = ["private"]
        [signals.topic]
        url = "http://classify.test/topic"
        [[rules]]
        name = "risky"
        when = "risk > 0.5"
        require = { tags = ["private"] }
        [[rules]]
        name = "topics"
        when = "topic == 0.9"
        prefer = ["house"]
    "#;
    let world = world(&[(200, json!({"value": 0.9}))], 5);
    let router = router(config, &world, &[]);
    let decision = router.chat(ask("Hello")).await.unwrap().decision;
    assert_eq!(world.said.lock().iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["risk"]);
    assert_eq!(decision.chosen.as_ref().unwrap().as_str(), "house");
    assert!(decision.rules[1].error.as_ref().unwrap().contains("rule `risky` does not let"), "{:?}", decision.rules);
}

#[tokio::test(start_paused = true)]
async fn a_classifier_that_fails_abstains_in_time() {
    let config = r#"
        [signals.topic]
        url = "http://classify.test/topic"
        timeout = "100ms"
        [[rules]]
        name = "closed"
        when = "topic == 'order'"
        deny = ["cloud"]
    "#;
    for (status, answer, delay, why) in [
        (503, json!("CANARY"), 0, "it answered 503"),
        (200, json!(["CANARY"]), 0, "it is not a number, a text, true or false, or a mapping"),
        (200, json!("x".repeat(70_000)), 0, "it sent too much"),
        (200, json!("order"), 200, "it took longer than 0.1 s"),
    ] {
        let world = world(&[(status, answer)], delay);
        let router = router(config, &world, &[]);
        let start = clock::now();
        let decision = router.chat(ask("Hello")).await.unwrap().decision;
        assert!(clock::now() - start < Duration::from_millis(300));
        assert_eq!(decision.rules[0].error.as_deref(), Some(format!("`topic` was not computed: {why}").as_str()));
        assert_eq!(decision.chosen.as_ref().unwrap().as_str(), "house");
        assert!(!format!("{decision:?}").contains("CANARY"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_chooses_a_label_under_its_own_clearance() {
    let config = r#"
        [signals.topic]
        deployment = "house"
        labels = ["Hello", "order"]
        [[rules]]
        name = "greetings"
        when = "topic == 'Hello'"
        route = "small"
        [routes.small]
        candidates = ["cloud"]
        [[rules]]
        name = "no house"
        when = "text.contains('away')"
        deny = ["house"]
    "#;
    let world = world(&[(200, json!(0))], 0);
    let router = router(config, &world, &[]);
    // The fake says what it was told: the text is the label.
    let reply = router.chat(ask("Hello")).await.unwrap();
    assert_eq!((reply.deployment.as_str(), reply.decision.signals.own("topic")), ("cloud", Some(&Ok(json!("Hello")))));
    let sent = world.provider.sent.lock().clone();
    assert_eq!(sent.len(), 2);
    assert!(sent[0].contains("You are a classifier") && sent[0].contains("\"house\""), "{}", sent[0]);
    let decision = router.chat(ask("go away")).await.unwrap().decision;
    assert!(matches!(decision.signals.own("topic"), Some(Err(why)) if why.contains("`no house`")));
    assert_eq!(world.provider.sent.lock().len(), 3);
}

#[test]
fn mistakes_are_told_with_a_hint() {
    let error = |config: &str| {
        let text = format!("{DEPLOYMENTS}{config}");
        let settings = from_text(&text, Format::Toml, "test", &|_| None);
        let error = settings.and_then(|s| Router::new(s, Arc::new(Fake::default()))).expect_err(config);
        (error.context.path.unwrap_or_default(), error.message, error.context.hint.unwrap_or_default())
    };
    let of = |signal: &str, when: &str| error(&format!("{signal}\n[[rules]]\nwhen = \"{when}\"\ntag = [\"x\"]\n"));
    let (path, message, hint) = of("[signals.toxicity]", "toxicty > 0.5");
    assert_eq!((path.as_str(), hint.as_str()), ("rules[0].when", "did you mean `toxicity`?"), "{message}");
    let (_, message, hint) = of("[signals.topic]\nfields = [\"score\", \"label\"]", "topic.scor > 0.5");
    assert!(message.contains("`topic` has no `scor`") && hint == "did you mean `score`?", "{message} {hint}");
    assert!(of("[signals.vip]\ntype = \"bool\"", "vip > 0.5").1.contains("is compared with"));
    for (config, path, words) in [
        ("[signals.tokens]", "signals.tokens", "has this name already"),
        ("[signals.in]", "signals.in", "means something"),
        ("[signals.\"a-b\"]", "signals.a-b", "letters of English"),
        ("[signals.a]\nurl = \"ftp://x\"", "signals.a.url", "http://"),
        ("[signals.a]\nurl = \"http://u:p@x/\"", "signals.a.url", "a user or a password"),
        ("[signals.a]\nurl = \"http://x/\"\ndeployment = \"house\"", "signals.a", "one source"),
        ("[signals.a]\ndeployment = \"house\"\nlabels = [\"x\"]", "signals.a.labels", "from 2 to 50"),
        ("[signals.a]\ndeployment = \"hose\"\nlabels = [\"x\", \"y\"]", "signals.a.deployment", "hose"),
        ("[signals.a]\nlabels = [\"x\", \"y\"]", "signals.a.labels", "means nothing here"),
    ] {
        let (at, message, _) = error(config);
        assert!(at == path && message.contains(words), "{config}: {at}: {message}");
    }
}

#[test]
fn proofs_know_the_names() {
    let config = r#"
        [signals.risk]
        type = "number"
        [[rules]]
        when = "risk > 0.5"
        require = { tags = ["private"] }
    "#;
    let router = router(config, &world(&[(200, json!(0))], 0), &[("risk", None)]);
    let prove = |when: &str| router.prove(Some(when), "name == 'cloud'").unwrap();
    assert_eq!(prove("risk > 0.7").answer, crate::router::prove::Answer::Proved);
    let found = prove("risk > 0.3");
    assert_eq!(found.answer, crate::router::prove::Answer::Counterexample);
    assert!(found.counterexample.unwrap().signals["risk"].as_f64().unwrap() <= 0.5);
    assert_eq!(router.prove(Some("rsk > 0.3"), "name == 'cloud'").unwrap_err().kind, ErrorKind::Config);
}

#[test]
fn proofs_know_who_listens() {
    let prove = |signal: &str, when: &str| {
        let config = format!(
            "[signals.topic]\n{signal}\n[[rules]]\nname = \"home\"\nwhen = \"sensitive.any\"\nrequire = {{ tags = [\"private\"] }}\n\
             [[rules]]\nwhen = \"topic == 'order'\"\nrequire = {{ tags = [\"private\"] }}\n"
        );
        router(&config, &world(&[(200, json!(0))], 0), &[]).prove(Some(when), "!('private' in tags)").unwrap()
    };
    let url = "url = \"http://classify.test/topic\"";
    assert_eq!(prove(url, "sensitive.any").answer, crate::router::prove::Answer::Proved);
    // It is asked before anybody knows what it will say.
    let found = prove(url, "topic == 'order'").counterexample.unwrap();
    assert_eq!(found.deployment, "signals.topic");
    let home = format!("{url}\ntags = [\"private\"]");
    assert_eq!(prove(&home, "topic == 'order'").answer, crate::router::prove::Answer::Proved);
}

#[tokio::test(start_paused = true)]
async fn texts_to_embed_are_asked_about_too() {
    let world = world(&[(200, json!({"label": "order", "score": 0.9}))], 0);
    let router = router(&TOPIC.replace("text.contains('secret')", "sensitive.personal"), &world, &[]);
    let request = crate::chat::EmbedRequest { texts: vec!["anna.berg@example.com".into()], ..Default::default() };
    let _ = router.embed(Call::new(Ask::Embed(Arc::new(request)))).await;
    assert!(world.said.lock().is_empty());
    let request = ChatRequest { messages: vec![Message::user("x")], ..ChatRequest::default() };
    assert!(router.route(&Call { model: "nobody".into(), ..Call::new(Ask::Chat(Arc::new(request))) }).is_err());
}
