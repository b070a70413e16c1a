/* Checkpoints of jobs under way, as rows (schemas/016_checkpoint.sql). */
#ifndef LIPSWEEP_COORDINATOR_STORE_CHECKPOINT_H
#define LIPSWEEP_COORDINATOR_STORE_CHECKPOINT_H

#include "common/hash.h"
#include "coordinator/attempt.h"
#include "coordinator/store.h"

struct stored_checkpoint {
    char digest[HASH_TEXT];
    int64_t step;
    uint64_t bytes;
};

/* It is on disk, whole: it takes the place of the job's one before. */
WARN_UNUSED bool store_checkpoint_arrived(struct store *store, const struct attempt_id *id,
                                          const struct stored_checkpoint *checkpoint,
                                          struct error *error);

/* The job's newest one. */
WARN_UNUSED bool store_checkpoint_find(struct store *store, int64_t job,
                                       struct stored_checkpoint *checkpoint, bool *found,
                                       struct error *error);

/* Where an attempt began, as its worker tells; nothing happens to one that is over. */
WARN_UNUSED bool store_checkpoint_began(struct store *store, const struct attempt_id *id,
                                        int64_t step, const char *text, struct error *error);

/* One that nobody needs any more; "": there is none. And its row's end. */
WARN_UNUSED bool store_checkpoint_next_doomed(struct store *store, char digest[HASH_TEXT],
                                              struct error *error);
WARN_UNUSED bool store_checkpoint_forget(struct store *store, const char *digest,
                                         struct error *error);

WARN_UNUSED bool store_checkpoint_known(struct store *store, const char *digest, bool *known,
                                        struct error *error);

#endif
