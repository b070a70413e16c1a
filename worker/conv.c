#include "worker/conv.h"
#include "worker/gemm.h"

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

enum conv_method conv_method(const struct conv_shape *shape)
{
    return shape->out_channels % CONV_BLOCK == 0 ? CONV_DIRECT : CONV_PRODUCT;
}

/* The input gradient is a convolution of stride 1 too: of the outputs' gradients, set `stride`
 * apart in a frame of zeros, with the weights turned by half a turn. */
static struct conv_shape turned_shape(const struct conv_shape *s)
{
    return (struct conv_shape){.in_height = s->in_height + s->kernel - 1,
                               .in_width = s->in_width + s->kernel - 1,
                               .in_channels = s->out_channels,
                               .out_height = s->in_height,
                               .out_width = s->in_width,
                               .out_channels = s->in_channels,
                               .kernel = s->kernel,
                               .stride = 1};
}

static bool is_turnable(const struct conv_shape *s, enum conv_method method)
{
    return method == CONV_DIRECT && s->in_channels % CONV_BLOCK == 0 && s->padding < s->kernel;
}

/* The gradients of weights and bias of one call; then one padded image or frame, or the product's
 * columns of one image, [pixel][channel][kernel row][kernel column]. */
size_t conv_scratch(const struct conv_shape *shape, enum conv_method method)
{
    struct conv_shape turned = turned_shape(shape);
    size_t columns = pixel_count(shape) * tap_count(shape), image = columns;
    if (method == CONV_DIRECT) {
        image =
            larger(padded_size(shape), is_turnable(shape, method) ? padded_size(&turned) : columns);
    }
    return whole_lines(conv_sums(shape, method)) + image;
}

/* The weights in the order of `packed`, or as they are for a matrix product; then the bias. */
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
    size_t count = weight_count(shape);
    *conv =
        (struct conv){.shape = *shape, .method = method, .kernels = kernels, .has_bias = has_bias};
    if (method == CONV_DIRECT) {
        conv->packed = arena_take(arena, count, sizeof(real));
    }
    if (trains && is_turnable(shape, method)) {
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

/* [out][in][ky][kx] to [ky][kx][out][in], kernel rows and columns last to first */
static void turn(real *turned, const real *weight, const struct conv_shape *s)
{
    for (size_t o = 0; o < s->out_channels; o++) {
        for (size_t c = 0; c < s->in_channels; c++) {
            for (size_t k = 0; k < area(s); k++) {
                turned[((area(s) - 1 - k) * s->out_channels + o) * s->in_channels + c] =
                    weight[(o * s->in_channels + c) * area(s) + k];
            }
        }
    }
}

void conv_begin_forward(const struct conv *conv, const real *weight)
{
    if (conv->packed) {
        pack(conv->packed, weight, &conv->shape);
    }
}

void conv_begin_backward(const struct conv *conv, const real *weight)
{
    if (conv->turned) {
        turn(conv->turned, weight, &conv->shape);
    }
}

void conv_end_backward(const struct conv *conv, const double *sums, real *dweight, real *dbias)
{
    const struct conv_shape *s = &conv->shape;
    for (size_t o = 0; o < s->out_channels; o++) {
        for (size_t t = 0; t < tap_count(s); t++) {
            size_t plain = o * tap_count(s) + t, c = t / area(s), k = t % area(s);
            size_t packed = (k * s->in_channels + c) * s->out_channels + o;
            dweight[plain] += (real)sums[conv->method == CONV_DIRECT ? packed : plain];
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

/* The same for the outputs' gradients, `stride` apart. */
static void spread(real *frame, const real *dout, const struct conv_shape *s)
{
    size_t width = s->in_width + s->kernel - 1, margin = s->kernel - 1 - s->padding;
    for (size_t y = 0; y < s->out_height; y++) {
        for (size_t x = 0; x < s->out_width; x++, dout += s->out_channels) {
            size_t at = (y * s->stride + margin) * width + x * s->stride + margin;
            memcpy(frame + at * s->out_channels, dout, s->out_channels * sizeof *dout);
        }
    }
}

static void columns_from_image(real *columns, const real *in, const struct conv_shape *s)
{
    for (size_t p = 0; p < pixel_count(s); p++) {
        for (size_t c = 0; c < s->in_channels; c++) {
            for (size_t k = 0; k < area(s); k++) {
                /* unsigned wrap puts what lies before the image far behind it */
                size_t y = p / s->out_width * s->stride + k / s->kernel - s->padding;
                size_t x = p % s->out_width * s->stride + k % s->kernel - s->padding;
                bool inside = y < s->in_height && x < s->in_width;
                *columns++ = inside ? in[(y * s->in_width + x) * s->in_channels + c] : 0;
            }
        }
    }
}

static void add_columns_to_image(real *din, const real *columns, const struct conv_shape *s)
{
    for (size_t p = 0; p < pixel_count(s); p++) {
        for (size_t c = 0; c < s->in_channels; c++) {
            for (size_t k = 0; k < area(s); k++, columns++) {
                size_t y = p / s->out_width * s->stride + k / s->kernel - s->padding;
                size_t x = p % s->out_width * s->stride + k % s->kernel - s->padding;
                if (y < s->in_height && x < s->in_width) {
                    din[(y * s->in_width + x) * s->in_channels + c] += *columns;
                }
            }
        }
    }
}

static void product_forward(const struct conv *conv, real *columns, real *out, const real *in,
                            const real *weight, const real *bias)
{
    const struct conv_shape *s = &conv->shape;
    for (size_t p = 0; p < pixel_count(s) && bias; p++) {
        memcpy(out + p * s->out_channels, bias, s->out_channels * sizeof *out);
    }
    columns_from_image(columns, in, s);
    gemm(out, columns, weight,
         (struct gemm_shape){pixel_count(s), s->out_channels, tap_count(s), GEMM_PLAIN,
                             GEMM_TRANSPOSED},
         bias ? 1 : 0);
}

static void product_gradient(const struct conv *conv, real *columns, real *dweight, real *dbias,
                             const real *dout, const real *in)
{
    const struct conv_shape *s = &conv->shape;
    for (size_t p = 0; p < pixel_count(s) && dbias; p++) {
        for (size_t o = 0; o < s->out_channels; o++) {
            dbias[o] += dout[p * s->out_channels + o];
        }
    }
    columns_from_image(columns, in, s);
    gemm(dweight, dout, columns,
         (struct gemm_shape){s->out_channels, tap_count(s), pixel_count(s), GEMM_TRANSPOSED,
                             GEMM_PLAIN},
         1);
}

static void product_input_gradient(const struct conv *conv, real *columns, real *din, bool adds,
                                   const real *dout, const real *weight)
{
    const struct conv_shape *s = &conv->shape;
    gemm(columns, dout, weight,
         (struct gemm_shape){pixel_count(s), tap_count(s), s->out_channels, GEMM_PLAIN, GEMM_PLAIN},
         0);
    if (!adds) {
        memset(din, 0, in_size(s) * sizeof *din);
    }
    add_columns_to_image(din, columns, s);
}

void conv_forward(const struct conv *conv, real *scratch, real *out, const real *in,
                  const real *weight, const real *bias, size_t images)
{
    const struct conv_shape *s = &conv->shape;
    real *image = second_part(conv, scratch);
    if (conv->method == CONV_DIRECT) {
        memset(image, 0, padded_size(s) * sizeof *image);
    }
    for (size_t i = 0; i < images; i++, in += in_size(s), out += out_size(s)) {
        if (conv->method == CONV_DIRECT) {
            pad(image, in, s);
            conv->kernels->conv_forward(out, image, conv->packed, bias, false, s);
        } else {
            product_forward(conv, image, out, in, weight, bias);
        }
    }
}

/* Sums of one call in `real`, of all calls in double: the call's images are few. */
static void weight_gradient(const struct conv *conv, real *scratch, double *sums, const real *dout,
                            const real *in, size_t images)
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
            product_gradient(conv, image, part, dbias, dout, in);
        }
    }
    for (size_t i = 0; i < conv_sums(s, conv->method); i++) {
        sums[i] += (double)part[i];
    }
}

static void input_gradient(const struct conv *conv, real *scratch, real *din, bool adds,
                           const real *dout, const real *weight, size_t images)
{
    const struct conv_shape *s = &conv->shape;
    const struct conv_shape turned = turned_shape(s);
    real *image = second_part(conv, scratch);
    if (conv->turned) {
        memset(image, 0, padded_size(&turned) * sizeof *image);
    }
    for (size_t i = 0; i < images; i++, din += in_size(s), dout += out_size(s)) {
        if (conv->turned) {
            spread(image, dout, s);
            conv->kernels->conv_forward(din, image, conv->turned, NULL, adds, &turned);
        } else {
            product_input_gradient(conv, image, din, adds, dout, weight);
        }
    }
}

void conv_backward(const struct conv *conv, real *scratch, double *sums, real *din, bool adds,
                   const real *dout, const real *in, const real *weight, size_t images)
{
    weight_gradient(conv, scratch, sums, dout, in, images);
    if (din) {
        input_gradient(conv, scratch, din, adds, dout, weight, images);
    }
}
