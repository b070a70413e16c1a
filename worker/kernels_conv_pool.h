/* Convolution, 2x2 max pooling and ReLU in one: part of kernels_level.c.
 *
 * Forward a vector holds neighbouring outputs of one channel, and the four pixels of their pooling
 * windows are four vectors: the pooling and the order [channel][row][column] cost nothing. */

enum {
    WINDOW = 4, /* outputs of the convolution that are pooled into one, row by row */
    /* Channels side by side, so that loads feed several multiply-adds. */
    POOL_CHANNELS = VECTOR_BYTES == 64 ? 4 : 2,
    RUN = 8, /* taps of a kernel row side by side in the weight gradient */
    RUN_BYTES = VECTOR_BYTES < RUN * sizeof(real) ? VECTOR_BYTES : RUN * sizeof(real),
    RUN_PARTS = RUN * sizeof(real) / RUN_BYTES,
    RUN_LANES = RUN / RUN_PARTS,
    ROWS_FIVE = 5,
    SUM_SETS = RUN_PARTS == 1 ? 2 : 1, /* as the registers allow */
};

typedef uint8_t bytes __attribute__((vector_size(VECTOR_BYTES / sizeof(real))));
typedef real run_vector __attribute__((vector_size(RUN_BYTES)));

/* A vector, or as many as there is room for. */
static inline void store_pooled(real *to, uint8_t *best, vector value, mask at, size_t room)
{
    for (size_t i = 0; i < room && room < LANES; i++) {
        to[i] = value[i];
        if (best) {
            best[i] = (uint8_t)at[i];
        }
    }
    if (room < LANES) {
        return;
    }
    store(to, value);
    if (best) {
        bytes narrow = __builtin_convertvector(at, bytes);
        memcpy(best, &narrow, sizeof narrow);
    }
}

static inline vector choose(mask which, vector yes, vector no)
{
    return (vector)(((mask)yes & which) | ((mask)no & ~which));
}

/* The largest of four, the first of equals, and which it is; NaN when one is. Negative ones become
 * 0. (Infinities of both signs in one window become NaN: such a training has diverged.) */
static inline vector pool_relu(const vector sum[WINDOW], mask *at)
{
    mask right_above = sum[1] > sum[0], right_below = sum[3] > sum[2];
    vector above = choose(right_above, sum[1], sum[0]), below = choose(right_below, sum[3], sum[2]);
    mask is_below = below > above;
    vector largest = choose(is_below, below, above);
    vector all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    mask is_nan = ~(all <= (vector){0} + (real)INFINITY), is_off = largest <= (vector){0};
    *at = ((right_above & 1) & ~is_below) | (((right_below & 1) + 2) & is_below);
    return (vector)(((mask)largest & ~is_off) | is_nan);
}

/* One tap of each channel's kernel, `step` apart. */
__attribute__((always_inline)) static inline void
add_tap(vector sum[][WINDOW], const vector in[WINDOW], const real *tap, size_t step, int channels)
{
    for (int c = 0; c < channels; c++) {
        for (int w = 0; w < WINDOW; w++) {
            sum[c][w] += in[w] * tap[(size_t)c * step];
        }
    }
}

/* LANES outputs of `channels` channels from pixel `at` of the halved rows on. */
__attribute__((always_inline)) static inline void
pool_sums(vector sum[][WINDOW], const real *halves, const real *weight, const real *bias,
          int channels, size_t kernel, size_t in_channels, const struct conv_pool_shape *s)
{
    const size_t half = conv_pool_half(s), plane = (s->in_height + 2 * s->padding) * half;
    const size_t area = kernel * kernel;
    for (int c = 0; c < channels; c++) {
        for (int w = 0; w < WINDOW; w++) {
            sum[c][w] = (vector){0} + bias[c];
        }
    }
    for (size_t i = 0; i < in_channels; i++) {
        for (size_t y = 0; y < kernel; y++) {
#pragma GCC unroll 5
            for (size_t x = 0; x < kernel; x++) {
                const real *row = halves + 2 * i * plane + y * half;
                const real *left = row + x % 2 * plane + x / 2;
                const real *right = row + (x + 1) % 2 * plane + (x + 1) / 2;
                const vector in[WINDOW] = {load(left), load(right), load(left + half),
                                           load(right + half)};
                add_tap(sum, in, weight + i * area + y * kernel + x, in_channels * area, channels);
            }
        }
    }
}

/* All outputs of `channels` channels. A vector that reaches past its row is overwritten by the
 * next row's. */
__attribute__((always_inline)) static inline void
pool_channels(real *out, uint8_t *best, const real *halves, const real *weight, const real *bias,
              int channels, size_t kernel, size_t in_channels, const struct conv_pool_shape *s)
{
    const size_t pixels = s->out_height * s->out_width;
    for (size_t y = 0; y < s->out_height; y++) {
        for (size_t x = 0; x < s->out_width; x += LANES) {
            vector sum[POOL_CHANNELS][WINDOW];
            pool_sums(sum, halves + 2 * y * conv_pool_half(s) + x, weight, bias, channels, kernel,
                      in_channels, s);
            const size_t first = y * s->out_width + x;
            for (size_t c = 0; c < (size_t)channels; c++) {
                mask at;
                vector value = pool_relu(sum[c], &at);
                store_pooled(out + c * pixels + first, best ? best + c * pixels + first : NULL,
                             value, at, pixels - first);
            }
        }
    }
}

/* Sizes that are known when this is compiled are worth three times the general ones. */
static void conv_pool_forward(real *out, uint8_t *best, const real *halves, const real *weight,
                              const real *bias, const struct conv_pool_shape *s)
{
    const size_t pixels = s->out_height * s->out_width;
    const size_t taps = s->in_channels * s->kernel * s->kernel;
    size_t c = 0;
    for (; c + POOL_CHANNELS <= s->out_channels; c += POOL_CHANNELS) {
        uint8_t *at = best ? best + c * pixels : NULL;
        if (s->kernel == 5 && s->in_channels == 1) {
            pool_channels(out + c * pixels, at, halves, weight + c * taps, bias + c, POOL_CHANNELS,
                          5, 1, s);
        } else {
            pool_channels(out + c * pixels, at, halves, weight + c * taps, bias + c, POOL_CHANNELS,
                          s->kernel, s->in_channels, s);
        }
    }
    for (; c < s->out_channels; c++) {
        pool_channels(out + c * pixels, best ? best + c * pixels : NULL, halves, weight + c * taps,
                      bias + c, 1, s->kernel, s->in_channels, s);
    }
}

/* The vectors of every level that begin at one pixel, from the sums of clean image and noise. */
__attribute__((always_inline)) static inline void pool_levels(real *out, struct noise_levels levels,
                                                              vector clean[][WINDOW],
                                                              vector noise[][WINDOW], int channels,
                                                              size_t pixels, size_t room)
{
    for (size_t level = 0; level < levels.count; level++, out += levels.out_step) {
        for (size_t c = 0; c < (size_t)channels; c++) {
            vector sum[WINDOW];
            mask at;
            for (int w = 0; w < WINDOW; w++) {
                sum[w] = clean[c][w] + noise[c][w] * levels.times[level];
            }
            vector value = pool_relu(sum, &at);
            store_pooled(out + c * pixels, NULL, value, at, room);
        }
    }
}

/* All outputs of `channels` channels at every level. */
__attribute__((always_inline)) static inline void
pool_channels_levels(real *out, struct noise_levels levels, const real *halves,
                     const real *noise_halves, const real *weight, const real *bias, int channels,
                     size_t kernel, size_t in_channels, const struct conv_pool_shape *s)
{
    static const real no_bias[POOL_CHANNELS] = {0};
    const size_t pixels = s->out_height * s->out_width;
    for (size_t y = 0; y < s->out_height; y++) {
        for (size_t x = 0; x < s->out_width; x += LANES) {
            const size_t from = 2 * y * conv_pool_half(s) + x, first = y * s->out_width + x;
            vector clean[POOL_CHANNELS][WINDOW], noise[POOL_CHANNELS][WINDOW];
            pool_sums(clean, halves + from, weight, bias, channels, kernel, in_channels, s);
            pool_sums(noise, noise_halves + from, weight, no_bias, channels, kernel, in_channels,
                      s);
            pool_levels(out + first, levels, clean, noise, channels, pixels, pixels - first);
        }
    }
}

static void conv_pool_levels(real *out, struct noise_levels levels, const real *halves,
                             const real *noise_halves, const real *weight, const real *bias,
                             const struct conv_pool_shape *s)
{
    const size_t pixels = s->out_height * s->out_width;
    const size_t taps = s->in_channels * s->kernel * s->kernel;
    size_t c = 0;
    for (; c + POOL_CHANNELS <= s->out_channels; c += POOL_CHANNELS) {
        if (s->kernel == 5 && s->in_channels == 1) {
            pool_channels_levels(out + c * pixels, levels, halves, noise_halves, weight + c * taps,
                                 bias + c, POOL_CHANNELS, 5, 1, s);
        } else {
            pool_channels_levels(out + c * pixels, levels, halves, noise_halves, weight + c * taps,
                                 bias + c, POOL_CHANNELS, s->kernel, s->in_channels, s);
        }
    }
    for (; c < s->out_channels; c++) {
        pool_channels_levels(out + c * pixels, levels, halves, noise_halves, weight + c * taps,
                             bias + c, 1, s->kernel, s->in_channels, s);
    }
}

__attribute__((always_inline)) static inline void
pool_tap_rows(run_vector sum[][RUN_PARTS], const real *in, size_t width, real dout, int rows)
{
    for (int r = 0; r < rows; r++) {
        for (size_t i = 0; i < RUN_PARTS; i++) {
            run_vector taps;
            memcpy(&taps, in + (size_t)r * width + i * RUN_LANES, sizeof taps);
            sum[r][i] += taps * dout;
        }
    }
}

/* Adds the gradients of `rows` kernel rows of at most RUN taps, one pair of an input and an output
 * channel. Even and odd pixels have sums of their own where there are registers for them. */
__attribute__((always_inline)) static inline void pool_taps(real *dweight, const real *dout,
                                                            const uint8_t *best, const real *padded,
                                                            int rows, size_t taps,
                                                            const struct conv_pool_shape *s)
{
    const size_t width = 2 * conv_pool_half(s);
    const size_t offset[WINDOW] = {0, 1, width, width + 1};
    run_vector sum[SUM_SETS][ROWS_FIVE][RUN_PARTS] = {0};
    for (size_t y = 0; y < s->out_height; y++) {
        const real *row = padded + 2 * y * width;
        for (size_t x = 0; x < s->out_width; x += 2) {
            pool_tap_rows(sum[0], row + 2 * x + offset[best[x]], width, dout[x], rows);
            if (x + 1 < s->out_width) {
                pool_tap_rows(sum[SUM_SETS - 1], row + 2 * x + 2 + offset[best[x + 1]], width,
                              dout[x + 1], rows);
            }
        }
        dout += s->out_width;
        best += s->out_width;
    }
    for (size_t r = 0; r < (size_t)rows; r++) {
        for (size_t x = 0; x < taps; x++) {
            size_t run = x / RUN_LANES, lane = x % RUN_LANES;
            real odd = SUM_SETS == 2 ? sum[SUM_SETS - 1][r][run][lane] : 0;
            dweight[r * s->kernel + x] += sum[0][r][run][lane] + odd;
        }
    }
}

static void pool_bias(real *dbias, const real *dout, size_t pixels)
{
    vector sum = {0};
    size_t p = 0;
    for (; p + LANES <= pixels; p += LANES) {
        sum += load(dout + p);
    }
    real total = 0;
    for (size_t i = 0; i < LANES; i++) {
        total += sum[i];
    }
    for (; p < pixels; p++) {
        total += dout[p];
    }
    *dbias += total;
}

static void conv_pool_gradient(real *dweight, real *dbias, const real *dout, const uint8_t *best,
                               const real *padded, const struct conv_pool_shape *s)
{
    const size_t pixels = s->out_height * s->out_width, width = 2 * conv_pool_half(s);
    const size_t plane = (s->in_height + 2 * s->padding) * width;
    for (size_t c = 0; c < s->out_channels; c++, dout += pixels, best += pixels) {
        pool_bias(dbias + c, dout, pixels);
        for (size_t i = 0; i < s->in_channels; i++, dweight += s->kernel * s->kernel) {
            const real *in = padded + i * plane;
            if (s->kernel == 5) {
                pool_taps(dweight, dout, best, in, ROWS_FIVE, 5, s);
                continue;
            }
            for (size_t y = 0; y < s->kernel; y++) {
                for (size_t x = 0; x < s->kernel; x += RUN) {
                    size_t left = s->kernel - x;
                    pool_taps(dweight + y * s->kernel + x, dout, best, in + y * width + x, 1,
                              left < RUN ? left : RUN, s);
                }
            }
        }
    }
}
