#include "worker/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/attempt_log.h"
#include "worker/patience.h"
#include "worker/transfer.h"

enum { REASON_MAX = 512 };

struct entry {
    struct attempt_id id;
    int64_t due_ms; /* when to send it, or its next piece, (again) */
    struct patience patience;
    Wire__Result *result; /* NULL: a release */
    char *folder;
    uint64_t log_sent;
    struct transfer *weights; /* NULL: none */
    struct courier courier;   /* of a release */
    int64_t checkpoint;       /* its step; 0: none is to be sent */
    Wire__Outcome outcome;
    uint64_t memory_bytes;
    char reason[REASON_MAX];
};

struct outbox {
    size_t count;
    struct entry *entries[OUTBOX_MAX]; /* in the order in which they came */
};

bool outbox_create(struct outbox **outbox, struct error *error)
{
    *outbox = calloc(1, sizeof **outbox);
    return *outbox || error_set(error, ERROR_MEMORY, "out of memory for the outbox");
}

static void free_entry(struct entry *entry)
{
    if (!entry)
        return;
    wire__result__free_unpacked(entry->result, NULL);
    courier_finish(&entry->courier);
    free(entry->folder);
    free(entry->weights);
    free(entry);
}

void outbox_destroy(struct outbox *outbox)
{
    if (!outbox)
        return;
    for (size_t i = 0; i < outbox->count; i++)
        free_entry(outbox->entries[i]);
    free(outbox);
}

static struct entry *add(struct outbox *outbox, const struct attempt_id *id)
{
    if (outbox->count == OUTBOX_MAX)
        return NULL;
    struct entry *entry = calloc(1, sizeof *entry);
    if (!entry)
        return NULL;
    entry->id = *id;
    outbox->entries[outbox->count++] = entry;
    return entry;
}

bool outbox_add_result(struct outbox *outbox, const struct attempt_id *id, Wire__Result *result,
                       const char *folder, uint64_t log_sent)
{
    char *copy = strdup(folder);
    struct entry *entry = copy ? add(outbox, id) : NULL;
    if (!entry) {
        free(copy);
        wire__result__free_unpacked(result, NULL);
        return false;
    }
    entry->result = result;
    entry->folder = copy;
    entry->log_sent = log_sent;
    entry->weights = malloc(sizeof *entry->weights);
    if (entry->weights)
        transfer_init(entry->weights, folder, result);
    return true;
}

bool outbox_add_release(struct outbox *outbox, const struct attempt_id *id,
                        const struct handing_back *what)
{
    struct entry *entry = add(outbox, id);
    if (!entry)
        return false;
    entry->outcome = what->outcome;
    entry->memory_bytes = what->memory_bytes;
    snprintf(entry->reason, sizeof entry->reason, "%s", what->reason);
    return true;
}

static size_t find(const struct outbox *outbox, const struct attempt_id *id, bool is_result)
{
    for (size_t i = 0; i < outbox->count; i++)
        if (attempt_equal(&outbox->entries[i]->id, id) &&
            (outbox->entries[i]->result != NULL) == is_result)
            return i;
    return OUTBOX_MAX;
}

const Wire__Result *outbox_find_result(const struct outbox *outbox, const struct attempt_id *id)
{
    size_t index = find(outbox, id, true);
    return index < OUTBOX_MAX ? outbox->entries[index]->result : NULL;
}

static void drop(struct outbox *outbox, size_t index)
{
    free_entry(outbox->entries[index]);
    outbox->count--;
    memmove(&outbox->entries[index], &outbox->entries[index + 1],
            (outbox->count - index) * sizeof outbox->entries[0]);
}

bool outbox_acknowledge_result(struct outbox *outbox, const struct attempt_id *id)
{
    size_t index = find(outbox, id, true);
    if (index == OUTBOX_MAX)
        return false;
    spool_remove_folder(outbox->entries[index]->folder);
    drop(outbox, index);
    return true;
}

static void answer_came(struct entry *entry)
{
    patience_answered(&entry->patience);
    entry->due_ms = 0;
}

bool outbox_acknowledge_weights(struct outbox *outbox, const struct attempt_id *id,
                                const Wire__WeightsAck *ack)
{
    size_t index = find(outbox, id, true);
    if (index == OUTBOX_MAX || !outbox->entries[index]->weights ||
        !transfer_take(outbox->entries[index]->weights, ack))
        return false;
    answer_came(outbox->entries[index]); /* the next piece, or the result */
    return true;
}

bool outbox_acknowledge_release(struct outbox *outbox, const struct attempt_id *id)
{
    size_t index = find(outbox, id, false);
    if (index == OUTBOX_MAX)
        return false;
    drop(outbox, index);
    return true;
}

void outbox_add_checkpoint(struct outbox *outbox, const struct attempt_id *id,
                           struct courier *courier, const char *folder, int64_t step)
{
    size_t index = find(outbox, id, false);
    char *copy = index < OUTBOX_MAX ? strdup(folder) : NULL;
    if (!copy)
        return;
    struct entry *entry = outbox->entries[index];
    entry->folder = copy;
    entry->courier = *courier;
    entry->checkpoint = step;
    *courier = (struct courier){.pending = false};
}

bool outbox_acknowledge_checkpoint(struct outbox *outbox, const struct attempt_id *id,
                                   const Wire__CheckpointAck *ack, int64_t now_ms)
{
    size_t index = find(outbox, id, false);
    if (index == OUTBOX_MAX || outbox->entries[index]->checkpoint == 0)
        return false;
    struct entry *entry = outbox->entries[index];
    if (!courier_take(&entry->courier, ack, now_ms))
        return false;
    if (courier_is_done(&entry->courier, entry->checkpoint))
        entry->checkpoint = 0;
    else
        courier_wake(&entry->courier, now_ms);
    answer_came(entry);
    return true;
}

bool outbox_has(const struct outbox *outbox, const struct attempt_id *id)
{
    return find(outbox, id, true) != OUTBOX_MAX || find(outbox, id, false) != OUTBOX_MAX;
}

size_t outbox_count(const struct outbox *outbox)
{
    return outbox->count;
}

const struct attempt_id *outbox_result(const struct outbox *outbox, size_t index)
{
    const struct entry *entry = outbox->entries[index];
    return entry->result ? &entry->id : NULL;
}

static void wake(struct entry *entry, int64_t now_ms)
{
    entry->patience = (struct patience){.waits = false};
    entry->due_ms = now_ms;
}

void outbox_wake(struct outbox *outbox, int64_t now_ms)
{
    for (size_t i = 0; i < outbox->count; i++)
        wake(outbox->entries[i], now_ms);
}

int64_t outbox_due_ms(const struct outbox *outbox)
{
    int64_t due_ms = INT64_MAX;
    for (size_t i = 0; i < outbox->count; i++)
        if (outbox->entries[i]->due_ms < due_ms)
            due_ms = outbox->entries[i]->due_ms;
    return due_ms;
}

static bool send_result(struct session *session, struct entry *entry)
{
    /* The log first: the attempt is over when the result is there. */
    if (!attempt_log_send(session, &entry->id, entry->folder, &entry->log_sent, UINT64_MAX))
        return false;
    if (entry->weights && entry->weights->pending) {
        Wire__AttemptId attempt;
        attempt_to_wire(&entry->id, &attempt);
        if (!transfer_send(entry->weights, session, &attempt))
            return false;
        if (entry->weights->pending)
            return true;
    }
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    envelope.body_case = WIRE__ENVELOPE__BODY_RESULT;
    envelope.result = entry->result;
    return session_send(session, &envelope);
}

static bool send_release(struct session *session, struct entry *entry, int64_t now_ms)
{
    Wire__Release release = WIRE__RELEASE__INIT;
    Wire__AttemptId attempt;
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    attempt_to_wire(&entry->id, &attempt);
    if (entry->checkpoint > 0) {
        courier_wake(&entry->courier, now_ms);
        courier_tick(&entry->courier, entry->folder, entry->checkpoint, &attempt, session, now_ms);
        if (entry->courier.pending)
            return true;
        entry->checkpoint = 0; /* it cannot be read */
    }
    release.attempt = &attempt;
    release.outcome = entry->outcome;
    release.reason = entry->reason;
    release.memory_bytes = entry->memory_bytes;
    envelope.body_case = WIRE__ENVELOPE__BODY_RELEASE;
    envelope.release = &release;
    return session_send(session, &envelope);
}

void outbox_tick(struct outbox *outbox, struct session *session, int64_t now_ms)
{
    for (size_t i = 0; i < outbox->count && session_is_open(session); i++) {
        struct entry *entry = outbox->entries[i];
        if (entry->due_ms > now_ms)
            continue;
        if (entry->result ? send_result(session, entry) : send_release(session, entry, now_ms))
            entry->due_ms = now_ms + patience_asked(&entry->patience);
    }
}
