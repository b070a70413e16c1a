/* What this machine says of kinds of jobs: memory by the runner's own plan, speed by a few steps.
 * lipsweep-worker computes both; the client computes no network. */
#ifndef LIPSWEEP_CLIENT_CALIBRATION_H
#define LIPSWEEP_CLIENT_CALIBRATION_H

#include "client/job_kind.h"

enum { CALIBRATION_CLASS_SIZE = 192 };

struct calibration {
    bool known; /* else the rest says nothing: the worker said why on standard error */
    int64_t memory_bytes, weights_bytes;
    double step_s,
        evaluation_s; /* CPU time of a step, of an image at one test sigma; NAN: not measured */
    char cpu_class[CALIBRATION_CLASS_SIZE];
};

enum calibration_what { CALIBRATION_MEMORY, CALIBRATION_SPEED_TOO };

/* `directory` is where data sets are; NULL: the default places. Fails only when the worker cannot
 * be started. */
WARN_UNUSED bool calibration_make(const struct job *job, const char *directory,
                                  enum calibration_what what, struct calibration *calibration,
                                  struct error *error);

#endif
