/* Winograd's convolution, strip by strip (see winograd.h): part of kernels_level.c.
 *
 * The input's gradient is a convolution too, of the outputs' gradient with the turned weights. The
 * gradient of these turned weights follows from the same transform of the outputs' gradient, and
 * from the input in tiles of 4 x 4 as polynomials: so one pass over both gives both gradients. */

#include "worker/kernels_winograd_tile.h"

#include "worker/kernels_winograd_product.h"

#include "worker/kernels_winograd_weights.h"

#include "worker/kernels_winograd_feed.h"

/* `side` rows and columns from (y, x) on, which may lie outside. */
static void window_init(struct window *w, const struct picture *p, size_t image, ptrdiff_t y,
                        ptrdiff_t x, int side, const real *zeros)
{
    size_t row_step = p->width * p->channels;
    const real *numbers = p->numbers + image_start(p, image);
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
                         const struct norm_relu *norm, const struct picture *norm_out)
{
    tile_output *output = output_of(tail->added, tail->activates);
    for (size_t t = 0; t < strip->count; t++) {
        size_t y = strip->tile[t].y, x = strip->tile[t].x;
        size_t first = ((strip->tile[t].image * p->height + y) * p->width + x) * p->channels;
        size_t out_first = norm->out ? image_start(norm_out, strip->tile[t].image) +
                                           (y * p->width + x) * p->channels
                                     : 0;
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
                (is_whole(&target) ? relu_whole_tile : relu_any_tile)(
                    norm->sum + c, norm->product + c, &target, norm->out + out_first + c,
                    norm->in + first + c);
            }
            target.corner += LANES;
            target.added = target.added ? target.added + LANES : NULL;
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
    struct picture from = {in, s->in_height, s->in_width, s->in_channels, 0};
    const struct picture to = {NULL, s->out_height, s->out_width, s->out_channels, 0};
    const struct winograd_parts parts = winograd_parts(scratch, s);
    const size_t step = parts.point_step, tiles = tile_count(&to, images);
    from.ring = tail->first.is_brief ? images_touched(&to) : 0;
    struct feed feed = feed_of_inputs(&from, &tail->first, WINOGRAD_IN - s->padding);
    for (size_t first = 0; first < tiles; first += STRIP) {
        struct strip strip;
        strip_init(&strip, first, tiles, &to);
        feed_strip(&feed, &to, first, tiles);
        transform_strip(parts.in, step, &strip, &from, WINOGRAD_IN, s->padding, parts.zeros);
        struct fetch fetch = fetch_nothing(parts.out);
        fetch_feed(&fetch, 0, &feed, feed.from[0]);
        fetch_feed(&fetch, 1, &feed, feed.from[1]);
        fetch_feed(&fetch, 2, &feed, feed.kept);
        fetch_strip(&fetch, 3, out, &to, &strip);
        fetch_divide(&fetch, WINOGRAD_POINTS * multiply_parts(s->out_channels, strip.count));
        for (size_t i = 0; i < WINOGRAD_POINTS; i++) {
            multiply_point(parts.out + i * step, parts.in + i * step,
                           weights + i * s->in_channels * s->out_channels, s->in_channels,
                           s->out_channels, strip.count, &fetch);
        }
        output_strip(out, &to, parts.out, step, &strip, tail, &(struct norm_relu){0}, NULL);
    }
}

static void winograd_backward(const struct conv_gradients *gradients, const real *dout,
                              const real *in, const real *turned, size_t images, real *scratch,
                              const struct conv_shape *s)
{
    real *din = gradients->din;
    struct picture from = {dout, s->out_height, s->out_width, s->out_channels, 0};
    struct picture image = {in, s->in_height, s->in_width, s->in_channels, 0};
    const struct picture to = {NULL, s->in_height, s->in_width, s->in_channels, 0};
    const struct conv_tail tail = {.added = gradients->adds ? din : NULL};
    const struct winograd_parts parts = winograd_parts(scratch, s);
    const size_t step = parts.point_step, tiles = tile_count(&to, images);
    const size_t size = s->in_channels * s->out_channels;
    image.ring = gradients->first.is_brief ? images_touched(&to) : 0;
    from.ring = gradients->back_first.is_brief ? images_touched(&to) : 0;
    struct feed feed = feed_of_inputs(&image, &gradients->first, WINOGRAD_OUT);
    struct feed back = feed_of_gradient(&from, &gradients->back_first,
                                        WINOGRAD_IN - (WINOGRAD_KERNEL - 1 - s->padding));
    /* What the sums of the way back through the inputs' ReLU read. */
    const real *norm_in =
        din && gradients->norm.out && !gradients->first.in ? gradients->norm.in : NULL;
    for (size_t first = 0; first < tiles; first += STRIP) {
        struct strip strip;
        strip_init(&strip, first, tiles, &to);
        feed_strip(&back, &to, first, tiles);
        feed_strip(&feed, &to, first, tiles);
        transform_strip(parts.in, step, &strip, &from, WINOGRAD_IN,
                        WINOGRAD_KERNEL - 1 - s->padding, parts.zeros);
        transform_strip(parts.polynomial, step, &strip, &image, WINOGRAD_OUT, 0, parts.zeros);
        struct fetch fetch = fetch_nothing(parts.out), fetch_back = fetch;
        fetch_feed(&fetch, 0, &feed, feed.from[0]);
        fetch_feed(&fetch, 1, &back, back.from[2]);
        fetch_strip(&fetch, 1, norm_in, &to, &strip);
        fetch_divide(&fetch, WINOGRAD_POINTS *
                                 correlate_parts(s->in_channels, s->out_channels, strip.count));
        fetch_feed(&fetch_back, 0, &back, back.from[0]);
        fetch_feed(&fetch_back, 1, &back, back.from[1]);
        fetch_strip(&fetch_back, 3, din, &to, &strip);
        fetch_divide(&fetch_back, WINOGRAD_POINTS * multiply_parts(s->in_channels, strip.count));
        for (size_t i = 0; i < WINOGRAD_POINTS; i++) {
            correlate_point(parts.dweight + i * size, parts.in + i * step,
                            parts.polynomial + i * step, s->in_channels, s->out_channels,
                            strip.count, first > 0, &fetch);
            if (din) {
                multiply_point(parts.out + i * step, parts.in + i * step, turned + i * size,
                               s->out_channels, s->in_channels, strip.count, &fetch_back);
            }
        }
        if (din) {
            output_strip(din, &to, parts.out, step, &strip, &tail, &gradients->norm, &image);
        }
    }
    winograd_end_dweight(gradients, parts.dweight, s);
}
