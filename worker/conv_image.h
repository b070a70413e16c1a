/* The convolutions that go image by image, direct and as a matrix product: part of conv.c.
 *
 * All that is done to an image - batch normalisation of what the convolution reads, the convolution
 * and what follows it - is done while it is in the cache; meanwhile the direct kernels fetch what
 * the next image is made of. */
#ifndef LIPSWEEP_WORKER_CONV_IMAGE_H
#define LIPSWEEP_WORKER_CONV_IMAGE_H

#include "worker/conv.h"

/* Numbers of working memory, 64-byte aligned. */
size_t conv_image_scratch(const struct conv_shape *shape, enum conv_method method);

/* As conv_forward and conv_backward. */
void conv_image_forward(const struct conv *conv, real *scratch, real *out, const real *in,
                        const real *weight, const struct conv_tail *tail, size_t images);
void conv_image_backward(const struct conv *conv, real *scratch, const struct conv_gradients *to,
                         const real *dout, const real *in, const real *weight, size_t images);

#endif
