/* What people ask of sweeps and jobs that are there. Cancel and retry may take more than one
 * transaction (dispatch_task.c); the others change one row. */
#include "coordinator/dispatch_private.h"

#include <stdio.h>
#include <string.h>

#include "common/sweep.h"
#include "coordinator/store_worker.h"

/* The sweep or job that was named; 0 both, when there is none, and that was answered. */
struct subject {
    int64_t sweep, job;
};

static bool find_sweep(struct dispatch *dispatch, const struct inbound *inbound,
                       struct subject *subject, struct error *error)
{
    const char *name = inbound->envelope->control->sweep;
    if (!store_find_sweep(dispatch->store, name, &subject->sweep, error))
        return false;
    return subject->sweep != 0 || dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__NOT_FOUND,
                                                  "there is no sweep '%.64s'", name);
}

static bool find_job(struct dispatch *dispatch, const struct inbound *inbound,
                     struct subject *subject, struct error *error)
{
    struct job_sight sight;
    int64_t job = inbound->envelope->control->job;
    if (!store_look_at_job(dispatch->store, job, &sight, error))
        return false;
    if (!sight.found)
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__NOT_FOUND,
                               "there is no job j%lld", (long long)job);
    if (strcmp(sight.state, "pending") != 0 || sight.superseded_by != 0)
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__STATE,
                               "j%lld is %s: only a job that waits can be held", (long long)job,
                               sight.superseded_by != 0 ? "replaced" : sight.state);
    subject->job = job;
    return true;
}

static void reply(struct dispatch *dispatch, const struct inbound *inbound, bool changed,
                  const char *message)
{
    Wire__ControlReply answer = WIRE__CONTROL_REPLY__INIT;
    answer.changed_count = changed;
    answer.message = (char *)(uintptr_t)message;
    REPLY(dispatch, inbound->peer, inbound->envelope->request, CONTROL_REPLY, control_reply,
          &answer);
    fleet_wake(&dispatch->fleet);
}

static bool hold(struct dispatch *dispatch, const struct inbound *inbound, struct error *error)
{
    const Wire__Control *asked = inbound->envelope->control;
    bool held = asked->verb == WIRE__CONTROL__VERB__PAUSE, changed;
    struct subject subject = {.sweep = 0};
    if (!(asked->job != 0 ? find_job : find_sweep)(dispatch, inbound, &subject, error))
        return false;
    if (subject.sweep == 0 && subject.job == 0)
        return true;
    if (!store_hold(dispatch->store, subject.sweep, subject.job, held, &changed, error))
        return false;
    char message[160];
    size_t running = subject.sweep != 0 ? lease_count(&dispatch->leases, subject.sweep) : 0;
    if (!changed)
        snprintf(message, sizeof message, "it was %s already", held ? "paused" : "going on");
    else if (!held)
        snprintf(message, sizeof message, "it goes on");
    else if (running > 0)
        snprintf(message, sizeof message, "paused: nothing more of it starts; what runs (%zu) ends",
                 running);
    else
        snprintf(message, sizeof message, "paused: nothing of it starts until it is resumed");
    reply(dispatch, inbound, changed, message);
    return true;
}

static bool set_priority(struct dispatch *dispatch, const struct inbound *inbound,
                         struct error *error)
{
    const Wire__Control *asked = inbound->envelope->control;
    struct subject subject = {.sweep = 0};
    bool changed;
    char message[80];
    if (asked->job != 0 || asked->priority < -SWEEP_PRIORITY_MAX ||
        asked->priority > SWEEP_PRIORITY_MAX)
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__INVALID,
                               "a sweep has a priority, a whole number from %d to %d",
                               -SWEEP_PRIORITY_MAX, SWEEP_PRIORITY_MAX);
    if (!find_sweep(dispatch, inbound, &subject, error))
        return false;
    if (subject.sweep == 0)
        return true;
    if (!store_set_priority(dispatch->store, subject.sweep, asked->priority, &changed, error))
        return false;
    snprintf(message, sizeof message, "its priority is %s%lld", changed ? "now " : "",
             (long long)asked->priority);
    reply(dispatch, inbound, changed, message);
    return true;
}

static struct worker *find_worker(struct dispatch *dispatch, int64_t row)
{
    struct table_cursor cursor = {0};
    for (struct worker *worker; (worker = fleet_next(&dispatch->fleet, &cursor));)
        if (worker->row == row)
            return worker;
    return NULL;
}

static bool drain(struct dispatch *dispatch, const struct inbound *inbound, struct error *error)
{
    const Wire__Control *asked = inbound->envelope->control;
    struct worker *worker = find_worker(dispatch, asked->worker);
    enum drained drained = asked->undo ? DRAINED_NO : DRAINED_ASKED;
    char message[FLEET_TEXT_MAX + 160];
    if (!worker)
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__NOT_FOUND,
                               "no worker %lld is connected (see lipsweep workers)",
                               (long long)asked->worker);
    bool changed = worker->drained != (int)drained;
    if (changed && !store_worker_drain(dispatch->store, worker->row, drained, "", error))
        return false;
    worker->drained = (int)drained;
    snprintf(message, sizeof message, "worker %lld on %s %s", (long long)worker->row, worker->host,
             asked->undo ? "gets jobs, unless it was ending already"
                         : "gets no more jobs, and ends when what it runs has ended");
    reply(dispatch, inbound, changed, message);
    return true;
}

bool dispatch_control(struct dispatch *dispatch, const struct inbound *inbound, struct error *error)
{
    switch (inbound->envelope->control->verb) {
    case WIRE__CONTROL__VERB__CANCEL:
    case WIRE__CONTROL__VERB__RETRY:
        return dispatch_control_task(dispatch, inbound, error);
    case WIRE__CONTROL__VERB__PAUSE:
    case WIRE__CONTROL__VERB__RESUME:
        return hold(dispatch, inbound, error);
    case WIRE__CONTROL__VERB__PRIORITY:
        return set_priority(dispatch, inbound, error);
    case WIRE__CONTROL__VERB__DRAIN:
        return drain(dispatch, inbound, error);
    default:
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__INVALID,
                               "this coordinator does not know what was asked of the sweep");
    }
}
