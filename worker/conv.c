#include "worker/conv.h"
#include "worker/conv_image.h"
#include "worker/conv_turned.h"
#include "worker/winograd.h"

#include <string.h>

static size_t area(const struct conv_shape *s)
{
    return s->kernel * s->kernel;
}

static size_t tap_count(const struct conv_shape *s)
{
    return area(s) * s->in_channels;
}

static size_t weight_count(const struct conv_shape *s)
{
    return tap_count(s) * s->out_channels;
}

static size_t pixel_count(const struct conv_shape *s)
{
    return s->out_height * s->out_width;
}

static size_t out_size(const struct conv_shape *s)
{
    return pixel_count(s) * s->out_channels;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Where tiles cover little but the image: below, they are not worth their transforms. */
static bool fills_tiles(const struct conv_shape *s)
{
    size_t rows = (s->out_height + WINOGRAD_OUT - 1) / WINOGRAD_OUT;
    size_t columns = (s->out_width + WINOGRAD_OUT - 1) / WINOGRAD_OUT;
    return 2 * pixel_count(s) >= rows * columns * WINOGRAD_OUT * WINOGRAD_OUT;
}

enum conv_method conv_method(const struct conv_shape *shape, bool is_exact)
{
    if (winograd_takes(shape) && fills_tiles(shape) && !is_exact) {
        return CONV_WINOGRAD;
    }
    return shape->out_channels % CONV_BLOCK == 0 ? CONV_DIRECT : CONV_PRODUCT;
}

bool conv_turns(const struct conv_shape *s, enum conv_method method)
{
    return method == CONV_DIRECT && s->in_channels % CONV_BLOCK == 0 && s->padding < s->kernel;
}

size_t conv_scratch(const struct conv_shape *shape, enum conv_method method)
{
    if (method == CONV_WINOGRAD) {
        return larger(winograd_forward_scratch(shape), winograd_backward_scratch(shape));
    }
    return conv_image_scratch(shape, method);
}

/* The weights in the order of weight_sum; then the bias. */
size_t conv_sums(const struct conv_shape *shape, enum conv_method method)
{
    (void)method;
    return weight_count(shape) + shape->out_channels;
}

void conv_init(struct conv *conv, const struct conv_shape *shape, enum conv_method method,
               bool has_bias, const struct kernels *kernels, bool trains, struct arena *arena)
{
    bool is_winograd = method == CONV_WINOGRAD;
    size_t count = is_winograd ? winograd_weights_size(shape) : weight_count(shape);
    *conv =
        (struct conv){.shape = *shape, .method = method, .kernels = kernels, .has_bias = has_bias};
    if (method == CONV_DIRECT || is_winograd) {
        conv->packed = arena_take(arena, count, sizeof(real));
    }
    if (trains && (conv_turns(shape, method) || is_winograd)) {
        conv->turned = arena_take(arena, count, sizeof(real));
    }
}

/* [out][in][ky][kx] to [ky][kx][in][out] */
static void pack(real *packed, const real *weight, const struct conv_shape *s)
{
    for (size_t o = 0; o < s->out_channels; o++) {
        for (size_t c = 0; c < s->in_channels; c++) {
            for (size_t k = 0; k < area(s); k++) {
                packed[(k * s->in_channels + c) * s->out_channels + o] =
                    weight[(o * s->in_channels + c) * area(s) + k];
            }
        }
    }
}

/* Every stride-th row and column of the kernel, turned: [ky][kx][out][in]. Returns their end. */
static real *turn_class(real *turned, const real *weight, struct conv_class rows,
                        struct conv_class columns, const struct conv_shape *s)
{
    for (size_t i = 0; i < rows.count * columns.count; i++) {
        size_t y = rows.first + i / columns.count * s->stride;
        size_t x = columns.first + i % columns.count * s->stride;
        size_t k = (s->kernel - 1 - y) * s->kernel + s->kernel - 1 - x;
        for (size_t o = 0; o < s->out_channels; o++) {
            for (size_t c = 0; c < s->in_channels; c++) {
                *turned++ = weight[(o * s->in_channels + c) * area(s) + k];
            }
        }
    }
    return turned;
}

static void turn(real *turned, const real *weight, const struct conv_shape *s)
{
    for (size_t y = 0; y < s->stride; y++) {
        for (size_t x = 0; x < s->stride; x++) {
            turned = turn_class(turned, weight, conv_class(s, y), conv_class(s, x), s);
        }
    }
}

void conv_begin_forward(const struct conv *conv, const real *weight)
{
    if (conv->method == CONV_WINOGRAD) {
        conv->kernels->winograd_weights(conv->packed, weight, false, &conv->shape);
    } else if (conv->packed) {
        pack(conv->packed, weight, &conv->shape);
    }
}

void conv_begin_backward(const struct conv *conv, const real *weight)
{
    if (conv->method == CONV_WINOGRAD) {
        conv->kernels->winograd_weights(conv->turned, weight, true, &conv->shape);
    } else if (conv->turned) {
        turn(conv->turned, weight, &conv->shape);
    }
}

/* Where the sum of weight [out][in][ky][kx] stands: [ky][kx][in][out] as the direct kernel has it,
 * [ky][kx][out][in] as Winograd's does, and as it is for a matrix product. */
static size_t weight_sum(const struct conv *conv, size_t out, size_t in, size_t k)
{
    const struct conv_shape *s = &conv->shape;
    switch (conv->method) {
    case CONV_DIRECT:
        return (k * s->in_channels + in) * s->out_channels + out;
    case CONV_WINOGRAD:
        return (k * s->out_channels + out) * s->in_channels + in;
    default:
        return (out * s->in_channels + in) * area(s) + k;
    }
}

void conv_end_backward(const struct conv *conv, const double *sums, real *dweight, real *dbias)
{
    const struct conv_shape *s = &conv->shape;
    for (size_t o = 0; o < s->out_channels; o++) {
        for (size_t c = 0; c < s->in_channels; c++) {
            for (size_t k = 0; k < area(s); k++) {
                *dweight++ += (real)sums[weight_sum(conv, o, c, k)];
            }
        }
    }
    for (size_t o = 0; o < s->out_channels && conv->has_bias; o++) {
        dbias[o] += (real)sums[weight_count(s) + o];
    }
}

void conv_forward(const struct conv *conv, real *scratch, real *out, const real *in,
                  const real *weight, const struct conv_tail *tail, size_t images)
{
    if (conv->method == CONV_WINOGRAD) {
        conv->kernels->winograd_forward(out, in, conv->packed, tail, images, scratch, &conv->shape);
    } else {
        conv_image_forward(conv, scratch, out, in, weight, tail, images);
    }
}

static void winograd_backward(const struct conv *conv, real *scratch,
                              const struct conv_gradients *to, const real *dout, const real *in,
                              size_t images)
{
    const struct conv_shape *s = &conv->shape;
    struct conv_gradients own = *to;
    own.back_first.is_brief &= !conv->has_bias; /* whose gradient is summed below */
    conv->kernels->winograd_backward(&own, dout, in, conv->turned, images, scratch, s);
    double *dbias = to->sums + weight_count(s);
    if (!to->adds_sums) {
        memset(dbias, 0, s->out_channels * sizeof *dbias);
    }
    for (size_t i = 0; i < images * out_size(s) && conv->has_bias; i++) {
        dbias[i % s->out_channels] += (double)dout[i];
    }
}

void conv_backward(const struct conv *conv, real *scratch, const struct conv_gradients *to,
                   const real *dout, const real *in, const real *weight, size_t images)
{
    if (conv->method == CONV_WINOGRAD) {
        winograd_backward(conv, scratch, to, dout, in, images);
    } else {
        conv_image_backward(conv, scratch, to, dout, in, weight, images);
    }
}
