/* Live leases in memory: who holds which job, until when, and whether it gets on. The store says
 * what is leased; this says for how long. Nothing here is durable: after a restart every live lease
 * is added anew and has a full term.
 *
 *     lease_add --> held --heartbeat lists it--> deadline moves on
 *                    | deadline passed             -> due: LEASE_EXPIRED
 *                    | counter stood still too long -> due: LEASE_STUCK
 */
#ifndef LIPSWEEP_COORDINATOR_LEASE_H
#define LIPSWEEP_COORDINATOR_LEASE_H

#include "common/clock.h"
#include "coordinator/attempt.h"
#include "coordinator/table.h"

/* The last that was heard of an attempt (wire.proto, Progress). */
struct lease_progress {
    uint64_t counter;
    uint32_t phase;
    int64_t epoch, epoch_count, step, step_count;
    double images_per_s;
};

enum { LEASE_PHASE_DELIVERING = 3 }; /* the result waits: no more progress to be seen */

struct lease {
    struct attempt_id id;
    int64_t worker, sweep; /* rows of the store */
    uint64_t memory_bytes;
    uint64_t after_heartbeat; /* the newest heartbeat seen when the Lease was sent */
    bool listed;              /* a heartbeat named it: its Lease has arrived */
    uint64_t heartbeat;       /* the newest one that named it */
    int64_t deadline_ms;
    int64_t progress_ms; /* when the counter last moved */
    struct lease_progress progress;
    struct lease *next_of_worker, **link_of_worker; /* the table's own: those of one worker */
};

struct lease_table {
    struct clock clock;
    int64_t lease_ms, no_progress_ms;
    struct table by_job;
    struct table by_sweep;  /* how many there are, where there were any */
    struct table by_worker; /* the list of those that there are */
};

enum lease_due { LEASE_FINE, LEASE_EXPIRED, LEASE_STUCK };

void lease_table_init(struct lease_table *leases, struct clock clock, int64_t lease_ms,
                      int64_t no_progress_ms);
void lease_table_finish(struct lease_table *leases);

/* A copy of `lease` with a full term. The job must have none. */
WARN_UNUSED bool lease_add(struct lease_table *leases, const struct lease *lease,
                           struct error *error);

/* The lease of exactly this attempt by exactly this instance; NULL when it has none. */
struct lease *lease_find(const struct lease_table *leases, const struct attempt_id *id);

/* The first one of a worker (its row in the store), next_of_worker leads on; NULL: it has none. */
struct lease *lease_first_of(const struct lease_table *leases, int64_t worker);

/* How many of a sweep's jobs are leased. */
size_t lease_count(const struct lease_table *leases, int64_t sweep);

/* A heartbeat lists it. */
void lease_renew(struct lease_table *leases, struct lease *lease,
                 const struct lease_progress *progress);
void lease_remove(struct lease_table *leases, int64_t job);

enum lease_due lease_due(const struct lease_table *leases, const struct lease *lease);

/* The coordinator itself stood still for so long: nobody's fault. */
void lease_extend_all(struct lease_table *leases, int64_t stall_ms);

/* When the first lease comes due if nothing is heard; INT64_MAX without leases. */
int64_t lease_next_due_ms(const struct lease_table *leases);

static inline struct lease *lease_next(const struct lease_table *leases,
                                       struct table_cursor *cursor)
{
    return table_next(&leases->by_job, cursor);
}

#endif
