/* What residual networks have beside convolutions and batch normalisation: the shortcut's addition,
 * global average pooling, and the normalisation of the input. Channel-last images. */
#ifndef LIPSWEEP_WORKER_RESIDUAL_H
#define LIPSWEEP_WORKER_RESIDUAL_H

#include "worker/real.h"

#include <stdbool.h>
#include <stddef.h>

/* The shortcut without parameters (He et al. 2016, option A): every `stride`-th row and column, and
 * channels of zeros, half in front of the shortcut's and half behind them. */
struct add_shape {
    size_t height, width, channels;                   /* of the sum */
    size_t other_height, other_width, other_channels; /* of what comes by the shortcut */
    size_t stride;
};

/* Whether the shortcut changes nothing. */
bool add_is_plain(const struct add_shape *shape);

/* One image: out += shortcut(other). */
void add_forward(real *out, const real *other, const struct add_shape *shape);

/* One image: out = shortcut(other). */
void add_begin(real *out, const real *other, const struct add_shape *shape);

/* One image: dother = or += the gradient that comes by the shortcut. */
void add_backward(real *dother, bool adds, const real *dout, const struct add_shape *shape);

/* One image: means over `pixels` pixels, summed in double. */
void average_forward(real *out, const real *in, size_t channels, size_t pixels);
void average_backward(real *din, bool adds, const real *dout, size_t channels, size_t pixels);

/* out = (in - mean) / sd, channel by channel */
void standardize(real *out, const real *in, const real *mean, const real *sd, size_t channels,
                 size_t pixels);

#endif
