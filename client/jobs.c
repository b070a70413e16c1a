/* lipsweep jobs: every job of a sweep. */
#include <stdlib.h>
#include <string.h>

#include "client/command.h"
#include "client/job_columns.h"
#include "client/source.h"
#include "common/suggest.h"

static const struct table_column columns[] = {
    {"job", NULL, 0},
    {"state", NULL, 0},
    JOB_COLUMNS,
    {"attempt", NULL, TABLE_RIGHT},
    {"result_of", NULL, TABLE_HIDE_EMPTY},
    {"train_s", NULL, TABLE_RIGHT | TABLE_HIDE_EMPTY},
    {"evaluate_s", NULL, TABLE_PROGRAMS},
    {"host", NULL, TABLE_HIDE_EMPTY | TABLE_HIDE_CONSTANT},
    {"finished_at", NULL, TABLE_PROGRAMS},
    {"reason", NULL, TABLE_HIDE_EMPTY | TABLE_WRAP},
};

static const char *state_colour(const char *state)
{
    if (strcmp(state, "done") == 0)
        return "green";
    if (strcmp(state, "failed") == 0 || strcmp(state, "diverged") == 0)
        return "red";
    return strcmp(state, "leased") == 0 ? "cyan" : NULL;
}

static void add_job_name(struct table *table, const struct rows *rows, size_t row,
                         const char *column)
{
    char name[32];
    snprintf(name, sizeof name, "j%lld", (long long)rows_integer(rows, row, column));
    table_text(table, rows_is_null(rows, row, column) ? NULL : name);
}

static void add_row(struct table *table, const struct rows *rows, size_t row)
{
    add_job_name(table, rows, row, "id");
    table_text(table, rows_text(rows, row, "state"));
    table_colour(table, state_colour(rows_text(rows, row, "state")));
    job_columns_add(table, rows, row);
    table_integer(table, rows_integer(rows, row, "attempt"));
    add_job_name(table, rows, row, "result_of");
    table_real(table, rows_real(rows, row, "train_s"), 1);
    table_real(table, rows_real(rows, row, "evaluate_s"), 1);
    table_text(table, rows_text(rows, row, "host"));
    table_time(table, rows_integer(rows, row, "finished_at"));
    table_text(table, rows_text(rows, row, "reason"));
}

static bool check_state(const char *state, struct error *error)
{
    static const char *const states[] = {"pending", "leased",   "done",
                                         "failed",  "diverged", "cancelled"};
    size_t count = sizeof states / sizeof *states;
    for (size_t i = 0; state && i < count; i++)
        if (strcmp(states[i], state) == 0)
            return true;
    if (!state)
        return true;
    const char *nearest = suggest_name(state, states, count);
    return error_set(error, ERROR_USAGE,
                     "unknown state '%.60s'%s%s%s: pending, leased, done, failed, diverged or "
                     "cancelled",
                     state, nearest ? " (did you mean '" : "", nearest ? nearest : "",
                     nearest ? "'?)" : "");
}

static bool print_jobs(struct source *source, const struct arguments *arguments,
                       const struct table_options *options, struct error *error)
{
    int64_t sweep;
    struct rows *rows = NULL, *counted = NULL;
    if (!source_find_sweep(source, arguments->positional[0], &sweep, NULL, error))
        return false;
    struct value parameters[] = {value_integer(sweep),
                                 value_text(arguments_value(arguments, "state")),
                                 value_integer(options->limit)};
    bool good = source_query(source, "jobs", parameters, 3, &rows, error) &&
                source_query(source, "job-count", parameters, 2, &counted, error);
    if (good) {
        struct table *table = table_create(columns, sizeof columns / sizeof *columns);
        for (size_t row = 0; row < rows_count(rows); row++)
            add_row(table, rows, row);
        good = table_print(table, options, rows_integer(counted, 0, "jobs"), error);
        table_destroy(table);
    }
    rows_destroy(rows);
    rows_destroy(counted);
    return good;
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    *exit_code = 0;
    struct table_options options;
    struct source *source;
    if (!check_state(arguments_value(arguments, "state"), error) ||
        !table_options_read(arguments, &options, error) || !source_open(&source, arguments, error))
        return false;
    bool good = print_jobs(source, arguments, &options, error);
    source_close(source);
    return good;
}

const struct command command_jobs = {
    .name = "jobs",
    .group = "Looking closer",
    .arguments = "SWEEP",
    .summary = "every job: its parameters, state and reason",
    .example = "lipsweep jobs quickstart --state failed --db quickstart.db",
    .options =
        (const struct option_info[]){
            {"state", "STATE", "only pending, leased, done, failed, diverged or cancelled ones"},
            {NULL, NULL, NULL}},
    .takes = COMMAND_TAKES_SOURCE | COMMAND_TAKES_TABLE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run,
};
