/* lipsweep sensitivity. */
#include "client/sensitivity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/command.h"
#include "client/memory.h"
#include "common/number.h"

static bool find_level(const struct design *design, size_t axis, const char *text, size_t *level,
                       struct error *error)
{
    const struct design_axis *a = &design->axes[axis];
    double number;
    bool is_number = number_parse(text, &number);
    for (*level = 0; *level < a->level_count; (*level)++)
        if (a->numeric ? is_number && a->levels[*level].number == number
                       : strcmp(a->levels[*level].label, text) == 0)
            return true;
    return error_set(error, ERROR_USAGE, "--nominal: %s has no value %.60s in this sweep", a->name,
                     text);
}

/* One "k=0.1" into the cell. */
static bool set_nominal(const struct design *design, char *text, size_t *cell, struct error *error)
{
    const char *name = strsep(&text, "=");
    for (size_t axis = 0; text && axis < design->axis_count; axis++) {
        size_t level;
        if (strcmp(design->axes[axis].name, name) != 0)
            continue;
        if (!find_level(design, axis, text, &level, error))
            return false;
        *cell = design_neighbour(design, *cell, axis, level);
        return true;
    }
    return error_set(error, ERROR_USAGE, "--nominal is AXIS=VALUE,…; the sweep has no axis '%.60s'",
                     name);
}

/* Axes that are not named keep the level of the default. */
static bool choose_nominal(struct sensitivity *sensitivity, const char *list, struct error *error)
{
    const struct design *design = &sensitivity->experiment.design;
    sensitivity->nominal = derivative_nominal(design);
    if (!list || sensitivity->nominal == SIZE_MAX)
        return true;
    char *copy = memory_text(list), *rest = copy, *word;
    bool good = true;
    while (good && (word = strsep(&rest, ",")))
        good = set_nominal(design, word, &sensitivity->nominal, error);
    free(copy);
    if (good && !design_has_cell(design, sensitivity->nominal))
        return error_set(error, ERROR_NOT_FOUND, "--nominal: that point has no results");
    return good;
}

static void derive(struct sensitivity *sensitivity)
{
    const struct design *design = &sensitivity->experiment.design;
    sensitivity->derivatives = memory_allocate(design->axis_count * DERIVATIVE_KIND_COUNT,
                                               sizeof *sensitivity->derivatives);
    for (size_t axis = 0; sensitivity->nominal != SIZE_MAX && axis < design->axis_count; axis++)
        for (int kind = 0; kind < DERIVATIVE_KIND_COUNT; kind++)
            sensitivity->derivative_count +=
                derivative_estimate(&sensitivity->derivatives[sensitivity->derivative_count],
                                    design, sensitivity->nominal, axis, kind);
}

static int higher_first(const void *a, const void *b)
{
    const struct sensitivity_point *x = a, *y = b;
    return (x->value < y->value) - (x->value > y->value);
}

static int lower_first(const void *a, const void *b)
{
    return higher_first(b, a);
}

static void find_front(struct sensitivity *sensitivity)
{
    size_t count = sensitivity->point_count;
    double *clean = memory_allocate(count, sizeof *clean);
    double *robust = memory_allocate(count, sizeof *robust);
    bool *front = memory_allocate(count, sizeof *front);
    int sense = metric_sense(&sensitivity->experiment.metric);
    for (size_t i = 0; i < count; i++) {
        clean[i] = sensitivity->experiment.points[sensitivity->points[i].index].clean;
        robust[i] = sense == 0 ? NAN : sense * sensitivity->points[i].value;
    }
    comparison_pareto(clean, robust, count, front);
    for (size_t i = 0; i < count; i++)
        sensitivity->points[i].front = front[i];
    free(clean);
    free(robust);
    free(front);
}

static void adjust(struct sensitivity *sensitivity)
{
    size_t count = sensitivity->point_count;
    double *adjusted = memory_allocate(count, sizeof *adjusted);
    struct estimate *differences = memory_allocate(count, sizeof *differences);
    for (size_t i = 0; i < count; i++)
        differences[i] = sensitivity->points[i].difference;
    sensitivity->comparison = comparison_adjust(differences, count, adjusted);
    for (size_t i = 0; i < count; i++)
        sensitivity->points[i].p_adjusted = adjusted[i];
    free(differences);
    free(adjusted);
}

/* Trainings that never reach the level lie beyond all others. */
static double median_reach(const struct experiment_point *point)
{
    size_t count = point->count + point->missing;
    double *values = memory_allocate(count, sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = i < point->count ? point->samples[i].value : INFINITY;
    double median = statistics_median(values, count);
    free(values);
    return isnan(median) ? INFINITY : median;
}

static struct sensitivity_point describe(const struct experiment *experiment, size_t index)
{
    const struct experiment_point *measured = &experiment->points[index];
    struct sensitivity_point point = {.index = index,
                                      .mean = experiment_mean(experiment, index),
                                      .difference = experiment_difference(experiment, index)};
    point.value = point.mean.mean;
    if (experiment->metric.kind == METRIC_REACH && measured->missing > 0) {
        point.value = median_reach(measured);
        point.mean = statistics_estimate(measured->count, NAN, NAN, 0);
        point.difference = statistics_mean(NULL, 0);
    }
    return point;
}

static void rank_points(struct sensitivity *sensitivity)
{
    const struct experiment *experiment = &sensitivity->experiment;
    sensitivity->points = memory_allocate(experiment->set.point_count, sizeof *sensitivity->points);
    for (size_t i = 0; i < experiment->set.point_count; i++)
        if (experiment->points[i].count + experiment->points[i].missing > 0)
            sensitivity->points[sensitivity->point_count++] = describe(experiment, i);
    if (sensitivity->point_count > 1)
        qsort(sensitivity->points, sensitivity->point_count, sizeof *sensitivity->points,
              metric_sense(&experiment->metric) < 0 ? lower_first : higher_first);
    adjust(sensitivity);
    find_front(sensitivity);
}

bool sensitivity_load(struct sensitivity *sensitivity, struct source *source, int64_t sweep,
                      const struct sensitivity_options *options, struct error *error)
{
    *sensitivity = (struct sensitivity){.nominal = SIZE_MAX, .against = options->against};
    struct experiment *experiment = &sensitivity->experiment;
    if (!experiment_load(experiment, source, sweep, options->metric, options->against, error))
        return false;
    rank_points(sensitivity);
    if (experiment->refusal) {
        sensitivity->anova.refusal = sensitivity->shares.refusal = experiment->refusal;
        sensitivity->spread.p = NAN;
        return true;
    }
    anova_fit(&sensitivity->anova, &experiment->design);
    shares_estimate(&sensitivity->shares, &sensitivity->anova, &experiment->design);
    sensitivity->spread = comparison_brown_forsythe(&experiment->design);
    if (!choose_nominal(sensitivity, options->nominal, error)) {
        sensitivity_finish(sensitivity);
        return false;
    }
    derive(sensitivity);
    return true;
}

void sensitivity_finish(struct sensitivity *sensitivity)
{
    free(sensitivity->points);
    free(sensitivity->derivatives);
    shares_finish(&sensitivity->shares);
    anova_finish(&sensitivity->anova);
    experiment_finish(&sensitivity->experiment);
}

static bool read_options(const struct arguments *arguments, struct sensitivity_options *options,
                         struct error *error)
{
    const char *against = arguments_value(arguments, "against");
    options->metric = arguments_value(arguments, "metric");
    options->nominal = arguments_value(arguments, "nominal");
    options->against = against ? against : "standard";
    if (strcmp(options->against, "standard") != 0 &&
        strcmp(options->against, "noise-augmentation") != 0 &&
        strcmp(options->against, "noisy-bn") != 0)
        return error_set(error, ERROR_USAGE,
                         "--against is standard, noise-augmentation or noisy-bn, not '%.60s'",
                         against);
    return table_options_read(arguments, &options->table, error);
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    *exit_code = 0;
    int64_t sweep;
    struct sensitivity_options options;
    struct sensitivity sensitivity;
    struct source *source;
    if (!read_options(arguments, &options, error) || !source_open(&source, arguments, error))
        return false;
    bool good = source_find_sweep(source, arguments->positional[0], &sweep, NULL, error) &&
                sensitivity_load(&sensitivity, source, sweep, &options, error);
    source_close(source);
    if (!good)
        return false;
    good = options.table.format == TABLE_FORMAT_PEOPLE
               ? sensitivity_print_people(&sensitivity, &options.table, error)
               : sensitivity_print_rows(&sensitivity, &options.table, error);
    sensitivity_finish(&sensitivity);
    return good;
}

const struct command command_sensitivity = {
    .name = "sensitivity",
    .group = "Results",
    .arguments = "SWEEP",
    .summary = "what lambda, K and sigma do to accuracy, and how surely",
    .details =
        "A metric is accuracy@SIGMA, area (under accuracy over test noise), worst, drop@SIGMA\n"
        "(clean minus noisy), reach@LEVEL (the test noise at which accuracy falls to LEVEL), or\n"
        "another measure@SIGMA, as quotient_p95@0.2; logit: before a share takes its logit.\n"
        "json and csv have one row a number; accuracies are shares there, not percent.",
    .example = "lipsweep sensitivity last --metric accuracy@0.2 --nominal lambda=1,k=0.1",
    .options =
        (const struct option_info[]){
            {"metric", "METRIC", "what is explained (accuracy@0.2, or at the middle noise)"},
            {"nominal", "LIST", "the point derivatives are taken at, as lambda=1,k=0.1"},
            {"against", "CONTROL",
             "compare points to standard (default), noise-augmentation, noisy-bn"},
            {NULL, NULL, NULL}},
    .takes = COMMAND_TAKES_SOURCE | COMMAND_TAKES_TABLE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run,
};
