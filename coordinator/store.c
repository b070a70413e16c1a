#include "coordinator/store.h"

#include <assert.h>

#include "common/clock.h"
#include "coordinator/store_journal.h"

bool store_lock(struct store *store, const char *path, struct error *error)
{
    *store = (struct store){.lock.descriptor = -1, .journal.file = -1};
    return lockfile_take(&store->lock, path, error);
}

bool store_open(struct store *store, const char *path, struct error *error)
{
    store->journal.file = -1;
    return db_open(&store->db, path, true, error);
}

void store_close(struct store *store)
{
    journal_close(&store->journal);
    db_close(store->db);
    store->db = NULL;
    lockfile_release(&store->lock);
}

static bool run(struct store *store, const char *sql, struct error *error)
{
    struct statement *statement;
    return db_prepare(store->db, sql, &statement, error) && statement_run(statement, error);
}

bool store_begin(struct store *store, struct error *error)
{
    return journal_reserve(&store->journal, error) && run(store, "BEGIN IMMEDIATE", error);
}

void store_begin_later(struct store *store)
{
    store->later = true;
}

bool store_enter(struct store *store, struct error *error)
{
    bool grouped = store->grouped;
    store->grouped = false;
    if (grouped && !store_part_keep(store, error))
        return false;
    if (!store->later)
        return true;
    store->later = false;
    return store_begin(store, error);
}

bool store_commit(struct store *store, struct error *error)
{
    if (store->later) {
        assert(!store->grouped); /* a group is in a transaction */
        store->later = false;
        return true;
    }
    store->grouped = false; /* COMMIT keeps every part */
    /* The journal last: it never has what the database has not. */
    bool good = store_journal_mark(store, error) && run(store, "COMMIT", error) &&
                journal_flush(&store->journal, error);
    if (good)
        event_log_flush(store->events);
    return good;
}

bool store_part_begin(struct store *store, struct error *error)
{
    if (!store_enter(store, error))
        return false;
    store->part_journal = store->journal.length;
    store->part_events = store->events ? store->events->length : 0;
    return run(store, "SAVEPOINT part", error);
}

bool store_group_begin(struct store *store, bool *begun, struct error *error)
{
    *begun = !store->grouped;
    if (store->grouped)
        return true;
    store->grouped = store_part_begin(store, error);
    return store->grouped;
}

bool store_part_keep(struct store *store, struct error *error)
{
    return run(store, "RELEASE part", error);
}

bool store_part_undo(struct store *store, struct error *error)
{
    store->grouped = false;
    store->journal.length = store->part_journal;
    if (store->events)
        store->events->length = store->part_events;
    return run(store, "ROLLBACK TO part", error) && run(store, "RELEASE part", error);
}

static void bind_subject(struct statement *statement, int index, int64_t id)
{
    if (id != 0)
        statement_bind_integer(statement, index, id);
}

bool store_event(struct store *store, const char *kind, struct event_subject subject,
                 const char *text, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "INSERT INTO event (at, kind, sweep, job, attempt, worker, text)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    &statement, error))
        return false;
    int64_t now_ms = clock_wall_ms();
    event_log_add(store->events, now_ms, kind, subject, text);
    statement_bind_integer(statement, 1, now_ms);
    statement_bind_literal(statement, 2, kind);
    bind_subject(statement, 3, subject.sweep);
    bind_subject(statement, 4, subject.job);
    bind_subject(statement, 5, subject.attempt);
    bind_subject(statement, 6, subject.worker);
    statement_bind_literal(statement, 7, text);
    return statement_run(statement, error);
}

bool store_next_job(struct store *store, int64_t *id, struct error *error)
{
    struct statement *statement;
    return db_prepare(store->db,
                      "SELECT max((SELECT coalesce(max(id), 0) FROM job),"
                      " (SELECT job FROM number_used)) + 1",
                      &statement, error) &&
           store_integer(statement, 1, id, error);
}

bool store_integer(struct statement *statement, int64_t fallback, int64_t *value,
                   struct error *error)
{
    bool row;
    if (!statement_step(statement, &row, error))
        return false;
    *value = row && statement_type(statement, 0) != VALUE_NULL ? statement_integer(statement, 0)
                                                               : fallback;
    statement_reset(statement);
    return true;
}
