/* One sweep, one metric: every point's values by seed, and the part of them that is a factorial
 * design. Points with λ = 0 and controls lie outside it. */
#ifndef LIPSWEEP_CLIENT_ANALYSIS_EXPERIMENT_H
#define LIPSWEEP_CLIENT_ANALYSIS_EXPERIMENT_H

#include "client/analysis/design.h"
#include "common/metric.h"
#include "client/analysis/result_set.h"

struct experiment_point {
    size_t cell;            /* of the design; SIZE_MAX: outside it */
    size_t rival;           /* index of the point it is compared with; SIZE_MAX: none */
    struct sample *samples; /* of the metric, by seed; trainings without a value are left out */
    size_t count;
    size_t missing; /* done, but without a value: reach that is not reached */
    double clean;   /* mean clean accuracy; NAN: not tested */
};

struct experiment {
    struct result_set set;
    struct metric metric;
    struct experiment_point *points; /* as in set.points */
    struct design design;
    const char *refusal;              /* why there is no design, for people; NULL: there is one */
    size_t left_out, left_out_points; /* added seeds that are in no design, and whose they are */
    uint64_t followers; /* parameters that vary, but only along with an axis: 1 << parameter */
};

/* `metric` NULL: the default. `against`: standard, noise-augmentation or noisy-bn. */
WARN_UNUSED bool experiment_load(struct experiment *experiment, struct source *source,
                                 int64_t sweep, const char *metric, const char *against,
                                 struct error *error);
void experiment_finish(struct experiment *experiment);

/* A point's difference to its rival; n 0 without one. */
struct estimate experiment_difference(const struct experiment *experiment, size_t point);
struct estimate experiment_mean(const struct experiment *experiment, size_t point);

#endif
