#include "client/analysis/experiment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/analysis/point_index.h"
#include "client/analysis/rivals.h"
#include "client/memory.h"
#include "common/number.h"

/* A λ that is a label is some weight above 0. */
static bool is_factorial(const struct point *point)
{
    return (point_real(point, POINT_lambda) > 0 || point->parameters[POINT_lambda]->bytes) &&
           strcmp(point->parameters[POINT_control]->bytes, "none") == 0;
}

/* The value of a point's training with `seed` at each level, NAN where there is none. */
static void gather_curve(const struct result_set *set, const struct point *point, int64_t seed,
                         double *curve)
{
    for (size_t level = 0; level < set->test_sigma_count; level++) {
        curve[level] = NAN;
        for (size_t i = 0; i < point->sample_counts[level]; i++)
            if (point->samples[level][i].seed == seed)
                curve[level] = point->samples[level][i].value;
    }
}

static double clean_mean(const struct result_set *set, const struct point *point)
{
    for (size_t level = 0; level < set->test_sigma_count; level++)
        if (set->test_sigmas[level] == 0)
            return statistics_mean(point->samples[level], point->sample_counts[level]).mean;
    return NAN;
}

/* Seeds of a point: those of its fullest level. */
static size_t fullest_level(const struct result_set *set, const struct point *point)
{
    size_t best = 0;
    for (size_t level = 1; level < set->test_sigma_count; level++)
        if (point->sample_counts[level] > point->sample_counts[best])
            best = level;
    return best;
}

static void measure(struct experiment *experiment, size_t index, double *curve)
{
    const struct result_set *set = &experiment->set;
    const struct point *point = &set->points[index];
    struct experiment_point *measured = &experiment->points[index];
    size_t level = fullest_level(set, point), count = point->sample_counts[level];
    *measured = (struct experiment_point){
        .cell = SIZE_MAX,
        .rival = SIZE_MAX,
        .samples = memory_allocate(count, sizeof(struct sample)),
        .clean = metric_column(&experiment->metric) ? NAN : clean_mean(set, point)};
    for (size_t i = 0; i < count; i++) {
        int64_t seed = point->samples[level][i].seed;
        gather_curve(set, point, seed, curve);
        double value =
            metric_value(&experiment->metric, set->test_sigmas, curve, set->test_sigma_count);
        if (isnan(value))
            measured->missing++;
        else
            measured->samples[measured->count++] =
                (struct sample){seed, value, point->samples[level][i].extra};
    }
}

static bool has_twin_seeds(const struct experiment_point *point)
{
    for (size_t i = 1; i < point->count; i++)
        if (point->samples[i].seed == point->samples[i - 1].seed)
            return true;
    return false;
}

/* What is empty comes before every number. */
static bool comes_after(const struct value *a, const struct value *b)
{
    if (b->type == VALUE_NULL)
        return a->type != VALUE_NULL;
    return !b->bytes && a->type != VALUE_NULL && a->real > b->real;
}

/* Distinct values of a parameter over the factorial points; numbers ascend, texts in the order of
 * the sweep. */
static size_t find_levels(const struct result_set *set, int parameter, const struct value **levels)
{
    size_t count = 0;
    for (size_t i = 0; i < set->point_count; i++) {
        const struct value *value = set->points[i].parameters[parameter];
        size_t at = 0;
        if (!is_factorial(&set->points[i]))
            continue;
        while (at < count && !value_is_equal(levels[at], value))
            at++;
        if (at < count)
            continue;
        for (count++; at > 0 && comes_after(levels[at - 1], value); at--)
            levels[at] = levels[at - 1];
        levels[at] = value;
    }
    return count;
}

/* Whether the parameter is known once the axes chosen so far are: it then adds no axis. */
static bool follows(const struct result_set *set, int parameter, uint64_t axes)
{
    struct point_index index;
    bool known = true;
    point_index_init(&index, axes);
    for (size_t i = 0; known && i < set->point_count; i++) {
        const struct point *point = &set->points[i];
        if (!is_factorial(point))
            continue;
        size_t first = point_index_add(&index, set->points, point, i);
        known = first == i || value_is_equal(set->points[first].parameters[parameter],
                                             point->parameters[parameter]);
    }
    point_index_finish(&index);
    return known;
}

/* A level's name on an axis of labels: an imported file may leave some of a column empty. */
static void name_level(const struct value *value, char text[DESIGN_LABEL])
{
    char number[NUMBER_TEXT];
    if (value->type != VALUE_NULL && !value->bytes)
        number_format(value->real, number);
    snprintf(text, DESIGN_LABEL, "%s",
             value->type == VALUE_NULL ? "none"
             : value->bytes            ? value->bytes
                                       : number);
}

/* Numbers among which one is empty have no distances, so they are labels. */
static void add_axis(struct design *design, int parameter, const struct value *const *levels,
                     size_t count)
{
    double *numbers = memory_allocate(count, sizeof *numbers);
    char(*names)[DESIGN_LABEL] = memory_allocate(count, sizeof *names);
    const char **labels = memory_allocate(count, sizeof *labels);
    bool numeric = true;
    for (size_t i = 0; i < count; i++) {
        numbers[i] = levels[i]->real;
        numeric = numeric && !levels[i]->bytes && levels[i]->type != VALUE_NULL;
        name_level(levels[i], names[i]);
        labels[i] = names[i];
    }
    design_add_axis(design, point_parameters[parameter].name, point_parameters[parameter].heading,
                    numeric ? numbers : NULL, numeric ? NULL : labels, count);
    free(numbers);
    free(names);
    free(labels);
}

/* Returns why not, or NULL; axes[i] is the parameter of the design's axis i. */
static const char *choose_axes(struct experiment *experiment, int *axes)
{
    const struct result_set *set = &experiment->set;
    struct design *design = &experiment->design;
    const struct value **levels = memory_allocate(set->point_count, sizeof *levels);
    const char *refusal = NULL;
    uint64_t chosen = 0;
    for (int parameter = 0; !refusal && parameter < POINT_PARAMETER_COUNT; parameter++) {
        size_t count = find_levels(set, parameter, levels);
        if (count < 2)
            continue;
        if (follows(set, parameter, chosen)) {
            experiment->followers |= UINT64_C(1) << parameter;
            continue;
        }
        if (design->axis_count == DESIGN_AXIS_MAX || design->cell_count > DESIGN_CELL_MAX / count) {
            refusal = "the grid has too many axes or points";
            break;
        }
        axes[design->axis_count] = parameter;
        chosen |= UINT64_C(1) << parameter;
        add_axis(design, parameter, levels, count);
    }
    free(levels);
    return refusal ? refusal : design->axis_count == 0 ? "no axis has two values" : NULL;
}

static size_t cell_of(const struct design *design, const int *axes, const struct point *point)
{
    size_t cell = 0;
    for (size_t axis = 0; axis < design->axis_count; axis++) {
        const struct value *value = point->parameters[axes[axis]];
        const struct design_axis *a = &design->axes[axis];
        char name[DESIGN_LABEL];
        size_t level = 0;
        name_level(value, name);
        while (level + 1 < a->level_count &&
               (a->numeric ? a->levels[level].number != value->real
                           : strcmp(a->levels[level].label, name) != 0))
            level++;
        cell = cell * a->level_count + level;
    }
    return cell;
}

static int compare_seeds(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* All listed seeds of the factorial points, ascending, each once. *shared: one is at two points. */
static int64_t *find_seeds(const struct experiment *experiment, size_t *count, size_t *largest,
                           bool *shared)
{
    size_t total = 0, used = 0;
    *largest = 0;
    for (size_t i = 0; i < experiment->set.point_count; i++)
        total += experiment->points[i].count;
    int64_t *seeds = memory_allocate(total, sizeof *seeds);
    for (size_t i = 0; i < experiment->set.point_count; i++) {
        const struct experiment_point *point = &experiment->points[i];
        if (point->cell == SIZE_MAX)
            continue;
        size_t before = used;
        for (size_t j = 0; j < point->count; j++)
            if (!point->samples[j].extra)
                seeds[used++] = point->samples[j].seed;
        *largest = used - before > *largest ? used - before : *largest;
    }
    if (used > 1)
        qsort(seeds, used, sizeof *seeds, compare_seeds);
    *count = 0;
    for (size_t i = 0; i < used; i++)
        if (*count == 0 || seeds[*count - 1] != seeds[i])
            seeds[(*count)++] = seeds[i];
    *shared = *count < used;
    return seeds;
}

/* A design has the same seeds at every point: those that adaptive_seeds added to some of them are
 * left out, and counted. */
static void fill(struct experiment *experiment)
{
    struct design *design = &experiment->design;
    size_t count, largest;
    bool shared;
    int64_t *seeds = find_seeds(experiment, &count, &largest, &shared);
    design->independent = !shared && count > 1;
    design_set_seeds(design, design->independent ? NULL : seeds,
                     design->independent ? largest : count);
    for (size_t i = 0; i < experiment->set.point_count; i++) {
        const struct experiment_point *point = &experiment->points[i];
        size_t next = 0, left_out = 0;
        for (size_t j = 0; point->cell != SIZE_MAX && j < point->count; j++) {
            if (point->samples[j].extra) {
                left_out++;
                continue;
            }
            size_t seed = next++;
            if (!design->independent)
                seed = (size_t)((int64_t *)bsearch(&point->samples[j].seed, seeds, count,
                                                   sizeof *seeds, compare_seeds) -
                                seeds);
            *design_at(design, point->cell, seed) = point->samples[j].value;
        }
        experiment->left_out += left_out;
        experiment->left_out_points += left_out > 0;
    }
    free(seeds);
}

static bool reaches_everywhere(const struct experiment *experiment)
{
    for (size_t i = 0; i < experiment->set.point_count; i++)
        if (experiment->metric.kind == METRIC_REACH && experiment->points[i].cell != SIZE_MAX &&
            experiment->points[i].missing > 0)
            return false;
    return true;
}

static const char *build_design(struct experiment *experiment)
{
    int axes[DESIGN_AXIS_MAX];
    const char *refusal = choose_axes(experiment, axes);
    if (refusal)
        return refusal;
    const struct result_set *set = &experiment->set;
    bool *taken = memory_allocate(experiment->design.cell_count, sizeof *taken);
    for (size_t i = 0; !refusal && i < set->point_count; i++) {
        if (!is_factorial(&set->points[i]))
            continue;
        size_t cell = cell_of(&experiment->design, axes, &set->points[i]);
        if (taken[cell] || has_twin_seeds(&experiment->points[i]))
            refusal = "points differ in something that is no axis of the tables";
        taken[cell] = true;
        experiment->points[i].cell = cell;
    }
    free(taken);
    if (!refusal && !reaches_everywhere(experiment))
        refusal = "some trainings never fall to the level, and leaving them out would mislead";
    if (!refusal)
        fill(experiment);
    return refusal;
}

static bool choose_metric(struct experiment *experiment, const char *metric, struct error *error)
{
    const struct result_set *set = &experiment->set;
    if (!metric) {
        metric_default(&experiment->metric, set->test_sigmas, set->test_sigma_count);
        return true;
    }
    return metric_check(&experiment->metric, set->test_sigmas, set->test_sigma_count, error);
}

bool experiment_load(struct experiment *experiment, struct source *source, int64_t sweep,
                     const char *metric, const char *against, struct error *error)
{
    *experiment = (struct experiment){0};
    design_init(&experiment->design);
    const char *column = NULL;
    if (metric) {
        if (!metric_parse(&experiment->metric, metric, error)) {
            error_prefix(error, "--metric");
            return false;
        }
        column = metric_column(&experiment->metric);
    }
    if (!result_set_load(&experiment->set, source, sweep, column, error))
        return false;
    const struct result_set *set = &experiment->set;
    if (set->test_sigma_count == 0) {
        experiment_finish(experiment);
        return error_set(error, ERROR_NOT_FOUND, "the sweep has no results yet");
    }
    if (!choose_metric(experiment, metric, error)) {
        experiment_finish(experiment);
        return false;
    }
    const char *control = strcmp(against, "standard") == 0 ? "none" : against;
    double *curve = memory_allocate(set->test_sigma_count, sizeof *curve);
    experiment->points = memory_allocate(set->point_count, sizeof *experiment->points);
    size_t *rivals = rivals_find(set->points, set->point_count, control);
    for (size_t i = 0; i < set->point_count; i++) {
        measure(experiment, i, curve);
        experiment->points[i].rival = rivals[i];
    }
    free(rivals);
    free(curve);
    experiment->refusal = build_design(experiment);
    return true;
}

void experiment_finish(struct experiment *experiment)
{
    for (size_t i = 0; experiment->points && i < experiment->set.point_count; i++)
        free(experiment->points[i].samples);
    free(experiment->points);
    design_finish(&experiment->design);
    result_set_finish(&experiment->set);
}

struct estimate experiment_mean(const struct experiment *experiment, size_t point)
{
    return statistics_mean(experiment->points[point].samples, experiment->points[point].count);
}

struct estimate experiment_difference(const struct experiment *experiment, size_t point)
{
    const struct experiment_point *own = &experiment->points[point];
    if (own->rival == SIZE_MAX)
        return statistics_mean(NULL, 0);
    const struct experiment_point *rival = &experiment->points[own->rival];
    if (experiment->design.independent)
        return statistics_unpaired(own->samples, own->count, rival->samples, rival->count);
    return statistics_paired(own->samples, own->count, rival->samples, rival->count);
}
