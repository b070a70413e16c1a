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
    /* Eight sums are just as many as two multiply-adds a cycle keep waiting: a dozen are safe. */
    MOST = VECTOR_BYTES == 32 ? 6 : ROWS,
};

/* How `count` rows, a multiple of ROWS when rounded up, fall into as many times MOST as can be and
 * the rest times ROWS. */
static size_t rows_in_most(size_t count)
{
    size_t rows = (count + ROWS - 1) / ROWS * ROWS;
    while (rows % MOST != 0) {
        rows -= ROWS;
    }
    return rows;
}

/* What is fetched during the products of a strip: the first two arrays to be read, the others to be
 * written. At every step a line of each kind, as a CPU that waits for some twenty lines drops what
 * it is asked to fetch beyond them. */
enum { FETCHED = 4 };

struct fetch {
    const real *at[FETCHED];
    size_t lines[FETCHED];
};

/* To the lines for each of so many parts: once a strip, as four divisions take as long as a fifth
 * of a point's products at 16 channels. */
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
    enum { STEPS = VECTOR_BYTES == 64 ? 1 : VECTOR_BYTES == 32 ? 2 : 4 };
    if (step % STEPS == 0) {
        size_t turn = step / STEPS, line = turn / 2 * LINE;
        __builtin_prefetch(fetch->at[turn % 2] + line, 0, 2);
        __builtin_prefetch(fetch->at[2 + turn % 2] + line, 1);
    }
}

/* Adds the products of one channel of so many tiles with its weights for so many blocks. */
INLINE void multiply_step(vector sum[][2], const real *in, const real *weight, size_t weight_step,
                          int tiles, int blocks)
{
    vector w[2];
    for (int b = 0; b < blocks; b++) {
        w[b] = load(weight + (size_t)b * weight_step);
    }
    for (int t = 0; t < tiles; t++) {
        vector x = spread(in[(size_t)t * LANES]);
        for (int b = 0; b < blocks; b++) {
            sum[t][b] += x * w[b];
        }
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
        for (size_t block = 0; block < CONV_BLOCK / LANES; block++, in += BLOCK_STEP) {
#pragma GCC unroll 8
            for (size_t lane = 0; lane < LANES; lane++, weight += LANES) {
                fetch_lines(fetch, block * LANES + lane);
                multiply_step(sum, in + lane, weight, in_channels * LANES, tiles, blocks);
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
MULTIPLY(multiply_16_most, 16, MOST, 2)
MULTIPLY(multiply_32_most, 32, MOST, 2)
MULTIPLY(multiply_64_most, 64, MOST, 2)
MULTIPLY(multiply_any_most, in_channels, MOST, 2)
MULTIPLY(multiply_16_wide, 16, ROWS, 2)
MULTIPLY(multiply_32_wide, 32, ROWS, 2)
MULTIPLY(multiply_64_wide, 64, ROWS, 2)
MULTIPLY(multiply_any_wide, in_channels, ROWS, 2)
MULTIPLY(multiply_16_tall, 16, 2 * ROWS, 1)
MULTIPLY(multiply_any_tall, in_channels, 2 * ROWS, 1)

static multiply_kernel *multiply_most(size_t in_channels)
{
    return in_channels == 16   ? multiply_16_most
           : in_channels == 32 ? multiply_32_most
           : in_channels == 64 ? multiply_64_most
                               : multiply_any_most;
}

static multiply_kernel *multiply_wide(size_t in_channels)
{
    return in_channels == 16   ? multiply_16_wide
           : in_channels == 32 ? multiply_32_wide
           : in_channels == 64 ? multiply_64_wide
                               : multiply_any_wide;
}

/* About how many kernels a point takes. */
static size_t multiply_parts(size_t out_channels, size_t tiles)
{
    return (out_channels / LANES * tiles + 2 * MOST - 1) / (2 * MOST);
}

/* One point of a strip. */
static void multiply_point(real *out, const real *in, const real *weight, size_t in_channels,
                           size_t out_channels, size_t tiles, struct fetch *fetch)
{
    multiply_kernel *most = multiply_most(in_channels), *wide = multiply_wide(in_channels);
    multiply_kernel *tall = in_channels == 16 ? multiply_16_tall : multiply_any_tall;
    size_t blocks = out_channels / LANES, b = 0, in_most = rows_in_most(tiles);
    for (; b + 2 <= blocks; b += 2) {
        for (size_t t = 0; t < tiles; t += t < in_most ? MOST : ROWS, fetch_next(fetch)) {
            (t < in_most ? most : wide)(out + b * BLOCK_STEP + t * LANES, in + t * LANES,
                                        weight + b * in_channels * LANES, in_channels, fetch);
        }
    }
    for (size_t t = 0; t < tiles && b < blocks; t += 2 * ROWS, fetch_next(fetch)) {
        tall(out + b * BLOCK_STEP + t * LANES, in + t * LANES, weight + b * in_channels * LANES,
             in_channels, fetch);
    }
}

/* Sums over up to WINOGRAD_TERMS tiles of the products of `rows` channels, two of them from each of
 * `pairs` on, with `blocks` blocks of `in`: added to what stands in `to`, or put there. */
INLINE void correlate_terms(real *to, const real *const *pairs, const real *in, size_t out_channels,
                            size_t first, size_t tiles, bool adds, const struct fetch *fetch,
                            int rows, int blocks)
{
    vector sum[2 * ROWS][2];
    for (int r = 0; r < rows; r++) {
        for (int b = 0; b < blocks; b++) {
            sum[r][b] = (vector){0};
        }
    }
#pragma GCC unroll 4
    for (size_t t = 0; t < tiles; t++) {
        size_t at = (first + t) * LANES;
        fetch_lines(fetch, t);
        vector x[2];
        for (int b = 0; b < blocks; b++) {
            x[b] = load(in + at + b * BLOCK_STEP);
        }
        for (int r = 0; r < rows; r++) {
            vector d = spread(pairs[r / 2][at + (size_t)(r % 2)]);
            for (int b = 0; b < blocks; b++) {
                sum[r][b] += d * x[b];
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

/* The same of any number of tiles, with the channels from `row` on, which is even: as many as do
 * not divide a block may end in the next one. */
INLINE void correlate(real *to, const real *dout, size_t row, const real *in, size_t out_channels,
                      size_t tiles, bool adds, struct fetch *fetch, int rows, int blocks)
{
    const real *pairs[ROWS];
    const real *first = dout + row / LANES * BLOCK_STEP + row % LANES;
    for (size_t r = 0; r < (size_t)rows; r += 2) {
        pairs[r / 2] = LANES % rows == 0
                           ? first + r
                           : dout + (row + r) / LANES * BLOCK_STEP + (row + r) % LANES;
    }
    to += row * LANES;
    size_t t = 0;
    for (; t + WINOGRAD_TERMS <= tiles; t += WINOGRAD_TERMS, fetch_next(fetch)) {
        correlate_terms(to, pairs, in, out_channels, t, WINOGRAD_TERMS, adds || t > 0, fetch, rows,
                        blocks);
    }
    if (t < tiles) {
        correlate_terms(to, pairs, in, out_channels, t, tiles - t, adds || t > 0, fetch, rows,
                        blocks);
        fetch_next(fetch);
    }
}

#define CORRELATE(NAME, ROWS_AT_ONCE, BLOCKS)                                                      \
    NEVER_INLINE void NAME(real *to, const real *dout, size_t row, const real *in,                 \
                           size_t out_channels, size_t tiles, bool adds, struct fetch *fetch)      \
    {                                                                                              \
        correlate(to, dout, row, in, out_channels, tiles, adds, fetch, ROWS_AT_ONCE, BLOCKS);      \
    }
CORRELATE(correlate_most, MOST, 2)
CORRELATE(correlate_wide, ROWS, 2)
CORRELATE(correlate_tall, 2 * ROWS, 1)

static size_t correlate_parts(size_t in_channels, size_t out_channels, size_t tiles)
{
    size_t terms = (tiles + WINOGRAD_TERMS - 1) / WINOGRAD_TERMS;
    return (in_channels / LANES * out_channels + 2 * MOST - 1) / (2 * MOST) * terms;
}

static void correlate_point(real *to, const real *dout, const real *in, size_t in_channels,
                            size_t out_channels, size_t tiles, bool adds, struct fetch *fetch)
{
    size_t blocks = in_channels / LANES, b = 0, in_most = rows_in_most(out_channels);
    for (; b + 2 <= blocks; b += 2) {
        for (size_t o = 0; o < out_channels; o += o < in_most ? MOST : ROWS) {
            (o < in_most ? correlate_most : correlate_wide)(to + b * out_channels * LANES, dout, o,
                                                            in + b * BLOCK_STEP, out_channels,
                                                            tiles, adds, fetch);
        }
    }
    for (size_t o = 0; o < out_channels && b < blocks; o += 2 * ROWS) {
        correlate_tall(to + b * out_channels * LANES, dout, o, in + b * BLOCK_STEP, out_channels,
                       tiles, adds, fetch);
    }
}
