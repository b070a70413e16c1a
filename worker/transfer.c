#include "worker/transfer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/weights_folder.h"
#include "worker/disk.h"
#include "worker/weights.h"

void transfer_init(struct transfer *transfer, const char *folder, const Wire__Result *result)
{
    struct stat status;
    *transfer = (struct transfer){.pending = false};
    if (result->outcome != WIRE__OUTCOME__OUTCOME_DONE ||
        !hash_parse(result->weights_digest, transfer->digest) ||
        !disk_join(transfer->path, folder, WEIGHTS_FILE, NULL) ||
        stat(transfer->path, &status) != 0 || status.st_size <= 0)
        return;
    transfer->size = (uint64_t)status.st_size;
    transfer->pending = true;
}

static ssize_t read_piece(const struct transfer *transfer, uint8_t *data)
{
    int file = open(transfer->path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    ssize_t got = pread(file, data, WEIGHTS_PIECE_MAX, (off_t)transfer->offset);
    close(file);
    return got;
}

bool transfer_send(struct transfer *transfer, struct session *session,
                   const Wire__AttemptId *attempt)
{
    uint8_t *data = malloc(WEIGHTS_PIECE_MAX);
    ssize_t got = data ? read_piece(transfer, data) : -1;
    if (got <= 0) {
        log_warning("%s cannot be read: the result goes without its weights", transfer->path);
        transfer->pending = false;
        free(data);
        return true;
    }
    Wire__WeightsChunk chunk = WIRE__WEIGHTS_CHUNK__INIT;
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    chunk.attempt = (Wire__AttemptId *)(uintptr_t)attempt;
    chunk.digest.data = transfer->digest;
    chunk.digest.len = sizeof transfer->digest;
    chunk.size = transfer->size;
    chunk.offset = transfer->offset;
    chunk.data.data = data;
    chunk.data.len = (size_t)got;
    envelope.body_case = WIRE__ENVELOPE__BODY_WEIGHTS_CHUNK;
    envelope.weights_chunk = &chunk;
    bool sent = session_send(session, &envelope);
    free(data);
    return sent;
}

bool transfer_take(struct transfer *transfer, const Wire__WeightsAck *ack)
{
    if (!transfer->pending || ack->digest.len != sizeof transfer->digest ||
        memcmp(ack->digest.data, transfer->digest, sizeof transfer->digest) != 0)
        return false;
    if (!ack->refused[0] && !ack->stored && ack->next_offset == transfer->offset)
        return false;
    if (ack->refused[0])
        log_warning("%s is not kept by the coordinator: %s", transfer->path, ack->refused);
    transfer->pending = !ack->refused[0] && !ack->stored && ack->next_offset < transfer->size;
    transfer->offset = ack->next_offset;
    return true;
}
