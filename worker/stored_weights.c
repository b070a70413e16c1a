#include "worker/stored_weights.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/log.h"
#include "common/safetensors.h"
#include "common/weights_folder.h"
#include "worker/disk.h"

enum {
    LOOK_MS = 20, /* how often a runner looks for the file */
};

void stored_weights_begin(struct stored_weights *stored, const char *folder,
                          const uint8_t digest[HASH_BYTES])
{
    *stored = (struct stored_weights){.pending = true, .folder = folder};
    for (size_t i = 0; i < HASH_BYTES; i++)
        stored->digest[i] = digest[i];
}

void stored_weights_finish(struct stored_weights *stored)
{
    free(stored->bytes);
    *stored = (struct stored_weights){.pending = false};
}

/* The runner waits for the file: one that cannot be written leaves it to the coordinator to end the
 * attempt for want of progress. */
static void hand_over(struct stored_weights *stored, const void *bytes, size_t length)
{
    struct error error;
    if (!disk_write_unsynced(stored->folder, STORED_WEIGHTS_FILE, bytes, length, &error))
        log_error("%s", error.message);
    stored_weights_finish(stored);
}

static void give_up(struct stored_weights *stored, const char *why)
{
    char digest[HASH_TEXT];
    hash_text(stored->digest, HASH_BYTES, digest);
    log_warning("the stored weights %.16s… cannot be had: %s; the job trains them again", digest,
                why);
    hand_over(stored, "", 0);
}

bool stored_weights_ask(struct stored_weights *stored, uint64_t *number, int64_t now_ms,
                        Wire__WeightsRequest *request)
{
    if (!stored->pending || now_ms < stored->due_ms)
        return false;
    if (stored->request == 0)
        stored->request = ++*number;
    stored->due_ms = now_ms + patience_asked(&stored->patience);
    request->digest.data = stored->digest;
    request->digest.len = sizeof stored->digest;
    request->offset = stored->length;
    return true;
}

void stored_weights_tick(struct stored_weights *stored, struct session *session, uint64_t *number,
                         int64_t now_ms)
{
    Wire__WeightsRequest request = WIRE__WEIGHTS_REQUEST__INIT;
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    if (!session_is_open(session) || !stored_weights_ask(stored, number, now_ms, &request))
        return;
    envelope.request = stored->request;
    envelope.body_case = WIRE__ENVELOPE__BODY_WEIGHTS_REQUEST;
    envelope.weights_request = &request;
    session_send(session, &envelope);
}

void stored_weights_wake(struct stored_weights *stored, int64_t now_ms)
{
    stored->due_ms = now_ms;
    stored->patience = (struct patience){.waits = false};
}

static bool append(struct stored_weights *stored, const Wire__WeightsPart *part)
{
    if (!stored->bytes && part->size > 0 && part->size <= SAFETENSORS_FILE_MAX) {
        stored->size = part->size;
        stored->bytes = malloc((size_t)part->size);
    }
    if (!stored->bytes || part->size != stored->size || part->data.len == 0 ||
        part->data.len > stored->size - stored->length)
        return false;
    memcpy(stored->bytes + stored->length, part->data.data, part->data.len);
    stored->length += part->data.len;
    return true;
}

bool stored_weights_take(struct stored_weights *stored, uint64_t request,
                         const Wire__WeightsPart *part)
{
    char digest[HASH_TEXT];
    struct error error;
    if (!stored->pending || request == 0 || request != stored->request)
        return false;
    stored->request = 0;
    stored->due_ms = 0;
    patience_answered(&stored->patience);
    hash_text(stored->digest, HASH_BYTES, digest);
    if (!part)
        give_up(stored, "the coordinator has them no longer");
    else if (!append(stored, part))
        give_up(stored, "the coordinator sent something else");
    else if (stored->length == stored->size &&
             !weights_folder_check(stored->bytes, stored->length, digest, &error))
        give_up(stored, error.message);
    else if (stored->length == stored->size)
        hand_over(stored, stored->bytes, stored->length);
    return true;
}

bool stored_weights_wait(const char *folder, char path[4096], bool *usable, struct error *error)
{
    struct stat status;
    if (!disk_join(path, folder, STORED_WEIGHTS_FILE, error))
        return false;
    while (stat(path, &status) != 0)
        poll(NULL, 0, LOOK_MS);
    *usable = status.st_size > 0;
    return true;
}
