/* What a database knows of jobs, by hash: which of a sweep's need not run. */
#ifndef LIPSWEEP_CLIENT_PLAN_KNOWN_H
#define LIPSWEEP_CLIENT_PLAN_KNOWN_H

#include "client/rows.h"
#include "common/job.h"

enum plan_state { PLAN_NEW, PLAN_RUNNING, PLAN_FINISHED, PLAN_ELSEWHERE };

struct plan_known_job;

/* All zero: nothing is known. */
struct plan_known {
    struct plan_known_job *jobs; /* sorted by hash, own ones first */
    size_t count;
};

/* `rows` are those of the query "plan-jobs". */
void plan_known_read(struct plan_known *known, const struct rows *rows);
void plan_known_finish(struct plan_known *known);

/* What there is of this job, which from now on counts as asked for. PLAN_ELSEWHERE: finished in
 * another sweep. */
enum plan_state plan_known_ask(struct plan_known *known, const struct job *job);

/* The sweep's own jobs that nobody asked for. */
int64_t plan_known_withdrawn(const struct plan_known *known);

#endif
