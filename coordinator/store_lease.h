/* Leases as the store has them: a job in state leased, its newest attempt running.
 *
 *     pending --lease_take--> leased --store_result--> done | diverged
 *        ^                      | lease_end: failed, lost (counted), preempted, refused
 *        +--attempts are left---+--none left--> failed        (withdrawn: --> cancelled)
 */
#ifndef LIPSWEEP_COORDINATOR_STORE_LEASE_H
#define LIPSWEEP_COORDINATOR_STORE_LEASE_H

#include "common/hash.h"
#include "common/job.h"
#include "coordinator/attempt.h"
#include "coordinator/store.h"
#include "coordinator/store_candidates.h"
#include "coordinator/turn.h"

/* What a worker must be told. */
struct leased {
    int64_t job, number, sweep, max_attempts;
    uint64_t memory_bytes;
    double checkpoint_s;
    bool continue_any, keep_weights;
    char sweep_name[STORE_NAME_MAX + 1];
    char description[JOB_TEXT_MAX];
    char weights_digest[HASH_TEXT]; /* of a finished training: it is only to be tested; "": train */
};

/* Who asks for a job, and what it has left. */
struct lease_room {
    int64_t worker;
    uint64_t memory_bytes;
    const char *build, *labels;
    /* How many jobs of a sweep run now. */
    size_t (*running)(const void *context, int64_t sweep);
    const void *context;
};

/* Active sweeps that are not held and have a pending job: read once for the leases of a
 * transaction. Whoever finds one of them exhausted meanwhile looks at the next. There are at most
 * TURNS_MAX that ask for the same labels, so that many which a worker cannot run hide none that it
 * can. */
struct lease_offers {
    size_t count, room;
    struct lease_offer {
        int64_t sweep, priority, max_running, max_attempts;
        double checkpoint_s;
        bool continue_any, keep_weights, any; /* any: other sweeps' trainings will do */
        char name[STORE_NAME_MAX + 1];
        char *requires; /* labels; NULL: none */
        struct candidates candidates;
    } * list;
};
WARN_UNUSED bool store_lease_offers(struct store *store, struct lease_offers *offers,
                                    struct error *error);
void lease_offers_finish(struct lease_offers *offers);

/* Leases the next job to a worker: pending and not held, of a sweep that offers one and whose turn
 * it is (turn.h), oldest first; one that is not known to need more than there is, and that this
 * worker has not refused before. *found is false when there is none. */
WARN_UNUSED bool store_lease_take(struct store *store, struct lease_offers *offers,
                                  const struct lease_room *room, struct leased *leased, bool *found,
                                  struct error *error);

/* Where a lease led when it ended without a result. */
struct lease_ending {
    bool changed;   /* false: this attempt had no lease any more, nothing changed */
    bool exhausted; /* that was the last attempt: the job is failed */
};

/* Ends an attempt without a result. FAILED and LOST are counted; at max_attempts the job is failed,
 * with the reasons of all attempts. */
WARN_UNUSED bool store_lease_end(struct store *store, const struct attempt_id *id,
                                 enum attempt_outcome outcome, const char *reason,
                                 struct lease_ending *ending, struct error *error);

/* Whether nothing of this attempt can be of use any more: it is neither running nor, as the newest
 * one of a pending job, merely lost (its result would still be taken). */
WARN_UNUSED bool store_lease_is_over(struct store *store, const struct attempt_id *id, bool *over,
                                     struct error *error);

/* The description of a live attempt's job, to send its Lease again. *found is false when it is
 * over.
 */
WARN_UNUSED bool store_lease_describe(struct store *store, const struct attempt_id *id,
                                      struct leased *leased, bool *found, struct error *error);

/* One live lease after another, after a restart. */
struct live_lease {
    struct attempt_id id;
    int64_t worker, sweep;
    uint64_t memory_bytes;
};
typedef bool store_lease_visit(void *context, const struct live_lease *lease, struct error *error);
WARN_UNUSED bool store_lease_each(struct store *store, store_lease_visit *visit, void *context,
                                  struct error *error);

#endif
