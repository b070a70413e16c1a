/* Trained weights: from workers to the folder beside the database, and from there to clients. */
#include "coordinator/dispatch_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "coordinator/store_lease.h"
#include "coordinator/store_weights.h"
#include "coordinator/weights.h"

enum { BURIED_MAX = 50 /* files removed in one turn of the loop */ };

static void answer(struct dispatch *dispatch, const struct inbound *inbound,
                   const struct attempt_id *id, const struct weights_answer *what,
                   const char *refused)
{
    const Wire__WeightsChunk *chunk = inbound->envelope->weights_chunk;
    Wire__AttemptId wire = dispatch_wire_id(id);
    Wire__WeightsAck ack = WIRE__WEIGHTS_ACK__INIT;
    ack.attempt = &wire;
    ack.digest = chunk->digest;
    ack.next_offset = what->next_offset;
    ack.stored = what->stored;
    ack.refused = (char *)(uintptr_t)refused;
    REPLY(dispatch, inbound->peer, inbound->envelope->request, WEIGHTS_ACK, weights_ack, &ack);
}

/* Weights that cannot be kept hold no result up: the worker is told, and sends its Result. */
bool dispatch_weights_chunk(struct dispatch *dispatch, const struct inbound *inbound,
                            struct error *error)
{
    const Wire__WeightsChunk *chunk = inbound->envelope->weights_chunk;
    struct attempt_id id;
    struct weights_answer what = {.stored = false};
    bool over;
    if (!dispatch_attempt_id(dispatch, inbound, chunk->attempt, &id) ||
        chunk->digest.len != HASH_BYTES)
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__INVALID,
                               "weights name no attempt or no digest");
    if (!store_lease_is_over(dispatch->store, &id, &over, error))
        return false;
    if (over) {
        answer(dispatch, inbound, &id, &what, "the attempt is over");
        return true;
    }
    struct weights_piece piece = {.size = chunk->size,
                                  .offset = chunk->offset,
                                  .data = chunk->data.data,
                                  .length = chunk->data.len};
    struct error reason;
    char refused[STORE_WEIGHTS_REASON_MAX] = "";
    hash_text(chunk->digest.data, HASH_BYTES, piece.digest);
    /* Asked again at the end: others may have come meanwhile. */
    bool is_last = piece.size - piece.offset == piece.length;
    if ((piece.offset == 0 || is_last) &&
        !store_weights_may_come(dispatch->store, id.job, piece.digest, piece.size, refused, error))
        return false;
    if (refused[0]) {
        weights_remove_part(dispatch->options.database, piece.digest);
        log_info("the weights of j%lld attempt %lld are not kept: %s", (long long)id.job,
                 (long long)id.number, refused);
        answer(dispatch, inbound, &id, &what, refused);
        return true;
    }
    bool taken = weights_take(dispatch->options.database, &piece, &what, &reason);
    if (what.stored &&
        !store_weights_arrived(dispatch->store, piece.digest, piece.size, &id, error))
        return false;
    if (!taken)
        log_error("the weights of j%lld attempt %lld are not kept: %s", (long long)id.job,
                  (long long)id.number, reason.message);
    answer(dispatch, inbound, &id, &what, taken ? "" : reason.message);
    return true;
}

static bool adopt(void *context, const struct weights_file *file, struct error *error)
{
    struct dispatch *dispatch = context;
    bool known;
    return file->is_part ||
           store_weights_adopt(dispatch->store, file->digest, file->bytes, &known, error);
}

bool dispatch_weights_recover(struct dispatch *dispatch, struct error *error)
{
    dispatch->buries = true;
    return weights_each(dispatch->options.database, adopt, dispatch, error);
}

/* The rows that are seen now are committed: only then may a file go. One that cannot be removed
 * is tried again after the next start, or when others go. */
bool dispatch_bury(struct dispatch *dispatch, struct error *error)
{
    char digest[HASH_TEXT];
    struct error reason;
    if (dispatch->buries && !store_enter(dispatch->store, error))
        return false;
    for (int i = 0; dispatch->buries && i < BURIED_MAX; i++) {
        if (!store_weights_next_doomed(dispatch->store, digest, error))
            return false;
        dispatch->buries = digest[0] != '\0';
        if (!dispatch->buries)
            return true;
        if (!weights_remove(dispatch->options.database, digest, &reason)) {
            log_error("%s", reason.message);
            dispatch->buries = false;
            return true;
        }
        if (!store_weights_forget(dispatch->store, digest, error))
            return false;
    }
    return true;
}

bool dispatch_weights_request(struct dispatch *dispatch, const struct inbound *inbound,
                              struct error *error)
{
    (void)error;
    const Wire__WeightsRequest *request = inbound->envelope->weights_request;
    char digest[HASH_TEXT] = "";
    struct error reason;
    uint8_t *data;
    size_t length;
    uint64_t size;
    if (request->digest.len == HASH_BYTES)
        hash_text(request->digest.data, HASH_BYTES, digest);
    if (!weights_page(dispatch->options.database, digest, request->offset, &data, &length, &size,
                      &reason))
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__NOT_FOUND, "%s",
                               reason.message);
    Wire__WeightsPart part = WIRE__WEIGHTS_PART__INIT;
    part.size = size;
    part.data.data = data;
    part.data.len = length;
    REPLY(dispatch, inbound->peer, inbound->envelope->request, WEIGHTS_PART, weights_part, &part);
    free(data);
    return true;
}
