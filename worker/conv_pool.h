/* A network's first layer in one piece: convolution of stride 1 with a bias, 2x2 max pooling and
 * ReLU. Nothing between is stored, and the weight gradient is computed from the one output in four
 * that the pooling took.
 *
 * Its outputs are in PyTorch's order, [channel][row][column], as a dense layer wants them. */
#ifndef LIPSWEEP_WORKER_CONV_POOL_H
#define LIPSWEEP_WORKER_CONV_POOL_H

#include "worker/arena.h"
#include "worker/kernels.h"

struct conv_pool {
    struct conv_pool_shape shape;
    const struct kernels *kernels;
    uint8_t *best; /* [capacity][output]: which of its four each output is; NULL without training */
    real *part;    /* weight and bias gradient of one call */
    double *sum;   /* and since conv_pool_begin_backward */
    real *scratch; /* conv_pool_scratch(), the caller's */
};

/* Numbers of working memory that either pass needs. */
size_t conv_pool_scratch(const struct conv_pool_shape *shape);

/* Books or places what it keeps for up to `capacity` images. */
void conv_pool_init(struct conv_pool *layer, const struct conv_pool_shape *shape,
                    const struct kernels *kernels, size_t capacity, bool trains,
                    struct arena *arena);

/* Images first to first + images - 1: out [images][out_channels][out_height][out_width], in
 * [images][in_height][in_width][in_channels], weight [out_channels][in_channels][kernel][kernel] */
void conv_pool_forward(const struct conv_pool *layer, real *out, const real *in, const real *weight,
                       const real *bias, size_t first, size_t images);

void conv_pool_begin_backward(const struct conv_pool *layer);

/* After the forward pass of the same images. dout is overwritten by the gradient before the ReLU.
 */
void conv_pool_backward(const struct conv_pool *layer, real *dout, const real *out, const real *in,
                        size_t first, size_t images);

/* Adds the gradients of all calls since conv_pool_begin_backward. */
void conv_pool_end_backward(const struct conv_pool *layer, real *dweight, real *dbias);

#endif
