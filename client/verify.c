/* lipsweep verify: whether a sweep has all its results, each once, each from what it should be. */
#include <stdlib.h>

#include "client/command.h"
#include "client/lost_results.h"
#include "client/source.h"
#include "client/table.h"

static const struct table_column columns[] = {
    {"point", NULL, TABLE_RIGHT},
    {"seed", NULL, TABLE_RIGHT},
    {"job", NULL, TABLE_HIDE_EMPTY},
    {"gap", NULL, TABLE_WRAP},
};

static void add_place(struct table *table, const struct rows *rows, size_t row)
{
    table_integer(table, rows_integer(rows, row, "point"));
    if (rows_is_null(rows, row, "seed"))
        table_null(table);
    else
        table_integer(table, rows_integer(rows, row, "seed"));
}

/* `jobs` of the seed, or of the point; below 0: it is about the seeds that are added to it. */
static const char *point_gap(bool of_point, int64_t jobs)
{
    if (jobs == -1)
        return "its seeds are done, but whether it gets more was not decided";
    if (jobs == -2)
        return "not one job for each seed that adaptive_seeds adds";
    return of_point    ? "not one job for each of its seeds"
           : jobs == 0 ? "no job"
                       : "more than one job";
}

static bool add_missing(struct table *table, struct source *source, const struct value *sweep,
                        struct error *error)
{
    struct rows *rows;
    if (!source_query(source, "verify-points", sweep, 1, &rows, error))
        return false;
    for (size_t row = 0; row < rows_count(rows); row++) {
        add_place(table, rows, row);
        table_null(table);
        table_text(table,
                   point_gap(rows_is_null(rows, row, "seed"), rows_integer(rows, row, "jobs")));
    }
    rows_destroy(rows);
    return true;
}

static bool add_gaps(struct table *table, struct source *source, const struct value *sweep,
                     struct error *error)
{
    struct rows *rows;
    char name[32];
    if (!source_query(source, "verify", sweep, 1, &rows, error))
        return false;
    for (size_t row = 0; row < rows_count(rows); row++) {
        add_place(table, rows, row);
        snprintf(name, sizeof name, "j%lld", (long long)rows_integer(rows, row, "job"));
        table_text(table, name);
        table_text(table, rows_text(rows, row, "gap"));
    }
    rows_destroy(rows);
    return true;
}

static bool add_lost_weights(struct table *table, struct source *source, const struct value *sweep,
                             struct error *error)
{
    struct rows *rows;
    char name[32];
    if (!source_query(source, "verify-weights", sweep, 1, &rows, error))
        return false;
    for (size_t row = 0; row < rows_count(rows); row++) {
        struct error reason;
        uint8_t *bytes;
        size_t length;
        if (source_weights(source, rows_text(rows, row, "digest"), &bytes, &length, &reason)) {
            free(bytes);
            continue;
        }
        add_place(table, rows, row);
        snprintf(name, sizeof name, "j%lld", (long long)rows_integer(rows, row, "job"));
        table_text(table, name);
        error_prefix(&reason, "its weights");
        table_text(table, reason.message);
    }
    rows_destroy(rows);
    return true;
}

static void add_lost_result(void *context, const struct rows *rows, size_t row)
{
    char name[32];
    struct table *table = context;
    add_place(table, rows, row);
    snprintf(name, sizeof name, "j%lld", (long long)rows_integer(rows, row, "job"));
    table_text(table, name);
    table_text(table, "the journal has a result of it that the database has lost");
}

/* Where the journal can be read: beside the database, on this machine. */
static bool add_lost_results(struct table *table, struct source *source,
                             const struct arguments *arguments, int64_t sweep, struct error *error)
{
    struct source_choice choice;
    struct error elsewhere;
    char *database;
    bool known;
    int64_t damaged_count;
    if (!source_choose(arguments, &choice, error))
        return false;
    if (!source_database_file(&choice, &database, &elsewhere))
        return true;
    bool good = lost_results_each(source, database, sweep, add_lost_result, table, &known,
                                  &damaged_count, error);
    free(database);
    if (good && damaged_count > 0)
        fprintf(stderr, "lipsweep: %lld lines of the journal of results are damaged\n",
                (long long)damaged_count);
    return good;
}

static void print_summary(const struct rows *counts, size_t gaps)
{
    int64_t extra = rows_integer(counts, 0, "extra");
    printf("%s: %lld points, %lld seeds, ", rows_text(counts, 0, "name"),
           (long long)rows_integer(counts, 0, "point_count"),
           (long long)rows_integer(counts, 0, "seeds"));
    if (extra > 0)
        printf("%lld more that adaptive_seeds added, ", (long long)extra);
    printf("%lld jobs, %lld finished, %lld results: ", (long long)rows_integer(counts, 0, "jobs"),
           (long long)rows_integer(counts, 0, "done"),
           (long long)rows_integer(counts, 0, "results"));
    if (gaps == 0)
        printf("complete\n");
    else
        printf("%zu gap%s\n", gaps, gaps == 1 ? "" : "s");
}

static bool print_answer(struct source *source, const struct arguments *arguments, int64_t sweep,
                         const struct table_options *options, int *exit_code, struct error *error)
{
    struct value parameter = value_integer(sweep);
    struct rows *counts;
    if (!source_query(source, "verify-counts", &parameter, 1, &counts, error))
        return false;
    struct table *table = table_create(columns, sizeof columns / sizeof *columns);
    /* Somebody else's design need not be a full grid. */
    bool is_grid = rows_text(counts, 0, "origin")[0] == 's';
    bool good = (!is_grid || add_missing(table, source, &parameter, error)) &&
                add_gaps(table, source, &parameter, error) &&
                add_lost_weights(table, source, &parameter, error) &&
                add_lost_results(table, source, arguments, sweep, error);
    size_t gaps = good ? table_row_count(table) : 0;
    if (good && options->format == TABLE_FORMAT_PEOPLE)
        print_summary(counts, gaps);
    if (good && (gaps > 0 || options->format != TABLE_FORMAT_PEOPLE))
        good = table_print(table, options, 0, error);
    *exit_code = gaps > 0;
    table_destroy(table);
    rows_destroy(counts);
    return good;
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    int64_t sweep;
    struct table_options options;
    struct source *source;
    if (!table_options_read(arguments, &options, error) || !source_open(&source, arguments, error))
        return false;
    bool good = source_find_sweep(source, arguments->positional[0], &sweep, NULL, error) &&
                print_answer(source, arguments, sweep, &options, exit_code, error);
    source_close(source);
    return good;
}

const struct command command_verify = {
    .name = "verify",
    .group = "Results",
    .arguments = "SWEEP",
    .summary = "whether every point and seed has its result, once; else what is missing",
    .details = "Counts points and seeds, jobs, accuracies and attempts; compares the digests of\n"
               "each training with its job's, and those of the weights that are kept with their\n"
               "files', and, on the coordinator's machine, all results with the journal of\n"
               "results beside the database. Exit code 1 when anything is missing.",
    .example = "lipsweep verify quickstart --db quickstart.db",
    .takes = COMMAND_TAKES_SOURCE | COMMAND_TAKES_TABLE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run,
};
