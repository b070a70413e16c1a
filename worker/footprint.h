/* How much memory a job's runner will take: what decides whether it fits beside the others. */
#ifndef LIPSWEEP_WORKER_FOOTPRINT_H
#define LIPSWEEP_WORKER_FOOTPRINT_H

#include "common/error.h"
#include "common/job.h"

#include <stdint.h>

/* What training_run places, the images, and the process itself. */
WARN_UNUSED bool footprint_bytes(const struct job *job, uint64_t *bytes, struct error *error);

#endif
