//! The log read back, call by call, in the order in which the calls were made.

use std::{collections::HashMap, path::Path};

use rusqlite::{Connection, Row, params};
use serde_json::Value;

use super::verify::open;
use crate::{
    chat::Map,
    trace::{Facts, Outcome},
};

/// Which calls are read: those that began at or after `since` and before `until`, in seconds since 1970.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    /// From then on.
    pub since: Option<f64>,
    /// Until then.
    pub until: Option<f64>,
}

/// A call as the log has it.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// The identity of the call.
    pub id: String,
    /// When it began, in seconds since 1970.
    pub at: f64,
    /// The same in UTC.
    pub time: String,
    /// The route taken.
    pub route: String,
    /// What the caller asked for.
    pub requested: String,
    /// Who served.
    pub chosen: Option<String>,
    /// `ok`, `error`, `refused` or `cancelled`.
    pub outcome: String,
    /// Prompt and answer tokens.
    pub tokens: Option<(u64, u64)>,
    /// US dollars.
    pub cost: Option<f64>,
    /// Seconds from the call to its end.
    pub latency: f64,
    /// The names of the rules that fired.
    pub rules: Vec<String>,
    /// The signals that were computed.
    pub signals: Map,
    /// What else the decision rested on; absent in rows of a log of version 1.
    pub facts: Option<Facts>,
    /// Every attempt: who, how it ended, and after how many seconds.
    pub attempts: Vec<(String, Outcome, f64)>,
    /// The last score that somebody gave it.
    pub score: Option<f64>,
}

/// What a deployment did over the whole span.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Record {
    /// Attempts that answered.
    pub answered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Seconds to the whole answer, in the mean of those that answered.
    pub latency: Option<f64>,
}

impl Record {
    /// The share of attempts that answered; absent without any.
    pub fn success(&self) -> Option<f64> {
        let all = self.answered + self.failed;
        (all > 0).then(|| self.answered as f64 / all as f64)
    }
}

/// A log open for reading: one state of the file, whoever writes meanwhile.
#[derive(Debug)]
pub struct Reader {
    db: Connection,
    span: Span,
    /// Whether the file has what replay needs.
    complete: bool,
}

impl Reader {
    /// Opens the log at `path`.
    ///
    /// # Errors
    /// It cannot be read, or is no log; in words.
    pub fn open(path: &Path, span: Span) -> Result<Self, String> {
        let db = open(path)?;
        db.execute_batch("BEGIN").map_err(words)?;
        let find = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'choices'";
        let complete: i64 = db.query_row(find, [], |row| row.get(0)).map_err(words)?;
        Ok(Self { db, span, complete: complete > 0 })
    }

    /// What each deployment did.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn records(&self) -> Result<HashMap<String, Record>, String> {
        let sql = "SELECT a.deployment, sum(a.outcome = 'ok'), sum(a.outcome = 'error'),
                          avg(CASE WHEN a.outcome = 'ok' THEN a.duration END)
                   FROM attempts AS a JOIN decisions AS d ON d.seq = a.seq
                   WHERE d.at >= ?1 AND d.at < ?2 GROUP BY a.deployment";
        let mut statement = self.db.prepare(sql).map_err(words)?;
        let rows = statement.query_map(self.span.ends(), |row| {
            let (answered, failed): (i64, i64) = (row.get(1)?, row.get(2)?);
            let (answered, failed) = (answered.unsigned_abs(), failed.unsigned_abs());
            Ok((row.get(0)?, Record { answered, failed, latency: row.get(3)? }))
        });
        rows.and_then(Iterator::collect).map_err(words)
    }

    /// Every call, in the order in which they began.
    ///
    /// # Errors
    /// The file cannot be read, or what `take` says.
    pub fn each(&self, mut take: impl FnMut(Past) -> Result<(), String>) -> Result<(), String> {
        let facts = if self.complete { "(SELECT facts FROM choices AS c WHERE c.seq = d.seq)" } else { "NULL" };
        let sql = format!(
            "SELECT d.seq, d.id, d.at, d.time, d.route, d.requested, d.chosen, d.outcome, d.input_tokens, d.output_tokens,
                    d.cost_usd, d.latency, d.rules, d.decision, {facts},
                    (SELECT score FROM feedback AS f WHERE f.id = d.id ORDER BY f.seq DESC LIMIT 1)
             FROM decisions AS d WHERE d.at >= ?1 AND d.at < ?2 ORDER BY d.at, d.seq"
        );
        let mut statement = self.db.prepare(&sql).map_err(words)?;
        let mut tries = self
            .db
            .prepare("SELECT deployment, outcome, duration FROM attempts WHERE seq = ?1 ORDER BY n")
            .map_err(words)?;
        let mut rows = statement.query(self.span.ends()).map_err(words)?;
        while let Some(row) = rows.next().map_err(words)? {
            let seq: i64 = row.get(0).map_err(words)?;
            let attempts = tries.query_map(params![seq], attempt).and_then(Iterator::collect).map_err(words)?;
            take(Past { attempts, ..past(row).map_err(words)? })?;
        }
        Ok(())
    }
}

impl Span {
    fn ends(&self) -> [f64; 2] {
        [self.since.unwrap_or(f64::MIN), self.until.unwrap_or(f64::MAX)]
    }
}

fn attempt(row: &Row<'_>) -> rusqlite::Result<(String, Outcome, f64)> {
    let outcome: String = row.get(1)?;
    let known = [Outcome::Ok, Outcome::Error, Outcome::Cancelled].into_iter().find(|known| known.as_str() == outcome);
    Ok((row.get(0)?, known.unwrap_or(Outcome::Running), row.get(2)?))
}

fn past(row: &Row<'_>) -> rusqlite::Result<Past> {
    let (prompt, answer): (Option<i64>, Option<i64>) = (row.get(8)?, row.get(9)?);
    let (rules, decision): (String, String) = (row.get(12)?, row.get(13)?);
    let facts: Option<String> = row.get(14)?;
    let signals = serde_json::from_str(&decision).ok().and_then(|document: Value| match document {
        Value::Object(mut map) => map.shift_remove("signals"),
        _ => None,
    });
    Ok(Past {
        id: row.get(1)?,
        at: row.get(2)?,
        time: row.get(3)?,
        route: row.get(4)?,
        requested: row.get(5)?,
        chosen: row.get(6)?,
        outcome: row.get(7)?,
        tokens: prompt.map(i64::unsigned_abs).zip(answer.map(i64::unsigned_abs)),
        cost: row.get(10)?,
        latency: row.get(11)?,
        rules: serde_json::from_str(&rules).unwrap_or_default(),
        signals: match signals {
            Some(Value::Object(signals)) => signals,
            _ => Map::new(),
        },
        facts: facts.and_then(|facts| serde_json::from_str(&facts).ok()),
        attempts: Vec::new(),
        score: row.get(15)?,
    })
}

fn words(error: rusqlite::Error) -> String {
    let text = error.to_string();
    drop(error);
    text
}
