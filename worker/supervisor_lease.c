#include "worker/supervisor_state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "worker/attempt_log.h"
#include "worker/checkpoint_folder.h"

enum { LOG_BYTES = 64 * 1024 }; /* of a log, at once */

int supervisor_busy_count(const struct supervisor *supervisor)
{
    int count = 0;
    for (int i = 0; i < supervisor->options->slots; i++)
        count += supervisor->slots[i].busy;
    return count;
}

int supervisor_free_count(const struct supervisor *supervisor)
{
    int busy = supervisor_busy_count(supervisor);
    int64_t free = supervisor->options->slots - busy;
    int64_t limit = supervisor->options->count;
    if (supervisor->stopping || supervisor->draining || !supervisor_has_time(supervisor) ||
        !backoff_is_over(&supervisor->backoff, supervisor->now_ms))
        return 0;
    if (limit > 0 && limit - supervisor->finished_count - busy < free)
        free = limit - supervisor->finished_count - busy;
    return free > 0 ? (int)free : 0;
}

uint64_t supervisor_free_memory(const struct supervisor *supervisor)
{
    uint64_t used = 0;
    for (int i = 0; i < supervisor->options->slots; i++)
        used += supervisor->slots[i].memory_bytes;
    return used < supervisor->usable.memory_bytes ? supervisor->usable.memory_bytes - used : 0;
}

void supervisor_heartbeat_soon(struct supervisor *supervisor)
{
    supervisor->heartbeat_ms = supervisor->now_ms;
}

/* --- handing back --- */

void supervisor_release(struct supervisor *supervisor, const struct attempt_id *id,
                        const struct handing_back *what)
{
    char label[ATTEMPT_LABEL_MAX];
    attempt_label(id, label);
    log_info("%s: handing the lease back: %s", label, what->reason);
    if (!outbox_add_release(supervisor->outbox, id, what))
        log_warning("%s: too much waits to be delivered, its lease is left to expire", label);
    supervisor_heartbeat_soon(supervisor);
}

void supervisor_send_log(struct supervisor *supervisor, struct slot *slot)
{
    (void)attempt_log_send(supervisor->session, &slot->id, slot->folder, &slot->log_sent,
                           LOG_BYTES);
}

void supervisor_hand_back(struct supervisor *supervisor, struct slot *slot,
                          const struct handing_back *what)
{
    struct courier *courier = &supervisor->couriers[slot - supervisor->slots];
    if (slot->waiting) { /* no runner, no folder */
        supervisor_release(supervisor, &slot->id, what);
        return;
    }
    supervisor_send_log(supervisor, slot); /* first: the release ends the attempt */
    supervisor_release(supervisor, &slot->id, what);
    if (slot->checkpoint > 0 && !courier_is_done(courier, slot->checkpoint))
        outbox_add_checkpoint(supervisor->outbox, &slot->id, courier, slot->checkpoints,
                              slot->checkpoint);
    spool_remove_folder(slot->folder);
}

void supervisor_doom(struct slot *slot)
{
    slot->doomed = true;
    slot_kill(slot);
}

/* --- leases --- */

static struct slot *find_slot(struct supervisor *supervisor, const struct attempt_id *id)
{
    for (int i = 0; i < supervisor->options->slots; i++)
        if (supervisor->slots[i].busy && attempt_equal(&supervisor->slots[i].id, id))
            return &supervisor->slots[i];
    return NULL;
}

/* Attempts of the job that this lease replaces have lost theirs. */
static void doom_older(struct supervisor *supervisor, const struct attempt_id *id)
{
    for (int i = 0; i < supervisor->options->slots; i++) {
        struct slot *slot = &supervisor->slots[i];
        if (slot->busy && slot->id.job == id->job && slot->id.number < id->number)
            supervisor_doom(slot);
    }
}

static void take_lease(void *context, const Wire__Lease *lease)
{
    struct supervisor *supervisor = context;
    struct attempt_id id;
    if (!attempt_from_wire(lease->attempt, &id) ||
        memcmp(id.instance, supervisor->instance, sizeof id.instance) != 0) {
        log_warning("a lease that is not this worker's came, ignoring it");
        return;
    }
    if (find_slot(supervisor, &id) || outbox_has(supervisor->outbox, &id))
        return; /* told twice */
    doom_older(supervisor, &id);
    supervisor_heartbeat_soon(supervisor);
    if (supervisor_free_count(supervisor) == 0) {
        const struct handing_back full = {WIRE__OUTCOME__OUTCOME_PREEMPTED,
                                          supervisor->stopping || !supervisor_has_time(supervisor)
                                              ? "the worker is stopping"
                                              : "the worker has no free slot",
                                          0};
        supervisor_release(supervisor, &id, &full);
        return;
    }
    Wire__Lease *copy = wire_copy(&lease->base);
    if (copy)
        supervisor_begin(supervisor, &id, copy);
    else
        log_error("out of memory for a lease, it is left to expire");
}

static void take_attempt_over(void *context, const Wire__AttemptOver *over)
{
    struct supervisor *supervisor = context;
    struct attempt_id id;
    char label[ATTEMPT_LABEL_MAX];
    if (!attempt_from_wire(over->attempt, &id))
        return;
    /* What waits in the outbox stays: only an acknowledgement says that it is not wanted. */
    outbox_acknowledge_release(supervisor->outbox, &id);
    struct slot *slot = find_slot(supervisor, &id);
    if (!slot || slot->doomed)
        return;
    attempt_label(&id, label);
    log_info("%s is over (%s), stopping it", label, over->reason);
    supervisor_doom(slot);
}

/* --- acknowledgements --- */

/* A training that has ended needs no checkpoint any more; one that failed is tried again. */
static void drop_checkpoints(const struct supervisor *supervisor, const Wire__Result *result)
{
    char folder[SPOOL_PATH_MAX];
    if (result && result->outcome != WIRE__OUTCOME__OUTCOME_FAILED &&
        result->train_hash.len == 32 &&
        spool_checkpoints(supervisor->spool, result->train_hash.data, folder, NULL))
        checkpoint_folder_remove(folder);
}

static void take_result_ack(void *context, const Wire__ResultAck *ack)
{
    struct supervisor *supervisor = context;
    struct attempt_id id;
    char label[ATTEMPT_LABEL_MAX];
    if (!attempt_from_wire(ack->attempt, &id))
        return;
    drop_checkpoints(supervisor, outbox_find_result(supervisor->outbox, &id));
    if (!outbox_acknowledge_result(supervisor->outbox, &id))
        return;
    attempt_label(&id, label);
    if (ack->accepted)
        log_debug("%s: result delivered", label);
    else
        log_info("%s: its result is not wanted any more: %s", label, ack->reason);
    supervisor_heartbeat_soon(supervisor);
}

static void take_weights_ack(void *context, const Wire__WeightsAck *ack)
{
    struct supervisor *supervisor = context;
    struct attempt_id id;
    if (attempt_from_wire(ack->attempt, &id))
        (void)outbox_acknowledge_weights(supervisor->outbox, &id, ack);
}

static void take_weights_part(void *context, uint64_t request, const Wire__WeightsPart *part)
{
    struct supervisor *supervisor = context;
    for (int i = 0; i < supervisor->options->slots; i++)
        if (stored_weights_take(&supervisor->stored[i], request, part)) {
            supervisor->slots[i]
                .progress.counter++; /* its runner waits for them, and says nothing */
            return;
        }
}

static void take_drain(void *context, const Wire__Drain *drain)
{
    struct supervisor *supervisor = context;
    if (supervisor->draining)
        return;
    supervisor->draining = true;
    log_info("no more jobs (%s): ending when the %d that run have ended", drain->reason,
             supervisor_busy_count(supervisor));
}

static void take_release_ack(void *context, const Wire__ReleaseAck *ack)
{
    struct supervisor *supervisor = context;
    struct attempt_id id;
    if (attempt_from_wire(ack->attempt, &id))
        outbox_acknowledge_release(supervisor->outbox, &id);
}

static void take_checkpoint_ack(void *context, const Wire__CheckpointAck *ack)
{
    struct supervisor *supervisor = context;
    struct attempt_id id;
    if (!attempt_from_wire(ack->attempt, &id))
        return;
    supervisor->stop_ms = supervisor->now_ms + STOP_MS; /* it is getting on */
    const struct slot *slot = find_slot(supervisor, &id);
    if (slot)
        (void)courier_take(&supervisor->couriers[slot - supervisor->slots], ack,
                           supervisor->now_ms);
    else
        (void)outbox_acknowledge_checkpoint(supervisor->outbox, &id, ack, supervisor->now_ms);
}

static void take_data_part(void *context, const Wire__DataPart *part)
{
    struct supervisor *supervisor = context;
    supply_take(supervisor->supply, part, supervisor->now_ms);
}

/* --- what earlier workers left --- */

static void take_found(void *context, const char *folder, Wire__Result *result)
{
    struct supervisor *supervisor = context;
    struct attempt_id id;
    char label[ATTEMPT_LABEL_MAX];
    if (!attempt_from_wire(result->attempt, &id)) {
        wire__result__free_unpacked(result, NULL);
        return;
    }
    attempt_label(&id, label);
    if (result->outcome == WIRE__OUTCOME__OUTCOME_REFUSED) { /* its lease has run out */
        spool_remove_folder(folder);
        wire__result__free_unpacked(result, NULL);
        return;
    }
    log_info("%s: delivering the result that an earlier worker left in %s", label, folder);
    if (!outbox_add_result(supervisor->outbox, &id, result, folder, 0))
        log_warning("%s: too much waits to be delivered, the result stays on disk", label);
}

static void take_damaged(void *context, const char *moved, const struct error *error)
{
    (void)context;
    log_error("%s; set aside in %s, the job will run again", error->message, moved);
}

static void take_welcome(void *context, const Wire__Welcome *welcome)
{
    struct supervisor *supervisor = context;
    struct error error;
    const struct spool_finder finder = {supervisor, take_found, take_damaged};
    if (!spool_adopt(supervisor->spool, welcome->database, &finder, &error))
        log_warning("results of earlier workers cannot be taken over: %s", error.message);
    outbox_wake(supervisor->outbox, supervisor->now_ms);
    supply_wake(supervisor->supply, supervisor->now_ms);
    for (int i = 0; i < supervisor->options->slots; i++)
        courier_wake(&supervisor->couriers[i], supervisor->now_ms);
    for (int i = 0; i < supervisor->options->slots; i++)
        stored_weights_wake(&supervisor->stored[i], supervisor->now_ms);
    supervisor_heartbeat_soon(supervisor);
}

struct session_listener supervisor_listener(struct supervisor *supervisor)
{
    return (struct session_listener){
        .context = supervisor,
        .welcome = take_welcome,
        .lease = take_lease,
        .attempt_over = take_attempt_over,
        .weights_ack = take_weights_ack,
        .weights_part = take_weights_part,
        .result_ack = take_result_ack,
        .drain = take_drain,
        .release_ack = take_release_ack,
        .checkpoint_ack = take_checkpoint_ack,
        .data_part = take_data_part,
    };
}
