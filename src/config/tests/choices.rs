//! Mistakes in routes, strategies, resilience, rules and the smaller sections.

use super::{BASE, deployment, mistake, route, rule, toml, with_base};

#[test]
fn of_a_route() {
    mistake(route(""), "routes.fast.candidates", "`candidates` is missing");
    mistake(route("candidates = []"), "routes.fast.candidates", "without candidates");
    mistake(route("candidates = \"mini\""), "routes.fast.candidates", "write a list");
    mistake(route("candidates = [\"minni\"]"), "routes.fast.candidates[0]", "did you mean `mini`?");
    mistake(
        route("candidates = [\"mini\", \"zebra\"]"),
        "routes.fast.candidates[1]",
        "known here: `mini`, `haiku`, `house`",
    );
    mistake(route("candidates = [\"auto\"]"), "routes.fast.candidates[0]", "`auto` is a route, not a deployment");
    mistake(
        route("candidates = [\"openai/gpt-9\"]"),
        "routes.fast.candidates[0]",
        "there is no deployment `openai/gpt-9`",
    );
    mistake(route("candidates = [\"mini\", \"mini\"]"), "routes.fast.candidates[1]", "stands twice");
    mistake(route("candidates = [\"gpt-*\"]"), "routes.fast.candidates[0]", "no deployment's name matches `gpt-*`");
    mistake(route("candidates = [\"tag:privat\"]"), "routes.fast.candidates[0]", "did you mean `private`?");
    mistake(route("candidates = [3]"), "routes.fast.candidates[0]", "expected a name or { name = …, weight = … }");
    mistake(route("candidates = [{ nam = \"mini\" }]"), "routes.fast.candidates[0].nam", "did you mean `name`?");
    mistake(
        route("candidates = [{ name = \"mini\", weight = 2 }]\nstrategy = \"cheapest\""),
        "routes.fast.candidates[0].weight",
        "only the strategy `weighted`",
    );
    mistake(
        route("candidates = [{ name = \"mini\", weight = 0 }]\nstrategy = \"weighted\""),
        "routes.fast.candidates",
        "all weights are zero",
    );
    mistake(
        route("candidates = [{ name = \"mini\", weight = \"3\" }]\nstrategy = \"weighted\""),
        "routes.fast.candidates[0].weight",
        "write 3, without quotes",
    );
    mistake(
        route("candidates = [{ name = \"mini\", weight = 2 }]"),
        "routes.fast.candidates[0].weight",
        "strategy = \"weighted\"",
    );
}

#[test]
fn of_what_stands_beside_candidates() {
    mistake(route("candidate = [\"mini\"]"), "routes.fast.candidate", "did you mean `candidates`?");
    mistake(route("models = [\"mini\"]"), "routes.fast.models", "did you mean `candidates`?");
    mistake(
        route("candidates = [\"mini\"]\nfallbacks = [\"haiku\"]"),
        "routes.fast.fallbacks",
        "did you mean `fallback`?",
    );
    mistake(
        route("candidates = [\"mini\"]\nfallback = [\"mini\"]"),
        "routes.fast.fallback[0]",
        "is a candidate of this route already",
    );
    mistake(route("candidates = [\"mini\"]\nfallback = [\"m*\"]"), "routes.fast.fallback", "names only candidates");
    mistake(route("candidates = [\"mini\"]\nfallback = \"haiku\""), "routes.fast.fallback", "write a list");
    mistake(
        route("candidates = [\"mini\"]\nfallback = [\"haku\"]"),
        "routes.fast.fallback[0]",
        "did you mean `haiku`?",
    );
    mistake(route("candidates = [\"mini\"]\nattempts = 2"), "routes.fast.attempts", "did you mean `retry.attempts`?");
    mistake(with_base("[routes.mini]\ncandidates = [\"haiku\"]"), "routes.mini", "a deployment is called `mini` too");
    mistake(toml("[deployments.auto]\nmodel = \"openai/gpt-5\""), "deployments.auto", "the name of the default route");
    mistake(with_base("[routes]\nfast = [\"mini\"]"), "routes.fast", "write { candidates = […] }");
    mistake(with_base("[[routes]]\nname = \"fast\""), "routes", "expected a table of routes by name, found a list");
    mistake(
        route("candidates = [\"mini\"]\non_content_filter = \"failver\""),
        "routes.fast.on_content_filter",
        "did you mean `failover`?",
    );
    mistake(
        route("candidates = [\"mini\"]\non_stream_failure = \"resume\""),
        "routes.fast.on_stream_failure",
        "known here: `raise`",
    );
}

#[test]
fn of_a_strategy() {
    let strategy = |text: &str| route(&format!("candidates = [\"mini\", \"haiku\"]\nstrategy = {text}"));
    mistake(strategy("\"cheepest\""), "routes.fast.strategy", "did you mean `cheapest`?");
    mistake(strategy("\"round-robin\""), "routes.fast.strategy", "did you mean `round_robin`?");
    mistake(strategy("\"latency\""), "routes.fast.strategy", "did you mean `fastest`?");
    mistake(strategy("\"zebra\""), "routes.fast.strategy", "known here: `priority`");
    mistake(strategy("7"), "routes.fast.strategy", "expected a strategy such as \"cheapest\"");
    mistake(strategy("{ cost = 1 }"), "routes.fast.strategy", "has no `kind`");
    mistake(strategy("{ kind = \"ballanced\" }"), "routes.fast.strategy.kind", "did you mean `balanced`?");
    mistake(strategy("{ kind = \"balanced\", costs = 1 }"), "routes.fast.strategy.costs", "did you mean `cost`?");
    mistake(strategy("{ kind = \"balanced\", cost = -1 }"), "routes.fast.strategy.cost", "not negative");
    mistake(
        strategy("{ kind = \"balanced\", cost = 0, latency = 0, load = 0 }"),
        "routes.fast.strategy",
        "all weights are zero",
    );
    mistake(strategy("{ kind = \"cheapest\", target = 0.9 }"), "routes.fast.strategy.target", "it is one of `quality`");
    mistake(strategy("{ kind = \"quality\", target = 95 }"), "routes.fast.strategy.target", "a number from 0 to 1");
    mistake(
        strategy("{ kind = \"cascade\", accept = \"judge:\" }"),
        "routes.fast.strategy.accept",
        "is no way to accept",
    );
    mistake(strategy("\"quality\""), "routes.fast.strategy", "the strategy `quality` is not in this version yet");
    mistake(strategy("{ kind = \"bandit\", explore = 5 }"), "routes.fast.strategy.explore", "a number from 0 to 1");
    mistake(strategy("{ kind = \"bandit\", cost = -1 }"), "routes.fast.strategy.cost", "not negative");
    mistake(strategy("{ kind = \"bandit\", load = 1 }"), "routes.fast.strategy.load", "it is one of `balanced`");
    let both = format!("strategy = \"cheapest\"\n{BASE}[routes.auto]\ncandidates = [\"mini\"]\nstrategy = \"fastest\"");
    mistake(toml(&both), "strategy", "keep one of the two");
    mistake(toml(&format!("strategy = \"cheepest\"\n{BASE}")), "strategy", "did you mean `cheapest`?");
}

#[test]
fn of_speed_and_further_attempts() {
    let table = |text: &str| with_base(&format!("[resilience]\n{text}"));
    mistake(table("throughput = 5"), "resilience.throughput", "write { min = … } for tokens a second");
    mistake(table("throughput = { min = -1 }"), "resilience.throughput.min", "not negative");
    mistake(table("throughput = { min = 5, over = \"5s\" }"), "resilience.throughput.over", "unknown key");
    mistake(table("breaker = { by_error = 2 }"), "resilience.breaker.by_error", "a table such as { timeout = 2 }");
    mistake(table("breaker = { by_error = { timeot = 2 } }"), "resilience.breaker.by_error.timeot", "`timeout`");
    mistake(table("breaker = { by_error = { server = 0 } }"), "resilience.breaker.by_error.server", "above zero");
    mistake(table("retry = { budget = 20 }"), "resilience.retry.budget", "a number from 0 to 1");
    mistake(table("retry = { budget = { other = 0.5 } }"), "resilience.retry.budget.other", "unknown key");
    mistake(table("retry = { budget = { keys = 1.5 } }"), "resilience.retry.budget.keys", "a number from 0 to 1");
    mistake(table("hedge = 5"), "resilience.hedge", "a table such as { after = \"p95\"");
    mistake(table("hedge = { after = \"p100\" }"), "resilience.hedge.after", "from \"p1\" to \"p99\"");
    mistake(table("hedge = { after = \"95%\" }"), "resilience.hedge.after", "did you mean `p95`?");
    mistake(table("hedge = { after = \"p95\", max_extra = 5 }"), "resilience.hedge.max_extra", "a number from 0 to 1");
}

#[test]
fn of_resilience() {
    let table = |text: &str| with_base(&format!("[resilience]\n{text}"));
    mistake(table("timeouts = { conect = \"3s\" }"), "resilience.timeouts.conect", "did you mean `connect`?");
    mistake(table("timeouts = { connect = \"3 sec\" }"), "resilience.timeouts.connect", "did you mean \"3s\"?");
    mistake(table("timeouts = { connect = \"3\" }"), "resilience.timeouts.connect", "did you mean \"3s\"?");
    mistake(table("timeouts = { connect = \"3w\" }"), "resilience.timeouts.connect", "expected a duration such as");
    mistake(table("timeouts = { connect = -3 }"), "resilience.timeouts.connect", "cannot be negative");
    mistake(table("timeouts = { connect = 0 }"), "resilience.timeouts.connect", "above zero");
    mistake(table("timeouts = { connect = \"99999d\" }"), "resilience.timeouts.connect", "ten years");
    mistake(table("timeouts = { connect = true }"), "resilience.timeouts.connect", "found `true`");
    mistake(
        table("timeouts = { connect = \"30s\", total = \"10s\" }"),
        "resilience.timeouts.total",
        "less than connecting alone",
    );
    mistake(table("timeouts = \"30s\""), "resilience.timeouts", "write { total = … }");
    mistake(table("timeout = \"30s\""), "resilience.timeout", "did you mean `timeouts`?");
    mistake(table("retry = 3"), "resilience.retry", "write { attempts = … }");
    mistake(table("retry = { attempts = 0 }"), "resilience.retry.attempts", "above zero");
    mistake(table("retry = { max_attempts = 3 }"), "resilience.retry.max_attempts", "did you mean `attempts`?");
    mistake(
        table("retry = { backoff = \"9s\", max_backoff = \"1s\" }"),
        "resilience.retry.max_backoff",
        "shorter than the first",
    );
    mistake(table("attempts = 3"), "resilience.attempts", "did you mean `retry.attempts`?");
    mistake(table("breaker = { failures = 0 }"), "resilience.breaker.failures", "above zero");
    mistake(table("breaker = { failures = 2.5 }"), "resilience.breaker.failures", "a whole number");
    mistake(table("breaker = { coldown = \"3s\" }"), "resilience.breaker.coldown", "did you mean `cooldown`?");
    mistake(table("breaker = { ratio = 50 }"), "resilience.breaker.ratio", "a number from 0 to 1");
    mistake(table("breaker = { min_calls = 0 }"), "resilience.breaker.min_calls", "above zero");
    mistake(
        table("breaker = { cooldown = \"9s\", max_cooldown = \"3s\" }"),
        "resilience.breaker.max_cooldown",
        "shorter than the first",
    );
    mistake(table("queue = 100"), "resilience.queue", "a table such as { max = 100");
    mistake(table("queue = { max = -1 }"), "resilience.queue.max", "negative");
    mistake(table("queue = { max_wait = \"5 sec\" }"), "resilience.queue.max_wait", "did you mean \"5s\"?");
    mistake(table("queue = { wait = \"5s\" }"), "resilience.queue.wait", "unknown key");
    mistake(table("queue = { fair_by = \"users\" }"), "resilience.queue.fair_by", "did you mean `user`?");
    mistake(table("queue = { fair_by = \"tag:\" }"), "resilience.queue.fair_by", "write tag:NAME");
    mistake(table("queue = { weights = { a = 0 } }"), "resilience.queue.weights.a", "would wait for ever");
    mistake(table("queue = { weights = 2 }"), "resilience.queue.weights", "a table of weights by account");
    let at = "resilience.on_all_unavailable";
    mistake(table("on_all_unavailable = \"probe-best\""), at, "did you mean `probe_best`?");
    mistake(table("on_all_unavailable = \"wait\""), at, "write { wait = \"5s\" }");
    mistake(table("on_all_unavailable = 5"), at, "\"fail\", \"probe_best\" or a table");
    mistake(table("on_all_unavailable = {}"), "resilience.on_all_unavailable.wait", "wait");
    mistake(table("on_all_unavailable = { wait = \"0s\" }"), "resilience.on_all_unavailable.wait", "above zero");
    mistake(table("on_all_unavailable = { max = \"5s\" }"), "resilience.on_all_unavailable.max", "unknown key");
    mistake(
        route("candidates = [\"mini\"]\ntimeouts = { total = \"0s\" }"),
        "routes.fast.timeouts.total",
        "above zero",
    );
    mistake(
        deployment("retry = { attempts = 1 }\nresilience = { retry = { attempts = 2 } }"),
        "deployments.x.retry",
        "keep one of the two",
    );
}

#[test]
fn of_a_rule() {
    mistake(rule("name = \"a\""), "rules[0]", "this rule has no effect");
    mistake(rule("if = \"true\"\nblock = \"no\""), "rules[0].if", "did you mean `when`?");
    mistake(rule("forbid = [\"mini\"]"), "rules[0].forbid", "did you mean `deny`?");
    mistake(rule("when = true\nblock = \"no\""), "rules[0].when", "expected a CEL expression");
    mistake(rule("when = \"\"\nblock = \"no\""), "rules[0].when", "the condition is empty");
    mistake(rule("when = \"false\"\nblock = \"no\""), "rules[0].when", "never holds");
    mistake(rule("block = true"), "rules[0].block", "expected the message of the refusal, found `true`");
    mistake(rule("block = \"\""), "rules[0].block", "expected the message");
    mistake(rule("route = \"smrt\""), "rules[0].route", "there is no route `smrt`");
    mistake(rule("route = \"mini\""), "rules[0].route", "that is a deployment");
    mistake(rule("require = { tag = [\"eu\"] }"), "rules[0].require.tag", "did you mean `tags`?");
    mistake(rule("require = { tags = [\"privat\"] }"), "rules[0].require.tags[0]", "did you mean `private`?");
    mistake(rule("require = { tags = \"ue\" }"), "rules[0].require.tags", "no deployment has the tag `ue`");
    mistake(rule("deny = { providers = [\"opena\"] }"), "rules[0].deny.providers[0]", "did you mean `openai`?");
    mistake(
        rule("deny = { regions = [\"us-east-1\"] }"),
        "rules[0].deny.regions[0]",
        "no deployment has the region `us-east-1`",
    );
    mistake(rule("prefer = [\"haku\"]"), "rules[0].prefer[0]", "did you mean `haiku`?");
    mistake(rule("prefer = []"), "rules[0].prefer", "this names nothing");
    mistake(rule("require = {}"), "rules[0].require", "this names nothing");
    mistake(rule("require = { zrd = true }"), "rules[0].require.zrd", "did you mean `zdr`?");
    mistake(rule("require = { hipaa = true }"), "rules[0].require.hipaa", "no deployment has the attribute `hipaa`");
    mistake(rule("require = 3"), "rules[0].require", "or a list of deployments, found `3`");
    mistake(rule("set = { temprature = 0 }"), "rules[0].set.temprature", "did you mean `temperature`?");
    mistake(rule("set = { model = \"x\" }"), "rules[0].set.model", "`route` sets the route");
    mistake(rule("set = { temperature = \"hot\" }"), "rules[0].set.temperature", "does not take `hot`");
    mistake(rule("set = { temperature = 9 }"), "rules[0].set.temperature", "does not take `9`");
    mistake(rule("set = {}"), "rules[0].set", "this sets nothing");
    mistake(rule("tag = []"), "rules[0].tag", "the list is empty");
    mistake(rule("redact = false"), "rules[0].redact", "no effect");
    mistake(rule("redact = [\"Credit Card\"]"), "rules[0].redact[0]", "did you mean `credit_card`?");
    mistake(with_base("[rules]\nblock = \"no\""), "rules", "write [[rules]]");
    mistake(
        with_base("[[rules]]\nname = \"a\"\ntag = \"x\"\n[[rules]]\nname = \"a\"\ntag = \"y\""),
        "rules[1].name",
        "two rules are called `a`",
    );
}

#[test]
fn of_rules_that_are_never_reached() {
    let rules = |text: &str| {
        with_base(&format!("[routes.a]\ncandidates = [\"mini\"]\n[routes.b]\ncandidates = [\"house\"]\n{text}"))
    };
    mistake(
        rules("[[rules]]\nblock = \"no\"\n[[rules]]\nroute = \"a\""),
        "rules[1]",
        "never reached: `rules[0]` before it blocks everything",
    );
    mistake(
        rules("[[rules]]\nroute = \"a\"\n[[rules]]\nwhen = \"has_images\"\nroute = \"b\""),
        "rules[1]",
        "never reached",
    );
    mistake(
        rules("[[rules]]\nroute = \"a\"\n[[rules]]\nwhen = \"has_images\"\nroute = \"b\"\nprefer = [\"mini\"]"),
        "rules[1].route",
        "this route is never taken",
    );
    mistake(
        rules("[[rules]]\nwhen = \"has_images\"\nroute = \"a\"\n[[rules]]\nwhen = \"has_images\"\nroute = \"b\""),
        "rules[1]",
        "the same requests",
    );
    assert!(rules("[[rules]]\nwhen = \"has_tools\"\nroute = \"a\"\n[[rules]]\nroute = \"b\"").is_ok());
    assert!(rules("[[rules]]\nroute = \"a\"\n[[rules]]\nprefer = [\"mini\"]").is_ok());
}

#[test]
fn of_the_smaller_sections() {
    mistake(with_base("[intents]\nrefund = []"), "intents.refund", "the list is empty");
    mistake(with_base("[intents]\nrefund = \"money back\""), "intents.refund", "write a list");
    mistake(with_base("[intents]\nother = [\"x\"]"), "intents.other", "choose another name");
    mistake(with_base("[sensitive]\nthreshold = 1.5"), "sensitive.threshold", "a number from 0 to 1");
    mistake(with_base("[sensitive]\ntypes = [\"Person\"]"), "sensitive.types[0]", "did you mean `person`?");
    mistake(with_base("[sensitive]\ntypes = [\"locaton\"]"), "sensitive.types[0]", "did you mean `location`?");
    mistake(with_base("[sensitive]\ntypes = [\"email\", \"ssn\"]"), "sensitive.types[1]", "did you mean `us_ssn`?");
    mistake(
        with_base("[sensitive]\ntypes = [\"shoe_size\"]"),
        "sensitive.types[0]",
        "`shoe_size` is no sensitive type",
    );
    mistake(with_base("[[rules]]\nredact = [\"emial\"]"), "rules[0].redact[0]", "did you mean `email`?");
    mistake(with_base("[sensitive]\ntreshold = 0.5"), "sensitive.treshold", "did you mean `threshold`?");
    mistake(with_base("[budgets.daily]\nusd = 25.0"), "budgets.daily.window", "`window` is missing");
    mistake(with_base("[budgets.daily]\nusd = -1\nwindow = \"1d\""), "budgets.daily.usd", "not negative");
    mistake(with_base("[budgets.daily]\nusd = 0\nwindow = \"1d\""), "budgets.daily.usd", "refuses every call");
    mistake(with_base("[budgets.daily]\nusd = 1\nwindow = \"day\""), "budgets.daily.window", "expected a duration");
    mistake(
        with_base("[budgets.daily]\nusd = 1\nwindow = \"1d\"\nper = \"usr\""),
        "budgets.daily.per",
        "did you mean `user`?",
    );
    mistake(
        with_base("[budgets.daily]\nusd = 1\nwindow = \"1d\"\nper = \"tag:\""),
        "budgets.daily.per",
        "names no tag",
    );
    mistake(with_base("[budgets]\nusd = 1"), "budgets.usd", "expected a table such as { usd = 25.0, window = \"1d\" }");
    mistake(with_base("[cache]\nexact = { ttl = \"1 hour\" }"), "cache.exact.ttl", "did you mean \"1h\"?");
    mistake(with_base("[cache]\nttl = \"1h\""), "cache.ttl", "did you mean `exact.ttl`?");
    mistake(with_base("[state]\nbackend = \"redis\""), "state.backend", "`redis` is no backend");
    mistake(
        with_base("[state]\nbackend = { redis = \"sk-never-shown-0123456789\" }"),
        "state.backend.redis",
        "redis://",
    );
    mistake(with_base("[telemetry]\notlp = \"127.0.0.1:4318\""), "telemetry.otlp", "begins with http://");
}
