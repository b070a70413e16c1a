/* Means over seeds with their uncertainty.
 *
 * A seed is a block: it fixes initial weights, shuffle and noise at every point, so points are
 * compared within each seed (paired), and the differences have the interval. Intervals are Student
 * t, 95 %, and speak of retraining on this test set. */
#ifndef LIPSWEEP_CLIENT_ANALYSIS_STATISTICS_H
#define LIPSWEEP_CLIENT_ANALYSIS_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One measurement of one training. Arrays of them are sorted by seed, each seed once.
 *
 * `extra`: the seed was added because the others left the interval too wide (common/stein.h). Means
 * are over all samples, but wherever such a seed takes part the spread and the degrees of freedom
 * of an interval are those of the other seeds alone. */
struct sample {
    int64_t seed;
    double value;
    bool extra;
};

/* What has no meaning is NAN: everything at n = 0, sd and half_width at n = 1 (an unknown interval
 * is not a narrow one). */
struct estimate {
    size_t n;
    double mean;
    double sd;         /* of all n, n - 1 in the denominator */
    double half_width; /* of the 95 % interval: mean ± half_width */
    double p;          /* two-sided, of the mean being 0; NAN also where nothing spreads */
    double degrees;    /* of freedom of half_width and p; 0: none */
};

struct estimate statistics_mean(const struct sample *samples, size_t count);

/* As statistics_mean; values that are NAN do not count. */
struct estimate statistics_values(const double *values, size_t count);

/* Of a - b over the seeds that both have; n is their number. */
struct estimate statistics_paired(const struct sample *a, size_t a_count, const struct sample *b,
                                  size_t b_count);

/* Of a - b for seeds that have nothing in common (Welch); n is the smaller number, sd has no
 * meaning. */
struct estimate statistics_unpaired(const struct sample *a, size_t a_count, const struct sample *b,
                                    size_t b_count);

/* An estimate whose standard error is known to `degrees` degrees of freedom. */
struct estimate statistics_estimate(size_t n, double mean, double standard_error, double degrees);

/* Whether the interval is there and excludes 0. */
bool statistics_is_shown(const struct estimate *estimate);

/* NAN when there are none. Sorts `values`. */
double statistics_median(double *values, size_t count);

/* Quantile by linear interpolation between order statistics (R's type 7) of sorted values. */
double statistics_quantile(const double *sorted, size_t count, double p);

#endif
