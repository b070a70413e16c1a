#include "worker/conv_pool.h"

#include <string.h>

/* Vectors are read past the end of what they need. */
enum { SLACK = 64 / sizeof(real) };

static size_t in_size(const struct conv_pool_shape *s)
{
    return s->in_height * s->in_width * s->in_channels;
}

static size_t out_size(const struct conv_pool_shape *s)
{
    return s->out_height * s->out_width * s->out_channels;
}

static size_t weight_count(const struct conv_pool_shape *s)
{
    return s->out_channels * s->in_channels * s->kernel * s->kernel;
}

size_t conv_pool_scratch(const struct conv_pool_shape *shape)
{
    size_t height = shape->in_height + 2 * shape->padding;
    return shape->in_channels * height * 2 * conv_pool_half(shape) + shape->kernel + SLACK;
}

void conv_pool_init(struct conv_pool *layer, const struct conv_pool_shape *shape,
                    const struct kernels *kernels, size_t capacity, bool trains,
                    struct arena *arena)
{
    *layer = (struct conv_pool){.shape = *shape, .kernels = kernels};
    if (trains) {
        size_t count = weight_count(shape) + shape->out_channels;
        layer->best = arena_take(arena, capacity, out_size(shape));
        layer->part = arena_take(arena, count, sizeof(real));
        layer->sum = arena_take(arena, count, sizeof(double));
    }
}

/* Every second number, from padded column `parity` on, of one channel's rows. */
static void split_row(real *half, const real *in, size_t parity, const struct conv_pool_shape *s)
{
    size_t x = (s->padding + parity) % 2; /* the first column of the image that is one of them */
    real *to = half + (x + s->padding) / 2;
    for (size_t i = 0; x + 2 * i < s->in_width; i++) {
        to[i] = in[(x + 2 * i) * s->in_channels];
    }
}

/* The padded image as [channel][parity of the column][row][half a row], so that the pixels at the
 * same place in neighbouring windows are neighbours. The frame is zero already. */
static void split(real *halves, const real *in, const struct conv_pool_shape *s)
{
    size_t half = conv_pool_half(s), height = s->in_height + 2 * s->padding;
    for (size_t c = 0; c < s->in_channels; c++) {
        for (size_t parity = 0; parity < 2; parity++) {
            real *plane = halves + (2 * c + parity) * height * half;
            for (size_t y = 0; y < s->in_height; y++) {
                split_row(plane + (y + s->padding) * half,
                          in + y * s->in_width * s->in_channels + c, parity, s);
            }
        }
    }
}

/* The padded image as [channel][row][column]. The frame is zero already. */
static void pad(real *padded, const real *in, const struct conv_pool_shape *s)
{
    size_t width = 2 * conv_pool_half(s), height = s->in_height + 2 * s->padding;
    for (size_t c = 0; c < s->in_channels; c++) {
        for (size_t y = 0; y < s->in_height; y++) {
            real *row = padded + (c * height + y + s->padding) * width + s->padding;
            for (size_t x = 0; x < s->in_width; x++) {
                row[x] = in[(y * s->in_width + x) * s->in_channels + c];
            }
        }
    }
}

static void zero_scratch(const struct conv_pool *layer)
{
    memset(layer->scratch, 0, conv_pool_scratch(&layer->shape) * sizeof *layer->scratch);
}

void conv_pool_forward(const struct conv_pool *layer, real *out, const real *in, const real *weight,
                       const real *bias, size_t first, size_t images)
{
    const struct conv_pool_shape *s = &layer->shape;
    zero_scratch(layer);
    for (size_t i = 0; i < images; i++) {
        uint8_t *best = layer->best ? layer->best + (first + i) * out_size(s) : NULL;
        split(layer->scratch, in + i * in_size(s), s);
        layer->kernels->conv_pool_forward(out + i * out_size(s), best, layer->scratch, weight, bias,
                                          s);
    }
}

void conv_pool_begin_backward(const struct conv_pool *layer)
{
    const struct conv_pool_shape *s = &layer->shape;
    memset(layer->sum, 0, (weight_count(s) + s->out_channels) * sizeof *layer->sum);
}

/* Sums of one call in `real`, of all calls in double: the call's images are few. */
void conv_pool_backward(const struct conv_pool *layer, real *dout, const real *out, const real *in,
                        size_t first, size_t images)
{
    const struct conv_pool_shape *s = &layer->shape;
    size_t count = weight_count(s) + s->out_channels;
    layer->kernels->relu_backward(dout, out, images * out_size(s));
    memset(layer->part, 0, count * sizeof *layer->part);
    zero_scratch(layer);
    for (size_t i = 0; i < images; i++) {
        pad(layer->scratch, in + i * in_size(s), s);
        layer->kernels->conv_pool_gradient(
            layer->part, layer->part + weight_count(s), dout + i * out_size(s),
            layer->best + (first + i) * out_size(s), layer->scratch, s);
    }
    for (size_t i = 0; i < count; i++) {
        layer->sum[i] += (double)layer->part[i];
    }
}

void conv_pool_end_backward(const struct conv_pool *layer, real *dweight, real *dbias)
{
    const struct conv_pool_shape *s = &layer->shape;
    const double *sum = layer->sum;
    for (size_t i = 0; i < weight_count(s); i++) {
        dweight[i] += (real)*sum++;
    }
    for (size_t i = 0; i < s->out_channels; i++) {
        dbias[i] += (real)*sum++;
    }
}
