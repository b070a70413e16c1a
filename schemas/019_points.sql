-- What is asked of one sweep's points reads that sweep alone: a condition on sweep, sweep_id or point reaches the
-- indexes through GROUP BY, as it does not through a window. The spread is asked for where somebody wants it.
DROP VIEW results_by_point;
CREATE VIEW results_by_point AS
  WITH cell AS (
    SELECT s.name AS sweep, j.sweep AS sweep_id, j.point, a.test_sigma, min(j.id) AS job, count(*) AS n,
           avg(a.accuracy) AS mean, min(a.accuracy) AS lowest, max(a.accuracy) AS highest
    FROM sweep s
    JOIN job j ON j.sweep = s.id
    JOIN accuracy a ON a.job = coalesce(j.result_of, j.id)
    WHERE j.state = 'done' AND j.superseded_by IS NULL AND j.withdrawn = 0
    GROUP BY s.name, j.sweep, j.point, a.test_sigma)
  SELECT c.sweep, c.sweep_id, c.point, j.dataset, j.model, j.lambda, j.k, j.sigma,
         j.lambda_label, j.k_label, j.sigma_label, j.control, j.fraction, c.test_sigma, c.n, c.mean AS accuracy_mean,
         CASE WHEN c.n > 1 THEN
           (SELECT sqrt(sum((a.accuracy - c.mean) * (a.accuracy - c.mean)) / (c.n - 1))
            FROM job o
            JOIN accuracy a ON a.job = coalesce(o.result_of, o.id) AND a.test_sigma = c.test_sigma
            WHERE o.sweep = c.sweep_id AND o.point = c.point AND o.state = 'done'
              AND o.superseded_by IS NULL AND o.withdrawn = 0)
         END AS accuracy_sd,
         c.lowest AS accuracy_min, c.highest AS accuracy_max
  FROM cell c
  JOIN job j ON j.id = c.job;
