#include "client/analysis/statistics.h"

#include <math.h>

#include "client/analysis/distribution.h"

static const double CONFIDENCE = 0.95;

/* Welford's recurrences: one pass, no cancellation for values near each other. */
struct moments {
    size_t n;
    double mean, square_sum; /* of deviations from the mean */
};

static void moments_add(struct moments *moments, double value)
{
    moments->n++;
    double deviation = value - moments->mean;
    moments->mean += deviation / (double)moments->n;
    moments->square_sum += deviation * (value - moments->mean);
}

static struct estimate moments_estimate(const struct moments *moments)
{
    struct estimate estimate = {.n = moments->n, .mean = NAN, .sd = NAN, .half_width = NAN};
    if (moments->n > 0)
        estimate.mean = moments->mean;
    if (moments->n > 1) {
        double degrees = (double)(moments->n - 1);
        estimate.sd = sqrt(moments->square_sum / degrees);
        estimate.half_width = distribution_t_quantile(0.5 + CONFIDENCE / 2, degrees) * estimate.sd /
                              sqrt((double)moments->n);
    }
    return estimate;
}

struct estimate statistics_mean(const struct sample *samples, size_t count)
{
    struct moments moments = {0};
    for (size_t i = 0; i < count; i++)
        moments_add(&moments, samples[i].value);
    return moments_estimate(&moments);
}

struct estimate statistics_paired(const struct sample *a, size_t a_count, const struct sample *b,
                                  size_t b_count)
{
    struct moments moments = {0};
    for (size_t i = 0, j = 0; i < a_count && j < b_count;) {
        if (a[i].seed < b[j].seed)
            i++;
        else if (a[i].seed > b[j].seed)
            j++;
        else
            moments_add(&moments, a[i++].value - b[j++].value);
    }
    return moments_estimate(&moments);
}
