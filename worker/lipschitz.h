/* An upper bound of the Lipschitz constant of a network as it is tested: of |f(a) - f(b)| / |a - b|
 * over all images a and b on the [0,1] pixel scale, f the logits, lengths Euclidean.
 *
 * The product over layers of upper bounds of their operators' norms, running statistics for batch
 * normalisation, the sum of both ways around a residual block. Sound, and for deep networks far
 * above the truth: what a proof of this kind can give. It speaks of exact arithmetic. */
#ifndef LIPSWEEP_WORKER_LIPSCHITZ_H
#define LIPSWEEP_WORKER_LIPSCHITZ_H

#include "worker/network.h"

WARN_UNUSED bool lipschitz_bound(const struct network *network, const real *numbers, double *bound,
                                 struct error *error);

#endif
