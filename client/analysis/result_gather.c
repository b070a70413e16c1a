/* Fills a result set: jobs into points, then accuracies into samples. Rows are looked at as they
 * come and not kept, because a sweep may have a million of them. */
#include "client/analysis/result_set.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/analysis/point_index.h"
#include "client/analysis/rivals.h"
#include "client/memory.h"

/* A job and the point it belongs to, to find both from a measurement. */
struct job_place {
    int64_t job, seed;
    size_t point;
};

struct measurement {
    size_t place, level;
    double accuracy;
};

struct gathering {
    struct result_set *set;
    struct point_index index;
    size_t point_size;
    struct job_place *places; /* by job number: the query's order */
    size_t place_count, place_size;
    double *active_shares; /* [point]: sum over `active_counts` jobs */
    size_t *active_counts;
    size_t active_shares_size, active_counts_size;
    struct measurement *measurements;
    size_t measurement_count, measurement_size;
    size_t level_size;
};

/* The columns of result-jobs. */
struct job_columns {
    size_t parameters[POINT_PARAMETER_COUNT];
    size_t digest, point, id, seed, state, result_of, active_share;
};

static struct job_columns find_columns(const struct rows *rows)
{
    struct job_columns columns = {
        .digest = rows_column(rows, "dataset_digest"),
        .point = rows_column(rows, "point"),
        .id = rows_column(rows, "id"),
        .seed = rows_column(rows, "seed"),
        .state = rows_column(rows, "state"),
        .result_of = rows_column(rows, "result_of"),
        .active_share = rows_column(rows, "active_share"),
    };
    for (int i = 0; i < POINT_PARAMETER_COUNT; i++)
        columns.parameters[i] = rows_column(rows, point_parameters[i].name);
    return columns;
}

static void copy_value(struct value *copy, const struct value *value)
{
    *copy = *value;
    if (value->bytes)
        copy->bytes = memory_bytes(value->bytes, value->length);
}

/* `seen` stands in rows that go away. */
static struct point keep_point(const struct point *seen, const struct value *digest)
{
    struct point point = *seen;
    point.values = memory_allocate(POINT_PARAMETER_COUNT + 1, sizeof *point.values);
    for (int i = 0; i < POINT_PARAMETER_COUNT; i++) {
        copy_value(&point.values[i], seen->parameters[i]);
        point.parameters[i] = &point.values[i];
    }
    copy_value(&point.values[POINT_PARAMETER_COUNT], digest);
    point.dataset_digest = point.values[POINT_PARAMETER_COUNT].bytes;
    return point;
}

static size_t add_point(struct gathering *gathering, const struct point *seen,
                        const struct value *digest)
{
    struct result_set *set = gathering->set;
    size_t place = set->point_count;
    set->points = memory_grow(set->points, place, &gathering->point_size, sizeof *set->points);
    gathering->active_shares =
        memory_grow(gathering->active_shares, place, &gathering->active_shares_size,
                    sizeof *gathering->active_shares);
    gathering->active_counts =
        memory_grow(gathering->active_counts, place, &gathering->active_counts_size,
                    sizeof *gathering->active_counts);
    set->points[place] = keep_point(seen, digest);
    gathering->active_shares[place] = 0;
    gathering->active_counts[place] = 0;
    set->point_count++;
    point_index_add(&gathering->index, set->points, place);
    return place;
}

static size_t find_point(struct gathering *gathering, const struct rows *rows, size_t row,
                         const struct job_columns *columns)
{
    const struct value *digest = rows_at(rows, row, columns->digest);
    struct point seen = {.dataset_digest = digest->bytes,
                         .order = rows_at(rows, row, columns->point)->integer,
                         .active_share = NAN,
                         .baseline = SIZE_MAX,
                         .augmentation = SIZE_MAX,
                         .noisy_bn = SIZE_MAX};
    for (int i = 0; i < POINT_PARAMETER_COUNT; i++)
        seen.parameters[i] = rows_at(rows, row, columns->parameters[i]);
    size_t found = point_index_find(&gathering->index, gathering->set->points, &seen);
    return found != SIZE_MAX ? found : add_point(gathering, &seen, digest);
}

static void count_state(struct point *point, const char *state)
{
    if (strcmp(state, "done") == 0)
        point->done++;
    else if (strcmp(state, "failed") == 0)
        point->failed++;
    else if (strcmp(state, "diverged") == 0)
        point->diverged++;
    else if (strcmp(state, "cancelled") == 0)
        point->cancelled++;
    else
        point->unfinished++;
}

static void count_job(struct gathering *gathering, size_t place, const struct rows *rows,
                      size_t row, const struct job_columns *columns)
{
    struct point *point = &gathering->set->points[place];
    const char *state = rows_at(rows, row, columns->state)->bytes;
    int64_t order = rows_at(rows, row, columns->point)->integer;
    const struct value *share = rows_at(rows, row, columns->active_share);
    point->jobs++;
    count_state(point, state);
    point->reused +=
        strcmp(state, "done") == 0 && rows_at(rows, row, columns->result_of)->type != VALUE_NULL;
    if (order < point->order)
        point->order = order;
    if (share->type != VALUE_NULL) {
        gathering->active_shares[place] += share->real;
        gathering->active_counts[place]++;
    }
}

static bool visit_jobs(void *context, struct rows *rows, struct error *error)
{
    (void)error;
    struct gathering *gathering = context;
    struct job_columns columns = find_columns(rows);
    for (size_t row = 0; row < rows_count(rows); row++) {
        size_t point = find_point(gathering, rows, row, &columns);
        count_job(gathering, point, rows, row, &columns);
        gathering->places = memory_grow(gathering->places, gathering->place_count,
                                        &gathering->place_size, sizeof *gathering->places);
        gathering->places[gathering->place_count++] =
            (struct job_place){rows_at(rows, row, columns.id)->integer,
                               rows_at(rows, row, columns.seed)->integer, point};
    }
    return true;
}

static int compare_places(const void *a, const void *b)
{
    int64_t x = ((const struct job_place *)a)->job, y = ((const struct job_place *)b)->job;
    return (x > y) - (x < y);
}

/* The rows of a job stand next to each other: mostly it is the one before's. */
static size_t find_place(const struct gathering *gathering, int64_t job)
{
    size_t count = gathering->measurement_count;
    if (count > 0 && gathering->places[gathering->measurements[count - 1].place].job == job)
        return gathering->measurements[count - 1].place;
    struct job_place key = {.job = job};
    struct job_place *found = bsearch(&key, gathering->places, gathering->place_count,
                                      sizeof *gathering->places, compare_places);
    return found ? (size_t)(found - gathering->places) : SIZE_MAX;
}

/* In the order in which they are met; `guess` is looked at first. */
static size_t find_level(struct gathering *gathering, double test_sigma, size_t guess)
{
    struct result_set *set = gathering->set;
    if (guess < set->test_sigma_count && set->test_sigmas[guess] == test_sigma)
        return guess;
    for (size_t level = 0; level < set->test_sigma_count; level++)
        if (set->test_sigmas[level] == test_sigma)
            return level;
    set->test_sigmas = memory_grow(set->test_sigmas, set->test_sigma_count, &gathering->level_size,
                                   sizeof *set->test_sigmas);
    set->test_sigmas[set->test_sigma_count] = test_sigma;
    return set->test_sigma_count++;
}

static bool visit_accuracies(void *context, struct rows *rows, struct error *error)
{
    (void)error;
    struct gathering *gathering = context;
    size_t job = rows_column(rows, "job"), sigma = rows_column(rows, "test_sigma"),
           accuracy = rows_column(rows, "accuracy"), level = 0;
    for (size_t row = 0; row < rows_count(rows); row++) {
        size_t place = find_place(gathering, rows_at(rows, row, job)->integer);
        /* A job that was submitted between the two queries is not there. */
        if (place == SIZE_MAX || rows_at(rows, row, accuracy)->type == VALUE_NULL)
            continue;
        level = find_level(gathering, rows_at(rows, row, sigma)->real, level + 1);
        gathering->measurements =
            memory_grow(gathering->measurements, gathering->measurement_count,
                        &gathering->measurement_size, sizeof *gathering->measurements);
        gathering->measurements[gathering->measurement_count++] =
            (struct measurement){place, level, rows_at(rows, row, accuracy)->real};
    }
    return true;
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

static bool are_sorted(const struct sample *samples, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (samples[i].seed < samples[i - 1].seed)
            return false;
    return true;
}

static void end_points(struct gathering *gathering)
{
    struct result_set *set = gathering->set;
    for (size_t i = 0; i < set->point_count; i++) {
        struct point *point = &set->points[i];
        if (gathering->active_counts[i] > 0)
            point->active_share = gathering->active_shares[i] / (double)gathering->active_counts[i];
        point->samples = memory_allocate(set->test_sigma_count, sizeof *point->samples);
        point->sample_counts = memory_allocate(set->test_sigma_count, sizeof *point->sample_counts);
        for (size_t level = 0; level < set->test_sigma_count; level++)
            point->samples[level] = memory_allocate(point->done, sizeof **point->samples);
    }
}

static void fill_samples(struct gathering *gathering)
{
    struct result_set *set = gathering->set;
    for (size_t i = 0; i < gathering->measurement_count; i++) {
        const struct measurement *measurement = &gathering->measurements[i];
        const struct job_place *place = &gathering->places[measurement->place];
        struct point *point = &set->points[place->point];
        size_t *count = &point->sample_counts[measurement->level];
        if (*count < point->done) /* it may have ended between the two queries */
            point->samples[measurement->level][(*count)++] =
                (struct sample){place->seed, measurement->accuracy};
    }
    for (size_t i = 0; i < set->point_count; i++)
        for (size_t level = 0; level < set->test_sigma_count; level++)
            if (!are_sorted(set->points[i].samples[level], set->points[i].sample_counts[level]))
                qsort(set->points[i].samples[level], set->points[i].sample_counts[level],
                      sizeof(struct sample), compare_samples);
}

static int compare_seeds(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Whether two points, or more, have no seed in common. Where they share theirs the second job
 * tells, as a rule. */
static bool has_independent_seeds(const struct gathering *gathering)
{
    const struct job_place *places = gathering->places;
    size_t count = gathering->place_count;
    bool several = false, shared = false;
    for (size_t i = 1; i < count && !shared; i++) {
        several = several || places[i].point != places[0].point;
        shared = places[i].point != places[0].point && places[i].seed == places[0].seed;
    }
    if (shared || !several)
        return false;
    int64_t *seeds = memory_allocate(count, sizeof *seeds);
    for (size_t i = 0; i < count; i++)
        seeds[i] = places[i].seed;
    qsort(seeds, count, sizeof *seeds, compare_seeds);
    for (size_t i = 1; i < count && !shared; i++)
        shared = seeds[i] == seeds[i - 1];
    free(seeds);
    return !shared;
}

static void sort_levels(struct result_set *set)
{
    for (size_t i = 1; i < set->test_sigma_count; i++)
        for (size_t j = i; j > 0 && set->test_sigmas[j] < set->test_sigmas[j - 1]; j--)
            result_set_swap_levels(set, j, j - 1);
}

static void find_rivals(struct result_set *set)
{
    size_t *baselines = rivals_find(set->points, set->point_count, "none");
    size_t *augmentations = rivals_find(set->points, set->point_count, "noise-augmentation");
    size_t *noisy_bns = rivals_find(set->points, set->point_count, "noisy-bn");
    for (size_t i = 0; i < set->point_count; i++) {
        set->points[i].baseline = baselines[i];
        set->points[i].augmentation = augmentations[i];
        set->points[i].noisy_bn = noisy_bns[i];
    }
    free(baselines);
    free(augmentations);
    free(noisy_bns);
}

bool result_set_load(struct result_set *set, struct source *source, int64_t sweep,
                     const char *column, struct error *error)
{
    *set = (struct result_set){0};
    struct gathering gathering = {.set = set};
    struct value parameter = value_integer(sweep);
    struct value parameters[] = {parameter, value_text(column ? column : "")};
    point_index_init(&gathering.index, POINT_INDEX_ALL);
    bool good = source_each(source, "result-jobs", &parameter, 1, visit_jobs, &gathering, error) &&
                source_each(source, column ? "result-measures" : "result-accuracies", parameters,
                            column ? 2 : 1, visit_accuracies, &gathering, error);
    if (good) {
        set->independent = has_independent_seeds(&gathering);
        end_points(&gathering);
        fill_samples(&gathering);
        if (set->point_count > 1)
            qsort(set->points, set->point_count, sizeof *set->points, compare_points);
        sort_levels(set);
        find_rivals(set);
    } else {
        result_set_finish(set);
    }
    point_index_finish(&gathering.index);
    free(gathering.places);
    free(gathering.active_shares);
    free(gathering.active_counts);
    free(gathering.measurements);
    return good;
}
