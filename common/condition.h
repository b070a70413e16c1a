/* A condition on a sweep's points, as `only` and `exclude` take it: comparisons of parameters,
 * numbers and texts, with and, or, not and arithmetic.
 *
 *     lambda >= 1 and (k < 0.1 or sigma == 0.1)        not (model == 'resnet20' and fraction < 0.1)
 *
 * A parameter that has no meaning at a point (K and sigma at lambda 0) is unknown there, and so is
 * what is computed from it: `unknown and false` is false, `unknown or true` is true, the rest
 * unknown. At a baseline lambda and K are unknown too: conditions on them are about the others. */
#ifndef LIPSWEEP_COMMON_CONDITION_H
#define LIPSWEEP_COMMON_CONDITION_H

#include "common/diagnostics.h"
#include "common/job.h"

enum {
    CONDITION_TEXT_MAX = 1000, /* bytes */
    CONDITION_NODE_MAX = 200,  /* operators, names and values */
    CONDITION_DEPTH_MAX = 32,  /* of parentheses and operators in each other */
};

enum truth { TRUTH_UNKNOWN, TRUTH_FALSE, TRUTH_TRUE };

struct condition;

/* NULL when `text` is none, or memory is short: then it was reported at `place`. */
struct condition *condition_create(const char *text, struct place place,
                                   struct diagnostics *diagnostics);
void condition_destroy(struct condition *condition); /* takes NULL */

/* Of a normalised job. */
enum truth condition_test(const struct condition *condition, const struct job *job,
                          bool is_baseline);

#endif
