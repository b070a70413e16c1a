/* The matrix products of Winograd's convolution: part of kernels_level.c.
 *
 * Channels lie in blocks of a vector. Of every point:
 *     inputs   [input block][tile of the strip][lane]
 *     outputs  [output block][tile of the strip][lane]
 *     weights  [output block][input channel][lane]
 *     and their gradient [input block][output channel][lane]
 * Every kernel is a function of its own with sizes known to the compiler, which otherwise keeps the
 * sums in memory. */

enum {
    STRIP = WINOGRAD_STRIP,
    BLOCK_STEP = STRIP * LANES, /* numbers from a block of a strip to the next */
    ROWS = VECTOR_BYTES == 64                 ? 8
           : VECTOR_BYTES == 32 || LANES == 4 ? 4
                                              : 2,
};

/* What is fetched during the products of a point: the first two arrays to be read, the others to be
 * written. At every step a line of each kind, as a CPU that waits for some twenty lines drops what
 * it is asked to fetch beyond them. */
enum { FETCHED = 4 };

struct fetch {
    const real *at[FETCHED];
    size_t lines[FETCHED];
};

/* To the lines for each of so many parts. */
static void fetch_divide(struct fetch *fetch, size_t parts)
{
    for (int i = 0; i < FETCHED; i++) {
        fetch->lines[i] = (fetch->lines[i] + parts - 1) / parts;
    }
}

static void fetch_next(struct fetch *fetch)
{
    for (int i = 0; i < FETCHED; i++) {
        fetch->at[i] += fetch->lines[i] * LINE;
    }
}

/* At a step of one part, of both arrays in turn; less often where vectors are short and parts many.
 * Inline, because gcc takes a function that does nothing but this for one that does nothing. */
INLINE void fetch_lines(const struct fetch *fetch, size_t step)
{
    enum { STEPS = VECTOR_BYTES == 64 ? 1 : 4 };
    if (step % STEPS == 0) {
        size_t turn = step / STEPS, line = turn / 2 * LINE;
        __builtin_prefetch(fetch->at[turn % 2] + line, 0, 2);
        __builtin_prefetch(fetch->at[2 + turn % 2] + line, 1);
    }
}

/* Products of `tiles` tiles with `blocks` blocks of outputs. */
INLINE void multiply(real *out, const real *in, const real *weight, size_t in_channels,
                     const struct fetch *fetch, int tiles, int blocks)
{
    for (size_t first = 0; first < in_channels; first += CONV_BLOCK) {
        vector sum[2 * ROWS][2];
        for (int t = 0; t < tiles; t++) {
            for (int b = 0; b < blocks; b++) {
                sum[t][b] = (vector){0};
            }
        }
        for (size_t c = 0; c < CONV_BLOCK; c++, weight += LANES) {
            const real *at = in + (first + c) / LANES * BLOCK_STEP + c % LANES;
            fetch_lines(fetch, c);
            for (int b = 0; b < blocks; b++) {
                vector w = load(weight + (size_t)b * in_channels * LANES);
                for (int t = 0; t < tiles; t++) {
                    sum[t][b] += at[(size_t)t * LANES] * w;
                }
            }
        }
        for (int t = 0; t < tiles; t++) {
            for (int b = 0; b < blocks; b++) {
                real *to = out + b * BLOCK_STEP + t * LANES;
                store(to, first > 0 ? load(to) + sum[t][b] : sum[t][b]);
            }
        }
    }
}

typedef void multiply_kernel(real *out, const real *in, const real *weight, size_t in_channels,
                             const struct fetch *fetch);

#define MULTIPLY(NAME, CHANNELS, TILES, BLOCKS)                                                    \
    NEVER_INLINE void NAME(real *out, const real *in, const real *weight, size_t in_channels,      \
                           const struct fetch *fetch)                                              \
    {                                                                                              \
        multiply(out, in, weight, CHANNELS, fetch, TILES, BLOCKS);                                 \
        (void)in_channels;                                                                         \
    }
MULTIPLY(multiply_16_wide, 16, ROWS, 2)
MULTIPLY(multiply_32_wide, 32, ROWS, 2)
MULTIPLY(multiply_64_wide, 64, ROWS, 2)
MULTIPLY(multiply_any_wide, in_channels, ROWS, 2)
MULTIPLY(multiply_16_tall, 16, 2 * ROWS, 1)
MULTIPLY(multiply_any_tall, in_channels, 2 * ROWS, 1)

static multiply_kernel *multiply_wide(size_t in_channels)
{
    return in_channels == 16   ? multiply_16_wide
           : in_channels == 32 ? multiply_32_wide
           : in_channels == 64 ? multiply_64_wide
                               : multiply_any_wide;
}

/* One point of a strip. */
static void multiply_point(real *out, const real *in, const real *weight, size_t in_channels,
                           size_t out_channels, size_t tiles, struct fetch fetch)
{
    multiply_kernel *wide = multiply_wide(in_channels);
    multiply_kernel *tall = in_channels == 16 ? multiply_16_tall : multiply_any_tall;
    size_t blocks = out_channels / LANES, b = 0;
    fetch_divide(&fetch, (blocks * tiles + 2 * ROWS - 1) / (2 * ROWS));
    for (; b + 2 <= blocks; b += 2) {
        for (size_t t = 0; t < tiles; t += ROWS, fetch_next(&fetch)) {
            wide(out + b * BLOCK_STEP + t * LANES, in + t * LANES, weight + b * in_channels * LANES,
                 in_channels, &fetch);
        }
    }
    for (size_t t = 0; t < tiles && b < blocks; t += 2 * ROWS, fetch_next(&fetch)) {
        tall(out + b * BLOCK_STEP + t * LANES, in + t * LANES, weight + b * in_channels * LANES,
             in_channels, &fetch);
    }
}

/* Sums over up to WINOGRAD_TERMS tiles of the products of `rows` channels of `dout` with `blocks`
 * blocks of `in`: added to what stands in `to`, or put there. */
INLINE void correlate_terms(real *to, const real *dout, const real *in, size_t out_channels,
                            size_t tiles, bool adds, const struct fetch *fetch, int rows,
                            int blocks)
{
    vector sum[2 * ROWS][2];
    for (int r = 0; r < rows; r++) {
        for (int b = 0; b < blocks; b++) {
            sum[r][b] = (vector){0};
        }
    }
    for (size_t t = 0; t < tiles; t++, in += LANES, dout += LANES) {
        fetch_lines(fetch, t);
        for (int b = 0; b < blocks; b++) {
            vector x = load(in + b * BLOCK_STEP);
            for (int r = 0; r < rows; r++) {
                sum[r][b] += dout[r] * x;
            }
        }
    }
    for (int r = 0; r < rows; r++) {
        for (int b = 0; b < blocks; b++) {
            real *at = to + (b * out_channels + (size_t)r) * LANES;
            store(at, adds ? load(at) + sum[r][b] : sum[r][b]);
        }
    }
}

/* The same of any number of tiles. */
INLINE void correlate(real *to, const real *dout, const real *in, size_t out_channels, size_t tiles,
                      bool adds, struct fetch *fetch, int rows, int blocks)
{
    for (size_t t = 0; t < tiles; t += WINOGRAD_TERMS, fetch_next(fetch)) {
        size_t terms = tiles - t < WINOGRAD_TERMS ? tiles - t : WINOGRAD_TERMS;
        correlate_terms(to, dout + t * LANES, in + t * LANES, out_channels, terms, adds || t > 0,
                        fetch, rows, blocks);
    }
}

NEVER_INLINE void correlate_wide(real *to, const real *dout, const real *in, size_t out_channels,
                                 size_t tiles, bool adds, struct fetch *fetch)
{
    correlate(to, dout, in, out_channels, tiles, adds, fetch, ROWS, 2);
}

NEVER_INLINE void correlate_tall(real *to, const real *dout, const real *in, size_t out_channels,
                                 size_t tiles, bool adds, struct fetch *fetch)
{
    correlate(to, dout, in, out_channels, tiles, adds, fetch, 2 * ROWS, 1);
}

static void correlate_point(real *to, const real *dout, const real *in, size_t in_channels,
                            size_t out_channels, size_t tiles, bool adds, struct fetch fetch)
{
    size_t blocks = in_channels / LANES, b = 0;
    size_t terms = (tiles + WINOGRAD_TERMS - 1) / WINOGRAD_TERMS;
    fetch_divide(&fetch, (blocks * out_channels + 2 * ROWS - 1) / (2 * ROWS) * terms);
    for (; b + 2 <= blocks; b += 2) {
        for (size_t o = 0; o < out_channels; o += ROWS) {
            correlate_wide(to + (b * out_channels + o) * LANES,
                           dout + o / LANES * BLOCK_STEP + o % LANES, in + b * BLOCK_STEP,
                           out_channels, tiles, adds, &fetch);
        }
    }
    for (size_t o = 0; o < out_channels && b < blocks; o += 2 * ROWS) {
        correlate_tall(to + (b * out_channels + o) * LANES,
                       dout + o / LANES * BLOCK_STEP + o % LANES, in + b * BLOCK_STEP, out_channels,
                       tiles, adds, &fetch);
    }
}
