//! What a right configuration comes to.

use std::time::Duration;

use serde_json::json;

use super::{Settings, deployment, env, mistake, route, rule, toml, with_base};
use crate::{
    catalog::Api,
    config::{from_env, from_value, from_value_with},
    error::Result,
    policy::rule::Redact,
    resilience::{queue::FairBy, unavailable::OnAllUnavailable},
    select::StrategyConfig,
    trace::log::LogConfig,
};

#[track_caller]
fn good(result: Result<Settings>) -> Settings {
    match result {
        Ok(settings) => settings,
        Err(error) => panic!("{error}"),
    }
}

fn candidates(settings: &Settings, route: &str) -> Vec<String> {
    let route = settings.routes.iter().find(|settings| settings.route.id.as_str() == route);
    let candidates = route.into_iter().flat_map(|settings| &settings.route.candidates);
    candidates.map(|candidate| candidate.deployment.to_string()).collect()
}

#[test]
fn a_list_of_strings_is_a_configuration() {
    let settings =
        good(from_value(json!(["openai/gpt-5-mini", "openai/gpt-5-mini", "anthropic/claude-haiku-4-5"]), &env));
    let names = ["openai/gpt-5-mini", "openai/gpt-5-mini#2", "anthropic/claude-haiku-4-5"];
    assert_eq!(candidates(&settings, "auto"), names);
    assert_eq!(settings.routes[0].strategy, StrategyConfig::Priority);
    let first = &settings.deployments[0].deployment;
    assert_eq!((first.provider.id, first.model.as_str()), ("openai", "gpt-5-mini"));
    assert_eq!(first.credential.key.as_ref().map(|key| key.expose().len()), Some(super::SECRET.len()));
    assert!(!format!("{settings:?}").contains(super::SECRET));
}

#[test]
fn options_stand_at_the_top() {
    let options = json!({"strategy": "cheapest", "seed": 7}).as_object().cloned().unwrap_or_default();
    let settings = good(from_value_with(json!(["openai/gpt-5-mini"]), options, &env));
    assert_eq!((settings.seed, &settings.routes[0].strategy), (Some(7), &StrategyConfig::Cheapest));
    let options = json!({"strategy": {"kind": "balanced", "cost": 1}}).as_object().cloned().unwrap_or_default();
    let document = json!({"deployments": {"a": "openai/x"}, "routes": {"auto": {"candidates": ["a"]}}});
    let settings = good(from_value_with(document, options, &env));
    assert_eq!(settings.routes[0].strategy, StrategyConfig::Balanced { cost: 1.0, latency: 0.3, load: 0.2 });
}

#[test]
fn the_order_of_a_toml_file_is_kept() {
    let settings = good(toml("[deployments.b]\nmodel = \"openai/x\"\n[deployments.a]\nmodel = \"openai/y\""));
    assert_eq!(candidates(&settings, "auto"), ["b", "a"]);
}

#[test]
fn embedders_do_not_chat() {
    let embedder = json!({"name": "e", "model": "openai/text-embedding-3-small", "capabilities": {"embedding": true}, "price": {"input": 0.02}});
    let settings = good(from_value(json!([embedder.clone(), "openai/gpt-5-mini"]), &env));
    assert_eq!(candidates(&settings, "auto"), ["openai/gpt-5-mini"]);
    assert_eq!(candidates(&good(from_value(json!([embedder]), &env)), "auto"), ["e"]);
}

#[test]
fn lists_take_names_patterns_tags_and_models() {
    let settings = good(route("candidates = [\"openai/gpt-5-mini\", \"tag:eu\"]"));
    assert_eq!(candidates(&settings, "fast"), ["mini", "haiku", "house"]);
    let settings = good(route("candidates = [\"h*\", \"mini\"]"));
    assert_eq!(candidates(&settings, "fast"), ["haiku", "house", "mini"]);
    let settings = good(route("candidates = [\"mini\"]\nfallback = [\"*\"]"));
    let fast = settings.routes.iter().find(|route| route.route.id.as_str() == "fast");
    assert_eq!(fast.map(|fast| fast.route.fallback.len()), Some(2));
    let weighted = "strategy = \"weighted\"\ncandidates = [{ name = \"mini\", weight = 3 }, { name = \"tag:private\", weight = 0.5 }]";
    let settings = good(route(weighted));
    let weights: Vec<f64> = settings.routes[1].route.candidates.iter().map(|candidate| candidate.weight).collect();
    assert_eq!(weights, [3.0, 0.5]);
}

#[test]
fn resilience_is_laid_in_layers() {
    let settings = good(toml(
        r#"
        [resilience]
        retry = { attempts = 3, budget = 0.1 }
        throughput = { min = 5 }
        on_all_unavailable = "probe_best"
        [deployments.a]
        model = "openai/x"
        timeouts = { connect = 1.5 }
        on_all_unavailable = "fail"
        [deployments.b]
        model = "openai/y"
        [deployments.b.resilience]
        breaker = { failures = 2, by_error = { timeout = 1 } }
        [routes.r]
        candidates = ["a", "b"]
        hedge = false
        throughput = { window = "4s" }
        queue = { max_wait = "5s", fair_by = "tag:team", weights = { gold = 3 } }
        on_all_unavailable = { wait = "5s" }
        retry = { per_deployment = 1, budget = { models = 0.5 } }
        timeouts = { connect = "2s", total = "20s" }
        "#,
    ));
    let (a, b) = (&settings.deployments[0], &settings.deployments[1]);
    let auto = &settings.routes[0].resilience;
    let route = &settings.routes[1].resilience;
    assert_eq!((auto.retry.attempts, auto.hedge), (3, None));
    assert_eq!((route.retry.attempts, route.retry.per_deployment, route.hedge), (3, 1, None));
    assert_eq!((a.resilience.retry.attempts, b.resilience.breaker.failures), (3, 2));
    assert_eq!((route.queue.max, route.queue.max_wait), (1_000, Duration::from_secs(5)));
    assert_eq!((&route.queue.fair_by, &auto.queue.fair_by), (&FairBy::Tag("team".into()), &FairBy::User));
    assert_eq!((route.queue.weight("gold"), route.queue.weight("other"), auto.queue.weight("gold")), (3.0, 1.0, 1.0));
    assert_eq!(b.resilience.breaker.by_error, [None, None, None, Some(1), None, None]);
    let budget = route.retry.budget;
    assert_eq!((budget.same, budget.keys, budget.models), (0.1, 1.0, 0.5));
    assert_eq!((auto.throughput.min, auto.throughput.window), (5.0, Duration::from_secs(10)));
    assert_eq!((route.throughput.min, route.throughput.window), (5.0, Duration::from_secs(4)));
    assert_eq!(auto.unavailable, OnAllUnavailable::ProbeBest);
    assert_eq!(b.patch.apply(route).unavailable, OnAllUnavailable::Wait(Duration::from_secs(5)));
    assert_eq!(a.patch.apply(route).unavailable, OnAllUnavailable::Fail);
    let called = a.patch.apply(route);
    assert_eq!(called.timeouts.connect, Duration::from_millis(1_500));
    assert_eq!(called.timeouts.total, Duration::from_secs(20));
    assert_eq!(b.patch.apply(route).timeouts.connect, Duration::from_secs(2));
}

#[test]
fn a_deployment_says_everything_about_itself() {
    let settings = good(deployment(
        r#"
        api_key = ""
        base_url = "https://gate.example:8443/openai/v1/"
        api = "responses"
        headers = { X-Team = "blue", Authorization = "Basic ${OPENAI_API_KEY}" }
        extra_body = { store = false }
        limits = { rpm = 10, concurrency = 2 }
        price = { input = 0.25, output = 2, cache_read = 0.025 }
        capabilities = { vision = false, context_window = 1_000 }
        zdr = true
        on_site = true
        jurisdiction = "EU"
        attributes = { cost_centre = 7, certifications = ["iso", "soc"] }
        stream_upstream = true
        "#,
    ));
    let (x, limits) = (&settings.deployments[0].deployment, settings.deployments[0].limits);
    assert_eq!((x.base_url.as_str(), x.api), ("https://gate.example:8443/openai/v1", Api::Responses));
    assert!(x.credential.key.is_none() && x.stream_upstream);
    assert_eq!(x.headers[0], ("x-team".to_owned(), crate::catalog::Secret::new("blue")));
    assert_eq!((limits.rpm, limits.concurrency, limits.tpm), (Some(10), Some(2), None));
    assert!(!limits.adaptive);
    let adaptive = good(deployment("limits = { concurrency = \"adaptive\" }")).deployments[0].limits;
    assert_eq!((adaptive.concurrency, adaptive.adaptive), (None, true));
    assert_eq!(x.price.as_ref().and_then(|price| price.cache_read), Some(0.025));
    assert_eq!((x.facts.vision, x.facts.context_window), (Some(false), Some(1_000)));
    assert_eq!(x.attribute("zdr"), Some(true.into()));
    assert_eq!(
        x.attributes.keys().collect::<Vec<_>>(),
        ["zdr", "on_site", "jurisdiction", "cost_centre", "certifications"]
    );
}

#[test]
fn rules_take_short_forms() {
    let settings = good(rule(
        "require = \"h*\"\ndeny = { tags = \"us\", zdr = false }\ntag = \"x\"\nredact = \"email\"\nset = { temperature = 0, stop = \"END\" }",
    ));
    let rule = &settings.rules[0];
    assert_eq!(rule.name, "rules[0]");
    assert_eq!(rule.require.as_ref().map(|m| m.deployments.clone()), Some(vec!["haiku".into(), "house".into()]));
    assert_eq!(rule.deny.as_ref().map(|m| (m.tags.len(), m.attributes.len())), Some((1, 1)));
    assert_eq!((rule.tag.len(), rule.set.len()), (1, 2));
    assert_eq!(rule.redact, Some(Redact::Types(vec!["email".into()])));
}

#[test]
fn the_smaller_sections_are_read() {
    let settings = good(with_base(
        "[sensitive]\nthreshold = 0.8\ntypes = [\"person\"]\ntime_limit = \"20ms\"\n[state]\nbackend = \"local\"",
    ));
    assert_eq!(settings.sensitive.time_limit, Duration::from_millis(20));
    assert_eq!(settings.later.keys().collect::<Vec<_>>(), ["state"]);
}

#[test]
fn the_log_is_a_path_or_a_table() {
    let log = |text: &str| good(with_base(&format!("[telemetry]\nlog = {text}"))).log.unwrap();
    assert_eq!(log("\"waypost.db\""), LogConfig::new("waypost.db"));
    let wanted = LogConfig { max_rows: 500, metadata: true, ..LogConfig::new("x/y.db") };
    assert_eq!(log("{ path = \"x/y.db\", max_rows = 500, metadata = true }"), wanted);
    assert_eq!(good(with_base("")).log, None);
    for (text, path, words) in [
        ("{ max_rows = 500 }", "telemetry.log.path", "path"),
        ("{ path = \"a.db\", max_rows = 2 }", "telemetry.log.max_rows", "10"),
        ("{ path = \"a.db\", max_row = 200 }", "telemetry.log.max_row", "max_row"),
        ("\":memory:\"", "telemetry.log", "path of a file"),
        ("true", "telemetry.log", "expected"),
    ] {
        mistake(with_base(&format!("[telemetry]\nlog = {text}")), path, words);
    }
}

#[test]
fn the_collector_is_an_address_or_a_table() {
    let otlp = |text: &str| good(with_base(&format!("[telemetry]\notlp = {text}"))).otlp.unwrap();
    assert_eq!(&*otlp("\"http://127.0.0.1:4318\"").url, "http://127.0.0.1:4318/v1/traces");
    assert_eq!(&*otlp("\"https://h.example/api/otel/\"").url, "https://h.example/api/otel/v1/traces");
    assert_eq!(&*otlp("\"http://h/v1/traces\"").url, "http://h/v1/traces");
    let table = otlp(
        "{ endpoint = \"http://h:1\", service = \"shop\", headers = { Authorization = \"Basic ${OPENAI_API_KEY}\" } }",
    );
    assert_eq!((&*table.service, table.headers[0].0.as_str()), ("shop", "authorization"));
    assert!(table.headers[0].1.expose().starts_with("Basic ") && !format!("{table:?}").contains("Basic"));
    assert_eq!(good(with_base("")).otlp, None);
    for (text, path, words) in [
        ("{ headers = {} }", "telemetry.otlp.endpoint", "missing"),
        ("{ endpoint = \"http://h\", header = {} }", "telemetry.otlp.header", "header"),
        (
            "{ endpoint = \"http://h\", headers = { \"a b\" = \"c\" } }",
            "telemetry.otlp.headers.\"a b\"",
            "name of a header",
        ),
        ("\"127.0.0.1:4318\"", "telemetry.otlp", "begins with http://"),
        ("\"http://user:word@h\"", "telemetry.otlp", "holds a user or a password"),
        ("\"http://h?key=word\"", "telemetry.otlp", "has a query"),
        ("\"http://\"", "telemetry.otlp", "begins with http://"),
        ("true", "telemetry.otlp", "expected"),
    ] {
        let error = mistake(with_base(&format!("[telemetry]\notlp = {text}")), path, words);
        assert!(!error.message.contains("word@") && !error.message.contains("key=word"));
    }
}

#[test]
fn sections_of_later_versions_are_refused_after_every_mistake() {
    for (section, path) in [
        ("[cache]\nexact = { ttl = \"1h\" }", "cache"),
        ("[state]\nbackend = { redis = \"redis://u:${OPENAI_API_KEY}@h\" }", "state"),
    ] {
        let name = path.rsplit('.').next().unwrap_or(path);
        mistake(with_base(section), path, &format!("`{name}` is not in this version yet"));
        let error = mistake(with_base(&format!("{section}\n[resilience]\nretry = 5")), "resilience.retry", "expected");
        assert!(!error.message.contains("not in this version"));
        let broken = with_base(&format!("{section}\n[[rules]]\nwhen = \"tokenz > 5\"\ntag = [\"x\"]"));
        mistake(broken, "rules[0].when", "there is no variable `tokenz`");
    }
}

#[test]
fn the_environment_alone_is_enough() {
    let settings = good(from_env(&env));
    assert_eq!(candidates(&settings, "auto"), ["openai/gpt-5-mini", "anthropic/claude-haiku-4-5"]);
}

#[test]
fn every_provider_of_the_environment_has_a_row_and_a_model() {
    let settings = good(from_env(&|name| name.ends_with("_API_KEY").then(|| "k".into())));
    assert_eq!(settings.deployments.len(), 18);
    assert!(settings.deployments.iter().all(|settings| settings.deployment.credential.key.is_some()));
}
