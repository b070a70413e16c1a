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

size_t conv_pool_sums(const struct conv_pool_shape *shape)
{
    return weight_count(shape) + shape->out_channels;
}

/* An image, halved or padded; then the gradients of one call, or a second image. */
static size_t image_scratch(const struct conv_pool_shape *shape)
{
    size_t height = shape->in_height + 2 * shape->padding;
    return shape->in_channels * height * 2 * conv_pool_half(shape) + shape->kernel + SLACK;
}

size_t conv_pool_scratch(const struct conv_pool_shape *shape)
{
    size_t image = image_scratch(shape), sums = conv_pool_sums(shape);
    return image + (sums > image ? sums : image);
}

void conv_pool_init(struct conv_pool *layer, const struct conv_pool_shape *shape,
                    const struct kernels *kernels, size_t capacity, bool trains,
                    struct arena *arena)
{
    *layer = (struct conv_pool){.shape = *shape, .kernels = kernels};
    if (trains) {
        layer->best = arena_take(arena, capacity, out_size(shape));
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

void conv_pool_forward(const struct conv_pool *layer, real *scratch, real *out, const real *in,
                       const real *weight, const real *bias, struct conv_pool_part part)
{
    const struct conv_pool_shape *s = &layer->shape;
    memset(scratch, 0, image_scratch(s) * sizeof *scratch);
    for (size_t i = 0; i < part.images; i++) {
        uint8_t *best = layer->best ? layer->best + (part.first + i) * out_size(s) : NULL;
        split(scratch, in + i * in_size(s), s);
        layer->kernels->conv_pool_forward(out + i * out_size(s), best, scratch, weight, bias, s);
    }
}

void conv_pool_forward_levels(const struct conv_pool *layer, real *scratch, real *out,
                              struct noise_levels levels, const real *clean, const real *noise,
                              const real *weight, const real *bias, size_t images)
{
    const struct conv_pool_shape *s = &layer->shape;
    real *noise_halves = scratch + image_scratch(s);
    memset(scratch, 0, 2 * image_scratch(s) * sizeof *scratch);
    for (size_t i = 0; i < images; i++) {
        split(scratch, clean + i * in_size(s), s);
        split(noise_halves, noise + i * in_size(s), s);
        layer->kernels->conv_pool_levels(out + i * out_size(s), levels, scratch, noise_halves,
                                         weight, bias, s);
    }
}

/* Sums of one call in `real`, of all calls in double: the call's images are few. */
void conv_pool_backward(const struct conv_pool *layer, real *scratch, double *sums, real *dout,
                        const real *out, const real *in, struct conv_pool_part part)
{
    const struct conv_pool_shape *s = &layer->shape;
    real *dweight = scratch + image_scratch(s), *dbias = dweight + weight_count(s);
    memset(scratch, 0, (image_scratch(s) + conv_pool_sums(s)) * sizeof *scratch);
    layer->kernels->relu_backward(dout, out, part.images * out_size(s));
    for (size_t i = 0; i < part.images; i++) {
        pad(scratch, in + i * in_size(s), s);
        layer->kernels->conv_pool_gradient(dweight, dbias, dout + i * out_size(s),
                                           layer->best + (part.first + i) * out_size(s), scratch,
                                           s);
    }
    for (size_t i = 0; i < conv_pool_sums(s); i++) {
        sums[i] += (double)dweight[i];
    }
}

void conv_pool_end_backward(const struct conv_pool *layer, const double *sums, real *dweight,
                            real *dbias)
{
    const struct conv_pool_shape *s = &layer->shape;
    for (size_t i = 0; i < weight_count(s); i++) {
        dweight[i] += (real)*sums++;
    }
    for (size_t i = 0; i < s->out_channels; i++) {
        dbias[i] += (real)*sums++;
    }
}
