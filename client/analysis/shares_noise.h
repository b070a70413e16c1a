/* What shares are made of, for shares.c: the squared size of every effect, the part of it that is
 * noise, and draws of both from a model fitted to the data. */
#ifndef LIPSWEEP_CLIENT_ANALYSIS_SHARES_NOISE_H
#define LIPSWEEP_CLIENT_ANALYSIS_SHARES_NOISE_H

#include "client/analysis/anova.h"

/* One effect in terms of the seeds' deviations r_s from its mean z. */
struct shares_effect {
    double shrunk; /* |z|^2 without its noise, at least 0 */
    double *cross; /* [seed] r_s . z, z shrunk alike */
    double *gram;  /* [seed, seed] r_s . r_t */
    double *mean;  /* [contrast] z, shrunk: where seeds are independent */
    size_t rank;
};

struct shares_noise {
    bool known; /* false with one seed a point: expected is 0 */
    const struct design *design;
    size_t cell_count, seed_count, effect_count; /* the effects and the mean before them */
    struct shares_effect *effects;
    double *squares, *expected;
    double per_training;
    /* Where seeds are independent: */
    bool pure;
    double mean_square, degrees, inverse_sum; /* sum over cells of 1 / replicates */
    double *scales;                           /* [cell] 1 / sqrt(replicates) */
    unsigned *axes;                           /* [coefficient] index into effects */
};

void shares_noise_init(struct shares_noise *noise, const struct anova *anova,
                       const struct design *design);
void shares_noise_finish(struct shares_noise *noise);

/* |mean z|^2 of every effect in draw number `draw`, what noise is expected to contribute by that
 * draw's own spread, and the variance of one training. */
void shares_noise_draw(const struct shares_noise *noise, uint32_t draw, double *squares,
                       double *expected, double *per_training);

#endif
