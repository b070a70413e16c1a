/* Shares of the variance over a grid that are an effect's (Sobol's indices): every level of an axis
 * has equal weight. What noise contributes is removed, so an estimate may be negative.
 *
 * Intervals: parametric bootstrap from effects shrunk to their noise-removed size, 2.5 and 97.5 %
 * points. The noise of a draw has the covariance that the seeds had, so that seeds stay blocks. */
#ifndef LIPSWEEP_CLIENT_ANALYSIS_SHARES_H
#define LIPSWEEP_CLIENT_ANALYSIS_SHARES_H

#include "client/analysis/anova.h"

enum { SHARES_DRAWS = 2000 };

struct share {
    double value, low, high; /* NAN: none */
};

struct shares {
    const char *refusal;   /* NULL: there are some */
    bool noise_removed;    /* false with one seed a point: then no intervals either */
    double variance;       /* of the cells' true means, all effects together */
    double noise;          /* variance of one training about its cell's mean */
    struct share *effects; /* in the order of the anova; of one axis: its first-order index */
    struct share *omega;   /* omega squared: shares of the variance with noise in it */
    struct share total[DESIGN_AXIS_MAX]; /* with all interactions of the axis */
    size_t effect_count;
};

void shares_estimate(struct shares *shares, const struct anova *anova, const struct design *design);
void shares_finish(struct shares *shares);

#endif
