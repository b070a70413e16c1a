/* lipsweep export: every measurement of a sweep as CSV or JSON, row by row, or the whole database.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/backup.h"
#include "client/command.h"
#include "client/memory.h"
#include "client/source.h"
#include "client/statement_cells.h"
#include "common/number.h"
#include "common/query.h"

static bool prepare(struct db *db, const char *name, int64_t sweep, struct statement **statement,
                    struct error *error)
{
    if (!db_prepare(db, query_find(name)->sql, statement, error))
        return false;
    statement_bind_integer(*statement, 1, sweep);
    return true;
}

static bool write_long(struct statement *statement, struct table_stream *stream,
                       struct error *error)
{
    size_t count = (size_t)statement_column_count(statement);
    struct table_column *columns = statement_cells_columns(statement);
    struct table *table = table_create(columns, count);
    bool good, row;
    while ((good = statement_step(statement, &row, error)) && row) {
        for (size_t i = 0; i < count; i++)
            statement_cells_add(table, statement, (int)i);
        table_stream_row(table, stream);
    }
    if (good)
        table_stream_end(table, stream);
    table_destroy(table);
    statement_cells_free_columns(columns, count);
    return good;
}

/* One row a job: what it was measured under, then its accuracy at each level. */
struct wide {
    double *levels, *accuracies;
    size_t level_count, level_size;
    int parameter_count, job, test_sigma, accuracy; /* columns of the long form */
    struct table_column *columns;
};

static bool read_levels(struct wide *wide, struct db *db, int64_t sweep, struct error *error)
{
    struct statement *statement;
    bool good = prepare(db, "export-levels", sweep, &statement, error), row = false;
    while (good && (good = statement_step(statement, &row, error)) && row) {
        wide->levels =
            memory_grow(wide->levels, wide->level_count, &wide->level_size, sizeof *wide->levels);
        wide->levels[wide->level_count++] = statement_real(statement, 0);
    }
    return good;
}

static int column_named(struct statement *statement, const char *name)
{
    int column = 0;
    while (strcmp(statement_column_name(statement, column), name) != 0)
        column++;
    return column;
}

static void name_columns(struct wide *wide, struct statement *statement)
{
    char number[NUMBER_TEXT], name[NUMBER_TEXT + 16];
    wide->job = column_named(statement, "job");
    wide->test_sigma = column_named(statement, "test_sigma");
    wide->accuracy = column_named(statement, "accuracy");
    wide->parameter_count = wide->test_sigma; /* measures follow it */
    size_t count = (size_t)wide->parameter_count + wide->level_count;
    wide->columns = memory_allocate(count, sizeof *wide->columns);
    for (int i = 0; i < wide->parameter_count; i++)
        wide->columns[i].name = memory_text(statement_column_name(statement, i));
    for (size_t i = 0; i < wide->level_count; i++) {
        number_format(wide->levels[i], number);
        snprintf(name, sizeof name, "accuracy_%s", number);
        wide->columns[(size_t)wide->parameter_count + i].name = memory_text(name);
    }
    wide->accuracies = memory_allocate(wide->level_count, sizeof *wide->accuracies);
}

static void end_job(struct wide *wide, struct table *table, struct table_stream *stream)
{
    for (size_t i = 0; i < wide->level_count; i++)
        table_real(table, wide->accuracies[i], -1);
    table_stream_row(table, stream);
}

static void begin_job(struct wide *wide, struct table *table, struct statement *statement)
{
    for (int i = 0; i < wide->parameter_count; i++)
        statement_cells_add(table, statement, i);
    for (size_t i = 0; i < wide->level_count; i++)
        wide->accuracies[i] = NAN;
}

static bool write_jobs(struct wide *wide, struct statement *statement, struct table_stream *stream,
                       struct error *error)
{
    size_t count = (size_t)wide->parameter_count + wide->level_count;
    struct table *table = table_create(wide->columns, count);
    int64_t job = 0;
    bool good, row;
    while ((good = statement_step(statement, &row, error)) && row) {
        if (statement_integer(statement, wide->job) != job) {
            if (job != 0)
                end_job(wide, table, stream);
            job = statement_integer(statement, wide->job);
            begin_job(wide, table, statement);
        }
        for (size_t i = 0; i < wide->level_count; i++)
            if (wide->levels[i] == statement_real(statement, wide->test_sigma))
                wide->accuracies[i] = statement_real(statement, wide->accuracy);
    }
    if (good && job != 0)
        end_job(wide, table, stream);
    if (good)
        table_stream_end(table, stream);
    table_destroy(table);
    return good;
}

static bool write_wide(struct db *db, int64_t sweep, struct statement *statement,
                       struct table_stream *stream, struct error *error)
{
    struct wide wide = {0};
    bool good = read_levels(&wide, db, sweep, error);
    if (good) {
        name_columns(&wide, statement);
        good = write_jobs(&wide, statement, stream, error);
        statement_cells_free_columns(wide.columns, (size_t)wide.parameter_count + wide.level_count);
    }
    free(wide.levels);
    free(wide.accuracies);
    return good;
}

/* One read transaction: what a coordinator commits meanwhile is not half in the file. */
static bool write_rows(struct db *db, int64_t sweep, bool wide, struct table_stream *stream,
                       struct error *error)
{
    struct statement *statement;
    struct error ignored;
    if (!db_execute(db, "BEGIN", error))
        return false;
    bool good = prepare(db, "export", sweep, &statement, error) &&
                (wide ? write_wide(db, sweep, statement, stream, error)
                      : write_long(statement, stream, error));
    return db_execute(db, "END", good ? error : &ignored) && good;
}

struct export
{
    const char *to;
    enum table_format format;
    bool whole_database, wide, replace;
};

static bool write_text(struct db *db, int64_t sweep, const struct export *export,
                       struct error *error)
{
    struct new_file file;
    if (!new_file_begin(&file, export->to, export->replace, error))
        return false;
    struct table_stream stream = {.format = export->format, .file = fopen(file.draft, "we")};
    if (!stream.file)
        return error_set_errno(error, errno, "cannot write %s", file.draft);
    bool good = write_rows(db, sweep, export->wide, &stream, error);
    bool written = fflush(stream.file) == 0 && !ferror(stream.file);
    int number = errno;
    fclose(stream.file);
    if (good && !written)
        good = error_set_errno(error, number, "cannot write %s", file.draft);
    if (!new_file_end(&file, good, error))
        return false;
    printf("%s: %zu rows\n", export->to, stream.row_count);
    return true;
}

static bool read_options(const struct arguments *arguments, struct export *export,
                         struct error *error)
{
    *export = (struct export){.to = arguments_value(arguments, "to"),
                              .wide = arguments_flag(arguments, "wide"),
                              .replace = arguments_flag(arguments, "yes")};
    const char *ending = export->to ? strrchr(export->to, '.') : NULL;
    export->whole_database = ending && strcmp(ending, ".db") == 0;
    if (ending && strcmp(ending, ".csv") == 0)
        export->format = TABLE_FORMAT_CSV;
    else if (ending && strcmp(ending, ".json") == 0)
        export->format = TABLE_FORMAT_JSON;
    else if (!export->whole_database)
        return error_set(error, ERROR_USAGE, "say --to FILE, ending in .csv, .json or .db");
    return !export->whole_database || !export->wide ||
           error_set(error, ERROR_USAGE, "--wide is for CSV and JSON");
}

static bool export_from(const char *database, const char *name, const struct export *export,
                        struct error *error)
{
    struct source *source;
    struct db *db;
    int64_t sweep;
    if (!source_open_database(&source, database, error))
        return false;
    bool found = source_find_sweep(source, name, &sweep, NULL, error);
    source_close(source);
    if (!found || !db_open_read_only(&db, database, error))
        return false;
    bool good = export->whole_database ? backup_write(db, export->to, export->replace, error)
                                       : write_text(db, sweep, export, error);
    db_close(db);
    if (good && export->whole_database)
        printf("%s: a copy of the whole database, checked\n", export->to);
    return good;
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    *exit_code = 0;
    struct export export;
    struct source_choice choice;
    char *database;
    if (!read_options(arguments, &export, error) || !source_choose(arguments, &choice, error) ||
        !source_database_file(&choice, &database, error))
        return false;
    bool good = export_from(database, arguments->positional[0], &export, error);
    free(database);
    return good;
}

const struct command command_export = {
    .name = "export",
    .group = "Results",
    .arguments = "SWEEP",
    .summary = "every measurement as CSV or JSON, or a copy of the database",
    .details = "One row a job and test sigma, all measures (docs/database.md, measurements); the\n"
               "copy has the whole database, all sweeps of it.",
    .example = "lipsweep export quickstart --to quickstart.csv --db quickstart.db",
    .options =
        (const struct option_info[]){{"to", "FILE", "ending in .csv, .json or .db"},
                                     {"wide", NULL, "one row a job, a column for each test sigma"},
                                     {"yes", NULL, "replace FILE if it exists"},
                                     {NULL, NULL, NULL}},
    .takes = COMMAND_TAKES_SOURCE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run,
};
