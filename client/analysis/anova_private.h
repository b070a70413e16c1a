/* The two ways to test an effect (anova_tests.c), for anova.c. */
#ifndef LIPSWEEP_CLIENT_ANALYSIS_ANOVA_PRIVATE_H
#define LIPSWEEP_CLIENT_ANALYSIS_ANOVA_PRIVATE_H

#include "client/analysis/anova.h"

/* Against its interaction with seed. */
void anova_test_by_seed(const struct anova *anova, const struct design *design,
                        struct anova_effect *effect);

/* Its sum of squares over the cell means, weighted by their numbers of replicates; then all effects
 * against one error: the spread within cells or the interaction of the highest order. */
void anova_sum_squares(const struct anova *anova, const struct design *design,
                       struct anova_effect *effect);
void anova_test_pooled(struct anova *anova, const struct design *design);

#endif
