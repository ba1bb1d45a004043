-- The decision log. Every row hangs on a link of the chain by `seq`; a link's hash covers all rows that share its number.
CREATE TABLE IF NOT EXISTS chain (
    seq  INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,            -- decision, feedback, gap, checkpoint
    prev BLOB NOT NULL,            -- the hash of the link before
    hash BLOB NOT NULL             -- SHA-256 over prev, seq, kind and the rows
);
CREATE TABLE IF NOT EXISTS decisions (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    at REAL NOT NULL,              -- seconds since 1970 when the call began
    time TEXT NOT NULL,            -- the same in UTC, ISO 8601
    route TEXT NOT NULL,
    requested TEXT NOT NULL,
    chosen TEXT, provider TEXT, model TEXT, region TEXT, tags TEXT,
    strategy TEXT,
    reason TEXT NOT NULL,
    outcome TEXT NOT NULL,         -- ok, error, refused, cancelled
    error TEXT,
    input_tokens INTEGER, output_tokens INTEGER,
    cost_usd REAL, cost_status TEXT,
    latency REAL NOT NULL, ttft REAL, overhead REAL NOT NULL,
    personal INTEGER, secrets INTEGER, health INTEGER,   -- absent: the request was not scanned
    types TEXT, redacted TEXT, rules TEXT NOT NULL,
    user TEXT, session TEXT, request_tags TEXT NOT NULL,
    decision TEXT NOT NULL         -- the whole decision as JSON, without text
);
CREATE TABLE IF NOT EXISTS attempts (
    seq INTEGER NOT NULL,
    n INTEGER NOT NULL,
    id TEXT NOT NULL,
    deployment TEXT NOT NULL, provider TEXT, model TEXT, region TEXT, tags TEXT,
    outcome TEXT NOT NULL, error TEXT, status INTEGER,
    sent INTEGER NOT NULL,         -- whether bytes of the request may have left this machine
    started REAL NOT NULL, duration REAL NOT NULL, ttft REAL,
    hedge INTEGER NOT NULL, possibly_billed INTEGER NOT NULL,
    PRIMARY KEY (seq, n)
);
CREATE TABLE IF NOT EXISTS choices (
    seq INTEGER PRIMARY KEY,       -- beside the row of `decisions`; since version 2
    id TEXT NOT NULL,
    planned TEXT,                  -- who was to be tried first
    propensity REAL,               -- the chance that it was the one; absent if not known
    facts TEXT NOT NULL            -- what else the decision rested on, as JSON, without text
);
CREATE TABLE IF NOT EXISTS feedback (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    at REAL NOT NULL,
    score REAL NOT NULL,
    comment TEXT
);
CREATE TABLE IF NOT EXISTS gaps (
    seq INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    dropped INTEGER NOT NULL       -- rows that were not written before this one
);
CREATE TABLE IF NOT EXISTS checkpoints (
    seq INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    through INTEGER NOT NULL,      -- the last link that was removed for its age
    hash BLOB NOT NULL             -- its hash, on which the rest of the chain hangs
);
CREATE INDEX IF NOT EXISTS decisions_id ON decisions (id);
CREATE INDEX IF NOT EXISTS decisions_at ON decisions (at);
CREATE INDEX IF NOT EXISTS feedback_id ON feedback (id);
CREATE VIEW IF NOT EXISTS reached AS
    SELECT d.id, d.at, d.time, d.route, a.deployment, a.provider, a.model, a.region, a.tags, a.n AS attempt, a.outcome,
           d.personal, d.secrets, d.health, d.types, d.redacted, d.user, d.session, d.request_tags, d.seq
    FROM attempts AS a JOIN decisions AS d ON d.seq = a.seq
    WHERE a.sent;
