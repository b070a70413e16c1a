/* Direct convolution, CONV_BLOCK output channels at a time: part of kernels_level.c.
 *
 * In a padded channel-last image the taps (column, channel) of one kernel row are neighbours, so a
 * row of kernel * in_channels taps is one run in memory. */

enum {
    LANES = VECTOR_BYTES / sizeof(real),
    BLOCK_VECTORS = CONV_BLOCK / LANES,
    /* Pixels side by side: enough sums in flight to hide the multiply-add's latency, few enough for
     * the registers. */
    PIXELS = VECTOR_BYTES == 64   ? 8
             : VECTOR_BYTES == 32 ? 4
                                  : 2,
    TAPS = VECTOR_BYTES == 64 ? 8 : 4, /* side by side in the weight gradient */
    TAPS_FIVE = 5,                     /* where a kernel row has five */
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

/* How a row of outputs is computed. */
struct conv_walk {
    size_t rows, run; /* of taps */
    size_t row,
        step; /* numbers from one row of taps to the next, from one output's taps to the next's */
    size_t channels; /* of the outputs */
    size_t out_step; /* numbers from one output to the next */
    size_t width;    /* outputs */
};

/* `pixels` neighbouring outputs of one block of channels; a constant once inlined. */
__attribute__((always_inline)) static inline void conv_pixels(real *out, const real *in,
                                                              const real *packed, const real *bias,
                                                              bool adds, int pixels,
                                                              const struct conv_walk *walk)
{
    vector sum[PIXELS][BLOCK_VECTORS];
    for (int p = 0; p < pixels; p++) {
        for (int v = 0; v < BLOCK_VECTORS; v++) {
            sum[p][v] = bias   ? load(bias + v * LANES)
                        : adds ? load(out + (size_t)p * walk->out_step + v * LANES)
                               : (vector){0};
        }
    }
    for (size_t y = 0; y < walk->rows; y++) {
        const real *taps = in + y * walk->row, *weights = packed + y * walk->run * walk->channels;
        for (size_t t = 0; t < walk->run; t++) {
            for (int v = 0; v < BLOCK_VECTORS; v++) {
                vector weight = load(weights + t * walk->channels + (size_t)v * LANES);
                for (int p = 0; p < pixels; p++) {
                    sum[p][v] += taps[(size_t)p * walk->step + t] * weight;
                }
            }
        }
    }
    for (int p = 0; p < pixels; p++) {
        for (int v = 0; v < BLOCK_VECTORS; v++) {
            store(out + (size_t)p * walk->out_step + v * LANES, sum[p][v]);
        }
    }
}

/* One row of outputs. How many pixels go together does not change any sum. */
static void conv_row(real *out, const real *in, const real *packed, const real *bias, bool adds,
                     const struct conv_walk *walk)
{
    const size_t out_step = walk->out_step, in_step = walk->step;
    size_t x = 0;
    for (; x + PIXELS <= walk->width; x += PIXELS) {
        conv_pixels(out + x * out_step, in + x * in_step, packed, bias, adds, PIXELS, walk);
    }
    for (; PIXELS > 4 && x + 4 <= walk->width; x += 4) {
        conv_pixels(out + x * out_step, in + x * in_step, packed, bias, adds, 4, walk);
    }
    for (; PIXELS > 2 && x + 2 <= walk->width; x += 2) {
        conv_pixels(out + x * out_step, in + x * in_step, packed, bias, adds, 2, walk);
    }
    for (; x < walk->width; x++) {
        conv_pixels(out + x * out_step, in + x * in_step, packed, bias, adds, 1, walk);
    }
}

static void conv_forward(real *out, const real *padded, const real *packed, const real *bias,
                         const struct conv_shape *shape)
{
    const size_t row = (shape->in_width + 2 * shape->padding) * shape->in_channels;
    const struct conv_walk walk = {.rows = shape->kernel,
                                   .run = shape->kernel * shape->in_channels,
                                   .row = row,
                                   .step = shape->stride * shape->in_channels,
                                   .channels = shape->out_channels,
                                   .out_step = shape->out_channels,
                                   .width = shape->out_width};
    for (size_t y = 0; y < shape->out_height; y++) {
        for (size_t c = 0; c < shape->out_channels; c += CONV_BLOCK) {
            conv_row(out + y * shape->out_width * shape->out_channels + c,
                     padded + y * shape->stride * row, packed + c, bias ? bias + c : NULL, false,
                     &walk);
        }
    }
}

/* The inputs of one class of rows and one of columns (conv_turned.h). */
static void conv_input_class(real *din, bool adds, const real *frame, const real *turned, size_t y,
                             size_t x, const struct conv_shape *s)
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
        for (size_t c = 0; c < s->in_channels; c += CONV_BLOCK) {
            conv_row(din + (y * s->in_width + x) * s->in_channels + c, from, turned + c, NULL, adds,
                     &walk);
        }
    }
}

static void conv_input_gradient(real *din, bool adds, const real *frame, const real *turned,
                                const struct conv_shape *s)
{
    for (size_t y = 0; y < s->stride; y++) {
        for (size_t x = 0; x < s->stride; x++) {
            if (x < s->in_width) {
                conv_input_class(din, adds, frame, turned, y, x, s);
            }
            turned +=
                conv_class(s, y).count * conv_class(s, x).count * s->out_channels * s->in_channels;
        }
    }
}

/* Adds the gradients of `taps` neighbouring taps over one row of outputs. */
__attribute__((always_inline)) static inline void
conv_taps(real *dpacked, const real *dout, const real *in, int taps, const struct conv_shape *shape)
{
    const size_t step = shape->stride * shape->in_channels;
    vector sum[TAPS > TAPS_FIVE ? TAPS : TAPS_FIVE][BLOCK_VECTORS] = {0};
    for (size_t x = 0; x < shape->out_width; x++) {
        for (int v = 0; v < BLOCK_VECTORS; v++) {
            vector gradient = load(dout + x * shape->out_channels + (size_t)v * LANES);
            for (int t = 0; t < taps; t++) {
                sum[t][v] += in[x * step + (size_t)t] * gradient;
            }
        }
    }
    for (int t = 0; t < taps; t++) {
        for (int v = 0; v < BLOCK_VECTORS; v++) {
            real *to = dpacked + (size_t)t * shape->out_channels + v * LANES;
            store(to, load(to) + sum[t][v]);
        }
    }
}

static void conv_taps_row(real *dpacked, const real *dout, const real *in,
                          const struct conv_shape *shape)
{
    const size_t run = shape->kernel * shape->in_channels;
    size_t t = 0;
    for (; run % TAPS_FIVE == 0 && t < run; t += TAPS_FIVE) {
        conv_taps(dpacked + t * shape->out_channels, dout, in + t, TAPS_FIVE, shape);
    }
    for (; t + TAPS <= run; t += TAPS) {
        conv_taps(dpacked + t * shape->out_channels, dout, in + t, TAPS, shape);
    }
    for (; t < run; t++) {
        conv_taps(dpacked + t * shape->out_channels, dout, in + t, 1, shape);
    }
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

static void conv_gradient(real *dpacked, real *dbias, const real *dout, const real *padded,
                          const struct conv_shape *shape)
{
    const size_t run = shape->kernel * shape->in_channels;
    const size_t row = (shape->in_width + 2 * shape->padding) * shape->in_channels;
    for (size_t y = 0; y < shape->out_height; y++) {
        for (size_t c = 0; c < shape->out_channels; c += CONV_BLOCK) {
            const real *dout_row = dout + y * shape->out_width * shape->out_channels + c;
            if (dbias) {
                conv_bias_row(dbias + c, dout_row, shape);
            }
            for (size_t k = 0; k < shape->kernel; k++) {
                conv_taps_row(dpacked + k * run * shape->out_channels + c, dout_row,
                              padded + (y * shape->stride + k) * row, shape);
            }
        }
    }
}
