#include "coordinator/store_lease.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/labels.h"
#include "coordinator/store_training.h"
#include "coordinator/turn.h"

static const char *const outcome_texts[ATTEMPT_OUTCOME_COUNT] = {
#define X(name, text) [ATTEMPT_##name] = text,
    ATTEMPT_OUTCOMES(X)
#undef X
};

const char *attempt_outcome_text(enum attempt_outcome outcome)
{
    return outcome_texts[outcome];
}

/* After job and attempt. */
#define LEASED_COLUMNS                                                                             \
    " s.id, s.max_attempts, coalesce(h.memory_bytes, 0), s.name, j.description, s.checkpoint_s,"   \
    " s.continue_any, s.keep <> 'none',"                                                           \
    " (SELECT t.weights_digest FROM training t WHERE t.id = j.training)"

static void read_leased(struct statement *statement, struct leased *leased)
{
    leased->job = statement_integer(statement, 0);
    leased->number = statement_integer(statement, 1);
    leased->sweep = statement_integer(statement, 2);
    leased->max_attempts = statement_integer(statement, 3);
    leased->memory_bytes = (uint64_t)statement_integer(statement, 4);
    snprintf(leased->sweep_name, sizeof leased->sweep_name, "%s", statement_text(statement, 5));
    snprintf(leased->description, sizeof leased->description, "%s", statement_text(statement, 6));
    leased->checkpoint_s = statement_real(statement, 7);
    leased->continue_any = statement_integer(statement, 8) != 0;
    leased->keep_weights = statement_integer(statement, 9) != 0;
    const char *digest = statement_text(statement, 10);
    snprintf(leased->weights_digest, sizeof leased->weights_digest, "%s", digest ? digest : "");
}

static bool add_offer(struct lease_offers *offers, struct statement *statement, struct error *error)
{
    if (offers->count == offers->room) {
        size_t room = offers->room ? 2 * offers->room : 16;
        struct lease_offer *list = realloc(offers->list, room * sizeof *list);
        if (!list)
            return error_set(error, ERROR_MEMORY, "out of memory");
        offers->list = list;
        offers->room = room;
    }
    const char *requires = statement_text(statement, 3);
    struct lease_offer *offer = &offers->list[offers->count];
    *offer = (struct lease_offer){.sweep = statement_integer(statement, 0),
                                  .priority = statement_integer(statement, 1),
                                  .max_running = statement_integer(statement, 2),
                                  .max_attempts = statement_integer(statement, 5),
                                  .checkpoint_s = statement_real(statement, 6),
                                  .continue_any = statement_integer(statement, 7) != 0,
                                  .keep_weights = statement_integer(statement, 8) != 0,
                                  .any = statement_integer(statement, 9) != 0};
    snprintf(offer->name, sizeof offer->name, "%s", statement_text(statement, 4));
    if (*requires && !(offer->requires = strdup(requires)))
        return error_set(error, ERROR_MEMORY, "out of memory");
    offers->count++;
    return true;
}

bool store_lease_offers(struct store *store, struct lease_offers *offers, struct error *error)
{
    struct statement *statement;
    bool row = true;
    *offers = (struct lease_offers){0};
    if (!db_prepare(store->db,
                    "SELECT id, priority, max_running, requires, name, max_attempts,"
                    " checkpoint_s, continue_any, keep <> 'none', reuse <> 'false' FROM"
                    " (SELECT s.*, row_number() OVER"
                    "   (PARTITION BY s.requires ORDER BY s.priority DESC, s.id) AS nth"
                    "  FROM sweep s WHERE s.state = 'active' AND s.held = 0 AND s.deleting = 0"
                    "  AND EXISTS (SELECT 1 FROM job j"
                    "   WHERE j.sweep = s.id AND j.state = 'pending'))"
                    " WHERE nth <= ?1 ORDER BY priority DESC, id",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, TURNS_MAX);
    while (statement_step(statement, &row, error) && row)
        if (!add_offer(offers, statement, error)) {
            statement_reset(statement);
            return false;
        }
    return !row;
}

void lease_offers_finish(struct lease_offers *offers)
{
    for (size_t i = 0; i < offers->count; i++) {
        candidates_finish(&offers->list[i].candidates);
        free(offers->list[i].requires);
    }
    free(offers->list);
    *offers = (struct lease_offers){0};
}

/* The first that this worker may have a job of, in the order of their turns. */
static size_t find_turns(const struct lease_offers *offers, const struct lease_room *room,
                         struct turn turns[TURNS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < offers->count && count < TURNS_MAX; i++) {
        const struct lease_offer *offer = &offers->list[i];
        if (!offer->requires || labels_meet(room->labels, offer->requires))
            turns[count++] = (struct turn){.sweep = offer->sweep,
                                           .priority = offer->priority,
                                           .max_running = offer->max_running,
                                           .running = room->running(room->context, offer->sweep)};
    }
    return turns_order(turns, count);
}

static struct lease_offer *offer_of(struct lease_offers *offers, int64_t sweep)
{
    size_t i = 0;
    while (offers->list[i].sweep != sweep)
        i++;
    return &offers->list[i];
}

/* What is to be told of the candidate, as read_leased has it. */
static void fill_leased(const struct lease_offer *offer, const struct candidate *candidate,
                        struct leased *leased)
{
    leased->job = candidate->job;
    leased->number = candidate->number;
    leased->sweep = offer->sweep;
    leased->max_attempts = offer->max_attempts;
    leased->memory_bytes = candidate->memory_bytes;
    leased->checkpoint_s = offer->checkpoint_s;
    leased->continue_any = offer->continue_any;
    leased->keep_weights = offer->keep_weights;
    snprintf(leased->sweep_name, sizeof leased->sweep_name, "%s", offer->name);
    snprintf(leased->description, sizeof leased->description, "%s", candidate->description);
}

/* A sweep offers its oldest job that fits. */
static bool find_next(struct store *store, struct lease_offers *offers,
                      const struct lease_room *room, struct leased *leased,
                      const struct candidate **found, struct error *error)
{
    struct turn turns[TURNS_MAX];
    const struct candidate_room has = {
        .worker = room->worker, .memory_bytes = room->memory_bytes, .build = room->build};
    size_t count = find_turns(offers, room, turns);
    *found = NULL;
    for (size_t i = 0; i < count && !*found; i++) {
        struct lease_offer *offer = offer_of(offers, turns[i].sweep);
        if (!candidates_take(&offer->candidates, store, offer->sweep, offer->any, &has, found,
                             error))
            return false;
        if (*found)
            fill_leased(offer, *found, leased);
    }
    return true;
}

static bool add_attempt(struct store *store, const struct leased *leased, int64_t worker,
                        struct error *error)
{
    struct statement *insert, *update;
    if (!db_prepare(store->db,
                    "INSERT INTO attempt (job, number, worker, outcome, leased_at)"
                    " VALUES (?1, ?2, ?3, 'running', ?4)",
                    &insert, error) ||
        !db_prepare(store->db, "UPDATE job SET state = 'leased', attempt = ?2 WHERE id = ?1",
                    &update, error))
        return false;
    statement_bind_integer(insert, 1, leased->job);
    statement_bind_integer(insert, 2, leased->number);
    statement_bind_integer(insert, 3, worker);
    statement_bind_integer(insert, 4, clock_wall_ms());
    statement_bind_integer(update, 1, leased->job);
    statement_bind_integer(update, 2, leased->number);
    return statement_run(insert, error) && statement_run(update, error);
}

bool store_lease_take(struct store *store, struct lease_offers *offers,
                      const struct lease_room *room, struct leased *leased, bool *found,
                      struct error *error)
{
    const struct candidate *candidate;
    if (!find_next(store, offers, room, leased, &candidate, error))
        return false;
    *found = candidate != NULL;
    if (!*found)
        return true;
    return add_attempt(store, leased, room->worker, error) &&
           store_training_lend(store, leased->job, candidate->training, leased->weights_digest,
                               error) &&
           store_event(store, "lease",
                       (struct event_subject){.sweep = leased->sweep,
                                              .job = leased->job,
                                              .attempt = leased->number,
                                              .worker = room->worker},
                       leased->weights_digest[0] ? "evaluation only" : NULL, error);
}

static void bind_id(struct statement *statement, const struct attempt_id *id)
{
    statement_bind_integer(statement, 1, id->job);
    statement_bind_integer(statement, 2, id->number);
    statement_bind_blob(statement, 3, id->instance, INSTANCE_BYTES);
}

/* The fence: changes a row only for the live attempt of exactly this instance. */
static bool close_attempt(struct store *store, const struct attempt_id *id,
                          enum attempt_outcome outcome, const char *reason, bool *changed,
                          struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "UPDATE attempt SET outcome = ?4, reason = ?5, ended_at = ?6"
                    " WHERE job = ?1 AND number = ?2 AND outcome = 'running'"
                    " AND worker = (SELECT id FROM worker WHERE instance = ?3)"
                    " AND EXISTS (SELECT 1 FROM job"
                    "             WHERE id = ?1 AND state = 'leased' AND attempt = ?2)",
                    &statement, error))
        return false;
    bind_id(statement, id);
    statement_bind_text(statement, 4, attempt_outcome_text(outcome));
    statement_bind_text(statement, 5, reason);
    statement_bind_integer(statement, 6, clock_wall_ms());
    if (!statement_run(statement, error))
        return false;
    *changed = db_changes(store->db) > 0;
    return true;
}

static bool give_job_back(struct store *store, int64_t job, bool counts, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "UPDATE job SET training = NULL,"
                    " counted_attempts = counted_attempts + ?2, state ="
                    " CASE WHEN ?2 AND counted_attempts + 1 >="
                    "   (SELECT max_attempts FROM sweep WHERE id = job.sweep) THEN 'failed'"
                    " WHEN withdrawn THEN 'cancelled' ELSE 'pending' END WHERE id = ?1",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, job);
    statement_bind_integer(statement, 2, counts);
    return statement_run(statement, error);
}

/* A job that will not run again says why, with the reasons of all attempts that counted. */
static bool explain_end(struct store *store, int64_t job, bool *exhausted, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "UPDATE job SET finished_at = ?2, reason = CASE state"
                    " WHEN 'cancelled' THEN 'no longer asked for' ELSE"
                    " (SELECT group_concat(line, char(10)) FROM"
                    "  (SELECT 'attempt ' || number || ' ' || outcome ||"
                    "   coalesce(': ' || nullif(reason, ''), '') AS line"
                    "   FROM attempt WHERE job = ?1 AND outcome IN ('failed', 'lost')"
                    "   ORDER BY number)) END"
                    " WHERE id = ?1 AND state IN ('failed', 'cancelled')",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, job);
    statement_bind_integer(statement, 2, clock_wall_ms());
    if (!statement_run(statement, error) ||
        !db_prepare(store->db, "SELECT state = 'failed' FROM job WHERE id = ?1", &statement, error))
        return false;
    statement_bind_integer(statement, 1, job);
    int64_t failed;
    if (!store_integer(statement, 0, &failed, error))
        return false;
    *exhausted = failed != 0;
    return true;
}

bool store_lease_end(struct store *store, const struct attempt_id *id, enum attempt_outcome outcome,
                     const char *reason, struct lease_ending *ending, struct error *error)
{
    *ending = (struct lease_ending){.changed = false};
    if (!close_attempt(store, id, outcome, reason, &ending->changed, error))
        return false;
    if (!ending->changed)
        return true;
    return give_job_back(store, id->job, attempt_outcome_counts(outcome), error) &&
           explain_end(store, id->job, &ending->exhausted, error) &&
           store_event(store, attempt_outcome_text(outcome),
                       (struct event_subject){.job = id->job, .attempt = id->number}, reason,
                       error);
}

bool store_lease_is_over(struct store *store, const struct attempt_id *id, bool *over,
                         struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "SELECT count(*) FROM job j"
                    " JOIN attempt a ON a.job = j.id AND a.number = j.attempt"
                    " JOIN worker w ON w.id = a.worker"
                    " WHERE j.id = ?1 AND a.number = ?2 AND w.instance = ?3"
                    " AND ((j.state = 'leased' AND a.outcome = 'running')"
                    "   OR (j.state = 'pending' AND a.outcome = 'lost'))",
                    &statement, error))
        return false;
    bind_id(statement, id);
    int64_t count;
    if (!store_integer(statement, 0, &count, error))
        return false;
    *over = count == 0;
    return true;
}

bool store_lease_describe(struct store *store, const struct attempt_id *id, struct leased *leased,
                          bool *found, struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "SELECT j.id, a.number," LEASED_COLUMNS
                    " FROM job j JOIN sweep s ON s.id = j.sweep"
                    " LEFT JOIN job_shape h ON h.id = j.shape"
                    " JOIN attempt a ON a.job = j.id AND a.number = j.attempt"
                    " JOIN worker w ON w.id = a.worker"
                    " WHERE j.id = ?1 AND a.number = ?2 AND w.instance = ?3"
                    " AND j.state = 'leased' AND a.outcome = 'running'",
                    &statement, error))
        return false;
    bind_id(statement, id);
    if (!statement_step(statement, found, error))
        return false;
    if (*found)
        read_leased(statement, leased);
    statement_reset(statement);
    return true;
}

bool store_lease_each(struct store *store, store_lease_visit *visit, void *context,
                      struct error *error)
{
    struct statement *statement;
    if (!db_prepare(store->db,
                    "SELECT a.job, a.number, a.worker, w.instance, j.sweep,"
                    " coalesce(h.memory_bytes, 0) FROM sweep s"
                    " JOIN job j ON j.sweep = s.id AND j.state = 'leased'"
                    " JOIN attempt a ON a.job = j.id AND a.number = j.attempt"
                    " LEFT JOIN job_shape h ON h.id = j.shape JOIN worker w ON w.id = a.worker"
                    " WHERE a.outcome = 'running'",
                    &statement, error))
        return false;
    for (bool row;;) {
        if (!statement_step(statement, &row, error))
            return false;
        if (!row)
            return true;
        struct live_lease lease = {
            .id = {.job = statement_integer(statement, 0),
                   .number = statement_integer(statement, 1)},
            .worker = statement_integer(statement, 2),
            .sweep = statement_integer(statement, 4),
            .memory_bytes = (uint64_t)statement_integer(statement, 5),
        };
        size_t length;
        memcpy(lease.id.instance, statement_blob(statement, 3, &length), INSTANCE_BYTES);
        if (!visit(context, &lease, error)) {
            statement_reset(statement);
            return false;
        }
    }
}
