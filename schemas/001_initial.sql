-- The store's first schema. Times ending in _at are UTC milliseconds since 1970, for display alone: no decision reads them.

CREATE TABLE sweep (
  id            INTEGER PRIMARY KEY,
  name          TEXT NOT NULL UNIQUE,
  state         TEXT NOT NULL CHECK (state IN ('expanding', 'active')),  -- expanding: invisible to dispatch
  origin        TEXT NOT NULL DEFAULT 'submitted' CHECK (origin IN ('submitted', 'imported')),
  text_number   INTEGER NOT NULL,          -- the newest sweep_text
  point_count   INTEGER NOT NULL,
  max_attempts  INTEGER NOT NULL CHECK (max_attempts >= 1),
  reuse         TEXT NOT NULL DEFAULT 'true' CHECK (reuse IN ('true', 'false', 'same-build')),
  priority      INTEGER NOT NULL DEFAULT 0,
  held          INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1)),
  submitted_at  INTEGER NOT NULL
) STRICT;

-- Every submitted text, numbered from 1 in its sweep, with the digests that it was expanded with.
CREATE TABLE sweep_text (
  sweep         INTEGER NOT NULL REFERENCES sweep (id),
  number        INTEGER NOT NULL,
  file          TEXT NOT NULL,
  text          TEXT NOT NULL,
  digests       TEXT NOT NULL,             -- "name=digest" a line
  expanded      INTEGER NOT NULL DEFAULT 0, -- jobs stored so far, to continue after a crash
  submitted_at  INTEGER NOT NULL,
  PRIMARY KEY (sweep, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE axis (
  sweep         INTEGER NOT NULL REFERENCES sweep (id),
  ordinal       INTEGER NOT NULL,          -- in file order, from 0
  name          TEXT NOT NULL,             -- dotted or short, as in the file
  PRIMARY KEY (sweep, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE axis_value (
  sweep         INTEGER NOT NULL,
  axis          INTEGER NOT NULL,
  rank          INTEGER NOT NULL,          -- in file order, from 0
  number        REAL,
  label         TEXT,
  PRIMARY KEY (sweep, axis, rank),
  FOREIGN KEY (sweep, axis) REFERENCES axis (sweep, ordinal)
) STRICT, WITHOUT ROWID;

-- One finished training: what shaped the weights, and what came out.
CREATE TABLE training (
  id             INTEGER PRIMARY KEY,
  train_hash     BLOB NOT NULL,
  build          TEXT NOT NULL,
  cpu_class      TEXT NOT NULL,
  host           TEXT NOT NULL,
  weights_digest TEXT NOT NULL,
  dataset_digest TEXT NOT NULL,
  step_count     INTEGER NOT NULL,
  train_s        REAL NOT NULL,
  finished_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX training_by_hash ON training (train_hash);

CREATE TABLE job (
  id               INTEGER PRIMARY KEY,
  sweep            INTEGER NOT NULL REFERENCES sweep (id),
  point            INTEGER NOT NULL,        -- ordinal of the point in the sweep; jobs of a point differ in the seed alone
  text_number      INTEGER NOT NULL,        -- the newest sweep_text that asks for it: older ones' jobs are withdrawn
  state            TEXT NOT NULL CHECK (state IN ('pending', 'leased', 'done', 'failed', 'diverged', 'cancelled')),
  held             INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1)),
  withdrawn        INTEGER NOT NULL DEFAULT 0 CHECK (withdrawn IN (0, 1)),
  attempt          INTEGER NOT NULL DEFAULT 0,  -- number of the newest attempt; 0: none so far
  counted_attempts INTEGER NOT NULL DEFAULT 0,  -- failed and lost ones
  result_of        INTEGER REFERENCES job (id), -- an identical finished job whose result is this one's
  training         INTEGER REFERENCES training (id),
  superseded_by    INTEGER REFERENCES job (id) DEFERRABLE INITIALLY DEFERRED,
  train_hash       BLOB NOT NULL,
  job_hash         BLOB NOT NULL,
  memory_bytes     INTEGER NOT NULL,        -- computed peak
  reason           TEXT,                    -- why it failed, diverged or was cancelled
  -- the parameters (common/job.h); NULL where one has no meaning
  dataset          TEXT NOT NULL,
  dataset_digest   TEXT NOT NULL,
  validation_count INTEGER NOT NULL,
  train_count      INTEGER NOT NULL,
  fraction         REAL NOT NULL,
  model            TEXT NOT NULL,
  lambda           REAL NOT NULL,
  k                REAL,
  sigma            REAL,
  control          TEXT NOT NULL,
  epochs           INTEGER NOT NULL,
  steps            INTEGER NOT NULL,
  batch            INTEGER NOT NULL,
  optimizer        TEXT NOT NULL,
  lr               REAL NOT NULL,
  momentum         REAL NOT NULL,
  weight_decay     REAL NOT NULL,
  beta1            REAL NOT NULL,
  beta2            REAL NOT NULL,
  eps              REAL NOT NULL,
  seed             INTEGER NOT NULL,
  description      TEXT NOT NULL,           -- the whole job as text (job_text), as a worker gets it
  created_at       INTEGER NOT NULL,
  finished_at      INTEGER
) STRICT;
CREATE UNIQUE INDEX job_once ON job (sweep, job_hash) WHERE superseded_by IS NULL;
CREATE INDEX job_by_hash ON job (job_hash, state);
CREATE INDEX job_by_train_hash ON job (train_hash);
CREATE INDEX job_by_sweep ON job (sweep, state);  -- and by id within: what to lease next

CREATE TABLE worker (
  id            INTEGER PRIMARY KEY,
  instance      BLOB NOT NULL UNIQUE CHECK (length(instance) = 16),
  host          TEXT NOT NULL,
  pid           INTEGER NOT NULL,
  build         TEXT NOT NULL,
  cpu_class     TEXT NOT NULL,
  slots         INTEGER NOT NULL,
  threads       INTEGER NOT NULL,
  cpu_count     INTEGER NOT NULL,
  memory_bytes  INTEGER NOT NULL,
  first_seen_at INTEGER NOT NULL,
  last_seen_at  INTEGER NOT NULL,
  left_at       INTEGER
) STRICT;

CREATE TABLE attempt (
  job               INTEGER NOT NULL REFERENCES job (id),
  number            INTEGER NOT NULL,
  worker            INTEGER NOT NULL REFERENCES worker (id),
  outcome           TEXT NOT NULL CHECK (outcome IN
                      ('running', 'done', 'failed', 'diverged', 'lost', 'preempted', 'cancelled', 'refused')),
  reason            TEXT,
  late              INTEGER NOT NULL DEFAULT 0 CHECK (late IN (0, 1)),  -- its result came after the lease was lost
  train_s           REAL,
  evaluate_s        REAL,
  peak_memory_bytes INTEGER,
  build             TEXT,
  cpu_class         TEXT,
  leased_at         INTEGER NOT NULL,
  ended_at          INTEGER,
  PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_running ON attempt (job) WHERE outcome = 'running';

CREATE TABLE attempt_log (
  job           INTEGER NOT NULL,
  attempt       INTEGER NOT NULL,
  length        INTEGER NOT NULL,           -- bytes written so far, dropped ones included
  head          BLOB NOT NULL,              -- the first 512 KiB
  tail          BLOB NOT NULL,              -- the last 512 KiB of the rest
  PRIMARY KEY (job, attempt),
  FOREIGN KEY (job, attempt) REFERENCES attempt (job, number)
) STRICT;

CREATE TABLE epoch_metric (
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
  PRIMARY KEY (job, attempt, epoch),
  FOREIGN KEY (job, attempt) REFERENCES attempt (job, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE accuracy (
  job                     INTEGER NOT NULL REFERENCES job (id),
  test_sigma              REAL NOT NULL,
  image_count             INTEGER NOT NULL,
  correct_count           INTEGER NOT NULL,
  accuracy                REAL NOT NULL,
  confidence_true         REAL NOT NULL,
  confidence_max          REAL NOT NULL,
  confidence_max_sd       REAL NOT NULL,
  negative_log_likelihood REAL NOT NULL,
  brier                   REAL NOT NULL,
  calibration_error       REAL NOT NULL,
  margin_mean             REAL NOT NULL,
  margin_p10              REAL NOT NULL,
  margin_p50              REAL NOT NULL,
  margin_p90              REAL NOT NULL,
  margin_p95              REAL NOT NULL,
  margin_p99              REAL NOT NULL,
  margin_max              REAL NOT NULL,
  PRIMARY KEY (job, test_sigma)
) STRICT, WITHOUT ROWID;

CREATE TABLE quotient (
  job                      INTEGER NOT NULL REFERENCES job (id),
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

CREATE TABLE event (
  id      INTEGER PRIMARY KEY,
  at      INTEGER NOT NULL,
  kind    TEXT NOT NULL,          -- sweep_submitted, lease, result, lost, released, cancelled, retried and so on
  sweep   INTEGER,
  job     INTEGER,
  attempt INTEGER,
  worker  INTEGER,
  text    TEXT
) STRICT;

-- Views for people.

-- The newest attempt's epochs.
CREATE VIEW metrics AS
  SELECT m.job, m.attempt, m.epoch, m.loss, m.task_loss, m.lipschitz_loss, m.accuracy, m.active_share, m.quotient_mean,
         m.images_per_s
  FROM epoch_metric m
  WHERE m.attempt = (SELECT max(n.attempt) FROM epoch_metric n WHERE n.job = m.job);

-- Jobs that are asked for and not replaced: what the tables show. `source` is the job whose measurements count.
CREATE VIEW current_job AS
  SELECT j.*, coalesce(j.result_of, j.id) AS source,
         (SELECT m.active_share FROM metrics m WHERE m.job = coalesce(j.result_of, j.id) ORDER BY m.epoch DESC LIMIT 1)
           AS final_active_share
  FROM job j
  WHERE j.superseded_by IS NULL AND j.withdrawn = 0;

-- One row a finished job and test sigma.
CREATE VIEW results AS
  SELECT s.name AS sweep, j.sweep AS sweep_id, j.id AS job, j.point, j.dataset, j.model, j.lambda, j.k, j.sigma, j.control,
         j.fraction, j.seed, a.test_sigma, a.accuracy, a.confidence_true, a.confidence_max, a.confidence_max_sd,
         a.negative_log_likelihood, a.brier, a.calibration_error, q.mean AS quotient_mean, q.p50 AS quotient_p50,
         q.p99 AS quotient_p99, q.max AS quotient_max, q.share_over_k, j.final_active_share AS active_share,
         CASE WHEN j.lambda > 0 THEN j.final_active_share < 0.01 END AS inert
  FROM current_job j
  JOIN sweep s ON s.id = j.sweep
  JOIN accuracy a ON a.job = j.source
  LEFT JOIN quotient q ON q.job = j.source AND q.test_sigma = a.test_sigma
  WHERE j.state = 'done';
