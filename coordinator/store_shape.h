/* What jobs need of memory, by shape: jobs that differ in what does not matter for it share one.
 * The workers tell; until one has told, 0. */
#ifndef LIPSWEEP_COORDINATOR_STORE_SHAPE_H
#define LIPSWEEP_COORDINATOR_STORE_SHAPE_H

#include "common/hash.h"
#include "coordinator/store.h"

/* The row of a shape (job_shape_hash) in its sweep, made where there is none; it knows what the
 * same shape needed in other sweeps. */
WARN_UNUSED bool store_shape(struct store *store, int64_t sweep, const uint8_t hash[HASH_BYTES],
                             int64_t *shape, struct error *error);

/* A worker told what `job` needs: so do all of its shape, in every sweep. Workers of one build may
 * differ (threads): the largest counts. Another build's word is replaced. */
WARN_UNUSED bool store_shape_told(struct store *store, int64_t job, uint64_t memory_bytes,
                                  const char *build, struct error *error);

#endif
