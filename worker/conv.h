/* Convolution on channel-last activations; weights as PyTorch has them,
 * [out_channels][in_channels][kernel][kernel]. */
#ifndef LIPSWEEP_WORKER_CONV_H
#define LIPSWEEP_WORKER_CONV_H

#include "worker/arena.h"
#include "worker/kernels.h"

#include <stdbool.h>
#include <stddef.h>

/* The ways to compute it. Bits differ between them, so the shape alone chooses, or the user who
 * asked for an exact one. */
enum conv_method {
    CONV_DIRECT,   /* kernels.h */
    CONV_PRODUCT,  /* im2col and a matrix product: any shape, and the reference */
    CONV_WINOGRAD, /* winograd.h: the fastest; its rounding errors are larger */
    CONV_METHOD_COUNT
};

enum conv_method conv_method(const struct conv_shape *shape, bool is_exact);

/* Whether the direct kernel computes the gradient of its input too; else a matrix product does. */
bool conv_turns(const struct conv_shape *shape, enum conv_method method);

/* One convolution: what it keeps between calls. Written by conv_begin_* alone, so calls in between
 * may run on several threads. */
struct conv {
    struct conv_shape shape;
    enum conv_method method;
    const struct kernels *kernels;
    bool has_bias;
    real *packed; /* the weights as the method's kernel reads them; NULL: as they are */
    real *turned; /* and as it reads them for din; NULL: din is a matrix product */
};

/* Numbers of working memory that a call of either pass needs with this method: `scratch` below,
 * 64-byte aligned, one for each thread, of no meaning between calls. */
size_t conv_scratch(const struct conv_shape *shape, enum conv_method method);

/* Numbers in which the gradients of weights and bias add up, one set for each group of images. */
size_t conv_sums(const struct conv_shape *shape, enum conv_method method);

/* Books or places what it keeps. */
void conv_init(struct conv *conv, const struct conv_shape *shape, enum conv_method method,
               bool has_bias, const struct kernels *kernels, bool trains, struct arena *arena);

/* Before the calls of a forward pass with these weights. */
void conv_begin_forward(const struct conv *conv, const real *weight);

/* out [images][out_height][out_width][out_channels], in [images][in_height][in_width][in_channels]
 */
void conv_forward(const struct conv *conv, real *scratch, real *out, const real *in,
                  const real *weight, const struct conv_tail *tail, size_t images);

/* Before the calls of a backward pass with these weights. */
void conv_begin_backward(const struct conv *conv, const real *weight);

void conv_backward(const struct conv *conv, real *scratch, const struct conv_gradients *to,
                   const real *dout, const real *in, const real *weight, size_t images);

/* Adds what the sums hold to dweight, and to dbias where there is a bias. */
void conv_end_backward(const struct conv *conv, const double *sums, real *dweight, real *dbias);

#endif
