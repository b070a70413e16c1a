/* A network's first layer in one piece: convolution of stride 1 with a bias, 2x2 max pooling and
 * ReLU. Nothing between is stored, and the weight gradient is computed from the one output in four
 * that the pooling took.
 *
 * Its outputs are in PyTorch's order, [channel][row][column], as a dense layer wants them. */
#ifndef LIPSWEEP_WORKER_CONV_POOL_H
#define LIPSWEEP_WORKER_CONV_POOL_H

#include "worker/arena.h"
#include "worker/kernels.h"

/* Written by conv_pool_init alone, so calls may run on several threads. */
struct conv_pool {
    struct conv_pool_shape shape;
    const struct kernels *kernels;
    uint8_t *best; /* [capacity][output]: which of its four each output is; NULL without training */
};

/* Numbers of working memory that a call of either pass needs: `scratch` below, 64-byte aligned, one
 * for each thread, of no meaning between calls. */
size_t conv_pool_scratch(const struct conv_pool_shape *shape);

/* Numbers in which the gradients add up: `sums` below, one for each group of images, zeroed by the
 * caller before the group's first call. */
size_t conv_pool_sums(const struct conv_pool_shape *shape);

/* Books or places what it keeps for up to `capacity` images. */
void conv_pool_init(struct conv_pool *layer, const struct conv_pool_shape *shape,
                    const struct kernels *kernels, size_t capacity, bool trains,
                    struct arena *arena);

/* A call's images among those of the batch. */
struct conv_pool_part {
    size_t first, images;
};

/* out [images][out_channels][out_height][out_width], in
 * [images][in_height][in_width][in_channels], weight [out_channels][in_channels][kernel][kernel] */
void conv_pool_forward(const struct conv_pool *layer, real *scratch, real *out, const real *in,
                       const real *weight, const real *bias, struct conv_pool_part part);

/* The same of images that are, at each level, clean + times * noise: out the outputs of the first
 * level, clean and noise as `in` above. */
void conv_pool_forward_levels(const struct conv_pool *layer, real *scratch, real *out,
                              struct noise_levels levels, const real *clean, const real *noise,
                              const real *weight, const real *bias, size_t images);

/* After the forward pass of the same images: adds to the sums. dout is overwritten by the gradient
 * before the ReLU. */
void conv_pool_backward(const struct conv_pool *layer, real *scratch, double *sums, real *dout,
                        const real *out, const real *in, struct conv_pool_part part);

/* Adds what the sums hold. */
void conv_pool_end_backward(const struct conv_pool *layer, const double *sums, real *dweight,
                            real *dbias);

#endif
