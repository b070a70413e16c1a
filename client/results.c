/* lipsweep results. */
#include "client/results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/command.h"
#include "client/job_columns.h"
#include "client/memory.h"
#include "common/number.h"

struct estimate results_accuracy(const struct point *point, size_t level)
{
    return statistics_mean(point->samples[level], point->sample_counts[level]);
}

struct estimate results_difference(const struct result_set *set, const struct point *point,
                                   size_t level, enum results_rival against)
{
    size_t index = against == RESULTS_BASELINE ? point->baseline : point->augmentation;
    if (index == SIZE_MAX)
        return statistics_mean(NULL, 0);
    const struct point *rival = &set->points[index];
    return statistics_paired(point->samples[level], point->sample_counts[level],
                             rival->samples[level], rival->sample_counts[level]);
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
    {"difference_n", NULL, 0},
    {"difference", NULL, 0},
    {"difference_half_width", NULL, 0},
    {"augmentation_difference_n", NULL, 0},
    {"augmentation_difference", NULL, 0},
    {"augmentation_difference_half_width", NULL, 0},
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

static void add_difference(struct table *table, const struct estimate *difference)
{
    table_integer(table, (int64_t)difference->n);
    table_real(table, difference->mean, -1);
    table_real(table, difference->half_width, -1);
}

static void add_program_row(struct table *table, const struct result_set *set,
                            const struct point *point, size_t level)
{
    struct estimate accuracy = results_accuracy(point, level);
    struct estimate baseline = results_difference(set, point, level, RESULTS_BASELINE);
    struct estimate augmentation =
        results_difference(set, point, level, RESULTS_NOISE_AUGMENTATION);
    add_point_cells(table, point);
    table_real(table, set->test_sigmas[level], -1);
    table_integer(table, (int64_t)accuracy.n);
    table_real(table, accuracy.mean, -1);
    table_real(table, accuracy.sd, -1);
    table_real(table, accuracy.half_width, -1);
    add_difference(table, &baseline);
    add_difference(table, &augmentation);
}

static bool print_programs(const struct result_set *set, const struct table_options *options,
                           struct error *error)
{
    struct table *table =
        table_create(program_columns, sizeof program_columns / sizeof *program_columns);
    for (size_t i = 0; i < set->point_count; i++)
        for (size_t level = 0; level < set->test_sigma_count; level++)
            add_program_row(table, set, &set->points[i], level);
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

bool results_print(struct source *source, int64_t sweep, const struct results_options *options,
                   struct error *error)
{
    struct result_set set;
    struct value parameter = value_integer(sweep);
    struct rows *rows;
    if (!source_query(source, "sweeps", &parameter, 1, &rows, error))
        return false;
    char *name = memory_text(rows_count(rows) > 0 ? rows_text(rows, 0, "name") : "");
    rows_destroy(rows);
    bool good = result_set_load(&set, source, sweep, error);
    if (good) {
        good = !options->test_sigmas || select_levels(&set, options->test_sigmas, error);
        if (good && options->table.format == TABLE_FORMAT_PEOPLE)
            good = results_print_people(&set, name, options, error);
        else if (good)
            good = print_programs(&set, &options->table, error);
        result_set_finish(&set);
    }
    free(name);
    return good;
}

static bool read_options(const struct arguments *arguments, struct results_options *options,
                         struct error *error)
{
    const char *against = arguments_value(arguments, "against");
    options->test_sigmas = arguments_value(arguments, "test-sigma");
    options->against = RESULTS_BASELINE;
    if (against && strcmp(against, "noise-augmentation") == 0)
        options->against = RESULTS_NOISE_AUGMENTATION;
    else if (against && strcmp(against, "standard") != 0)
        return error_set(error, ERROR_USAGE,
                         "--against is standard or noise-augmentation, not '%.60s'", against);
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
    bool good = source_find_sweep(source, arguments->positional[0], &sweep, NULL, error) &&
                results_print(source, sweep, &options, error);
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
             "what differences are to: standard (default), noise-augmentation"},
            {"test-sigma", "LIST", "only these noise levels of the test, as 0,0.4"},
            {NULL, NULL, NULL}},
    .takes = COMMAND_TAKES_SOURCE | COMMAND_TAKES_TABLE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run,
};
