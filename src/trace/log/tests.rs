//! The log as a file: what is in it, and what a verification finds when somebody has been at it.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use rusqlite::Connection;

use super::{
    Entry, Feedback, Log, LogConfig, PATIENCE, Place, Verdict, flush_all,
    query::{Cell, Parameters, Trouble, query},
    verify,
};
use crate::{
    catalog::Money,
    chat::{Map, Usage},
    error::ErrorKind,
    id::RequestId,
    signals::{SensitiveReport, Signals},
    trace::{Attempt, Decision, Facts, Origin, Outcome},
};

/// A folder of this test's own; it goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(RequestId::fresh().as_str());
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("log.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn attempt(deployment: &str, error: Option<ErrorKind>) -> Attempt {
    Attempt {
        deployment: deployment.into(),
        outcome: if error.is_some() { Outcome::Error } else { Outcome::Ok },
        error,
        message: Some("a provider's CANARY words".into()),
        status: None,
        started: 0.0,
        duration: 0.25,
        ttft: None,
        hedge: false,
        retry_after: None,
        possibly_billed: false,
        skipped_events: 0,
    }
}

fn place(deployment: &str, region: &str) -> Place {
    Place {
        deployment: deployment.into(),
        provider: "openai",
        model: "m".into(),
        region: Some(region.into()),
        tags: vec!["eu".into()],
    }
}

/// A call whose first attempt found nobody, and whose second one answered.
fn entry(health: bool) -> Entry {
    let report = SensitiveReport { any: health, health, ..SensitiveReport::default() };
    let decision = Decision {
        id: RequestId::fresh(),
        route: "auto".into(),
        requested: "auto".into(),
        chosen: Some("berlin".into()),
        reason: "first in order".into(),
        error: None,
        signals: Signals {
            metadata: Map::from_iter([("note".to_owned(), "CANARY".into())]),
            text: "CANARY".into(),
            sensitive: Some(report),
            ..Signals::default()
        },
        rules: Vec::new(),
        redacted: None,
        candidates: Vec::new(),
        attempts: vec![attempt("ohio", Some(ErrorKind::Connection)), attempt("berlin", None)],
        overhead: Duration::from_micros(30),
        waited: Duration::ZERO,
        at: 1_782_864_000.5,
        basis: Facts { planned: Some("berlin".into()), draw: 7, ..Facts::default() },
        origin: Origin::default(),
    };
    Entry {
        decision: Arc::new(decision),
        answered: true,
        places: vec![place("ohio", "us-east-2"), place("berlin", "eu-central")],
        strategy: Some("priority"),
        usage: Some(Usage { input: 7, output: 3, ..Usage::default() }),
        cost: Some(Money(1_000)),
        cost_status: Some("exact"),
        latency: 0.5,
        ttft: None,
    }
}

fn written(folder: &Folder, rows: usize) -> Log {
    let log = Log::new(LogConfig::new(folder.file()));
    (0..rows).for_each(|_| log.decision(entry(true)));
    assert!(log.finish(PATIENCE));
    log
}

fn verdict(folder: &Folder) -> Verdict {
    verify(&folder.file(), None).unwrap()
}

fn fault(folder: &Folder) -> (Option<i64>, &'static str) {
    let fault = verdict(folder).fault.unwrap();
    (fault.seq, fault.kind)
}

fn alter(folder: &Folder, sql: &str) {
    Connection::open(folder.file()).unwrap().execute_batch(sql).unwrap();
}

fn one<T: rusqlite::types::FromSql>(folder: &Folder, sql: &str) -> T {
    Connection::open(folder.file()).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn making_a_log_touches_nothing() {
    let folder = Folder::new();
    let log = Log::new(LogConfig::new(folder.file()));
    assert!(log.finish(PATIENCE) && !folder.file().exists());
}

#[test]
fn a_call_is_a_row_with_its_attempts_and_without_any_text() {
    let folder = Folder::new();
    let log = written(&folder, 1);
    log.feedback(Feedback { id: "wp-1".into(), at: 1.0, score: 0.75, comment: Some("good".into()) });
    assert!(log.finish(PATIENCE));
    let row = "SELECT time || ' ' || outcome || ' ' || region || ' ' || input_tokens || ' ' || health FROM decisions";
    assert_eq!(one::<String>(&folder, row), "2026-07-01T00:00:00.500Z ok eu-central 7 1");
    assert_eq!(one::<String>(&folder, "SELECT id || ' ' || score || ' ' || comment FROM feedback"), "wp-1 0.75 good");
    // Nobody took the connection in Ohio, so nothing got there.
    assert_eq!(one::<i64>(&folder, "SELECT count(*) FROM attempts"), 2);
    assert_eq!(one::<i64>(&folder, "SELECT count(*) FROM reached WHERE health AND region LIKE 'us%'"), 0);
    assert_eq!(one::<i64>(&folder, "SELECT count(*) FROM reached WHERE health AND region LIKE 'eu%'"), 1);
    let Verdict { rows, dropped, fault, .. } = verdict(&folder);
    assert_eq!((rows, dropped, fault), (2, 0, None));
    let bytes = fs::read(folder.file()).unwrap();
    assert!(!bytes.windows(6).any(|window| window == b"CANARY"));
}

#[test]
fn metadata_is_kept_where_it_is_wanted() {
    let folder = Folder::new();
    let log = Log::new(LogConfig { metadata: true, ..LogConfig::new(folder.file()) });
    log.decision(entry(false));
    assert!(log.finish(PATIENCE));
    let note = "SELECT json_extract(decision, '$.signals.metadata.note') FROM decisions";
    assert_eq!(one::<String>(&folder, note), "CANARY");
}

#[test]
fn every_change_is_found() {
    for (sql, expected) in [
        ("UPDATE decisions SET region = 'eu-west' WHERE seq = 2", (Some(2), "changed")),
        ("UPDATE attempts SET sent = 1 WHERE seq = 3 AND n = 1", (Some(3), "changed")),
        ("DELETE FROM attempts WHERE seq = 2 AND n = 2", (Some(2), "changed")),
        ("DELETE FROM decisions WHERE seq = 3", (Some(3), "changed")),
        ("INSERT INTO feedback VALUES (4, 'wp-1', 1.0, 1.0, NULL)", (Some(4), "changed")),
        ("UPDATE chain SET hash = zeroblob(32) WHERE seq = 4", (Some(4), "changed")),
        ("INSERT INTO feedback VALUES (99, 'wp-1', 1.0, 1.0, NULL)", (Some(99), "added")),
        ("DELETE FROM chain WHERE seq = 3", (Some(3), "missing")),
        ("DELETE FROM chain WHERE seq < 3; DELETE FROM decisions WHERE seq < 3", (Some(1), "missing")),
        ("DELETE FROM chain WHERE seq = 5; DELETE FROM decisions WHERE seq = 5", (Some(5), "missing")),
        ("DELETE FROM chain; DELETE FROM decisions; DELETE FROM attempts", (Some(1), "missing")),
        ("DROP VIEW reached; CREATE VIEW reached AS SELECT * FROM decisions WHERE 0", (None, "view")),
    ] {
        let folder = Folder::new();
        written(&folder, 5);
        assert_eq!(verdict(&folder).fault, None);
        alter(&folder, sql);
        assert_eq!(fault(&folder), expected, "{sql}");
    }
}

#[test]
fn links_cut_off_the_end_show_also_when_the_log_goes_on() {
    let folder = Folder::new();
    written(&folder, 5);
    alter(
        &folder,
        "DELETE FROM chain WHERE seq = 5; DELETE FROM decisions WHERE seq = 5; DELETE FROM attempts WHERE seq = 5",
    );
    written(&folder, 3);
    assert_eq!(fault(&folder), (Some(5), "missing"));
}

#[test]
fn a_chain_written_anew_lacks_the_hash_that_was_noted() {
    let folder = Folder::new();
    let log = written(&folder, 3);
    let noted = verdict(&folder).head;
    log.decision(entry(false));
    assert!(log.finish(PATIENCE));
    assert_eq!(verify(&folder.file(), Some(&noted)).unwrap().fault, None);
    fs::remove_file(folder.file()).unwrap();
    written(&folder, 4);
    assert_eq!(verdict(&folder).fault, None);
    assert_eq!(verify(&folder.file(), Some(&noted)).unwrap().fault.unwrap().kind, "head");
}

#[test]
fn old_rows_go_and_the_rest_hangs_on_a_checkpoint() {
    let folder = Folder::new();
    let log = Log::new(LogConfig { max_rows: 10, ..LogConfig::new(folder.file()) });
    for _ in 0..4 {
        (0..10).for_each(|_| log.decision(entry(true)));
        assert!(log.finish(PATIENCE));
    }
    let found = verdict(&folder);
    assert!(found.fault.is_none() && found.rows <= 10 && found.pruned > 25, "{found:?}");
    assert!(one::<i64>(&folder, "SELECT count(*) FROM decisions") >= 8);
    assert_eq!(one::<i64>(&folder, "SELECT count(*) FROM attempts WHERE seq NOT IN (SELECT seq FROM decisions)"), 0);
    alter(&folder, "UPDATE checkpoints SET through = through - 1");
    assert!(verdict(&folder).fault.is_some());
}

#[test]
fn two_writers_share_one_chain() {
    let folder = Folder::new();
    let logs = [0, 1, 2].map(|_| Log::new(LogConfig::new(folder.file())));
    for _ in 0..40 {
        for log in &logs {
            log.decision(entry(false));
        }
    }
    assert!(logs.iter().all(|log| log.finish(Duration::from_secs(20)) && log.losses().total() == 0));
    let Verdict { rows, fault, .. } = verdict(&folder);
    assert_eq!((rows, fault), (120, None));
}

#[test]
fn what_cannot_be_written_is_counted_and_marked() {
    let folder = Folder::new();
    let home = folder.0.join("later");
    let log = Log::new(LogConfig::new(home.join("log.db")));
    (0..3).for_each(|_| log.decision(entry(true)));
    assert!(log.finish(PATIENCE));
    assert_eq!(log.losses().total(), 3);
    assert!(log.losses().why().is_some_and(|why| why.contains("cannot be made")));
    fs::create_dir(&home).unwrap();
    log.decision(entry(true));
    assert!(log.finish(PATIENCE));
    let found = verify(&home.join("log.db"), None).unwrap();
    assert_eq!((found.rows, found.dropped, found.fault), (2, 3, None));
}

#[test]
fn a_file_that_was_closed_stays_closed_whatever_is_not_marked_yet() {
    let folder = Folder::new();
    for round in 0..50 {
        let home = folder.0.join(round.to_string());
        let log = Log::new(LogConfig::new(home.join("log.db")));
        log.decision(entry(true));
        assert!(log.finish(PATIENCE));
        fs::create_dir(&home).unwrap();
        // A thread that is let go has nothing more to say: its last words would come beside those of the next one.
        std::thread::yield_now();
        std::thread::sleep(Duration::from_millis(1));
        assert!(!home.join("log.db").exists(), "round {round}");
    }
}

#[test]
fn rows_of_a_log_that_is_gone_are_waited_for_at_the_end() {
    let folder = Folder::new();
    let log = Log::new(LogConfig::new(folder.file()));
    (0..200).for_each(|_| log.decision(entry(true)));
    drop(log);
    flush_all(PATIENCE);
    let rows = verdict(&folder).rows;
    assert_eq!(rows, 200);
}

#[test]
fn a_query_takes_values_and_cannot_write() {
    let folder = Folder::new();
    written(&folder, 3);
    let ask = |sql, values: &Parameters| query(&folder.file(), sql, values);
    let ordered = Parameters::Ordered(vec![Cell::Integer(1), Cell::Text("ok".into())]);
    let found = ask("SELECT seq, outcome FROM decisions WHERE seq > ? AND outcome = ?", &ordered).unwrap();
    assert_eq!(found.columns, ["seq", "outcome"]);
    assert_eq!(found.rows[1], [Cell::Integer(3), Cell::Text("ok".into())]);
    let named = Parameters::Named([("seq".to_owned(), Cell::Integer(2))].into());
    assert_eq!(ask("SELECT 1 FROM decisions WHERE seq = :seq", &named).unwrap().rows.len(), 1);
    for (sql, values, words) in [
        ("DELETE FROM decisions", &Parameters::Ordered(Vec::new()), "readonly"),
        ("SELECT ?", &Parameters::Ordered(Vec::new()), "1 parameters"),
        ("SELECT :other", &named, "`:other`"),
        ("SELEKT", &named, "syntax error"),
    ] {
        assert!(matches!(ask(sql, values), Err(Trouble::Query(message)) if message.contains(words)), "{sql}");
    }
    assert!(matches!(query(&folder.0.join("none"), "SELECT 1", &named), Err(Trouble::File(_))));
}

#[test]
fn another_applications_file_is_left_alone() {
    let folder = Folder::new();
    alter(&folder, "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
    let log = Log::new(LogConfig::new(folder.file()));
    log.decision(entry(true));
    assert!(log.finish(PATIENCE));
    assert_eq!(log.losses().total(), 1);
    assert_eq!(one::<i64>(&folder, "SELECT count(*) FROM sqlite_schema"), 1);
    assert!(verify(&folder.file(), None).unwrap_err().contains("no decision log"));
    assert!(verify(&folder.0.join("none.db"), None).unwrap_err().contains("no file"));
}

#[test]
fn a_file_that_was_moved_away_is_begun_anew() {
    let folder = Folder::new();
    let log = Log::new(LogConfig::new(folder.file()));
    log.decision(entry(true));
    while !folder.file().exists() || one::<i64>(&folder, "SELECT count(*) FROM sqlite_schema WHERE name = 'chain'") == 0
    {
        std::thread::sleep(Duration::from_millis(5));
    }
    fs::rename(folder.file(), folder.0.join("old.db")).unwrap();
    for tail in ["-wal", "-shm"] {
        let _ = fs::rename(folder.0.join(format!("log.db{tail}")), folder.0.join(format!("old.db{tail}")));
    }
    log.decision(entry(true));
    assert!(log.finish(PATIENCE));
    assert_eq!((verdict(&folder).rows, verdict(&folder).fault), (1, None));
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    written(&folder, 1);
    assert_eq!(fs::metadata(folder.file()).unwrap().permissions().mode() & 0o077, 0);
}
