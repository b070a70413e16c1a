/* Handing out jobs, and taking them back. */
#include "coordinator/dispatch_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "coordinator/store_checkpoint.h"
#include "coordinator/store_lease.h"
#include "coordinator/store_worker.h"

enum {
    TICK_ENDINGS_MAX = 500, /* leases ended in one transaction; the rest at the next tick */
    SILENT_HEARTBEATS = 3,  /* a worker that left so many out gets no job: it may be dead */
    SILENT_LEASES = 3       /* a worker not heard of for so many lease times has left */
};

static bool adopt(void *context, const struct live_lease *live, struct error *error)
{
    struct dispatch *dispatch = context;
    struct lease lease = {.id = live->id,
                          .worker = live->worker,
                          .sweep = live->sweep,
                          .memory_bytes = live->memory_bytes,
                          /* Its Lease may have been lost with us: if the holder's first heartbeat
                           * does not list it, it is sent again. */
                          .after_heartbeat = 0};
    return lease_add(&dispatch->leases, &lease, error);
}

bool dispatch_recover(struct dispatch *dispatch, struct error *error)
{
    size_t unreadable;
    if (!dispatch_compare_journal(dispatch, error) ||
        !store_lease_each(dispatch->store, adopt, dispatch, error) ||
        !submission_resume(&dispatch->submissions, dispatch->store, &unreadable, error) ||
        !dispatch_weights_recover(dispatch, error) || !dispatch_resume_removal(dispatch, error))
        return false;
    dispatch_checkpoint_recover(dispatch);
    if (dispatch->leases.by_job.count > 0)
        log_info("%zu leases are alive: each has a full term again", dispatch->leases.by_job.count);
    if (dispatch->submissions.count > 0)
        log_info("%zu sweeps were being stored: going on", dispatch->submissions.count);
    if (unreadable > 0)
        log_error("%zu sweeps were being stored by another version and cannot be gone on with",
                  unreadable);
    return true;
}

static bool send_lease(struct dispatch *dispatch, const struct worker *worker,
                       const struct attempt_id *id, const struct leased *leased, bool again,
                       struct error *error)
{
    struct stored_checkpoint stored;
    bool found = false;
    /* An attempt before it, or the worker itself before it was told again, may have sent one. */
    if ((id->number > 1 || again) &&
        !store_checkpoint_find(dispatch->store, id->job, &stored, &found, error))
        return false;
    Wire__AttemptId wire = dispatch_wire_id(id);
    Wire__Lease lease = WIRE__LEASE__INIT;
    lease.attempt = &wire;
    lease.sweep = (char *)(uintptr_t)leased->sweep_name;
    lease.description = (char *)(uintptr_t)leased->description;
    lease.memory_bytes = leased->memory_bytes;
    lease.max_attempts = (uint32_t)leased->max_attempts;
    lease.after_heartbeat = worker->sequence;
    lease.checkpoint_s = leased->checkpoint_s;
    lease.continue_any = leased->continue_any;
    lease.keep_weights = leased->keep_weights;
    uint8_t digest[HASH_BYTES];
    if (leased->weights_digest[0] && hash_parse(leased->weights_digest, digest)) {
        lease.weights_digest.data = digest;
        lease.weights_digest.len = sizeof digest;
    }
    Wire__Checkpoint checkpoint = WIRE__CHECKPOINT__INIT;
    uint8_t file[HASH_BYTES];
    if (found && hash_parse(stored.digest, file)) {
        checkpoint.file.data = file;
        checkpoint.file.len = sizeof file;
        checkpoint.size = stored.bytes;
        checkpoint.step = stored.step;
        lease.checkpoint = &checkpoint;
    }
    REPLY(dispatch, &worker->peer, 0, LEASE, lease, &lease);
    return true;
}

static size_t running_of(const void *leases, int64_t sweep)
{
    return lease_count(leases, sweep);
}

static bool lease_one(struct dispatch *dispatch, struct lease_offers *offers, struct worker *worker,
                      bool *found, struct error *error)
{
    struct leased leased;
    const struct lease_room room = {.worker = worker->row,
                                    .memory_bytes = worker->free_memory_bytes,
                                    .build = worker->build,
                                    .labels = worker->labels,
                                    .running = running_of,
                                    .context = &dispatch->leases};
    if (!store_lease_take(dispatch->store, offers, &room, &leased, found, error))
        return false;
    if (!*found)
        return true;
    struct lease lease = {.id = {.job = leased.job, .number = leased.number},
                          .worker = worker->row,
                          .sweep = leased.sweep,
                          .memory_bytes = leased.memory_bytes,
                          .after_heartbeat = worker->sequence};
    memcpy(lease.id.instance, worker->instance, INSTANCE_BYTES);
    if (!lease_add(&dispatch->leases, &lease, error))
        return false;
    worker->free_slots--;
    /* More than there is only by what another build says. */
    worker->free_memory_bytes -= leased.memory_bytes < worker->free_memory_bytes
                                     ? leased.memory_bytes
                                     : worker->free_memory_bytes;
    if (!send_lease(dispatch, worker, &lease.id, &leased, false, error))
        return false;
    log_debug("j%lld attempt %lld leased to worker %lld", (long long)leased.job,
              (long long)leased.number, (long long)worker->row);
    return true;
}

static bool lease_to_hungry(struct dispatch *dispatch, struct lease_offers *offers, size_t limit,
                            bool *more, struct error *error)
{
    struct worker *worker;
    size_t count = 0;
    int64_t heard_since_ms =
        clock_now_ms(&dispatch->clock) - SILENT_HEARTBEATS * dispatch->options.heartbeat_ms;
    fleet_look(&dispatch->fleet, offers->count > 0);
    while (count < limit && (worker = fleet_hungry(&dispatch->fleet))) {
        bool found = false;
        if (worker->drained == DRAINED_NO && worker->free_slots > 0 &&
            worker->heard_ms >= heard_since_ms &&
            !lease_one(dispatch, offers, worker, &found, error))
            return false;
        fleet_looked_at(&dispatch->fleet, worker, found);
        count += found;
    }
    *more = count >= limit;
    return true;
}

bool dispatch_leases(struct dispatch *dispatch, size_t limit, bool *more, struct error *error)
{
    struct lease_offers offers = {0};
    *more = false;
    if (dispatch->room.state != ROOM_ENOUGH || !fleet_has_news(&dispatch->fleet))
        return true;
    bool good = store_enter(dispatch->store, error) &&
                store_lease_offers(dispatch->store, &offers, error) &&
                lease_to_hungry(dispatch, &offers, limit, more, error);
    lease_offers_finish(&offers);
    return good;
}

/* Only a heartbeat after the next one tells: the next may have been on its way already. Sending a
 * Lease twice is harmless, because a worker knows its attempts by job and number. */
bool dispatch_resend_leases(struct dispatch *dispatch, struct worker *worker, struct error *error)
{
    for (struct lease *lease = lease_first_of(&dispatch->leases, worker->row); lease;
         lease = lease->next_of_worker) {
        if (lease->listed || worker->sequence <= lease->after_heartbeat + 1)
            continue;
        struct leased leased;
        bool found;
        if (!store_lease_describe(dispatch->store, &lease->id, &leased, &found, error))
            return false;
        lease->after_heartbeat = worker->sequence;
        if (found && !send_lease(dispatch, worker, &lease->id, &leased, true, error))
            return false;
    }
    return true;
}

static void tell_holder(struct dispatch *dispatch, const struct attempt_id *id, const char *reason)
{
    const struct worker *worker = fleet_worker(&dispatch->fleet, id->instance);
    if (worker)
        dispatch_say_over(dispatch, &worker->peer, id, reason);
}

bool dispatch_drop_leases(struct dispatch *dispatch, int64_t sweep, int64_t job, const char *reason,
                          struct error *error)
{
    struct table_cursor cursor = {0};
    for (struct lease *lease; (lease = lease_next(&dispatch->leases, &cursor));) {
        bool over;
        if ((sweep != 0 && lease->sweep != sweep) || (job != 0 && lease->id.job != job))
            continue;
        if (!store_lease_is_over(dispatch->store, &lease->id, &over, error))
            return false;
        if (!over)
            continue;
        tell_holder(dispatch, &lease->id, reason);
        lease_remove(&dispatch->leases, lease->id.job);
    }
    return true;
}

static bool end_lease(struct dispatch *dispatch, const struct lease *lease, enum lease_due due,
                      struct error *error)
{
    char reason[128];
    struct lease_ending ending;
    struct attempt_id id = lease->id;
    if (due == LEASE_EXPIRED)
        snprintf(reason, sizeof reason, "nothing was heard of it for %g s",
                 (double)dispatch->options.lease_ms / 1000);
    else
        snprintf(reason, sizeof reason, "no progress for %g s",
                 (double)dispatch->options.no_progress_ms / 1000);
    if (!store_lease_end(dispatch->store, &id, due == LEASE_EXPIRED ? ATTEMPT_LOST : ATTEMPT_FAILED,
                         reason, &ending, error))
        return false;
    lease_remove(&dispatch->leases, id.job);
    log_warning("j%lld attempt %lld ended: %s; %s", (long long)id.job, (long long)id.number, reason,
                ending.exhausted ? "no attempts are left, the job is failed" : "it will run again");
    /* A silent worker that wakes up is told at its first heartbeat, unless its result still counts.
     */
    if (due == LEASE_STUCK)
        tell_holder(dispatch, &id, reason);
    fleet_wake(&dispatch->fleet);
    return true;
}

static bool end_due_leases(struct dispatch *dispatch, struct error *error)
{
    size_t count = 0;
    struct table_cursor cursor = {0};
    for (struct lease *lease;
         count < TICK_ENDINGS_MAX && (lease = lease_next(&dispatch->leases, &cursor));) {
        enum lease_due due = lease_due(&dispatch->leases, lease);
        if (due == LEASE_FINE)
            continue;
        if (!end_lease(dispatch, lease, due, error))
            return false;
        count++;
    }
    return true;
}

static bool forget_silent_workers(struct dispatch *dispatch, struct error *error)
{
    int64_t before_ms = clock_now_ms(&dispatch->clock) - SILENT_LEASES * dispatch->options.lease_ms;
    struct table_cursor cursor = {0};
    for (struct worker *worker; (worker = fleet_next(&dispatch->fleet, &cursor));) {
        if (worker->heard_ms >= before_ms)
            continue;
        log_info("worker %lld on %s is silent: counted as gone", (long long)worker->row,
                 worker->host);
        if (!store_worker_left(dispatch->store, worker->row, error))
            return false;
        fleet_forget_worker(&dispatch->fleet, worker);
    }
    return true;
}

bool dispatch_tick(struct dispatch *dispatch, struct error *error)
{
    dispatch_checkpoint_tick(dispatch);
    return store_enter(dispatch->store, error) && end_due_leases(dispatch, error) &&
           forget_silent_workers(dispatch, error);
}
