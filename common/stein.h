/* Stein's rule of two stages: how many seeds make an interval as narrow as it is wanted.
 *
 * The first stage's n0 values have the variance s². N = max(n0, ceil((t s / w)²)) values have a
 * mean with the 95 % interval ± t s / sqrt(N), at most w, t Student's of n0 - 1 degrees of freedom.
 * The interval keeps what it promises because s is the first stage's alone: whoever adds seeds
 * until the interval of all of them is narrow enough stops where it is so by chance. (C. Stein,
 * Annals of Mathematical Statistics 16, 1945.) */
#ifndef LIPSWEEP_COMMON_STEIN_H
#define LIPSWEEP_COMMON_STEIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STEIN_FIRST_MIN = 5,   /* values of the first stage */
    STEIN_COUNT_MAX = 1000 /* values of both */
};

struct stein {
    double variance; /* of the first stage */
    int64_t count;   /* values wanted in all, at most `most` */
    bool capped;     /* more would be needed */
};

struct stein stein_decide(const double *values, size_t count, double half_width, int64_t most);

#endif
