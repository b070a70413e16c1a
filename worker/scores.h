/* The measures of one noise level of the test, gathered image by image. */
#ifndef LIPSWEEP_WORKER_SCORES_H
#define LIPSWEEP_WORKER_SCORES_H

#include "worker/arena.h"
#include "worker/real.h"
#include "worker/training.h"

enum { CALIBRATION_BIN_COUNT = 15 };

struct scores {
    size_t classes;
    size_t count, correct;
    double confidence_true, log_likelihood, brier, margin; /* sums */
    double largest_mean, largest_square; /* of the largest confidence: mean, sum of squared
                                            deviations (Welford) */
    struct {
        size_t count, correct;
        double confidence;
    } bin[CALIBRATION_BIN_COUNT]; /* bin b: confidences in (b/15, (b+1)/15] */
    double *margins;              /* [capacity] */
};

struct quotients {
    size_t count, ratio_count, over_k;
    double sum, k;  /* k: NaN without the Lipschitz loss */
    double *values; /* [capacity] */
    double *ratios; /* [capacity] clean margin over quotient */
};

void scores_init(struct scores *scores, size_t classes, size_t capacity, struct arena *arena);
void scores_add(struct scores *scores, const real *logits, uint8_t label);

/* True class's logit minus the largest other. */
double scores_margin(const real *logits, size_t classes, uint8_t label);

/* Sorts its margins. */
void scores_finish(struct scores *scores, struct accuracy *accuracy);

void quotients_init(struct quotients *quotients, double k, size_t capacity, struct arena *arena);
void quotients_add(struct quotients *quotients, double quotient, double clean_margin);
void quotients_finish(struct quotients *quotients, struct quotient *quotient);

/* Percentile `level` (0 to 100) of sorted values, type 7 of Hyndman and Fan; NaN when there are
 * none. */
double percentile(const double *sorted, size_t count, double level);

#endif
