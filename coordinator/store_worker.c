#include "coordinator/store_worker.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/key.h"
#include "coordinator/attempt.h"

static const char *const drained_texts[] = {
    [DRAINED_NO] = "no", [DRAINED_ASKED] = "drained", [DRAINED_QUARANTINED] = "quarantined"};

const char *drained_text(enum drained drained)
{
    return drained_texts[drained];
}

static bool upsert(struct store *store, const struct worker_facts *facts, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "INSERT INTO worker (instance, host, pid, build, cpu_class, slots, threads,"
                    " cpu_count, memory_bytes, first_seen_at, last_seen_at, public_key, key_name,"
                    " labels)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11, ?12, ?13)"
                    " ON CONFLICT (instance) DO UPDATE SET host = ?2, pid = ?3, build = ?4,"
                    " cpu_class = ?5, slots = ?6, threads = ?7, cpu_count = ?8, memory_bytes = ?9,"
                    " last_seen_at = ?10, left_at = NULL, labels = ?13",
                    &statement, error))
        return false;
    statement_bind_blob(statement, 1, facts->instance, INSTANCE_BYTES);
    statement_bind_text(statement, 2, facts->host);
    statement_bind_integer(statement, 3, facts->pid);
    statement_bind_text(statement, 4, facts->build);
    statement_bind_text(statement, 5, facts->cpu_class);
    statement_bind_integer(statement, 6, facts->slots);
    statement_bind_integer(statement, 7, facts->threads);
    statement_bind_integer(statement, 8, facts->cpu_count);
    statement_bind_integer(statement, 9, facts->memory_bytes);
    statement_bind_integer(statement, 10, clock_wall_ms());
    if (facts->key)
        statement_bind_blob(statement, 11, facts->key, KEY_BYTES);
    else
        statement_bind_null(statement, 11);
    if (facts->key_name)
        statement_bind_text(statement, 12, facts->key_name);
    else
        statement_bind_null(statement, 12);
    statement_bind_text(statement, 13, facts->labels);
    return statement_run(statement, error);
}

bool store_worker_key(struct store *store, const uint8_t instance[INSTANCE_BYTES],
                      struct worker_key *key, struct error *error)
{
    struct statement *statement;
    key->is_known = key->has_key = false;
    if (!db_prepare(store->db, "SELECT public_key FROM worker WHERE instance = ?1", &statement,
                    error))
        return false;
    statement_bind_blob(statement, 1, instance, INSTANCE_BYTES);
    if (!statement_step(statement, &key->is_known, error))
        return false;
    if (key->is_known && statement_type(statement, 0) == VALUE_BLOB) {
        size_t length;
        const void *bytes = statement_blob(statement, 0, &length);
        key->has_key = length == KEY_BYTES;
        if (key->has_key)
            memcpy(key->key, bytes, KEY_BYTES);
    }
    statement_reset(statement);
    return true;
}

bool store_worker_seen(struct store *store, const struct worker_facts *facts, int64_t *worker,
                       struct error *error)
{
    struct statement *statement;
    if (!upsert(store, facts, error) ||
        !db_prepare(store->db, "SELECT id FROM worker WHERE instance = ?1", &statement, error))
        return false;
    statement_bind_blob(statement, 1, facts->instance, INSTANCE_BYTES);
    return store_integer(statement, 0, worker, error) &&
           store_event(store, "worker_joined", (struct event_subject){.worker = *worker},
                       facts->host, error);
}

bool store_worker_left(struct store *store, int64_t worker, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "UPDATE worker SET left_at = ?2, last_seen_at = max(last_seen_at, ?2)"
                    " WHERE id = ?1",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, worker);
    statement_bind_integer(statement, 2, clock_wall_ms());
    return statement_run(statement, error) &&
           store_event(store, "worker_left", (struct event_subject){.worker = worker}, NULL, error);
}

bool store_worker_drain(struct store *store, int64_t worker, enum drained drained,
                        const char *reason, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "UPDATE worker SET drained = ?2, drain_reason = nullif(?3, '') WHERE id = ?1",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, worker);
    statement_bind_text(statement, 2, drained_texts[drained]);
    statement_bind_text(statement, 3, reason);
    return statement_run(statement, error) &&
           store_event(store, drained == DRAINED_NO ? "drain_undone" : drained_texts[drained],
                       (struct event_subject){.worker = worker}, reason, error);
}

bool store_worker_drained(struct store *store, int64_t worker, enum drained *drained,
                          struct error *error)
{
    struct statement *statement;
    int64_t number;
    if (!db_prepare(store->db,
                    "SELECT (drained = 'drained') + 2 * (drained = 'quarantined') FROM worker"
                    " WHERE id = ?1",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, worker);
    if (!store_integer(statement, DRAINED_NO, &number, error))
        return false;
    *drained = (enum drained)number;
    return true;
}

/* Jobs that failed on worker w since the last one it finished, and that another has finished. */
#define PASSED_ELSEWHERE                                                                           \
    " FROM attempt f JOIN job j ON j.id = f.job AND j.state = 'done'"                              \
    " JOIN attempt g ON g.job = f.job AND g.outcome = 'done' AND g.worker <> f.worker"             \
    " WHERE f.worker = w.id AND f.outcome = 'failed' AND f.ended_at >= coalesce("                  \
    "  (SELECT max(d.ended_at) FROM attempt d WHERE d.worker = w.id AND d.outcome = 'done'), 0)"

bool store_worker_quarantine(struct store *store, int64_t job, int64_t *worker,
                             char reason[QUARANTINE_REASON_MAX], struct error *error)
{
    struct statement *statement;
    bool row;
    *worker = 0;
    if (!db_prepare(store->db,
                    "SELECT w.id, (SELECT group_concat(DISTINCT 'j' || f.job)" PASSED_ELSEWHERE ")"
                    " FROM worker w WHERE w.drained = 'no' AND w.id IN"
                    "  (SELECT worker FROM attempt WHERE job = ?1 AND outcome = 'failed')"
                    " AND (SELECT count(DISTINCT f.job)" PASSED_ELSEWHERE ") >= ?2 LIMIT 1",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, job);
    statement_bind_integer(statement, 2, QUARANTINE_JOBS);
    if (!statement_step(statement, &row, error))
        return false;
    if (!row)
        return true;
    *worker = statement_integer(statement, 0);
    snprintf(reason, QUARANTINE_REASON_MAX,
             "%.140s failed here one after the other and passed elsewhere",
             statement_text(statement, 1));
    statement_reset(statement);
    return store_worker_drain(store, *worker, DRAINED_QUARANTINED, reason, error);
}
