/* What db.c and db_guard.c share; nobody else includes sqlite3.h. */
#ifndef LIPSWEEP_COMMON_DB_PRIVATE_H
#define LIPSWEEP_COMMON_DB_PRIVATE_H

#include "common/db.h"

#include <sqlite3.h>

enum { STATEMENTS_MAX = 256, STATEMENT_SLOTS = 4 * STATEMENTS_MAX };

struct statement {
    sqlite3_stmt *handle;
    const char *sql; /* as it was given to db_prepare; NULL: by another way */
    int bind_result; /* the first binding that failed; reported by the next step */
};

struct db {
    sqlite3 *handle;
    char *path;
    struct statement *statements[STATEMENTS_MAX];
    size_t statement_count;
    struct statement *slots[STATEMENT_SLOTS]; /* the same by the address of their text, or NULL */
    bool fleeting;                            /* commits do not wait for the disk */
    int64_t log_pages; /* in the write-ahead log after the last commit; 0 for readers */
};

/* SQLite's words for `result`; `sql` may be NULL. Returns false. */
bool db_fail(struct db *db, int result, const char *sql, struct error *error);

#endif
