//! A table of mistakes: each is found where it is, and says what was probably meant.

use serde_json::json;

use super::{BASE, deployment, env, mistake, route, rule, toml, with_base};
use crate::config::{from_env, from_path, from_value};

#[test]
fn of_the_document() {
    mistake(toml(""), "deployments", "`deployments` is missing");
    mistake(toml("deployments = {}"), "deployments", "no deployment is configured");
    mistake(toml("deployments = []"), "deployments", "no deployment is configured");
    mistake(toml("deployments = 3"), "deployments", "expected a table of deployments by name, or a list, found `3`");
    mistake(toml("[deploymnets.a]\nmodel = \"openai/x\""), "deploymnets", "did you mean `deployments`?");
    mistake(with_base("[route.auto]"), "route", "did you mean `routes`?");
    mistake(with_base("[timeouts]\ntotal = 3"), "timeouts", "did you mean `resilience.timeouts`?");
    mistake(with_base("[limits]\nrpm = 3"), "limits", "did you mean `deployments.NAME.limits`?");
    mistake(with_base("[zebra]"), "zebra", "known here: `deployments`, `routes`");
    mistake(toml(&format!("seed = -1\n{BASE}")), "seed", "a whole number, not a negative one, found `-1`");
    mistake(toml(&format!("seed = \"7\"\n{BASE}")), "seed", "write 7, without quotes");
    mistake(toml(&format!("seed = 1.5\n{BASE}")), "seed", "a whole number, found `1.5`");
    mistake(
        toml(&format!("unknown_capabilities = \"deny\"\n{BASE}")),
        "unknown_capabilities",
        "known here: `allow`, `refuse`",
    );
    mistake(from_value(json!("waypost.toml"), &env), "configuration", "found a string");
    mistake(from_value(json!(null), &env), "configuration", "found nothing");
}

#[test]
fn of_a_deployment() {
    mistake(toml("[deployments.x]\nmodle = \"openai/gpt-5\""), "deployments.x.modle", "did you mean `model`?");
    mistake(toml("[deployments.x]\ntags = [\"a\"]"), "deployments.x.model", "`model` is missing");
    mistake(toml("[deployments.x]\nmodel = \"gpt-5-mini\""), "deployments.x.model", "expected \"provider/model\"");
    mistake(toml("[deployments.x]\nmodel = \"opnai/gpt-5\""), "deployments.x.model", "did you mean `openai/gpt-5`?");
    mistake(toml("[deployments.x]\nmodel = \"acme/gpt-5\""), "deployments.x.model", "openai-compatible/MODEL");
    mistake(toml("[deployments.x]\nmodel = \"openai/\""), "deployments.x.model", "names no model");
    mistake(
        toml("[deployments.x]\nmodel = [\"openai/gpt-5\"]"),
        "deployments.x.model",
        "expected a string, found a list",
    );
    mistake(deployment("rpm = 5"), "deployments.x.rpm", "did you mean `limits.rpm`?");
    mistake(
        deployment("context_window = 5"),
        "deployments.x.context_window",
        "did you mean `capabilities.context_window`?",
    );
    mistake(deployment("api-key = \"k\""), "deployments.x.api-key", "did you mean `api_key`?");
    mistake(deployment("apiKey = \"k\""), "deployments.x.apiKey", "did you mean `api_key`?");
    mistake(deployment("url = \"http://h\""), "deployments.x.url", "did you mean `base_url`?");
    mistake(deployment("candidates = []"), "deployments.x.candidates", "did you mean `routes.NAME.candidates`?");
    mistake(deployment("vison = true"), "deployments.x.vison", "did you mean `capabilities.vision`?");
    mistake(deployment("steam_upstream = true"), "deployments.x.steam_upstream", "did you mean `stream_upstream`?");
    mistake(deployment("vision = true"), "deployments.x.vision", "did you mean `capabilities.vision`?");
    mistake(deployment("stream_upstream = \"yes\""), "deployments.x.stream_upstream", "write true, without quotes");
    mistake(deployment("tags = \"eu\""), "deployments.x.tags", "write a list, with this as its only item");
    mistake(deployment("tags = [\"eu\", \"eu\"]"), "deployments.x.tags[1]", "`eu` stands twice");
    mistake(deployment("tags = [\"\"]"), "deployments.x.tags[0]", "found an empty string");
    mistake(deployment("tags = []"), "deployments.x.tags", "the list is empty");
    mistake(deployment("weight = -1"), "deployments.x.weight", "not negative");
    mistake(deployment("name = \"y\""), "deployments.x.name", "unknown key `name`");
    mistake(deployment("flavour = \"sweet\""), "deployments.x.flavour", "unknown key `flavour`");
    mistake(
        deployment("attributes = { region = \"eu\" }"),
        "deployments.x.attributes.region",
        "in the deployment itself",
    );
    mistake(deployment("attributes = { a = { b = 1 } }"), "deployments.x.attributes.a", "the attribute `a` must be");
    mistake(deployment("extra_body = \"x\""), "deployments.x.extra_body", "expected a table");
    mistake(toml("[deployments.\"gpt-*\"]\nmodel = \"openai/gpt-5\""), "deployments.gpt-*", "cannot be a name");
}

#[test]
fn of_credentials_and_addresses() {
    mistake(
        toml("[deployments.x]\nmodel = \"groq/llama\""),
        "deployments.x.api_key",
        "environment variable `GROQ_API_KEY` is not set",
    );
    mistake(deployment("api_key = \"${NONE}\""), "deployments.x.api_key", "the environment variable `NONE` is not set");
    mistake(deployment("api_key = \"${EMPTY}\""), "deployments.x.api_key", "the environment variable `EMPTY` is empty");
    mistake(deployment("api_key = \"${A${OPENAI_API_KEY}}\""), "deployments.x.api_key", "cannot stand in another");
    mistake(deployment("api_key = \"${OPENAI_API_KEY\""), "deployments.x.api_key", "without a closing brace");
    mistake(deployment("api_key = \"${NONE:-sk-1}\""), "deployments.x.api_key", "takes no default");
    mistake(deployment("api_key = \"${BROKEN_KEY}\""), "deployments.x.api_key", "no header can carry");
    mistake(deployment("api_key = 12345"), "deployments.x.api_key", "expected a string");
    mistake(deployment("api = \"response\""), "deployments.x.api", "did you mean `responses`?");
    mistake(deployment("api = \"openai\""), "deployments.x.api", "`openai` does not speak `openai`");
    mistake(
        toml("[deployments.x]\nmodel = \"anthropic/c\"\napi = \"responses\""),
        "deployments.x.api",
        "spoken by openai, azure",
    );
    mistake(toml("[deployments.x]\nmodel = \"openai-compatible/m\""), "deployments.x.base_url", "needs a `base_url`");
    mistake(
        toml("[deployments.x]\nmodel = \"azure/m\"\napi_key = \"k\""),
        "deployments.x.base_url",
        "needs a `base_url`",
    );
    mistake(deployment("base_url = \"127.0.0.1:8000/v1\""), "deployments.x.base_url", "must begin with http://");
    mistake(deployment("base_url = \"https://\""), "deployments.x.base_url", "not a URL");
    mistake(deployment("base_url = \"https://me:pass@h/v1\""), "deployments.x.base_url", "a user or a password");
    mistake(
        deployment("base_url = \"https://h/v1?key=sk-never-shown-0123456789\""),
        "deployments.x.base_url",
        "a query or a fragment",
    );
    mistake(
        deployment("base_url = \"https://h/v1/chat/completions\""),
        "deployments.x.base_url",
        "leave that path out",
    );
    mistake(
        deployment("headers = { \"x y\" = \"1\" }"),
        "deployments.x.headers.\"x y\"",
        "cannot be the name of a header",
    );
    mistake(deployment("headers = { x = \"a\\nb\" }"), "deployments.x.headers.x", "no header can carry");
    mistake(deployment("headers = { x = 7777 }"), "deployments.x.headers.x", "expected a string");
    mistake(deployment("credentials = { file = \"f\" }"), "deployments.x.credentials", "did you mean `api_key`?");
}

#[test]
fn of_limits_prices_and_capabilities() {
    mistake(deployment("limits = { rpm = \"500\" }"), "deployments.x.limits.rpm", "write 500, without quotes");
    mistake(
        deployment("limits = { rpm = \"500/min\" }"),
        "deployments.x.limits.rpm",
        "expected a whole number, found a string",
    );
    mistake(deployment("limits = { rpm = -5 }"), "deployments.x.limits.rpm", "negative");
    mistake(deployment("limits = { tpm = 0 }"), "deployments.x.limits.tpm", "a limit of zero refuses every request");
    mistake(
        deployment("limits = { concurency = 1 }"),
        "deployments.x.limits.concurency",
        "did you mean `concurrency`?",
    );
    let at = "deployments.x.limits.concurrency";
    mistake(deployment("limits = { concurrency = \"adaptiv\" }"), at, "did you mean `adaptive`?");
    mistake(deployment("limits = { concurrency = 0 }"), at, "above zero");
    mistake(deployment("limits = { concurrency = true }"), at, "a whole number");
    mistake(deployment("limits = 500"), "deployments.x.limits", "expected a table of limits, found `500`");
    mistake(deployment("price = { input = -1.0, output = 1.0 }"), "deployments.x.price.input", "not negative");
    mistake(deployment("price = { input = 1.0 }"), "deployments.x.price.output", "`output` is missing");
    mistake(deployment("price = { input = \"1$\", output = 1 }"), "deployments.x.price.input", "expected a number");
    mistake(
        deployment("price = { prompt = 1, output = 1 }"),
        "deployments.x.price.prompt",
        "known here: `input`, `output`",
    );
    mistake(deployment("price = 3.0"), "deployments.x.price", "USD per million tokens");
    mistake(
        deployment("capabilities = { vison = true }"),
        "deployments.x.capabilities.vison",
        "did you mean `vision`?",
    );
    mistake(deployment("capabilities = [\"vision\"]"), "deployments.x.capabilities", "write { vision = true, … }");
    mistake(deployment("capabilities = { vision = 1 }"), "deployments.x.capabilities.vision", "expected true or false");
    mistake(
        deployment("capabilities = { context_window = \"128k\" }"),
        "deployments.x.capabilities.context_window",
        "expected a whole number",
    );
}

#[test]
fn of_a_list_of_deployments() {
    mistake(from_value(json!([]), &env), "deployments", "no deployment is configured");
    mistake(from_value(json!(["gpt-5-mini"]), &env), "deployments[0]", "expected \"provider/model\"");
    mistake(from_value(json!([{"model": "openai/x", "rpm": 1}]), &env), "deployments[0].rpm", "`limits.rpm`");
    mistake(from_value(json!(["openai/x", 3]), &env), "deployments[1]", "expected a table with a `model`");
    let twice = json!([{"name": "a", "model": "openai/x"}, {"name": "a", "model": "openai/y"}]);
    mistake(from_value(twice, &env), "deployments[1]", "two deployments are called `a`");
    mistake(from_value(json!(["openai/x", "groq/y"]), &env), "deployments[1].api_key", "`GROQ_API_KEY` is not set");
    mistake(
        from_value(json!([{"model": "openai/x", "api_key": null}]), &env),
        "deployments[0].api_key",
        "expected a string",
    );
}

#[test]
fn of_files_and_the_environment() {
    mistake(from_path("waypost.ini".as_ref(), &env), "waypost.ini", "name it .toml, .yaml (or .yml) or .json");
    mistake(from_path("/nowhere/waypost.toml".as_ref(), &env), "/nowhere/waypost.toml", "cannot be read");
    mistake(from_env(&|_| None), "environment", "OPENAI_API_KEY, ANTHROPIC_API_KEY");
    let named = |name: &str| (name == "WAYPOST_CONFIG").then(|| "/nowhere/waypost.yaml".into());
    mistake(from_env(&named), "/nowhere/waypost.yaml", "cannot be read");
}

#[test]
fn all_are_found_and_the_first_is_named() {
    let text = r#"
        [routes.auto]
        candidates = ["minni", "mini"]
        strategy = "quality"
        [deployments.mini]
        model = "openai/gpt-5-mini"
        [budgets.daily]
        usd = -1
        window = "1d"
        [resilience]
        retry = { attempts = 0 }
    "#;
    let error = mistake(toml(text), "routes.auto.candidates[0]", "in `waypost.toml` (and 2 more: budgets.daily.usd: ");
    assert_eq!(error.context.hint.as_deref(), Some("did you mean `mini`?"));
    assert!(!error.message.contains("not in this version"), "{}", error.message);
}

#[test]
fn a_misspelt_deployment_does_not_accuse_the_routes() {
    let text = "[deployments.x]\nmodle = \"openai/x\"\ntags = [\"eu\"]\n[routes.a]\ncandidates = [\"x\", \"tag:us\"]";
    let error = mistake(toml(text), "deployments.x.modle", "did you mean `model`?");
    assert!(!error.message.contains("more"), "{}", error.message);
}

#[test]
fn what_a_variable_holds_is_never_quoted() {
    let strategy = "candidates = [\"mini\"]\nstrategy = \"${OPENAI_API_KEY}\"";
    mistake(route(strategy), "routes.fast.strategy", "the value of a variable");
    mistake(route("candidates = [\"${OPENAI_API_KEY}\"]"), "routes.fast.candidates[0]", "the value of a variable");
    mistake(route("candidates = [\"tag:${OPENAI_API_KEY}\"]"), "routes.fast.candidates[0]", "the value of a variable");
    mistake(
        rule("set = { temperature = \"${OPENAI_API_KEY}\" }"),
        "rules[0].set.temperature",
        "the value of a variable",
    );
    mistake(toml("[deployments.x]\nmodel = \"${OPENAI_API_KEY}\""), "deployments.x.model", "the value of a variable");
    mistake(toml("[deployments.x]\nmodel = \"opnai/${OPENAI_API_KEY}\""), "deployments.x.model", "unknown provider");
}

#[test]
fn conditions_that_do_not_compile_are_told_with_the_other_mistakes() {
    let text = "[[rules]]\nwhen = \"tokenz > 1\"\nrequire = { tags = [\"nope\"] }\n[[rules]]\nwhen = \"tokens >\"\ntag = [\"x\"]";
    let error = with_base(text).unwrap_err().to_string();
    for part in ["rules[0].when", "rules[0].require.tags[0]", "rules[1].when"] {
        assert!(error.contains(part), "{part}: {error}");
    }
}
