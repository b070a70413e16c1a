#include "worker/courier.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "worker/checkpoint_folder.h"

enum {
    PIECE_MAX = 512 * 1024,
    PAUSE_MS = 100,    /* between two checkpoints, however often they are written */
    REFUSED_MS = 2000, /* the next one may be wanted */
    HASH_PIECE = 64 * 1024,
};

void courier_finish(struct courier *courier)
{
    if (courier->pending)
        close(courier->descriptor);
    courier->pending = false;
}

bool courier_is_done(const struct courier *courier, int64_t step)
{
    return !courier->pending && courier->step >= step;
}

static bool digest_open(struct courier *courier)
{
    struct hash_sha256 hash;
    uint8_t bytes[HASH_PIECE];
    ssize_t got;
    hash_sha256_init(&hash);
    courier->size = 0;
    while ((got = pread(courier->descriptor, bytes, sizeof bytes, (off_t)courier->size)) > 0) {
        hash_sha256_add(&hash, bytes, (size_t)got);
        courier->size += (uint64_t)got;
    }
    hash_sha256_finish(&hash, courier->digest);
    return got == 0 && courier->size > 0;
}

/* One that is gone already has a newer one behind it. */
static void begin(struct courier *courier, const char *folder, int64_t step)
{
    char path[DISK_PATH_MAX];
    courier->step = step;
    courier->offset = 0;
    if (!checkpoint_folder_file(folder, step, path, NULL))
        return;
    courier->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    courier->pending = courier->descriptor >= 0;
    if (courier->pending && !digest_open(courier))
        courier_finish(courier);
}

static bool send_piece(const struct courier *courier, const Wire__AttemptId *attempt,
                       struct session *session, const uint8_t *data, size_t length)
{
    Wire__Checkpoint checkpoint = WIRE__CHECKPOINT__INIT;
    Wire__CheckpointChunk chunk = WIRE__CHECKPOINT_CHUNK__INIT;
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    checkpoint.file.data = (uint8_t *)(uintptr_t)courier->digest;
    checkpoint.file.len = sizeof courier->digest;
    checkpoint.size = courier->size;
    checkpoint.step = courier->step;
    chunk.attempt = (Wire__AttemptId *)(uintptr_t)attempt;
    chunk.checkpoint = &checkpoint;
    chunk.offset = courier->offset;
    chunk.data.data = (uint8_t *)(uintptr_t)data;
    chunk.data.len = length;
    envelope.body_case = WIRE__ENVELOPE__BODY_CHECKPOINT_CHUNK;
    envelope.checkpoint_chunk = &chunk;
    return session_send(session, &envelope);
}

void courier_tick(struct courier *courier, const char *folder, int64_t step,
                  const Wire__AttemptId *attempt, struct session *session, int64_t now_ms)
{
    if (now_ms < courier->due_ms)
        return;
    if (!courier->pending && step > courier->step)
        begin(courier, folder, step);
    if (!courier->pending)
        return;
    uint8_t *data = malloc(PIECE_MAX);
    ssize_t got = data ? pread(courier->descriptor, data, PIECE_MAX, (off_t)courier->offset) : -1;
    if (got <= 0)
        courier_finish(courier);
    else if (send_piece(courier, attempt, session, data, (size_t)got))
        courier->due_ms = now_ms + patience_asked(&courier->patience);
    free(data);
}

static bool is_news(const struct courier *courier, const Wire__CheckpointAck *ack)
{
    return courier->pending && ack->file.len == sizeof courier->digest &&
           memcmp(ack->file.data, courier->digest, sizeof courier->digest) == 0 &&
           (ack->stored || ack->refused[0] || ack->next_offset != courier->offset);
}

bool courier_take(struct courier *courier, const Wire__CheckpointAck *ack, int64_t now_ms)
{
    if (!is_news(courier, ack))
        return false;
    patience_answered(&courier->patience);
    courier->offset = ack->next_offset;
    courier->due_ms = now_ms;
    if (!ack->stored && !ack->refused[0] && ack->next_offset < courier->size)
        return true;
    if (ack->refused[0])
        log_debug("a checkpoint was not taken by the coordinator: %s", ack->refused);
    courier->due_ms = now_ms + (ack->refused[0] ? REFUSED_MS : PAUSE_MS);
    courier_finish(courier);
    return true;
}

void courier_wake(struct courier *courier, int64_t now_ms)
{
    courier->due_ms = now_ms;
}
