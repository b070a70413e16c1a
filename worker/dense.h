/* Fully connected layer: out = in weight^T + bias; weight [out_features][in_features]. */
#ifndef LIPSWEEP_WORKER_DENSE_H
#define LIPSWEEP_WORKER_DENSE_H

#include "worker/real.h"

#include <stddef.h>

struct dense_shape {
    size_t in_features, out_features;
};

/* out [images][out_features], in [images][in_features], bias [out_features] */
void dense_forward(real *out, const real *in, const real *weight, const real *bias,
                   struct dense_shape shape, size_t images);

/* Adds to dweight and dbias; overwrites din, which may be NULL when nobody asks for it. */
void dense_backward(real *din, real *dweight, real *dbias, const real *dout, const real *in,
                    const real *weight, struct dense_shape shape, size_t images);

#endif
