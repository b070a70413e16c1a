/* Who each point is compared with: the training without the Lipschitz term that is like it in
 * everything but the loss. */
#ifndef LIPSWEEP_CLIENT_ANALYSIS_RIVALS_H
#define LIPSWEEP_CLIENT_ANALYSIS_RIVALS_H

#include "client/analysis/result_set.h"

/* For every point, its place among the points; SIZE_MAX: none. `control` is none (standard
 * training), or another, which has the point's own sigma. Free the array. */
size_t *rivals_find(const struct point *points, size_t count, const char *control);

#endif
