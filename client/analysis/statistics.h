/* Means over seeds with their uncertainty.
 *
 * A seed is a block: it fixes initial weights, shuffle and noise at every point, so points are
 * compared within each seed (paired), and the differences have the interval. Intervals are Student
 * t, 95 %, and speak of retraining on this test set. */
#ifndef LIPSWEEP_CLIENT_ANALYSIS_STATISTICS_H
#define LIPSWEEP_CLIENT_ANALYSIS_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

/* One measurement of one training. Arrays of them are sorted by seed, each seed once. */
struct sample {
    int64_t seed;
    double value;
};

/* What has no meaning is NAN: everything at n = 0, sd and half_width at n = 1 (an unknown interval
 * is not a narrow one). */
struct estimate {
    size_t n;
    double mean;
    double sd;         /* n - 1 in the denominator */
    double half_width; /* of the 95 % interval: mean ± half_width */
};

struct estimate statistics_mean(const struct sample *samples, size_t count);

/* Of a - b over the seeds that both have; n is their number. */
struct estimate statistics_paired(const struct sample *a, size_t a_count, const struct sample *b,
                                  size_t b_count);

#endif
