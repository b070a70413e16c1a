/* Direct convolution, CONV_BLOCK output channels at a time: part of kernels_level.c.
 *
 * In a padded channel-last image the taps (column, channel) of one kernel row are neighbours, so a
 * row of kernel * in_channels taps is one run in memory. */

enum {
    LANES = VECTOR_BYTES / sizeof(real),
    BLOCK_VECTORS = CONV_BLOCK / LANES,
    WIDE = 2, /* vectors of channels side by side: each input is spread once for both */
    WIDE_CHANNELS = WIDE * LANES,
    /* Pixels side by side: enough sums in flight to hide the multiply-add's latency, few enough for
     * the registers. */
    PIXELS = VECTOR_BYTES == 64 ? 8 : 4,
    /* Taps side by side in the weight gradient; of one vector, a kernel row of three channels. */
    TAPS = VECTOR_BYTES == 64 ? 8 : 6,
    TAPS_NARROW = 9,
    LINE = 64 / sizeof(real), /* numbers of a cache line */
    BAND = 8, /* rows of outputs whose weight gradients stay in registers and their data in L1 */
};

typedef real vector __attribute__((vector_size(VECTOR_BYTES)));
#ifdef REAL_DOUBLE
typedef int64_t mask __attribute__((vector_size(VECTOR_BYTES)));
#else
typedef int32_t mask __attribute__((vector_size(VECTOR_BYTES)));
#endif

static inline vector load(const real *from)
{
    vector loaded;
    memcpy(&loaded, from, sizeof loaded);
    return loaded;
}

static inline void store(real *to, vector value)
{
    memcpy(to, &value, sizeof value);
}

/* In all lanes. Once for all products with it: gcc otherwise spreads all that a step needs at once
 * and runs out of registers. */
static inline vector spread(real number)
{
    return number - (vector){0};
}

/* What is fetched, at every step of the sums less than a line or one: a CPU that waits for some
 * twenty lines drops what it is asked to fetch beyond them. */
struct lines {
    const real *at, *end; /* of the array under way */
    size_t step;          /* numbers */
    const struct conv_fetch *fetch;
    int next; /* array */
};

/* To the next array where one is done; `at_hand` is asked for again when there is none. */
static inline void lines_turn(struct lines *lines, const real *at_hand)
{
    while (lines->at >= lines->end && lines->next < CONV_FETCHED) {
        lines->at = lines->fetch->at[lines->next];
        lines->end = lines->at + lines->fetch->count[lines->next++];
    }
    if (lines->at >= lines->end) {
        *lines = (struct lines){.at = at_hand, .end = at_hand + 1, .fetch = lines->fetch};
        lines->next = CONV_FETCHED;
    }
}

/* So that all is fetched in so many steps. */
static struct lines lines_of(const struct conv_fetch *fetch, size_t steps, const real *at_hand)
{
    size_t count = 0;
    for (int i = 0; i < CONV_FETCHED; i++) {
        count += fetch->count[i];
    }
    size_t step = steps > 0 ? (count + steps - 1) / steps : 0;
    struct lines lines = {.at = at_hand, .end = at_hand, .fetch = fetch};
    lines.step = step < LINE ? step : LINE;
    lines_turn(&lines, at_hand);
    return lines;
}

/* How a row of outputs is computed. */
struct conv_walk {
    size_t rows, run; /* of taps */
    size_t row,
        step; /* numbers from one row of taps to the next, from one output's taps to the next's */
    size_t channels; /* of the outputs */
    size_t out_step; /* numbers from one output to the next */
    size_t width;    /* outputs */
};

/* `pixels` neighbouring outputs of `vectors` vectors of channels; constants once inlined. */
__attribute__((always_inline)) static inline void
conv_pixels(real *out, const real *in, const real *packed, const real *bias, bool adds, int pixels,
            int vectors, const struct conv_walk *walk, struct lines *lines)
{
    vector sum[PIXELS][WIDE];
    for (int p = 0; p < pixels; p++) {
        for (int v = 0; v < vectors; v++) {
            real *at = out + (size_t)p * walk->out_step + v * LANES;
            sum[p][v] = bias ? load(bias + v * LANES) : adds ? load(at) : (vector){0};
        }
    }
    const real *line = lines->at;
    const size_t line_step = lines->step;
    for (size_t y = 0; y < walk->rows; y++) {
        const real *taps = in + y * walk->row, *weights = packed + y * walk->run * walk->channels;
#pragma GCC unroll 4
        for (size_t t = 0; t < walk->run; t++) {
            vector weight[WIDE];
            __builtin_prefetch(line, 1);
            line += line_step;
            for (int v = 0; v < vectors; v++) {
                weight[v] = load(weights + t * walk->channels + (size_t)v * LANES);
            }
            for (int p = 0; p < pixels; p++) {
                const vector tap = spread(taps[(size_t)p * walk->step + t]);
                for (int v = 0; v < vectors; v++) {
                    sum[p][v] += tap * weight[v];
                }
            }
        }
    }
    lines->at = line;
    lines_turn(lines, packed);
    for (int p = 0; p < pixels; p++) {
        for (int v = 0; v < vectors; v++) {
            store(out + (size_t)p * walk->out_step + v * LANES, sum[p][v]);
        }
    }
}

/* One row of outputs from the x-th on, as long as `pixels` more are left. Returns the next x. */
__attribute__((always_inline)) static inline size_t
conv_run(size_t x, real *out, const real *in, const real *packed, const real *bias, bool adds,
         int pixels, int vectors, const struct conv_walk *walk, struct lines *lines)
{
    for (; x + (size_t)pixels <= walk->width; x += (size_t)pixels) {
        conv_pixels(out + x * walk->out_step, in + x * walk->step, packed, bias, adds, pixels,
                    vectors, walk, lines);
    }
    return x;
}

/* One row of outputs. How many pixels go together does not change any sum. */
__attribute__((always_inline)) static inline void
conv_row(real *out, const real *in, const real *packed, const real *bias, bool adds, int pixels,
         int vectors, const struct conv_walk *walk, struct lines *lines)
{
    size_t x = conv_run(0, out, in, packed, bias, adds, pixels, vectors, walk, lines);
    x = conv_run(x, out, in, packed, bias, adds, pixels / 2, vectors, walk, lines);
    x = conv_run(x, out, in, packed, bias, adds, pixels / 4, vectors, walk, lines);
    conv_run(x, out, in, packed, bias, adds, 1, vectors, walk, lines);
}

__attribute__((noinline)) static void conv_row_wide(real *out, const real *in, const real *packed,
                                                    const real *bias, bool adds,
                                                    const struct conv_walk *walk,
                                                    struct lines *lines)
{
    conv_row(out, in, packed, bias, adds, PIXELS, WIDE, walk, lines);
}

__attribute__((noinline)) static void conv_row_narrow(real *out, const real *in, const real *packed,
                                                      const real *bias, bool adds,
                                                      const struct conv_walk *walk,
                                                      struct lines *lines)
{
    conv_row(out, in, packed, bias, adds, PIXELS, 1, walk, lines);
}

/* All channels of a row. */
static void conv_channels(real *out, const real *in, const real *packed, const real *bias,
                          bool adds, const struct conv_walk *walk, struct lines *lines)
{
    size_t c = 0;
    for (; c + WIDE_CHANNELS <= walk->channels; c += WIDE_CHANNELS) {
        conv_row_wide(out + c, in, packed + c, bias ? bias + c : NULL, adds, walk, lines);
    }
    for (; c < walk->channels; c += LANES) {
        conv_row_narrow(out + c, in, packed + c, bias ? bias + c : NULL, adds, walk, lines);
    }
}

/* Steps of the sums of a row. */
static size_t conv_row_steps(const struct conv_walk *walk)
{
    size_t groups = (walk->width + PIXELS - 1) / PIXELS;
    size_t blocks = (walk->channels + WIDE_CHANNELS - 1) / WIDE_CHANNELS;
    return groups * blocks * walk->rows * walk->run;
}

static void conv_forward(real *out, const real *padded, const real *packed, const real *bias,
                         const struct conv_shape *shape, const struct conv_fetch *fetch)
{
    const size_t row = (shape->in_width + 2 * shape->padding) * shape->in_channels;
    const struct conv_walk walk = {.rows = shape->kernel,
                                   .run = shape->kernel * shape->in_channels,
                                   .row = row,
                                   .step = shape->stride * shape->in_channels,
                                   .channels = shape->out_channels,
                                   .out_step = shape->out_channels,
                                   .width = shape->out_width};
    const size_t out_row = shape->out_width * shape->out_channels;
    struct lines lines = lines_of(fetch, shape->out_height * conv_row_steps(&walk), packed);
    for (size_t y = 0; y < shape->out_height; y++) {
        conv_channels(out + y * out_row, padded + y * shape->stride * row, packed, bias, false,
                      &walk, &lines);
    }
}

/* The inputs of one class of rows and one of columns (conv_turned.h). */
static void conv_input_class(real *din, bool adds, const real *frame, const real *turned, size_t y,
                             size_t x, const struct conv_shape *s, struct lines *lines)
{
    const struct conv_class rows = conv_class(s, y), columns = conv_class(s, x);
    const struct conv_walk walk = {.rows = rows.count,
                                   .run = columns.count * s->out_channels,
                                   .row = conv_frame_side(s, s->in_width) * s->out_channels,
                                   .step = s->out_channels,
                                   .channels = s->in_channels,
                                   .out_step = s->stride * s->in_channels,
                                   .width = (s->in_width - x + s->stride - 1) / s->stride};
    const real *from = frame + rows.start * walk.row + columns.start * s->out_channels;
    for (; y < s->in_height; y += s->stride, from += walk.row) {
        conv_channels(din + (y * s->in_width + x) * s->in_channels, from, turned, NULL, adds, &walk,
                      lines);
    }
}

/* Steps of the sums of all classes, a little less than there are. */
static size_t conv_input_steps(const struct conv_shape *s)
{
    size_t blocks = (s->in_channels + WIDE_CHANNELS - 1) / WIDE_CHANNELS;
    size_t taps = s->kernel * s->kernel * s->out_channels;
    return taps * blocks * (s->in_height / s->stride) * (s->in_width / s->stride) / PIXELS;
}

static void conv_input_gradient(real *din, bool adds, const real *frame, const real *turned,
                                const struct conv_shape *s, const struct conv_fetch *fetch)
{
    struct lines lines = lines_of(fetch, conv_input_steps(s), turned);
    for (size_t y = 0; y < s->stride; y++) {
        for (size_t x = 0; x < s->stride; x++) {
            if (x < s->in_width) {
                conv_input_class(din, adds, frame, turned, y, x, s, &lines);
            }
            turned +=
                conv_class(s, y).count * conv_class(s, x).count * s->out_channels * s->in_channels;
        }
    }
}

/* A few rows of outputs and their gradients. */
struct conv_band {
    size_t rows;
    size_t in_row; /* numbers from the inputs of one row to those of the next */
    const struct conv_shape *shape;
    struct lines *lines;
};

/* Adds the gradients of `taps` neighbouring taps for `vectors` vectors of outputs. */
__attribute__((always_inline)) static inline void conv_taps(real *dpacked, const real *dout,
                                                            const real *in, int taps, int vectors,
                                                            const struct conv_band *band)
{
    const struct conv_shape *s = band->shape;
    const size_t step = s->stride * s->in_channels, channels = s->out_channels;
    vector sum[TAPS_NARROW][WIDE] = {0};
    const real *line = band->lines->at;
    const size_t line_step = band->lines->step;
    for (size_t y = 0; y < band->rows; y++, in += band->in_row) {
        const real *at = in;
        for (size_t x = 0; x < s->out_width; x++, at += step, dout += channels) {
            vector gradient[WIDE];
            __builtin_prefetch(line, 1);
            line += line_step;
            for (int v = 0; v < vectors; v++) {
                gradient[v] = load(dout + (size_t)v * LANES);
            }
            for (int t = 0; t < taps; t++) {
                for (int v = 0; v < vectors; v++) {
                    sum[t][v] += at[t] * gradient[v];
                }
            }
        }
    }
    band->lines->at = line;
    lines_turn(band->lines, dpacked);
    for (int t = 0; t < taps; t++) {
        for (int v = 0; v < vectors; v++) {
            real *to = dpacked + (size_t)t * channels + v * LANES;
            store(to, load(to) + sum[t][v]);
        }
    }
}

/* Of a row of the kernel the t-th tap and so on, as long as `taps` more are left. Returns the next
 * t. */
__attribute__((always_inline)) static inline size_t conv_taps_run(size_t t, real *dpacked,
                                                                  const real *dout, const real *in,
                                                                  int taps, int vectors,
                                                                  const struct conv_band *band)
{
    const size_t run = band->shape->kernel * band->shape->in_channels;
    for (; t + (size_t)taps <= run; t += (size_t)taps) {
        conv_taps(dpacked + t * band->shape->out_channels, dout, in + t, taps, vectors, band);
    }
    return t;
}

/* All taps of a row of the kernel. */
__attribute__((always_inline)) static inline void conv_taps_row(real *dpacked, const real *dout,
                                                                const real *in, int most,
                                                                int vectors,
                                                                const struct conv_band *band)
{
    size_t t = conv_taps_run(0, dpacked, dout, in, most, vectors, band);
    t = conv_taps_run(t, dpacked, dout, in, most / 2, vectors, band);
    conv_taps_run(t, dpacked, dout, in, 1, vectors, band);
}

__attribute__((noinline)) static void conv_taps_wide(real *dpacked, const real *dout,
                                                     const real *in, const struct conv_band *band)
{
    conv_taps_row(dpacked, dout, in, TAPS, WIDE, band);
}

__attribute__((noinline)) static void conv_taps_narrow(real *dpacked, const real *dout,
                                                       const real *in, const struct conv_band *band)
{
    conv_taps_row(dpacked, dout, in, TAPS_NARROW, 1, band);
}

static void conv_bias_row(real *dbias, const real *dout, const struct conv_shape *shape)
{
    for (int v = 0; v < BLOCK_VECTORS; v++) {
        vector sum = {0};
        for (size_t x = 0; x < shape->out_width; x++) {
            sum += load(dout + x * shape->out_channels + (size_t)v * LANES);
        }
        store(dbias + v * LANES, load(dbias + v * LANES) + sum);
    }
}

/* Steps of the sums of all weights. */
static size_t conv_taps_steps(const struct conv_shape *s)
{
    size_t vectors = s->out_channels % WIDE_CHANNELS == 0 ? WIDE : 1;
    size_t taps = vectors == WIDE ? TAPS : TAPS_NARROW;
    size_t groups = s->kernel * (s->kernel * s->in_channels + taps - 1) / taps;
    return s->out_height * s->out_width * groups * (s->out_channels / LANES / vectors);
}

static void conv_gradient(real *dpacked, real *dbias, const real *dout, const real *padded,
                          const struct conv_shape *shape, const struct conv_fetch *fetch)
{
    const size_t channels = shape->out_channels, out_row = shape->out_width * channels;
    const size_t row = (shape->in_width + 2 * shape->padding) * shape->in_channels;
    for (size_t y = 0; y < shape->out_height && dbias; y++) {
        for (size_t c = 0; c < channels; c += CONV_BLOCK) {
            conv_bias_row(dbias + c, dout + y * out_row + c, shape);
        }
    }
    struct lines lines = lines_of(fetch, conv_taps_steps(shape), dpacked);
    struct conv_band band = {.in_row = shape->stride * row, .shape = shape, .lines = &lines};
    for (size_t y = 0; y < shape->out_height; y += BAND) {
        band.rows = shape->out_height - y < BAND ? shape->out_height - y : BAND;
        for (size_t k = 0; k < shape->kernel; k++) {
            const real *in = padded + (y * shape->stride + k) * row;
            real *to = dpacked + k * shape->kernel * shape->in_channels * channels;
            size_t c = 0;
            for (; c + WIDE_CHANNELS <= channels; c += WIDE_CHANNELS) {
                conv_taps_wide(to + c, dout + y * out_row + c, in, &band);
            }
            for (; c < channels; c += LANES) {
                conv_taps_narrow(to + c, dout + y * out_row + c, in, &band);
            }
        }
    }
}
