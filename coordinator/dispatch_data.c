/* Files that workers lack, on their way to them: data sets of the jobs that they hold, and weights
 * that these start from. */
#include "coordinator/dispatch_private.h"

#include <stdlib.h>

#include "common/log.h"
#include "coordinator/checkpoints.h"
#include "coordinator/store_checkpoint.h"
#include "coordinator/store_lease.h"

enum {
    PARTS_MAX = 4,                       /* in one turn of the loop: others wait no longer */
    OUTBOX_BYTES_BUSY = 32 * 1024 * 1024 /* slow readers: what waits goes first */
};

bool dispatch_data_request(struct dispatch *dispatch, const struct inbound *inbound,
                           struct error *error)
{
    (void)error;
    const Wire__DataRequest *request = inbound->envelope->data_request;
    struct errand errand = {.peer = *inbound->peer,
                            .request = inbound->envelope->request,
                            .is_checkpoint = request->checkpoint,
                            .is_weights = request->weights,
                            .is_list = !request->checkpoint && request->file.len == 0,
                            .offset = request->offset};
    if (!dispatch_attempt_id(dispatch, inbound, request->attempt, &errand.attempt) ||
        (!errand.is_list && request->file.len != HASH_BYTES))
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__INVALID,
                               "a request for data names no attempt or no file");
    if (!errand.is_list)
        memcpy(errand.file, request->file.data, HASH_BYTES);
    (void)errands_add(&dispatch->errands, &errand); /* or it asks again */
    return true;
}

static void answer(struct dispatch *dispatch, const struct errand *errand, Wire__DataPart *part)
{
    Wire__AttemptId attempt = dispatch_wire_id(&errand->attempt);
    part->attempt = &attempt;
    part->offset = errand->offset;
    part->file.data = (uint8_t *)(uintptr_t)errand->file;
    part->file.len = errand->is_list ? 0 : HASH_BYTES;
    REPLY(dispatch, &errand->peer, errand->request, DATA_PART, data_part, part);
    errands_spend(&dispatch->errands, part->data.len);
}

static void list_files(struct dispatch *dispatch, const struct errand *errand,
                       const struct library_set *set)
{
    Wire__DataPart part = WIRE__DATA_PART__INIT;
    Wire__DataFile files[DATASET_FILE_MAX], *pointers[DATASET_FILE_MAX];
    static char weights_name[] = "weights.safetensors";
    for (size_t i = 0; i < set->file_count; i++) {
        wire__data_file__init(&files[i]);
        /* Weights have the name that the worker looks for, whatever they are called here. */
        files[i].name = errand->is_weights ? weights_name : (char *)(uintptr_t)set->files[i].name;
        files[i].size = set->files[i].size;
        files[i].sha256.data = (uint8_t *)(uintptr_t)set->files[i].sha256;
        files[i].sha256.len = HASH_BYTES;
        pointers[i] = &files[i];
    }
    part.n_files = set->file_count;
    part.files = pointers;
    answer(dispatch, errand, &part);
}

static void send_part(struct dispatch *dispatch, const struct errand *errand,
                      const struct library_set *set)
{
    Wire__DataPart part = WIRE__DATA_PART__INIT;
    struct error reason;
    uint8_t *data;
    if (library_read(&dispatch->library, set, errand->file, errand->offset, &data, &part.data.len,
                     &reason)) {
        part.data.data = data;
    } else {
        log_warning("%s", reason.message);
        part.refused = reason.message;
    }
    answer(dispatch, errand, &part);
    free(data);
}

static void answer_from(struct dispatch *dispatch, const struct errand *errand,
                        const struct library_set *set)
{
    Wire__DataPart part = WIRE__DATA_PART__INIT;
    if (set && set->state == LIBRARY_READY) {
        if (errand->is_list)
            list_files(dispatch, errand, set);
        else
            send_part(dispatch, errand, set);
        return;
    }
    part.later = !set || set->state == LIBRARY_LOOKING;
    if (!part.later)
        part.refused = (char *)(uintptr_t)set->reason.message;
    answer(dispatch, errand, &part);
}

static bool send_checkpoint(struct dispatch *dispatch, const struct errand *errand,
                            struct error *error)
{
    Wire__DataPart part = WIRE__DATA_PART__INIT;
    struct stored_checkpoint stored;
    struct error reason;
    char digest[HASH_TEXT];
    bool found;
    uint8_t *data = NULL;
    hash_text(errand->file, HASH_BYTES, digest);
    if (!store_checkpoint_find(dispatch->store, errand->attempt.job, &stored, &found, error))
        return false;
    if (!found || strcmp(stored.digest, digest) != 0)
        part.refused = (char *)(uintptr_t) "the checkpoint is not kept any more";
    else if (!checkpoints_read(dispatch->options.database, digest, errand->offset, &data,
                               &part.data.len, &reason))
        part.refused = reason.message;
    part.data.data = data;
    answer(dispatch, errand, &part);
    free(data);
    return true;
}

/* What may be had follows from the job alone, and only while the attempt is alive. */
static bool run_errand(struct dispatch *dispatch, const struct errand *errand, struct error *error)
{
    struct leased leased;
    struct job job;
    bool found;
    Wire__DataPart part = WIRE__DATA_PART__INIT;
    struct error reason;
    if (!store_lease_describe(dispatch->store, &errand->attempt, &leased, &found, error))
        return false;
    if (!found) {
        part.refused = (char *)(uintptr_t) "the attempt is over";
        answer(dispatch, errand, &part);
    } else if (errand->is_checkpoint) {
        return send_checkpoint(dispatch, errand, error);
    } else if (!job_parse(leased.description, strlen(leased.description), &job, &reason)) {
        part.refused = reason.message;
        answer(dispatch, errand, &part);
    } else {
        answer_from(dispatch, errand,
                    library_find(&dispatch->library, &job,
                                 errand->is_weights ? LIBRARY_WEIGHTS : LIBRARY_DATA));
    }
    return true;
}

bool dispatch_data(struct dispatch *dispatch, struct error *error)
{
    for (int i = 0; i < PARTS_MAX && dispatch->outbox.bytes < OUTBOX_BYTES_BUSY; i++) {
        struct errand *errand = errands_next(&dispatch->errands, clock_now_ms(&dispatch->clock));
        if (!errand)
            return true;
        bool good = run_errand(dispatch, errand, error);
        free(errand);
        if (!good)
            return false;
    }
    return true;
}

int64_t dispatch_data_due_ms(const struct dispatch *dispatch, int64_t now_ms)
{
    int64_t due_ms = errands_due_ms(&dispatch->errands, now_ms);
    bool busy = dispatch->outbox.bytes >= OUTBOX_BYTES_BUSY;
    return busy && due_ms < now_ms + OUTBOX_RETRY_MS ? now_ms + OUTBOX_RETRY_MS : due_ms;
}
