/* SQLite behind a narrow door: db.c and db_guard.c alone include sqlite3.h (db_private.h). Errors
 * carry SQLite's words and the statement.
 *
 * One read-write connection exists on a database, in the coordinator; everything else opens
 * read-only. A connection is used in one thread. */
#ifndef LIPSWEEP_COMMON_DB_H
#define LIPSWEEP_COMMON_DB_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

struct db;
struct statement;

enum { DB_APPLICATION_ID = 0x4c697073 }; /* "Lips" */

/* Before the first database is opened: SQLite does not count its allocations, which takes a lock
 * for each. Without the counts db_guard cannot bound a statement, so this is for a program that
 * runs nobody's statements but its own. */
void db_count_no_memory(void);

/* Opens for reading and writing, creating the file when `create`; WAL, synchronous=FULL, foreign
 * keys. Checks application_id (another application's database is refused) and user_version (a newer
 * one is refused, an older one is backed up beside the file, the copy verified, and migrated). */
WARN_UNUSED bool db_open(struct db **db, const char *path, bool create, struct error *error);

/* Opens for reading only; the schema must be this version's. */
WARN_UNUSED bool db_open_read_only(struct db **db, const char *path, struct error *error);
void db_close(struct db *db);

/* A writer's commits go to the write-ahead log (FILE-wal), which nobody moves into the database on
 * the way: whoever writes calls db_move_log when there is time for it. Moved are the pages that no
 * reader still needs the older form of; *whole says that these were all, and then the next commit
 * begins the log again, unless somebody reads it. */
int64_t db_log_pages(const struct db *db); /* after the last commit */
WARN_UNUSED bool db_move_log(struct db *db, bool *whole, struct error *error);

/* From the next transaction on: whether a commit waits until it is on disk. One that did not is
 * there after a crash of the program, and after one of the machine either whole or not at all, as
 * is all that came after it. */
WARN_UNUSED bool db_set_durable(struct db *db, bool durable, struct error *error);

/* And gives back the room that the log takes, which the next commits then have to ask for again.
 * *empty: nobody was reading it. */
WARN_UNUSED bool db_empty_log(struct db *db, bool *empty, struct error *error);

/* Writes a consistent copy, and checks it whole. `path` should not exist. */
WARN_UNUSED bool db_backup(struct db *db, const char *path, struct error *error);
const char *db_path(const struct db *db);

/* Runs SQL without parameters or rows. */
WARN_UNUSED bool db_execute(struct db *db, const char *sql, struct error *error);
int64_t db_changes(struct db *db);
int64_t db_last_id(struct db *db);

/* Prepared statements are cached by their text for the life of the connection; db_prepare resets
 * one for use. Nothing to free. `sql` must be a string that outlives the connection (a literal). */
WARN_UNUSED bool db_prepare(struct db *db, const char *sql, struct statement **statement,
                            struct error *error);

/* The same, with all bound that was bound before: for many rows that have most in common. */
WARN_UNUSED bool db_prepare_bound(struct db *db, const char *sql, struct statement **statement,
                                  struct error *error);

/* Parameters are numbered from 1. Text and blobs are copied. */
void statement_bind_integer(struct statement *statement, int index, int64_t value);
void statement_bind_real(struct statement *statement, int index, double value); /* NAN binds NULL */
void statement_bind_text(struct statement *statement, int index,
                         const char *value); /* NULL binds NULL */
void statement_bind_literal(struct statement *statement, int index,
                            const char *value); /* not copied: it must stay */
void statement_bind_blob(struct statement *statement, int index, const void *data, size_t length);
void statement_bind_literal_blob(struct statement *statement, int index, const void *data,
                                 size_t length); /* not empty, and not copied either */
void statement_bind_null(struct statement *statement, int index);

/* Steps: *row is true when there is a row to read, false at the end (the statement is then reset).
 */
WARN_UNUSED bool statement_step(struct statement *statement, bool *row, struct error *error);

/* Steps a statement that gives no rows, and resets it. */
WARN_UNUSED bool statement_run(struct statement *statement, struct error *error);
void statement_reset(struct statement *statement);

/* "SQLite 3.40.1", for --version. */
const char *db_library(void);

enum value_type { VALUE_NULL, VALUE_INTEGER, VALUE_REAL, VALUE_TEXT, VALUE_BLOB };

/* Columns are numbered from 0. Text and blobs live until the next step or reset. */
int statement_column_count(struct statement *statement);
const char *statement_column_name(struct statement *statement, int column);
enum value_type statement_type(struct statement *statement, int column);
int64_t statement_integer(struct statement *statement, int column);
double statement_real(struct statement *statement, int column);      /* NULL reads as NAN */
const char *statement_text(struct statement *statement, int column); /* NULL reads as NULL */
const void *statement_blob(struct statement *statement, int column, size_t *length);

#endif
