/* The gradient of a convolution's input as convolutions of stride 1 of the outputs' gradient.
 *
 * Turned by half a turn, the kernel meets input row y in those of its rows k for which
 * (y + k - margin) / stride is a whole number: an output row. So the input's rows (and columns)
 * fall into `stride` classes by y % stride, and each class is a convolution with every stride-th
 * row of the kernel. The outputs' gradient stands in a frame of zeros, which answers for rows
 * outside. */
#ifndef LIPSWEEP_WORKER_CONV_TURNED_H
#define LIPSWEEP_WORKER_CONV_TURNED_H

#include "worker/kernels.h"

/* Zeros before the first output row. */
static inline size_t conv_frame_ring(const struct conv_shape *s)
{
    return (s->kernel - 1 - s->padding + s->stride - 1) / s->stride;
}

/* Rows or columns of the frame of an input of so many. */
static inline size_t conv_frame_side(const struct conv_shape *s, size_t in_side)
{
    return conv_frame_ring(s) + (in_side - 1 + s->padding) / s->stride + 1;
}

static inline size_t conv_frame_size(const struct conv_shape *s)
{
    return conv_frame_side(s, s->in_height) * conv_frame_side(s, s->in_width) * s->out_channels;
}

struct conv_class {
    size_t first, count; /* rows of the turned kernel: every stride-th from the first on */
    size_t start;        /* row of the frame that the class's first input row begins with */
};

static inline struct conv_class conv_class(const struct conv_shape *s, size_t number)
{
    size_t margin = s->kernel - 1 - s->padding;
    size_t first = (margin % s->stride + s->stride - number) % s->stride;
    return (struct conv_class){
        .first = first,
        .count = first < s->kernel ? (s->kernel - first + s->stride - 1) / s->stride : 0,
        .start = (number + first + conv_frame_ring(s) * s->stride - margin) / s->stride};
}

#endif
