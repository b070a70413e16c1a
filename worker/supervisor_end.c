/* How a worker ends: asked to, at its time limit, with nothing to do, or because it is of no use.
 */
#include "worker/supervisor_state.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/log.h"

enum {
    CHECKPOINT_MS = 5000, /* how long a stopping worker waits for its runners' checkpoints */
    RESERVE_MS = 20000,   /* before the time limit: for checkpoints to be written and sent */
    USELESS_MAX = 6,      /* jobs that it handed back, and none that it ran */
};

void supervisor_hand_back_stopped(struct supervisor *supervisor, struct slot *slot)
{
    const char *reason = supervisor->stopping ? supervisor->stop_reason : "the worker was stopped";
    const struct handing_back stopped = {WIRE__OUTCOME__OUTCOME_PREEMPTED, reason, 0};
    supervisor_hand_back(supervisor, slot, &stopped);
}

void supervisor_stop(struct supervisor *supervisor, const char *reason)
{
    supervisor->stopping = true;
    supervisor->stop_reason = reason;
    supervisor->checkpoint_ms = supervisor->now_ms + CHECKPOINT_MS;
    supervisor->stop_ms = supervisor->now_ms + STOP_MS;
    log_info("stopping (%s): handing %d leases back", reason, supervisor_busy_count(supervisor));
    for (int i = 0; i < supervisor->options->slots; i++) {
        struct slot *slot = &supervisor->slots[i];
        if (slot->busy && !slot->doomed)
            slot_stop(slot);
    }
}

/* Runners that did not come to write a checkpoint: the one before it counts. */
static void end_late_ones(struct supervisor *supervisor)
{
    for (int i = 0; i < supervisor->options->slots; i++) {
        struct slot *slot = &supervisor->slots[i];
        if (!slot->busy || slot->doomed)
            continue;
        supervisor_doom(slot);
        supervisor_hand_back_stopped(supervisor, slot);
    }
}

/* True when there is nothing left to wait for. */
bool supervisor_is_over(struct supervisor *supervisor, struct error *error, bool *failed)
{
    bool busy = supervisor_busy_count(supervisor) > 0;
    bool waiting = outbox_count(supervisor->outbox) > 0;
    int64_t idle_ms = supervisor->options->idle_timeout_ms;
    int64_t count = supervisor->options->count;
    if (busy || (waiting && session_is_open(supervisor->session)))
        supervisor->busy_ms = supervisor->now_ms;
    if (supervisor->stopping && busy)
        supervisor->stop_ms = supervisor->now_ms + STOP_MS;
    if (supervisor->stopping)
        return !busy && (!waiting || !session_is_open(supervisor->session) ||
                         supervisor->now_ms >= supervisor->stop_ms);
    if (count > 0 && supervisor->finished_count >= count && !busy && !waiting) {
        log_info("ending after %" PRId64 " jobs, as asked for", supervisor->finished_count);
        return true;
    }
    if (supervisor->draining && !busy && !waiting) {
        *failed = supervisor->useless_count >= USELESS_MAX;
        if (*failed)
            error_set(error, ERROR_FAILED,
                      "%d jobs in a row could not run here, the last one because %.700s",
                      supervisor->useless_count, supervisor->useless_reason);
        else
            log_info("ending: drained, and nothing runs any more");
        return true;
    }
    if (idle_ms == 0 || supervisor->now_ms < supervisor->busy_ms + idle_ms)
        return false;
    *failed = !session_was_ever_open(supervisor->session);
    if (*failed)
        error_set(error, ERROR_UNREACHABLE, "no coordinator at %s within %g s",
                  supervisor->options->endpoint, (double)idle_ms / 1000);
    else
        log_info("ending after %g s without a job, as asked for", (double)idle_ms / 1000);
    return true;
}

void supervisor_say_goodbye(struct supervisor *supervisor)
{
    Wire__Goodbye goodbye = WIRE__GOODBYE__INIT;
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    goodbye.reason =
        (char *)(uintptr_t)(supervisor->stopping ? supervisor->stop_reason : "nothing to do");
    envelope.body_case = WIRE__ENVELOPE__BODY_GOODBYE;
    envelope.goodbye = &goodbye;
    if (session_is_open(supervisor->session))
        session_send(supervisor->session, &envelope);
}

/* --- the time limit --- */

static int64_t reserve_ms(const struct supervisor *supervisor)
{
    int64_t quarter_ms = supervisor->options->time_limit_ms / 4;
    return quarter_ms < RESERVE_MS ? quarter_ms : RESERVE_MS;
}

int64_t supervisor_limit_ms(const struct supervisor *supervisor)
{
    return supervisor->end_ms - reserve_ms(supervisor);
}

bool supervisor_has_time(const struct supervisor *supervisor)
{
    return supervisor->end_ms == 0 ||
           supervisor->now_ms < supervisor_limit_ms(supervisor) - reserve_ms(supervisor);
}

void supervisor_end_tick(struct supervisor *supervisor)
{
    if (supervisor->end_ms > 0 && !supervisor->stopping &&
        supervisor->now_ms >= supervisor_limit_ms(supervisor))
        supervisor_stop(supervisor, "the worker's time limit is near");
    if (supervisor->stopping && supervisor->now_ms >= supervisor->checkpoint_ms)
        end_late_ones(supervisor);
}

/* --- no use --- */

void supervisor_was_useless(struct supervisor *supervisor, const char *reason)
{
    if (supervisor->useless_count < USELESS_MAX)
        supervisor->useless_count++;
    snprintf(supervisor->useless_reason, sizeof supervisor->useless_reason, "%s", reason);
    if (supervisor->useless_count < USELESS_MAX || supervisor->draining)
        return;
    supervisor->draining = true;
    log_error("%d jobs in a row could not run here: no more are taken, and this worker ends",
              supervisor->useless_count);
}
