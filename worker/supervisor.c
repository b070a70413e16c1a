#include "worker/supervisor.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/child.h"
#include "common/clock.h"
#include "common/hash.h"
#include "common/log.h"
#include "worker/ending.h"
#include "worker/heartbeat.h"
#include "worker/report.h"
#include "worker/signals.h"
#include "worker/supervisor_state.h"

enum {
    LOG_MS = 1000, /* how often growing logs are read */
    WAIT_MAX_MS = 1000,
    IMAGES_MS = 60000, /* how long they are kept for the next job */
};

/* --- runners --- */

static void take_epoch(void *context, const struct slot *slot, const struct epoch_metric *metric)
{
    struct supervisor *supervisor = context;
    if (slot->doomed)
        return;
    Wire__EpochReport report = WIRE__EPOCH_REPORT__INIT;
    Wire__EpochMetric wire;
    Wire__AttemptId attempt;
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    attempt_to_wire(&slot->id, &attempt);
    report_epoch(metric, &wire);
    report.attempt = &attempt;
    report.metric = &wire;
    envelope.body_case = WIRE__ENVELOPE__BODY_EPOCH_REPORT;
    envelope.epoch_report = &report;
    /* One that does not arrive is in the result all the same. */
    session_send(supervisor->session, &envelope);
}

static void finish_slot(struct supervisor *supervisor, struct slot *slot,
                        const struct slot_ending *ending)
{
    char label[ATTEMPT_LABEL_MAX];
    attempt_label(&slot->id, label);
    Wire__Result *result = ending_result(supervisor->spool, slot, ending);
    if (!result) {
        log_error("%s: out of memory for its result, its lease is left to expire", label);
        return;
    }
    if (supervisor_replaces_data(supervisor, slot, result)) {
        wire__result__free_unpacked(result, NULL);
        return;
    }
    bool good = result->outcome == WIRE__OUTCOME__OUTCOME_DONE ||
                result->outcome == WIRE__OUTCOME__OUTCOME_DIVERGED;
    if (good)
        backoff_succeeded(&supervisor->backoff);
    else
        backoff_failed(&supervisor->backoff, supervisor->now_ms);
    if (result->outcome != WIRE__OUTCOME__OUTCOME_REFUSED)
        supervisor->useless_count = 0;
    if (result->outcome == WIRE__OUTCOME__OUTCOME_REFUSED) {
        supervisor_was_useless(supervisor, result->reason);
        const struct handing_back refused = {result->outcome, result->reason, 0};
        supervisor_release(supervisor, &slot->id, &refused);
        wire__result__free_unpacked(result, NULL);
        spool_remove_folder(slot->folder);
        return;
    }
    supervisor->finished_count++;
    log_info("%s: %s%s", label,
             result->outcome == WIRE__OUTCOME__OUTCOME_DONE ? "done" : "ended: ", result->reason);
    if (!outbox_add_result(supervisor->outbox, &slot->id, result, slot->folder, slot->log_sent))
        log_warning("%s: too much waits to be delivered, the result stays on disk", label);
}

/* Asked to by this worker, or by whoever stops all of its group at once; it says so when it came to
 * write a checkpoint. */
static bool was_stopped(const struct slot *slot, const struct slot_ending *ending)
{
    bool killed = ending->signal == SIGINT || ending->signal == SIGTERM;
    return !spool_has_result(slot->folder) &&
           (slot->leaving || ending->interrupted || (signals_stop_count() > 0 && killed));
}

static void reap(struct supervisor *supervisor)
{
    const struct slot_listener listener = {supervisor, take_epoch};
    for (int i = 0; i < supervisor->options->slots; i++) {
        struct slot *slot = &supervisor->slots[i];
        struct slot_ending ending;
        if (!slot_reap(slot, &listener, &ending))
            continue;
        if (slot->doomed)
            spool_remove_folder(slot->folder);
        else if (was_stopped(slot, &ending))
            supervisor_hand_back_stopped(supervisor, slot);
        else
            finish_slot(supervisor, slot, &ending);
        const struct attempt_id id = slot->id;
        Wire__Lease *again = slot->again ? slot->lease : NULL;
        slot->lease = again ? NULL : slot->lease;
        stored_weights_finish(&supervisor->stored[i]);
        courier_finish(&supervisor->couriers[i]);
        supervisor->couriers[i] = (struct courier){.pending = false};
        supply_use_end(&supervisor->uses[i]);
        slot_clear(slot);
        if (again)
            supervisor_begin(supervisor, &id, again);
        supervisor_heartbeat_soon(supervisor);
    }
}

static void read_runners(struct supervisor *supervisor)
{
    const struct slot_listener listener = {supervisor, take_epoch};
    for (int i = 0; i < supervisor->options->slots; i++)
        if (supervisor->slots[i].busy)
            slot_read(&supervisor->slots[i], &listener);
}

static void send_logs(struct supervisor *supervisor)
{
    supervisor->log_ms = supervisor->now_ms + LOG_MS;
    for (int i = 0; i < supervisor->options->slots; i++) {
        struct slot *slot = &supervisor->slots[i];
        if (slot->busy && !slot->doomed && !slot->waiting)
            supervisor_send_log(supervisor, slot);
    }
}

static void tell_where_it_began(struct supervisor *supervisor, struct slot *slot)
{
    Wire__Began began = WIRE__BEGAN__INIT;
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    Wire__AttemptId attempt;
    if (!slot->began[0])
        return;
    attempt_to_wire(&slot->id, &attempt);
    began.attempt = &attempt;
    began.step = slot->began_step;
    began.text = slot->began;
    envelope.body_case = WIRE__ENVELOPE__BODY_BEGAN;
    envelope.began = &began;
    if (session_send(supervisor->session, &envelope))
        slot->began[0] = '\0';
}

/* What is told of running trainings besides heartbeats: where they began, and their checkpoints. */
static void send_checkpoints(struct supervisor *supervisor)
{
    for (int i = 0; i < supervisor->options->slots; i++) {
        struct slot *slot = &supervisor->slots[i];
        Wire__AttemptId attempt;
        if (!slot->busy || slot->waiting || slot->doomed)
            continue;
        tell_where_it_began(supervisor, slot);
        attempt_to_wire(&slot->id, &attempt);
        courier_tick(&supervisor->couriers[i], slot->checkpoints, slot->checkpoint, &attempt,
                     supervisor->session, supervisor->now_ms);
    }
}

static void send_heartbeat(struct supervisor *supervisor)
{
    const struct heartbeat heartbeat = {
        .slots = supervisor->slots,
        .slot_count = supervisor->options->slots,
        .outbox = supervisor->outbox,
        .instance = supervisor->instance,
        .free_slots = supervisor_free_count(supervisor),
        .free_memory_bytes = supervisor_free_memory(supervisor),
        .sequence = ++supervisor->heartbeat_sequence,
    };
    heartbeat_send(&heartbeat, supervisor->session);
    supervisor->heartbeat_ms = supervisor->now_ms + session_heartbeat_ms(supervisor->session);
}

static void fetch_weights(struct supervisor *supervisor)
{
    for (int i = 0; i < supervisor->options->slots; i++)
        stored_weights_tick(&supervisor->stored[i], supervisor->session, &supervisor->question,
                            supervisor->now_ms);
}

/* --- the loop: wait, tick, handle --- */

static void earlier(int64_t *due_ms, int64_t other_ms)
{
    if (other_ms < *due_ms)
        *due_ms = other_ms;
}

/* When the next thing is due. */
static int64_t next_due_ms(const struct supervisor *supervisor)
{
    int64_t due_ms = supervisor->now_ms + WAIT_MAX_MS;
    earlier(&due_ms, session_due_ms(supervisor->session));
    if (session_is_open(supervisor->session)) {
        earlier(&due_ms, supervisor->heartbeat_ms);
        earlier(&due_ms, outbox_due_ms(supervisor->outbox));
        earlier(&due_ms, supply_due_ms(supervisor->supply));
    }
    if (supervisor->end_ms > 0 && !supervisor->stopping)
        earlier(&due_ms, supervisor_limit_ms(supervisor));
    if (supervisor->stopping)
        earlier(&due_ms, supervisor->stop_ms);
    else if (supervisor->options->idle_timeout_ms > 0)
        earlier(&due_ms, supervisor->busy_ms + supervisor->options->idle_timeout_ms);
    if (!backoff_is_over(&supervisor->backoff, supervisor->now_ms))
        earlier(&due_ms, supervisor->backoff.until_ms);
    return due_ms;
}

static bool wait(struct supervisor *supervisor, struct pollfd *poll_for, struct error *error)
{
    nfds_t count = 0;
    poll_for[count++] = (struct pollfd){session_descriptor(supervisor->session), POLLIN, 0};
    poll_for[count++] = (struct pollfd){signals_descriptor(), POLLIN, 0};
    for (int i = 0; i < supervisor->options->slots; i++)
        if (supervisor->slots[i].busy && supervisor->slots[i].pipe >= 0)
            poll_for[count++] = (struct pollfd){supervisor->slots[i].pipe, POLLIN, 0};
    int64_t wait_ms = next_due_ms(supervisor) - supervisor->now_ms;
    if (poll(poll_for, count, wait_ms > 0 ? (int)wait_ms : 0) < 0 && errno != EINTR)
        return error_set_errno(error, errno, "cannot wait for events");
    signals_clear();
    return true;
}

static bool tick(struct supervisor *supervisor, struct error *error)
{
    bool was_backing_off = !backoff_is_over(&supervisor->backoff, supervisor->now_ms);
    struct clock clock = clock_system();
    supervisor->now_ms = clock_now_ms(&clock);
    if (was_backing_off && backoff_is_over(&supervisor->backoff, supervisor->now_ms))
        supervisor_heartbeat_soon(supervisor);
    read_runners(supervisor);
    reap(supervisor);
    if (signals_stop_count() > 0 && !supervisor->stopping)
        supervisor_stop(supervisor, "the worker was stopped");
    supervisor_end_tick(supervisor);
    if (!session_tick(supervisor->session, supervisor->now_ms, error))
        return false;
    supervisor_serve_waiting(supervisor);
    if (supervisor_busy_count(supervisor) == 0 && supervisor->now_ms >= supervisor->heartbeat_ms)
        supervisor->usable = resources_usable("");
    if (supervisor->now_ms >= supervisor->busy_ms + IMAGES_MS)
        shared_images_drop(&supervisor->images);
    if (session_is_open(supervisor->session)) {
        if (supervisor->now_ms >= supervisor->log_ms)
            send_logs(supervisor);
        fetch_weights(supervisor);
        send_checkpoints(supervisor);
        outbox_tick(supervisor->outbox, supervisor->session, supervisor->now_ms);
        supply_tick(supervisor->supply, supervisor->session, supervisor->now_ms);
        if (supervisor->now_ms >= supervisor->heartbeat_ms)
            send_heartbeat(supervisor);
    }
    return true;
}

static enum supervisor_end loop(struct supervisor *supervisor, struct pollfd *poll_for,
                                struct error *error)
{
    struct clock clock = clock_system();
    supervisor->now_ms = clock_now_ms(&clock);
    supervisor->busy_ms = supervisor->now_ms;
    if (supervisor->options->time_limit_ms > 0)
        supervisor->end_ms = supervisor->now_ms + supervisor->options->time_limit_ms;
    for (bool failed = false;;) {
        if (!tick(supervisor, error))
            return SUPERVISOR_FAILED;
        if (signals_stop_count() > 1)
            return SUPERVISOR_STOPPED;
        if (supervisor_is_over(supervisor, error, &failed)) {
            supervisor_say_goodbye(supervisor);
            return failed ? SUPERVISOR_FAILED : SUPERVISOR_ENDED;
        }
        if (!wait(supervisor, poll_for, error))
            return SUPERVISOR_FAILED;
    }
}

static bool open_spool(struct supervisor *supervisor, struct error *error)
{
    if (!spool_open(&supervisor->spool, supervisor->options->spool, supervisor->instance, error))
        return false;
    spool_sweep_checkpoints(supervisor->spool);
    return true;
}

static bool prepare(struct supervisor *supervisor, struct error *error)
{
    const struct supervisor_options *options = supervisor->options;
    const struct session_listener listener = supervisor_listener(supervisor);
    hash_random(supervisor->instance, sizeof supervisor->instance);
    supervisor->usable = resources_usable("");
    cores_init(&supervisor->cores, options->slots * options->threads, supervisor->usable.cpu_count);
    struct session_options session_options = {
        .endpoint = options->endpoint,
        .insecure_loopback = options->insecure_loopback,
        .join = options->join,
        .slots = options->slots,
        .threads = options->threads,
        .labels = options->labels,
        .usable = supervisor->usable,
    };
    memcpy(session_options.instance, supervisor->instance, sizeof supervisor->instance);
    supervisor->slots = calloc((size_t)options->slots, sizeof *supervisor->slots);
    supervisor->stored = calloc((size_t)options->slots, sizeof *supervisor->stored);
    supervisor->couriers = calloc((size_t)options->slots, sizeof *supervisor->couriers);
    supervisor->uses = calloc((size_t)options->slots, sizeof *supervisor->uses);
    if (!supervisor->slots || !supervisor->stored || !supervisor->couriers || !supervisor->uses)
        return error_set(error, ERROR_MEMORY, "out of memory for %d slots", options->slots);
    for (int i = 0; i < options->slots; i++)
        slot_clear(&supervisor->slots[i]);
    return signals_init(error) &&
           child_program_path("lipsweep-worker", supervisor->program, error) &&
           outbox_create(&supervisor->outbox, error) &&
           supply_create(&supervisor->supply, options->cache, options->cache_bytes, error) &&
           open_spool(supervisor, error) &&
           session_create(&supervisor->session, &session_options, &listener, error);
}

enum supervisor_end supervisor_run(const struct supervisor_options *options, struct error *error)
{
    struct supervisor supervisor = {.options = options, .images = {.file = -1}};
    enum supervisor_end end = SUPERVISOR_FAILED;
    struct pollfd *poll_for = calloc((size_t)options->slots + 2, sizeof *poll_for);
    if (!poll_for)
        error_set(error, ERROR_MEMORY, "out of memory");
    else if (prepare(&supervisor, error))
        end = loop(&supervisor, poll_for, error);
    free(poll_for);
    /* Asked twice, it does not wait for messages to leave; the process is about to end. */
    if (end == SUPERVISOR_STOPPED)
        return end;
    session_destroy(supervisor.session);
    supply_destroy(supervisor.supply);
    outbox_destroy(supervisor.outbox);
    spool_close(supervisor.spool);
    for (int i = 0; supervisor.stored && i < options->slots; i++)
        stored_weights_finish(&supervisor.stored[i]);
    free(supervisor.stored);
    for (int i = 0; supervisor.couriers && i < options->slots; i++)
        courier_finish(&supervisor.couriers[i]);
    free(supervisor.couriers);
    free(supervisor.uses);
    shared_images_drop(&supervisor.images);
    free(supervisor.slots);
    return end;
}
