#include "client/analysis/distribution.h"

#define MATHLIB_STANDALONE
#include <Rmath.h>

double distribution_t_quantile(double p, double degrees)
{
    return qt(p, degrees, 1, 0);
}
