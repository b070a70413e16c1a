/* Winograd's fast convolution F(4x4, 3x3) of stride 1: sizes and points that all instruction sets
 * share.
 *
 * Lavin and Gray, Fast algorithms for convolutional neural networks, 2015. An output tile of 4 x 4
 * needs an input tile of 6 x 6. Both tile and kernel are taken to their values at 36 points, where
 * the convolution is one product a point; over the channels, these are 36 small matrix products.
 * The points of one dimension are 0, +-A, +-B and infinity: with 3/4 and 3/2 the rounding errors
 * are half of those with the usual 1 and 2. */
#ifndef LIPSWEEP_WORKER_WINOGRAD_H
#define LIPSWEEP_WORKER_WINOGRAD_H

#include "worker/kernels.h"

enum {
    WINOGRAD_KERNEL = 3,
    WINOGRAD_OUT = 4, /* side of a tile of outputs */
    WINOGRAD_IN = 6,  /* and of what it reads; also the points of one dimension */
    WINOGRAD_POINTS = WINOGRAD_IN * WINOGRAD_IN,
    WINOGRAD_STRIP = 32, /* tiles transformed before they are multiplied */
    WINOGRAD_TERMS = 16, /* tiles or channels after which a sum begins anew */
};

/* Exact in binary, and so are their squares and the products of these. */
static const real WINOGRAD_A = (real)0.625, WINOGRAD_B = (real)1.5;

/* Whether the kernels take this shape. */
static inline bool winograd_takes(const struct conv_shape *s)
{
    return s->kernel == WINOGRAD_KERNEL && s->stride == 1 && s->padding < WINOGRAD_KERNEL &&
           s->in_channels % CONV_BLOCK == 0 && s->out_channels % CONV_BLOCK == 0;
}

/* Numbers of the transformed weights. */
static inline size_t winograd_weights_size(const struct conv_shape *s)
{
    return WINOGRAD_POINTS * s->in_channels * s->out_channels;
}

static inline size_t winograd_channels_max(const struct conv_shape *s)
{
    return s->in_channels > s->out_channels ? s->in_channels : s->out_channels;
}

/* Numbers from one point to the next of a strip's tiles. The last part keeps the points' cache
 * lines from falling on each other. */
static inline size_t winograd_point_step(const struct conv_shape *s)
{
    return WINOGRAD_STRIP * winograd_channels_max(s) + 16;
}

/* Zeros in place of rows outside the image. */
static inline size_t winograd_zeros_size(const struct conv_shape *s)
{
    size_t width = s->in_width > s->out_width ? s->in_width : s->out_width;
    return width * winograd_channels_max(s);
}

/* Numbers of working memory. */
static inline size_t winograd_forward_scratch(const struct conv_shape *s)
{
    return (WINOGRAD_POINTS + 1) * winograd_point_step(s) + winograd_zeros_size(s);
}

static inline size_t winograd_backward_scratch(const struct conv_shape *s)
{
    return (2 * WINOGRAD_POINTS + 1) * winograd_point_step(s) + winograd_zeros_size(s) +
           winograd_weights_size(s);
}

#endif
