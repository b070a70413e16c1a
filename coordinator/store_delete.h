/* Takes a sweep out of the store, in pieces; from the first on nobody sees it any more.
 *
 * A result that other sweeps have taken over (job.result_of) moves to the first of them: it stays
 * where it is used, with its attempt, log and epochs. */
#ifndef LIPSWEEP_COORDINATOR_STORE_DELETE_H
#define LIPSWEEP_COORDINATOR_STORE_DELETE_H

#include "coordinator/store.h"
#include "coordinator/store_weights.h"

struct delete_sum {
    int64_t jobs, unfinished, moved;
    struct weights_sum weights;
};

WARN_UNUSED bool store_delete_begin(struct store *store, int64_t sweep, struct error *error);

/* Jobs with after < id <= last: counted, and unless `dry` deleted with all that belongs to them. */
struct delete_piece {
    int64_t sweep, after, last;
};
WARN_UNUSED bool store_delete_jobs(struct store *store, const struct delete_piece *piece, bool dry,
                                   struct delete_sum *sum, struct error *error);

/* When no job is left. */
WARN_UNUSED bool store_delete_end(struct store *store, int64_t sweep, struct error *error);

/* A sweep that a crash left half-deleted; 0: none. */
WARN_UNUSED bool store_delete_unfinished(struct store *store, int64_t *sweep, struct error *error);

#endif
