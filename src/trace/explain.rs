//! A decision as text that a person reads in a terminal.

use std::fmt::Write as _;

use super::{Attempt, Candidate, Decision, Outcome};

impl Decision {
    /// The decision in words: the choice, the rules, every candidate, every attempt.
    pub fn explain(&self) -> String {
        let mut text = String::new();
        let chosen = self.chosen.as_ref().map_or("nobody", |id| id.as_str());
        let _ = writeln!(text, "route `{}` → {chosen}: {}", self.route, self.reason);
        for rule in &self.rules {
            let did = rule.consequence().unwrap_or_else(|| rule.effect.clone());
            let _ = writeln!(text, "  rule `{}`: {did}", rule.name);
        }
        if let Some(counts) = &self.redacted {
            let list: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            let _ = writeln!(text, "  redacted: {}", list.join(", "));
        }
        let width = self.candidates.iter().map(|c| c.deployment.as_str().chars().count()).max().unwrap_or(0);
        if !self.candidates.is_empty() {
            text.push_str("  candidates\n");
        }
        for candidate in &self.candidates {
            let _ = writeln!(text, "    {}", candidate.line(width));
        }
        if !self.attempts.is_empty() {
            text.push_str("  attempts\n");
        }
        for attempt in &self.attempts {
            let _ = writeln!(text, "    {}", attempt.line(width));
        }
        let _ = write!(text, "  decided in {:.0} µs", self.overhead.as_nanos() as f64 / 1e3);
        if !self.waited.is_zero() {
            let _ = write!(text, ", after {:.2} s in line for room", self.waited.as_secs_f64());
        }
        text
    }
}

impl Candidate {
    fn line(&self, width: usize) -> String {
        let name = self.deployment.as_str();
        let Some(reason) = &self.refused else {
            let mut line = format!("{:>2}. {name:width$}", self.rank.unwrap_or(0));
            if self.fallback {
                line.push_str("  fallback");
            }
            match self.estimated_cost {
                Some(cost) if cost.usd() == 0.0 => line.push_str("  free"),
                Some(cost) => _ = write!(line, "  ~{:.6} USD", cost.usd()),
                None => line.push_str("  unpriced"),
            }
            if let Some(latency) = self.expected_latency {
                let _ = write!(line, "  ~{latency:.2} s");
            }
            if let Some(score) = self.score {
                let _ = write!(line, "  score {score:.4}");
            }
            if let Some(detail) = self.detail() {
                let _ = write!(line, "  {detail}");
            }
            return line;
        };
        format!(" ✗  {name:width$}  {}: {}", reason.code(), reason.detail())
    }
}

impl Attempt {
    fn line(&self, width: usize) -> String {
        let mark = match self.outcome {
            Outcome::Ok => "✓",
            Outcome::Error => "✗",
            Outcome::Cancelled => "–",
            Outcome::Running => "…",
        };
        let mut line = format!("{mark} {:width$}  {:.3} s", self.deployment.as_str(), self.duration);
        if let Some(ttft) = self.ttft {
            let _ = write!(line, ", first token after {ttft:.3} s");
        }
        if let Some(error) = self.error {
            let _ = write!(line, "  {}", error.as_str());
        }
        if let Some(message) = &self.message {
            let _ = write!(line, ": {message}");
        }
        if let Some(wait) = self.retry_after {
            let _ = write!(line, " (asked to wait {wait:.1} s)");
        }
        line
    }
}
