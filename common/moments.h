/* Mean and variance by Welford's recurrences: one pass, no cancellation for values near each other.
 */
#ifndef LIPSWEEP_COMMON_MOMENTS_H
#define LIPSWEEP_COMMON_MOMENTS_H

#include <stddef.h>

struct moments {
    size_t n;
    double mean, square_sum; /* of deviations from the mean */
};

static inline void moments_add(struct moments *moments, double value)
{
    moments->n++;
    double deviation = value - moments->mean;
    moments->mean += deviation / (double)moments->n;
    moments->square_sum += deviation * (value - moments->mean);
}

/* n - 1 in the denominator: of two values or more. */
static inline double moments_variance(const struct moments *moments)
{
    return moments->square_sum / (double)(moments->n - 1);
}

#endif
