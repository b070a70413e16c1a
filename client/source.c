#include "client/source.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "client/memory.h"
#include "common/lockfile.h"
#include "common/number.h"
#include "common/query.h"
#include "common/socket_folder.h"
#include "common/weights_folder.h"

enum {
    GREETING_TIMEOUT_MS = 10000,
    KEYED_GREETING_TIMEOUT_MS = 10000, /* over a network, with a handshake */
    LIVE_TIMEOUT_MS = 5000,
    ROWS_AT_ONCE = 1000,
};

struct source {
    struct db *db; /* NULL: over the connection */
    char *database;
    struct connection *connection; /* of a database's holder: for live data alone */
};

bool source_choose(const struct arguments *arguments, struct source_choice *choice,
                   struct error *error)
{
    *choice = (struct source_choice){
        .database = arguments_value(arguments, "db"),
        .endpoint = arguments_value(arguments, "connect"),
        .join = arguments_value(arguments, "join"),
        .insecure_loopback = arguments_flag(arguments, "insecure-loopback"),
    };
    if (choice->database && (choice->endpoint || choice->join))
        return error_set(error, ERROR_USAGE, "--db and %s: give one of them",
                         choice->endpoint ? "--connect" : "--join");
    if (choice->database || choice->endpoint || choice->join)
        return true;
    choice->database = getenv("LIPSWEEP_DB");
    choice->endpoint = getenv("LIPSWEEP_CONNECT");
    if (choice->database && !*choice->database)
        choice->database = NULL;
    if (choice->endpoint && !*choice->endpoint)
        choice->endpoint = NULL;
    if (choice->database && choice->endpoint)
        return error_set(error, ERROR_USAGE,
                         "LIPSWEEP_DB and LIPSWEEP_CONNECT are both set: say --db or --connect");
    return true;
}

static bool connect_by_key(const struct source_choice *choice, struct connection **connection,
                           struct error *error)
{
    struct key join;
    struct connection_options options = {
        .endpoint = choice->endpoint, .join = &join, .timeout_ms = KEYED_GREETING_TIMEOUT_MS};
    if (!key_read_join(choice->join, &join, error))
        return false;
    if (!options.endpoint)
        options.endpoint = join.address;
    bool good = connection_open(connection, &options, error);
    if (!good && (error->code == ERROR_UNREACHABLE || error->code == ERROR_TIMEOUT))
        error_prefix(error, "no coordinator lets the key %s in at %s", join.name, options.endpoint);
    key_forget(&join);
    return good;
}

bool source_connect(const struct source_choice *choice, struct connection **connection,
                    struct error *error)
{
    if (choice->join)
        return connect_by_key(choice, connection, error);
    char endpoint[256];
    struct connection_options options = {.endpoint = choice->endpoint,
                                         .insecure_loopback = choice->insecure_loopback,
                                         .timeout_ms = GREETING_TIMEOUT_MS};
    if (!options.endpoint) {
        if (!socket_default_endpoint(endpoint, error))
            return false;
        options.endpoint = endpoint;
    }
    if (connection_open(connection, &options, error))
        return true;
    if (error->code == ERROR_UNREACHABLE && !choice->endpoint)
        error_set(error, ERROR_UNREACHABLE,
                  "no coordinator of yours runs on this machine (%s); "
                  "to read the database of a run, say --db FILE",
                  endpoint);
    return false;
}

bool source_database_file(const struct source_choice *choice, char **path, struct error *error)
{
    struct connection *connection;
    if (choice->database) {
        *path = memory_text(choice->database);
        return true;
    }
    /* With a key it may be another machine, where the path names another file. */
    if (choice->join)
        return error_set(error, ERROR_USAGE,
                         "this command reads the database's file: run it with --db FILE on the "
                         "coordinator's machine");
    if (!source_connect(choice, &connection, error))
        return false;
    *path = memory_text(connection_database(connection));
    connection_close(connection);
    return true;
}

bool source_open_database(struct source **source, const char *path, struct error *error)
{
    struct source *made = memory_allocate(1, sizeof *made);
    made->database = memory_text(path);
    if (!db_open_read_only(&made->db, path, error)) {
        source_close(made);
        return false;
    }
    *source = made;
    return true;
}

bool source_open(struct source **source, const struct arguments *arguments, struct error *error)
{
    struct source_choice choice;
    if (!source_choose(arguments, &choice, error))
        return false;
    if (choice.database)
        return source_open_database(source, choice.database, error);
    struct connection *connection;
    if (!source_connect(&choice, &connection, error))
        return false;
    *source = memory_allocate(1, sizeof **source);
    (*source)->connection = connection;
    return true;
}

void source_close(struct source *source)
{
    if (!source)
        return;
    db_close(source->db);
    connection_close(source->connection);
    free(source->database);
    free(source);
}

static void bind(struct statement *statement, int index, const struct value *value)
{
    switch (value->type) {
    case VALUE_NULL:
        statement_bind_null(statement, index);
        break;
    case VALUE_INTEGER:
        statement_bind_integer(statement, index, value->integer);
        break;
    case VALUE_REAL:
        statement_bind_real(statement, index, value->real);
        break;
    case VALUE_TEXT:
        statement_bind_text(statement, index, value->bytes);
        break;
    case VALUE_BLOB:
        statement_bind_blob(statement, index, value->bytes, value->length);
        break;
    }
}

static void add_column_value(struct rows *rows, struct statement *statement, int column)
{
    size_t length;
    switch (statement_type(statement, column)) {
    case VALUE_NULL:
        rows_add_null(rows);
        break;
    case VALUE_INTEGER:
        rows_add_integer(rows, statement_integer(statement, column));
        break;
    case VALUE_REAL:
        rows_add_real(rows, statement_real(statement, column));
        break;
    case VALUE_TEXT: {
        const char *text = statement_text(statement, column);
        rows_add_bytes(rows, VALUE_TEXT, text, strlen(text));
        break;
    }
    case VALUE_BLOB: {
        const void *data = statement_blob(statement, column, &length);
        rows_add_bytes(rows, VALUE_BLOB, data, length);
        break;
    }
    }
}

static bool add_row(struct statement *statement, struct rows *rows, bool *row, struct error *error)
{
    if (!statement_step(statement, row, error))
        return false;
    for (size_t i = 0; *row && i < rows->column_count; i++)
        add_column_value(rows, statement, (int)i);
    return true;
}

static bool read_some(struct statement *statement, struct rows *rows, rows_visit *visit,
                      void *context, struct error *error)
{
    int count = statement_column_count(statement);
    for (int i = 0; i < count; i++)
        rows_add_column(rows, statement_column_name(statement, i));
    for (bool row = true; row;) {
        if (!add_row(statement, rows, &row, error))
            return false;
        if (row && rows_count(rows) < ROWS_AT_ONCE)
            continue;
        if (!visit(context, rows, error)) {
            statement_reset(statement);
            return false;
        }
        rows_clear(rows);
    }
    return true;
}

static bool prepare(struct source *source, const char *name, const struct value *parameters,
                    size_t parameter_count, struct statement **statement, struct error *error)
{
    const struct query *query = query_find(name);
    if (!query || query->parameter_count != (int)parameter_count)
        return error_set(error, ERROR_FAILED, "this program has no query %s of %zu parameters",
                         name, parameter_count);
    if (!db_prepare(source->db, query->sql, statement, error))
        return false;
    for (int i = 0; i < query->parameter_count; i++)
        bind(*statement, i + 1, &parameters[i]);
    return true;
}

bool source_each(struct source *source, const char *name, const struct value *parameters,
                 size_t parameter_count, rows_visit *visit, void *context, struct error *error)
{
    if (!source->db)
        return connection_each(source->connection, name, parameters, parameter_count, visit,
                               context, error);
    struct statement *statement;
    if (!prepare(source, name, parameters, parameter_count, &statement, error))
        return false;
    struct rows *rows = rows_create();
    bool good = read_some(statement, rows, visit, context, error);
    rows_destroy(rows);
    return good;
}

static bool keep(void *context, struct rows *rows, struct error *error)
{
    (void)error;
    rows_take(context, rows);
    return true;
}

bool source_query(struct source *source, const char *name, const struct value *parameters,
                  size_t parameter_count, struct rows **rows, struct error *error)
{
    struct rows *made = rows_create();
    if (!source_each(source, name, parameters, parameter_count, keep, made, error)) {
        rows_destroy(made);
        return false;
    }
    *rows = made;
    return true;
}

bool source_weights(struct source *source, const char *digest, uint8_t **bytes, size_t *length,
                    struct error *error)
{
    if (source->db)
        return weights_folder_read(source->database, digest, bytes, length, error);
    if (!connection_weights(source->connection, digest, bytes, length, error))
        return false;
    if (weights_folder_check(*bytes, *length, digest, error))
        return true;
    free(*bytes);
    return false;
}

/* A database that somebody writes: its lock file says who. */
static void connect_holder(struct source *source)
{
    struct lockfile_holder holder;
    struct error error;
    if (!lockfile_read(source->database, &holder, &error) || !holder.held || !holder.endpoint[0])
        return;
    struct connection_options options = {.endpoint = holder.endpoint,
                                         .insecure_loopback = true, /* it is on this machine */
                                         .timeout_ms = LIVE_TIMEOUT_MS};
    if (!connection_open(&source->connection, &options, &error))
        source->connection = NULL;
}

void source_live(struct source *source, Wire__Envelope **reply)
{
    struct error error;
    *reply = NULL;
    if (!source->connection)
        connect_holder(source);
    if (!source->connection || connection_live(source->connection, LIVE_TIMEOUT_MS, reply, &error))
        return;
    *reply = NULL;
    if (source->db) { /* it may have ended, and another may come */
        connection_close(source->connection);
        source->connection = NULL;
    }
}

bool source_find_sweep(struct source *source, const char *text, int64_t *sweep, char **name,
                       struct error *error)
{
    struct value parameter = value_text(text);
    struct rows *rows;
    if (!source_query(source, "sweep-find", &parameter, 1, &rows, error))
        return false;
    if (rows_count(rows) == 0) {
        rows_destroy(rows);
        return strcmp(text, "last") == 0
                   ? error_set(error, ERROR_NOT_FOUND, "there is no sweep yet")
                   : error_set(error, ERROR_NOT_FOUND, "there is no sweep '%.64s'", text);
    }
    *sweep = rows_integer(rows, 0, "id");
    if (name)
        *name = memory_text(rows_text(rows, 0, "name"));
    rows_destroy(rows);
    return true;
}

bool source_parse_job(const char *text, int64_t *job, struct error *error)
{
    const char *digits = text + (*text == 'j');
    if (!isdigit((unsigned char)*digits) || !number_parse_integer(digits, job) || *job < 1)
        return error_set(error, ERROR_USAGE, "'%.60s' is no job: write j17", text);
    return true;
}

struct value value_text(const char *text)
{
    if (!text)
        return value_null();
    return (struct value){
        .type = VALUE_TEXT, .bytes = (char *)(uintptr_t)text, .length = strlen(text)};
}
