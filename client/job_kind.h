/* The kinds of job in a sweep: jobs of one kind take the same time a training step and a test
 * image, and about the same memory. */
#ifndef LIPSWEEP_CLIENT_JOB_KIND_H
#define LIPSWEEP_CLIENT_JOB_KIND_H

#include "common/dataset.h"

enum { JOB_KINDS_MAX = 64 };

struct job_kind {
    struct job job; /* of its jobs, the one that trains on most images: it takes most memory */
    size_t images;  /* that this one trains on; 0: unknown, as are the rest */
    size_t job_count, test_only_count;              /* the second are among the first */
    double step_count, step_count_most;             /* of all its jobs, of one */
    double evaluation_count, evaluation_count_most; /* images at one test sigma */
};

struct job_kinds {
    struct job_kind list[JOB_KINDS_MAX];
    size_t count, last; /* where the last job went: the next one is likely to be of the same kind */
    size_t beyond_count; /* jobs of kinds that found no place */
};

/* `facts` NULL: nobody knows how many images the data set has. A job that is `test_only` makes no
 * step, and leaves no weights. */
void job_kinds_add(struct job_kinds *kinds, const struct job *job,
                   const struct dataset_facts *facts, bool test_only);

#endif
