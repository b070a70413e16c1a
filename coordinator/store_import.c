#include "coordinator/store_import.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/hash.h"
#include "coordinator/store_axis.h"
#include "coordinator/store_sweep.h"

static bool add_sweep(struct store *store, const struct import *import,
                      const struct import_source *source, int64_t *sweep, struct error *error)
{
    struct statement *statement;
    const struct sweep_source text = {source->file, source->text, ""};
    if (!db_prepare(store->db,
                    "INSERT INTO sweep (id, name, state, origin, text_number, point_count,"
                    " max_attempts, reuse, submitted_at, job_count)"
                    " VALUES (" STORE_NEXT_SWEEP
                    ", ?1, 'active', 'imported', 1, ?2, 1, 'false', ?3, ?4)",
                    &statement, error))
        return false;
    statement_bind_text(statement, 1, source->name);
    statement_bind_integer(statement, 2, (int64_t)import->point_count);
    statement_bind_integer(statement, 3, clock_wall_ms());
    statement_bind_integer(statement, 4, (int64_t)import->job_count);
    if (!statement_run(statement, error))
        return false;
    *sweep = db_last_id(store->db);
    return store_sweep_add_text(store, *sweep, 1, &text, error) &&
           store_sweep_advance(store, *sweep, 1, (int64_t)import->job_count, error);
}

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The distinct numbers of an axis, ascending; *count of them. NULL: out of memory. */
static double *list_numbers(const struct import *import, int axis, size_t *count)
{
    double *numbers = malloc((import->row_count + 1) * sizeof *numbers);
    size_t found = 0;
    *count = 0;
    if (!numbers)
        return NULL;
    for (size_t i = 0; i < import->row_count; i++)
        if (!isnan(import->rows[i].numbers[axis]))
            numbers[found++] = import->rows[i].numbers[axis];
    qsort(numbers, found, sizeof *numbers, compare_numbers);
    for (size_t i = 0; i < found; i++)
        if (i == 0 || numbers[i] != numbers[*count - 1])
            numbers[(*count)++] = numbers[i];
    return numbers;
}

static bool add_values(struct store *store, const struct import *import, struct axis_place place,
                       int axis, struct error *error)
{
    size_t count;
    bool good = true;
    double *numbers = list_numbers(import, axis, &count);
    if (!numbers)
        return error_set(error, ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < count && good; i++)
        good = store_axis_add_value(store, place, (int64_t)i, numbers[i], NULL, error);
    for (int i = 0; i < import->label_counts[axis] && good; i++)
        good = store_axis_add_value(store, place, (int64_t)count + i, (double)NAN,
                                    import->labels[axis][i], error);
    free(numbers);
    return good;
}

/* λ, K and σ, as far as anything is told about them. */
static bool add_axes(struct store *store, const struct import *import, int64_t sweep,
                     struct error *error)
{
    struct axis_place place = {.sweep = sweep};
    for (int axis = 0; axis < IMPORT_AXIS_COUNT; axis++) {
        bool told = import->label_counts[axis] > 0;
        for (size_t i = 0; i < import->row_count && !told; i++)
            told = !isnan(import->rows[i].numbers[axis]);
        if (told && (!store_axis_add(store, place, import_axis_names[axis], error) ||
                     !add_values(store, import, place, axis, error)))
            return false;
        place.ordinal += told;
    }
    return true;
}

/* What no job of ours can have, so that no job takes this result for its own. */
static void hash_job(const struct import_source *source, const struct import_row *row,
                     uint8_t digest[HASH_BYTES])
{
    char text[256];
    int length = snprintf(text, sizeof text, "imported\n%s\n%zu", source->name, row->job);
    hash_buffer(text, (size_t)length, digest);
}

static const char *label_of(const struct import *import, const struct import_row *row, int axis)
{
    return row->labels[axis] >= 0 ? import->labels[axis][row->labels[axis]] : NULL;
}

/* What such a file does not tell, and what would be taken for told if it got its default. */
#define UNTOLD                                                                                     \
    " classes, resize, crop_padding, flip, shortcut, bn_passes, bn_running, exact, penalty, "      \
    "output,"                                                                                      \
    " grad_through, nesterov, decay_norms, schedule, schedule_factor, warmup_epochs"
#define UNTOLD_NULLS                                                                               \
    " NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, "  \
    "NULL"

static bool add_job(struct store *store, const struct import *import,
                    const struct import_source *source, const struct import_row *row, int64_t sweep,
                    int64_t id, struct error *error)
{
    struct statement *statement;
    uint8_t digest[HASH_BYTES];
    char description[64];
    if (!db_prepare(store->db,
                    "INSERT INTO job (id, sweep, point, text_number, state, train_hash, job_hash,"
                    " description, created_at, finished_at, dataset, dataset_digest,"
                    " model, control, fraction, seed, lambda, k, sigma, lambda_label, k_label,"
                    " sigma_label," UNTOLD
                    ") VALUES (?1, ?2, ?3, 1, 'done', ?4, ?4, ?5, ?6, ?6, ?7, '',"
                    " ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17," UNTOLD_NULLS ")",
                    &statement, error))
        return false;
    hash_job(source, row, digest);
    snprintf(description, sizeof description, "imported, line %d", row->line);
    statement_bind_integer(statement, 1, id);
    statement_bind_integer(statement, 2, sweep);
    statement_bind_integer(statement, 3, (int64_t)row->point);
    statement_bind_blob(statement, 4, digest, sizeof digest);
    statement_bind_text(statement, 5, description);
    statement_bind_integer(statement, 6, clock_wall_ms());
    statement_bind_text(statement, 7, row->dataset);
    statement_bind_text(statement, 8, row->model);
    statement_bind_text(statement, 9, parameter_choice_name(PARAMETER_CONTROL, (int)row->control));
    statement_bind_real(statement, 10, row->fraction);
    if (row->seed >= 0)
        statement_bind_integer(statement, 11, row->seed);
    for (int axis = 0; axis < IMPORT_AXIS_COUNT; axis++) {
        statement_bind_real(statement, 12 + axis, row->numbers[axis]);
        statement_bind_text(statement, 12 + IMPORT_AXIS_COUNT + axis, label_of(import, row, axis));
    }
    return statement_run(statement, error);
}

static bool add_accuracy(struct store *store, const struct import_row *row, int64_t job,
                         struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "INSERT INTO accuracy (job, test_sigma, accuracy, image_count, correct_count,"
                    " confidence_true, confidence_max, confidence_max_sd, negative_log_likelihood,"
                    " brier, calibration_error)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, job);
    statement_bind_real(statement, 2, row->test_sigma);
    statement_bind_real(statement, 3, row->accuracy);
    for (int i = 0; i < IMPORT_MEASURE_COUNT; i++) {
        bool counts = i == IMPORT_IMAGE_COUNT || i == IMPORT_CORRECT_COUNT;
        if (counts && !isnan(row->measures[i]))
            statement_bind_integer(statement, 4 + i, (int64_t)row->measures[i]);
        else
            statement_bind_real(statement, 4 + i, row->measures[i]);
    }
    return statement_run(statement, error);
}

bool store_import(struct store *store, const struct import *import,
                  const struct import_source *source, int64_t *sweep, struct error *error)
{
    int64_t first;
    if (!add_sweep(store, import, source, sweep, error) ||
        !add_axes(store, import, *sweep, error) || !store_next_job(store, &first, error))
        return false;
    for (size_t i = 0; i < import->row_count; i++) {
        const struct import_row *row = &import->rows[i];
        int64_t job = first + (int64_t)row->job;
        if (row->leads_job && !add_job(store, import, source, row, *sweep, job, error))
            return false;
        if (!add_accuracy(store, row, job, error))
            return false;
    }
    return store_event(store, "sweep_imported", (struct event_subject){.sweep = *sweep},
                       source->file, error);
}
