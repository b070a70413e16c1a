#include "worker/conv.h"
#include "worker/conv_product.h"
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

static size_t padded_size(const struct conv_shape *s)
{
    return (s->in_height + 2 * s->padding) * (s->in_width + 2 * s->padding) * s->in_channels;
}

static size_t pixel_count(const struct conv_shape *s)
{
    return s->out_height * s->out_width;
}

static size_t in_size(const struct conv_shape *s)
{
    return s->in_height * s->in_width * s->in_channels;
}

static size_t out_size(const struct conv_shape *s)
{
    return pixel_count(s) * s->out_channels;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Scratch begins on a cache line and so does its second part. */
static size_t whole_lines(size_t count)
{
    return (count + 15) / 16 * 16;
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

static bool is_turnable(const struct conv_shape *s, enum conv_method method)
{
    return method == CONV_DIRECT && s->in_channels % CONV_BLOCK == 0 && s->padding < s->kernel;
}

/* The gradients of weights and bias of one call; then one padded image or frame, or the product's
 * columns. */
size_t conv_scratch(const struct conv_shape *shape, enum conv_method method)
{
    if (method == CONV_WINOGRAD) {
        return larger(winograd_forward_scratch(shape), winograd_backward_scratch(shape));
    }
    size_t columns = conv_product_columns(shape), image = columns;
    if (method == CONV_DIRECT) {
        image = larger(padded_size(shape),
                       is_turnable(shape, method) ? conv_frame_size(shape) : columns);
    }
    return whole_lines(conv_sums(shape, method)) + image;
}

/* The weights in the order of weight_sum; then the bias. */
size_t conv_sums(const struct conv_shape *shape, enum conv_method method)
{
    (void)method;
    return weight_count(shape) + shape->out_channels;
}

static real *second_part(const struct conv *conv, real *scratch)
{
    return scratch + whole_lines(conv_sums(&conv->shape, conv->method));
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
    if (trains && (is_turnable(shape, method) || is_winograd)) {
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

/* Into the inside of a frame that the caller zeroed. */
static void pad(real *padded, const real *in, const struct conv_shape *s)
{
    size_t in_row = s->in_width * s->in_channels;
    size_t row = (s->in_width + 2 * s->padding) * s->in_channels;
    for (size_t y = 0; y < s->in_height; y++) {
        memcpy(padded + (y + s->padding) * row + s->padding * s->in_channels, in + y * in_row,
               in_row * sizeof *in);
    }
}

/* The same for the outputs' gradient. */
static void put_into_frame(real *frame, const real *dout, const struct conv_shape *s)
{
    size_t ring = conv_frame_ring(s), row = conv_frame_side(s, s->in_width) * s->out_channels;
    size_t out_row = s->out_width * s->out_channels;
    for (size_t y = 0; y < s->out_height; y++) {
        memcpy(frame + (y + ring) * row + ring * s->out_channels, dout + y * out_row,
               out_row * sizeof *dout);
    }
}

/* What the direct kernel and the product leave to do for one image. */
static void finish(const struct conv *conv, real *out, const struct conv_tail *tail, size_t image)
{
    size_t count = out_size(&conv->shape), channels = conv->shape.out_channels;
    const real *added = tail->added ? tail->added + image * count : NULL;
    for (size_t i = 0; i < count && added; i++) {
        out[i] += added[i];
    }
    if (tail->activates) {
        conv->kernels->relu_forward(out, count);
    }
    if (tail->sum) {
        conv->kernels->norm_sums(tail->sum, tail->product, out, out, channels, count / channels);
    }
}

static void norm_inputs(const struct conv *conv, const struct norm_first *first, size_t images)
{
    const struct conv_shape *s = &conv->shape;
    if (first->in) {
        conv->kernels->norm_forward(first->out, first->in, &first->line, s->in_channels,
                                    images * s->in_height * s->in_width);
    }
}

static void norm_gradient(const struct conv *conv, const struct norm_back_first *first,
                          size_t images)
{
    if (first->in) {
        conv->kernels->norm_backward(first->din, first->dout, first->in, &first->slopes,
                                     first->adds, conv->shape.out_channels,
                                     images * pixel_count(&conv->shape));
    }
}

void conv_forward(const struct conv *conv, real *scratch, real *out, const real *in,
                  const real *weight, const struct conv_tail *tail, size_t images)
{
    const struct conv_shape *s = &conv->shape;
    real *image = second_part(conv, scratch);
    if (conv->method == CONV_WINOGRAD) {
        conv->kernels->winograd_forward(out, in, conv->packed, tail, images, scratch, s);
        return;
    }
    norm_inputs(conv, &tail->first, images);
    if (conv->method == CONV_DIRECT) {
        memset(image, 0, padded_size(s) * sizeof *image);
    }
    for (size_t i = 0; i < images; i++, in += in_size(s), out += out_size(s)) {
        if (conv->method == CONV_DIRECT) {
            pad(image, in, s);
            conv->kernels->conv_forward(out, image, conv->packed, tail->bias, s);
        } else {
            conv_product_forward(image, out, in, weight, tail->bias, s);
        }
        finish(conv, out, tail, i);
    }
}

/* Runs of a fixed length become vector instructions. */
static void add_part(double *restrict sums, const real *restrict part, size_t count, bool adds)
{
    enum { RUN = 32 };
    size_t i = 0;
    if (!adds) {
        memset(sums, 0, count * sizeof *sums);
    }
    for (; i + RUN <= count; i += RUN) {
        for (size_t j = 0; j < RUN; j++) {
            sums[i + j] += (double)part[i + j];
        }
    }
    for (; i < count; i++) {
        sums[i] += (double)part[i];
    }
}

/* Sums of one call in `real`, of all calls in double: the call's images are few. */
static void weight_gradient(const struct conv *conv, real *scratch, const struct conv_gradients *to,
                            const real *dout, const real *in, size_t images)
{
    const struct conv_shape *s = &conv->shape;
    real *part = scratch, *image = second_part(conv, scratch);
    real *dbias = conv->has_bias ? part + weight_count(s) : NULL;
    memset(part, 0, conv_sums(s, conv->method) * sizeof *part);
    if (conv->method == CONV_DIRECT) {
        memset(image, 0, padded_size(s) * sizeof *image);
    }
    for (size_t i = 0; i < images; i++, in += in_size(s), dout += out_size(s)) {
        if (conv->method == CONV_DIRECT) {
            pad(image, in, s);
            conv->kernels->conv_gradient(part, dbias, dout, image, s);
        } else {
            conv_product_gradient(image, part, dbias, dout, in, s);
        }
    }
    add_part(to->sums, part, conv_sums(s, conv->method), to->adds_sums);
}

static void input_gradient(const struct conv *conv, real *scratch, real *din, bool adds,
                           const real *dout, const real *weight, size_t images)
{
    const struct conv_shape *s = &conv->shape;
    real *image = second_part(conv, scratch);
    if (conv->turned) {
        memset(image, 0, conv_frame_size(s) * sizeof *image);
    }
    for (size_t i = 0; i < images; i++, din += in_size(s), dout += out_size(s)) {
        if (conv->turned) {
            put_into_frame(image, dout, s);
            conv->kernels->conv_input_gradient(din, adds, image, conv->turned, s);
        } else {
            conv_product_input_gradient(image, din, adds, dout, weight, s);
        }
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
        return;
    }
    norm_inputs(conv, &to->first, images);
    norm_gradient(conv, &to->back_first, images);
    weight_gradient(conv, scratch, to, dout, in, images);
    if (to->din) {
        input_gradient(conv, scratch, to->din, to->adds, dout, weight, images);
    }
    if (to->norm.out) {
        const struct conv_shape *s = &conv->shape;
        conv->kernels->norm_relu_sums(to->norm.sum, to->norm.product, to->din, to->norm.out,
                                      to->norm.in, s->in_channels,
                                      images * s->in_height * s->in_width);
    }
}
