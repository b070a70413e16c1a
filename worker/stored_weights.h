/* The weights of a finished training on their way from the coordinator into an attempt's folder,
 * where its runner waits for them: the attempt only tests them.
 *
 * The file comes whole, or empty: then they are not to be had, and the runner trains. */
#ifndef LIPSWEEP_WORKER_STORED_WEIGHTS_H
#define LIPSWEEP_WORKER_STORED_WEIGHTS_H

#include "common/hash.h"
#include "worker/patience.h"
#include "worker/session.h"

#define STORED_WEIGHTS_FILE "stored.safetensors"

struct stored_weights {
    bool pending; /* something is left to fetch; all zero: nothing ever was */
    const char *folder;
    uint8_t digest[HASH_BYTES];
    uint8_t *bytes; /* what has come so far */
    size_t length;
    uint64_t size;    /* of the whole file, once the first piece said so */
    uint64_t request; /* number of the question that waits for its answer; 0: none does */
    int64_t due_ms;   /* when to ask (again) */
    struct patience patience;
};

/* `folder` stays the caller's until stored_weights_finish. */
void stored_weights_begin(struct stored_weights *stored, const char *folder,
                          const uint8_t digest[HASH_BYTES]);
void stored_weights_finish(struct stored_weights *stored);

/* The question for the next piece when it is due, and again for one that does not come: with the
 * number that it had, since over a slow line the answer may be on its way. `number` counts the
 * questions of the worker. */
WARN_UNUSED bool stored_weights_ask(struct stored_weights *stored, uint64_t *number, int64_t now_ms,
                                    Wire__WeightsRequest *request);

/* Sends it. */
void stored_weights_tick(struct stored_weights *stored, struct session *session, uint64_t *number,
                         int64_t now_ms);

/* A coordinator is (again) there. */
void stored_weights_wake(struct stored_weights *stored, int64_t now_ms);

/* Takes the answer to question `request`; `part` NULL: it was refused. False when it is not to this
 * one's. */
WARN_UNUSED bool stored_weights_take(struct stored_weights *stored, uint64_t request,
                                     const Wire__WeightsPart *part);

/* The runner's side: waits until the file is there. *usable is false when it is empty. */
WARN_UNUSED bool stored_weights_wait(const char *folder, char path[4096], bool *usable,
                                     struct error *error);

#endif
