#include "client/analysis/statistics.h"

#include <math.h>
#include <stdlib.h>

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

struct estimate statistics_estimate(size_t n, double mean, double standard_error, double degrees)
{
    struct estimate estimate = {.n = n,
                                .mean = mean,
                                .sd = NAN,
                                .half_width = NAN,
                                .p = NAN,
                                .degrees = degrees > 0 ? degrees : 0};
    if (!(degrees > 0))
        return estimate;
    estimate.half_width = distribution_t_quantile(0.5 + CONFIDENCE / 2, degrees) * standard_error;
    if (standard_error > 0)
        estimate.p = distribution_t_two_sided(mean / standard_error, degrees);
    return estimate;
}

static double variance(const struct moments *moments)
{
    return moments->square_sum / (double)(moments->n - 1);
}

static struct estimate moments_estimate(const struct moments *moments)
{
    size_t n = moments->n;
    if (n < 2)
        return statistics_estimate(n, n > 0 ? moments->mean : NAN, NAN, 0);
    double sd = sqrt(variance(moments));
    struct estimate estimate =
        statistics_estimate(n, moments->mean, sd / sqrt((double)n), (double)(n - 1));
    estimate.sd = sd;
    return estimate;
}

static struct moments samples_moments(const struct sample *samples, size_t count)
{
    struct moments moments = {0};
    for (size_t i = 0; i < count; i++)
        moments_add(&moments, samples[i].value);
    return moments;
}

struct estimate statistics_mean(const struct sample *samples, size_t count)
{
    struct moments moments = samples_moments(samples, count);
    return moments_estimate(&moments);
}

struct estimate statistics_values(const double *values, size_t count)
{
    struct moments moments = {0};
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i]))
            moments_add(&moments, values[i]);
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

struct estimate statistics_unpaired(const struct sample *a, size_t a_count, const struct sample *b,
                                    size_t b_count)
{
    struct moments first = samples_moments(a, a_count), second = samples_moments(b, b_count);
    size_t n = a_count < b_count ? a_count : b_count;
    if (n < 2)
        return statistics_estimate(n, n > 0 ? first.mean - second.mean : NAN, NAN, 0);
    double part1 = variance(&first) / (double)a_count, part2 = variance(&second) / (double)b_count;
    double sum = part1 + part2;
    double degrees =
        sum * sum / (part1 * part1 / (double)(a_count - 1) + part2 * part2 / (double)(b_count - 1));
    if (sum == 0)
        degrees = (double)(a_count + b_count - 2);
    return statistics_estimate(n, first.mean - second.mean, sqrt(sum), degrees);
}

bool statistics_is_shown(const struct estimate *estimate)
{
    return fabs(estimate->mean) > estimate->half_width;
}

static int compare_reals(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double statistics_quantile(const double *sorted, size_t count, double p)
{
    if (count == 0)
        return NAN;
    double place = p * (double)(count - 1);
    size_t below = (size_t)place;
    if (below + 1 >= count)
        return sorted[count - 1];
    return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

double statistics_median(double *values, size_t count)
{
    if (count > 1)
        qsort(values, count, sizeof *values, compare_reals);
    return statistics_quantile(values, count, 0.5);
}
