/* What takes longer than one transaction may: submissions, and cancel or retry of a sweep. Each
 * turn of the loop does a piece; the answer leaves at the end. */
#include "coordinator/dispatch_private.h"

#include <stdio.h>

#include "common/log.h"

enum {
    RANGE = 100,  /* job ids a piece */
    FIRST_MS = 20 /* a control that needs no longer is answered at once */
};

static const char cancel_reason[] = "cancelled by the user";

static bool step_submission(struct dispatch *dispatch, int64_t until_ms, struct error *error)
{
    struct submission_end end;
    bool ended;
    if (!submission_step(&dispatch->submissions, dispatch->store, &dispatch->clock, until_ms,
                         &ended, &end, error))
        return false;
    if (!ended)
        return true;
    if (end.is_waiting)
        REPLY(dispatch, &end.peer, end.request, SUBMIT_REPLY, submit_reply, &end.reply);
    if (!end.stored)
        return true;
    log_info("sweep %s is stored: %lld points, %lld jobs, %lld new", end.name,
             (long long)end.reply.point_count, (long long)end.reply.job_count,
             (long long)end.reply.new_count);
    fleet_wake(&dispatch->fleet);
    return dispatch_drop_leases(dispatch, end.sweep, 0, "its test was changed", error);
}

static bool end_control(struct dispatch *dispatch, struct error *error)
{
    struct control_task *control = &dispatch->control;
    control->running = false;
    Wire__ControlReply reply = WIRE__CONTROL_REPLY__INIT;
    char message[128];
    snprintf(message, sizeof message, "%lld job%s %s", (long long)control->count,
             control->count == 1 ? "" : "s", control->retry ? "will run again" : "cancelled");
    reply.changed_count = control->count;
    reply.message = message;
    REPLY(dispatch, &control->peer, control->request, CONTROL_REPLY, control_reply, &reply);
    if (control->count == 0)
        return true;
    log_info("%s", message);
    fleet_wake(&dispatch->fleet);
    struct event_subject subject = {.sweep = control->selection.sweep, .job = control->job};
    return store_event(dispatch->store, control->retry ? "retried" : "cancelled", subject, message,
                       error) &&
           (control->retry ||
            dispatch_drop_leases(dispatch, subject.sweep, subject.job, cancel_reason, error));
}

static bool step_control(struct dispatch *dispatch, int64_t until_ms, struct error *error)
{
    struct control_task *control = &dispatch->control;
    while (control->selection.after < control->selection.last) {
        struct selection piece = control->selection;
        int64_t count;
        if (piece.last > piece.after + RANGE)
            piece.last = piece.after + RANGE;
        if (!(control->retry ? store_retry(dispatch->store, piece, control->states, &count, error)
                             : store_cancel(dispatch->store, piece, cancel_reason, &count, error)))
            return false;
        control->count += count;
        control->selection.after = piece.last;
        if (clock_now_ms(&dispatch->clock) >= until_ms)
            break;
    }
    return control->selection.after < control->selection.last || end_control(dispatch, error);
}

bool dispatch_tasks(struct dispatch *dispatch, int64_t until_ms, struct error *error)
{
    if (!dispatch_has_tasks(dispatch))
        return true;
    return store_enter(dispatch->store, error) &&
           (dispatch->room.state != ROOM_ENOUGH || step_submission(dispatch, until_ms, error)) &&
           (!dispatch->control.running || step_control(dispatch, until_ms, error)) &&
           dispatch_step_removal(dispatch, until_ms, error);
}

bool dispatch_tasks_are_silent(const struct dispatch *dispatch)
{
    return !dispatch->control.running && !dispatch->removal.running &&
           submissions_next_is_silent(&dispatch->submissions);
}

static bool is_expanding(const struct dispatch *dispatch, int64_t sweep, bool *expanding,
                         struct error *error)
{
    struct statement *statement;
    int64_t count;
    if (!db_prepare(dispatch->store->db,
                    "SELECT count(*) FROM sweep WHERE id = ?1 AND state = 'expanding'", &statement,
                    error))
        return false;
    statement_bind_integer(statement, 1, sweep);
    if (!store_integer(statement, 0, &count, error))
        return false;
    *expanding = count > 0;
    return true;
}

/* A job that ended otherwise than the verb wants is told so; one that is fit sets *fit. */
static bool select_job(struct dispatch *dispatch, const struct inbound *inbound,
                       struct control_task *control, bool *fit, struct error *error)
{
    struct job_sight sight;
    if (!store_look_at_job(dispatch->store, control->job, &sight, error))
        return false;
    if (!sight.found)
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__NOT_FOUND,
                               "there is no job j%lld", (long long)control->job);
    if (sight.superseded_by != 0)
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__STATE,
                               "j%lld was replaced by j%lld", (long long)control->job,
                               (long long)sight.superseded_by);
    bool waits = strcmp(sight.state, "pending") == 0 || strcmp(sight.state, "leased") == 0;
    bool ended_badly = strcmp(sight.state, "failed") == 0 ||
                       strcmp(sight.state, "cancelled") == 0 ||
                       (strcmp(sight.state, "diverged") == 0 && control->states.diverged);
    if (control->retry ? !ended_badly : !waits)
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__STATE,
                               "j%lld is %s: there is nothing to %s", (long long)control->job,
                               sight.state, control->retry ? "retry" : "cancel");
    control->states.cancelled = true; /* when it is named, it is meant */
    control->selection = selection_of_job(control->job);
    control->selection.sweep = sight.sweep;
    *fit = true;
    return true;
}

static bool select_sweep(struct dispatch *dispatch, const struct inbound *inbound,
                         struct control_task *control, bool *fit, struct error *error)
{
    const char *name = inbound->envelope->control->sweep;
    int64_t sweep;
    if (!store_find_sweep(dispatch->store, name, &sweep, error))
        return false;
    if (sweep == 0)
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__NOT_FOUND,
                               "there is no sweep '%.64s'", name);
    *fit = true;
    return store_select_sweep(dispatch->store, sweep, &control->selection, error);
}

bool dispatch_control_task(struct dispatch *dispatch, const struct inbound *inbound,
                           struct error *error)
{
    const Wire__Control *asked = inbound->envelope->control;
    struct control_task control = {.running = true,
                                   .retry = asked->verb == WIRE__CONTROL__VERB__RETRY,
                                   .job = asked->job,
                                   .states.diverged = asked->diverged_too,
                                   .peer = *inbound->peer,
                                   .request = inbound->envelope->request};
    bool fit = false, expanding;
    if (dispatch->control.running)
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__BUSY,
                               "another cancel or retry is under way: try again when it is done");
    if (!(asked->job != 0 ? select_job(dispatch, inbound, &control, &fit, error)
                          : select_sweep(dispatch, inbound, &control, &fit, error)))
        return false;
    if (!fit)
        return true;
    if (!is_expanding(dispatch, control.selection.sweep, &expanding, error))
        return false;
    if (expanding)
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__BUSY,
                               "the sweep is being stored right now: try again when it is done");
    dispatch->control = control;
    if (step_control(dispatch, clock_now_ms(&dispatch->clock) + FIRST_MS, error))
        return true;
    dispatch->control.running = false;
    return false;
}
