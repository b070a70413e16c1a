/* Upper bounds of what a linear layer can do to the length of a difference of inputs.
 *
 * A convolution with zero padding is a piece of the one on an endless grid, so its norm is at most
 * the largest norm of that one's symbol, sum_ab W_ab exp(i (a w1 + b w2)), over all frequencies. A
 * stride s takes the input's s x s phases as channels of their own. Singular values of the symbol
 * are computed on a grid of N x N frequencies. Between its points: a real trigonometric polynomial
 * of degree n with the largest value M at w has at least M cos(n t) at w + t (M. Riesz, 1914), and
 * some grid point is at most pi / N away in either direction; so the largest value on the grid,
 * divided by cos(n pi / N) squared, is an upper bound. */
#ifndef LIPSWEEP_WORKER_OPERATOR_NORM_H
#define LIPSWEEP_WORKER_OPERATOR_NORM_H

#include "worker/network.h"

/* Of diag(out_scale) W diag(in_scale), W of shape [out][in]; a scale may be NULL: ones. */
WARN_UNUSED bool operator_norm_dense(const real *weight, size_t out, size_t in,
                                     const double *out_scale, const double *in_scale, double *norm,
                                     struct error *error);

/* The same for a convolution, scaled channel by channel; weight [out][in][kernel][kernel]. */
WARN_UNUSED bool operator_norm_conv(const real *weight, const struct conv_shape *shape,
                                    const double *out_scale, const double *in_scale, double *norm,
                                    struct error *error);

#endif
