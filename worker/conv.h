/* Convolution of stride 1 with bias, on channel-last activations; weights as PyTorch has them,
 * [out_channels][in_channels][kernel][kernel]. */
#ifndef LIPSWEEP_WORKER_CONV_H
#define LIPSWEEP_WORKER_CONV_H

#include "worker/kernels.h"

#include <stdbool.h>
#include <stddef.h>

/* The two ways to compute it. Bits differ between them, so the shape alone chooses. */
enum conv_method { CONV_DIRECT, CONV_PRODUCT }; /* kernels.h; im2col and a matrix product */

enum conv_method conv_method(const struct conv_shape *shape);

/* Numbers of working memory that either pass needs with this method. */
size_t conv_scratch(const struct conv_shape *shape, enum conv_method method);

/* Tensors of one convolution for `images` images. */
struct conv {
    struct conv_shape shape;
    enum conv_method method;
    const struct kernels *kernels;
    real *scratch; /* conv_scratch(), 64-byte aligned */
};

/* out [images][out_height][out_width][out_channels], in [images][in_height][in_width][in_channels],
 * bias [out_channels] */
void conv_forward(const struct conv *conv, real *out, const real *in, const real *weight,
                  const real *bias, size_t images);

/* Adds to dweight and dbias; overwrites din, which may be NULL when nobody asks for it. */
void conv_backward(const struct conv *conv, real *din, real *dweight, real *dbias, const real *dout,
                   const real *in, const real *weight, size_t images);

#endif
