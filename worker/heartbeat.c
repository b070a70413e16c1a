#include "worker/heartbeat.h"

#include <stdlib.h>
#include <string.h>

struct running { /* what a heartbeat lists */
    size_t count;
    Wire__Progress *progress;
    Wire__AttemptId *attempts;
    Wire__Progress **pointers;
};

static void add(struct running *running, const struct attempt_id *id,
                const struct progress *progress, uint64_t memory_bytes)
{
    Wire__Progress *wire = &running->progress[running->count];
    Wire__AttemptId *attempt = &running->attempts[running->count];
    attempt_to_wire(id, attempt);
    wire__progress__init(wire);
    wire->attempt = attempt;
    wire->counter = progress->counter;
    wire->phase = (uint32_t)progress->phase;
    wire->epoch = progress->epoch;
    wire->epoch_count = progress->epoch_count;
    wire->step = progress->step;
    wire->step_count = progress->step_count;
    wire->images_per_s = progress->images_per_s;
    wire->memory_bytes = memory_bytes;
    running->pointers[running->count++] = wire;
}

static void list(const struct heartbeat *heartbeat, struct running *running)
{
    const struct progress delivering = {.phase = PROGRESS_DELIVERING};
    for (int i = 0; i < heartbeat->slot_count; i++) {
        const struct slot *slot = &heartbeat->slots[i];
        if (slot->busy && !slot->doomed)
            add(running, &slot->id, &slot->progress, slot->memory_bytes);
    }
    for (size_t i = 0; i < outbox_count(heartbeat->outbox); i++) {
        const struct attempt_id *id = outbox_result(heartbeat->outbox, i);
        if (id && memcmp(id->instance, heartbeat->instance, sizeof id->instance) == 0)
            add(running, id, &delivering, 0);
    }
}

void heartbeat_send(const struct heartbeat *heartbeat, struct session *session)
{
    size_t count_max = (size_t)heartbeat->slot_count + outbox_count(heartbeat->outbox);
    struct running running = {
        .progress = calloc(count_max, sizeof *running.progress),
        .attempts = calloc(count_max, sizeof *running.attempts),
        .pointers = calloc(count_max, sizeof *running.pointers),
    };
    if (running.progress && running.attempts && running.pointers) {
        list(heartbeat, &running);
        Wire__Heartbeat wire = WIRE__HEARTBEAT__INIT;
        Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
        wire.n_running = running.count;
        wire.running = running.pointers;
        wire.free_slots = (uint32_t)heartbeat->free_slots;
        wire.free_memory_bytes = heartbeat->free_memory_bytes;
        wire.sequence = heartbeat->sequence;
        envelope.body_case = WIRE__ENVELOPE__BODY_HEARTBEAT;
        envelope.heartbeat = &wire;
        session_send(session, &envelope);
    }
    free(running.progress);
    free(running.attempts);
    free(running.pointers);
}
