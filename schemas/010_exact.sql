-- Convolutions without Winograd's rounding errors, on request. What jobs of earlier versions ran, their build tells.
ALTER TABLE job ADD COLUMN exact TEXT DEFAULT 'false';

DROP VIEW measurements;
-- Everything that was measured, with everything it was measured under: what `lipsweep export` writes.
CREATE VIEW measurements AS
  SELECT s.name AS sweep, j.sweep AS sweep_id, j.id AS job, j.point, j.dataset, j.model,
         j.lambda, j.k, j.sigma, j.lambda_label, j.k_label, j.sigma_label, j.control, j.fraction,
         j.validation_count, j.train_count, j.epochs, j.steps, j.batch, j.optimizer, j.lr, j.momentum, j.weight_decay,
         j.beta1, j.beta2, j.eps,
         j.dataset_digest, j.dataset_path, j.dataset_format, j.classes, j.resize, j.crop_padding, j.flip, j.init,
         j.init_digest, j.shortcut, j.bn_passes, j.bn_running, j.exact, j.penalty, j.output, j.grad_through,
         j.nesterov, j.decay_norms, j.schedule, j.schedule_factor, j.warmup_epochs,
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
