#include "common/db_guard.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/db_private.h"

enum { PROGRESS_OPCODES = 1000, MILLION = 1000000 };

/* Everything SQLite computes without a side effect. Allowed by name, because a future SQLite may
 * bring functions nobody has looked at. zeroblob and randomblob make large values out of nothing;
 * load_extension, readfile, writefile, edit, fts3_tokenizer do more than compute. */
static const char *const functions[] = {
    /* values and text */
    "abs", "ceil", "ceiling", "char", "coalesce", "floor", "format", "glob", "hex", "ifnull", "iif",
    "instr", "length", "like", "likelihood", "likely", "lower", "ltrim", "max", "min", "mod",
    "nullif", "printf", "quote", "replace", "round", "rtrim", "sign", "substr", "substring", "trim",
    "trunc", "typeof", "unicode", "unlikely", "upper", "sqlite_version", "random",
    /* mathematics */
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cos", "cosh", "degrees", "exp",
    "ln", "log", "log10", "log2", "pi", "pow", "power", "radians", "sin", "sinh", "sqrt", "tan",
    "tanh",
    /* times */
    "date", "time", "datetime", "julianday", "unixepoch", "strftime", "current_date",
    "current_time", "current_timestamp",
    /* aggregates and windows */
    "avg", "count", "group_concat", "sum", "total", "cume_dist", "dense_rank", "first_value", "lag",
    "last_value", "lead", "nth_value", "ntile", "percent_rank", "rank", "row_number",
    /* JSON */
    "json", "json_array", "json_array_length", "json_extract", "json_group_array",
    "json_group_object", "json_object", "json_type", "json_valid", "json_quote", "->", "->>"};

/* Virtual tables that are simply there, made of SQLite's insides. */
static const char *const hidden_tables[] = {"pragma_",     "sqlite_db",   "dbstat", "bytecode",
                                            "tables_used", "sqlite_stmt", "fts",    "rtree"};

static bool function_is_allowed(const char *name)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (sqlite3_stricmp(functions[i], name) == 0)
            return true;
    return false;
}

static bool table_is_allowed(const char *name)
{
    for (size_t i = 0; i < sizeof hidden_tables / sizeof *hidden_tables; i++)
        if (sqlite3_strnicmp(hidden_tables[i], name, (int)strlen(hidden_tables[i])) == 0)
            return false;
    return true;
}

static bool action_is_allowed(int action, const char *first, const char *second)
{
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
        return true;
    case SQLITE_READ:
        return !first || table_is_allowed(first);
    case SQLITE_FUNCTION:
        return second && function_is_allowed(second);
    default:
        return false;
    }
}

static int authorize(void *context, int action, const char *first, const char *second,
                     const char *database, const char *trigger)
{
    (void)database, (void)trigger;
    struct db_guard *guard = context;
    if (action_is_allowed(action, first, second))
        return SQLITE_OK;
    guard->denied = true;
    return SQLITE_DENY;
}

static int64_t now_ms(void)
{
    struct clock clock = clock_system();
    return clock_now_ms(&clock);
}

static bool time_is_up(const struct db_guard *guard)
{
    return guard->spent_ms + now_ms() - guard->stepping_at_ms > guard->time_ms;
}

static int look_at_the_clock(void *context)
{
    return time_is_up(context);
}

static void set_limits(sqlite3 *handle)
{
    static const struct {
        int which, value;
    } limits[] = {
        {SQLITE_LIMIT_LENGTH, 4 * MILLION}, /* half a log is the longest value there is */
        {SQLITE_LIMIT_SQL_LENGTH, 100000},  {SQLITE_LIMIT_COLUMN, 500},
        {SQLITE_LIMIT_EXPR_DEPTH, 200},     {SQLITE_LIMIT_COMPOUND_SELECT, 50},
        {SQLITE_LIMIT_VDBE_OP, 100000},     {SQLITE_LIMIT_FUNCTION_ARG, 50},
        {SQLITE_LIMIT_ATTACHED, 0},         {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 200},
        {SQLITE_LIMIT_VARIABLE_NUMBER, 10}, {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
    };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        sqlite3_limit(handle, limits[i].which, limits[i].value);
}

bool db_guard_install(struct db *db, struct db_guard *guard, struct error *error)
{
    /* Sorting stays in memory: no file is made. A first read opens what SQLite will ever open. */
    struct statement *statement;
    bool row;
    if (!db_execute(db, "PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0", error) ||
        !db_prepare(db, "SELECT count(*) FROM sqlite_schema", &statement, error) ||
        !statement_step(statement, &row, error))
        return false;
    statement_reset(statement);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0, NULL);
    sqlite3_hard_heap_limit64(guard->memory_bytes);
    set_limits(db->handle);
    guard->spent_ms = 0;
    guard->stepping_at_ms = now_ms();
    sqlite3_progress_handler(db->handle, PROGRESS_OPCODES, look_at_the_clock, guard);
    sqlite3_set_authorizer(db->handle, authorize, guard);
    return true;
}

static bool fail_prepare(const struct db_guard *guard, struct db *db, int result,
                         struct error *error)
{
    const char *words = sqlite3_errmsg(db->handle);
    if (guard->denied)
        return error_set(error, ERROR_REFUSED, "only reading is allowed: %s", words);
    if ((result & 0xff) == SQLITE_NOMEM)
        return error_set(error, ERROR_REFUSED, "the statement needs more memory than it may have");
    return error_set(error, ERROR_USAGE, "%s", words);
}

static bool is_blank(const char *tail)
{
    while (isspace((unsigned char)*tail) || *tail == ';')
        tail++;
    return *tail == '\0';
}

bool db_guard_prepare(struct db_guard *guard, struct db *db, const char *sql,
                      struct statement **statement, struct error *error)
{
    const char *tail = NULL;
    struct statement *made = calloc(1, sizeof *made);
    if (!made)
        return error_set(error, ERROR_MEMORY, "out of memory");
    guard->denied = false;
    int result = sqlite3_prepare_v2(db->handle, sql, -1, &made->handle, &tail);
    if (result != SQLITE_OK) {
        free(made);
        return fail_prepare(guard, db, result, error);
    }
    if (made->handle && is_blank(tail) && sqlite3_stmt_readonly(made->handle) &&
        db->statement_count < STATEMENTS_MAX) {
        db->statements[db->statement_count++] = made;
        *statement = made;
        return true;
    }
    error_set(error, ERROR_USAGE, made->handle ? "one SELECT at a time" : "no statement");
    sqlite3_finalize(made->handle);
    free(made);
    return false;
}

bool db_guard_step(struct db_guard *guard, struct statement *statement, bool *row,
                   struct error *error)
{
    guard->stepping_at_ms = now_ms();
    int result = sqlite3_step(statement->handle);
    bool late = time_is_up(guard);
    guard->spent_ms += now_ms() - guard->stepping_at_ms;
    *row = result == SQLITE_ROW;
    if (late || result == SQLITE_INTERRUPT)
        return error_set(error, ERROR_REFUSED, "the statement took longer than %g s (--timeout)",
                         (double)guard->time_ms / 1000);
    if (*row || result == SQLITE_DONE)
        return true;
    if (result == SQLITE_NOMEM || result == SQLITE_TOOBIG)
        return error_set(error, ERROR_REFUSED, "the statement needs more memory than it may have");
    return error_set(error, ERROR_FAILED, "%s",
                     sqlite3_errmsg(sqlite3_db_handle(statement->handle)));
}

static int look_at_the_flag(void *context)
{
    return atomic_load((const atomic_bool *)context);
}

void db_end_when(struct db *db, const atomic_bool *flag)
{
    sqlite3_progress_handler(db->handle, PROGRESS_OPCODES, look_at_the_flag,
                             (void *)(uintptr_t)flag);
}
