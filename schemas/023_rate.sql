-- Less to be done for each result. The tables are copied for that; the views stay, so the new ones take their names
-- without a look at them.
PRAGMA legacy_alter_table = ON;

-- Rows of measurements have no key to look up: nothing but a result stores them, in the transaction that ends its attempt,
-- and nothing but a deletion of jobs takes them away (coordinator/store_delete.c).
CREATE TABLE accuracy_new (
  job                     INTEGER NOT NULL,
  test_sigma              REAL NOT NULL,
  image_count             INTEGER,
  correct_count           INTEGER,
  accuracy                REAL NOT NULL,
  confidence_true         REAL,
  confidence_max          REAL,
  confidence_max_sd       REAL,
  negative_log_likelihood REAL,
  brier                   REAL,
  calibration_error       REAL,
  margin_mean             REAL,
  margin_p10              REAL,
  margin_p50              REAL,
  margin_p90              REAL,
  margin_p95              REAL,
  margin_p99              REAL,
  margin_max              REAL,
  PRIMARY KEY (job, test_sigma)
) STRICT, WITHOUT ROWID;
INSERT INTO accuracy_new SELECT * FROM accuracy;
DROP TABLE accuracy;
ALTER TABLE accuracy_new RENAME TO accuracy;

CREATE TABLE quotient_new (
  job                      INTEGER NOT NULL,
  test_sigma               REAL NOT NULL CHECK (test_sigma > 0),
  mean                     REAL NOT NULL,
  p10                      REAL NOT NULL,
  p50                      REAL NOT NULL,
  p90                      REAL NOT NULL,
  p95                      REAL NOT NULL,
  p99                      REAL NOT NULL,
  max                      REAL NOT NULL,
  share_over_k             REAL,
  margin_over_quotient_p10 REAL NOT NULL,
  margin_over_quotient_p50 REAL NOT NULL,
  margin_over_quotient_p90 REAL NOT NULL,
  margin_over_quotient_p95 REAL NOT NULL,
  margin_over_quotient_p99 REAL NOT NULL,
  margin_over_quotient_max REAL NOT NULL,
  PRIMARY KEY (job, test_sigma)
) STRICT, WITHOUT ROWID;
INSERT INTO quotient_new SELECT * FROM quotient;
DROP TABLE quotient;
ALTER TABLE quotient_new RENAME TO quotient;

CREATE TABLE epoch_metric_new (
  job            INTEGER NOT NULL,
  attempt        INTEGER NOT NULL,
  epoch          INTEGER NOT NULL,
  loss           REAL NOT NULL,
  task_loss      REAL NOT NULL,
  lipschitz_loss REAL,
  accuracy       REAL NOT NULL,
  active_share   REAL,
  quotient_mean  REAL,
  images_per_s   REAL NOT NULL,
  PRIMARY KEY (job, attempt, epoch)
) STRICT, WITHOUT ROWID;
INSERT INTO epoch_metric_new SELECT * FROM epoch_metric;
DROP TABLE epoch_metric;
ALTER TABLE epoch_metric_new RENAME TO epoch_metric;

-- What stands between ORs costs less than a list. Leases that run are found by their jobs' state.
CREATE TABLE attempt_new (
  job               INTEGER NOT NULL REFERENCES job (id),
  number            INTEGER NOT NULL,
  worker            INTEGER NOT NULL REFERENCES worker (id),
  outcome           TEXT NOT NULL CHECK (outcome = 'running' OR outcome = 'done' OR outcome = 'failed'
                                           OR outcome = 'diverged' OR outcome = 'lost' OR outcome = 'preempted'
                                           OR outcome = 'cancelled' OR outcome = 'refused'),
  reason            TEXT,
  late              INTEGER NOT NULL DEFAULT 0 CHECK (late IN (0, 1)),  -- its result came after the lease was lost
  train_s           REAL,
  evaluate_s        REAL,
  peak_memory_bytes INTEGER,
  build             TEXT,
  cpu_class         TEXT,
  leased_at         INTEGER NOT NULL,
  ended_at          INTEGER,
  began             TEXT,                   -- where it went on from, when not at the first step: for people
  digest            BLOB CHECK (length(digest) = 16),  -- of the numbers of its result, as in the journal
  PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
INSERT INTO attempt_new SELECT * FROM attempt;
DROP TABLE attempt;
ALTER TABLE attempt_new RENAME TO attempt;
CREATE INDEX attempt_failed ON attempt (worker, job) WHERE outcome = 'failed';
CREATE INDEX attempt_done ON attempt (worker, ended_at) WHERE outcome = 'done';

-- A key that is looked at when the transaction ends lets a statement do without a copy of every page that it writes.
CREATE TABLE job_new (
  id               INTEGER PRIMARY KEY,
  sweep            INTEGER NOT NULL REFERENCES sweep (id),
  point            INTEGER NOT NULL,        -- ordinal of the point in the sweep; jobs of a point differ in the seed alone
  text_number      INTEGER NOT NULL,        -- the newest sweep_text that asks for it: older ones' jobs are withdrawn
  state            TEXT NOT NULL CHECK (state = 'pending' OR state = 'leased' OR state = 'done'
                                           OR state = 'failed' OR state = 'diverged' OR state = 'cancelled'),
  held             INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1)),
  withdrawn        INTEGER NOT NULL DEFAULT 0 CHECK (withdrawn IN (0, 1)),
  attempt          INTEGER NOT NULL DEFAULT 0,  -- number of the newest attempt; 0: none so far
  counted_attempts INTEGER NOT NULL DEFAULT 0,  -- failed and lost ones
  result_of        INTEGER REFERENCES job (id) DEFERRABLE INITIALLY DEFERRED, -- an identical finished job whose result is this one's
  training         INTEGER REFERENCES training (id) DEFERRABLE INITIALLY DEFERRED,
  superseded_by    INTEGER REFERENCES job (id) DEFERRABLE INITIALLY DEFERRED,
  train_hash       BLOB NOT NULL,
  job_hash         BLOB NOT NULL,
  reason           TEXT,                    -- why it failed, diverged or was cancelled
  -- the parameters (common/job.h); NULL where one has no meaning, or was not told by who measured elsewhere
  dataset          TEXT NOT NULL,
  dataset_digest   TEXT NOT NULL,
  validation_count INTEGER,
  train_count      INTEGER,
  fraction         REAL,
  model            TEXT NOT NULL,
  lambda           REAL,
  k                REAL,
  sigma            REAL,
  control          TEXT NOT NULL,
  epochs           INTEGER,
  steps            INTEGER,
  batch            INTEGER,
  optimizer        TEXT,
  lr               REAL,
  momentum         REAL,
  weight_decay     REAL,
  beta1            REAL,
  beta2            REAL,
  eps              REAL,
  seed             INTEGER,
  lambda_label     TEXT,                    -- imported values that are no numbers; axis_value orders them
  k_label          TEXT,
  sigma_label      TEXT,
  dataset_path     TEXT NOT NULL DEFAULT '',  -- '': known by its name
  dataset_format   TEXT NOT NULL DEFAULT 'none',
  classes          INTEGER DEFAULT 0,  -- 0: the data set's own
  resize           INTEGER DEFAULT 0,  -- 0: the data set's own size
  crop_padding     INTEGER DEFAULT 0,
  flip             TEXT DEFAULT 'false',
  init             TEXT NOT NULL DEFAULT '',  -- '': drawn from the seed
  init_digest      TEXT NOT NULL DEFAULT '',
  shortcut         TEXT DEFAULT 'A',
  bn_passes        TEXT DEFAULT 'two',
  bn_running       TEXT DEFAULT 'both',
  penalty          TEXT DEFAULT 'hinge',
  output           TEXT DEFAULT 'logits',
  grad_through     TEXT DEFAULT 'both',
  nesterov         TEXT DEFAULT 'false',
  decay_norms      TEXT DEFAULT 'true',
  schedule         TEXT DEFAULT 'constant',
  schedule_factor  REAL DEFAULT 0.1,
  warmup_epochs    REAL DEFAULT 0,
  description      TEXT NOT NULL,           -- the job as text, as a worker gets it: what is no default
  created_at       INTEGER NOT NULL,
  finished_at      INTEGER,
  shape            INTEGER,                 -- job_shape; no key, which would want an index of its own
  exact            TEXT DEFAULT 'false',
  extra            INTEGER NOT NULL DEFAULT 0 CHECK (extra = 0 OR extra = 1)  -- 1: not one of the seeds that the file lists
) STRICT;
INSERT INTO job_new SELECT * FROM job;
DROP TABLE job;
ALTER TABLE job_new RENAME TO job;
CREATE INDEX job_replaced ON job (job_hash) WHERE superseded_by IS NOT NULL;
CREATE INDEX job_by_sweep ON job (sweep, state, withdrawn, superseded_by);
CREATE INDEX job_pending ON job (shape) WHERE state = 'pending';  -- and by id within: what to lease next
CREATE INDEX job_by_training ON job (training) WHERE training IS NOT NULL;
CREATE INDEX job_by_result_of ON job (result_of) WHERE result_of IS NOT NULL;
CREATE INDEX job_by_superseded_by ON job (superseded_by) WHERE superseded_by IS NOT NULL;
CREATE INDEX job_done_by_point ON job (sweep, point) WHERE state = 'done';
PRAGMA legacy_alter_table = OFF;
