/* Winograd's convolution, strip by strip (see winograd.h): part of kernels_level.c.
 *
 * The input's gradient is a convolution too, of the outputs' gradient with the turned weights. The
 * gradient of these turned weights follows from the same transform of the outputs' gradient, and
 * from the input in tiles of 4 x 4 as polynomials: so one pass over both gives both gradients. */

#include "worker/kernels_winograd_tile.h"

#include "worker/kernels_winograd_product.h"

#include "worker/kernels_winograd_weights.h"

/* A batch of images as the transforms see it. */
struct picture {
    const real *numbers; /* NULL where they are written alone */
    size_t height, width, channels;
};

struct strip {
    size_t count; /* of tiles */
    struct {
        size_t image, y, x; /* of the upper left output */
    } tile[STRIP];
};

/* The strip that begins with this tile of the batch. */
static void strip_init(struct strip *strip, size_t first, size_t tiles, const struct picture *out)
{
    size_t columns = (out->width + WINOGRAD_OUT - 1) / WINOGRAD_OUT;
    size_t rows = (out->height + WINOGRAD_OUT - 1) / WINOGRAD_OUT;
    strip->count = tiles - first < STRIP ? tiles - first : STRIP;
    for (size_t t = 0; t < strip->count; t++) {
        size_t row = (first + t) / columns;
        strip->tile[t].image = row / rows;
        strip->tile[t].y = row % rows * WINOGRAD_OUT;
        strip->tile[t].x = (first + t) % columns * WINOGRAD_OUT;
    }
}

static size_t tile_count(const struct picture *out, size_t images)
{
    return images * ((out->width + WINOGRAD_OUT - 1) / WINOGRAD_OUT) *
           ((out->height + WINOGRAD_OUT - 1) / WINOGRAD_OUT);
}

static int at_most(size_t count, int most)
{
    return count < (size_t)most ? (int)count : most;
}

/* `side` rows and columns from (y, x) on, which may lie outside. */
static void window_init(struct window *w, const struct picture *p, size_t image, ptrdiff_t y,
                        ptrdiff_t x, int side, const real *zeros)
{
    size_t row_step = p->width * p->channels;
    const real *numbers = p->numbers + image * p->height * row_step;
    for (int i = 0; i < side; i++) {
        bool inside = y + i >= 0 && (size_t)(y + i) < p->height;
        w->row[i] = inside ? numbers + (size_t)(y + i) * row_step : zeros;
    }
    w->first = x * (ptrdiff_t)p->channels;
    w->step = (ptrdiff_t)p->channels;
    w->begin = x < 0 ? (int)-x : 0;
    w->end = (ptrdiff_t)p->width > x ? at_most((size_t)((ptrdiff_t)p->width - x), side) : 0;
}

typedef void tile_transform(real *to, size_t point_step, const struct window *w);

static tile_transform *transform_of(const struct window *w, int side)
{
    if (side == WINOGRAD_OUT) {
        return w->begin == 0 && w->end == 4 ? four_inner : four_any;
    }
    return w->begin == 0 && w->end == 6   ? six_inner
           : w->begin == 1 && w->end == 6 ? six_left
           : w->begin == 0 && w->end == 5 ? six_right
                                          : six_any;
}

/* Every tile of the strip to its points, the window being `side` wide and beginning `padding`
 * before the tile. */
static void transform_strip(real *to, size_t point_step, const struct strip *strip,
                            const struct picture *p, int side, size_t padding, const real *zeros)
{
    for (size_t t = 0; t < strip->count; t++) {
        struct window w;
        window_init(&w, p, strip->tile[t].image, (ptrdiff_t)strip->tile[t].y - (ptrdiff_t)padding,
                    (ptrdiff_t)strip->tile[t].x - (ptrdiff_t)padding, side, zeros);
        tile_transform *transform = transform_of(&w, side);
        for (size_t c = 0; c < p->channels; c += LANES, w.first += LANES) {
            transform(to + c * STRIP + t * LANES, point_step, &w);
        }
    }
}

static void output_strip(real *out, const struct picture *p, const real *from, size_t point_step,
                         const struct strip *strip, const struct conv_tail *tail,
                         const struct norm_relu *norm)
{
    tile_output *output = output_of(tail->added, tail->activates);
    for (size_t t = 0; t < strip->count; t++) {
        size_t y = strip->tile[t].y, x = strip->tile[t].x;
        size_t first = ((strip->tile[t].image * p->height + y) * p->width + x) * p->channels;
        struct target target = {.corner = out + first,
                                .added = tail->added ? tail->added + first : NULL,
                                .row_step = p->width * p->channels,
                                .step = p->channels,
                                .rows = at_most(p->height - y, WINOGRAD_OUT),
                                .columns = at_most(p->width - x, WINOGRAD_OUT)};
        for (size_t c = 0; c < p->channels; c += LANES) {
            const real *points = from + c * STRIP + t * LANES;
            output(&target, points, point_step, tail->bias ? load(tail->bias + c) : (vector){0});
            if (tail->sum) {
                tile_sums(tail->sum + c, tail->product + c, &target);
            }
            if (norm->out) {
                (is_whole(&target) ? relu_whole_tile
                                   : relu_any_tile)(norm->sum + c, norm->product + c, &target,
                                                    norm->out + first + c, norm->in + first + c);
            }
            target.corner += LANES;
            target.added = target.added ? target.added + LANES : NULL;
        }
    }
}

/* Asks for the lines that a tile's outputs will be written to, or read from, while products are
 * under way; none where the strip has no such tile. Inline, because gcc takes a function that does
 * nothing but this for one that does nothing. */
INLINE void prefetch_tile(const real *out, const struct picture *p, const struct strip *strip,
                          size_t t, bool writes)
{
    enum { LINE = 64 / sizeof(real) };
    if (t >= strip->count) {
        return;
    }
    size_t y = strip->tile[t].y, x = strip->tile[t].x;
    size_t pixel = (strip->tile[t].image * p->height + y) * p->width + x;
    size_t run = (size_t)at_most(p->width - x, WINOGRAD_OUT) * p->channels;
    for (int i = 0; i < at_most(p->height - y, WINOGRAD_OUT); i++) {
        const real *row = out + (pixel + (size_t)i * p->width) * p->channels;
        for (size_t n = 0; n < run; n += LINE) {
            if (writes) {
                __builtin_prefetch(row + n, 1);
            } else {
                __builtin_prefetch(row + n);
            }
        }
    }
}

/* Where the parts of the scratch lie. The outputs of a point overwrite the inputs of the point
 * before it, which are in the nearest cache and done with. */
struct winograd_parts {
    size_t point_step;
    real *in, *out, *polynomial, *dweight, *zeros;
};

static struct winograd_parts winograd_parts(real *scratch, const struct conv_shape *s)
{
    struct winograd_parts parts = {.point_step = winograd_point_step(s), .zeros = scratch};
    parts.out = scratch + winograd_zeros_size(s);
    parts.in = parts.out + parts.point_step;
    parts.polynomial = parts.in + WINOGRAD_POINTS * parts.point_step;
    parts.dweight = parts.polynomial + WINOGRAD_POINTS * parts.point_step;
    memset(parts.zeros, 0, winograd_zeros_size(s) * sizeof *parts.zeros);
    return parts;
}

static void winograd_forward(real *out, const real *in, const real *weights,
                             const struct conv_tail *tail, size_t images, real *scratch,
                             const struct conv_shape *s)
{
    const struct picture from = {in, s->in_height, s->in_width, s->in_channels};
    const struct picture to = {NULL, s->out_height, s->out_width, s->out_channels};
    const struct winograd_parts parts = winograd_parts(scratch, s);
    const size_t step = parts.point_step, tiles = tile_count(&to, images);
    for (size_t first = 0; first < tiles; first += STRIP) {
        struct strip strip;
        strip_init(&strip, first, tiles, &to);
        transform_strip(parts.in, step, &strip, &from, WINOGRAD_IN, s->padding, parts.zeros);
        for (size_t i = 0; i < WINOGRAD_POINTS; i++) {
            prefetch_tile(out, &to, &strip, i, true);
            multiply_point(parts.out + i * step, parts.in + i * step,
                           weights + i * s->in_channels * s->out_channels, s->in_channels,
                           s->out_channels, strip.count);
        }
        output_strip(out, &to, parts.out, step, &strip, tail, &(struct norm_relu){0});
    }
}

static void winograd_backward(const struct conv_gradients *gradients, const real *dout,
                              const real *in, const real *turned, size_t images, real *scratch,
                              const struct conv_shape *s)
{
    real *din = gradients->din;
    const struct picture from = {dout, s->out_height, s->out_width, s->out_channels};
    const struct picture image = {in, s->in_height, s->in_width, s->in_channels};
    const struct picture to = {NULL, s->in_height, s->in_width, s->in_channels};
    const struct conv_tail tail = {.added = gradients->adds ? din : NULL};
    const struct winograd_parts parts = winograd_parts(scratch, s);
    const size_t step = parts.point_step, tiles = tile_count(&to, images);
    const size_t size = s->in_channels * s->out_channels;
    for (size_t first = 0; first < tiles; first += STRIP) {
        struct strip strip;
        strip_init(&strip, first, tiles, &to);
        transform_strip(parts.in, step, &strip, &from, WINOGRAD_IN,
                        WINOGRAD_KERNEL - 1 - s->padding, parts.zeros);
        transform_strip(parts.polynomial, step, &strip, &image, WINOGRAD_OUT, 0, parts.zeros);
        for (size_t i = 0; i < WINOGRAD_POINTS; i++) {
            if (din) {
                prefetch_tile(din, &to, &strip, i, true);
            }
            if (din && gradients->norm.out) {
                prefetch_tile(gradients->norm.in, &to, &strip, i, false);
            }
            correlate_point(parts.dweight + i * size, parts.in + i * step,
                            parts.polynomial + i * step, s->in_channels, s->out_channels,
                            strip.count, first > 0);
            if (din) {
                multiply_point(parts.out + i * step, parts.in + i * step, turned + i * size,
                               s->out_channels, s->in_channels, strip.count);
            }
        }
        if (din) {
            output_strip(din, &to, parts.out, step, &strip, &tail, &gradients->norm);
        }
    }
    winograd_end_dweight(gradients, parts.dweight, s);
}
