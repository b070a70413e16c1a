/* How long jobs will take, from what finished jobs of the same kind took: never a guess. */
#ifndef LIPSWEEP_CLIENT_PREDICTION_H
#define LIPSWEEP_CLIENT_PREDICTION_H

#include "client/rows.h"
#include "common/job.h"

struct prediction {
    const struct rows *speeds; /* of the query "speeds"; the caller's */
    double cpu_s;              /* of the jobs whose kind was measured */
    double longest_s;          /* of one job */
    size_t known_count, unknown_count;
};

void prediction_add(struct prediction *prediction, const struct job *job);

/* With so many jobs at a time; NAN when a kind of job was never measured. */
double prediction_wall_s(const struct prediction *prediction, int64_t slots);
double prediction_cpu_s(const struct prediction *prediction);

#endif
