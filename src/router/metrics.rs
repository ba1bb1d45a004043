//! Metrics in Prometheus' text format (version 0.0.4), with the router's own share of the time beside the providers'.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use parking_lot::Mutex;

use super::Router;
use crate::{clock, trace::Decision};

/// Upper bounds of the buckets of the decision time, in seconds.
const BOUNDS: [f64; 8] = [0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.001, 0.01, 0.1];

/// Counters of a router.
#[derive(Debug, Default)]
pub struct Counters {
    decisions: [AtomicU64; BOUNDS.len() + 1],
    decision_nanos: AtomicU64,
    calls: Mutex<BTreeMap<(String, &'static str), u64>>,
    hedges: [AtomicU64; 2],
}

impl Counters {
    /// A decision took this long.
    pub fn decided(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        self.decisions[bucket].fetch_add(1, Ordering::Relaxed);
        self.decision_nanos.fetch_add(took.as_nanos() as u64, Ordering::Relaxed);
    }

    /// A second copy of a slow request went out.
    pub fn hedged(&self) {
        self.hedges[0].fetch_add(1, Ordering::Relaxed);
    }

    /// A second copy answered first.
    pub fn hedge_won(&self) {
        self.hedges[1].fetch_add(1, Ordering::Relaxed);
    }

    /// A call ended.
    pub fn call(&self, decision: &Decision, ok: bool) {
        let outcome = if ok { "ok" } else { decision.error.map_or("error", crate::error::ErrorKind::as_str) };
        let mut calls = self.calls.lock();
        // Routes are few: the caller's free text never becomes a label.
        if let Some(count) = calls.get_mut(&(decision.route.as_str().to_owned(), outcome)) {
            *count += 1;
        } else if calls.len() < 10_000 {
            calls.insert((decision.route.as_str().to_owned(), outcome), 1);
        }
    }
}

impl Router {
    /// All metrics as text.
    pub fn metrics(&self) -> String {
        let mut text = String::new();
        self.write_calls(&mut text);
        self.write_waiting(&mut text);
        self.write_hedges(&mut text);
        self.write_scores(&mut text);
        self.write_decisions(&mut text);
        self.write_deployments(&mut text);
        self.write_budgets(&mut text);
        self.write_log(&mut text);
        text
    }

    fn write_calls(&self, text: &mut String) {
        head(text, "waypost_calls_total", "counter", "Calls by route and outcome");
        for ((route, outcome), count) in &*self.shared.counters.calls.lock() {
            let _ = writeln!(text, "waypost_calls_total{{route=\"{}\",outcome=\"{outcome}\"}} {count}", escape(route));
        }
    }

    fn write_waiting(&self, text: &mut String) {
        head(text, "waypost_waiting", "gauge", "Calls that wait for room under limits");
        let _ = writeln!(text, "waypost_waiting {}", self.shared.load.waiting());
    }

    fn write_hedges(&self, text: &mut String) {
        let names = ["waypost_hedges_total", "waypost_hedges_won_total"];
        let help = ["Second copies of slow requests", "Second copies that answered first"];
        for ((name, help), count) in names.into_iter().zip(help).zip(&self.shared.counters.hedges) {
            head(text, name, "counter", help);
            let _ = writeln!(text, "{name} {}", count.load(Ordering::Relaxed));
        }
    }

    fn write_scores(&self, text: &mut String) {
        let name = "waypost_scores_learned_total";
        head(text, name, "counter", "Scores that taught a route something");
        let _ = writeln!(text, "{name} {}", self.shared.awaited.lock().scores());
    }

    fn write_decisions(&self, text: &mut String) {
        let name = "waypost_decision_seconds";
        head(text, name, "histogram", "Time spent deciding, without waiting for providers");
        let mut total = 0;
        for (count, bound) in self.shared.counters.decisions.iter().zip(BOUNDS.map(Some).into_iter().chain([None])) {
            total += count.load(Ordering::Relaxed);
            let bound = bound.map_or_else(|| "+Inf".into(), |bound| bound.to_string());
            let _ = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {total}");
        }
        let sum = self.shared.counters.decision_nanos.load(Ordering::Relaxed) as f64 / 1e9;
        let _ = writeln!(text, "{name}_sum {sum}\n{name}_count {total}");
    }

    fn write_deployments(&self, text: &mut String) {
        let now = clock::now();
        let fleet = self.shared.fleet.load();
        let rows: Vec<_> = fleet
            .targets
            .iter()
            .map(|target| {
                let deployment = target.deployment();
                let (id, provider) = (escape(deployment.id.as_str()), deployment.provider.id);
                let labels =
                    format!("deployment=\"{id}\",provider=\"{provider}\",model=\"{}\"", escape(&deployment.model));
                (labels, &target.live, target.live.counts(), target.live.figures(now))
            })
            .collect();
        let mut family = |name: &str, kind: &str, help: &str, of: &dyn Fn(usize) -> Option<f64>| {
            head(text, name, kind, help);
            for (at, (labels, ..)) in rows.iter().enumerate() {
                if let Some(value) = of(at) {
                    let _ = writeln!(text, "{name}{{{labels}}} {value}");
                }
            }
        };
        family("waypost_attempts_total", "counter", "Attempts", &|at| Some(rows[at].2.requests as f64));
        family("waypost_prompt_tokens_total", "counter", "Prompt tokens", &|at| Some(rows[at].2.tokens.0 as f64));
        family("waypost_completion_tokens_total", "counter", "Answer tokens", &|at| Some(rows[at].2.tokens.1 as f64));
        family("waypost_cost_usd_total", "counter", "US dollars spent", &|at| Some(rows[at].1.spent().usd()));
        family("waypost_in_flight", "gauge", "Attempts under way", &|at| {
            Some(f64::from(rows[at].1.limiter.in_flight()))
        });
        family("waypost_concurrency_limit", "gauge", "Attempts that may be under way at once", &|at| {
            rows[at].1.limiter.most().map(f64::from)
        });
        family("waypost_breaker_open", "gauge", "1 if the circuit breaker is not closed", &|at| {
            Some(f64::from(u8::from(rows[at].1.breaker.state(now).as_str() != "closed")))
        });
        family("waypost_early_probes_total", "counter", "Calls sent although the breaker was open", &|at| {
            Some(rows[at].1.breaker.early_probes() as f64)
        });
        family("waypost_error_rate", "gauge", "Share of attempts that failed of late", &|at| {
            Some(rows[at].3.error_rate)
        });
        family("waypost_latency_p50_seconds", "gauge", "Median time to the whole answer", &|at| rows[at].3.p50);
        family("waypost_latency_p95_seconds", "gauge", "95th percentile of it", &|at| rows[at].3.p95);
        family("waypost_ttft_p50_seconds", "gauge", "Median time to the first token", &|at| rows[at].3.ttft);
        head(text, "waypost_failures_total", "counter", "Failed attempts by kind of error");
        for (labels, _, counts, _) in &rows {
            for (kind, count) in &counts.errors {
                let _ = writeln!(text, "waypost_failures_total{{{labels},error=\"{}\"}} {count}", kind.as_str());
            }
        }
    }
}

impl Router {
    /// Whose account it is never becomes a label: users and tags are the caller's words.
    fn write_budgets(&self, text: &mut String) {
        let name = "waypost_budget_used_ratio";
        head(text, name, "gauge", "Spent share of a budget, of its fullest account");
        for (budget, share) in self.shared.budgets.fullest() {
            let _ = writeln!(text, "{name}{{budget=\"{}\"}} {share}", escape(&budget));
        }
        let name = "waypost_budget_price";
        head(
            text,
            name,
            "gauge",
            "What a US dollar counts against a score of 1, of the dearest account of a paced budget",
        );
        for (budget, price) in self.shared.budgets.prices() {
            let _ = writeln!(text, "{name}{{budget=\"{}\"}} {price}", escape(&budget));
        }
    }
}

impl Router {
    fn write_log(&self, text: &mut String) {
        if let Some(lost) = self.log_lost() {
            let name = "waypost_log_dropped_total";
            head(text, name, "counter", "Rows that the decision log could not write");
            let _ = writeln!(text, "{name} {lost}");
        }
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
