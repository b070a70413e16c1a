#include "coordinator/store_measure.h"

#include <math.h>

static bool all_finite(const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

const char *measure_check_epoch(const Wire__EpochMetric *metric)
{
    const double needed[] = {metric->loss, metric->task_loss, metric->accuracy,
                             metric->images_per_s};
    if (metric->epoch < 1)
        return "an epoch's number is below 1";
    return all_finite(needed, sizeof needed / sizeof *needed) ? NULL
                                                              : "an epoch's number is not finite";
}

static const char *check_accuracy(const Wire__Accuracy *row)
{
    const double needed[] = {
        row->test_sigma,     row->accuracy,          row->confidence_true,
        row->confidence_max, row->confidence_max_sd, row->negative_log_likelihood,
        row->brier,          row->calibration_error, row->margin_mean};
    if (row->n_margin_percentile != MEASURE_PERCENTILES)
        return "an accuracy has not all its percentiles";
    return all_finite(needed, sizeof needed / sizeof *needed) &&
                   all_finite(row->margin_percentile, MEASURE_PERCENTILES)
               ? NULL
               : "an accuracy's number is not finite";
}

static const char *check_quotient(const Wire__Quotient *row)
{
    if (row->n_percentile != MEASURE_PERCENTILES ||
        row->n_margin_over_quotient_percentile != MEASURE_PERCENTILES)
        return "a quotient has not all its percentiles";
    return isfinite(row->test_sigma) && row->test_sigma > 0 && isfinite(row->mean) &&
                   all_finite(row->percentile, MEASURE_PERCENTILES)
               ? NULL
               : "a quotient's number is not finite";
}

const char *measure_check_result(const Wire__Result *result)
{
    const char *wrong = NULL;
    for (size_t i = 0; i < result->n_epochs && !wrong; i++)
        wrong = measure_check_epoch(result->epochs[i]);
    for (size_t i = 0; i < result->n_accuracies && !wrong; i++)
        wrong = check_accuracy(result->accuracies[i]);
    for (size_t i = 0; i < result->n_quotients && !wrong; i++)
        wrong = check_quotient(result->quotients[i]);
    if (!wrong && !(isfinite(result->train_s) && isfinite(result->evaluate_s)))
        wrong = "a time is not finite";
    return wrong;
}

static void bind_metric(struct statement *statement, const Wire__EpochMetric *metric)
{
    statement_bind_integer(statement, 3, metric->epoch);
    statement_bind_real(statement, 4, metric->loss);
    statement_bind_real(statement, 5, metric->task_loss);
    statement_bind_real(statement, 6, metric->lipschitz_loss);
    statement_bind_real(statement, 7, metric->accuracy);
    statement_bind_real(statement, 8, metric->active_share);
    statement_bind_real(statement, 9, metric->quotient_mean);
    statement_bind_real(statement, 10, metric->images_per_s);
}

#define EPOCH_COLUMNS                                                                              \
    "job, attempt, epoch, loss, task_loss, lipschitz_loss, accuracy, active_share,"                \
    " quotient_mean, images_per_s"

bool store_measure_epoch(struct store *store, const struct attempt_id *id,
                         const Wire__EpochMetric *metric, bool *live, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "INSERT OR REPLACE INTO epoch_metric (" EPOCH_COLUMNS ")"
                    " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 FROM job j"
                    " JOIN attempt a ON a.job = j.id AND a.number = j.attempt"
                    " JOIN worker w ON w.id = a.worker"
                    " WHERE j.id = ?1 AND a.number = ?2 AND w.instance = ?11"
                    " AND j.state = 'leased' AND a.outcome = 'running'",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, id->job);
    statement_bind_integer(statement, 2, id->number);
    bind_metric(statement, metric);
    statement_bind_blob(statement, 11, id->instance, INSTANCE_BYTES);
    if (!statement_run(statement, error))
        return false;
    *live = db_changes(store->db) > 0;
    return true;
}

static bool add_epoch(struct store *store, int64_t job, int64_t attempt,
                      const Wire__EpochMetric *metric, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "INSERT OR REPLACE INTO epoch_metric (" EPOCH_COLUMNS ")"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, job);
    statement_bind_integer(statement, 2, attempt);
    bind_metric(statement, metric);
    return statement_run(statement, error);
}

static void bind_reals(struct statement *statement, int first, const double *values, int count)
{
    for (int i = 0; i < count; i++)
        statement_bind_real(statement, first + i, values[i]);
}

static bool add_accuracy(struct store *store, int64_t job, const Wire__Accuracy *row,
                         struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "INSERT INTO accuracy (job, test_sigma, image_count, correct_count, accuracy,"
                    " confidence_true, confidence_max, confidence_max_sd, negative_log_likelihood,"
                    " brier, calibration_error, margin_mean, margin_p10, margin_p50, margin_p90,"
                    " margin_p95, margin_p99, margin_max) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
                    " ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
                    &statement, error))
        return false;
    const double values[] = {row->accuracy,
                             row->confidence_true,
                             row->confidence_max,
                             row->confidence_max_sd,
                             row->negative_log_likelihood,
                             row->brier,
                             row->calibration_error,
                             row->margin_mean};
    statement_bind_integer(statement, 1, job);
    statement_bind_real(statement, 2, row->test_sigma);
    statement_bind_integer(statement, 3, row->image_count);
    statement_bind_integer(statement, 4, row->correct_count);
    bind_reals(statement, 5, values, 8);
    bind_reals(statement, 13, row->margin_percentile, MEASURE_PERCENTILES);
    return statement_run(statement, error);
}

static bool add_quotient(struct store *store, int64_t job, const Wire__Quotient *row,
                         struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "INSERT INTO quotient (job, test_sigma, mean, p10, p50, p90, p95, p99, max,"
                    " share_over_k, margin_over_quotient_p10, margin_over_quotient_p50,"
                    " margin_over_quotient_p90, margin_over_quotient_p95,"
                    " margin_over_quotient_p99, margin_over_quotient_max) VALUES (?1, ?2, ?3, ?4,"
                    " ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, job);
    statement_bind_real(statement, 2, row->test_sigma);
    statement_bind_real(statement, 3, row->mean);
    bind_reals(statement, 4, row->percentile, MEASURE_PERCENTILES);
    statement_bind_real(statement, 10, row->share_over_k);
    bind_reals(statement, 11, row->margin_over_quotient_percentile, MEASURE_PERCENTILES);
    return statement_run(statement, error);
}

bool store_measure_result(struct store *store, int64_t job, int64_t attempt,
                          const Wire__Result *result, struct error *error)
{
    for (size_t i = 0; i < result->n_epochs; i++)
        if (!add_epoch(store, job, attempt, result->epochs[i], error))
            return false;
    if (result->outcome != WIRE__OUTCOME__OUTCOME_DONE)
        return true;
    for (size_t i = 0; i < result->n_accuracies; i++)
        if (!add_accuracy(store, job, result->accuracies[i], error))
            return false;
    for (size_t i = 0; i < result->n_quotients; i++)
        if (!add_quotient(store, job, result->quotients[i], error))
            return false;
    return true;
}
