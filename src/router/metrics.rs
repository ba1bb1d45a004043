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

/// Upper bounds of the buckets of the waits for room, in seconds.
const WAITS: [f64; 8] = [0.01, 0.05, 0.2, 0.5, 1.0, 3.0, 10.0, 60.0];

/// Why a call got no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unseated {
    /// It would not have had its turn in time.
    Late,
    /// As many waited as may.
    Full,
    /// It made way for one of higher priority.
    Shed,
    /// Its patience ended.
    Patience,
}

impl Unseated {
    const NAMES: [&str; 4] = ["late", "full", "shed", "patience"];
}

/// How often something took how long.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64; 8],
    counts: [AtomicU64; 9],
    nanos: AtomicU64,
}

impl Histogram {
    const fn new(bounds: &'static [f64; 8]) -> Self {
        Self { bounds, counts: [const { AtomicU64::new(0) }; 9], nanos: AtomicU64::new(0) }
    }

    fn add(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = self.bounds.iter().position(|bound| seconds <= *bound).unwrap_or(self.bounds.len());
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.nanos.fetch_add(took.as_nanos() as u64, Ordering::Relaxed);
    }

    fn write(&self, text: &mut String, name: &str, help: &str) {
        head(text, name, "histogram", help);
        let mut total = 0;
        let bounds = self.bounds.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
        for (count, bound) in self.counts.iter().zip(bounds) {
            total += count.load(Ordering::Relaxed);
            let _ = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {total}");
        }
        let sum = self.nanos.load(Ordering::Relaxed) as f64 / 1e9;
        let _ = writeln!(text, "{name}_sum {sum}\n{name}_count {total}");
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            decisions: Histogram::new(&BOUNDS),
            waits: Histogram::new(&WAITS),
            unseated: Default::default(),
            calls: Mutex::default(),
            hedges: Default::default(),
        }
    }
}

/// Counters of a router.
#[derive(Debug)]
pub struct Counters {
    decisions: Histogram,
    waits: Histogram,
    unseated: [AtomicU64; Unseated::NAMES.len()],
    calls: Mutex<BTreeMap<(String, &'static str), u64>>,
    hedges: [AtomicU64; 2],
}

impl Counters {
    /// A decision took this long.
    pub fn decided(&self, took: Duration) {
        self.decisions.add(took);
    }

    /// A call waited so long for room.
    pub fn waited(&self, took: Duration) {
        self.waits.add(took);
    }

    /// A call got no room.
    pub fn unseated(&self, why: Unseated) {
        self.unseated[why as usize].fetch_add(1, Ordering::Relaxed);
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
        let _ = writeln!(text, "waypost_waiting {}", self.shared.load.hall.waiting());
        let waits = &self.shared.counters.waits;
        waits.write(text, "waypost_queue_wait_seconds", "Time that calls waited for room, those who got none included");
        let name = "waypost_queue_refused_total";
        head(text, name, "counter", "Calls that got no room: late, full, shed or out of patience");
        for (why, count) in Unseated::NAMES.into_iter().zip(&self.shared.counters.unseated) {
            let _ = writeln!(text, "{name}{{why=\"{why}\"}} {}", count.load(Ordering::Relaxed));
        }
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
        let decisions = &self.shared.counters.decisions;
        decisions.write(text, "waypost_decision_seconds", "Time spent deciding, without waiting for providers");
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
        family("waypost_queue_length", "gauge", "Calls in line for room on it", &|at| {
            Some(rows[at].1.limiter.line().waiting() as f64)
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
        if let Some(lost) = self.otlp_lost() {
            let name = "waypost_otlp_dropped_total";
            head(text, name, "counter", "Calls whose spans the collector did not get");
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
