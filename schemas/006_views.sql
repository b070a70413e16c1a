-- Results measured elsewhere (a sweep of origin 'imported'), and the views for people.
--
-- Somebody else's table tells less than a job of ours does, so the columns that it may not tell become NULL-able: SQLite
-- changes that only by copying the table.
DROP VIEW results;
DROP VIEW current_job;
DROP VIEW metrics;

CREATE TABLE job_new (
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
  description      TEXT NOT NULL,           -- the whole job as text (job_text), as a worker gets it
  created_at       INTEGER NOT NULL,
  finished_at      INTEGER
) STRICT;
INSERT INTO job_new (
  id, sweep, point, text_number, state, held, withdrawn, attempt, counted_attempts, result_of, training,
  superseded_by, train_hash, job_hash, memory_bytes, reason, dataset, dataset_digest, validation_count, train_count,
  fraction, model, lambda, k, sigma, control, epochs, steps, batch, optimizer, lr, momentum, weight_decay, beta1,
  beta2, eps, seed, description, created_at, finished_at, dataset_path, dataset_format, classes, resize,
  crop_padding, flip, init, init_digest, shortcut, bn_passes, bn_running, penalty, output, grad_through, nesterov,
  decay_norms, schedule, schedule_factor, warmup_epochs)
  SELECT
    id, sweep, point, text_number, state, held, withdrawn, attempt, counted_attempts, result_of, training,
    superseded_by, train_hash, job_hash, memory_bytes, reason, dataset, dataset_digest, validation_count,
    train_count, fraction, model, lambda, k, sigma, control, epochs, steps, batch, optimizer, lr, momentum,
    weight_decay, beta1, beta2, eps, seed, description, created_at, finished_at, dataset_path, dataset_format,
    classes, resize, crop_padding, flip, init, init_digest, shortcut, bn_passes, bn_running, penalty, output,
    grad_through, nesterov, decay_norms, schedule, schedule_factor, warmup_epochs
  FROM job;
DROP TABLE job;
ALTER TABLE job_new RENAME TO job;
CREATE UNIQUE INDEX job_once ON job (sweep, job_hash) WHERE superseded_by IS NULL;
CREATE INDEX job_by_hash ON job (job_hash, state);
CREATE INDEX job_by_train_hash ON job (train_hash);
CREATE INDEX job_by_sweep ON job (sweep, state);  -- and by id within: what to lease next

CREATE TABLE accuracy_new (
  job                     INTEGER NOT NULL REFERENCES job (id),
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


-- The newest attempt's epochs.
CREATE VIEW metrics AS
  SELECT m.job, m.attempt, m.epoch, m.loss, m.task_loss, m.lipschitz_loss, m.accuracy, m.active_share, m.quotient_mean,
         m.images_per_s
  FROM epoch_metric m
  WHERE m.attempt = (SELECT max(n.attempt) FROM epoch_metric n WHERE n.job = m.job);

-- Jobs that are asked for and not replaced: what the tables show. `source` is the job whose measurements count.
CREATE VIEW current_job AS
  SELECT j.*, coalesce(j.result_of, j.id) AS source,
         (SELECT m.active_share FROM epoch_metric m WHERE m.job = coalesce(j.result_of, j.id)
          ORDER BY m.attempt DESC, m.epoch DESC LIMIT 1) AS final_active_share
  FROM job j
  WHERE j.superseded_by IS NULL AND j.withdrawn = 0;

-- One row a finished job and test sigma.
CREATE VIEW results AS
  SELECT s.name AS sweep, j.sweep AS sweep_id, j.id AS job, j.point, j.dataset, j.model, j.lambda, j.k, j.sigma, j.control,
         j.fraction, j.seed, a.test_sigma, a.accuracy, a.confidence_true, a.confidence_max, a.confidence_max_sd,
         a.negative_log_likelihood, a.brier, a.calibration_error, q.mean AS quotient_mean, q.p50 AS quotient_p50,
         q.p99 AS quotient_p99, q.max AS quotient_max, q.share_over_k, j.final_active_share AS active_share,
         CASE WHEN j.lambda > 0 THEN j.final_active_share < 0.01 END AS inert,
         j.lambda_label, j.k_label, j.sigma_label
  FROM current_job j
  JOIN sweep s ON s.id = j.sweep
  JOIN accuracy a ON a.job = j.source
  LEFT JOIN quotient q ON q.job = j.source AND q.test_sigma = a.test_sigma
  WHERE j.state = 'done';

-- Everything that was measured, with everything it was measured under: what `lipsweep export` writes.
CREATE VIEW measurements AS
  SELECT s.name AS sweep, j.sweep AS sweep_id, j.id AS job, j.point, j.dataset, j.model,
         j.lambda, j.k, j.sigma, j.lambda_label, j.k_label, j.sigma_label, j.control, j.fraction,
         j.validation_count, j.train_count, j.epochs, j.steps, j.batch, j.optimizer, j.lr, j.momentum, j.weight_decay,
         j.beta1, j.beta2, j.eps,
         j.dataset_digest, j.dataset_path, j.dataset_format, j.classes, j.resize, j.crop_padding, j.flip, j.init,
         j.init_digest, j.shortcut, j.bn_passes, j.bn_running, j.penalty, j.output, j.grad_through, j.nesterov,
         j.decay_norms, j.schedule, j.schedule_factor, j.warmup_epochs,
         j.seed, a.test_sigma, a.accuracy, a.image_count, a.correct_count,
         a.confidence_true, a.confidence_max, a.confidence_max_sd, a.negative_log_likelihood, a.brier, a.calibration_error,
         a.margin_mean, a.margin_p10, a.margin_p50, a.margin_p90, a.margin_p95, a.margin_p99, a.margin_max,
         q.mean AS quotient_mean, q.p10 AS quotient_p10, q.p50 AS quotient_p50, q.p90 AS quotient_p90,
         q.p95 AS quotient_p95, q.p99 AS quotient_p99, q.max AS quotient_max, q.share_over_k,
         q.margin_over_quotient_p10, q.margin_over_quotient_p50, q.margin_over_quotient_p90,
         q.margin_over_quotient_p95, q.margin_over_quotient_p99, q.margin_over_quotient_max,
         j.final_active_share AS active_share, CASE WHEN j.lambda > 0 THEN j.final_active_share < 0.01 END AS inert,
         t.weights_digest, t.build, t.cpu_class, t.host
  FROM current_job j
  JOIN sweep s ON s.id = j.sweep
  JOIN accuracy a ON a.job = j.source
  LEFT JOIN quotient q ON q.job = j.source AND q.test_sigma = a.test_sigma
  LEFT JOIN training t ON t.id = j.training
  WHERE j.state = 'done';

-- One row a finished job. The test sigmas differ from sweep to sweep and a view's columns cannot, so the accuracies
-- stand in one JSON object; `lipsweep export --wide` gives each its column.
CREATE VIEW results_wide AS
  SELECT s.name AS sweep, j.sweep AS sweep_id, j.id AS job, j.point, j.dataset, j.model, j.lambda, j.k, j.sigma,
         j.lambda_label, j.k_label, j.sigma_label, j.control, j.fraction, j.train_count, j.epochs, j.steps, j.batch,
         j.optimizer, j.lr, j.seed,
         (SELECT a.accuracy FROM accuracy a WHERE a.job = j.source AND a.test_sigma = 0) AS accuracy_clean,
         (SELECT '{' || group_concat(printf('"%.12g": %!.17g', a.test_sigma, a.accuracy), ', ') || '}'
          FROM accuracy a WHERE a.job = j.source) AS accuracies,  -- SQLite trusts no JSON function in a schema
         j.final_active_share AS active_share, CASE WHEN j.lambda > 0 THEN j.final_active_share < 0.01 END AS inert
  FROM current_job j
  JOIN sweep s ON s.id = j.sweep
  WHERE j.state = 'done';

-- One row a point and test sigma: over its seeds. The mean comes first, because sums of squares lose the digits.
CREATE VIEW results_by_point AS
  WITH cell AS (
    SELECT j.sweep, j.point, j.id, a.test_sigma, a.accuracy,
           avg(a.accuracy) OVER (PARTITION BY j.sweep, j.point, a.test_sigma) AS mean
    FROM job j JOIN accuracy a ON a.job = coalesce(j.result_of, j.id)
    WHERE j.state = 'done' AND j.superseded_by IS NULL AND j.withdrawn = 0),
  summary AS (
    SELECT sweep, point, test_sigma, min(id) AS job, count(*) AS n, mean, min(accuracy) AS lowest, max(accuracy) AS highest,
           CASE WHEN count(*) > 1 THEN sqrt(sum((accuracy - mean) * (accuracy - mean)) / (count(*) - 1)) END AS sd
    FROM cell GROUP BY sweep, point, test_sigma)
  SELECT s.name AS sweep, j.sweep AS sweep_id, j.point, j.dataset, j.model, j.lambda, j.k, j.sigma,
         j.lambda_label, j.k_label, j.sigma_label, j.control, j.fraction, c.test_sigma,
         c.n, c.mean AS accuracy_mean, c.sd AS accuracy_sd, c.lowest AS accuracy_min, c.highest AS accuracy_max
  FROM summary c
  JOIN job j ON j.id = c.job
  JOIN sweep s ON s.id = c.sweep;

-- One row a finished job: how it stands up to noise. The area is the trapezoid rule over test sigma, divided by its range.
CREATE VIEW robust_accuracy AS
  WITH step AS (
    SELECT a.job, a.test_sigma, a.accuracy,
           lag(a.test_sigma) OVER (PARTITION BY a.job ORDER BY a.test_sigma) AS test_sigma_before,
           lag(a.accuracy) OVER (PARTITION BY a.job ORDER BY a.test_sigma) AS accuracy_before
    FROM accuracy a),
  curve AS (
    SELECT job, count(*) AS test_sigma_count, max(test_sigma) AS test_sigma_max, min(accuracy) AS worst_accuracy,
           max(CASE WHEN test_sigma = 0 THEN accuracy END) AS clean_accuracy,
           sum((test_sigma - test_sigma_before) * (accuracy + accuracy_before) / 2)
             / (max(test_sigma) - min(test_sigma)) AS area_under_noise_curve
    FROM step GROUP BY job)
  SELECT s.name AS sweep, j.sweep AS sweep_id, j.id AS job, j.point, j.dataset, j.model, j.lambda, j.k, j.sigma,
         j.lambda_label, j.k_label, j.sigma_label, j.control, j.fraction, j.seed,
         c.clean_accuracy, c.worst_accuracy, c.clean_accuracy - c.worst_accuracy AS accuracy_drop,
         c.area_under_noise_curve, c.test_sigma_count, c.test_sigma_max
  FROM current_job j
  JOIN sweep s ON s.id = j.sweep
  JOIN curve c ON c.job = j.source
  WHERE j.state = 'done';

-- One row a finished job and level: the test sigma at which its accuracy first falls to the level, by linear
-- interpolation; NULL: not reached within the tested range.
CREATE VIEW noise_tolerance AS
  WITH wanted (level) AS (VALUES (0.9), (0.8), (0.7), (0.6), (0.5), (0.4), (0.3), (0.2)),
  step AS (
    SELECT a.job, a.test_sigma, a.accuracy,
           lag(a.test_sigma) OVER (PARTITION BY a.job ORDER BY a.test_sigma) AS test_sigma_before,
           lag(a.accuracy) OVER (PARTITION BY a.job ORDER BY a.test_sigma) AS accuracy_before
    FROM accuracy a),
  crossing AS (
    SELECT step.job, wanted.level,
           min(CASE WHEN accuracy_before IS NULL OR accuracy_before <= level THEN test_sigma
                    ELSE test_sigma_before
                         + (accuracy_before - level) / (accuracy_before - accuracy) * (test_sigma - test_sigma_before)
               END) AS test_sigma
    FROM step JOIN wanted ON step.accuracy <= wanted.level GROUP BY step.job, wanted.level)
  SELECT s.name AS sweep, j.sweep AS sweep_id, j.id AS job, j.point, j.lambda, j.k, j.sigma, j.control, j.seed,
         wanted.level, c.test_sigma
  FROM current_job j
  JOIN sweep s ON s.id = j.sweep
  CROSS JOIN wanted
  LEFT JOIN crossing c ON c.job = j.source AND c.level = wanted.level
  WHERE j.state = 'done';

-- One row a finished job and test sigma > 0: the gain q = |f(x + n) - f(x)| / |n| against K.
CREATE VIEW quotients AS
  SELECT s.name AS sweep, j.sweep AS sweep_id, j.id AS job, j.point, j.dataset, j.model, j.lambda, j.k, j.sigma, j.control,
         j.fraction, j.seed, q.test_sigma, q.mean, q.p10, q.p50, q.p90, q.p95, q.p99, q.max, q.share_over_k,
         q.margin_over_quotient_p10, q.margin_over_quotient_p50, q.margin_over_quotient_p90,
         q.margin_over_quotient_p95, q.margin_over_quotient_p99, q.margin_over_quotient_max,
         a.margin_p50 / (sqrt(2) * nullif(q.max, 0)) AS radius_optimistic_p50
  FROM current_job j
  JOIN sweep s ON s.id = j.sweep
  JOIN quotient q ON q.job = j.source
  LEFT JOIN accuracy a ON a.job = q.job AND a.test_sigma = q.test_sigma
  WHERE j.state = 'done';

-- One row a job that counts: where its numbers come from.
CREATE VIEW provenance AS
  SELECT s.name AS sweep, j.sweep AS sweep_id, s.origin, j.id AS job, j.point, j.seed, j.state, j.reason,
         j.source AS measured_by_job, m.attempt AS attempts, m.counted_attempts AS failed_or_lost_attempts,
         w.host AS worker_host, w.pid AS worker_pid, a.late,
         a.train_s, a.evaluate_s, a.peak_memory_bytes,
         t.build, t.cpu_class, t.host, t.weights_digest, j.dataset, j.dataset_digest,
         lower(hex(j.train_hash)) AS train_hash, lower(hex(j.job_hash)) AS job_hash,
         strftime('%Y-%m-%dT%H:%M:%SZ', j.finished_at / 1000, 'unixepoch') AS finished
  FROM current_job j
  JOIN sweep s ON s.id = j.sweep
  JOIN job m ON m.id = j.source
  LEFT JOIN training t ON t.id = j.training
  LEFT JOIN attempt a ON a.job = m.id AND a.number = m.attempt
  LEFT JOIN worker w ON w.id = a.worker;
