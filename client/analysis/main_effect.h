/* What one axis does, averaged over the others: contrasts between its levels, computed within each
 * seed over the combinations of the other axes that have the levels needed.
 *
 * With one training a point there are no seeds to spread over. The contrasts of the combinations
 * then stand for them: n is the number of combinations, and the interval holds noise and the axis'
 * interactions with the others alike. */
#ifndef LIPSWEEP_CLIENT_ANALYSIS_MAIN_EFFECT_H
#define LIPSWEEP_CLIENT_ANALYSIS_MAIN_EFFECT_H

#include "client/analysis/design.h"

/* Sum over levels of weights[level] times the level's mean. Levels of weight 0 need not be there.
 */
struct estimate main_effect_contrast(const struct design *design, size_t axis,
                                     const double *weights);

/* Without an interval where there is one training a point: what spreads there are the other axes. */
struct estimate main_effect_level(const struct design *design, size_t axis, size_t level);

/* `to` minus `from`. */
struct estimate main_effect_difference(const struct design *design, size_t axis, size_t from,
                                       size_t to);

/* Least-squares slope over the levels: per decade where all are positive (*per_decade), else per
 * unit. n is 0 for an axis of labels. */
struct estimate main_effect_trend(const struct design *design, size_t axis, bool *per_decade);

/* The two levels, from < to, whose means lie furthest apart. */
void main_effect_extremes(const struct design *design, size_t axis, size_t *from, size_t *to);

#endif
