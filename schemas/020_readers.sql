-- DuckDB runs the views' own text: there a window has one name in a whole statement, lambda is a word of the language,
-- and printf knows no "!". Sixteen digits of an accuracy are as many as SQLite prints without it.
DROP VIEW results_wide;
CREATE VIEW results_wide AS
  SELECT s.name AS sweep, j.sweep AS sweep_id, j.id AS job, j.point, j.dataset, j.model, j.lambda, j.k, j.sigma,
         j.lambda_label, j.k_label, j.sigma_label, j.control, j.fraction, j.train_count, j.epochs, j.steps, j.batch,
         j.optimizer, j.lr, j.seed,
         (SELECT a.accuracy FROM accuracy a WHERE a.job = j.source AND a.test_sigma = 0) AS accuracy_clean,
         (SELECT '{' || group_concat(printf('"%.12g": %.16g', a.test_sigma, a.accuracy), ', ') || '}'
          FROM accuracy a WHERE a.job = j.source) AS accuracies,  -- SQLite trusts no JSON function in a schema
         j.final_active_share AS active_share, CASE WHEN j.lambda > 0 THEN j.final_active_share < 0.01 END AS inert
  FROM current_job j
  JOIN sweep s ON s.id = j.sweep
  WHERE j.state = 'done';

DROP VIEW sensitivity;
CREATE VIEW sensitivity AS
  WITH measured AS (
    SELECT j.sweep, j.id AS job, j.dataset, j.model, j.fraction, j.lambda, j.k, j.sigma, j.lambda_label, j.k_label,
           j.sigma_label, j.seed, a.test_sigma, a.accuracy,
           dense_rank() OVER (ORDER BY j.sweep, j.dataset, j.dataset_digest, j.dataset_path, j.classes, j.resize,
             j.validation_count, j.train_count, j.fraction, j.crop_padding, j.flip, j.model, j.exact, j.shortcut, j.bn_passes,
             j.bn_running, j.init_digest, j.penalty, j.output, j.grad_through, j.epochs, j.steps, j.batch, j.optimizer,
             j.lr, j.momentum, j.nesterov, j.weight_decay, j.decay_norms, j.beta1, j.beta2, j.eps, j.schedule,
             j.schedule_factor, j.warmup_epochs, j.lambda_label, j.k_label, j.sigma_label, j.seed, a.test_sigma) AS rest
    FROM current_job j JOIN accuracy a ON a.job = j.source
    WHERE j.state = 'done' AND j.control = 'none' AND (j.lambda > 0 OR j.lambda_label IS NOT NULL)),
  step AS (
    SELECT 'lambda' AS axis, m.*, m.lambda AS from_value, lead(m.lambda) OVER along_lambda AS to_value,
           lead(m.job) OVER along_lambda AS to_job, lead(m.accuracy) OVER along_lambda AS to_accuracy
    FROM measured m WINDOW along_lambda AS (PARTITION BY m.rest, m.k, m.sigma ORDER BY m.lambda)
    UNION ALL
    SELECT 'k', m.*, m.k, lead(m.k) OVER along_k, lead(m.job) OVER along_k, lead(m.accuracy) OVER along_k
    FROM measured m WINDOW along_k AS (PARTITION BY m.rest, m.lambda, m.sigma ORDER BY m.k)
    UNION ALL
    SELECT 'sigma', m.*, m.sigma, lead(m.sigma) OVER along_sigma, lead(m.job) OVER along_sigma,
           lead(m.accuracy) OVER along_sigma
    FROM measured m WINDOW along_sigma AS (PARTITION BY m.rest, m.lambda, m.k ORDER BY m.sigma))
  SELECT s.name AS sweep, t.sweep AS sweep_id, t.axis, t.from_value, t.to_value, t.job, t.to_job, t.dataset, t.model,
         t.fraction, t.lambda, t.k, t.sigma, t.lambda_label, t.k_label, t.sigma_label, t.seed, t.test_sigma, t.accuracy,
         t.to_accuracy, t.to_accuracy - t.accuracy AS difference,
         (t.to_accuracy - t.accuracy) / (t.to_value - t.from_value) AS slope,
         CASE WHEN t.from_value > 0 THEN (t.to_accuracy - t.accuracy) / log10(t.to_value / t.from_value) END AS per_decade,
         (t.to_accuracy - t.accuracy) / nullif(t.accuracy, 0) * t.from_value / (t.to_value - t.from_value) AS elasticity
  FROM step t
  JOIN sweep s ON s.id = t.sweep
  WHERE t.from_value IS NOT NULL AND t.to_value IS NOT NULL;
