/* How long a sweep's jobs will take on one class of machine: from what jobs of the same kind took
 * there, else from a calibration of this machine, else unknown. Never a guess. */
#ifndef LIPSWEEP_CLIENT_PREDICTION_H
#define LIPSWEEP_CLIENT_PREDICTION_H

#include "client/calibration.h"
#include "client/rows.h"

struct prediction {
    char cpu_class[CALIBRATION_CLASS_SIZE]; /* "": of no class, nothing is known */
    double cpu_s;                           /* of the jobs whose kind is known */
    double longest_s;                       /* of one job */
    size_t known_count, unknown_count;
    size_t measured_count, calibrated_count; /* kinds of job known from either */
};

/* `speeds` are rows of the query "speeds", NULL without a database; `calibrations` one a kind, of
 * which those of this class count. */
void prediction_make(struct prediction *prediction, const char *cpu_class,
                     const struct job_kinds *kinds, const struct rows *speeds,
                     const struct calibration *calibrations);

/* Whether jobs of this kind were measured on that class of machine. */
bool prediction_has_speed(const struct rows *speeds, const char *cpu_class,
                          const struct job_kind *kind);

/* With so many jobs at a time; NAN when a kind of job is unknown. */
double prediction_wall_s(const struct prediction *prediction, int64_t slots);
double prediction_cpu_s(const struct prediction *prediction);

#endif
