/* Finished trainings, and sharing them: jobs that differ in their test alone have one train_hash,
 * and the second of them evaluates the weights that the first one left. */
#ifndef LIPSWEEP_COORDINATOR_STORE_TRAINING_H
#define LIPSWEEP_COORDINATOR_STORE_TRAINING_H

#include "common/hash.h"
#include "common/wire.h"
#include "coordinator/attempt.h"
#include "coordinator/store.h"

/* A new row of what a result trained. */
WARN_UNUSED bool store_training_add(struct store *store, const uint8_t train_hash[HASH_BYTES],
                                    const Wire__Result *result, int64_t *training,
                                    struct error *error);

/* A finished training with this hash whose weights are kept; 0: none. Any sweep's, if `any`, else
 * one that this sweep has a part in. */
WARN_UNUSED bool store_training_kept(struct store *store, const uint8_t train_hash[HASH_BYTES],
                                     int64_t sweep, bool any, int64_t *training,
                                     struct error *error);

/* A pending job that is being leased need only evaluate the weights of `training`, whose digest is
 * read. Until the attempt is over it is the job's, so that nothing removes them. 0, "": it trains.
 */
WARN_UNUSED bool store_training_lend(struct store *store, int64_t job, int64_t training,
                                     char digest[HASH_TEXT], struct error *error);

/* The training whose weights an evaluation says that it tested; 0: there is none. */
WARN_UNUSED bool store_training_of(struct store *store, const uint8_t train_hash[HASH_BYTES],
                                   const char *weights_digest, int64_t *training,
                                   struct error *error);

/* An evaluation's epochs are those of the attempt that trained. */
WARN_UNUSED bool store_training_copy_epochs(struct store *store, int64_t training, int64_t job,
                                            int64_t attempt, struct error *error);

#endif
