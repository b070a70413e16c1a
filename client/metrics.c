/* lipsweep metrics: a job's epochs. */
#include "client/command.h"
#include "client/source.h"
#include "client/table.h"

static const struct table_column columns[] = {
    {"job", NULL, 0},
    {"attempt", NULL, TABLE_RIGHT | TABLE_HIDE_CONSTANT},
    {"epoch", NULL, TABLE_RIGHT},
    {"loss", NULL, TABLE_RIGHT},
    {"task_loss", "task", TABLE_RIGHT},
    {"lipschitz_loss", "lipschitz", TABLE_RIGHT | TABLE_HIDE_EMPTY},
    {"accuracy", NULL, TABLE_RIGHT},
    {"active_share", "active", TABLE_RIGHT | TABLE_HIDE_EMPTY},
    {"quotient_mean", "quotient", TABLE_RIGHT | TABLE_HIDE_EMPTY},
    {"images_per_s", "images/s", TABLE_RIGHT},
};

static void add_percent(struct table *table, double share)
{
    table_real(table, share, -1);
    if (share == share)
        table_show(table, "%.1f %%", 100 * share);
}

static void add_row(struct table *table, int64_t job, const struct rows *rows, size_t row)
{
    char name[32];
    snprintf(name, sizeof name, "j%lld", (long long)job);
    table_text(table, name);
    table_integer(table, rows_integer(rows, row, "attempt"));
    table_integer(table, rows_integer(rows, row, "epoch"));
    table_real(table, rows_real(rows, row, "loss"), 4);
    table_real(table, rows_real(rows, row, "task_loss"), 4);
    table_real(table, rows_real(rows, row, "lipschitz_loss"), 4);
    add_percent(table, rows_real(rows, row, "accuracy"));
    add_percent(table, rows_real(rows, row, "active_share"));
    table_real(table, rows_real(rows, row, "quotient_mean"), 4);
    table_real(table, rows_real(rows, row, "images_per_s"), 0);
}

static bool print_metrics(struct source *source, int64_t job, const struct table_options *options,
                          struct error *error)
{
    struct value parameter = value_integer(job);
    struct rows *jobs = NULL, *rows = NULL;
    if (!source_query(source, "job", &parameter, 1, &jobs, error))
        return false;
    bool found = rows_count(jobs) > 0;
    rows_destroy(jobs);
    if (!found)
        return error_set(error, ERROR_NOT_FOUND, "there is no job j%lld", (long long)job);
    if (!source_query(source, "metrics", &parameter, 1, &rows, error))
        return false;
    struct table *table = table_create(columns, sizeof columns / sizeof *columns);
    for (size_t row = 0; row < rows_count(rows); row++)
        add_row(table, job, rows, row);
    if (rows_count(rows) == 0 && options->format == TABLE_FORMAT_PEOPLE)
        printf("j%lld has not finished an epoch yet\n", (long long)job);
    bool good = table_print(table, options, 0, error);
    table_destroy(table);
    rows_destroy(rows);
    return good;
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    *exit_code = 0;
    int64_t job;
    struct table_options options;
    struct source *source;
    if (!source_parse_job(arguments->positional[0], &job, error) ||
        !table_options_read(arguments, &options, error) || !source_open(&source, arguments, error))
        return false;
    bool good = print_metrics(source, job, &options, error);
    source_close(source);
    return good;
}

const struct command command_metrics = {
    .name = "metrics",
    .group = "Looking closer",
    .arguments = "JOB",
    .summary = "loss, accuracy and active hinge of each epoch",
    .example = "lipsweep metrics j17 --db quickstart.db",
    .takes = COMMAND_TAKES_SOURCE | COMMAND_TAKES_TABLE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run,
};
