/* What people ask of jobs and sweeps that are there: cancel and retry. */
#ifndef LIPSWEEP_COORDINATOR_STORE_CONTROL_H
#define LIPSWEEP_COORDINATOR_STORE_CONTROL_H

#include "coordinator/store.h"

/* A sweep by number, name or "last"; 0 when there is none. */
WARN_UNUSED bool store_find_sweep(struct store *store, const char *text, int64_t *sweep,
                                  struct error *error);

/* Which jobs: those not replaced with after < id <= last, of one sweep or (0) of any. By ranges of
 * ids, so that a large sweep can be gone through in pieces. */
struct selection {
    int64_t sweep, after, last;
};

static inline struct selection selection_of_job(int64_t job)
{
    return (struct selection){.after = job - 1, .last = job};
}

/* All jobs that the sweep has now. */
WARN_UNUSED bool store_select_sweep(struct store *store, int64_t sweep, struct selection *selection,
                                    struct error *error);

/* Cancels what is pending or leased; the attempts that ran end as cancelled. *count is the number
 * of jobs. */
WARN_UNUSED bool store_cancel(struct store *store, struct selection selection, const char *reason,
                              int64_t *count, struct error *error);

/* Holds a sweep or (sweep 0) a job, or lets it go on: what runs ends, nothing more of it starts.
 * *changed tells whether it was otherwise before. */
WARN_UNUSED bool store_hold(struct store *store, int64_t sweep, int64_t job, bool held,
                            bool *changed, struct error *error);
WARN_UNUSED bool store_set_priority(struct store *store, int64_t sweep, int64_t priority,
                                    bool *changed, struct error *error);

/* Which ended jobs are to run again. */
struct retry_states {
    bool diverged, cancelled; /* besides the failed ones */
};

/* Makes a new, pending job of every such one. The old row stays and names its successor. */
WARN_UNUSED bool store_retry(struct store *store, struct selection selection,
                             struct retry_states states, int64_t *count, struct error *error);

/* Whether the job exists, and its state. */
struct job_sight {
    bool found;
    int64_t sweep, superseded_by;
    char state[16];
};
WARN_UNUSED bool store_look_at_job(struct store *store, int64_t job, struct job_sight *sight,
                                   struct error *error);

/* A new row with the same parameters takes the place of `job`; *successor is its id. */
WARN_UNUSED bool store_replace_job(struct store *store, int64_t job, int64_t *successor,
                                   struct error *error);

#endif
