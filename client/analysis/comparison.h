/* Many points at once: adjusted p-values, how many seeds would decide, which points no other beats,
 * whether spread differs. */
#ifndef LIPSWEEP_CLIENT_ANALYSIS_COMPARISON_H
#define LIPSWEEP_CLIENT_ANALYSIS_COMPARISON_H

#include "client/analysis/design.h"

/* Holm's step-down adjustment; p-values that are NAN are no comparisons and stay NAN. */
void comparison_holm(const double *p, size_t count, double *adjusted);

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
