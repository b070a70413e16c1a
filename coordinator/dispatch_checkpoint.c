/* Checkpoints: from the worker that trains to the folder beside the database, and named in the next
 * lease of their job. */
#include "coordinator/dispatch_private.h"

#include "common/clock.h"
#include "common/log.h"
#include "coordinator/checkpoints.h"
#include "coordinator/store_checkpoint.h"
#include "coordinator/store_lease.h"
#include "coordinator/text.h"

enum {
    PRUNED_MAX = 50, /* files removed in one turn of the loop */
    PARTS_LOOK_MS = 60000,
    PARTS_REST_S = 600 /* a worker that sends no more of one for so long sends no more of it */
};

static void answer(struct dispatch *dispatch, const struct inbound *inbound,
                   const struct attempt_id *id, uint64_t next_offset, bool stored,
                   const char *refused)
{
    Wire__AttemptId wire = dispatch_wire_id(id);
    Wire__CheckpointAck ack = WIRE__CHECKPOINT_ACK__INIT;
    ack.attempt = &wire;
    ack.file = inbound->envelope->checkpoint_chunk->checkpoint->file;
    ack.next_offset = next_offset;
    ack.stored = stored;
    ack.refused = (char *)(uintptr_t)refused;
    REPLY(dispatch, inbound->peer, inbound->envelope->request, CHECKPOINT_ACK, checkpoint_ack,
          &ack);
}

static bool store_piece(struct dispatch *dispatch, const struct inbound *inbound,
                        const struct attempt_id *id, const struct checkpoint_piece *piece,
                        struct error *error)
{
    struct stored_checkpoint checkpoint = {
        .step = inbound->envelope->checkpoint_chunk->checkpoint->step, .bytes = piece->size};
    struct error reason;
    uint64_t next_offset;
    bool stored, taken = checkpoints_take(dispatch->options.database, &dispatch->coming, piece,
                                          &next_offset, &stored, &reason);
    hash_text(piece->digest, HASH_BYTES, checkpoint.digest);
    if (stored && !store_checkpoint_arrived(dispatch->store, id, &checkpoint, error))
        return false;
    if (!taken)
        log_warning("a checkpoint of j%lld attempt %lld is not kept: %s", (long long)id->job,
                    (long long)id->number, reason.message);
    answer(dispatch, inbound, id, next_offset, stored, taken ? "" : reason.message);
    return true;
}

bool dispatch_checkpoint_chunk(struct dispatch *dispatch, const struct inbound *inbound,
                               struct error *error)
{
    const Wire__CheckpointChunk *chunk = inbound->envelope->checkpoint_chunk;
    struct attempt_id id;
    bool over;
    if (!dispatch_attempt_id(dispatch, inbound, chunk->attempt, &id) || !chunk->checkpoint ||
        chunk->checkpoint->file.len != HASH_BYTES || chunk->checkpoint->step <= 0)
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__INVALID,
                               "a checkpoint names no attempt, digest or step");
    /* A lost attempt must not replace what its successor goes on from. */
    if (!store_lease_is_over(dispatch->store, &id, &over, error))
        return false;
    if (over || !lease_find(&dispatch->leases, &id)) {
        answer(dispatch, inbound, &id, 0, false, "the attempt is over");
        return true;
    }
    if (chunk->offset == 0 && !allowance_take(&dispatch->intake, chunk->checkpoint->size,
                                              clock_now_ms(&dispatch->clock))) {
        answer(dispatch, inbound, &id, 0, false, "too many checkpoints come at once");
        return true;
    }
    struct checkpoint_piece piece = {.sender = id,
                                     .size = chunk->checkpoint->size,
                                     .offset = chunk->offset,
                                     .data = chunk->data.data,
                                     .length = chunk->data.len};
    memcpy(piece.digest, chunk->checkpoint->file.data, HASH_BYTES);
    return store_piece(dispatch, inbound, &id, &piece, error);
}

bool dispatch_began(struct dispatch *dispatch, const struct inbound *inbound, struct error *error)
{
    const Wire__Began *began = inbound->envelope->began;
    struct attempt_id id;
    if (!dispatch_attempt_id(dispatch, inbound, began->attempt, &id))
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__INVALID,
                               "it names no attempt");
    text_clean(began->text, STORE_REASON_MAX);
    log_info("j%lld attempt %lld: %s", (long long)id.job, (long long)id.number, began->text);
    return store_checkpoint_began(dispatch->store, &id, began->step, began->text, error);
}

static bool is_known(void *context, const char *digest)
{
    struct dispatch *dispatch = context;
    bool known = true;
    struct error error;
    if (!store_checkpoint_known(dispatch->store, digest, &known, &error))
        log_error("%s", error.message);
    return known;
}

void dispatch_checkpoint_recover(struct dispatch *dispatch)
{
    checkpoints_tidy(dispatch->options.database, is_known, dispatch);
}

static bool sends(void *context, const struct attempt_id *sender)
{
    const struct dispatch *dispatch = context;
    return lease_find(&dispatch->leases, sender) != NULL;
}

void dispatch_checkpoint_tick(struct dispatch *dispatch)
{
    int64_t now_ms = clock_now_ms(&dispatch->clock);
    dispatch->prunes = true;
    checkpoints_remove_unsent(dispatch->options.database, &dispatch->coming, sends, dispatch);
    if (now_ms < dispatch->parts_due_ms)
        return;
    dispatch->parts_due_ms = now_ms + PARTS_LOOK_MS;
    checkpoints_remove_parts(dispatch->options.database, clock_wall_ms() / 1000 - PARTS_REST_S);
}

/* The rows that are seen now are committed: only then may a file go. */
bool dispatch_prune(struct dispatch *dispatch, struct error *error)
{
    char digest[HASH_TEXT];
    struct error reason;
    if (dispatch->prunes && !store_enter(dispatch->store, error))
        return false;
    for (int i = 0; dispatch->prunes && i < PRUNED_MAX; i++) {
        if (!store_checkpoint_next_doomed(dispatch->store, digest, error))
            return false;
        dispatch->prunes = digest[0] != '\0';
        if (!dispatch->prunes)
            return true;
        if (!checkpoints_remove(dispatch->options.database, digest, &reason))
            log_error("%s", reason.message);
        if (!store_checkpoint_forget(dispatch->store, digest, error))
            return false;
    }
    return true;
}
