/* Seeds added where a point's interval is too wide (run.adaptive_seeds), by Stein's rule.
 *
 *     first stage: the seeds that the file lists --all done--> decided: a row, and the jobs it adds
 *                     |        +--some diverged--> decided: none is added
 *                     +--some failed or cancelled: undecided until they are retried
 *
 * What a point gets follows from the file and its first stage alone. A decision is written in the
 * transaction that records the last result of the first stage, so a crash leaves both or neither,
 * and a changed file has all decisions made anew before its sweep is active: jobs that are asked
 * for again are the same jobs, and the others are withdrawn. */
#ifndef LIPSWEEP_COORDINATOR_STORE_ADAPTIVE_H
#define LIPSWEEP_COORDINATOR_STORE_ADAPTIVE_H

#include "coordinator/store.h"

/* Jobs that decisions asked for. */
struct adaptive_added {
    int64_t fresh, reused; /* rows that are new: to run; with another sweep's result */
};

/* A job was recorded as done or diverged: decides on its point if that was its first stage's last.
 */
WARN_UNUSED bool store_adaptive_ended(struct store *store, int64_t job, struct error *error);

/* The same for jobs, of any sweep, that have taken this one's result over. */
WARN_UNUSED bool store_adaptive_shared(struct store *store, int64_t job, struct error *error);

/* Decides on point `point` of the sweep if its first stage is over and it is undecided; adds to
 * *added. A sweep that adds no seeds has nothing to decide. */
WARN_UNUSED bool store_adaptive_point(struct store *store, int64_t sweep, int64_t point,
                                      struct adaptive_added *added, struct error *error);

/* Makes all points of a sweep undecided. */
WARN_UNUSED bool store_adaptive_forget(struct store *store, int64_t sweep, struct error *error);

#endif
