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

static void bind_reals(struct statement *statement, int first, const double *values, int count)
{
    for (int i = 0; i < count; i++)
        statement_bind_real(statement, first + i, values[i]);
}

static void bind_metric(struct statement *statement, int first, const Wire__EpochMetric *metric)
{
    const double values[] = {metric->loss,        metric->task_loss,    metric->lipschitz_loss,
                             metric->accuracy,    metric->active_share, metric->quotient_mean,
                             metric->images_per_s};
    statement_bind_integer(statement, first, metric->epoch);
    bind_reals(statement, first + 1, values, sizeof values / sizeof *values);
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
    bind_metric(statement, 3, metric);
    statement_bind_blob(statement, 11, id->instance, INSTANCE_BYTES);
    if (!statement_run(statement, error))
        return false;
    *live = db_changes(store->db) > 0;
    return true;
}

/* --- all rows of a result --- */

enum { ROWS_MAX = 12 }; /* in one statement */

/* A statement for each number of rows: one a row would cost half as much again. After words that
 * end at the first failure, FAIL, SQLite keeps no copy of the pages that a statement writes:
 * whoever applies the message undoes all of it. */
#define INSERTS(words, row)                                                                        \
    {                                                                                              \
        [1] = words row, [2] = words LIST_2(row), [3] = words LIST_3(row),                         \
        [4] = words LIST_4(row), [5] = words LIST_5(row), [6] = words LIST_6(row),                 \
        [7] = words LIST_7(row), [8] = words LIST_8(row), [9] = words LIST_9(row),                 \
        [10] = words LIST_10(row), [11] = words LIST_11(row), [ROWS_MAX] = words LIST_12(row)      \
    }
#define LIST_2(row) row ", " row
#define LIST_3(row) LIST_2(row) ", " row
#define LIST_4(row) LIST_2(row) ", " LIST_2(row)
#define LIST_5(row) LIST_4(row) ", " row
#define LIST_6(row) LIST_4(row) ", " LIST_2(row)
#define LIST_7(row) LIST_6(row) ", " row
#define LIST_8(row) LIST_4(row) ", " LIST_4(row)
#define LIST_9(row) LIST_8(row) ", " row
#define LIST_10(row) LIST_8(row) ", " LIST_2(row)
#define LIST_11(row) LIST_10(row) ", " row
#define LIST_12(row) LIST_8(row) ", " LIST_4(row)

#define EPOCH_ROW "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
static const char *const insert_epochs[ROWS_MAX + 1] =
    INSERTS("INSERT OR FAIL INTO epoch_metric (" EPOCH_COLUMNS ") VALUES ", EPOCH_ROW);
static const char *const replace_epochs[ROWS_MAX + 1] =
    INSERTS("INSERT OR REPLACE INTO epoch_metric (" EPOCH_COLUMNS ") VALUES ", EPOCH_ROW);

static const char *const insert_accuracies[ROWS_MAX + 1] =
    INSERTS("INSERT OR FAIL INTO accuracy (job, test_sigma, image_count, correct_count, accuracy,"
            " confidence_true, confidence_max, confidence_max_sd, negative_log_likelihood,"
            " brier, calibration_error, margin_mean, margin_p10, margin_p50, margin_p90,"
            " margin_p95, margin_p99, margin_max) VALUES ",
            "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

static const char *const insert_quotients[ROWS_MAX + 1] =
    INSERTS("INSERT OR FAIL INTO quotient (job, test_sigma, mean, p10, p50, p90, p95, p99, max,"
            " share_over_k, margin_over_quotient_p10, margin_over_quotient_p50,"
            " margin_over_quotient_p90, margin_over_quotient_p95,"
            " margin_over_quotient_p99, margin_over_quotient_max) VALUES ",
            "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

/* Whose rows are stored. */
struct rows {
    int64_t job, attempt;
    const Wire__Result *result;
};

/* Binds row `number` from parameter `first` on, and returns how many parameters that are. */
typedef int bind_row(struct statement *statement, int first, const struct rows *rows,
                     size_t number);

static int bind_epoch(struct statement *statement, int first, const struct rows *rows,
                      size_t number)
{
    statement_bind_integer(statement, first, rows->job);
    statement_bind_integer(statement, first + 1, rows->attempt);
    bind_metric(statement, first + 2, rows->result->epochs[number]);
    return 10;
}

static int bind_accuracy(struct statement *statement, int first, const struct rows *rows,
                         size_t number)
{
    const Wire__Accuracy *row = rows->result->accuracies[number];
    const double values[] = {row->accuracy,
                             row->confidence_true,
                             row->confidence_max,
                             row->confidence_max_sd,
                             row->negative_log_likelihood,
                             row->brier,
                             row->calibration_error,
                             row->margin_mean};
    statement_bind_integer(statement, first, rows->job);
    statement_bind_real(statement, first + 1, row->test_sigma);
    statement_bind_integer(statement, first + 2, row->image_count);
    statement_bind_integer(statement, first + 3, row->correct_count);
    bind_reals(statement, first + 4, values, 8);
    bind_reals(statement, first + 12, row->margin_percentile, MEASURE_PERCENTILES);
    return 12 + MEASURE_PERCENTILES;
}

static int bind_quotient(struct statement *statement, int first, const struct rows *rows,
                         size_t number)
{
    const Wire__Quotient *row = rows->result->quotients[number];
    statement_bind_integer(statement, first, rows->job);
    statement_bind_real(statement, first + 1, row->test_sigma);
    statement_bind_real(statement, first + 2, row->mean);
    bind_reals(statement, first + 3, row->percentile, MEASURE_PERCENTILES);
    statement_bind_real(statement, first + 9, row->share_over_k);
    bind_reals(statement, first + 10, row->margin_over_quotient_percentile, MEASURE_PERCENTILES);
    return 10 + MEASURE_PERCENTILES;
}

static bool insert(struct store *store, const char *const inserts[ROWS_MAX + 1], bind_row *bind,
                   const struct rows *rows, size_t count, struct error *error)
{
    struct statement *statement;
    for (size_t piece, done = 0; done < count; done += piece) {
        piece = count - done < ROWS_MAX ? count - done : ROWS_MAX;
        if (!db_prepare_bound(store->db, inserts[piece], &statement, error))
            return false;
        int first = 1;
        for (size_t i = 0; i < piece; i++)
            first += bind(statement, first, rows, done + i);
        if (!statement_run(statement, error))
            return false;
    }
    return true;
}

/* Whether some came by themselves, as they ended. */
static bool has_epochs(struct store *store, const struct rows *rows, bool *has, struct error *error)
{
    struct statement *statement;
    int64_t found;
    if (!db_prepare_bound(store->db,
                          "SELECT EXISTS (SELECT 1 FROM epoch_metric WHERE job = ?1"
                          " AND attempt = ?2)",
                          &statement, error))
        return false;
    statement_bind_integer(statement, 1, rows->job);
    statement_bind_integer(statement, 2, rows->attempt);
    if (!store_integer(statement, 0, &found, error))
        return false;
    *has = found != 0;
    return true;
}

bool store_measure_result(struct store *store, int64_t job, int64_t attempt,
                          const Wire__Result *result, struct error *error)
{
    const struct rows rows = {.job = job, .attempt = attempt, .result = result};
    bool has;
    if (!has_epochs(store, &rows, &has, error) ||
        !insert(store, has ? replace_epochs : insert_epochs, bind_epoch, &rows, result->n_epochs,
                error))
        return false;
    return result->outcome != WIRE__OUTCOME__OUTCOME_DONE ||
           (insert(store, insert_accuracies, bind_accuracy, &rows, result->n_accuracies, error) &&
            insert(store, insert_quotients, bind_quotient, &rows, result->n_quotients, error));
}
