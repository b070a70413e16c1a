#include "coordinator/store_worker.h"

#include "common/clock.h"
#include "coordinator/attempt.h"

static bool upsert(struct store *store, const struct worker_facts *facts, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "INSERT INTO worker (instance, host, pid, build, cpu_class, slots, threads,"
                    " cpu_count, memory_bytes, first_seen_at, last_seen_at)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)"
                    " ON CONFLICT (instance) DO UPDATE SET host = ?2, pid = ?3, build = ?4,"
                    " cpu_class = ?5, slots = ?6, threads = ?7, cpu_count = ?8, memory_bytes = ?9,"
                    " last_seen_at = ?10, left_at = NULL",
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
    return statement_run(statement, error);
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
