#include "client/analysis/result_set.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/memory.h"

static const double INERT_SHARE = 0.01;

const struct point_parameter_info point_parameters[POINT_PARAMETER_COUNT] = {
#define X(name, heading, is_text) [POINT_##name] = {#name, heading, is_text},
    POINT_PARAMETERS(X)
#undef X
};

static bool values_equal(const struct value *a, const struct value *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case VALUE_NULL:
        return true;
    case VALUE_INTEGER:
        return a->integer == b->integer;
    case VALUE_REAL:
        return a->real == b->real;
    case VALUE_TEXT:
    case VALUE_BLOB:
        break;
    }
    return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static bool point_has(const struct point *point, const struct rows *jobs, size_t row)
{
    for (int i = 0; i < POINT_PARAMETER_COUNT; i++)
        if (!values_equal(point->parameters[i], rows_value(jobs, row, point_parameters[i].name)))
            return false;
    return strcmp(point->dataset_digest, rows_text(jobs, row, "dataset_digest")) == 0;
}

static struct point point_of(const struct rows *jobs, size_t row)
{
    struct point point = {.dataset_digest = rows_text(jobs, row, "dataset_digest"),
                          .first_row = row,
                          .order = rows_integer(jobs, row, "point"),
                          .active_share = NAN,
                          .baseline = SIZE_MAX,
                          .augmentation = SIZE_MAX};
    for (int i = 0; i < POINT_PARAMETER_COUNT; i++)
        point.parameters[i] = rows_value(jobs, row, point_parameters[i].name);
    return point;
}

static void count_job(struct point *point, const struct rows *jobs, size_t row)
{
    const char *state = rows_text(jobs, row, "state");
    point->jobs++;
    if (strcmp(state, "done") == 0) {
        point->done++;
        point->reused += !rows_is_null(jobs, row, "result_of");
    } else if (strcmp(state, "failed") == 0)
        point->failed++;
    else if (strcmp(state, "diverged") == 0)
        point->diverged++;
    else if (strcmp(state, "cancelled") == 0)
        point->cancelled++;
    else
        point->unfinished++;
    if (rows_integer(jobs, row, "point") < point->order)
        point->order = rows_integer(jobs, row, "point");
}

/* Mean of the jobs' shares, in rows [first, end). */
static double mean_active_share(const struct rows *jobs, size_t first, size_t end)
{
    double sum = 0;
    size_t count = 0;
    for (size_t row = first; row < end; row++) {
        double share = rows_real(jobs, row, "active_share");
        if (isnan(share))
            continue;
        sum += share;
        count++;
    }
    return count > 0 ? sum / (double)count : NAN;
}

/* A job's row and the point it belongs to, to find both from a measurement. */
struct job_place {
    int64_t job, seed;
    size_t point;
};

static int compare_places(const void *a, const void *b)
{
    int64_t x = ((const struct job_place *)a)->job, y = ((const struct job_place *)b)->job;
    return (x > y) - (x < y);
}

static int compare_points(const void *a, const void *b)
{
    int64_t x = ((const struct point *)a)->order, y = ((const struct point *)b)->order;
    return (x > y) - (x < y);
}

static int compare_samples(const void *a, const void *b)
{
    int64_t x = ((const struct sample *)a)->seed, y = ((const struct sample *)b)->seed;
    return (x > y) - (x < y);
}

static int compare_reals(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Rows come sorted by parameters, so a point's jobs are next to each other. */
static void gather_points(struct result_set *set)
{
    size_t size = 0, count = rows_count(set->jobs);
    for (size_t row = 0; row < count; row++) {
        if (row == 0 || !point_has(&set->points[set->point_count - 1], set->jobs, row)) {
            set->points = memory_grow(set->points, set->point_count, &size, sizeof *set->points);
            set->points[set->point_count++] = point_of(set->jobs, row);
        }
        count_job(&set->points[set->point_count - 1], set->jobs, row);
    }
    for (size_t i = 0; i < set->point_count; i++) {
        struct point *point = &set->points[i];
        point->active_share =
            mean_active_share(set->jobs, point->first_row, point->first_row + point->jobs);
    }
    if (set->point_count > 1)
        qsort(set->points, set->point_count, sizeof *set->points, compare_points);
}

/* By job number. */
static struct job_place *place_jobs(const struct result_set *set)
{
    size_t count = rows_count(set->jobs);
    struct job_place *places = memory_allocate(count, sizeof *places);
    for (size_t i = 0; i < set->point_count; i++) {
        size_t first = set->points[i].first_row;
        for (size_t row = first; row < first + set->points[i].jobs; row++)
            places[row] = (struct job_place){rows_integer(set->jobs, row, "id"),
                                             rows_integer(set->jobs, row, "seed"), i};
    }
    if (count > 1)
        qsort(places, count, sizeof *places, compare_places);
    return places;
}

static void gather_test_sigmas(struct result_set *set, const struct rows *accuracies)
{
    size_t count = rows_count(accuracies);
    set->test_sigmas = memory_allocate(count, sizeof *set->test_sigmas);
    for (size_t row = 0; row < count; row++)
        set->test_sigmas[row] = rows_real(accuracies, row, "test_sigma");
    if (count > 1)
        qsort(set->test_sigmas, count, sizeof *set->test_sigmas, compare_reals);
    for (size_t row = 0; row < count; row++)
        if (row == 0 || set->test_sigmas[row] != set->test_sigmas[set->test_sigma_count - 1])
            set->test_sigmas[set->test_sigma_count++] = set->test_sigmas[row];
}

static void add_sample(struct result_set *set, const struct job_place *place, double test_sigma,
                       double accuracy)
{
    size_t level = 0;
    while (set->test_sigmas[level] != test_sigma)
        level++;
    struct point *point = &set->points[place->point];
    point->samples[level][point->sample_counts[level]++] = (struct sample){place->seed, accuracy};
}

static void gather_samples(struct result_set *set, const struct rows *accuracies)
{
    for (size_t i = 0; i < set->point_count; i++) {
        struct point *point = &set->points[i];
        point->samples = memory_allocate(set->test_sigma_count, sizeof *point->samples);
        point->sample_counts = memory_allocate(set->test_sigma_count, sizeof *point->sample_counts);
        for (size_t level = 0; level < set->test_sigma_count; level++)
            point->samples[level] = memory_allocate(point->jobs, sizeof **point->samples);
    }
    struct job_place *places = place_jobs(set);
    for (size_t row = 0; row < rows_count(accuracies); row++) {
        struct job_place key = {.job = rows_integer(accuracies, row, "job")};
        struct job_place *place =
            bsearch(&key, places, rows_count(set->jobs), sizeof *places, compare_places);
        if (place) /* a job that was submitted between the two queries is not there */
            add_sample(set, place, rows_real(accuracies, row, "test_sigma"),
                       rows_real(accuracies, row, "accuracy"));
    }
    free(places);
    for (size_t i = 0; i < set->point_count; i++)
        for (size_t level = 0; level < set->test_sigma_count; level++)
            qsort(set->points[i].samples[level], set->points[i].sample_counts[level],
                  sizeof(struct sample), compare_samples);
}

static bool is_control(const struct point *point, const char *control)
{
    return point_real(point, POINT_lambda) == 0 &&
           strcmp(point->parameters[POINT_control]->bytes, control) == 0;
}

/* Whether the two differ in the loss alone. */
static bool is_comparable(const struct point *a, const struct point *b)
{
    for (int i = 0; i < POINT_PARAMETER_COUNT; i++) {
        bool is_loss = i == POINT_lambda || i == POINT_k || i == POINT_sigma || i == POINT_control;
        if (!is_loss && !values_equal(a->parameters[i], b->parameters[i]))
            return false;
    }
    return strcmp(a->dataset_digest, b->dataset_digest) == 0;
}

static void find_rivals(struct result_set *set, struct point *point)
{
    for (size_t i = 0; i < set->point_count; i++) {
        const struct point *other = &set->points[i];
        /* Few points have lambda 0: asked first, because every pair of points comes by here. */
        if (other == point || point_real(other, POINT_lambda) != 0 || !is_comparable(point, other))
            continue;
        if (is_control(other, "none"))
            point->baseline = i;
        if (is_control(other, "noise-augmentation") &&
            values_equal(point->parameters[POINT_sigma], other->parameters[POINT_sigma]))
            point->augmentation = i;
    }
}

bool result_set_load(struct result_set *set, struct source *source, int64_t sweep,
                     struct error *error)
{
    *set = (struct result_set){0};
    struct value parameter = {.type = VALUE_INTEGER, .integer = sweep};
    struct rows *accuracies = NULL;
    if (!source_query(source, "result-jobs", &parameter, 1, &set->jobs, error) ||
        !source_query(source, "result-accuracies", &parameter, 1, &accuracies, error)) {
        result_set_finish(set);
        return false;
    }
    gather_points(set);
    gather_test_sigmas(set, accuracies);
    gather_samples(set, accuracies);
    rows_destroy(accuracies);
    for (size_t i = 0; i < set->point_count; i++)
        find_rivals(set, &set->points[i]);
    return true;
}

void result_set_finish(struct result_set *set)
{
    for (size_t i = 0; i < set->point_count; i++) {
        for (size_t level = 0; set->points[i].samples && level < set->test_sigma_count; level++)
            free(set->points[i].samples[level]);
        free(set->points[i].samples);
        free(set->points[i].sample_counts);
    }
    free(set->points);
    free(set->test_sigmas);
    rows_destroy(set->jobs);
    *set = (struct result_set){0};
}

bool result_set_varies(const struct result_set *set, enum point_parameter parameter)
{
    for (size_t i = 1; i < set->point_count; i++)
        if (!values_equal(set->points[i].parameters[parameter],
                          set->points[0].parameters[parameter]))
            return true;
    return false;
}

void result_set_swap_levels(struct result_set *set, size_t a, size_t b)
{
    double test_sigma = set->test_sigmas[a];
    set->test_sigmas[a] = set->test_sigmas[b];
    set->test_sigmas[b] = test_sigma;
    for (size_t i = 0; i < set->point_count; i++) {
        struct point *point = &set->points[i];
        struct sample *samples = point->samples[a];
        size_t count = point->sample_counts[a];
        point->samples[a] = point->samples[b];
        point->sample_counts[a] = point->sample_counts[b];
        point->samples[b] = samples;
        point->sample_counts[b] = count;
    }
}

void result_set_truncate_levels(struct result_set *set, size_t count)
{
    for (size_t i = 0; i < set->point_count; i++)
        for (size_t level = count; level < set->test_sigma_count; level++)
            free(set->points[i].samples[level]);
    set->test_sigma_count = count;
}

double point_real(const struct point *point, enum point_parameter parameter)
{
    const struct value *value = point->parameters[parameter];
    return value->type == VALUE_INTEGER || value->type == VALUE_REAL ? value->real : NAN;
}

bool point_is_inert(const struct point *point)
{
    return point->active_share < INERT_SHARE;
}
