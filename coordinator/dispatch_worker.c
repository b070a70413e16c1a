/* What workers send. */
#include "coordinator/dispatch_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/build.h"
#include "common/log.h"
#include "coordinator/store_lease.h"
#include "coordinator/store_log.h"
#include "coordinator/store_measure.h"
#include "coordinator/store_result.h"
#include "coordinator/store_shape.h"
#include "coordinator/store_worker.h"
#include "coordinator/text.h"

enum { SLOTS_MAX = 4096 };

static void welcome(struct dispatch *dispatch, const struct inbound *inbound)
{
    Wire__Welcome reply = WIRE__WELCOME__INIT;
    reply.protocol = WIRE_PROTOCOL;
    reply.build = (char *)(uintptr_t)build_text();
    reply.lease_ms = (uint32_t)dispatch->options.lease_ms;
    reply.heartbeat_ms = (uint32_t)dispatch->options.heartbeat_ms;
    reply.no_progress_ms = (uint32_t)dispatch->options.no_progress_ms;
    reply.pid = getpid();
    /* Whole, for clients in other folders. */
    char *path = realpath(dispatch->options.database, NULL);
    reply.database = path ? path : (char *)(uintptr_t)dispatch->options.database;
    REPLY(dispatch, inbound->peer, inbound->envelope->request, WELCOME, welcome, &reply);
    free(path);
}

static bool remember_worker(struct dispatch *dispatch, const struct inbound *inbound,
                            struct worker *worker, struct error *error)
{
    Wire__Hello *hello = inbound->envelope->hello;
    struct error unfit;
    enum drained drained = DRAINED_NO;
    text_clean(hello->host, FLEET_TEXT_MAX);
    text_clean(hello->build, FLEET_TEXT_MAX);
    text_clean(hello->cpu_class, FLEET_TEXT_MAX);
    snprintf(worker->host, sizeof worker->host, "%s", hello->host);
    snprintf(worker->build, sizeof worker->build, "%s", hello->build);
    snprintf(worker->cpu_class, sizeof worker->cpu_class, "%s", hello->cpu_class);
    worker->labels[0] = '\0';
    for (size_t i = 0; i < hello->n_labels; i++)
        if (!labels_add_pair(worker->labels, hello->labels[i], &unfit))
            log_warning("a label of the worker on %s does not count: %s", worker->host,
                        unfit.message);
    worker->pid = hello->pid;
    worker->slots = hello->slots;
    worker->threads = hello->threads;
    worker->cpu_count = hello->cpu_count;
    worker->memory_bytes = hello->memory_bytes & INT64_MAX;
    worker->free_slots = 0; /* until its heartbeat says otherwise */
    struct worker_facts facts = {
        .instance = worker->instance,
        .host = worker->host,
        .build = worker->build,
        .cpu_class = worker->cpu_class,
        .labels = worker->labels,
        .pid = worker->pid,
        .slots = worker->slots,
        .threads = worker->threads,
        .cpu_count = worker->cpu_count,
        .memory_bytes = (int64_t)worker->memory_bytes,
        .key = inbound->sender ? inbound->sender->public_key : NULL,
        .key_name = inbound->sender ? inbound->sender->name : NULL,
    };
    if (!store_worker_seen(dispatch->store, &facts, &worker->row, error) ||
        !store_worker_drained(dispatch->store, worker->row, &drained, error))
        return false;
    worker->drained = drained;
    return true;
}

/* Said with every heartbeat: it costs nothing, and none need be remembered as delivered. */
static void say_drained(struct dispatch *dispatch, const struct worker *worker)
{
    Wire__Drain drain = WIRE__DRAIN__INIT;
    drain.reason = (char *)(uintptr_t) "asked for by lipsweep drain";
    if (worker->drained == DRAINED_ASKED)
        REPLY(dispatch, &worker->peer, 0, DRAIN, drain, &drain);
}

/* A job that is done may show that a worker it failed on before is at fault. */
static bool suspect(struct dispatch *dispatch, const struct attempt_id *id, struct error *error)
{
    char reason[QUARANTINE_REASON_MAX];
    int64_t row;
    if (id->number == 1)
        return true;
    if (!store_worker_quarantine(dispatch->store, id->job, &row, reason, error))
        return false;
    struct table_cursor cursor = {0};
    for (struct worker *worker; row != 0 && (worker = fleet_next(&dispatch->fleet, &cursor));) {
        if (worker->row != row)
            continue;
        worker->drained = DRAINED_QUARANTINED;
        log_warning(
            "worker %lld on %s is quarantined and gets no more jobs: %s; lipsweep drain %lld "
            "--undo trusts it again",
            (long long)row, worker->host, reason, (long long)row);
    }
    return true;
}

bool dispatch_hello(struct dispatch *dispatch, const struct inbound *inbound, struct error *error)
{
    Wire__Hello *hello = inbound->envelope->hello;
    if (hello->protocol != WIRE_PROTOCOL)
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__PROTOCOL,
                               "this coordinator (%s) speaks protocol %d, and you speak protocol "
                               "%u: use the same version on both ends",
                               build_version(), WIRE_PROTOCOL, hello->protocol);
    bool is_worker = hello->role == WIRE__ROLE__ROLE_WORKER;
    if (!is_worker && hello->role != WIRE__ROLE__ROLE_CLIENT)
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__INVALID,
                               "a Hello must say whether a worker or a client sends it");
    if (is_worker && (hello->instance.len != INSTANCE_BYTES || hello->slots > SLOTS_MAX))
        return dispatch_refuse(
            dispatch, inbound, WIRE__REFUSED__CODE__INVALID,
            "a worker's Hello needs an instance of %d bytes and at most %d slots", INSTANCE_BYTES,
            SLOTS_MAX);
    if (is_worker && !dispatch_owns(dispatch, inbound->sender, hello->instance.data))
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__KEY,
                               "this instance came with another key before");
    if (inbound->sender && is_worker != (inbound->sender->role == KEY_ROLE_WORKER))
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__KEY,
                               "the key %s is a %s's: it is not for %s", inbound->sender->name,
                               key_role_text(inbound->sender->role),
                               is_worker ? "workers" : "clients");
    struct session *session;
    if (is_worker && dispatch->room.state == ROOM_NONE)
        return true; /* it cannot be stored: the worker says it again */
    if (!fleet_greet(&dispatch->fleet, inbound->peer, is_worker ? hello->instance.data : NULL,
                     clock_now_ms(&dispatch->clock), &session, error))
        return false;
    if (is_worker) {
        if (!remember_worker(dispatch, inbound, session->worker, error))
            return false;
        log_info("worker %lld on %s joined with %u slots", (long long)session->worker->row,
                 session->worker->host, hello->slots);
    }
    welcome(dispatch, inbound);
    return true;
}

/* A lost attempt that is still the newest one is left alone: its result would be taken. */
static bool answer_dead(struct dispatch *dispatch, const struct inbound *inbound,
                        const struct attempt_id *id, struct error *error)
{
    bool over;
    if (!store_lease_is_over(dispatch->store, id, &over, error))
        return false;
    if (over)
        dispatch_say_over(dispatch, inbound->peer, id, "it has no lease any more");
    return true;
}

/* Told with every heartbeat, stored when it is news. */
static bool take_memory(struct dispatch *dispatch, const struct worker *worker, struct lease *lease,
                        uint64_t memory_bytes, struct error *error)
{
    if (memory_bytes == 0 || memory_bytes == lease->memory_bytes ||
        dispatch->room.state == ROOM_NONE)
        return true;
    lease->memory_bytes = memory_bytes;
    return store_enter(dispatch->store, error) &&
           store_shape_told(dispatch->store, lease->id.job, memory_bytes, worker->build, error);
}

static bool renew(struct dispatch *dispatch, const struct inbound *inbound, uint64_t sequence,
                  const Wire__Progress *running, struct error *error)
{
    struct attempt_id id;
    if (!dispatch_attempt_id(dispatch, inbound, running->attempt, &id))
        return true;
    struct lease *lease = lease_find(&dispatch->leases, &id);
    if (lease) {
        struct lease_progress progress = {
            .counter = running->counter,
            .phase = running->phase,
            .epoch = running->epoch,
            .epoch_count = running->epoch_count,
            .step = running->step,
            .step_count = running->step_count,
            .images_per_s = isfinite(running->images_per_s) ? running->images_per_s : 0,
        };
        lease_renew(&dispatch->leases, lease, &progress);
        lease->heartbeat = sequence;
        return take_memory(dispatch, inbound->session->worker, lease, running->memory_bytes, error);
    }
    /* What becomes of a result that is on its way is told when that has come. */
    return running->phase == LEASE_PHASE_DELIVERING || answer_dead(dispatch, inbound, &id, error);
}

/* Room that the worker has, less what is leased to it without its knowing yet. */
static void take_credit(struct dispatch *dispatch, struct worker *worker,
                        const Wire__Heartbeat *heartbeat)
{
    worker->free_slots = heartbeat->free_slots;
    worker->free_memory_bytes = heartbeat->free_memory_bytes;
    for (const struct lease *lease = lease_first_of(&dispatch->leases, worker->row); lease;
         lease = lease->next_of_worker) {
        if (lease->heartbeat == heartbeat->sequence)
            continue;
        worker->free_slots -= worker->free_slots > 0;
        worker->free_memory_bytes -= lease->memory_bytes < worker->free_memory_bytes
                                         ? lease->memory_bytes
                                         : worker->free_memory_bytes;
    }
    fleet_heard_room(&dispatch->fleet, worker);
}

bool dispatch_heartbeat(struct dispatch *dispatch, const struct inbound *inbound,
                        struct error *error)
{
    const Wire__Heartbeat *heartbeat = inbound->envelope->heartbeat;
    struct worker *worker = inbound->session->worker;
    worker->heard_ms = clock_now_ms(&dispatch->clock);
    for (size_t i = 0; i < heartbeat->n_running; i++)
        if (!renew(dispatch, inbound, heartbeat->sequence, heartbeat->running[i], error))
            return false;
    /* One that was overtaken tells nothing new about room. */
    if (heartbeat->sequence > worker->sequence) {
        worker->sequence = heartbeat->sequence;
        take_credit(dispatch, worker, heartbeat);
        if (!dispatch_resend_leases(dispatch, worker, error))
            return false;
    }
    say_drained(dispatch, worker);
    Wire__HeartbeatAck ack = WIRE__HEARTBEAT_ACK__INIT;
    ack.sequence = heartbeat->sequence;
    REPLY(dispatch, inbound->peer, inbound->envelope->request, HEARTBEAT_ACK, heartbeat_ack, &ack);
    return true;
}

bool dispatch_epoch_report(struct dispatch *dispatch, const struct inbound *inbound,
                           struct error *error)
{
    const Wire__EpochReport *report = inbound->envelope->epoch_report;
    struct attempt_id id;
    const char *wrong = "it names no attempt or no epoch";
    if (!dispatch_attempt_id(dispatch, inbound, report->attempt, &id) || !report->metric ||
        (wrong = measure_check_epoch(report->metric)))
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__INVALID,
                               "an epoch's report is not taken: %s", wrong);
    bool live;
    if (!store_measure_epoch(dispatch->store, &id, report->metric, &live, error))
        return false;
    return live || answer_dead(dispatch, inbound, &id, error);
}

bool dispatch_log_chunk(struct dispatch *dispatch, const struct inbound *inbound,
                        struct error *error)
{
    const Wire__LogChunk *chunk = inbound->envelope->log_chunk;
    struct attempt_id id;
    bool live;
    if (!dispatch_attempt_id(dispatch, inbound, chunk->attempt, &id))
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__INVALID,
                               "a piece of a log names no attempt");
    if (!store_log_add(dispatch->store, &id, chunk->offset, chunk->text.data, chunk->text.len,
                       &live, error))
        return false;
    return live || answer_dead(dispatch, inbound, &id, error);
}

static void acknowledge(struct dispatch *dispatch, const struct inbound *inbound,
                        const struct attempt_id *id, bool accepted, const char *reason)
{
    Wire__AttemptId wire = dispatch_wire_id(id);
    Wire__ResultAck ack = WIRE__RESULT_ACK__INIT;
    ack.attempt = &wire;
    ack.accepted = accepted;
    ack.reason = (char *)(uintptr_t)reason;
    REPLY(dispatch, inbound->peer, inbound->envelope->request, RESULT_ACK, result_ack, &ack);
}

static void log_result(const struct attempt_id *id, const Wire__Result *result,
                       const struct result_answer *answer)
{
    const char *late = answer->late ? " (late)" : "";
    if (answer->refused[0])
        log_warning("j%lld attempt %lld%s: %s", (long long)id->job, (long long)id->number, late,
                    answer->refused);
    else if (result->outcome == WIRE__OUTCOME__OUTCOME_DONE)
        log_info("j%lld attempt %lld is done%s", (long long)id->job, (long long)id->number, late);
    else
        log_warning("j%lld attempt %lld ended%s: %s", (long long)id->job, (long long)id->number,
                    late, result->reason);
}

static bool apply_result(struct dispatch *dispatch, const struct inbound *inbound,
                         const struct attempt_id *id, const Wire__Result *result,
                         struct error *error)
{
    struct result_answer answer;
    if (!store_result(dispatch->store, id, result, &answer, error))
        return false;
    switch (answer.verdict) {
    case RESULT_TAKEN:
        log_result(id, result, &answer);
        dispatch->buries = true; /* other weights may be better now */
        if (result->outcome == WIRE__OUTCOME__OUTCOME_DONE && !suspect(dispatch, id, error))
            return false;
        if (lease_find(&dispatch->leases, id))
            lease_remove(&dispatch->leases, id->job);
        /* A failure may have put the job back. */
        fleet_wake(&dispatch->fleet);
        acknowledge(dispatch, inbound, id, true, answer.refused);
        return true;
    case RESULT_KNOWN:
        acknowledge(dispatch, inbound, id, true, "recorded before");
        return true;
    default:
        acknowledge(dispatch, inbound, id, false, "the attempt was over: nothing changed");
        return true;
    }
}

bool dispatch_result(struct dispatch *dispatch, const struct inbound *inbound, struct error *error)
{
    Wire__Result *result = inbound->envelope->result;
    struct attempt_id id;
    if (!dispatch_attempt_id(dispatch, inbound, result->attempt, &id))
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__INVALID,
                               "a result names no attempt");
    if (result->outcome != WIRE__OUTCOME__OUTCOME_DONE &&
        result->outcome != WIRE__OUTCOME__OUTCOME_FAILED &&
        result->outcome != WIRE__OUTCOME__OUTCOME_DIVERGED)
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__INVALID,
                               "a result is done, failed or diverged");
    text_clean(result->reason, STORE_REASON_MAX);
    text_clean(result->build, FLEET_TEXT_MAX);
    text_clean(result->cpu_class, FLEET_TEXT_MAX);
    text_clean(result->host, FLEET_TEXT_MAX);
    text_clean(result->weights_digest, JOB_DIGEST_LENGTH);
    return apply_result(dispatch, inbound, &id, result, error);
}

bool dispatch_release(struct dispatch *dispatch, const struct inbound *inbound, struct error *error)
{
    const Wire__Release *release = inbound->envelope->release;
    struct attempt_id id;
    if (!dispatch_attempt_id(dispatch, inbound, release->attempt, &id) ||
        (release->outcome != WIRE__OUTCOME__OUTCOME_PREEMPTED &&
         release->outcome != WIRE__OUTCOME__OUTCOME_REFUSED))
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__INVALID,
                               "a release names an attempt that is preempted or refused");
    text_clean(release->reason, STORE_REASON_MAX);
    bool refused = release->outcome == WIRE__OUTCOME__OUTCOME_REFUSED;
    struct lease_ending ending;
    if (!store_lease_end(dispatch->store, &id, refused ? ATTEMPT_REFUSED : ATTEMPT_PREEMPTED,
                         release->reason, &ending, error))
        return false;
    if (ending.changed && release->memory_bytes > 0 &&
        !store_shape_told(dispatch->store, id.job, release->memory_bytes,
                          inbound->session->worker->build, error))
        return false;
    if (ending.changed) {
        log_info("j%lld attempt %lld handed back (%s): %s", (long long)id.job, (long long)id.number,
                 refused ? "refused" : "preempted", release->reason);
        lease_remove(&dispatch->leases, id.job);
        fleet_wake(&dispatch->fleet);
    }
    Wire__AttemptId wire = dispatch_wire_id(&id);
    Wire__ReleaseAck ack = WIRE__RELEASE_ACK__INIT;
    ack.attempt = &wire;
    REPLY(dispatch, inbound->peer, inbound->envelope->request, RELEASE_ACK, release_ack, &ack);
    return true;
}

bool dispatch_goodbye(struct dispatch *dispatch, const struct inbound *inbound, struct error *error)
{
    struct worker *worker = inbound->session->worker;
    log_info("worker %lld on %s left", (long long)worker->row, worker->host);
    if (!store_worker_left(dispatch->store, worker->row, error))
        return false;
    fleet_forget_worker(&dispatch->fleet, worker);
    return true;
}
