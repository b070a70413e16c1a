/* The pending jobs of a sweep that come next. Of each shape some are read at a time, the first time
 * few, for all leases of one transaction, in which nothing but these leases changes them. */
#ifndef LIPSWEEP_COORDINATOR_STORE_CANDIDATES_H
#define LIPSWEEP_COORDINATOR_STORE_CANDIDATES_H

#include "coordinator/store.h"

struct candidate {
    int64_t job, number; /* of the attempt that a lease would be */
    int64_t training;    /* whose weights are kept, so that they need only be tested; 0: none */
    uint64_t memory_bytes;
    char *description;
};

struct shape_queue;

/* All zero: nothing is read yet. */
struct candidates {
    struct shape_queue *queues;
    size_t count;
    bool known;
};

/* Who asks. What another build said about memory does not bind this one: it says what is so for
 * itself. */
struct candidate_room {
    int64_t worker;
    uint64_t memory_bytes;
    const char *build;
};

/* The oldest that fits and that this worker has not refused before; nobody gets it again. NULL in
 * *found: there is none. It lives until candidates_finish. `any`: any sweep's kept weights will do,
 * else this one's. */
WARN_UNUSED bool candidates_take(struct candidates *candidates, struct store *store, int64_t sweep,
                                 bool any, const struct candidate_room *room,
                                 const struct candidate **found, struct error *error);
void candidates_finish(struct candidates *candidates);

#endif
