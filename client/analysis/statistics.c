#include "client/analysis/statistics.h"

#include <math.h>
#include <stdlib.h>

#include "common/distribution.h"
#include "common/moments.h"

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
    estimate.half_width = distribution_t_half_width(degrees) * standard_error;
    if (standard_error > 0)
        estimate.p = distribution_t_two_sided(mean / standard_error, degrees);
    return estimate;
}

/* Of all values, and of those of the first stage, which tell of their spread. */
struct stages {
    struct moments all, first;
};

static void stages_add(struct stages *stages, double value, bool extra)
{
    moments_add(&stages->all, value);
    if (!extra)
        moments_add(&stages->first, value);
}

static struct estimate stages_estimate(const struct stages *stages)
{
    size_t n = stages->all.n, first = stages->first.n;
    double sd = n < 2 ? NAN : sqrt(moments_variance(&stages->all));
    struct estimate estimate =
        first < 2 ? statistics_estimate(n, n > 0 ? stages->all.mean : NAN, NAN, 0)
                  : statistics_estimate(n, stages->all.mean,
                                        sqrt(moments_variance(&stages->first)) / sqrt((double)n),
                                        (double)(first - 1));
    estimate.sd = sd;
    return estimate;
}

static struct stages samples_stages(const struct sample *samples, size_t count)
{
    struct stages stages = {0};
    for (size_t i = 0; i < count; i++)
        stages_add(&stages, samples[i].value, samples[i].extra);
    return stages;
}

struct estimate statistics_mean(const struct sample *samples, size_t count)
{
    struct stages stages = samples_stages(samples, count);
    return stages_estimate(&stages);
}

struct estimate statistics_values(const double *values, size_t count)
{
    struct stages stages = {0};
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i]))
            stages_add(&stages, values[i], false);
    return stages_estimate(&stages);
}

struct estimate statistics_paired(const struct sample *a, size_t a_count, const struct sample *b,
                                  size_t b_count)
{
    struct stages stages = {0};
    for (size_t i = 0, j = 0; i < a_count && j < b_count;) {
        if (a[i].seed < b[j].seed) {
            i++;
        } else if (a[i].seed > b[j].seed) {
            j++;
        } else {
            stages_add(&stages, a[i].value - b[j].value, a[i].extra || b[j].extra);
            i++;
            j++;
        }
    }
    return stages_estimate(&stages);
}

struct estimate statistics_unpaired(const struct sample *a, size_t a_count, const struct sample *b,
                                    size_t b_count)
{
    struct stages one = samples_stages(a, a_count), other = samples_stages(b, b_count);
    size_t n = a_count < b_count ? a_count : b_count;
    size_t first1 = one.first.n, first2 = other.first.n;
    if (first1 < 2 || first2 < 2)
        return statistics_estimate(n, n > 0 ? one.all.mean - other.all.mean : NAN, NAN, 0);
    double part1 = moments_variance(&one.first) / (double)a_count;
    double part2 = moments_variance(&other.first) / (double)b_count;
    double sum = part1 + part2;
    double degrees =
        sum * sum / (part1 * part1 / (double)(first1 - 1) + part2 * part2 / (double)(first2 - 1));
    if (sum == 0)
        degrees = (double)(first1 + first2 - 2);
    return statistics_estimate(n, one.all.mean - other.all.mean, sqrt(sum), degrees);
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
