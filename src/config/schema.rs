//! The shape of a configuration: every table and its keys, and the walk over the sections.

use serde_json::Value;

use super::{
    Settings, budgets, deployments, intents, later,
    reader::{Node, Report, Table},
    resilience, routes, rules, sensitive, telemetry, validate,
};
use crate::resilience::ResilienceConfig;

/// A table with fixed keys.
#[derive(Debug)]
pub(super) struct Place {
    /// What stands there, for "expected …, found …".
    pub(super) what: &'static str,
    /// Its keys.
    pub(super) keys: &'static [&'static str],
    /// The tables directly in it that have fixed keys, so that a misplaced key finds its home.
    pub(super) tables: &'static [(&'static str, &'static Place)],
}

macro_rules! place {
    ($(#[$doc:meta])* $name:ident, $what:literal, [$($key:literal),* $(,)?] $(, {$($at:literal: $table:ident),*})?) => {
        $(#[$doc])*
        pub(super) static $name: Place = Place {
            what: $what,
            keys: &[$($key),*],
            tables: &[$($(($at, &$table)),*)?],
        };
    };
}

place!(
    /// The document.
    TOP,
    "a table of sections, or a list of deployments",
    [
        "deployments", "routes", "rules", "intents", "sensitive", "resilience", "budgets", "cache", "state", "telemetry",
        "seed", "unknown_capabilities", "strategy",
    ]
);
place!(
    /// One deployment.
    DEPLOYMENT,
    "a table with a `model`",
    [
        "model", "api_key", "base_url", "api", "api_version", "region", "project", "location", "credentials", "headers",
        "extra_body", "limits", "price", "capabilities", "tags", "weight", "attributes", "stream_upstream", "timeouts",
        "throughput", "retry", "breaker", "hedge", "queue", "on_all_unavailable", "resilience",
    ],
    {
        "limits": LIMITS, "price": PRICE, "capabilities": CAPABILITIES, "credentials": CREDENTIALS,
        "timeouts": TIMEOUTS, "throughput": THROUGHPUT, "retry": RETRY, "breaker": BREAKER, "hedge": HEDGE, "queue": QUEUE, "on_all_unavailable": UNAVAILABLE
    }
);
place!(
    /// Rate and concurrency limits.
    LIMITS, "a table of limits", ["rpm", "rpd", "tpm", "input_tpm", "output_tpm", "concurrency"]
);
place!(
    /// Prices.
    PRICE,
    "a table of prices in USD per million tokens",
    ["input", "output", "cache_read", "cache_write", "reasoning"]
);
place!(
    /// What a model can do.
    CAPABILITIES,
    "a table such as { vision = true, context_window = 131072 }",
    [
        "vision", "audio", "files", "tools", "parallel_tools", "json_schema", "json_mode", "reasoning", "prefill",
        "logprobs", "seed", "embedding", "context_window", "max_output",
    ]
);
place!(
    /// Cloud credentials.
    CREDENTIALS,
    "a table of credentials",
    ["aws_access_key_id", "aws_secret_access_key", "aws_session_token", "file"]
);
place!(
    /// One route.
    ROUTE,
    "a table with `candidates`",
    [
        "candidates", "fallback", "strategy", "on_content_filter", "on_stream_failure", "timeouts", "retry", "breaker",
        "throughput", "hedge", "queue", "on_all_unavailable", "resilience",
    ],
    {"timeouts": TIMEOUTS, "throughput": THROUGHPUT, "retry": RETRY, "breaker": BREAKER, "hedge": HEDGE, "queue": QUEUE, "on_all_unavailable": UNAVAILABLE}
);
place!(
    /// A candidate with a weight.
    CANDIDATE, "a name or { name = …, weight = … }", ["name", "weight"]
);
place!(
    /// One rule.
    RULE,
    "a table with an effect",
    ["name", "when", "require", "deny", "prefer", "route", "block", "set", "tag", "redact"],
    {"require": MATCHER}
);
place!(
    /// Which deployments an effect speaks of.
    MATCHER,
    "a table such as { tags = [\"eu\"] }, or a list of deployments",
    ["tags", "deployments", "providers", "regions", "attributes"]
);
place!(
    /// Resilience.
    RESILIENCE,
    "a table of timeouts, throughput, retry, breaker, hedge, queue and on_all_unavailable",
    ["timeouts", "throughput", "retry", "breaker", "hedge", "queue", "on_all_unavailable"],
    {"timeouts": TIMEOUTS, "throughput": THROUGHPUT, "retry": RETRY, "breaker": BREAKER, "hedge": HEDGE, "queue": QUEUE, "on_all_unavailable": UNAVAILABLE}
);
place!(
    /// Time limits.
    TIMEOUTS,
    "a table of time limits such as { connect = \"3s\", total = \"180s\" }",
    ["connect", "first_byte", "first_token", "stall", "response", "total"]
);
place!(
    /// The least speed of a stream.
    THROUGHPUT, "a table such as { min = 5, window = \"10s\" }", ["min", "window"]
);
place!(
    /// Attempts and pauses.
    RETRY,
    "a table such as { attempts = 4, backoff = \"250ms\" }",
    ["attempts", "per_deployment", "backoff", "max_backoff", "budget"],
    {"budget": RETRY_BUDGET}
);
place!(
    /// Further attempts as shares of the traffic.
    RETRY_BUDGET,
    "a share of the calls under way such as 0.2, or a table such as { same = 0.2, keys = 1.0, models = 1.0 }",
    ["same", "keys", "models"]
);
place!(
    /// When a deployment is given a rest.
    BREAKER,
    "a table such as { failures = 5, cooldown = \"15s\" }",
    ["failures", "by_error", "ratio", "min_calls", "window", "cooldown", "max_cooldown", "slow_start"],
    {"by_error": BY_ERROR}
);
place!(
    /// How many failures of one class open a breaker.
    BY_ERROR,
    "a table such as { timeout = 2 }",
    ["overloaded", "server", "connection", "timeout", "protocol", "stream"]
);
place!(
    /// A second copy of a slow request.
    HEDGE, "a table such as { after = \"p95\", max_extra = 0.05 }, or false", ["after", "max_extra"]
);
place!(
    /// How calls wait for room.
    QUEUE, "a table such as { max = 100, max_wait = \"5s\" }", ["max", "max_wait", "fair_by", "weights"]
);
place!(
    /// What becomes of a call when everyone rests.
    UNAVAILABLE, "\"fail\", \"probe_best\" or a table such as { wait = \"5s\" }", ["wait"]
);
place!(
    /// Sensitive content.
    SENSITIVE, "a table with `threshold`, `types` or `time_limit`", ["threshold", "types", "time_limit"]
);
place!(
    /// A spend ceiling.
    BUDGET, "a table such as { usd = 25.0, window = \"1d\" }", ["usd", "window", "per", "pacing"]
);
place!(
    /// The cache.
    CACHE, "a table with `exact`", ["exact"], {"exact": EXACT}
);
place!(
    /// The cache of equal requests.
    EXACT, "a table such as { ttl = \"1h\", max_entries = 10000 }", ["ttl", "max_entries"]
);
place!(
    /// Where counters live.
    STATE, "a table with `backend`", ["backend"], {"backend": BACKEND}
);
place!(
    /// A shared store.
    BACKEND, "\"local\" or { redis = \"redis://…\" }", ["redis"]
);
place!(
    /// Logs and traces.
    TELEMETRY, "a table with `log` or `otlp`", ["log", "otlp"], {"log": LOG, "otlp": OTLP}
);
place!(
    /// The decision log.
    LOG, "a path, or a table such as { path = \"waypost.db\", max_rows = 100000 }", ["path", "max_rows", "metadata"]
);
place!(
    /// The collector of spans.
    OTLP, "an address, or a table such as { endpoint = \"http://127.0.0.1:4318\", headers = { … } }",
    ["endpoint", "headers", "service"]
);

/// Where a key may belong, the likeliest place first.
pub(super) static PLACES: &[(&str, &Place)] = &[
    ("", &TOP),
    ("resilience", &RESILIENCE),
    ("deployments.NAME", &DEPLOYMENT),
    ("deployments.NAME.limits", &LIMITS),
    ("deployments.NAME.price", &PRICE),
    ("deployments.NAME.capabilities", &CAPABILITIES),
    ("deployments.NAME.credentials", &CREDENTIALS),
    ("routes.NAME", &ROUTE),
    ("rules[N]", &RULE),
    ("rules[N].require", &MATCHER),
    ("resilience.timeouts", &TIMEOUTS),
    ("resilience.retry", &RETRY),
    ("resilience.breaker", &BREAKER),
    ("resilience.hedge", &HEDGE),
    ("resilience.queue", &QUEUE),
    ("resilience.on_all_unavailable", &UNAVAILABLE),
    ("sensitive", &SENSITIVE),
    ("budgets.NAME", &BUDGET),
    ("cache", &CACHE),
    ("cache.exact", &EXACT),
    ("state", &STATE),
    ("telemetry", &TELEMETRY),
    ("telemetry.log", &LOG),
    ("telemetry.otlp", &OTLP),
];

/// Reads the whole document; what is wrong is in `report` afterwards.
pub(super) fn settings(document: &Value, env: super::Env<'_>, report: &Report) -> Settings {
    let root = Node { value: document, path: String::new(), report };
    let Some(top) = root.table(&TOP) else { return Settings::default() };
    let patch = top.get("resilience").map(|node| resilience::section(&node)).unwrap_or_default();
    let base = patch.apply(&ResilienceConfig::default());

    let deployments = deployments::section(&top, env);
    let mut names = deployments.names.clone();
    names.routes = routes::names(&top);
    let routes = routes::section(&top, &names, &base);
    let rules = rules::section(&top, &names, &routes);
    validate::rules(&rules, &top);
    let telemetry = top.get("telemetry").map(|node| telemetry::section(&node)).unwrap_or_default();
    Settings {
        deployments: deployments.drafts.into_iter().flatten().map(|draft| draft.settings(&base)).collect(),
        routes,
        rules,
        intents: top.get("intents").map(|node| intents::section(&node)).unwrap_or_default(),
        sensitive: top.get("sensitive").map(|node| sensitive::section(&node)).unwrap_or_default(),
        budgets: top.get("budgets").map(|node| budgets::section(&node)).unwrap_or_default(),
        seed: top.get("seed").and_then(|node| node.whole(0)),
        refuse_unknown: refuse_unknown(&top),
        log: telemetry.log,
        otlp: telemetry.otlp,
        origin: crate::trace::Origin::default(),
        later: later::sections(&top),
    }
}

fn refuse_unknown(top: &Table<'_>) -> bool {
    let words = [("allow", false), ("refuse", true)];
    top.get("unknown_capabilities")
        .and_then(|node| node.choice("answer to unknown capabilities", &words))
        .unwrap_or(false)
}
