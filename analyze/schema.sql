-- faultline SQLite schema, user_version 3 (needs SQLite 3.31 or later)
-- What changed: 2 added the table reads; 3 what several clocks need: more columns of clocks, call_from and return_by of
-- ops, t_from of op_tries. An older database has no rows to fill it from but its trace files: load again.
PRAGMA user_version = 3;
PRAGMA application_id = 1181512820;     -- "Fltt": analyze refuses databases without it

-- ---------- what was loaded -------------------------------------------------
CREATE TABLE runs (
  run_id     INTEGER PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,      -- "run" of trace.open
  seed       INTEGER,                   -- simulator seed, if any
  started_us INTEGER,                   -- wall clock of the run epoch, microseconds
  t_end      INTEGER,                   -- last t seen, ns since epoch
  schema_v   INTEGER NOT NULL,
  config     TEXT,                      -- JSON: simulator + replica settings
  loss_free  INTEGER NOT NULL DEFAULT 1 -- 0 if any data_loss row in load_stats
);
CREATE TABLE sources (                  -- one row per input file
  source_id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs,
  path TEXT NOT NULL, bytes INTEGER, lines INTEGER, records INTEGER,
  bad_lines INTEGER DEFAULT 0, torn_tail INTEGER DEFAULT 0,
  sha256 TEXT                           -- not filled: reserved for tools that sign traces
);
CREATE TABLE load_stats (               -- same idea as Perfetto's `stats`
  run_id INTEGER NOT NULL REFERENCES runs, source_id INTEGER REFERENCES sources,
  node TEXT, name TEXT NOT NULL,
  severity TEXT NOT NULL CHECK (severity IN ('info','data_loss','error')),
  value INTEGER NOT NULL, line INTEGER, note TEXT
);

-- ---------- nodes, boots, faults ---------------------------------------------
CREATE TABLE nodes (
  run_id INTEGER NOT NULL REFERENCES runs, node TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('replica','client','sim')),
  impl TEXT, instrumented INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (run_id, node)
) WITHOUT ROWID;
CREATE TABLE boots (                    -- one row per process incarnation
  run_id INTEGER NOT NULL, node TEXT NOT NULL, boot INTEGER NOT NULL,
  t_start INTEGER, t_end INTEGER, end_kind TEXT,   -- close | killed | stopped | cut | torn | crashed
  records INTEGER, last_seq INTEGER, missing INTEGER, -- seq gaps
  PRIMARY KEY (run_id, node, boot)
) WITHOUT ROWID;
CREATE TABLE faults (
  fault_id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, f INTEGER,
  kind TEXT NOT NULL, node TEXT,
  target TEXT,                          -- JSON object: what groups, links, sig, skew_us, p, cause the fault has
  t_begin INTEGER NOT NULL, t_end INTEGER, begin_rec INTEGER, end_rec INTEGER
);

-- ---------- raw records: nothing is thrown away --------------------------------
CREATE TABLE records (
  id      INTEGER PRIMARY KEY,          -- merged order: (t, lc, node, boot, seq)
  run_id  INTEGER NOT NULL REFERENCES runs,
  node    TEXT NOT NULL, boot INTEGER NOT NULL, seq INTEGER NOT NULL,
  t       INTEGER NOT NULL,             -- ns since run epoch
  lc      INTEGER NOT NULL,             -- Lamport clock
  ev      TEXT NOT NULL,
  cause   INTEGER,                      -- records.id of the input event being handled
  term    INTEGER, role TEXT, commit_idx INTEGER, applied_idx INTEGER, last_idx INTEGER,
  source_id INTEGER NOT NULL, line INTEGER NOT NULL,
  body    TEXT                          -- JSON object: event-specific fields only
);

-- ---------- derived at load time -----------------------------------------------
CREATE TABLE messages (                 -- one row per datagram copy
  msg_id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL,
  d INTEGER, copy INTEGER NOT NULL DEFAULT 1,       -- simulator datagram id, copy number
  mid TEXT, src TEXT NOT NULL, dst TEXT NOT NULL, type TEXT, term INTEGER, size INTEGER,
  t_send INTEGER, t_in INTEGER, t_out INTEGER, t_recv INTEGER,
  -- delivered: reached the receiver (recv_rec NULL: black box, or it was killed first); ignored: received, no effect;
  -- dropped: see why; in_flight: still under way at the end; unseen: sent, and then in no record at all
  fate TEXT NOT NULL CHECK (fate IN ('delivered','dropped','ignored','in_flight','unseen')),
  why TEXT, fault_id INTEGER REFERENCES faults,
  send_rec INTEGER, in_rec INTEGER, out_rec INTEGER, drop_rec INTEGER, recv_rec INTEGER,
  ambiguous INTEGER NOT NULL DEFAULT 0, -- 1: no message id, and several could be meant: not linked
  latency INTEGER GENERATED ALWAYS AS (coalesce(t_recv, t_out) - coalesce(t_send, t_in)) VIRTUAL
);
CREATE TABLE ops (                      -- client operations as the client saw them
  op_id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, op TEXT NOT NULL, client TEXT NOT NULL,
  f TEXT NOT NULL, key TEXT, val TEXT,              -- val: written, or read result
  t_invoke INTEGER NOT NULL, t_return INTEGER,      -- NULL return: still open at end
  result TEXT NOT NULL CHECK (result IN ('ok','fail','info')),
  served_by TEXT, tries INTEGER, why TEXT, invoke_rec INTEGER, return_rec INTEGER,
  -- several clocks (table clocks): the earliest that the call, and the latest that the return, can have been on the
  -- reference clock; a quarter of the range of integers where that is not known. NULL: as t_invoke and t_return say
  call_from INTEGER, return_by INTEGER
);
CREATE TABLE op_tries (
  run_id INTEGER NOT NULL, op_id INTEGER NOT NULL REFERENCES ops, try INTEGER NOT NULL,
  mid TEXT NOT NULL, node TEXT, t INTEGER, rec INTEGER,
  t_from INTEGER,                       -- several clocks: the earliest that t can have been
  PRIMARY KEY (run_id, op_id, try)
) WITHOUT ROWID;
CREATE TABLE log_entries (              -- one row per (node, idx) *version*
  entry_id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, node TEXT NOT NULL,
  idx INTEGER NOT NULL, eterm INTEGER NOT NULL, op TEXT, key TEXT, val TEXT, req TEXT,
  t_append INTEGER, t_sync INTEGER, t_commit INTEGER, t_apply INTEGER,
  t_gone INTEGER, gone_why TEXT,                    -- conflict | crash | snapshot
  append_rec INTEGER, apply_rec INTEGER, gone_rec INTEGER,
  h TEXT                                -- hash of the command, equal on all replicas
);
CREATE TABLE reads (                    -- each read that a replica answered, and what proved to it that it led
  rec INTEGER PRIMARY KEY REFERENCES records,       -- read.serve or read.local
  run_id INTEGER NOT NULL, node TEXT NOT NULL, boot INTEGER, term INTEGER,
  t INTEGER NOT NULL, req TEXT, client TEXT, key TEXT, val TEXT, applied INTEGER,
  -- round: a majority answered appends of this round; lease: it promised to elect nobody else; local: nothing
  proof TEXT NOT NULL CHECK (proof IN ('round','lease','local')),
  round INTEGER,
  t_proof INTEGER,                      -- nobody else had been elected then: the round's, or the lease's, appends left
  t_until INTEGER,                      -- lease: good until
  confirmed_by TEXT,                    -- ids of the others that answered, with spaces between
  proof_rec INTEGER,                    -- read.confirm or lease.grant
  ms           REAL GENERATED ALWAYS AS (round(t / 1e6, 3)) VIRTUAL,
  proof_age_ms REAL GENERATED ALWAYS AS (round((t - t_proof) / 1e6, 3)) VIRTUAL,
  until_ms     REAL GENERATED ALWAYS AS (round(t_until / 1e6, 3)) VIRTUAL,
  margin_ms    REAL GENERATED ALWAYS AS (round((t_until - t) / 1e6, 3)) VIRTUAL
);
CREATE TABLE leader_terms (
  run_id INTEGER NOT NULL, node TEXT NOT NULL, boot INTEGER, term INTEGER NOT NULL,
  t_start INTEGER NOT NULL, t_end INTEGER, end_why TEXT,
  start_rec INTEGER, end_rec INTEGER,
  origin TEXT NOT NULL DEFAULT 'trace' CHECK (origin IN ('trace','wire')), -- wire: inferred
  PRIMARY KEY (run_id, node, term, t_start)
) WITHOUT ROWID;

CREATE TABLE edges (                    -- the causal DAG: src led to dst (filled at load)
  dst INTEGER NOT NULL, src INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('handled','wire')),
  PRIMARY KEY (dst, src)
) WITHOUT ROWID;

-- ---------- verdicts ---------------------------------------------------------
CREATE TABLE checks (                   -- one row per check that ran
  run_id INTEGER NOT NULL, "check" TEXT NOT NULL, verdict TEXT NOT NULL
    CHECK (verdict IN ('pass','fail','unknown','skipped')),
  examined INTEGER, elapsed_us INTEGER, note TEXT, PRIMARY KEY (run_id, "check")
) WITHOUT ROWID;
CREATE TABLE violations (
  violation_id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, "check" TEXT NOT NULL,
  severity TEXT NOT NULL, t INTEGER NOT NULL, node TEXT, key TEXT,
  title TEXT NOT NULL, fingerprint TEXT NOT NULL,   -- stable across runs, for dedup/baseline
  first_bad_rec INTEGER REFERENCES records
);
CREATE TABLE violation_evidence (       -- the causal chain, ordered
  violation_id INTEGER NOT NULL REFERENCES violations, pos INTEGER NOT NULL,
  part TEXT NOT NULL,                   -- witness | cause | enabler | lost_message | fault
  rec INTEGER, op_id INTEGER, msg_id INTEGER, fault_id INTEGER, note TEXT,
  PRIMARY KEY (violation_id, pos)
) WITHOUT ROWID;
CREATE TABLE clocks (                   -- runs on several clocks only: how far each process is ahead of the reference
  run_id INTEGER NOT NULL, node TEXT NOT NULL, boot INTEGER NOT NULL,
  clock TEXT NOT NULL,                  -- which; processes of one host share its
  offset_ns INTEGER,                    -- ahead by so much when its t is at_ns, and by drift_ppb more in each second,
  drift_ppb INTEGER, at_ns INTEGER,     -- give or take error_ns all through the run; NULL: messages do not tell
  error_ns INTEGER,
  messages INTEGER,                     -- that bound it
  PRIMARY KEY (run_id, node, boot)
) WITHOUT ROWID;
