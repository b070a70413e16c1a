/* How much memory a job's runner will take: what decides whether it fits beside the others. */
#ifndef LIPSWEEP_WORKER_FOOTPRINT_H
#define LIPSWEEP_WORKER_FOOTPRINT_H

#include "common/error.h"
#include "common/job.h"

#include <stddef.h>
#include <stdint.h>

/* What training_run places, the images, and the process itself. `directory` is where data sets are,
 * as in struct dataset_options: a user's own set tells its size only when it is read. */
WARN_UNUSED bool footprint_bytes(const struct job *job, const char *directory, size_t threads,
                                 uint64_t *bytes, struct error *error);

#endif
