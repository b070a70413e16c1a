-- Tables and indexes for a million jobs.
--
-- A list of values in a CHECK makes SQLite build a table for every row that is stored; what stands between ORs does not.
-- The table is copied for that; the views stay, so the new one takes its name without a look at them.
PRAGMA legacy_alter_table = ON;
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
  result_of        INTEGER REFERENCES job (id), -- an identical finished job whose result is this one's
  training         INTEGER REFERENCES training (id),
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
  shape            INTEGER REFERENCES job_shape (id),
  exact            TEXT DEFAULT 'false'
) STRICT;
INSERT INTO job_new SELECT * FROM job;
DROP TABLE job;
ALTER TABLE job_new RENAME TO job;
PRAGMA legacy_alter_table = OFF;

-- Hashes come in no order: an index of them costs a page for every row that is stored, so there is one. A training with
-- another test is found by the hash that it had with the text before.
CREATE UNIQUE INDEX job_once ON job (job_hash, sweep) WHERE superseded_by IS NULL;
CREATE INDEX job_replaced ON job (job_hash) WHERE superseded_by IS NOT NULL;
-- Jobs of a sweep by state; the other columns let them be counted without a look at each.
CREATE INDEX job_by_sweep ON job (sweep, state, withdrawn, superseded_by);
CREATE INDEX job_by_shape ON job (shape, state);  -- and by id within: what to lease next
-- As before:
CREATE INDEX job_by_training ON job (training) WHERE training IS NOT NULL;
CREATE INDEX job_by_result_of ON job (result_of) WHERE result_of IS NOT NULL;
CREATE INDEX job_by_superseded_by ON job (superseded_by) WHERE superseded_by IS NOT NULL;
CREATE INDEX job_done_by_point ON job (sweep, point) WHERE state = 'done';
