//! Clearance: whatever the policy, the request and the day, no byte of a request reaches a deployment that may not have it.
//!
//! Policies, requests and faults are drawn. What a policy means is said a second time here, in the plainest way; every request
//! carries a sign of its own, and every byte that leaves is looked through for it.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use bytes::Bytes;
use fastrand::Rng;
use futures_util::{StreamExt, future::BoxFuture, future::join_all, stream};
use parking_lot::Mutex;
use serde_json::{Value, json};
use waypost::{
    catalog::Deployment,
    chat::{ChatRequest, EmbedRequest},
    clock,
    config::Settings,
    router::{Ask, Call, Router},
    simulate::{World, in_virtual_time},
    trace::{Decision, Outcome},
    transport::{Transport, WireError, WireHead, WireRequest, WireResponse},
};

use super::{hedge, one, scenario, settings, wanted};

/// Worlds of every day, and calls in each.
const WORLDS: u64 = 90;
const CALLS: usize = 30;

/// What is sensitive, of each category.
const SECRETS: [(&str, &str); 3] = [
    ("personal", "Write to jonas.lindqvist@firma-nord.se about it"),
    ("secrets", "the key is ghp_Zx81kQv9LmT3bWc7RpYd2HnJs5UaEf4GoK6t"),
    ("health", "the patient was diagnosed with HIV and takes metformin for diabetes"),
];

/// A condition, which is written for the router and understood a second time here.
#[derive(Clone, Debug)]
enum When {
    Always,
    Sensitive(&'static str),
    Tag(&'static str),
    Team(&'static str),
    Is(&'static str),
    /// Fails while it runs, unless the call says a number.
    Number,
    Not(Box<When>),
    Both(Box<When>, Box<When>),
    Either(Box<When>, Box<When>),
}

/// What a call says of itself, as far as conditions ask.
#[derive(Clone, Debug, Default)]
struct Said {
    category: Option<&'static str>,
    tags: Vec<&'static str>,
    team: Option<&'static str>,
    is: Vec<&'static str>,
    number: Option<Value>,
}

impl When {
    fn draw(rng: &mut Rng, depth: u8) -> Self {
        let deeper = |rng: &mut Rng| Box::new(Self::draw(rng, depth + 1));
        match rng.u8(..if depth < 2 { 12 } else { 8 }) {
            0 | 1 => Self::Sensitive("any"),
            2 => Self::Sensitive(one(rng, &["personal", "secrets", "health"])),
            3 => Self::Tag(one(rng, &["phi", "public"])),
            4 => Self::Team(one(rng, &["red", "blue"])),
            5 | 6 => Self::Is(one(rng, &["has_tools", "has_images", "has_files", "stream"])),
            7 if depth == 0 => one(rng, &[Self::Always, Self::Number]),
            7 => Self::Tag("phi"),
            8 => Self::Not(deeper(rng)),
            9 | 10 => Self::Both(deeper(rng), deeper(rng)),
            _ => Self::Either(deeper(rng), deeper(rng)),
        }
    }

    fn text(&self) -> Option<String> {
        Some(match self {
            Self::Always => return None,
            Self::Sensitive(what) => format!("sensitive.{what}"),
            Self::Tag(tag) => format!("'{tag}' in tags"),
            Self::Team(team) => format!("metadata.team == '{team}'"),
            Self::Is(what) => (*what).to_owned(),
            Self::Number => "int(metadata.level) > 2".into(),
            Self::Not(one) => format!("!({})", one.text()?),
            Self::Both(one, two) => format!("({}) && ({})", one.text()?, two.text()?),
            Self::Either(one, two) => format!("({}) || ({})", one.text()?, two.text()?),
        })
    }

    /// Whether it holds; `None` if that cannot be said.
    fn holds(&self, said: &Said, tags: &[&str]) -> Option<bool> {
        Some(match self {
            Self::Always => true,
            Self::Sensitive("any") => said.category.is_some(),
            Self::Sensitive(what) => said.category == Some(what),
            Self::Tag(tag) => tags.contains(tag),
            Self::Team(team) => said.team == Some(team),
            Self::Is(what) => said.is.contains(what),
            Self::Number => said.number.as_ref()?.as_i64()? > 2,
            Self::Not(one) => !one.holds(said, tags)?,
            Self::Both(one, two) => one.holds(said, tags)? && two.holds(said, tags)?,
            Self::Either(one, two) => one.holds(said, tags)? || two.holds(said, tags)?,
        })
    }
}

/// A rule as written, and its condition.
#[derive(Clone, Debug)]
struct Rule {
    when: When,
    written: Value,
}

fn rule(rng: &mut Rng, at: usize) -> Rule {
    let when = When::draw(rng, 0);
    let mut written = json!({"name": format!("rule {at}")});
    if let Some(text) = when.text() {
        written["when"] = text.into();
    }
    let matcher = |rng: &mut Rng| match rng.u8(..6) {
        0 | 1 => json!({"tags": one(rng, &[vec!["private"], vec!["eu"], vec!["private", "eu"]])}),
        2 => json!({"regions": one(rng, &[vec!["eu"], vec!["eu", "us"], vec!["us"]])}),
        3 => json!({"zdr": true}),
        4 => json!({"trains_on_data": rng.bool()}),
        _ => json!({"providers": one(rng, &[vec!["openai"], vec!["anthropic", "ollama"]])}),
    };
    for _ in 0..rng.u8(1..3) {
        match rng.u8(..12) {
            0..=3 => written["require"] = matcher(rng),
            4 | 5 => written["deny"] = matcher(rng),
            6 => written["prefer"] = matcher(rng),
            // After a route for everything no other would be reached.
            7 if !matches!(when, When::Always) => written["route"] = "smart".into(),
            8 => written["tag"] = json!(["phi"]),
            9 => written["set"] = json!({"temperature": 0.5}),
            10 => written["redact"] = true.into(),
            _ if !matches!(when, When::Always | When::Not(_)) => written["block"] = "not here".into(),
            _ => written["deny"] = matcher(rng),
        }
    }
    Rule { when, written }
}

/// What a policy means for one call.
#[derive(Debug)]
struct Meaning {
    allowed: Vec<bool>,
    blocked: bool,
    redacted: bool,
}

/// Whether `deployment`, as written, is what `matcher` speaks of.
fn spoken_of(matcher: &Value, deployment: &Value, any_tag: bool) -> bool {
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let own = texts(&deployment["tags"]);
    matcher.as_object().unwrap().iter().all(|(key, wanted)| match key.as_str() {
        "tags" if any_tag => texts(wanted).iter().any(|tag| own.contains(tag)),
        "tags" => texts(wanted).iter().all(|tag| own.contains(tag)),
        "regions" => deployment["region"].as_str().is_some_and(|region| texts(wanted).iter().any(|one| one == region)),
        "providers" => {
            let (provider, _) = deployment["model"].as_str().unwrap().split_once('/').unwrap();
            texts(wanted).iter().any(|one| one == provider)
        }
        attribute => deployment.get(attribute).is_some_and(|own| own == wanted),
    })
}

fn meaning(rules: &[Rule], deployments: &[Value], said: &Said) -> Meaning {
    let mut tags = said.tags.clone();
    let mut found = Meaning { allowed: vec![true; deployments.len()], blocked: false, redacted: false };
    for Rule { when, written } in rules {
        let holds = when.holds(said, &tags);
        // Who cannot say refuses.
        if holds != Some(false) {
            for (allowed, deployment) in found.allowed.iter_mut().zip(deployments) {
                *allowed &= written.get("require").is_none_or(|matcher| spoken_of(matcher, deployment, false));
                *allowed &= written.get("deny").is_none_or(|matcher| !spoken_of(matcher, deployment, true));
            }
            found.blocked |= written.get("block").is_some();
            found.redacted |= written.get("redact").is_some();
        }
        if holds == Some(true) && written.get("tag").is_some() {
            tags.push("phi");
        }
    }
    found
}

/// Deployments of every kind, as written.
fn deployments(rng: &mut Rng) -> Vec<Value> {
    let models = ["openai/gpt-5-mini", "anthropic/claude-haiku-4-5", "gemini/gemini-2.5-flash", "ollama/llama3.3"];
    let abilities = json!({
        "vision": true, "files": true, "tools": true, "prefill": true, "json_schema": true, "context_window": 100_000,
    });
    // The first ones have all that rules speak of, so that every rule names somebody.
    let mut all = vec![
        json!({"model": models[0], "tags": ["private"], "region": "eu", "zdr": true, "trains_on_data": false}),
        json!({"model": models[1], "tags": ["eu"], "region": "us", "zdr": false, "trains_on_data": true}),
        json!({"model": models[3], "tags": ["private", "eu"], "region": "eu", "zdr": true}),
    ];
    for _ in 0..rng.usize(1..4) {
        let mut more = json!({"model": one(rng, &models), "tags": one(rng, &[vec!["other"], vec!["private"], vec!["eu", "private"]])});
        if rng.bool() {
            more["region"] = one(rng, &["eu", "us"]).into();
        }
        if rng.bool() {
            more["zdr"] = rng.bool().into();
        }
        all.push(more);
    }
    rng.shuffle(&mut all);
    for one in &mut all {
        (one["api_key"], one["capabilities"]) = ("x".into(), abilities.clone());
        one["stream_upstream"] = (rng.u8(..4) == 0).into();
    }
    all
}

/// A configuration of `deployments` and `rules`, on which much is tried.
fn written(rng: &mut Rng, deployments: &[Value], rules: &[Rule]) -> Value {
    let names: Vec<String> = (0..deployments.len()).map(|at| format!("d{at}")).collect();
    let route = |rng: &mut Rng| {
        let first = rng.usize(1..names.len());
        let mut route = json!({
            "candidates": names[..first], "fallback": names[first..],
            "strategy": one(rng, &["priority", "round_robin", "weighted", "cheapest", "fastest", "least_busy"]),
        });
        if let Some(word) = one(rng, &[None, Some("restart"), Some("continue"), Some("continue")]) {
            route["on_stream_failure"] = word.into();
        }
        route
    };
    let all: serde_json::Map<_, _> = names.iter().cloned().zip(deployments.iter().cloned()).collect();
    json!({
        "deployments": all,
        "routes": {"auto": route(rng), "smart": route(rng)},
        "rules": rules.iter().map(|rule| rule.written.clone()).collect::<Vec<_>>(),
        "resilience": {
            "retry": {"attempts": 6, "per_deployment": 2, "backoff": "10ms", "budget": {"same": 1.0}},
            "breaker": {"failures": rng.u32(1..6), "cooldown": "2s"},
            "hedge": hedge(rng),
            "timeouts": {"first_token": "3s", "stall": "3s", "response": "5s"},
            "on_all_unavailable": one(rng, &[json!("fail"), json!("probe_best"), json!({"wait": "5s"})]),
        },
    })
}

/// One call with the sign that it carries, and what it says of itself.
struct Case {
    sign: String,
    secret: Option<&'static str>,
    said: Said,
    call: Call,
    leaves: bool,
}

fn case(rng: &mut Rng, number: usize, names: usize) -> Case {
    let sign = format!("sign{number}qz{}", rng.u32(1_000_000..));
    let secret = (rng.u8(..3) > 0).then(|| one(rng, &SECRETS));
    let mut said = Said { category: secret.map(|(category, _)| category), ..Said::default() };
    let hidden = secret.map_or("The river runs past the old mill", |(_, text)| text);
    let text = format!("{sign}. {hidden}. {sign}");
    let embeds = rng.u8(..8) == 0;
    let ask = if embeds {
        let texts = vec!["one".into(), text.clone(), "two".into()];
        Ask::Embed(Arc::new(EmbedRequest { texts, ..EmbedRequest::default() }))
    } else {
        Ask::Chat(Arc::new(request(rng, &text, &mut said)))
    };
    let mut call = Call::new(ask);
    call.model = match rng.u8(..10) {
        0..=5 => "auto".into(),
        6 | 7 => "smart".into(),
        _ => format!("d{}", rng.usize(..names)),
    };
    call.stream = !embeds && rng.bool();
    if call.stream {
        said.is.push("stream");
    }
    call.patient = rng.u8(..4) == 0;
    for tag in ["phi", "public"] {
        if rng.u8(..3) == 0 {
            said.tags.push(tag);
        }
    }
    call.tags = said.tags.iter().map(|tag| (*tag).to_owned()).collect();
    said.team = one(rng, &[None, Some("red"), Some("blue")]);
    said.number = one(rng, &[None, Some(json!(1)), Some(json!(5)), Some(json!("much"))]);
    call.metadata.extend(said.team.map(|team| ("team".into(), json!(team))));
    call.metadata.extend(said.number.clone().map(|number| ("level".into(), number)));
    call.session = (rng.u8(..3) == 0).then(|| format!("session {}", rng.u8(..3)));
    Case { sign, secret: secret.map(|(_, text)| text), said, call, leaves: rng.u8(..8) == 0 }
}

/// A request in which `text` stands somewhere.
fn request(rng: &mut Rng, text: &str, said: &mut Said) -> ChatRequest {
    let user = |content: Value| json!({"role": "user", "content": content});
    let plain = user("Tell me more".into());
    let tool = |words: &str| json!({"type": "function", "function": {"name": "look", "description": words, "parameters": {"type": "object"}}});
    let asked = |arguments: Value| {
        let function = json!({"name": "look", "arguments": arguments.to_string()});
        json!({"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": function}]})
    };
    let answered = |words: &str| json!({"role": "tool", "tool_call_id": "c1", "content": words});
    let with_tools = |messages: Value, words: &str| json!({"messages": messages, "tools": [tool(words)]});
    let written = match rng.u8(..10) {
        0 | 1 => json!({"messages": [user(text.into())]}),
        2 => json!({"messages": [{"role": "system", "content": text}, plain]}),
        3 => json!({"messages": [user(text.into()), {"role": "assistant", "content": "I see"}, plain]}),
        4 => json!({"messages": [plain, {"role": "assistant", "content": text}, plain]}),
        5 => with_tools(json!([plain, asked(json!({"q": text})), answered("nothing"), plain]), "Look"),
        6 => with_tools(json!([plain, asked(json!({"q": "x"})), answered(text), plain]), "Look"),
        7 => with_tools(json!([plain]), text),
        8 => {
            let data = format!("data:text/plain;base64,{}", base64(text.as_bytes()));
            said.is.push("has_files");
            let part = json!({"type": "file", "file": {"filename": "a.txt", "file_data": data}});
            json!({"messages": [user(json!([{"type": "text", "text": "Read this"}, part]))]})
        }
        _ => {
            said.is.push("has_images");
            let part = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}});
            json!({"messages": [user(json!([{"type": "text", "text": text}, part]))]})
        }
    };
    if written.get("tools").is_some() {
        said.is.push("has_tools");
    }
    serde_json::from_value(written).unwrap()
}

/// What left: the place of whom it went to, and its bytes.
type Letter = (usize, Vec<u8>);

/// Stands between the router and the world, and reads all that leaves.
#[derive(Debug)]
struct Spy {
    world: Arc<dyn Transport>,
    letters: Arc<Mutex<Vec<Letter>>>,
}

impl Transport for Spy {
    fn send(&self, request: WireRequest, connect: Duration) -> BoxFuture<'static, Result<WireResponse, WireError>> {
        let place = request.headers["x-waypost-simulated"].to_str().unwrap().parse().unwrap();
        let mut bytes = request.url.clone().into_bytes();
        for (name, value) in &request.headers {
            bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"].concat());
        }
        bytes.extend(&request.body);
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        laid_open(&body, &mut bytes);
        self.letters.lock().push((place, bytes));
        let texts = body["input"].as_array().map_or(0, Vec::len);
        if texts > 0 && self.letters.lock().len().is_multiple_of(2) {
            return Box::pin(std::future::ready(Ok(vectors(texts))));
        }
        self.world.send(request, connect)
    }
}

fn vectors(texts: usize) -> WireResponse {
    let data: Vec<Value> = (0..texts).map(|at| json!({"index": at, "embedding": [0.5, 0.25]})).collect();
    let body = json!({"data": data, "model": "m", "usage": {"prompt_tokens": 3, "total_tokens": 3}}).to_string();
    WireResponse {
        head: WireHead { status: 200, ..WireHead::default() },
        body: stream::iter([Ok(Bytes::from(body))]).boxed(),
    }
}

/// Every string of `value`, and what it is in base64.
fn laid_open(value: &Value, into: &mut Vec<u8>) {
    match value {
        Value::String(text) => {
            into.push(b'\n');
            into.extend(text.as_bytes());
            let data = text.rsplit(',').next().unwrap_or_default();
            into.extend(out_of_base64(data));
        }
        Value::Array(items) => items.iter().for_each(|item| laid_open(item, into)),
        Value::Object(map) => map.values().for_each(|item| laid_open(item, into)),
        _ => {}
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number = three.iter().chain([&0, &0]).take(3).fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        (0..4).for_each(|at| {
            let sign = char::from(ALPHABET[number >> (18 - 6 * at) & 63]);
            text.push(if at <= three.len() { sign } else { '=' });
        });
    }
    text
}

/// Empty for what is no base64.
fn out_of_base64(text: &str) -> Vec<u8> {
    let digits = text.trim_end_matches('=').bytes().map(|sign| ALPHABET.iter().position(|own| *own == sign));
    let Some(digits) = digits.collect::<Option<Vec<usize>>>() else { return Vec::new() };
    let whole = |four: &[usize]| {
        let number = four.iter().chain([&0; 4]).take(4).fold(0, |sum, digit| sum << 6 | digit) as u32;
        number.to_be_bytes()[1..four.len().max(1)].to_vec()
    };
    digits.chunks(4).flat_map(whole).collect()
}

fn holds(bytes: &[u8], sign: &str) -> bool {
    bytes.windows(sign.len()).any(|window| window == sign.as_bytes())
}

/// What became of a call: its decision, and every word about it that is not its answer.
struct Told {
    decision: Option<Arc<Decision>>,
    words: String,
}

async fn made(router: &Router, call: Call, leaves: bool) -> Told {
    let failed = |failure: waypost::router::Failure| {
        let words = format!("{} {:?}", failure.0.error.message, failure.0.error);
        Told { decision: failure.0.decision, words }
    };
    let answered = |decision: Arc<Decision>| Told { decision: Some(decision), words: String::new() };
    if matches!(call.ask, Ask::Embed(_)) {
        return router.embed(call).await.map_or_else(failed, |reply| answered(reply.decision));
    }
    if !call.stream {
        return router.chat(call).await.map_or_else(failed, |reply| answered(reply.decision));
    }
    let mut stream = match router.stream(call) {
        Ok(stream) => stream,
        Err(error) => return failed(error.into()),
    };
    let mut pieces = 0;
    while let Some(piece) = stream.next().await {
        if let Err(failure) = piece {
            return failed(failure);
        }
        pieces += 1;
        if leaves && pieces == 2 {
            return Told { decision: None, words: format!("{stream:?}") };
        }
    }
    stream.reply().map_or(Told { decision: None, words: String::new() }, |reply| answered(Arc::clone(&reply.decision)))
}

/// What was met on the way, so that a test of nothing is seen.
#[derive(Debug, Default)]
struct Met {
    cases: u64,
    requests: u64,
    hedges: u64,
    failovers: u64,
    nobody: u64,
    blocked: u64,
    redacted: u64,
    embedded: u64,
    continued: u64,
}

/// Bad days for everybody.
fn bad_days() -> Value {
    json!({
        "duration": "10m", "traffic": {"rpm": 1},
        "deployments": {"*": {
            "first_token": {"p50": 0.3, "p95": 3.0}, "retry_after": "1s",
            "faults": {"500": 0.12, "503": 0.06, "429": 0.06, "cut": 0.12, "reset": 0.08, "stall": 0.06, "garbage": 0.05, "400": 0.02},
        }},
    })
}

fn router(settings: Settings, seed: u64) -> (Router, Arc<Mutex<Vec<Letter>>>) {
    let mut settings = settings;
    for (place, settings) in settings.deployments.iter_mut().enumerate() {
        World::mark(place, &mut settings.deployment);
    }
    settings.seed = Some(seed);
    let all: Vec<&Deployment> = settings.deployments.iter().map(|settings| &settings.deployment).collect();
    let world = World::new(&all, &scenario(&bad_days()), seed, false).unwrap();
    let letters = Arc::new(Mutex::default());
    let spy = Spy { world: Arc::new(world), letters: Arc::clone(&letters) };
    (Router::new(settings, Arc::new(spy)).unwrap(), letters)
}

#[test]
fn no_byte_of_a_request_reaches_whom_policy_refuses() {
    let mut met = Met::default();
    for seed in 0..wanted().map_or(WORLDS, |hours| hours / 20) {
        one_world(seed, &mut met);
    }
    let Met { cases, requests, hedges, failovers, nobody, blocked, redacted, embedded, continued } = met;
    let all = [hedges, failovers, nobody, blocked, redacted, embedded, continued];
    assert!(cases >= 2_000 && requests > cases / 2 && all.iter().all(|count| *count > 20), "{met:?}");
}

fn one_world(seed: u64, met: &mut Met) {
    let mut rng = Rng::with_seed(seed);
    let deployments = deployments(&mut rng);
    let rules: Vec<Rule> = (0..rng.usize(1..5)).map(|at| rule(&mut rng, at)).collect();
    let config = written(&mut rng, &deployments, &rules);
    let cases: Vec<Case> = (0..CALLS).map(|number| case(&mut rng, number, deployments.len())).collect();
    let settings = settings(config.clone());
    let calls: Vec<(Call, bool, u64)> =
        cases.iter().map(|case| (case.call.clone(), case.leaves, rng.u64(..20_000))).collect();
    let played = in_virtual_time(async move || {
        let (router, letters) = router(settings, seed);
        let begin = clock::now();
        let told = join_all(calls.into_iter().map(|(call, leaves, after)| {
            let router = &router;
            async move {
                clock::sleep_until(begin + Duration::from_millis(after)).await;
                made(router, call, leaves).await
            }
        }));
        let told = told.await;
        let mut words = format!("{} {:?} {:?}", router.metrics(), router.deployments(), router.warnings());
        if seed < 2 {
            // It says all that it holds, at great length.
            let _ = write!(words, "{router:?}");
        }
        let letters = std::mem::take(&mut *letters.lock());
        (told, letters, words)
    });
    let (told, letters, words) = played.unwrap();
    for (case, told) in cases.iter().zip(&told) {
        let meant = meaning(&rules, &deployments, &case.said);
        let about = || format!("seed {seed}: {:?} {:?} of {config}", case.call, case.said);
        let own: Vec<&Letter> = letters.iter().filter(|(_, bytes)| holds(bytes, &case.sign)).collect();
        for (place, bytes) in &own {
            assert!(!meant.blocked, "a blocked request went out: {}", about());
            assert!(meant.allowed[*place], "d{place} may not have it: {}", about());
            let whole = case.secret.is_some_and(|secret| holds(bytes, secret));
            assert!(!(meant.redacted && whole), "what is redacted went to d{place}: {}", about());
        }
        silent(case, told, &words, &about);
        told.decision.iter().for_each(|decision| agrees(decision, &meant, &about));
        meet(met, case, told, &meant, &own);
    }
}

/// No word about a call repeats what it said.
fn silent(case: &Case, told: &Told, words: &str, about: &dyn Fn() -> String) {
    let decision = told.decision.as_ref().map(|decision| {
        let plain = serde_json::to_string(&**decision).unwrap();
        format!("{plain} {} {decision:?}", decision.explain())
    });
    for text in [words, &told.words, decision.as_deref().unwrap_or_default()] {
        let found = text.find(&case.sign).map(|at| &text[at.saturating_sub(200)..at]);
        assert_eq!(found, None, "{}", about());
    }
}

/// The decision refuses by policy whom the rules refuse, and nobody else.
fn agrees(decision: &Decision, meant: &Meaning, about: &dyn Fn() -> String) {
    for candidate in &decision.candidates {
        let place: usize = candidate.deployment.as_str()[1..].parse().unwrap();
        let code = candidate.refused.as_ref().map(waypost::trace::Reason::code);
        let refused = matches!(code, Some("policy" | "tag"));
        assert_eq!(refused, meant.blocked || !meant.allowed[place], "d{place}: {code:?}: {}", about());
    }
}

fn meet(met: &mut Met, case: &Case, told: &Told, meant: &Meaning, own: &[&(usize, Vec<u8>)]) {
    met.cases += 1;
    met.requests += own.len() as u64;
    met.blocked += u64::from(meant.blocked);
    met.nobody += u64::from(meant.allowed.iter().all(|allowed| !allowed));
    met.embedded += u64::from(matches!(case.call.ask, Ask::Embed(_)) && !own.is_empty());
    met.redacted += u64::from(meant.redacted && case.secret.is_some() && !own.is_empty());
    let goes_on = |(_, bytes): &&&(usize, Vec<u8>)| holds(bytes, "w0 w1");
    met.continued += own.iter().filter(goes_on).count() as u64;
    let Some(decision) = &told.decision else { return };
    met.hedges += decision.attempts.iter().filter(|attempt| attempt.hedge).count() as u64;
    let tried =
        decision.attempts.len() > 1 && decision.attempts.iter().any(|attempt| attempt.outcome == Outcome::Error);
    met.failovers += u64::from(tried);
}
