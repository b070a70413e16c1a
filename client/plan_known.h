/* What a database knows of jobs and trainings, by hash: which of a sweep's need not run, and which
 * need only be tested. */
#ifndef LIPSWEEP_CLIENT_PLAN_KNOWN_H
#define LIPSWEEP_CLIENT_PLAN_KNOWN_H

#include "client/rows.h"
#include "common/job.h"

/* PLAN_TESTED: new, but the weights of its training are kept. PLAN_RETRAINED: new, and takes the
 * place of another of the same training, whose weights are not kept. PLAN_ELSEWHERE: finished in
 * another sweep. */
enum plan_state {
    PLAN_NEW,
    PLAN_TESTED,
    PLAN_RETRAINED,
    PLAN_RUNNING,
    PLAN_FINISHED,
    PLAN_ELSEWHERE
};

struct plan_known_job;
struct plan_known_training;

/* All zero: nothing is known. */
struct plan_known {
    struct plan_known_job *jobs; /* sorted by hash, own ones first */
    size_t count;
    struct plan_known_training *trainings; /* with kept weights, sorted by hash */
    size_t training_count;
    struct plan_known_training *own; /* of the sweep's own jobs, sorted by hash */
    size_t own_count;
};

/* `jobs` and `trainings` are the rows of the queries "plan-jobs" and "plan-trainings". Without
 * `reuse` only the sweep's own trainings count. */
void plan_known_read(struct plan_known *known, const struct rows *jobs,
                     const struct rows *trainings, bool reuse);
void plan_known_finish(struct plan_known *known);

/* What there is of this job, which from now on counts as asked for. */
enum plan_state plan_known_ask(struct plan_known *known, const struct job *job);

/* The sweep's own jobs that nobody asked for. */
struct plan_left {
    int64_t replaced;  /* their trainings were asked for with another test */
    int64_t withdrawn; /* the rest, but */
    int64_t extra; /* those of seeds that were added to their points, where the file adds some */
};
void plan_known_left(const struct plan_known *known, bool adaptive, struct plan_left *left);

#endif
