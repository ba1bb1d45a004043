//! `[resilience]`, and the same tables under a route or a deployment.

use super::{
    hint,
    reader::{Node, Table},
    schema::{BREAKER, BY_ERROR, HEDGE, QUEUE, RESILIENCE, RETRY, RETRY_BUDGET, THROUGHPUT, TIMEOUTS, UNAVAILABLE},
};
use crate::resilience::{
    ResiliencePatch,
    breaker::CLASSES,
    hedge::HedgeAfter,
    patch::{BreakerPatch, HedgePatch, QueuePatch, RetryBudgetPatch, RetryPatch, ThroughputPatch, TimeoutPatch},
    queue::{FairBy, Weights},
    unavailable::OnAllUnavailable,
};

/// A `resilience` table.
pub(super) fn section(node: &Node<'_>) -> ResiliencePatch {
    node.table(&RESILIENCE).map(|table| parts(&table)).unwrap_or_default()
}

/// The overrides of a route or a deployment: in a `resilience` table, or directly under it.
pub(super) fn overrides(table: &Table<'_>) -> ResiliencePatch {
    let Some(nested) = table.get("resilience") else { return parts(table) };
    let inner = section(&nested);
    for part in RESILIENCE.keys {
        if nested.value.get(part).is_some()
            && let Some(direct) = table.get(part)
        {
            let message = format!("`{part}` is written here and in `resilience.{part}`");
            direct.problem(message, Some("keep one of the two".into()));
        }
    }
    let direct = parts(table);
    ResiliencePatch {
        timeouts: if nested.value.get("timeouts").is_some() { inner.timeouts } else { direct.timeouts },
        throughput: if nested.value.get("throughput").is_some() { inner.throughput } else { direct.throughput },
        retry: if nested.value.get("retry").is_some() { inner.retry } else { direct.retry },
        breaker: if nested.value.get("breaker").is_some() { inner.breaker } else { direct.breaker },
        hedge: inner.hedge.or(direct.hedge),
        queue: if nested.value.get("queue").is_some() { inner.queue } else { direct.queue },
        unavailable: inner.unavailable.or(direct.unavailable),
    }
}

fn parts(table: &Table<'_>) -> ResiliencePatch {
    ResiliencePatch {
        timeouts: table.get("timeouts").and_then(|node| timeouts(&node)).unwrap_or_default(),
        throughput: table.get("throughput").and_then(|node| throughput(&node)).unwrap_or_default(),
        retry: table.get("retry").and_then(|node| retry(&node)).unwrap_or_default(),
        breaker: table.get("breaker").and_then(|node| breaker(&node)).unwrap_or_default(),
        hedge: table.get("hedge").and_then(|node| hedge(&node)),
        queue: table.get("queue").and_then(|node| queue(&node)).unwrap_or_default(),
        unavailable: table.get("on_all_unavailable").and_then(|node| unavailable(&node)),
    }
}

fn timeouts(node: &Node<'_>) -> Option<TimeoutPatch> {
    if node.value.is_string() || node.value.is_number() {
        node.expected(TIMEOUTS.what, Some("write { total = … } for the whole call".into()));
        return None;
    }
    let table = node.table(&TIMEOUTS)?;
    let read = |key| table.get(key).and_then(|node| node.duration());
    let patch = TimeoutPatch {
        connect: read("connect"),
        first_byte: read("first_byte"),
        first_token: read("first_token"),
        stall: read("stall"),
        response: read("response"),
        total: read("total"),
    };
    if let (Some(connect), Some(total)) = (patch.connect, patch.total)
        && total < connect
    {
        let message = format!("the whole call has {total:?}, less than connecting alone may take ({connect:?})");
        node.report.add(table.path("total"), message, Some("`total` covers all attempts".into()));
    }
    Some(patch)
}

fn throughput(node: &Node<'_>) -> Option<ThroughputPatch> {
    if node.value.is_number() {
        node.expected(THROUGHPUT.what, Some("write { min = … } for tokens a second".into()));
        return None;
    }
    let table = node.table(&THROUGHPUT)?;
    Some(ThroughputPatch {
        min: table.get("min").and_then(|node| node.number(0.0, f64::INFINITY)),
        window: table.get("window").and_then(|node| node.duration()),
    })
}

fn retry(node: &Node<'_>) -> Option<RetryPatch> {
    if node.value.is_number() {
        node.expected(RETRY.what, Some("write { attempts = … }, the first attempt included".into()));
        return None;
    }
    let table = node.table(&RETRY)?;
    let patch = RetryPatch {
        attempts: table.get("attempts").and_then(|node| node.count()),
        per_deployment: table.get("per_deployment").and_then(|node| node.count()),
        backoff: table.get("backoff").and_then(|node| node.pause()),
        max_backoff: table.get("max_backoff").and_then(|node| node.pause()),
        budget: table.get("budget").and_then(|node| retry_budget(&node)).unwrap_or_default(),
    };
    if let (Some(backoff), Some(max)) = (patch.backoff, patch.max_backoff)
        && max < backoff
    {
        let message = format!("the longest pause ({max:?}) is shorter than the first ({backoff:?})");
        node.report.add(table.path("max_backoff"), message, None);
    }
    Some(patch)
}

fn retry_budget(node: &Node<'_>) -> Option<RetryBudgetPatch> {
    if node.value.is_number() {
        return Some(RetryBudgetPatch { same: node.number(0.0, 1.0), ..RetryBudgetPatch::default() });
    }
    let table = node.table(&RETRY_BUDGET)?;
    let share = |key| table.get(key).and_then(|node| node.number(0.0, 1.0));
    Some(RetryBudgetPatch { same: share("same"), keys: share("keys"), models: share("models") })
}

fn breaker(node: &Node<'_>) -> Option<BreakerPatch> {
    let table = node.table(&BREAKER)?;
    let patch = BreakerPatch {
        failures: table.get("failures").and_then(|node| node.count()),
        by_error: table.get("by_error").and_then(|node| by_error(&node)).unwrap_or_default(),
        ratio: table.get("ratio").and_then(|node| node.number(0.0, 1.0)),
        min_calls: table.get("min_calls").and_then(|node| node.count()),
        window: table.get("window").and_then(|node| node.duration()),
        cooldown: table.get("cooldown").and_then(|node| node.duration()),
        max_cooldown: table.get("max_cooldown").and_then(|node| node.duration()),
        slow_start: table.get("slow_start").and_then(|node| node.pause()),
    };
    if let (Some(first), Some(longest)) = (patch.cooldown, patch.max_cooldown)
        && longest < first
    {
        let message = format!("the longest rest ({longest:?}) is shorter than the first ({first:?})");
        node.report.add(table.path("max_cooldown"), message, None);
    }
    Some(patch)
}

/// Numbers by the class of failure, under the names of errors.
fn by_error(node: &Node<'_>) -> Option<[Option<u32>; CLASSES.len()]> {
    let table = node.table(&BY_ERROR)?;
    Some(CLASSES.map(|kind| table.get(kind.as_str()).and_then(|node| node.count())))
}

fn queue(node: &Node<'_>) -> Option<QueuePatch> {
    let table = node.table(&QUEUE)?;
    Some(QueuePatch {
        max: table.get("max").and_then(|node| node.whole(0)).map(|most| u32::try_from(most).unwrap_or(u32::MAX)),
        max_wait: table.get("max_wait").and_then(|node| node.pause()),
        fair_by: table.get("fair_by").and_then(|node| fair_by(&node)),
        weights: table.get("weights").and_then(|node| weights(&node)),
    })
}

fn fair_by(node: &Node<'_>) -> Option<FairBy> {
    match node.value.as_str().and_then(|text| text.strip_prefix("tag:")) {
        Some("") => {
            node.problem("`tag:` names no tag", Some("write tag:NAME, for example tag:team".into()));
            None
        }
        Some(tag) => Some(FairBy::Tag(tag.into())),
        None => {
            let words = [("none", &FairBy::Nobody), ("user", &FairBy::User)];
            node.choice("account of a queue; write none, user or tag:NAME", &words).cloned()
        }
    }
}

fn weights(node: &Node<'_>) -> Option<Weights> {
    let entries = node.entries("a table of weights by account such as { gold = 3 }")?;
    let weight = |(name, node): (&str, Node<'_>)| {
        let weight = node.number(0.0, f64::MAX)?;
        if weight == 0.0 {
            node.problem("an account without weight would wait for ever", Some("write a number above zero".into()));
            return None;
        }
        Some((name.into(), weight))
    };
    Some(entries.into_iter().filter_map(weight).collect())
}

fn unavailable(node: &Node<'_>) -> Option<OnAllUnavailable> {
    if node.value.is_string() {
        if node.value == "wait" {
            node.problem("`wait` needs to know how long", Some("write { wait = \"5s\" }".into()));
            return None;
        }
        let words = [("fail", OnAllUnavailable::Fail), ("probe_best", OnAllUnavailable::ProbeBest)];
        return node.choice("way to meet an outage of everyone", &words);
    }
    let table = node.table(&UNAVAILABLE)?;
    let wait = table.required("wait", Some("write { wait = \"5s\" }"))?;
    wait.duration().map(OnAllUnavailable::Wait)
}

fn hedge(node: &Node<'_>) -> Option<HedgePatch> {
    if let Some(on) = node.value.as_bool() {
        return Some(if on { HedgePatch::On { after: None, max_extra: None } } else { HedgePatch::Off });
    }
    let table = node.table(&HEDGE)?;
    Some(HedgePatch::On {
        after: table.get("after").and_then(|node| after(&node)),
        max_extra: table.get("max_extra").and_then(|node| node.number(0.0, 1.0)),
    })
}

fn after(node: &Node<'_>) -> Option<HedgeAfter> {
    let percentile = node.value.as_str().and_then(|text| text.strip_prefix(['p', 'P']));
    let Some(percentile) = percentile else {
        if node.value.as_str().is_some_and(|text| text.ends_with('%')) {
            node.problem(format!("{} is no percentile", node.quoted()), Some(hint::did_you_mean("p95")));
            return None;
        }
        return node.duration().map(HedgeAfter::Fixed);
    };
    if let Ok(value @ 1..=99) = percentile.parse::<u8>() {
        return Some(HedgeAfter::Percentile(value));
    }
    let message = format!("expected a percentile from \"p1\" to \"p99\", or a duration, found {}", node.quoted());
    node.problem(message, Some(hint::did_you_mean("p95")));
    None
}
