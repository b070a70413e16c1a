/* Batch normalisation, a few pixels and CONV_BLOCK channels at a time: part of kernels_level.c. */

enum { NORM_RUN = 16 /* pixels; their sums in `real` go to those in double */ };

static inline vector keep(vector x, mask which)
{
    return (vector)((mask)x & which);
}

/* NaN passes. */
static inline vector positive_part(vector x)
{
    return keep(x, ~(x <= (vector){0}));
}

static inline void add_wide(double *to, vector value)
{
    real part[LANES];
    store(part, value);
    for (int i = 0; i < LANES; i++) {
        to[i] += (double)part[i];
    }
}

/* Sums of a and a * b of up to NORM_RUN pixels; `masked`, where there is one, is a: it becomes 0
 * where `out` is not positive. */
__attribute__((always_inline)) static inline void norm_sums_run(double *sum, double *product,
                                                                const real *a, real *masked,
                                                                const real *out, const real *b,
                                                                size_t channels, size_t pixels)
{
    vector s[BLOCK_VECTORS] = {0}, p[BLOCK_VECTORS] = {0};
    for (size_t i = 0; i < pixels; i++) {
        for (int v = 0; v < BLOCK_VECTORS; v++) {
            size_t at = i * channels + (size_t)v * LANES;
            vector x = load(a + at);
            if (masked) {
                x = keep(x, load(out + at) > (vector){0});
                store(masked + at, x);
            }
            s[v] += x;
            p[v] += x * load(b + at);
        }
    }
    for (int v = 0; v < BLOCK_VECTORS; v++) {
        add_wide(sum + v * LANES, s[v]);
        add_wide(product + v * LANES, p[v]);
    }
}

/* A channel that is in no block. */
static void norm_sums_channel(double *sum, double *product, const real *a, const real *b,
                              size_t channels, size_t pixels)
{
    for (size_t i = 0; i < pixels * channels; i += channels) {
        *sum += (double)a[i];
        *product += (double)a[i] * (double)b[i];
    }
}

/* Functions of their own: knowing that a run is short, gcc would write it out pixel by pixel and
 * run out of registers for the addresses. */
__attribute__((noinline)) static void plain_run(double *sum, double *product, const real *a,
                                                const real *b, size_t channels, size_t pixels)
{
    norm_sums_run(sum, product, a, NULL, NULL, b, channels, pixels);
}

__attribute__((noinline)) static void relu_run(double *sum, double *product, real *dout,
                                               const real *out, const real *in, size_t channels,
                                               size_t pixels)
{
    norm_sums_run(sum, product, dout, dout, out, in, channels, pixels);
}

static void norm_sums(double *sum, double *product, const real *a, const real *b, size_t channels,
                      size_t pixels)
{
    size_t whole = channels / CONV_BLOCK * CONV_BLOCK;
    for (size_t i = 0; i < pixels; i += NORM_RUN) {
        size_t run = pixels - i < NORM_RUN ? pixels - i : NORM_RUN;
        for (size_t c = 0; c < whole; c += CONV_BLOCK) {
            size_t at = i * channels + c;
            plain_run(sum + c, product + c, a + at, b + at, channels, run);
        }
    }
    for (size_t c = whole; c < channels; c++) {
        norm_sums_channel(sum + c, product + c, a + c, b + c, channels, pixels);
    }
}

static void norm_relu_sums(double *sum, double *product, real *dout, const real *out,
                           const real *in, size_t channels, size_t pixels)
{
    size_t whole = channels / CONV_BLOCK * CONV_BLOCK;
    for (size_t i = 0; i < pixels; i += NORM_RUN) {
        size_t run = pixels - i < NORM_RUN ? pixels - i : NORM_RUN;
        for (size_t c = 0; c < whole; c += CONV_BLOCK) {
            size_t at = i * channels + c;
            relu_run(sum + c, product + c, dout + at, out + at, in + at, channels, run);
        }
    }
    for (size_t c = whole; c < channels; c++) {
        for (size_t i = c; i < pixels * channels; i += channels) {
            dout[i] = out[i] > 0 ? dout[i] : 0;
        }
        norm_sums_channel(sum + c, product + c, dout + c, in + c, channels, pixels);
    }
}

/* One block of channels of some pixels. */
__attribute__((always_inline)) static inline void
norm_forward_run(real *out, const real *in, const real *added, const struct norm_line *line,
                 size_t first, bool activates, size_t channels, size_t pixels)
{
    for (size_t v = 0; v < CONV_BLOCK; v += LANES) {
        vector scale = load(line->scale + first + v), shift = load(line->shift + first + v);
        for (size_t i = v; i < pixels * channels; i += channels) {
            vector x = load(in + i) * scale + shift;
            x = added ? x + load(added + i) : x;
            store(out + i, activates ? positive_part(x) : x);
        }
    }
}

static void norm_forward_channel(real *out, const real *in, const struct norm_line *line, size_t c,
                                 size_t channels, size_t pixels)
{
    for (size_t i = c; i < pixels * channels; i += channels) {
        real x = in[i] * line->scale[c] + line->shift[c];
        x = line->added ? x + line->added[i] : x;
        out[i] = line->activates && x <= 0 ? 0 : x;
    }
}

static void norm_forward(real *out, const real *in, const struct norm_line *line, size_t channels,
                         size_t pixels)
{
    size_t whole = channels / CONV_BLOCK * CONV_BLOCK;
    for (size_t i = 0; i < pixels; i += NORM_RUN) {
        size_t run = pixels - i < NORM_RUN ? pixels - i : NORM_RUN;
        for (size_t c = 0; c < whole; c += CONV_BLOCK) {
            size_t at = i * channels + c;
            const real *added = line->added ? line->added + at : NULL;
            if (line->activates) {
                norm_forward_run(out + at, in + at, added, line, c, true, channels, run);
            } else {
                norm_forward_run(out + at, in + at, added, line, c, false, channels, run);
            }
        }
    }
    for (size_t c = whole; c < channels; c++) {
        norm_forward_channel(out, in, line, c, channels, pixels);
    }
}

static void norm_backward_run(real *din, const real *dout, const real *in,
                              const struct norm_slopes *slopes, size_t first, bool adds,
                              size_t channels, size_t pixels)
{
    for (size_t v = 0; v < CONV_BLOCK; v += LANES) {
        vector scale = load(slopes->scale + first + v), center = load(slopes->center + first + v);
        vector slope = load(slopes->slope + first + v), offset = load(slopes->offset + first + v);
        for (size_t i = v; i < pixels * channels; i += channels) {
            vector d = load(dout + i) * scale + (load(in + i) - center) * slope + offset;
            store(din + i, adds ? load(din + i) + d : d);
        }
    }
}

static void norm_backward(real *din, const real *dout, const real *in,
                          const struct norm_slopes *slopes, bool adds, size_t channels,
                          size_t pixels)
{
    size_t whole = channels / CONV_BLOCK * CONV_BLOCK;
    for (size_t i = 0; i < pixels; i += NORM_RUN) {
        size_t run = pixels - i < NORM_RUN ? pixels - i : NORM_RUN;
        for (size_t c = 0; c < whole; c += CONV_BLOCK) {
            size_t at = i * channels + c;
            norm_backward_run(din + at, dout + at, in + at, slopes, c, adds, channels, run);
        }
    }
    for (size_t c = whole; c < channels; c++) {
        for (size_t i = c; i < pixels * channels; i += channels) {
            real d = dout[i] * slopes->scale[c] + (in[i] - slopes->center[c]) * slopes->slope[c] +
                     slopes->offset[c];
            din[i] = adds ? din[i] + d : d;
        }
    }
}
