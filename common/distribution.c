#include "common/distribution.h"

#include <math.h>

#define MATHLIB_STANDALONE
#include <Rmath.h>

double distribution_t_quantile(double p, double degrees)
{
    return qt(p, degrees, 1, 0);
}

double distribution_t_half_width(double degrees)
{
    const double CONFIDENCE = 0.95;
    return distribution_t_quantile(0.5 + CONFIDENCE / 2, degrees);
}

double distribution_t_two_sided(double t, double degrees)
{
    return 2 * pt(-fabs(t), degrees, 1, 0);
}

double distribution_f_upper(double f, double degrees1, double degrees2)
{
    return pf(f, degrees1, degrees2, 0, 0);
}

double distribution_noncentral_f(double f, double degrees1, double degrees2, double ncp)
{
    if (f <= 0)
        return 0;
    double a = degrees1 / 2, b = degrees2 / 2, mean = ncp / 2;
    double x = degrees1 * f / (degrees1 * f + degrees2), y = degrees2 / (degrees1 * f + degrees2);
    /* What lies further out weighs less than 1e-20. */
    double reach = 10 * sqrt(mean) + 50;
    double first = fmax(0, floor(mean - reach)), last = ceil(mean + reach);
    if (ncp == 0)
        first = last = 0;

    /* Downwards: I(a + j) = I(a + j + 1) + g(j), all terms positive, so nothing cancels. */
    double beta = pbeta(x, a + last, b, 1, 0), sum = 0;
    double log_g = (a + last) * log(x) + b * log(y) - log(a + last) - lbeta(a + last, b);
    double j = last;
    while (j >= first) {
        sum += dpois(j, mean, 0) * beta;
        log_g += log((a + j) / (x * (a + j - 1 + b)));
        beta += exp(log_g);
        j--;
    }
    return sum;
}
