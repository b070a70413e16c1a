/* SQL that somebody else wrote, on a read-only connection: it reads tables and views, and nothing
 * else. It cannot write, attach, change settings, load code, call a function that has a side
 * effect, or take more than its share of memory. What a step costs in time is bounded between
 * opcodes; one long opcode is for the caller's RLIMIT_CPU. */
#ifndef LIPSWEEP_COMMON_DB_GUARD_H
#define LIPSWEEP_COMMON_DB_GUARD_H

#include <stdatomic.h>

#include "common/db.h"

struct db_guard {
    int64_t time_ms;      /* of the steps together */
    int64_t memory_bytes; /* SQLite's own */
    int64_t spent_ms;     /* so far; starts at 0 */
    int64_t stepping_at_ms;
    bool denied; /* the statement wanted what it may not */
};

/* Puts `db`, opened read-only, behind the guard for good. `guard` must outlive it. */
WARN_UNUSED bool db_guard_install(struct db *db, struct db_guard *guard, struct error *error);

/* One SELECT; a second statement behind it is refused. `sql` is copied. */
WARN_UNUSED bool db_guard_prepare(struct db_guard *guard, struct db *db, const char *sql,
                                  struct statement **statement, struct error *error);

/* statement_step, its time counted. ERROR_REFUSED when time or memory is used up. */
WARN_UNUSED bool db_guard_step(struct db_guard *guard, struct statement *statement, bool *row,
                               struct error *error);

/* For questions of our own: what is read on the connection ends with an error once the flag is set,
 * by whatever thread. The flag must outlive the connection. */
void db_end_when(struct db *db, const atomic_bool *flag);

#endif
