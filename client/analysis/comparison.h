/* Many points at once: adjusted p-values, how many seeds would decide, which points no other beats,
 * whether spread differs. */
#ifndef LIPSWEEP_CLIENT_ANALYSIS_COMPARISON_H
#define LIPSWEEP_CLIENT_ANALYSIS_COMPARISON_H

#include "client/analysis/design.h"

/* Holm's step-down adjustment; p-values that are NAN are no comparisons and stay NAN. */
void comparison_holm(const double *p, size_t count, double *adjusted);

/* Differences of many points at once: how many pass 5 %, adjusted and not. */
struct comparison {
    size_t count;           /* with a p-value */
    size_t plain, adjusted; /* of them with p < 5 % */
    size_t seeds_needed;    /* so that those found by plain p alone are found; 0: over 1000 */
};

/* adjusted[i]: Holm's p-value of differences[i], NAN where it has none. */
struct comparison comparison_adjust(const struct estimate *differences, size_t count,
                                    double *adjusted);

/* Seeds with which a difference of this size and spread would pass the first step of Holm's
 * procedure among `count`; 0 when more than `limit` were needed or the spread is unknown. */
size_t comparison_seeds_needed(const struct estimate *difference, size_t count, size_t limit);

/* front[i]: no other point is at least as good in both and better in one. NAN is on no front. */
void comparison_pareto(const double *clean, const double *robust, size_t count, bool *front);

/* Brown and Forsythe (1974): analysis of variance of distances from each group's median. Cells with
 * fewer than two responses are left out. */
struct brown_forsythe {
    double f, degrees1, degrees2, p; /* NAN: none */
};

struct brown_forsythe comparison_brown_forsythe(const struct design *design);

#endif
