/* Fully connected layer: out = in weight^T + bias; weight [out_features][in_features].
 *
 * The input features fall into slices by their number alone, and threads share these: a slice of
 * each product needs its own part of the weights only, where a share of the rows would need all. */
#ifndef LIPSWEEP_WORKER_DENSE_H
#define LIPSWEEP_WORKER_DENSE_H

#include "worker/real.h"
#include "worker/team.h"

#include <stddef.h>

struct dense_shape {
    size_t in_features, out_features;
};

/* Numbers of working memory of a forward pass. */
size_t dense_scratch(struct dense_shape shape, size_t images);

/* out [images][out_features], in [images][in_features], bias [out_features] */
void dense_forward(struct team *team, real *scratch, real *out, const real *in, const real *weight,
                   const real *bias, struct dense_shape shape, size_t images);

/* Overwrites dweight, dbias, and din, which may be NULL when nobody asks for it. */
void dense_backward(struct team *team, real *din, real *dweight, real *dbias, const real *dout,
                    const real *in, const real *weight, struct dense_shape shape, size_t images);

#endif
