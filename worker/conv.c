#include "worker/conv.h"
#include "worker/gemm.h"

#include <string.h>

static size_t tap_count(const struct conv_shape *s)
{
    return s->kernel * s->kernel * s->in_channels;
}

static size_t padded_size(const struct conv_shape *s)
{
    return (s->in_height + 2 * s->padding) * (s->in_width + 2 * s->padding) * s->in_channels;
}

static size_t pixel_count(const struct conv_shape *s)
{
    return s->out_height * s->out_width;
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

/* Direct: packed weights, then one padded image; the product's columns are there too, for din.
 * Product: the columns of one image, [pixel][channel][kernel row][kernel column]. */
size_t conv_scratch(const struct conv_shape *shape, enum conv_method method)
{
    size_t columns = pixel_count(shape) * tap_count(shape);
    size_t direct = whole_lines(tap_count(shape) * shape->out_channels) + padded_size(shape);
    return method == CONV_DIRECT && direct > columns ? direct : columns;
}

/* [out][in][ky][kx] to [ky][kx][in][out] */
static void pack(real *packed, const real *weight, const struct conv_shape *s)
{
    size_t area = s->kernel * s->kernel;
    for (size_t o = 0; o < s->out_channels; o++) {
        for (size_t c = 0; c < s->in_channels; c++) {
            for (size_t k = 0; k < area; k++) {
                packed[(k * s->in_channels + c) * s->out_channels + o] =
                    weight[(o * s->in_channels + c) * area + k];
            }
        }
    }
}

static void unpack_add(real *weight, const real *packed, const struct conv_shape *s)
{
    size_t area = s->kernel * s->kernel;
    for (size_t o = 0; o < s->out_channels; o++) {
        for (size_t c = 0; c < s->in_channels; c++) {
            for (size_t k = 0; k < area; k++) {
                weight[(o * s->in_channels + c) * area + k] +=
                    packed[(k * s->in_channels + c) * s->out_channels + o];
            }
        }
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

static void columns_from_image(real *columns, const real *in, const struct conv_shape *s)
{
    for (size_t p = 0; p < pixel_count(s); p++) {
        for (size_t c = 0; c < s->in_channels; c++) {
            for (size_t k = 0; k < s->kernel * s->kernel; k++) {
                /* unsigned wrap puts what lies before the image far behind it */
                size_t y = p / s->out_width + k / s->kernel - s->padding;
                size_t x = p % s->out_width + k % s->kernel - s->padding;
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
            for (size_t k = 0; k < s->kernel * s->kernel; k++, columns++) {
                size_t y = p / s->out_width + k / s->kernel - s->padding;
                size_t x = p % s->out_width + k % s->kernel - s->padding;
                if (y < s->in_height && x < s->in_width) {
                    din[(y * s->in_width + x) * s->in_channels + c] += *columns;
                }
            }
        }
    }
}

static void product_forward(const struct conv *conv, real *out, const real *in, const real *weight,
                            const real *bias)
{
    const struct conv_shape *s = &conv->shape;
    for (size_t p = 0; p < pixel_count(s); p++) {
        memcpy(out + p * s->out_channels, bias, s->out_channels * sizeof *out);
    }
    columns_from_image(conv->scratch, in, s);
    gemm(out, conv->scratch, weight,
         (struct gemm_shape){pixel_count(s), s->out_channels, tap_count(s), GEMM_PLAIN,
                             GEMM_TRANSPOSED},
         1);
}

static void product_gradient(const struct conv *conv, real *dweight, real *dbias, const real *dout,
                             const real *in)
{
    const struct conv_shape *s = &conv->shape;
    for (size_t p = 0; p < pixel_count(s); p++) {
        for (size_t o = 0; o < s->out_channels; o++) {
            dbias[o] += dout[p * s->out_channels + o];
        }
    }
    columns_from_image(conv->scratch, in, s);
    gemm(dweight, dout, conv->scratch,
         (struct gemm_shape){s->out_channels, tap_count(s), pixel_count(s), GEMM_TRANSPOSED,
                             GEMM_PLAIN},
         1);
}

static void input_gradient(const struct conv *conv, real *din, const real *dout, const real *weight)
{
    const struct conv_shape *s = &conv->shape;
    gemm(conv->scratch, dout, weight,
         (struct gemm_shape){pixel_count(s), tap_count(s), s->out_channels, GEMM_PLAIN, GEMM_PLAIN},
         0);
    memset(din, 0, s->in_height * s->in_width * s->in_channels * sizeof *din);
    add_columns_to_image(din, conv->scratch, s);
}

static size_t in_size(const struct conv_shape *s)
{
    return s->in_height * s->in_width * s->in_channels;
}

static size_t out_size(const struct conv_shape *s)
{
    return pixel_count(s) * s->out_channels;
}

void conv_forward(const struct conv *conv, real *out, const real *in, const real *weight,
                  const real *bias, size_t images)
{
    const struct conv_shape *s = &conv->shape;
    real *packed = conv->scratch;
    real *padded = packed + whole_lines(tap_count(s) * s->out_channels);
    if (conv->method == CONV_DIRECT) {
        pack(packed, weight, s);
        memset(padded, 0, padded_size(s) * sizeof *padded);
    }
    for (size_t i = 0; i < images; i++, in += in_size(s), out += out_size(s)) {
        if (conv->method == CONV_DIRECT) {
            pad(padded, in, s);
            conv->kernels->conv_forward(out, padded, packed, bias, s);
        } else {
            product_forward(conv, out, in, weight, bias);
        }
    }
}

static void direct_gradient(const struct conv *conv, real *dweight, real *dbias, const real *dout,
                            const real *in, size_t images)
{
    const struct conv_shape *s = &conv->shape;
    real *packed = conv->scratch;
    real *padded = packed + whole_lines(tap_count(s) * s->out_channels);
    memset(packed, 0, tap_count(s) * s->out_channels * sizeof *packed);
    memset(padded, 0, padded_size(s) * sizeof *padded);
    for (size_t i = 0; i < images; i++) {
        pad(padded, in + i * in_size(s), s);
        conv->kernels->conv_gradient(packed, dbias, dout + i * out_size(s), padded, s);
    }
    unpack_add(dweight, packed, s);
}

void conv_backward(const struct conv *conv, real *din, real *dweight, real *dbias, const real *dout,
                   const real *in, const real *weight, size_t images)
{
    const struct conv_shape *s = &conv->shape;
    if (conv->method == CONV_DIRECT) {
        direct_gradient(conv, dweight, dbias, dout, in, images);
    }
    for (size_t i = 0; i < images; i++) {
        if (conv->method == CONV_PRODUCT) {
            product_gradient(conv, dweight, dbias, dout + i * out_size(s), in + i * in_size(s));
        }
        if (din) {
            input_gradient(conv, din + i * in_size(s), dout + i * out_size(s), weight);
        }
    }
}
