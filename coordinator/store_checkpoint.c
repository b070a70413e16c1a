#include "coordinator/store_checkpoint.h"

#include <stdio.h>

bool store_checkpoint_arrived(struct store *store, const struct attempt_id *id,
                              const struct stored_checkpoint *checkpoint, struct error *error)
{
    struct statement *doom, *insert;
    if (!db_prepare(store->db, "UPDATE checkpoint SET state = 'doomed' WHERE job = ?1", &doom,
                    error) ||
        !db_prepare(store->db,
                    "INSERT INTO checkpoint (digest, job, attempt, step, bytes, state)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, 'kept') ON CONFLICT (digest) DO UPDATE"
                    " SET job = ?2, attempt = ?3, step = ?4, state = 'kept'",
                    &insert, error))
        return false;
    statement_bind_integer(doom, 1, id->job);
    statement_bind_text(insert, 1, checkpoint->digest);
    statement_bind_integer(insert, 2, id->job);
    statement_bind_integer(insert, 3, id->number);
    statement_bind_integer(insert, 4, checkpoint->step);
    statement_bind_integer(insert, 5, (int64_t)checkpoint->bytes);
    return statement_run(doom, error) && statement_run(insert, error);
}

bool store_checkpoint_find(struct store *store, int64_t job, struct stored_checkpoint *checkpoint,
                           bool *found, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "SELECT digest, step, bytes FROM checkpoint"
                    " WHERE job = ?1 AND state = 'kept' LIMIT 1",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, job);
    if (!statement_step(statement, found, error))
        return false;
    if (!*found)
        return true;
    snprintf(checkpoint->digest, sizeof checkpoint->digest, "%s", statement_text(statement, 0));
    checkpoint->step = statement_integer(statement, 1);
    checkpoint->bytes = (uint64_t)statement_integer(statement, 2);
    statement_reset(statement);
    return true;
}

bool store_checkpoint_began(struct store *store, const struct attempt_id *id, int64_t step,
                            const char *text, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "UPDATE attempt SET began = ?4 WHERE job = ?1 AND number = ?2"
                    " AND outcome = 'running'"
                    " AND worker = (SELECT id FROM worker WHERE instance = ?3)",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, id->job);
    statement_bind_integer(statement, 2, id->number);
    statement_bind_blob(statement, 3, id->instance, INSTANCE_BYTES);
    statement_bind_text(statement, 4, text);
    if (!statement_run(statement, error))
        return false;
    return db_changes(store->db) == 0 ||
           store_event(store, step > 0 ? "continued" : "restarted",
                       (struct event_subject){.job = id->job, .attempt = id->number}, text, error);
}

bool store_checkpoint_next_doomed(struct store *store, char digest[HASH_TEXT], struct error *error)
{
    struct statement *statement;
    bool row;
    digest[0] = '\0';
    if (!db_prepare(store->db,
                    "SELECT c.digest FROM checkpoint c LEFT JOIN job j ON j.id = c.job"
                    " WHERE c.state = 'doomed' OR j.id IS NULL"
                    " OR j.state NOT IN ('pending', 'leased') LIMIT 1",
                    &statement, error) ||
        !statement_step(statement, &row, error))
        return false;
    if (!row)
        return true;
    snprintf(digest, HASH_TEXT, "%s", statement_text(statement, 0));
    statement_reset(statement);
    return true;
}

bool store_checkpoint_forget(struct store *store, const char *digest, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db, "DELETE FROM checkpoint WHERE digest = ?1", &statement, error))
        return false;
    statement_bind_text(statement, 1, digest);
    return statement_run(statement, error);
}

bool store_checkpoint_known(struct store *store, const char *digest, bool *known,
                            struct error *error)
{
    struct statement *statement;
    int64_t count;
    if (!db_prepare(store->db, "SELECT count(*) FROM checkpoint WHERE digest = ?1", &statement,
                    error))
        return false;
    statement_bind_text(statement, 1, digest);
    if (!store_integer(statement, 0, &count, error))
        return false;
    *known = count > 0;
    return true;
}
