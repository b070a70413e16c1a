/* What a job will take: memory, by the runner's own plan, and time, from a few steps and test
 * batches on images made up for it. `lipsweep-worker measure`; no data set is needed where its
 * shape is known. */
#ifndef LIPSWEEP_WORKER_MEASURE_H
#define LIPSWEEP_WORKER_MEASURE_H

#include "common/error.h"

struct measure_options {
    const char *job;  /* file */
    const char *data; /* NULL: the default places; a user's own set tells its shape only there */
    bool memory_only; /* the times are left empty */
    int output;       /* descriptor for the table: tab-separated, with a heading */
};

/* Columns: memory_bytes (of the runner, data included), weights_bytes (to keep), step_s (one
 * training step), evaluation_s (one image at one test sigma), cpu_class. Times are CPU time, so
 * that other programs on the machine do not show. */
WARN_UNUSED bool measure_run(const struct measure_options *options, struct error *error);

#endif
