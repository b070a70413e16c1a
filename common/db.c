#include "common/db.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/db_private.h"
#include "common/migrate.h"

enum { BUSY_TIMEOUT_MS = 5000 };

static enum error_code code_of(int result)
{
    switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERROR_BUSY;
    case SQLITE_NOMEM:
        return ERROR_MEMORY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERROR_DATA;
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return ERROR_SYSTEM;
    default:
        return ERROR_FAILED;
    }
}

bool db_fail(struct db *db, int result, const char *sql, struct error *error)
{
    if ((result & 0xff) == SQLITE_NOTADB)
        return error_set(error, ERROR_DATA, "%s is not a lipsweep database (nor one of SQLite)",
                         db->path);
    return error_set(error, code_of(result), "database %s: %s%s%.300s", db->path,
                     sqlite3_errmsg(db->handle), sql ? "; in: " : "", sql ? sql : "");
}

void db_count_no_memory(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static bool open_handle(struct db **db, const char *path, int flags, struct error *error)
{
    struct db *made = calloc(1, sizeof *made);
    if (!made || !(made->path = strdup(path))) {
        free(made);
        return error_set(error, ERROR_MEMORY, "out of memory");
    }
    /* A connection stays in the thread that opened it, so it needs no locks of its own. */
    int result = sqlite3_open_v2(path, &made->handle,
                                 flags | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOMUTEX, NULL);
    if (result != SQLITE_OK) {
        db_fail(made, result, NULL, error);
        db_close(made);
        return false;
    }
    sqlite3_busy_timeout(made->handle, BUSY_TIMEOUT_MS);
    /* What stands in the file is data: its schema may not call functions with side effects, and
     * nobody edits the schema tables. */
    sqlite3_db_config(made->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(made->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    *db = made;
    return true;
}

static bool check_integrity(struct db *db, struct error *error)
{
    sqlite3_stmt *handle = NULL;
    int result = sqlite3_prepare_v2(db->handle, "PRAGMA integrity_check", -1, &handle, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_step(handle);
    bool good;
    if (result != SQLITE_ROW)
        good = db_fail(db, result, "integrity_check", error);
    else if (strcmp((const char *)sqlite3_column_text(handle, 0), "ok") != 0)
        good = error_set(error, ERROR_DATA, "%s is damaged: %s", db->path,
                         (const char *)sqlite3_column_text(handle, 0));
    else
        good = true;
    sqlite3_finalize(handle);
    return good;
}

static bool copy_whole(struct db *source, struct db *target, struct error *error)
{
    sqlite3_backup *backup = sqlite3_backup_init(target->handle, "main", source->handle, "main");
    if (!backup)
        return db_fail(target, sqlite3_errcode(target->handle), NULL, error);
    sqlite3_backup_step(backup, -1);
    int result = sqlite3_backup_finish(backup);
    return result == SQLITE_OK || db_fail(target, result, NULL, error);
}

bool db_backup(struct db *db, const char *path, struct error *error)
{
    struct db *copy;
    if (!open_handle(&copy, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error))
        return false;
    bool good = copy_whole(db, copy, error) && check_integrity(copy, error);
    db_close(copy);
    return good;
}

/* In place of SQLite's own hook, which would move the log into the database within a commit. */
static int note_log(void *context, sqlite3 *handle, const char *name, int pages)
{
    (void)handle, (void)name;
    ((struct db *)context)->log_pages = pages;
    return SQLITE_OK;
}

bool db_open(struct db **db, const char *path, bool create, struct error *error)
{
    if (!create && access(path, F_OK) != 0)
        return error_set(error, ERROR_NOT_FOUND, "there is no database %s", path);
    struct db *made;
    if (!open_handle(&made, path, SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0), error))
        return false;
    if (!migrate_writer(made, error)) {
        db_close(made);
        return false;
    }
    sqlite3_wal_hook(made->handle, note_log, made);
    *db = made;
    return true;
}

bool db_open_read_only(struct db **db, const char *path, struct error *error)
{
    if (access(path, F_OK) != 0)
        return error_set(error, ERROR_NOT_FOUND, "there is no database %s", path);
    struct db *made;
    if (!open_handle(&made, path, SQLITE_OPEN_READONLY, error))
        return false;
    if (!migrate_check_reader(made, error) || !db_execute(made, "PRAGMA query_only = ON", error)) {
        db_close(made);
        return false;
    }
    *db = made;
    return true;
}

bool db_set_durable(struct db *db, bool durable, struct error *error)
{
    if (db->fleeting == !durable)
        return true;
    db->fleeting = !durable;
    return db_execute(db, durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
                      error);
}

void db_close(struct db *db)
{
    if (!db)
        return;
    for (size_t i = 0; i < db->statement_count; i++) {
        sqlite3_finalize(db->statements[i]->handle);
        free(db->statements[i]);
    }
    sqlite3_close(db->handle);
    free(db->path);
    free(db);
}

bool db_execute(struct db *db, const char *sql, struct error *error)
{
    int result = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return result == SQLITE_OK || db_fail(db, result, sql, error);
}

const char *db_library(void)
{
    return "SQLite " SQLITE_VERSION;
}

const char *db_path(const struct db *db)
{
    return db->path;
}

int64_t db_log_pages(const struct db *db)
{
    return db->log_pages;
}

static bool checkpoint(struct db *db, int mode, bool *whole, struct error *error)
{
    int pages = 0, moved = 0;
    int result = sqlite3_wal_checkpoint_v2(db->handle, "main", mode, &pages, &moved);
    *whole = result == SQLITE_OK && moved == pages;
    return result == SQLITE_OK || result == SQLITE_BUSY || db_fail(db, result, "checkpoint", error);
}

bool db_move_log(struct db *db, bool *whole, struct error *error)
{
    return checkpoint(db, SQLITE_CHECKPOINT_PASSIVE, whole, error);
}

bool db_empty_log(struct db *db, bool *empty, struct error *error)
{
    sqlite3_busy_timeout(db->handle, 0); /* readers are not waited for */
    bool good = checkpoint(db, SQLITE_CHECKPOINT_TRUNCATE, empty, error);
    sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    if (*empty)
        db->log_pages = 0;
    return good;
}

int64_t db_changes(struct db *db)
{
    return sqlite3_changes64(db->handle);
}

int64_t db_last_id(struct db *db)
{
    return sqlite3_last_insert_rowid(db->handle);
}

/* Where a statement of this text's address may be: mostly it is the very same literal. */
static struct statement **slot_of(struct db *db, const char *sql)
{
    uint64_t mixed = (uint64_t)(uintptr_t)sql * 0x9e3779b97f4a7c15u;
    return &db->slots[(mixed >> 32) % STATEMENT_SLOTS];
}

static struct statement *find_statement(struct db *db, const char *sql)
{
    struct statement **slot = slot_of(db, sql);
    if (*slot && (*slot)->sql == sql)
        return *slot;
    for (size_t i = 0; i < db->statement_count; i++)
        if (db->statements[i]->sql == sql ||
            strcmp(sqlite3_sql(db->statements[i]->handle), sql) == 0)
            return *slot = db->statements[i];
    return NULL;
}

bool db_prepare(struct db *db, const char *sql, struct statement **statement, struct error *error)
{
    if (!db_prepare_bound(db, sql, statement, error))
        return false;
    sqlite3_clear_bindings((*statement)->handle);
    return true;
}

bool db_prepare_bound(struct db *db, const char *sql, struct statement **statement,
                      struct error *error)
{
    struct statement *found = find_statement(db, sql);
    if (found) {
        statement_reset(found);
        *statement = found;
        return true;
    }
    assert(db->statement_count < STATEMENTS_MAX); /* SQL is literals: their number is ours */
    struct statement *made = calloc(1, sizeof *made);
    if (!made)
        return error_set(error, ERROR_MEMORY, "out of memory");
    int result =
        sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &made->handle, NULL);
    if (result != SQLITE_OK) {
        free(made);
        return db_fail(db, result, sql, error);
    }
    made->sql = sql;
    db->statements[db->statement_count++] = made;
    *statement = made;
    return true;
}

static void note_bind(struct statement *statement, int result)
{
    if (statement->bind_result == SQLITE_OK)
        statement->bind_result = result;
}

void statement_bind_integer(struct statement *statement, int index, int64_t value)
{
    note_bind(statement, sqlite3_bind_int64(statement->handle, index, value));
}

void statement_bind_real(struct statement *statement, int index, double value)
{
    note_bind(statement, isnan(value) ? sqlite3_bind_null(statement->handle, index)
                                      : sqlite3_bind_double(statement->handle, index, value));
}

void statement_bind_text(struct statement *statement, int index, const char *value)
{
    note_bind(statement, sqlite3_bind_text(statement->handle, index, value, -1, SQLITE_TRANSIENT));
}

void statement_bind_literal(struct statement *statement, int index, const char *value)
{
    note_bind(statement, sqlite3_bind_text(statement->handle, index, value, -1, SQLITE_STATIC));
}

void statement_bind_blob(struct statement *statement, int index, const void *data, size_t length)
{
    /* An empty blob is not NULL, whatever the pointer is. */
    note_bind(statement, length == 0 ? sqlite3_bind_zeroblob(statement->handle, index, 0)
                                     : sqlite3_bind_blob64(statement->handle, index, data, length,
                                                           SQLITE_TRANSIENT));
}

void statement_bind_literal_blob(struct statement *statement, int index, const void *data,
                                 size_t length)
{
    note_bind(statement,
              sqlite3_bind_blob64(statement->handle, index, data, length, SQLITE_STATIC));
}

void statement_bind_null(struct statement *statement, int index)
{
    note_bind(statement, sqlite3_bind_null(statement->handle, index));
}

static bool step_failed(struct statement *statement, int result, struct error *error)
{
    sqlite3 *handle = sqlite3_db_handle(statement->handle);
    struct db db = {.handle = handle,
                    .path = (char *)(uintptr_t)sqlite3_db_filename(handle, "main")};
    return db_fail(&db, result, sqlite3_sql(statement->handle), error);
}

bool statement_step(struct statement *statement, bool *row, struct error *error)
{
    int result = statement->bind_result;
    if (result == SQLITE_OK)
        result = sqlite3_step(statement->handle);
    *row = result == SQLITE_ROW;
    bool good = *row || result == SQLITE_DONE || step_failed(statement, result, error);
    if (!*row)
        statement_reset(statement);
    return good;
}

bool statement_run(struct statement *statement, struct error *error)
{
    bool row;
    if (!statement_step(statement, &row, error))
        return false;
    assert(!row);
    return true;
}

void statement_reset(struct statement *statement)
{
    sqlite3_reset(statement->handle);
    statement->bind_result = SQLITE_OK;
}

int statement_column_count(struct statement *statement)
{
    return sqlite3_column_count(statement->handle);
}

const char *statement_column_name(struct statement *statement, int column)
{
    return sqlite3_column_name(statement->handle, column);
}

enum value_type statement_type(struct statement *statement, int column)
{
    switch (sqlite3_column_type(statement->handle, column)) {
    case SQLITE_INTEGER:
        return VALUE_INTEGER;
    case SQLITE_FLOAT:
        return VALUE_REAL;
    case SQLITE_TEXT:
        return VALUE_TEXT;
    case SQLITE_BLOB:
        return VALUE_BLOB;
    default:
        return VALUE_NULL;
    }
}

int64_t statement_integer(struct statement *statement, int column)
{
    return sqlite3_column_int64(statement->handle, column);
}

double statement_real(struct statement *statement, int column)
{
    if (sqlite3_column_type(statement->handle, column) == SQLITE_NULL)
        return NAN;
    return sqlite3_column_double(statement->handle, column);
}

const char *statement_text(struct statement *statement, int column)
{
    return (const char *)sqlite3_column_text(statement->handle, column);
}

const void *statement_blob(struct statement *statement, int column, size_t *length)
{
    const void *data = sqlite3_column_blob(statement->handle, column);
    *length = (size_t)sqlite3_column_bytes(statement->handle, column);
    return data;
}
