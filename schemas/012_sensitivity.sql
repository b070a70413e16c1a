-- One row a step: two finished jobs of one seed at neighbouring values of lambda, k or sigma and alike in everything
-- else, at one test sigma. Averages over seeds are means of paired differences.
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
    SELECT 'lambda' AS axis, m.*, lambda AS from_value, lead(lambda) OVER along AS to_value,
           lead(job) OVER along AS to_job, lead(accuracy) OVER along AS to_accuracy
    FROM measured m WINDOW along AS (PARTITION BY rest, k, sigma ORDER BY lambda)
    UNION ALL
    SELECT 'k', m.*, k, lead(k) OVER along, lead(job) OVER along, lead(accuracy) OVER along
    FROM measured m WINDOW along AS (PARTITION BY rest, lambda, sigma ORDER BY k)
    UNION ALL
    SELECT 'sigma', m.*, sigma, lead(sigma) OVER along, lead(job) OVER along, lead(accuracy) OVER along
    FROM measured m WINDOW along AS (PARTITION BY rest, lambda, k ORDER BY sigma))
  SELECT s.name AS sweep, t.sweep AS sweep_id, t.axis, t.from_value, t.to_value, t.job, t.to_job, t.dataset, t.model,
         t.fraction, t.lambda, t.k, t.sigma, t.lambda_label, t.k_label, t.sigma_label, t.seed, t.test_sigma, t.accuracy,
         t.to_accuracy, t.to_accuracy - t.accuracy AS difference,
         (t.to_accuracy - t.accuracy) / (t.to_value - t.from_value) AS slope,
         CASE WHEN t.from_value > 0 THEN (t.to_accuracy - t.accuracy) / log10(t.to_value / t.from_value) END AS per_decade,
         (t.to_accuracy - t.accuracy) / nullif(t.accuracy, 0) * t.from_value / (t.to_value - t.from_value) AS elasticity
  FROM step t
  JOIN sweep s ON s.id = t.sweep
  WHERE t.from_value IS NOT NULL AND t.to_value IS NOT NULL;
