/* What jobs will take: time on each class of machine that the database or a calibration knows,
 * memory, and room on disk. */
#ifndef LIPSWEEP_CLIENT_FORECAST_H
#define LIPSWEEP_CLIENT_FORECAST_H

#include "client/prediction.h"

enum { FORECAST_CLASS_MAX = 8 };

struct forecast {
    struct job_kinds kinds; /* of the jobs that are left: the caller adds them */
    struct calibration calibrations[JOB_KINDS_MAX];
    /* Of every class on which each kind is known, the one with most measured steps first. */
    struct prediction predictions[FORECAST_CLASS_MAX];
    size_t prediction_count;
    size_t unknown_count;  /* jobs of no known speed; 0 where there is a prediction */
    int64_t memory_bytes;  /* of the largest job; 0: unknown */
    int64_t weights_bytes; /* of all jobs; 0: unknown */
};

/* `speeds`: rows of the query of that name, NULL without a database. `measures`: kinds that no
 * class of machine has finished are tried here. `directory`: where data sets are. */
WARN_UNUSED bool forecast_make(struct forecast *forecast, const struct rows *speeds,
                               const char *directory, bool measures, struct error *error);

#endif
