/* lipsweep sql: somebody's own SELECT. It runs in a process of its own, behind the guard
 * (common/db_guard.h) and under limits of the operating system, so that no statement harms the
 * machine, the database or who writes it.
 *
 *     lipsweep ---fork---> opens, guards, limits itself ---> steps and prints
 *         '------waits; a child that a limit ended becomes a message
 *
 * Forked, not spawned: no thread runs (a connection that told where the database is has ended), and
 * the child needs only what is here. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/command.h"
#include "client/source.h"
#include "client/statement_cells.h"
#include "common/db_guard.h"

#if defined(__SANITIZE_ADDRESS__)
enum { HAS_ADDRESS_LIMIT = 0 }; /* the sanitizer's own map needs terabytes of it */
#else
enum { HAS_ADDRESS_LIMIT = 1 };
#endif

enum {
    TIMEOUT_S = 2,
    TIMEOUT_MAX_S = 86400,
    MEMORY_MIB = 256,
    MEMORY_MIN_MIB = 64, /* the program itself */
    MEMORY_MAX_MIB = 65536,
    MIB = 1024 * 1024
};

struct request {
    char *database; /* owned */
    const char *sql;
    int64_t timeout_s, memory_mib;
    struct table_options table;
};

/* A row limit for tables: the whole of it stands in memory before its columns are known. */
enum { PEOPLE_ROWS_MAX = 10000 };

static bool limit(int resource, rlim_t soft, rlim_t hard, struct error *error)
{
    struct rlimit value = {.rlim_cur = soft, .rlim_max = hard};
    return setrlimit((__rlimit_resource_t)resource, &value) == 0 ||
           error_set_errno(error, errno, "cannot limit what the statement may use");
}

/* With the database open, no other file ever is. */
static bool limit_process(const struct request *request, struct error *error)
{
    rlim_t memory = (rlim_t)request->memory_mib * MIB, cpu = (rlim_t)request->timeout_s;
    return limit(RLIMIT_NOFILE, 0, 0, error) && limit(RLIMIT_CORE, 0, 0, error) &&
           limit(RLIMIT_CPU, cpu, cpu + 1, error) &&
           (!HAS_ADDRESS_LIMIT || limit(RLIMIT_AS, memory, memory, error));
}

/* Rows go out as they come, so a long answer needs no room; people's tables are aligned, which
 * needs all rows at once. */
static bool print_rows(const struct request *request, struct db_guard *guard,
                       struct statement *statement, const struct table_column *columns,
                       size_t column_count, struct error *error)
{
    bool people = request->table.format == TABLE_FORMAT_PEOPLE, row = true;
    int64_t most = request->table.limit;
    if (people && (most < 0 || most > PEOPLE_ROWS_MAX))
        most = PEOPLE_ROWS_MAX;
    struct table *table = table_create(columns, column_count);
    struct table_stream stream = {.format = request->table.format, .file = stdout};
    bool good = true;
    int64_t count = 0;
    while ((good = db_guard_step(guard, statement, &row, error)) && row && count != most) {
        for (size_t i = 0; i < column_count; i++)
            statement_cells_add(table, statement, (int)i);
        count++;
        if (!people)
            table_stream_row(table, &stream);
    }
    if (good && people) {
        const struct table_options all = {.format = TABLE_FORMAT_PEOPLE, .limit = -1};
        good = table_print(table, &all, 0, error);
        if (good && row)
            printf("… more rows (--limit)\n");
    } else if (good)
        table_stream_end(table, &stream);
    table_destroy(table);
    return good;
}

static bool answer(const struct request *request, struct error *error)
{
    struct db *db;
    struct statement *statement = NULL;
    struct db_guard guard = {.time_ms = 1000 * request->timeout_s,
                             .memory_bytes =
                                 (request->memory_mib - MEMORY_MIN_MIB / 2) * (int64_t)MIB / 2};
    if (!db_open_read_only(&db, request->database, error))
        return false;
    bool good = db_guard_install(db, &guard, error) && limit_process(request, error) &&
                db_guard_prepare(&guard, db, request->sql, &statement, error);
    if (good) {
        struct table_column *columns = statement_cells_columns(statement);
        good = print_rows(request, &guard, statement, columns,
                          (size_t)statement_column_count(statement), error);
        statement_cells_free_columns(columns, (size_t)statement_column_count(statement));
    }
    db_close(db);
    return good;
}

static int run_child(const struct request *request)
{
    struct error error;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    bool good = answer(request, &error);
    if (fflush(stdout) != 0 && good)
        good = error_set_errno(&error, errno, "cannot write the output");
    if (good)
        return EXIT_SUCCESS;
    fprintf(stderr, "lipsweep: %s\n", error.message);
    return error_exit_code(error.code);
}

static bool tell_end(const struct request *request, int status, int *exit_code, struct error *error)
{
    if (WIFEXITED(status)) {
        *exit_code = WEXITSTATUS(status);
        return true;
    }
    int number = WTERMSIG(status);
    if (number == SIGXCPU || number == SIGKILL)
        return error_set(error, ERROR_REFUSED, "the statement took longer than %lld s (--timeout)",
                         (long long)request->timeout_s);
    if (number == SIGPIPE) { /* who read us had enough */
        *exit_code = EXIT_SUCCESS;
        return true;
    }
    return error_set(error, ERROR_FAILED, "the statement's process ended by signal %d", number);
}

static bool read_request(const struct arguments *arguments, struct request *request,
                         struct error *error)
{
    struct source_choice choice;
    *request = (struct request){
        .sql = arguments->positional[0], .timeout_s = TIMEOUT_S, .memory_mib = MEMORY_MIB};
    if (!source_choose(arguments, &choice, error) ||
        !table_options_read(arguments, &request->table, error) ||
        !arguments_integer(arguments, "timeout", 1, TIMEOUT_MAX_S, &request->timeout_s, error) ||
        !arguments_integer(arguments, "memory", MEMORY_MIN_MIB, MEMORY_MAX_MIB,
                           &request->memory_mib, error))
        return false;
    return source_database_file(&choice, &request->database, error);
}

static bool run_request(const struct request *request, int *exit_code, struct error *error)
{
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (child < 0)
        return error_set_errno(error, errno, "cannot start a process for the statement");
    if (child == 0)
        _exit(run_child(request));
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return error_set_errno(error, errno, "cannot wait for the statement's process");
    return tell_end(request, status, exit_code, error);
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    struct request request;
    if (!read_request(arguments, &request, error))
        return false;
    bool good = run_request(&request, exit_code, error);
    free(request.database);
    return good;
}

const struct command command_sql = {
    .name = "sql",
    .group = "Results",
    .arguments = "'SELECT …'",
    .summary = "your own read-only SQL; docs/database.md has the columns",
    .details = "One SELECT on tables and views, in a process of its own: it cannot write, open\n"
               "another file or load code, and ends when its time or memory is used up.",
    .example = "lipsweep sql 'SELECT lambda, avg(accuracy) FROM results GROUP BY lambda' "
               "--db quickstart.db",
    .options = (const struct option_info[]){{"timeout", "SECONDS", "at most this long (2)"},
                                            {"memory", "MIB", "at most this much (256)"},
                                            {NULL, NULL, NULL}},
    .takes = COMMAND_TAKES_SOURCE | COMMAND_TAKES_TABLE,
    .positional_min = 1,
    .positional_max = 1,
    .run = run,
};
