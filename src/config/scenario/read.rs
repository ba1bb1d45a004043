//! From a document to a [`Scenario`].

use std::time::Duration;

use super::{Chance, Fault, Outage, Patch, Placed, Scenario, Spread, Traffic, WhenFull};
use crate::config::{
    hint,
    reader::{Node, Table},
    schema::Place,
};

/// Unless it is said: half an hour shows what was before, while and after.
const DURATION: Duration = Duration::from_secs(1_800);
/// Columns of a report unless `step` is written: as many as a terminal and a picture show.
const COLUMNS: u32 = 60;
/// Columns at most.
const MOST_COLUMNS: f64 = 10_000.0;
/// Calls a minute unless they are said: enough for percentiles of a minute.
const RPM: f64 = 60.0;
/// A question with some context.
const PROMPT_TOKENS: Spread = Spread { p50: 500.0, p95: 3_000.0 };
/// A few paragraphs.
const ANSWER_TOKENS: Spread = Spread { p50: 250.0, p95: 800.0 };
/// Tokens at most, of prompt and answer: what models take and give.
const MOST_TOKENS: f64 = 1e6;
/// Where only a median is written, the 95th percentile is so many times it.
const TAIL: f64 = 2.5;
/// How much longer everything takes where `slow` does not say.
const FACTOR: f64 = 5.0;

static TOP: Place = Place {
    what: "a table of a scenario",
    keys: &["name", "duration", "step", "traffic", "providers", "deployments", "outages", "chance"],
    tables: &[],
};
static TRAFFIC: Place = Place {
    what: "a table such as { rpm = 60, stream = 0.5 }",
    keys: &[
        "rpm",
        "arrivals",
        "at",
        "for",
        "model",
        "prompts",
        "prompt_tokens",
        "answer_tokens",
        "stream",
        "timeout",
        "leave",
        "tags",
        "metadata",
        "user",
        "sessions",
    ],
    tables: &[],
};
static BEHAVIOUR: Place = Place {
    what: "a table such as { first_token = \"500ms\", tokens_per_second = 60 }",
    keys: &["first_token", "tokens_per_second", "capacity", "when_full", "rpm", "faults", "retry_after"],
    tables: &[],
};
static SPREAD: Place =
    Place { what: "a value, or a table such as { p50 = …, p95 = … }", keys: &["p50", "p95"], tables: &[] };
static OUTAGE: Place = Place {
    what: "a table such as { on = \"openai\", at = \"10m\", for = \"10m\", fault = \"down\" }",
    keys: &["on", "at", "for", "fault", "share", "factor", "retry_after"],
    tables: &[],
};
static CHANCE: Place = Place {
    what: "a table such as { on = \"*\", every = \"3h\", lasts = \"10m\" }",
    keys: &["on", "every", "lasts", "faults"],
    tables: &[],
};

/// A table of fixed keys. The hint for an unknown one names those of this table: a scenario has no other.
fn table<'a>(node: &Node<'a>, place: &'static Place) -> Option<Table<'a>> {
    node.table_with(place, |key, node| {
        node.problem(format!("unknown key `{key}`"), hint::or_listed(key, place.keys.iter().copied()));
        true
    })
}

/// The document.
pub(super) fn scenario(node: &Node<'_>) -> Option<Scenario> {
    let top = table(node, &TOP)?;
    let duration = top.get("duration").map_or(Some(DURATION), |node| node.duration())?;
    let step = match top.get("step") {
        Some(node) => step(&node, duration)?,
        None => duration / COLUMNS,
    };
    let mut behaviour = Vec::new();
    for section in ["providers", "deployments"] {
        let Some(node) = top.get(section) else { continue };
        for (on, node) in node.entries("a table by name").unwrap_or_default() {
            behaviour.extend(patch(&node).map(|patch| Placed { on: on.into(), path: node.path.clone(), patch }));
        }
    }
    let outages = match top.get("outages") {
        Some(node) => node.list()?.iter().filter_map(|node| outage(node, duration)).collect(),
        None => Vec::new(),
    };
    Some(Scenario {
        name: top.get("name").and_then(|node| node.text()).unwrap_or("scenario").into(),
        duration,
        step,
        traffic: traffic(&top, duration),
        behaviour,
        outages,
        chance: top.get("chance").and_then(|node| chance(&node)),
    })
}

fn step(node: &Node<'_>, duration: Duration) -> Option<Duration> {
    let step = node.duration()?;
    if duration.as_secs_f64() / step.as_secs_f64() > MOST_COLUMNS {
        let least = (duration.as_secs_f64() / MOST_COLUMNS).ceil();
        node.problem("a report has at most 10000 columns", Some(format!("write at least \"{least}s\"")));
        return None;
    }
    Some(step)
}

/// `[traffic]` of one kind of callers, or `[traffic.NAME]` of several.
fn traffic(top: &Table<'_>, duration: Duration) -> Vec<Traffic> {
    let Some(node) = top.get("traffic") else { return vec![usual()] };
    let Some(entries) = node.entries(TRAFFIC.what) else { return Vec::new() };
    let several = !entries.is_empty() && entries.iter().all(|(key, node)| node.value.is_object() && *key != "metadata");
    let kinds: Vec<Node<'_>> =
        if several { entries.into_iter().map(|(_, node)| node).collect() } else { vec![node.clone()] };
    kinds.iter().filter_map(|node| kind(node, duration)).collect()
}

fn usual() -> Traffic {
    Traffic {
        rpm: RPM,
        random: true,
        at: Duration::ZERO,
        lasts: None,
        model: "auto".into(),
        prompts: Vec::new(),
        prompt_tokens: PROMPT_TOKENS,
        answer_tokens: ANSWER_TOKENS,
        stream: 1.0,
        timeout: None,
        leave: 0.0,
        tags: Vec::new(),
        metadata: crate::chat::Map::new(),
        user: None,
        sessions: 0,
    }
}

fn kind(node: &Node<'_>, duration: Duration) -> Option<Traffic> {
    let table = table(node, &TRAFFIC)?;
    let texts = |key| table.get(key).map(|node| node.texts(node.one_or_many())).unwrap_or_default();
    let share = |key| table.get(key).map(|node| node.number(0.0, 1.0));
    let mut kind = usual();
    if let Some(node) = table.get("rpm") {
        kind.rpm = node.number(0.0, 1e6)?;
    }
    if let Some(node) = table.get("arrivals") {
        kind.random = node.choice("way of arriving", &[("random", true), ("even", false)])?;
    }
    if let Some(node) = table.get("at") {
        kind.at = within(&node, duration)?;
    }
    if let Some(node) = table.get("for") {
        kind.lasts = Some(node.duration()?);
    }
    if let Some(node) = table.get("model") {
        kind.model = node.text()?.into();
    }
    (kind.prompts, kind.tags) = (texts("prompts"), texts("tags"));
    for (key, place) in [("prompt_tokens", &mut kind.prompt_tokens), ("answer_tokens", &mut kind.answer_tokens)] {
        if let Some(node) = table.get(key) {
            *place = spread(&node, |node| node.number(1.0, MOST_TOKENS))?;
        }
    }
    kind.stream = share("stream").unwrap_or(Some(kind.stream))?;
    kind.leave = share("leave").unwrap_or(Some(kind.leave))?;
    if let Some(node) = table.get("timeout") {
        kind.timeout = Some(node.duration()?);
    }
    if let Some(node) = table.get("metadata") {
        kind.metadata =
            node.entries("a table of facts")?.into_iter().map(|(key, n)| (key.into(), n.value.clone())).collect();
    }
    kind.user = table.get("user").and_then(|node| node.text()).map(Into::into);
    kind.sessions = table.get("sessions").and_then(|node| node.count()).unwrap_or(0);
    Some(kind)
}

/// A moment before the end.
fn within(node: &Node<'_>, duration: Duration) -> Option<Duration> {
    let at = node.pause()?;
    if at >= duration {
        node.problem("this is after the end of the scenario", Some("make `duration` longer".into()));
        return None;
    }
    Some(at)
}

/// A median with its tail: one value, or both.
fn spread(node: &Node<'_>, read: impl Fn(&Node<'_>) -> Option<f64>) -> Option<Spread> {
    if !node.value.is_object() {
        let p50 = read(node)?;
        return Some(Spread { p50, p95: p50 * TAIL });
    }
    let table = table(node, &SPREAD)?;
    let p50 = read(&table.required("p50", Some("the median"))?)?;
    let p95 = table.get("p95").map_or(Some(p50 * TAIL), |node| {
        let p95 = read(&node)?;
        if p95 < p50 {
            node.problem("the 95th percentile cannot be below the median", None);
            return None;
        }
        Some(p95)
    })?;
    Some(Spread { p50, p95 })
}

fn seconds(node: &Node<'_>) -> Option<f64> {
    node.duration().map(|duration| duration.as_secs_f64())
}

fn patch(node: &Node<'_>) -> Option<Patch> {
    let table = table(node, &BEHAVIOUR)?;
    Some(Patch {
        first_token: table.get("first_token").and_then(|node| spread(&node, seconds)),
        tokens_per_second: table.get("tokens_per_second").and_then(|node| node.number(0.1, 1e6)),
        capacity: table.get("capacity").and_then(|node| node.count()),
        when_full: table.get("when_full").and_then(|node| when_full(&node)),
        rpm: table.get("rpm").and_then(|node| node.count()),
        faults: table.get("faults").and_then(|node| shares(&node)),
        retry_after: table.get("retry_after").and_then(|node| node.duration()),
    })
}

fn when_full(node: &Node<'_>) -> Option<WhenFull> {
    match node.value.as_str() {
        Some("queue") => Some(WhenFull::Queue),
        Some(other) => {
            node.problem(
                format!("`{other}` is no answer to a crowd"),
                Some("write \"queue\" or a status such as 429".into()),
            );
            None
        }
        None => status(node).map(WhenFull::Refuse),
    }
}

/// Faults with their shares, which cannot be more than all.
fn shares(node: &Node<'_>) -> Option<Vec<(Fault, f64)>> {
    let mut shares = Vec::new();
    for (name, node) in node.entries("a table such as { 500 = 0.01, cut = 0.005 }")? {
        let Some(fault) = named(name) else {
            node.problem(format!("`{name}` is no fault"), faults_hint(name));
            continue;
        };
        shares.extend(node.number(0.0, 1.0).map(|share| (fault, share)));
    }
    let sum: f64 = shares.iter().map(|(_, share)| share).sum();
    if sum > 1.0 {
        node.problem(format!("the shares are {sum} together: more than all"), None);
    }
    Some(shares)
}

/// The faults that have names.
const NAMED: [(&str, Fault); 8] = [
    ("down", Fault::Down),
    ("blackhole", Fault::Blackhole),
    ("reset", Fault::Reset),
    ("hang", Fault::Hang),
    ("cut", Fault::Cut),
    ("stall", Fault::Stall),
    ("garbage", Fault::Garbage),
    ("slow", Fault::Slow),
];

fn named(name: &str) -> Option<Fault> {
    let status = name.parse().ok().filter(|status| (400..600).contains(status));
    status.map(Fault::Status).or_else(|| NAMED.iter().find(|(own, _)| *own == name).map(|(_, fault)| *fault))
}

fn faults_hint(name: &str) -> Option<String> {
    let known = NAMED.iter().map(|(name, _)| *name);
    hint::or_listed(name, known).map(|hint| format!("{hint}; or a status from 400 to 599"))
}

fn fault(node: &Node<'_>) -> Option<Fault> {
    let Some(name) = node.value.as_str() else { return status(node).map(Fault::Status) };
    let fault = named(name);
    if fault.is_none() {
        node.problem(format!("{} is no fault", node.quoted()), faults_hint(name));
    }
    fault
}

fn status(node: &Node<'_>) -> Option<u16> {
    let status = node.whole(0)?;
    let valid = u16::try_from(status).ok().filter(|status| (400..600).contains(status));
    if valid.is_none() {
        node.problem(format!("a refusal has a status from 400 to 599, found {}", node.quoted()), None);
    }
    valid
}

fn outage(node: &Node<'_>, duration: Duration) -> Option<Outage> {
    let table = table(node, &OUTAGE)?;
    let on = table.required("on", Some("a provider, a deployment, a glob such as \"gpt-*\" or \"tag:eu\""));
    let at = table.required("at", Some("when it begins, for example at = \"10m\""));
    let lasts = table.required("for", Some("how long it lasts, for example for = \"5m\""));
    let kind = table.required("fault", Some("what goes wrong, for example fault = \"down\" or fault = 503"));
    let (on, at, lasts, kind) = (on?, at?, lasts?, kind?);
    let fault = fault(&kind)?;
    if let Some(node) = table.get("factor").filter(|_| fault != Fault::Slow) {
        node.problem("`factor` says how slow it is", Some("write fault = \"slow\", or leave it out".into()));
    }
    Some(Outage {
        path: on.path.clone(),
        on: on.texts(on.one_or_many()),
        at: within(&at, duration)?,
        lasts: lasts.duration()?,
        fault,
        share: table.get("share").map_or(Some(1.0), |node| node.number(0.0, 1.0))?,
        factor: table.get("factor").map_or(Some(FACTOR), |node| node.number(1.0, 1e6))?,
        retry_after: table.get("retry_after").and_then(|node| node.duration()),
    })
}

fn chance(node: &Node<'_>) -> Option<Chance> {
    let table = table(node, &CHANCE)?;
    let every = table.required("every", Some("the mean time between two, for example every = \"6h\""));
    let lasts = table.required("lasts", Some("the mean length, for example lasts = \"5m\""));
    let on = table.get("on");
    let faults = match table.get("faults") {
        Some(node) => node.list()?.iter().filter_map(fault).collect(),
        None => vec![Fault::Down],
    };
    if faults.is_empty() {
        table.node.problem("no fault may happen", Some("leave `faults` out, or name one".into()));
        return None;
    }
    Some(Chance {
        path: on.as_ref().map_or_else(|| node.path.clone(), |on| on.path.clone()),
        on: on.map_or_else(|| vec!["*".into()], |on| on.texts(on.one_or_many())),
        every: every?.duration()?,
        lasts: lasts?.duration()?,
        faults,
    })
}
