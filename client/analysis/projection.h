/* Responses seen through the contrasts of one effect: z_s = C y_s, by Helmert's contrasts where the
 * grid is complete, else by a basis of the type II hypothesis space. */
#ifndef LIPSWEEP_CLIENT_ANALYSIS_PROJECTION_H
#define LIPSWEEP_CLIENT_ANALYSIS_PROJECTION_H

#include "client/analysis/anova.h"

struct projection {
    size_t rank, count; /* d contrasts of n seeds */
    double *z;          /* [seed * rank + contrast] */
    double *mean;       /* [contrast] */
    double *gram;       /* [seed * count + seed]: products of deviations from the mean */
};

/* Over the seeds that anova found to have every cell. */
void projection_init(struct projection *projection, const struct anova *anova,
                     const struct design *design, unsigned effect);
void projection_finish(struct projection *projection);

double projection_mean_square(const struct projection *projection);  /* |mean z|^2 */
double projection_trace(const struct projection *projection);        /* tr S */
double projection_square_trace(const struct projection *projection); /* tr S^2 */

/* Of one vector over the cells that are there: C y. `weights` as for contrast_type2, and y is to be
 * weighted already. Room for the effect's rank on the full grid; returns the rank here. */
size_t projection_apply(const struct anova *anova, const struct design *design, unsigned effect,
                        const double *weights, const double *y, double *z);

#endif
