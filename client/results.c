/* lipsweep results. */
#include "client/results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/command.h"
#include "client/job_columns.h"
#include "client/memory.h"
#include "common/number.h"

const char *const results_rival_names[RESULTS_RIVAL_COUNT] = {
    [RESULTS_BASELINE] = "standard",
    [RESULTS_NOISE_AUGMENTATION] = "noise-augmentation",
    [RESULTS_NOISY_BN] = "noisy-bn",
};

struct estimate results_accuracy(const struct point *point, size_t level)
{
    return statistics_mean(point->samples[level], point->sample_counts[level]);
}

static size_t rival_of(const struct point *point, enum results_rival against)
{
    switch (against) {
    case RESULTS_NOISE_AUGMENTATION:
        return point->augmentation;
    case RESULTS_NOISY_BN:
        return point->noisy_bn;
    case RESULTS_BASELINE:
    case RESULTS_RIVAL_COUNT:
        break;
    }
    return point->baseline;
}

bool results_has_rival(const struct point *point, enum results_rival against)
{
    return rival_of(point, against) != SIZE_MAX;
}

struct estimate results_difference(const struct result_set *set, const struct point *point,
                                   size_t level, enum results_rival against)
{
    size_t index = rival_of(point, against);
    if (index == SIZE_MAX)
        return statistics_mean(NULL, 0);
    const struct point *rival = &set->points[index];
    return (set->independent ? statistics_unpaired : statistics_paired)(
        point->samples[level], point->sample_counts[level], rival->samples[level],
        rival->sample_counts[level]);
}

struct results_comparison results_compare(const struct result_set *set, size_t level,
                                          enum results_rival against)
{
    struct results_comparison comparison = {
        .differences = memory_allocate(set->point_count, sizeof *comparison.differences),
        .adjusted = memory_allocate(set->point_count, sizeof *comparison.adjusted)};
    for (size_t i = 0; i < set->point_count; i++)
        comparison.differences[i] = results_difference(set, &set->points[i], level, against);
    comparison.together =
        comparison_adjust(comparison.differences, set->point_count, comparison.adjusted);
    return comparison;
}

void results_comparison_finish(struct results_comparison *comparison)
{
    free(comparison->differences);
    free(comparison->adjusted);
}

/* One row a point and test sigma, every number in full. */
static const struct table_column program_columns[] = {
#define X(name, heading, is_text) {#name, NULL, 0},
    POINT_PARAMETERS(X)
#undef X
        {"jobs", NULL, 0},
    {"done", NULL, 0},
    {"failed", NULL, 0},
    {"diverged", NULL, 0},
    {"cancelled", NULL, 0},
    {"unfinished", NULL, 0},
    {"reused", NULL, 0},
    {"active_share", NULL, 0},
    {"inert", NULL, 0},
    {"test_sigma", NULL, 0},
    {"n", NULL, 0},
    {"accuracy", NULL, 0},
    {"accuracy_sd", NULL, 0},
    {"accuracy_half_width", NULL, 0},
    {"accuracy_degrees", NULL, 0}, /* of freedom: n - 1, or those of the first stage */
#define DIFFERENCE(prefix)                                                                         \
    {prefix "difference_n", NULL, 0}, {prefix "difference", NULL, 0},                              \
        {prefix "difference_half_width", NULL, 0}, {prefix "difference_p", NULL, 0},               \
        {prefix "difference_holm", NULL, 0},
    DIFFERENCE("") DIFFERENCE("augmentation_") DIFFERENCE("noisy_bn_")
#undef DIFFERENCE
};

static void add_point_cells(struct table *table, const struct point *point)
{
    const size_t counts[] = {point->jobs,      point->done,       point->failed, point->diverged,
                             point->cancelled, point->unfinished, point->reused};
    for (int i = 0; i < POINT_PARAMETER_COUNT; i++)
        job_columns_add_value(table, point->parameters[i]);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        table_integer(table, (int64_t)counts[i]);
    table_real(table, point->active_share, -1);
    if (isnan(point->active_share))
        table_null(table);
    else
        table_boolean(table, point_is_inert(point));
}

static void add_difference(struct table *table, const struct estimate *difference, double adjusted)
{
    table_integer(table, (int64_t)difference->n);
    table_real(table, difference->mean, -1);
    table_real(table, difference->half_width, -1);
    table_real(table, difference->p, -1);
    table_real(table, adjusted, -1);
}

/* [level * RESULTS_RIVAL_COUNT + rival] */
static struct results_comparison *compare_all(const struct result_set *set)
{
    struct results_comparison *all =
        memory_allocate(set->test_sigma_count * RESULTS_RIVAL_COUNT, sizeof *all);
    for (size_t level = 0; level < set->test_sigma_count; level++)
        for (int rival = 0; rival < RESULTS_RIVAL_COUNT; rival++)
            all[level * RESULTS_RIVAL_COUNT + (size_t)rival] =
                results_compare(set, level, (enum results_rival)rival);
    return all;
}

static void add_program_row(struct table *table, const struct result_set *set, size_t index,
                            size_t level, const struct results_comparison *comparisons)
{
    const struct point *point = &set->points[index];
    struct estimate accuracy = results_accuracy(point, level);
    add_point_cells(table, point);
    table_real(table, set->test_sigmas[level], -1);
    table_integer(table, (int64_t)accuracy.n);
    table_real(table, accuracy.mean, -1);
    table_real(table, accuracy.sd, -1);
    table_real(table, accuracy.half_width, -1);
    table_real(table, accuracy.degrees > 0 ? accuracy.degrees : NAN, -1);
    for (int rival = 0; rival < RESULTS_RIVAL_COUNT; rival++)
        add_difference(table, &comparisons[rival].differences[index],
                       comparisons[rival].adjusted[index]);
}

static bool print_programs(const struct result_set *set, const struct table_options *options,
                           struct error *error)
{
    struct table *table =
        table_create(program_columns, sizeof program_columns / sizeof *program_columns);
    struct results_comparison *all = compare_all(set);
    for (size_t i = 0; i < set->point_count; i++)
        for (size_t level = 0; level < set->test_sigma_count; level++)
            add_program_row(table, set, i, level, all + level * RESULTS_RIVAL_COUNT);
    for (size_t i = 0; i < set->test_sigma_count * RESULTS_RIVAL_COUNT; i++)
        results_comparison_finish(&all[i]);
    free(all);
    bool good = table_print(table, options, 0, error);
    table_destroy(table);
    return good;
}

/* Moves the levels of `list` ("0,0.4") to the front of the set and forgets the others. */
static bool select_levels(struct result_set *set, const char *list, struct error *error)
{
    size_t kept = 0;
    char *copy = memory_text(list), *rest = copy, *word;
    bool good = true;
    while (good && (word = strsep(&rest, ","))) {
        double wanted;
        size_t level = kept;
        if (!number_parse(word, &wanted)) {
            good = error_set(error, ERROR_USAGE, "--test-sigma: '%.60s' is no number", word);
            break;
        }
        while (level < set->test_sigma_count && set->test_sigmas[level] != wanted)
            level++;
        if (level == set->test_sigma_count)
            good = error_set(error, ERROR_NOT_FOUND,
                             "no result at test sigma %.60s that was not named already", word);
        else
            result_set_swap_levels(set, kept++, level);
    }
    free(copy);
    if (good)
        result_set_truncate_levels(set, kept);
    return good;
}

bool results_print(struct source *source, int64_t sweep, const char *name,
                   const struct results_options *options, struct error *error)
{
    struct result_set set;
    bool good = result_set_load(&set, source, sweep, NULL, error);
    if (good) {
        good = !options->test_sigmas || select_levels(&set, options->test_sigmas, error);
        if (good && options->table.format == TABLE_FORMAT_PEOPLE)
            good = results_print_people(&set, name, options, error);
        else if (good)
            good = print_programs(&set, &options->table, error);
        result_set_finish(&set);
    }
    return good;
}

static bool read_options(const struct arguments *arguments, struct results_options *options,
                         struct error *error)
{
    const char *against = arguments_value(arguments, "against");
    options->test_sigmas = arguments_value(arguments, "test-sigma");
    int rival = RESULTS_BASELINE;
    while (against && rival < RESULTS_RIVAL_COUNT &&
           strcmp(against, results_rival_names[rival]) != 0)
        rival++;
    if (rival == RESULTS_RIVAL_COUNT)
        return error_set(error, ERROR_USAGE,
                         "--against is standard, noise-augmentation or noisy-bn, not '%.60s'",
                         against);
    options->against = (enum results_rival)rival;
    return table_options_read(arguments, &options->table, error);
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    *exit_code = 0;
    int64_t sweep;
    struct results_options options;
    struct source *source;
    if (!read_options(arguments, &options, error) || !source_open(&source, arguments, error))
        return false;
    char *name = NULL;
    bool good = source_find_sweep(source, arguments->positional[0], &sweep, &name, error) &&
                results_print(source, sweep, name, &options, error);
    free(name);
    source_close(source);
    return good;
}

const struct command command_results = {
    .name = "results",
    .group = "Results",
    .arguments = "SWEEP",
    .summary = "accuracy by test noise: mean, 95 % interval, difference to baseline",
    .details =
        "json and csv have one row a point and test sigma; accuracies and differences are\n"
        "shares there, not percent. --limit counts points in the table, rows in json and csv.",
    .example = "lipsweep results quickstart --against noise-augmentation --db quickstart.db",
    .options =
        (const struct option_info[]){
            {"against", "CONTROL",
             "what differences are to: standard (default), noise-augmentation, noisy-bn"},
            {"test-sigma", "LIST", "only these noise levels of the test, as 0,0.4"},
            {NULL, NULL, NULL}},
    .takes = COMMAND_TAKES_SOURCE | COMMAND_TAKES_TABLE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run,
};
