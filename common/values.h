/* The values of a swept parameter or a list: one number, a list, or a range
 *
 *     {from: 0.02, to: 0.5, count: 3, scale: log}      {from: 0, to: 0.8, step: 0.1}
 *
 * Counted first, so that a sweep too large is refused before anything is allocated for it. */
#ifndef LIPSWEEP_COMMON_VALUES_H
#define LIPSWEEP_COMMON_VALUES_H

#include "common/job.h"
#include "common/yaml.h"

struct values {
    enum parameter parameter;
    const struct yaml_node *node; /* scalar, list, or mapping of a range */
    double count;          /* whole and positive; a double, because a range may ask for 1e12 */
    double from, to, step; /* of a range; step 0 when it was given by its count */
    bool logarithmic;
};

/* What the numbers of `node` are, not yet whether each fits the parameter. */
WARN_UNUSED bool values_open(struct values *values, enum parameter parameter,
                             const struct yaml_node *node, struct diagnostics *diagnostics);

/* Writes all `count` numbers, checked (range of the parameter, no value twice). `places`, when not
 * NULL, gets where each was written: for a range the range's. */
WARN_UNUSED bool values_numbers(const struct values *values, double *numbers, struct place *places,
                                struct diagnostics *diagnostics);

/* Number `index` of a range: rounded to 12 significant digits, the ends exactly as written. */
double values_of_range(const struct values *values, size_t index);

/* One number for `parameter`, checked. */
WARN_UNUSED bool values_number(enum parameter parameter, const struct yaml_node *node,
                               double *number, struct diagnostics *diagnostics);

#endif
