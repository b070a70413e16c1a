/* The database of the one coordinator that may write it: lock, connection, transactions. What is
 * stored stands in store_*.c, one noun each; all of them work inside the transaction that the
 * caller has opened.
 *
 * Every store function that fails does so because SQLite or the disk did: the transaction's outcome
 * is unknown then, nothing of it may be acknowledged, and the program ends. What a message wants
 * and the state forbids is not such a failure: it is told in an out parameter. */
#ifndef LIPSWEEP_COORDINATOR_STORE_H
#define LIPSWEEP_COORDINATOR_STORE_H

#include "common/db.h"
#include "common/lockfile.h"
#include "coordinator/event_log.h"
#include "coordinator/journal.h"

enum { STORE_NAME_MAX = 64, STORE_REASON_MAX = 1000 };

struct store {
    struct db *db;
    struct lockfile lock;
    bool later;               /* a transaction begins with store_enter */
    struct journal journal;   /* opened by store_journal_compare */
    int64_t journal_mark;     /* how far the database knows that it agrees */
    bool grouped;             /* a group's part is open */
    size_t part_journal;      /* what of it is older than the part that is open */
    struct event_log *events; /* NULL: in the table only */
    size_t part_events;       /* as part_journal */
};

/* First the lock, before anything is created; ERROR_BUSY names the holder. */
WARN_UNUSED bool store_lock(struct store *store, const char *path, struct error *error);

/* Opens (creating, migrating) the database. */
WARN_UNUSED bool store_open(struct store *store, const char *path, struct error *error);
void store_close(struct store *store);

/* Makes room in the journal first: ERROR_SYSTEM when the disk has none left, and nothing is begun.
 */
WARN_UNUSED bool store_begin(struct store *store, struct error *error);

/* The same, but it begins with the first store_enter: a turn of the loop that stores nothing, for
 * heartbeats alone, has none. */
void store_begin_later(struct store *store);
WARN_UNUSED bool store_enter(struct store *store, struct error *error);

/* Where the journal has a thread (journal_start) its lines may still be on their way. */
WARN_UNUSED bool store_commit(struct store *store, struct error *error);

/* One message's part of a transaction, so that what it breaks (a constraint) is undone alone, or
 * that of several in a group: it goes on with each store_group_begin (*begun: this one began it)
 * until something else is stored, which store_enter comes before. */
WARN_UNUSED bool store_part_begin(struct store *store, struct error *error);
WARN_UNUSED bool store_group_begin(struct store *store, bool *begun, struct error *error);
WARN_UNUSED bool store_part_keep(struct store *store, struct error *error);
WARN_UNUSED bool store_part_undo(struct store *store, struct error *error);

/* One line of the store's history. `text` may be NULL. */
WARN_UNUSED bool store_event(struct store *store, const char *kind, struct event_subject subject,
                             const char *text, struct error *error);

/* The number of the next sweep, as an SQL expression, and of the next job: none that there is or
 * ever was. */
#define STORE_NEXT_SWEEP                                                                           \
    "(SELECT max((SELECT coalesce(max(id), 0) FROM sweep), (SELECT sweep FROM number_used)) + 1)"
WARN_UNUSED bool store_next_job(struct store *store, int64_t *id, struct error *error);

/* A SELECT that gives one row with one integer; `fallback` when it gives none or NULL. */
WARN_UNUSED bool store_integer(struct statement *statement, int64_t fallback, int64_t *value,
                               struct error *error);

#endif
