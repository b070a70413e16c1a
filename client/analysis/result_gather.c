/* Fills a result set: points, then accuracies into samples. Rows are looked at as they come and not
 * kept, because a sweep may have a million of them. */
#include "client/analysis/result_set.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/analysis/point_index.h"
#include "client/analysis/rivals.h"
#include "client/memory.h"

/* How the queries name a point: by its number in a text of the sweep. */
struct point_key {
    int64_t text_number, ordinal;
    size_t point; /* where it stands in the set */
};

struct measurement {
    size_t point, level;
    struct sample sample;
};

struct gathering {
    struct result_set *set;
    struct point_index index;
    size_t point_size;
    struct point_key *keys; /* sorted, once all are there */
    size_t key_count, key_size;
    int64_t *first_seeds; /* [key]: the smallest */
    size_t first_seeds_size;
    struct measurement *measurements;
    size_t measurement_count, measurement_size;
    size_t level_size, value_size;
    const struct value *digest; /* of the newest point */
};

/* The columns of result-points. */
struct point_columns {
    size_t parameters[POINT_PARAMETER_COUNT];
    size_t digest, text_number, ordinal, first_seed, active_share;
    size_t jobs, extra, done, failed, diverged, cancelled, reused;
};

static struct point_columns find_columns(const struct rows *rows)
{
    struct point_columns columns = {
        .digest = rows_column(rows, "dataset_digest"),
        .text_number = rows_column(rows, "text_number"),
        .ordinal = rows_column(rows, "point"),
        .first_seed = rows_column(rows, "first_seed"),
        .active_share = rows_column(rows, "active_share"),
        .jobs = rows_column(rows, "jobs"),
        .extra = rows_column(rows, "extra"),
        .done = rows_column(rows, "done"),
        .failed = rows_column(rows, "failed"),
        .diverged = rows_column(rows, "diverged"),
        .cancelled = rows_column(rows, "cancelled"),
        .reused = rows_column(rows, "reused"),
    };
    for (int i = 0; i < POINT_PARAMETER_COUNT; i++)
        columns.parameters[i] = rows_column(rows, point_parameters[i].name);
    return columns;
}

/* What stands in rows that go away, once more in the set. Neighbouring points have most of their
 * values in common: `before`, which may be NULL, is the same one. */
static const struct value *keep_value(struct gathering *gathering, const struct value *value,
                                      const struct value *before)
{
    struct result_set *set = gathering->set;
    if (before && value_is_equal(before, value))
        return before;
    struct value *kept = memory_allocate(1, sizeof *kept + (value->bytes ? value->length + 1 : 0));
    *kept = *value;
    if (value->bytes) {
        kept->bytes = (char *)(kept + 1);
        memcpy(kept->bytes, value->bytes, value->length);
    }
    set->values =
        memory_grow(set->values, set->value_count, &gathering->value_size, sizeof *set->values);
    return set->values[set->value_count++] = kept;
}

static struct point keep_point(struct gathering *gathering, const struct point *seen,
                               const struct value *digest)
{
    const struct result_set *set = gathering->set;
    const struct point *before = set->point_count > 0 ? &set->points[set->point_count - 1] : NULL;
    struct point point = *seen;
    for (int i = 0; i < POINT_PARAMETER_COUNT; i++)
        point.parameters[i] =
            keep_value(gathering, seen->parameters[i], before ? before->parameters[i] : NULL);
    gathering->digest = keep_value(gathering, digest, gathering->digest);
    point.dataset_digest = gathering->digest->bytes;
    return point;
}

static void add_point(struct gathering *gathering, const struct point *seen,
                      const struct value *digest)
{
    struct result_set *set = gathering->set;
    struct point point = keep_point(gathering, seen, digest);
    set->points =
        memory_grow(set->points, set->point_count, &gathering->point_size, sizeof *set->points);
    set->points[set->point_count++] = point;
}

static size_t find_point(struct gathering *gathering, const struct rows *rows, size_t row,
                         const struct point_columns *columns)
{
    const struct value *digest = rows_at(rows, row, columns->digest);
    struct point seen = {.dataset_digest = digest->bytes,
                         .order = rows_at(rows, row, columns->ordinal)->integer,
                         .active_share = NAN,
                         .baseline = SIZE_MAX,
                         .augmentation = SIZE_MAX,
                         .noisy_bn = SIZE_MAX};
    for (int i = 0; i < POINT_PARAMETER_COUNT; i++)
        seen.parameters[i] = rows_at(rows, row, columns->parameters[i]);
    struct result_set *set = gathering->set;
    size_t place = point_index_add(&gathering->index, set->points, &seen, set->point_count);
    if (place == set->point_count)
        add_point(gathering, &seen, digest);
    return place;
}

static size_t count_at(const struct rows *rows, size_t row, size_t column)
{
    return (size_t)rows_at(rows, row, column)->integer;
}

/* Mostly a point has one row; two while its sweep is being extended. */
static void count_jobs(struct point *point, const struct rows *rows, size_t row,
                       const struct point_columns *columns)
{
    const struct value *share = rows_at(rows, row, columns->active_share);
    int64_t order = rows_at(rows, row, columns->ordinal)->integer;
    size_t jobs = count_at(rows, row, columns->jobs), done = count_at(rows, row, columns->done);
    size_t failed = count_at(rows, row, columns->failed);
    size_t diverged = count_at(rows, row, columns->diverged);
    size_t cancelled = count_at(rows, row, columns->cancelled);
    if (order < point->order)
        point->order = order;
    if (share->type != VALUE_NULL)
        point->active_share =
            isnan(point->active_share)
                ? share->real
                : (point->active_share * (double)point->done + share->real * (double)done) /
                      (double)(point->done + done);
    point->jobs += jobs;
    point->extra += count_at(rows, row, columns->extra);
    point->done += done;
    point->failed += failed;
    point->diverged += diverged;
    point->cancelled += cancelled;
    point->unfinished += jobs - done - failed - diverged - cancelled;
    point->reused += count_at(rows, row, columns->reused);
}

static void add_key(struct gathering *gathering, struct point_key key, int64_t first_seed)
{
    gathering->keys = memory_grow(gathering->keys, gathering->key_count, &gathering->key_size,
                                  sizeof *gathering->keys);
    gathering->first_seeds =
        memory_grow(gathering->first_seeds, gathering->key_count, &gathering->first_seeds_size,
                    sizeof *gathering->first_seeds);
    gathering->keys[gathering->key_count] = key;
    gathering->first_seeds[gathering->key_count++] = first_seed;
}

static bool visit_points(void *context, struct rows *rows, struct error *error)
{
    (void)error;
    struct gathering *gathering = context;
    struct point_columns columns = find_columns(rows);
    for (size_t row = 0; row < rows_count(rows); row++) {
        size_t point = find_point(gathering, rows, row, &columns);
        count_jobs(&gathering->set->points[point], rows, row, &columns);
        struct point_key key = {rows_at(rows, row, columns.text_number)->integer,
                                rows_at(rows, row, columns.ordinal)->integer, point};
        add_key(gathering, key, rows_at(rows, row, columns.first_seed)->integer);
    }
    return true;
}

static int compare_keys(const void *a, const void *b)
{
    const struct point_key *x = a, *y = b;
    if (x->text_number != y->text_number)
        return x->text_number > y->text_number ? 1 : -1;
    return (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

/* The key's place, SIZE_MAX when there is none. Neighbouring rows are of one job or of neighbouring
 * points: `guess` and the one behind it are looked at first. */
static size_t find_key(const struct gathering *gathering, const struct point_key *key, size_t guess)
{
    const struct point_key *keys = gathering->keys;
    for (size_t i = guess; i < gathering->key_count && i <= guess + 1; i++)
        if (compare_keys(key, &keys[i]) == 0)
            return i;
    const struct point_key *found =
        bsearch(key, keys, gathering->key_count, sizeof *keys, compare_keys);
    return found ? (size_t)(found - keys) : SIZE_MAX;
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

static void add_measurement(struct gathering *gathering, struct measurement measurement)
{
    gathering->measurements =
        memory_grow(gathering->measurements, gathering->measurement_count,
                    &gathering->measurement_size, sizeof *gathering->measurements);
    gathering->measurements[gathering->measurement_count++] = measurement;
}

static bool visit_accuracies(void *context, struct rows *rows, struct error *error)
{
    (void)error;
    struct gathering *gathering = context;
    size_t text_number = rows_column(rows, "text_number"), ordinal = rows_column(rows, "point"),
           seed = rows_column(rows, "seed"), extra = rows_column(rows, "extra"),
           sigma = rows_column(rows, "test_sigma"), accuracy = rows_column(rows, "accuracy"),
           level = 0, place = 0;
    for (size_t row = 0; row < rows_count(rows); row++) {
        struct point_key key = {rows_at(rows, row, text_number)->integer,
                                rows_at(rows, row, ordinal)->integer, 0};
        size_t found = find_key(gathering, &key, place);
        /* A point that was submitted between the two queries is not there. */
        if (found == SIZE_MAX || rows_at(rows, row, accuracy)->type == VALUE_NULL)
            continue;
        place = found;
        level = find_level(gathering, rows_at(rows, row, sigma)->real, level + 1);
        add_measurement(gathering, (struct measurement){gathering->keys[place].point,
                                                        level,
                                                        {rows_at(rows, row, seed)->integer,
                                                         rows_at(rows, row, accuracy)->real,
                                                         rows_at(rows, row, extra)->integer != 0}});
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

static void allocate_samples(struct result_set *set)
{
    for (size_t i = 0; i < set->point_count; i++) {
        struct point *point = &set->points[i];
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
        struct point *point = &set->points[measurement->point];
        size_t *count = &point->sample_counts[measurement->level];
        if (*count < point->done) /* it may have ended between the two queries */
            point->samples[measurement->level][(*count)++] = measurement->sample;
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

/* Whether two points, or more, have no seed in common. Where they share theirs, the smallest of
 * each tells; else all are asked for. */
static bool find_independence(struct gathering *gathering, struct source *source, int64_t sweep,
                              struct error *error)
{
    struct value parameter = value_integer(sweep);
    struct rows *rows;
    size_t count = gathering->key_count;
    bool shared = gathering->set->point_count < 2;
    if (count > 1)
        qsort(gathering->first_seeds, count, sizeof *gathering->first_seeds, compare_seeds);
    for (size_t i = 1; i < count && !shared; i++)
        shared = gathering->first_seeds[i] == gathering->first_seeds[i - 1];
    if (!shared) {
        if (!source_query(source, "result-shared-seed", &parameter, 1, &rows, error))
            return false;
        shared = rows_integer(rows, 0, "shared") != 0;
        rows_destroy(rows);
    }
    gathering->set->independent = !shared;
    return true;
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

static bool gather(struct gathering *gathering, struct source *source, int64_t sweep,
                   const char *column, struct error *error)
{
    struct value parameters[] = {value_integer(sweep), value_text(column ? column : "")};
    if (!source_each(source, "result-points", parameters, 1, visit_points, gathering, error))
        return false;
    if (gathering->key_count > 1)
        qsort(gathering->keys, gathering->key_count, sizeof *gathering->keys, compare_keys);
    return source_each(source, column ? "result-measures" : "result-accuracies", parameters,
                       column ? 2 : 1, visit_accuracies, gathering, error) &&
           find_independence(gathering, source, sweep, error);
}

bool result_set_load(struct result_set *set, struct source *source, int64_t sweep,
                     const char *column, struct error *error)
{
    *set = (struct result_set){0};
    struct gathering gathering = {.set = set};
    point_index_init(&gathering.index, POINT_INDEX_ALL);
    bool good = gather(&gathering, source, sweep, column, error);
    if (good) {
        allocate_samples(set);
        fill_samples(&gathering);
        if (set->point_count > 1)
            qsort(set->points, set->point_count, sizeof *set->points, compare_points);
        sort_levels(set);
        find_rivals(set);
    } else {
        result_set_finish(set);
    }
    point_index_finish(&gathering.index);
    free(gathering.keys);
    free(gathering.first_seeds);
    free(gathering.measurements);
    return good;
}
