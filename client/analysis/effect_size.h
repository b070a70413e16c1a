/* The size of an effect: its variance over the cells as a multiple of the error's, noise removed
 * (so it may be negative), and its 95 % interval.
 *
 * The interval holds the sizes that a test of each does not reject: the noncentral F, degrees of
 * freedom and non-centrality times an epsilon for contrasts that vary unequally. Which epsilon is
 * best depends on the size in question. An effect of next to nothing spreads over all contrasts,
 * and Huynh and Feldt's, estimated from few seeds, is below 1 too often; a large one lies along
 * some contrast, perhaps the one that seeds tilt, and then Huynh and Feldt's allows too little. So,
 * with d the effect's degrees of freedom and x the non-centrality in question:
 *
 *     epsilon(x) = none + (gg - none) x / (x + 2),    none = 1 - (1 - 3 / d^2) (1 - hf)
 *
 * gg and hf are Greenhouse and Geisser's and Huynh and Feldt's. Chosen by simulation
 * (tests/analysis/epsilon.c, its tables in docs/analysis.md); where contrasts need no epsilon all
 * are 1. */
#ifndef LIPSWEEP_CLIENT_ANALYSIS_EFFECT_SIZE_H
#define LIPSWEEP_CLIENT_ANALYSIS_EFFECT_SIZE_H

#include "client/analysis/anova.h"

/* Sets size, size_low and size_high from f, the degrees of freedom and the epsilons.
 * `observations`: cells times replicates. */
void effect_size_measure(struct anova_effect *effect, double observations);

/* P(F <= f) under that non-centrality, the size times the observations: the sizes where it is
 * from 0.025 to 0.975 are in the interval. */
double effect_size_probability(const struct anova_effect *effect, double noncentrality);

#endif
