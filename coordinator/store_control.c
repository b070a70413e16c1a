#include "coordinator/store_control.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/number.h"
#include "coordinator/parameter_columns.h"
#include "coordinator/store_key.h"

bool store_find_sweep(struct store *store, const char *text, int64_t *sweep, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "SELECT id FROM sweep WHERE deleting = 0 AND (name = ?1 OR id = ?2 OR (?1 ="
                    " 'last' AND id = (SELECT max(id) FROM sweep WHERE deleting = 0))) LIMIT 1",
                    &statement, error))
        return false;
    int64_t number;
    statement_bind_text(statement, 1, text);
    if (number_parse_integer(text, &number))
        statement_bind_integer(statement, 2, number);
    return store_integer(statement, 0, sweep, error);
}

bool store_look_at_job(struct store *store, int64_t job, struct job_sight *sight,
                       struct error *error)
{
    struct statement *statement;
    *sight = (struct job_sight){.found = false};
    if (!db_prepare(store->db,
                    "SELECT sweep, coalesce(superseded_by, 0), state FROM job"
                    " WHERE id = ?1",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, job);
    if (!statement_step(statement, &sight->found, error))
        return false;
    if (!sight->found)
        return true;
    sight->sweep = statement_integer(statement, 0);
    sight->superseded_by = statement_integer(statement, 1);
    snprintf(sight->state, sizeof sight->state, "%s", statement_text(statement, 2));
    statement_reset(statement);
    return true;
}

bool store_select_sweep(struct store *store, int64_t sweep, struct selection *selection,
                        struct error *error)
{
    struct statement *statement;
    *selection = (struct selection){.sweep = sweep};
    return db_prepare(store->db, "SELECT max(id) FROM job", &statement, error) &&
           store_integer(statement, 0, &selection->last, error);
}

static void bind_selection(struct statement *statement, struct selection selection)
{
    statement_bind_integer(statement, 1, selection.after);
    statement_bind_integer(statement, 2, selection.last);
    statement_bind_integer(statement, 3, selection.sweep);
}

#define SELECTED "id > ?1 AND id <= ?2 AND (?3 = 0 OR +sweep = ?3) AND superseded_by IS NULL"

static bool cancel_attempts(struct store *store, struct selection selection, const char *reason,
                            struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "UPDATE attempt SET outcome = 'cancelled', reason = ?4, ended_at = ?5"
                    " WHERE outcome = 'running' AND job > ?1 AND job <= ?2"
                    " AND job IN (SELECT id FROM job WHERE state = 'leased' AND " SELECTED ")",
                    &statement, error))
        return false;
    bind_selection(statement, selection);
    statement_bind_text(statement, 4, reason);
    statement_bind_integer(statement, 5, clock_wall_ms());
    return statement_run(statement, error);
}

bool store_cancel(struct store *store, struct selection selection, const char *reason,
                  int64_t *count, struct error *error)
{
    struct statement *statement;
    if (!cancel_attempts(store, selection, reason, error) ||
        !db_prepare(store->db,
                    "UPDATE job SET state = 'cancelled', training = NULL, reason = ?4,"
                    " finished_at = ?5"
                    " WHERE state IN ('pending', 'leased') AND " SELECTED,
                    &statement, error))
        return false;
    bind_selection(statement, selection);
    statement_bind_text(statement, 4, reason);
    statement_bind_integer(statement, 5, clock_wall_ms());
    if (!statement_run(statement, error))
        return false;
    *count = db_changes(store->db);
    return true;
}

static bool set_one(struct store *store, const char *sql, int64_t row, int64_t value, bool *changed,
                    struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db, sql, &statement, error))
        return false;
    statement_bind_integer(statement, 1, row);
    statement_bind_integer(statement, 2, value);
    if (!statement_run(statement, error))
        return false;
    *changed = db_changes(store->db) > 0;
    return true;
}

bool store_hold(struct store *store, int64_t sweep, int64_t job, bool held, bool *changed,
                struct error *error)
{
    const char *sql = sweep != 0 ? "UPDATE sweep SET held = ?2 WHERE id = ?1 AND held <> ?2"
                                 : "UPDATE job SET held = ?2 WHERE id = ?1 AND held <> ?2";
    struct event_subject subject = {.sweep = sweep, .job = job};
    return set_one(store, sql, sweep != 0 ? sweep : job, held, changed, error) &&
           (!*changed || store_event(store, held ? "paused" : "resumed", subject, NULL, error));
}

bool store_set_priority(struct store *store, int64_t sweep, int64_t priority, bool *changed,
                        struct error *error)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)priority);
    return set_one(store, "UPDATE sweep SET priority = ?2 WHERE id = ?1 AND priority <> ?2", sweep,
                   priority, changed, error) &&
           (!*changed ||
            store_event(store, "priority", (struct event_subject){.sweep = sweep}, text, error));
}

/* The old row may name its successor first: the key of superseded_by waits for the end of the
 * transaction. */
bool store_replace_job(struct store *store, int64_t job, int64_t *successor, struct error *error)
{
    struct statement *update, *insert;
    if (!store_next_job(store, successor, error) ||
        !db_prepare(store->db, "UPDATE job SET superseded_by = ?2 WHERE id = ?1", &update, error) ||
        !db_prepare(store->db,
                    "INSERT INTO job (id, sweep, point, text_number, state, train_hash, job_hash,"
                    " shape, description, extra, created_at" PARAMETER_COLUMNS ")"
                    " SELECT ?2, sweep, point, text_number, 'pending', train_hash, job_hash,"
                    " shape, description, extra, ?3" PARAMETER_COLUMNS " FROM job WHERE id = ?1",
                    &insert, error))
        return false;
    statement_bind_integer(update, 1, job);
    statement_bind_integer(update, 2, *successor);
    statement_bind_integer(insert, 1, job);
    statement_bind_integer(insert, 2, *successor);
    statement_bind_integer(insert, 3, clock_wall_ms());
    return statement_run(update, error) && statement_run(insert, error) &&
           store_key_pass(store, job, *successor, error) &&
           store_event(store, "retried", (struct event_subject){.job = job}, NULL, error);
}

/* The first job of the selection that may be tried again; 0 at the end. */
static bool next_to_retry(struct store *store, struct selection selection,
                          struct retry_states states, int64_t *job, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "SELECT min(id) FROM job WHERE " SELECTED " AND withdrawn = 0"
                    " AND (state = 'failed' OR (?4 AND state = 'diverged')"
                    "   OR (?5 AND state = 'cancelled'))",
                    &statement, error))
        return false;
    bind_selection(statement, selection);
    statement_bind_integer(statement, 4, states.diverged);
    statement_bind_integer(statement, 5, states.cancelled);
    return store_integer(statement, 0, job, error);
}

bool store_retry(struct store *store, struct selection selection, struct retry_states states,
                 int64_t *count, struct error *error)
{
    for (*count = 0;; (*count)++) {
        int64_t successor;
        if (!next_to_retry(store, selection, states, &selection.after, error))
            return false;
        if (selection.after == 0)
            return true;
        if (!store_replace_job(store, selection.after, &successor, error))
            return false;
    }
}
