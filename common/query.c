#include "common/query.h"

#include <stddef.h>
#include <string.h>

#include "common/metric.h"

/* The parameters of a job that a table may show, in the order of the sweep file; an imported label
 * where there is no number. */
#define PARAMETER_VALUES                                                                           \
    "j.dataset, j.model, coalesce(j.lambda, j.lambda_label) AS lambda, coalesce(j.k, "             \
    "j.k_label) AS k, coalesce(j.sigma, j.sigma_label) AS sigma, j.control, j.fraction, "          \
    "j.validation_count, j.train_count, j.epochs, j.steps, j.batch, j.optimizer, j.lr, "           \
    "j.momentum, j.weight_decay, j.beta1, j.beta2, j.eps, j.resize, j.crop_padding, "              \
    "j.flip, j.shortcut, j.bn_passes, j.bn_running, j.exact, j.penalty, j.output, "                \
    "j.grad_through, j.nesterov, j.decay_norms, j.schedule, j.schedule_factor, j.warmup_epochs"

/* The first ?3 jobs of sweep ?1 in each state, or in the one that ?2 asks for. */
#define FIRST_IN(state)                                                                            \
    "SELECT id FROM (SELECT id FROM job INDEXED BY job_by_sweep WHERE sweep = ?1 AND state = "     \
    "'" state "' AND withdrawn = 0 AND superseded_by IS NULL AND (?2 IS NULL OR ?2 = '" state "')" \
    " ORDER BY id LIMIT ?3)"
#define FIRST_JOBS                                                                                 \
    FIRST_IN("pending")                                                                            \
    " UNION ALL " FIRST_IN("leased") " UNION ALL " FIRST_IN("done") " UNION ALL " FIRST_IN(        \
        "failed") " UNION ALL " FIRST_IN("diverged") " UNION ALL " FIRST_IN("cancelled")

/* Jobs of sweep s in some states: a range of an index for each. */
#define COUNT_OF(states)                                                                           \
    "(SELECT count(*) FROM job j INDEXED BY job_by_sweep WHERE j.sweep = s.id AND j.state " states \
    " AND j.withdrawn = 0 AND j.superseded_by IS NULL)"
/* All of its jobs are counted only while it is expanding. Those that wait, which may be a million,
 * are all less the others. */
#define JOBS_OF_SWEEP "coalesce(s.job_count, " COUNT_OF("IS NOT NULL") ")"
#define BEGUN_OF_SWEEP COUNT_OF("IN ('leased', 'done', 'failed', 'diverged', 'cancelled')")
#define COUNT_IN(state) ", " COUNT_OF("= '" state "'") " AS " state
#define COUNTS                                                                                     \
    COUNT_IN("leased")                                                                             \
    COUNT_IN("done") COUNT_IN("failed") COUNT_IN("diverged") COUNT_IN("cancelled")

static const struct query queries[] = {
    /* ?1: number, name or "last" */
    {"sweep-find", 1,
     "SELECT id, name, origin FROM sweep WHERE deleting = 0 AND (name = ?1 OR id = ?1 OR (?1 = "
     "'last' "
     "AND id = (SELECT max(id) FROM sweep WHERE deleting = 0))) ORDER BY id"},

    /* ?1: a sweep's number, or NULL for all. Counted from the index alone; what has begun is looked
     * at row by row. */
    {"sweeps", 1,
     "WITH tally AS MATERIALIZED (SELECT s.id AS sweep, " JOBS_OF_SWEEP " AS jobs" COUNTS
     " FROM sweep s "
     "WHERE ?1 IS NULL OR s.id = ?1), "
     "begun AS (SELECT s.id AS sweep, min(a.leased_at) AS first_leased_at, "
     "max(j.finished_at) AS last_finished_at, "
     "sum(a.job IS NOT NULL AND j.state = 'done') AS measured, "
     "sum(CASE WHEN j.state = 'done' THEN a.train_s + a.evaluate_s END) AS measured_s "
     /* CROSS: sweep by sweep, or SQLite looks at all jobs there are */
     "FROM sweep s CROSS JOIN job j INDEXED BY job_by_sweep ON j.sweep = s.id AND j.state IN "
     "('leased', 'done', 'failed', 'diverged', 'cancelled') "
     "AND j.superseded_by IS NULL AND j.withdrawn = 0 "
     "LEFT JOIN attempt a ON a.job = j.id AND a.number = j.attempt "
     "WHERE ?1 IS NULL OR s.id = ?1 GROUP BY s.id) "
     "SELECT s.id, s.name, s.state, s.held, s.point_count, s.submitted_at, "
     "t.jobs, t.jobs - t.leased - t.done - t.failed - t.diverged - t.cancelled AS pending, "
     "t.leased, t.done, t.failed, t.diverged, t.cancelled, b.first_leased_at, b.last_finished_at, "
     "coalesce(b.measured, 0) AS measured, b.measured_s "
     "FROM sweep s JOIN tally t ON t.sweep = s.id LEFT JOIN begun b ON b.sweep = s.id "
     "WHERE s.deleting = 0 AND (?1 IS NULL OR s.id = ?1) ORDER BY s.id"},

    /* ?1: sweep, ?2: state or NULL, ?3: rows at most, -1: all. The first of every state, which an
     * index has in order, hold the first of all. */
    {"jobs", 3,
     "SELECT j.id, j.state, j.attempt, " PARAMETER_VALUES ", j.seed, j.result_of, j.finished_at, "
     "a.train_s, a.evaluate_s, w.host, j.reason "
     "FROM job j LEFT JOIN attempt a ON a.job = j.id AND a.number = j.attempt "
     "LEFT JOIN worker w ON w.id = a.worker "
     "WHERE j.id IN (" FIRST_JOBS ") ORDER BY j.id LIMIT ?3"},
    {"job-count", 2,
     "SELECT CASE WHEN ?2 IS NULL THEN " JOBS_OF_SWEEP " WHEN ?2 = 'pending' THEN " JOBS_OF_SWEEP
     " - " BEGUN_OF_SWEEP " ELSE " COUNT_OF("= ?2") " END AS jobs FROM sweep s WHERE s.id = ?1"},

    /* ?1: job */
    {"job", 1,
     "SELECT j.id, s.id AS sweep, s.name AS sweep_name, s.held AS sweep_held, s.max_attempts, "
     "s.requires, s.max_running, "
     "s.state AS sweep_state, j.point, j.state, j.held, j.withdrawn, j.attempt, "
     "j.counted_attempts, j.result_of, j.superseded_by, "
     "coalesce(h.memory_bytes, 0) AS memory_bytes, "
     "j.reason, " PARAMETER_VALUES ", j.seed, j.created_at, j.finished_at, t.weights_digest, "
     "t.host AS trained_on, t.build, t.cpu_class, t.train_s, t.step_count, "
     "(SELECT count(*) FROM job o WHERE o.state = 'pending' AND o.held = 0 AND o.withdrawn = 0 "
     "AND o.id < j.id) AS pending_before, "
     "(SELECT a.reason FROM attempt a WHERE a.job = j.id AND a.number = j.attempt "
     "AND a.outcome = 'refused') AS refused "
     "FROM job j JOIN sweep s ON s.id = j.sweep LEFT JOIN training t ON t.id = j.training "
     "LEFT JOIN job_shape h ON h.id = j.shape WHERE j.id = ?1"},
    /* ?1: a sweep's number, or NULL for all: those with adaptive_seeds, and how far these are. */
    {"adaptive", 1,
     "SELECT s.name, s.point_count, coalesce(d.decided, 0) AS decided, coalesce(d.added, 0) AS "
     "added, "
     "coalesce(d.capped, 0) AS capped, coalesce(d.declined, 0) AS declined, "
     "(SELECT count(DISTINCT j.point) FROM job j INDEXED BY job_by_sweep WHERE j.sweep = s.id "
     "AND j.state IN ('failed', 'cancelled') AND j.withdrawn = 0 AND j.superseded_by IS NULL "
     "AND j.extra = 0) AS stuck FROM sweep s LEFT JOIN (SELECT sweep, count(*) AS decided, "
     "sum(n - n0) AS added, sum(reached_max) AS capped, sum(reason IS NOT NULL) AS declined "
     "FROM seed_decision GROUP BY sweep) d ON d.sweep = s.id "
     "WHERE s.adaptive_metric <> '' AND s.deleting = 0 AND (?1 IS NULL OR s.id = ?1) ORDER BY "
     "s.id"},
    /* ?1: job. No row where its point gets no seeds. */
    {"adaptive-job", 1,
     "SELECT j.extra, s.adaptive_metric AS metric, s.adaptive_half_width AS half_width, "
     "s.adaptive_n0 AS n0, d.n, d.variance, coalesce(d.reached_max, 0) AS capped, d.reason, "
     "(SELECT min(o.id) FROM job o INDEXED BY job_by_sweep WHERE o.sweep = j.sweep "
     "AND o.state IN ('failed', 'cancelled') AND o.point = j.point AND o.withdrawn = 0 "
     "AND o.superseded_by IS NULL AND o.extra = 0) AS stuck FROM job j "
     "JOIN sweep s ON s.id = j.sweep LEFT JOIN seed_decision d ON d.sweep = j.sweep "
     "AND d.point = j.point WHERE j.id = ?1 AND s.adaptive_metric <> '' AND j.withdrawn = 0 "
     "AND j.superseded_by IS NULL ORDER BY j.id"},
    /* ?1: sweep, ?2: bytes. Pending jobs that are known to need more, one row a shape. */
    {"too-large", 2,
     "SELECT h.memory_bytes, count(*) AS jobs, min(j.id) AS job FROM job_shape h "
     "JOIN job j ON j.shape = h.id AND j.state = 'pending' AND j.withdrawn = 0 "
     "AND j.superseded_by IS NULL WHERE h.sweep = ?1 AND h.memory_bytes > ?2 "
     "GROUP BY h.id ORDER BY h.memory_bytes DESC, h.id"},
    {"attempts", 1,
     "SELECT a.number, a.outcome, a.late, a.leased_at, a.ended_at, a.train_s, a.evaluate_s, "
     "a.peak_memory_bytes, w.id AS worker, w.host, w.pid, a.build, a.cpu_class, a.reason, a.began "
     "FROM attempt a JOIN worker w ON w.id = a.worker WHERE a.job = ?1 ORDER BY a.number"},
    {"metrics", 1,
     "SELECT m.attempt, m.epoch, m.loss, m.task_loss, m.lipschitz_loss, m.accuracy, "
     "m.active_share, m.quotient_mean, m.images_per_s FROM metrics m "
     "WHERE m.job = (SELECT coalesce(result_of, id) FROM job WHERE id = ?1) ORDER BY m.epoch"},
    {"job-accuracies", 1,
     "SELECT a.test_sigma, a.accuracy, a.confidence_true, a.confidence_max, "
     "a.negative_log_likelihood, a.calibration_error, q.mean AS quotient_mean, "
     "q.p50 AS quotient_p50, q.p99 AS quotient_p99, q.share_over_k FROM accuracy a "
     "LEFT JOIN quotient q ON q.job = a.job AND q.test_sigma = a.test_sigma "
     "WHERE a.job = (SELECT coalesce(result_of, id) FROM job WHERE id = ?1) ORDER BY a.test_sigma"},

    /* ?1: job, ?2: attempt or NULL for the newest that wrote anything */
    {"log", 2,
     "SELECT l.attempt, l.length, l.head, l.tail FROM attempt_log l WHERE l.job = ?1 "
     "AND l.attempt = coalesce(?2, (SELECT max(attempt) FROM attempt_log WHERE job = ?1))"},

    {"workers", 0,
     "SELECT w.id, w.host, w.pid, w.slots, w.threads, w.cpu_count, w.memory_bytes, w.instance, "
     "w.first_seen_at, w.last_seen_at, w.left_at, w.cpu_class, w.build, w.labels, w.drained, "
     "w.drain_reason, "
     "(SELECT count(*) FROM attempt a WHERE a.worker = w.id AND a.outcome = 'done') AS done "
     "FROM worker w ORDER BY w.id"},

    /* ?1: sweep. One row a point, in no order: its parameters are those of its first job. While a
     * sweep is being extended its jobs' points are numbered by two texts. */
    {"result-points", 1,
     "WITH tally AS MATERIALIZED (SELECT j.text_number, j.point, min(j.id) AS first, "
     "min(j.seed) AS first_seed, count(*) AS jobs, sum(j.extra) AS extra, "
     "sum(j.state = 'done') AS done, "
     "sum(j.state = 'failed') AS failed, sum(j.state = 'diverged') AS diverged, "
     "sum(j.state = 'cancelled') AS cancelled, "
     "sum(j.state = 'done' AND j.result_of IS NOT NULL) AS reused, "
     "avg(CASE j.state WHEN 'done' THEN j.final_active_share END) AS active_share "
     "FROM current_job j WHERE j.sweep = ?1 GROUP BY j.text_number, j.point) "
     "SELECT " PARAMETER_VALUES ", j.dataset_digest, t.* "
     "FROM tally t CROSS JOIN job j ON j.id = t.first"},
    {"result-accuracies", 1,
     "SELECT j.text_number, j.point, j.seed, j.extra, a.test_sigma, a.accuracy "
     "FROM current_job j "
     "JOIN accuracy a ON a.job = j.source WHERE j.sweep = ?1 AND j.state = 'done' "
     "ORDER BY j.id, a.test_sigma"},
    /* Whether any seed is at two points. */
    {"result-shared-seed", 1,
     "SELECT EXISTS (SELECT 1 FROM current_job WHERE sweep = ?1 GROUP BY seed "
     "HAVING min(point) <> max(point)) AS shared"},

    /* The same of another column of `measurements`, ?2; NULL where it was not measured. */
    {"result-measures", 2,
     "SELECT j.text_number, j.point, j.seed, j.extra, a.test_sigma, " METRIC_MEASURE_SQL
     " AS accuracy "
     "FROM current_job j JOIN accuracy a ON a.job = j.source "
     "LEFT JOIN quotient q ON q.job = j.source AND q.test_sigma = a.test_sigma "
     "WHERE j.sweep = ?1 AND j.state = 'done' ORDER BY j.id, a.test_sigma"},

    /* ?1: sweep. Every measurement, the rows of a job next to each other. */
    {"export", 1, "SELECT * FROM measurements WHERE sweep_id = ?1 ORDER BY job, test_sigma"},
    {"export-levels", 1,
     "SELECT DISTINCT test_sigma FROM measurements WHERE sweep_id = ?1 ORDER BY test_sigma"},

    /* ?1: sweep. What is missing of it, and what does not belong together. */
    {"verify", 1,
     "WITH here AS (SELECT j.*, s.origin FROM current_job j JOIN sweep s ON s.id = j.sweep "
     "WHERE j.sweep = ?1), "
     "counted AS (SELECT here.id, count(a.job) AS n FROM here "
     "LEFT JOIN accuracy a ON a.job = here.source GROUP BY here.id) "
     "SELECT h.id AS job, h.point, h.seed, CASE "
     "WHEN h.state <> 'done' THEN 'no result: ' || h.state || coalesce(', ' || h.reason, '') "
     "WHEN c.n = 0 THEN 'done, but no accuracy' "
     "WHEN c.n < (SELECT max(n) FROM counted) THEN "
     "printf('accuracy at %d of %d test sigmas', c.n, (SELECT max(n) FROM counted)) "
     "WHEN h.origin = 'imported' THEN NULL "
     "WHEN (SELECT count(*) FROM attempt a WHERE a.job = h.source AND a.outcome = 'done') <> 1 "
     "THEN 'not finished by exactly one attempt' "
     "WHEN t.id IS NULL THEN 'no training' "
     "WHEN t.train_hash <> h.train_hash THEN 'the weights are another training''s' "
     "WHEN t.dataset_digest <> h.dataset_digest THEN 'trained on other data' "
     "END AS gap FROM here h JOIN counted c ON c.id = h.id LEFT JOIN training t ON t.id = "
     "h.training "
     "WHERE gap IS NOT NULL ORDER BY h.id"},
    /* What the journal of results is compared with. */
    {"journal", 0, "SELECT id, compared FROM journal ORDER BY id"},
    {"verify-digests", 1,
     "SELECT j.id AS job, j.point, j.seed, (SELECT a.digest FROM attempt a WHERE a.job = j.id "
     "AND a.outcome IN ('done', 'diverged')) AS digest FROM current_job j WHERE j.sweep = ?1 "
     "ORDER BY j.id"},
    /* Whose weights are kept: their files must be there. */
    {"verify-weights", 1,
     "SELECT h.id AS job, h.point, h.seed, w.digest FROM current_job h "
     "JOIN training t ON t.id = h.training "
     "JOIN weights w ON w.digest = t.weights_digest AND w.state = 'kept' "
     "WHERE h.sweep = ?1 ORDER BY h.id"},
    {"verify-points", 1,
     "WITH RECURSIVE point (n, last) AS (SELECT 0, point_count FROM sweep WHERE id = ?1 "
     "UNION ALL SELECT n + 1, last FROM point WHERE n + 1 < last), "
     "own AS (SELECT independent_seeds AS n FROM sweep WHERE id = ?1), "
     "seeds AS (SELECT DISTINCT seed FROM current_job WHERE sweep = ?1 AND seed IS NOT NULL "
     "AND extra = 0 AND (SELECT n FROM own) = 0), "
     "asked AS (SELECT point, seed, count(*) AS n FROM current_job WHERE sweep = ?1 "
     "AND extra = 0 GROUP BY point, seed), "
     "added AS (SELECT point, count(DISTINCT seed) AS n, count(*) AS jobs FROM current_job "
     "WHERE sweep = ?1 AND extra = 1 GROUP BY point), "
     "over AS (SELECT point FROM current_job WHERE sweep = ?1 AND extra = 0 "
     "AND (SELECT adaptive_metric FROM sweep WHERE id = ?1) <> '' GROUP BY point "
     "HAVING sum(state NOT IN ('done', 'diverged')) = 0) "
     "SELECT p.n AS point, d.seed, coalesce(a.n, 0) AS jobs FROM point p CROSS JOIN seeds d "
     "LEFT JOIN asked a ON a.point = p.n AND a.seed = d.seed WHERE coalesce(a.n, 0) <> 1 "
     "UNION ALL SELECT p.n, NULL, 0 FROM point p JOIN own ON own.n > 0 "
     "WHERE (SELECT count(*) FROM asked a WHERE a.point = p.n) <> own.n "
     "UNION ALL SELECT point, NULL, -1 FROM over "
     "WHERE point NOT IN (SELECT point FROM seed_decision WHERE sweep = ?1) "
     "UNION ALL SELECT p.n, NULL, -2 FROM point p "
     "LEFT JOIN seed_decision d ON d.sweep = ?1 AND d.point = p.n "
     "LEFT JOIN added a ON a.point = p.n WHERE coalesce(a.n, 0) <> coalesce(d.n - d.n0, 0) "
     "OR a.jobs <> a.n ORDER BY 1, 2, 3"},
    {"verify-counts", 1,
     "SELECT s.name, s.origin, s.point_count, "
     "CASE WHEN s.independent_seeds > 0 THEN s.independent_seeds ELSE "
     "(SELECT count(DISTINCT j.seed) FROM current_job j WHERE j.sweep = ?1 AND j.extra = 0) "
     "END AS seeds, "
     "(SELECT count(*) FROM current_job j WHERE j.sweep = ?1 AND j.extra = 1) AS extra, "
     "(SELECT count(*) FROM current_job j WHERE j.sweep = ?1) AS jobs, "
     "(SELECT count(*) FROM current_job j WHERE j.sweep = ?1 AND j.state = 'done') AS done, "
     "(SELECT count(*) FROM results WHERE sweep_id = ?1) AS results "
     "FROM sweep s WHERE s.id = ?1 ORDER BY s.id"},

    /* ?1: a sweep's name. Its jobs, and the finished ones of all others: what need not run again.
     */
    {"plan-jobs", 1,
     "SELECT j.job_hash, j.train_hash, j.state, s.name = ?1 AS own, j.withdrawn, j.extra FROM job "
     "j "
     "JOIN sweep s ON s.id = j.sweep WHERE j.superseded_by IS NULL "
     "AND (s.name = ?1 OR (j.state = 'done' AND j.result_of IS NULL)) ORDER BY j.id"},

    /* ?1: a sweep's name. Finished trainings whose weights are kept: what need only be tested. */
    {"plan-trainings", 1,
     "SELECT t.train_hash, max(EXISTS (SELECT 1 FROM job j JOIN sweep s ON s.id = j.sweep "
     "WHERE j.training = t.id AND s.name = ?1)) AS own FROM training t "
     "JOIN weights w ON w.digest = t.weights_digest AND w.state = 'kept' "
     "GROUP BY t.train_hash ORDER BY t.train_hash"},

    /* Measured speed per kind of job and class of machine, for predictions; the class with most
     * steps first. */
    {"speeds", 0,
     "WITH measured AS (SELECT j.dataset, j.resize, j.model, j.shortcut, j.bn_passes, "
     "j.grad_through, j.batch, j.optimizer, j.lambda > 0 AS lipschitz, j.control, t.cpu_class, "
     "t.train_s, t.step_count, a.evaluate_s, "
     "(SELECT sum(c.image_count) FROM accuracy c WHERE c.job = j.id) AS images "
     "FROM job j JOIN training t ON t.id = j.training "
     "JOIN attempt a ON a.job = j.id AND a.outcome = 'done' "
     "WHERE j.state = 'done' AND j.result_of IS NULL AND t.step_count > 0 AND a.train_s > 0) "
     "SELECT m.dataset, m.resize, m.model, m.shortcut, m.bn_passes, m.grad_through, m.batch, "
     "m.optimizer, m.lipschitz, m.control, m.cpu_class, count(*) AS jobs, "
     "sum(m.train_s) / sum(m.step_count) AS step_s, "
     "sum(m.evaluate_s) / sum(m.images) AS evaluation_s "
     "FROM measured m JOIN (SELECT cpu_class, sum(step_count) AS steps FROM measured "
     "GROUP BY cpu_class) AS k ON k.cpu_class = m.cpu_class "
     "GROUP BY m.dataset, m.resize, m.model, m.shortcut, m.bn_passes, m.grad_through, m.batch, "
     "m.optimizer, m.lipschitz, m.control, m.cpu_class "
     "ORDER BY k.steps DESC, m.cpu_class, m.dataset, m.model, m.batch, m.lipschitz, m.control"},

    /* The largest 99 % point of the quotients of finished standard trainings. */
    {"baseline-quotients", 0,
     "SELECT j.dataset, j.model, max(q.p99) AS p99, count(DISTINCT j.id) AS jobs "
     "FROM job j JOIN quotient q ON q.job = j.id "
     "WHERE j.state = 'done' AND j.lambda = 0 AND j.control = 'none' "
     "GROUP BY j.dataset, j.model ORDER BY j.dataset, j.model"},
};

const struct query *query_find(const char *name)
{
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        if (strcmp(queries[i].name, name) == 0)
            return &queries[i];
    return NULL;
}
