#include "worker/conv_image.h"
#include "worker/conv_product.h"
#include "worker/conv_turned.h"

#include <string.h>

/* An image's inputs stand in a frame of zeros for the direct kernels; so does its outputs'
 * gradient. The matrix product has its columns there. */
struct parts {
    real *sums, *in, *dout;
};

/* Each part begins on a cache line. */
static size_t whole_lines(size_t count)
{
    return (count + 15) / 16 * 16;
}

static size_t in_row(const struct conv_shape *s)
{
    return s->in_width * s->in_channels;
}

static size_t in_size(const struct conv_shape *s)
{
    return s->in_height * in_row(s);
}

static size_t out_row(const struct conv_shape *s)
{
    return s->out_width * s->out_channels;
}

static size_t out_size(const struct conv_shape *s)
{
    return s->out_height * out_row(s);
}

static size_t padded_row(const struct conv_shape *s)
{
    return (s->in_width + 2 * s->padding) * s->in_channels;
}

static size_t padded_size(const struct conv_shape *s)
{
    return (s->in_height + 2 * s->padding) * padded_row(s);
}

static size_t frame_or_columns(const struct conv_shape *s, enum conv_method method)
{
    return conv_turns(s, method) ? conv_frame_size(s) : conv_product_columns(s);
}

size_t conv_image_scratch(const struct conv_shape *shape, enum conv_method method)
{
    size_t padded = method == CONV_DIRECT ? padded_size(shape) : 0;
    return whole_lines(conv_sums(shape, method)) + whole_lines(padded) +
           frame_or_columns(shape, method);
}

static struct parts parts_of(const struct conv *conv, real *scratch)
{
    const struct conv_shape *s = &conv->shape;
    struct parts parts = {.sums = scratch, .in = scratch + whole_lines(conv_sums(s, conv->method))};
    parts.dout = parts.in;
    if (conv->method == CONV_DIRECT) {
        parts.dout += whole_lines(padded_size(s));
        memset(parts.in, 0, padded_size(s) * sizeof *parts.in);
    }
    return parts;
}

/* --- what is fetched --- */

/* More would not stay in the second cache until it is needed. */
enum { FETCHED_MOST = 65536 };

static void fetch(struct conv_fetch *all, const real *at, size_t count)
{
    size_t sum = count;
    int i = 0;
    for (; i < CONV_FETCHED && all->at[i]; i++) {
        sum += all->count[i];
    }
    if (at && i < CONV_FETCHED && sum <= FETCHED_MOST) {
        all->at[i] = at;
        all->count[i] = count;
    }
}

/* What an image's inputs are made of and written to. */
static void fetch_inputs(struct conv_fetch *all, const struct conv_shape *s, const real *in,
                         const struct norm_first *first, size_t image)
{
    size_t size = in_size(s), at = image * size;
    if (!first->in) {
        fetch(all, in + at, size);
        return;
    }
    fetch(all, first->in + at, size);
    fetch(all, first->line.added ? first->line.added + at : NULL, size);
    fetch(all, first->is_brief ? NULL : first->out + at, size);
}

static void fetch_gradient(struct conv_fetch *all, const struct conv_shape *s, const real *dout,
                           const struct norm_back_first *first, size_t image)
{
    size_t size = out_size(s), at = image * size;
    if (!first->in) {
        fetch(all, dout + at, size);
        return;
    }
    fetch(all, first->in + at, size);
    fetch(all, first->dout + at, size);
    fetch(all, first->is_brief ? NULL : first->din + at, size);
}

/* --- what an image's convolution reads --- */

/* The image's inputs, of which those that are brief lie one over the other; into the frame too
 * where there is one, row by row. */
static const real *put_inputs(const struct conv *conv, real *padded, const real *in,
                              const struct norm_first *first, size_t image)
{
    const struct conv_shape *s = &conv->shape;
    size_t row = in_row(s), at = image * in_size(s);
    const real *from = first->in && first->is_brief ? first->out : in + at;
    bool makes = first->in;
    real *to = makes ? first->out + (first->is_brief ? 0 : at) : NULL;
    struct norm_line line = first->line;
    for (size_t y = 0; y < s->in_height; y++, at += row) {
        if (makes) {
            line.added = first->line.added ? first->line.added + at : NULL;
            conv->kernels->norm_forward(to + y * row, first->in + at, &line, s->in_channels,
                                        s->in_width);
        }
        if (conv->method == CONV_DIRECT) {
            memcpy(padded + (y + s->padding) * padded_row(s) + s->padding * s->in_channels,
                   from + y * row, row * sizeof *from);
        }
    }
    return from;
}

/* The same for the outputs' gradient; into a frame that may be NULL. */
static const real *put_gradient(const struct conv *conv, real *frame, const real *dout,
                                const struct norm_back_first *first, size_t image)
{
    const struct conv_shape *s = &conv->shape;
    size_t row = out_row(s), at = image * out_size(s), ring = frame ? conv_frame_ring(s) : 0;
    const real *from = first->in && first->is_brief ? first->din : dout + at;
    bool makes = first->in;
    real *to = makes ? first->din + (first->is_brief ? 0 : at) : NULL;
    for (size_t y = 0; y < s->out_height; y++, at += row) {
        if (makes) {
            conv->kernels->norm_backward(to + y * row, first->dout + at, first->in + at,
                                         &first->slopes, first->adds, s->out_channels,
                                         s->out_width);
        }
        if (frame) {
            size_t side = conv_frame_side(s, s->in_width);
            memcpy(frame + ((y + ring) * side + ring) * s->out_channels, from + y * row,
                   row * sizeof *from);
        }
    }
    return from;
}

/* --- forward --- */

/* What the convolution itself leaves to do for one image. */
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

void conv_image_forward(const struct conv *conv, real *scratch, real *out, const real *in,
                        const real *weight, const struct conv_tail *tail, size_t images)
{
    const struct conv_shape *s = &conv->shape;
    const struct parts parts = parts_of(conv, scratch);
    for (size_t i = 0; i < images; i++, out += out_size(s)) {
        const real *image = put_inputs(conv, parts.in, in, &tail->first, i);
        struct conv_fetch next = {0};
        fetch_inputs(&next, s, in, &tail->first, i + 1);
        fetch(&next, out + out_size(s), out_size(s));
        if (conv->method == CONV_DIRECT) {
            conv->kernels->conv_forward(out, parts.in, conv->packed, tail->bias, s, &next);
        } else {
            conv_product_forward(parts.dout, out, image, weight, tail->bias, s);
        }
        finish(conv, out, tail, i);
    }
}

/* --- backward --- */

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

/* One image on the way back. */
struct back {
    const struct conv *conv;
    const struct parts *parts;
    const struct conv_gradients *to;
    const real *weight;
    size_t image;
    const real *in, *dout;  /* the image's own */
    struct conv_fetch next; /* for the next image */
};

static void weight_gradient(const struct back *b, const struct conv_fetch *fetched)
{
    const struct conv *conv = b->conv;
    real *sums = b->parts->sums, *dbias = sums + conv_sums(&conv->shape, conv->method);
    dbias = conv->has_bias ? dbias - conv->shape.out_channels : NULL;
    if (conv->method == CONV_DIRECT) {
        conv->kernels->conv_gradient(sums, dbias, b->dout, b->parts->in, &conv->shape, fetched);
    } else {
        conv_product_gradient(b->parts->dout, sums, dbias, b->dout, b->in, &conv->shape);
    }
}

static void input_gradient(const struct back *b, real *din)
{
    const struct conv *conv = b->conv;
    if (conv->turned) {
        conv->kernels->conv_input_gradient(din, b->to->adds, b->parts->dout, conv->turned,
                                           &conv->shape, &b->next);
    } else {
        conv_product_input_gradient(b->parts->dout, din, b->to->adds, b->dout, b->weight,
                                    &conv->shape);
    }
}

static void both_gradients(const struct back *b)
{
    const struct conv_shape *s = &b->conv->shape;
    const struct norm_relu *norm = &b->to->norm;
    real *din = b->to->din ? b->to->din + b->image * in_size(s) : NULL;
    const real *norm_in = norm->out ? norm->in + b->image * in_size(s) : NULL;
    struct conv_fetch own = {0};
    if (din) {
        fetch(&own, din, in_size(s));
        fetch(&own, norm_in, in_size(s));
    }
    weight_gradient(b, din ? &own : &b->next);
    if (din) {
        input_gradient(b, din);
    }
    if (norm->out) {
        b->conv->kernels->norm_relu_sums(norm->sum, norm->product, din, b->in, norm_in,
                                         s->in_channels, s->in_height * s->in_width);
    }
}

/* Sums of one call in `real`, of all calls in double: the call's images are few. */
void conv_image_backward(const struct conv *conv, real *scratch, const struct conv_gradients *to,
                         const real *dout, const real *in, const real *weight, size_t images)
{
    const struct conv_shape *s = &conv->shape;
    const struct parts parts = parts_of(conv, scratch);
    struct back back = {.conv = conv, .parts = &parts, .to = to, .weight = weight};
    real *frame = to->din && conv->turned ? parts.dout : NULL;
    memset(parts.sums, 0, conv_sums(s, conv->method) * sizeof *parts.sums);
    if (frame) {
        memset(frame, 0, conv_frame_size(s) * sizeof *frame);
    }
    for (; back.image < images; back.image++) {
        back.dout = put_gradient(conv, frame, dout, &to->back_first, back.image);
        back.in = put_inputs(conv, parts.in, in, &to->first, back.image);
        back.next = (struct conv_fetch){0};
        fetch_gradient(&back.next, s, dout, &to->back_first, back.image + 1);
        fetch_inputs(&back.next, s, in, &to->first, back.image + 1);
        both_gradients(&back);
    }
    add_part(to->sums, parts.sums, conv_sums(s, conv->method), to->adds_sums);
}
