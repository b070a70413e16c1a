#include "common/stein.h"

#include <assert.h>
#include <math.h>

#include "common/distribution.h"
#include "common/moments.h"

struct stein stein_decide(const double *values, size_t count, double half_width, int64_t most)
{
    assert(count >= 2 && half_width > 0 && most >= (int64_t)count);
    struct moments moments = {0};
    for (size_t i = 0; i < count; i++)
        moments_add(&moments, values[i]);
    struct stein stein = {.variance = moments_variance(&moments), .count = (int64_t)count};
    double ratio = distribution_t_half_width((double)(count - 1)) / half_width;
    double wanted = ceil(ratio * ratio * stein.variance);
    stein.capped = wanted > (double)most;
    if (stein.capped)
        stein.count = most;
    else if (wanted > (double)count)
        stein.count = (int64_t)wanted;
    return stein;
}
