/* lipsweep delete and gc: what goes, piece by piece, and the answer when the files are gone too. */
#include "coordinator/dispatch_private.h"

#include <stdio.h>

#include "common/log.h"
#include "coordinator/weights.h"

enum { RANGE = 10 /* job ids a piece: each may have a log of 1 MiB */ };

/* --- pieces --- */

static bool piece_of_sweep(struct dispatch *dispatch, struct removal_task *task,
                           struct error *error)
{
    struct delete_piece piece = {.sweep = task->sweep, .after = task->at, .last = task->at + RANGE};
    task->at = piece.last;
    return store_delete_jobs(dispatch->store, &piece, task->dry, &task->sum, error);
}

static bool piece_of_weights(struct dispatch *dispatch, struct removal_task *task,
                             struct error *error)
{
    struct weights_scope scope = {.kind = WEIGHTS_OF_JOBS,
                                  .sweep = task->sweep,
                                  .from = task->at,
                                  .to = task->at + RANGE,
                                  .without_sweep = task->sweep};
    task->at += RANGE;
    return store_weights_doom(dispatch->store, &scope, task->dry, &task->sum.weights, error);
}

static bool piece_of_all(struct dispatch *dispatch, struct removal_task *task, struct error *error)
{
    struct weights_scope scope = {.kind = WEIGHTS_OF_ALL, .from = task->at++};
    return store_weights_doom(dispatch->store, &scope, task->dry, &task->sum.weights, error);
}

static bool do_piece(struct dispatch *dispatch, struct removal_task *task, struct error *error)
{
    switch (task->kind) {
    case REMOVE_SWEEP:
        return piece_of_sweep(dispatch, task, error);
    case REMOVE_WEIGHTS:
        return piece_of_weights(dispatch, task, error);
    default:
        return piece_of_all(dispatch, task, error);
    }
}

/* --- files without a row --- */

static bool take_stray(void *context, const struct weights_file *file, struct error *error)
{
    struct dispatch *dispatch = context;
    struct removal_task *task = &dispatch->removal;
    bool known = false;
    struct error reason;
    if (!file->is_part &&
        !store_weights_adopt(dispatch->store, file->digest, file->bytes, &known, error))
        return false;
    if (known)
        return true;
    task->sum.weights.count++;
    task->sum.weights.bytes += (int64_t)file->bytes;
    if (!task->dry && !weights_remove(dispatch->options.database, file->digest, &reason))
        log_error("%s", reason.message);
    return true;
}

/* --- the end --- */

static bool end_pieces(struct dispatch *dispatch, struct removal_task *task, struct error *error)
{
    if (task->kind == REMOVE_UNWANTED &&
        !weights_each(dispatch->options.database, take_stray, dispatch, error))
        return false;
    if (task->dry)
        return true;
    dispatch->buries = true;
    return task->kind != REMOVE_SWEEP || store_delete_end(dispatch->store, task->sweep, error);
}

static bool finish(struct dispatch *dispatch, struct removal_task *task, struct error *error)
{
    const struct delete_sum *sum = &task->sum;
    Wire__RemoveReply reply = WIRE__REMOVE_REPLY__INIT;
    reply.name = task->name;
    reply.job_count = sum->jobs;
    reply.unfinished_count = sum->unfinished;
    reply.moved_count = sum->moved;
    reply.file_count = sum->weights.count;
    reply.bytes = sum->weights.bytes;
    if (task->is_asked)
        REPLY(dispatch, &task->peer, task->request, REMOVE_REPLY, remove_reply, &reply);
    if (!task->dry)
        log_info("%s%s: %lld jobs and %lld files of weights (%lld bytes) are gone",
                 task->kind == REMOVE_UNWANTED ? "gc" : "sweep ", task->name, (long long)sum->jobs,
                 (long long)sum->weights.count, (long long)sum->weights.bytes);
    task->running = false;
    return task->is_asked || dispatch_resume_removal(dispatch, error); /* a crash may leave more */
}

bool dispatch_step_removal(struct dispatch *dispatch, int64_t until_ms, struct error *error)
{
    struct removal_task *task = &dispatch->removal;
    if (!task->running)
        return true;
    if (task->waiting)
        return dispatch->buries || finish(dispatch, task, error);
    do {
        if (task->at >= task->last) {
            task->waiting = true;
            return end_pieces(dispatch, task, error);
        }
        if (!do_piece(dispatch, task, error))
            return false;
    } while (clock_now_ms(&dispatch->clock) < until_ms);
    return true;
}

/* --- the beginning --- */

/* The numbers of the sweep's jobs: at < id <= last. */
static bool find_jobs(struct dispatch *dispatch, struct removal_task *task, struct error *error)
{
    struct statement *statement;
    bool row;
    if (!db_prepare(dispatch->store->db,
                    "SELECT coalesce(min(id) - 1, 0), coalesce(max(id), 0) FROM job WHERE sweep = "
                    "?1",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, task->sweep);
    if (!statement_step(statement, &row, error))
        return false;
    task->at = statement_integer(statement, 0);
    task->last = statement_integer(statement, 1);
    statement_reset(statement);
    return true;
}

bool dispatch_resume_removal(struct dispatch *dispatch, struct error *error)
{
    struct removal_task task = {.running = true, .kind = REMOVE_SWEEP};
    if (!store_delete_unfinished(dispatch->store, &task.sweep, error) ||
        !find_jobs(dispatch, &task, error))
        return false;
    if (task.sweep == 0)
        return true;
    snprintf(task.name, sizeof task.name, "#%lld", (long long)task.sweep);
    log_info("sweep %s was being deleted: going on", task.name);
    dispatch->removal = task;
    return true;
}

/* "" when the sweep may go now; else why not. */
static bool look_at_sweep(struct dispatch *dispatch, struct removal_task *task, char reason[128],
                          struct error *error)
{
    struct statement *statement;
    bool row;
    reason[0] = '\0';
    if (!db_prepare(dispatch->store->db,
                    "SELECT s.name, s.state = 'expanding', (SELECT count(*) FROM job j"
                    " WHERE j.sweep = s.id AND j.state = 'leased') FROM sweep s WHERE s.id = ?1",
                    &statement, error))
        return false;
    statement_bind_integer(statement, 1, task->sweep);
    if (!statement_step(statement, &row, error))
        return false;
    if (!row)
        return true;
    snprintf(task->name, sizeof task->name, "%s", statement_text(statement, 0));
    int64_t running = statement_integer(statement, 2);
    if (statement_integer(statement, 1) != 0)
        snprintf(reason, 128, "the sweep is being stored right now: try again when it is done");
    else if (running > 0 && task->kind == REMOVE_SWEEP && !task->dry)
        snprintf(reason, 128, "%lld of its jobs run: lipsweep cancel %.64s first",
                 (long long)running, task->name);
    statement_reset(statement);
    return true;
}

/* From here on it is decided: a crash leaves it to the next start, or (weights) to gc. */
static bool decide(struct dispatch *dispatch, const struct removal_task *task, struct error *error)
{
    struct statement *statement;
    const struct event_subject subject = {.sweep = task->sweep};
    if (task->dry || task->kind == REMOVE_UNWANTED)
        return true;
    if (task->kind == REMOVE_SWEEP)
        return store_delete_begin(dispatch->store, task->sweep, error) &&
               store_event(dispatch->store, "sweep_deleted", subject, task->name, error);
    if (!db_prepare(dispatch->store->db, "UPDATE sweep SET keep = 'none' WHERE id = ?1", &statement,
                    error))
        return false;
    statement_bind_integer(statement, 1, task->sweep);
    return statement_run(statement, error) &&
           store_event(dispatch->store, "weights_deleted", subject, task->name, error);
}

static bool begin(struct dispatch *dispatch, const struct inbound *inbound,
                  struct removal_task *task, struct error *error)
{
    char reason[128] = "";
    if (task->kind != REMOVE_UNWANTED && !look_at_sweep(dispatch, task, reason, error))
        return false;
    if (reason[0])
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__STATE, "%s", reason);
    if (task->kind == REMOVE_UNWANTED)
        task->last = STORE_WEIGHTS_PARTS;
    else if (!find_jobs(dispatch, task, error))
        return false;
    if (!decide(dispatch, task, error))
        return false;
    dispatch->removal = *task;
    return true;
}

bool dispatch_remove(struct dispatch *dispatch, const struct inbound *inbound, struct error *error)
{
    const Wire__Remove *asked = inbound->envelope->remove;
    struct removal_task task = {.running = true,
                                .dry = asked->dry,
                                .kind = !asked->sweep[0]      ? REMOVE_UNWANTED
                                        : asked->weights_only ? REMOVE_WEIGHTS
                                                              : REMOVE_SWEEP,
                                .is_asked = true,
                                .peer = *inbound->peer,
                                .request = inbound->envelope->request};
    if (dispatch->removal.running)
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__BUSY,
                               "another delete or gc is under way: try again when it is done");
    if (task.kind == REMOVE_UNWANTED)
        return begin(dispatch, inbound, &task, error);
    if (!store_find_sweep(dispatch->store, asked->sweep, &task.sweep, error))
        return false;
    if (task.sweep == 0)
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__NOT_FOUND,
                               "there is no sweep '%.64s'", asked->sweep);
    return begin(dispatch, inbound, &task, error);
}
