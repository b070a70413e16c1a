/* Philox words and the Box–Muller transform on whole vectors.
 *
 * Only +, -, *, / and sqrt on doubles, which IEEE 754 rounds exactly, integer arithmetic, and no
 * contraction to fused multiply-add (-ffp-contract=off): every vector width gives the same bits. No
 * branch depends on a draw. Compiled once for each instruction set under the name NORMAL_KERNEL. */
#include "common/normal_kernel.h"

#include <math.h>
#include <string.h>

#if defined __AVX512F__
#define VECTOR_BYTES 64
#elif defined __AVX2__
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

enum { LANES = VECTOR_BYTES / 8, CHUNK = NORMAL_CHUNK_BLOCKS };

typedef double vector __attribute__((vector_size(VECTOR_BYTES)));
typedef uint64_t bits __attribute__((vector_size(VECTOR_BYTES)));
typedef uint32_t words __attribute__((vector_size(VECTOR_BYTES / 2)));

/* Pairs of draws before they are interleaved. */
struct pairs {
    _Alignas(64) double radius[CHUNK], cosine[CHUNK], sine[CHUNK];
};

struct chunk {
    _Alignas(64) uint32_t word[4][CHUNK];
};

static void philox_chunk(const struct rng_stream *stream, uint32_t first_block, struct chunk *chunk)
{
    uint32_t *c0 = chunk->word[0], *c1 = chunk->word[1];
    uint32_t *c2 = chunk->word[2], *c3 = chunk->word[3];
    for (uint32_t i = 0; i < CHUNK; i++) {
        c0[i] = first_block + i;
        c1[i] = stream->index;
        c2[i] = stream->epoch;
        c3[i] = stream->purpose;
    }
    uint32_t k0 = (uint32_t)stream->key, k1 = (uint32_t)(stream->key >> 32);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < CHUNK; i++) {
            uint64_t product0 = (uint64_t)c0[i] * 0xD2511F53u;
            uint64_t product1 = (uint64_t)c2[i] * 0xCD9E8D57u;
            c0[i] = (uint32_t)(product1 >> 32) ^ c1[i] ^ k0;
            c1[i] = (uint32_t)product1;
            c2[i] = (uint32_t)(product0 >> 32) ^ c3[i] ^ k1;
            c3[i] = (uint32_t)product0;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

static inline bits load_words(const uint32_t *from)
{
    words loaded;
    memcpy(&loaded, from, sizeof loaded);
    return __builtin_convertvector(loaded, bits);
}

/* Exact for n < 2^52: n in the mantissa of 2^52 + n. */
static inline vector to_double(bits n)
{
    return (vector)(n | 0x4330000000000000u) - 0x1p52;
}

/* ln(u), u in (0, 1). u = m 2^e with m in [sqrt(1/2), sqrt(2)); ln m = 2 artanh((m-1)/(m+1)) by its
 * series, whose first neglected term is below 2e-18 of the sum. */
static inline vector natural_log(vector u)
{
    const bits bias = (bits){0} + 1023u;
    bits raw = (bits)u;
    bits biased = (raw - 0x3FE6A09E667F3BCDu + 0x3FF0000000000000u) >> 52;
    vector m = (vector)(raw - ((biased - bias) << 52));
    vector e = to_double(biased) - 1023.0;
    vector s = (m - 1.0) / (m + 1.0), t = s * s;
    vector series = (vector){0} + 2.0 / 21;
    series = series * t + 2.0 / 19;
    series = series * t + 2.0 / 17;
    series = series * t + 2.0 / 15;
    series = series * t + 2.0 / 13;
    series = series * t + 2.0 / 11;
    series = series * t + 2.0 / 9;
    series = series * t + 2.0 / 7;
    series = series * t + 2.0 / 5;
    series = series * t + 2.0 / 3;
    vector log_m = 2.0 * s + s * t * series;
    /* ln 2 in two parts; e times the first (33 bits) is exact. */
    return e * 0x1.62e42fefp-1 + (log_m + e * 0x1.473de6af278edp-34);
}

/* Taylor; |x| <= pi/4: the first neglected terms are below 2e-18. */
static inline vector sine_series(vector x, vector t)
{
    vector series = (vector){0} + 1.0 / 355687428096000;
    series = series * t - 1.0 / 1307674368000;
    series = series * t + 1.0 / 6227020800;
    series = series * t - 1.0 / 39916800;
    series = series * t + 1.0 / 362880;
    series = series * t - 1.0 / 5040;
    series = series * t + 1.0 / 120;
    series = series * t - 1.0 / 6;
    return x + x * t * series;
}

static inline vector cosine_series(vector t)
{
    vector series = (vector){0} + 1.0 / 20922789888000;
    series = series * t - 1.0 / 87178291200;
    series = series * t + 1.0 / 479001600;
    series = series * t - 1.0 / 3628800;
    series = series * t + 1.0 / 40320;
    series = series * t - 1.0 / 720;
    series = series * t + 1.0 / 24;
    return 1.0 - (0.5 * t - t * t * series);
}

/* The angle 2 pi (w + 1/2) / 2^32 is reduced to the nearest quarter turn in integers, exactly. */
static inline void turn(bits w, vector *cosine, vector *sine)
{
    bits quarter = (w + (1u << 29)) >> 30;
    vector x = (to_double(w) + 0.5 - to_double(quarter << 30)) * (0x1.921fb54442d18p+2 * 0x1p-32);
    vector t = x * x;
    bits s = (bits)sine_series(x, t), c = (bits)cosine_series(t);
    bits odd = -(quarter & 1);
    bits cosine_sign = ((quarter + 1) & 2) << 62, sine_sign = (quarter & 2) << 62;
    *cosine = (vector)(((c & ~odd) | (s & odd)) ^ cosine_sign);
    *sine = (vector)(((s & ~odd) | (c & odd)) ^ sine_sign);
}

static void transform(const uint32_t *radius_words, const uint32_t *angle_words,
                      struct pairs *pairs)
{
    for (int i = 0; i < CHUNK; i += LANES) {
        vector u = (to_double(load_words(radius_words + i)) + 0.5) * 0x1p-32;
        vector square = -2.0 * natural_log(u);
        vector cosine, sine;
        turn(load_words(angle_words + i), &cosine, &sine);
        memcpy(pairs->radius + i, &square, sizeof square);
        memcpy(pairs->cosine + i, &cosine, sizeof cosine);
        memcpy(pairs->sine + i, &sine, sizeof sine);
    }
    for (int i = 0; i < CHUNK; i++) {
        pairs->radius[i] = sqrt(pairs->radius[i]);
    }
}

void NORMAL_KERNEL(const struct rng_stream *stream, uint32_t first_block, float z[NORMAL_CHUNK])
{
    struct chunk chunk;
    struct pairs first, second;
    philox_chunk(stream, first_block, &chunk);
    transform(chunk.word[0], chunk.word[1], &first);
    transform(chunk.word[2], chunk.word[3], &second);
    for (int i = 0; i < CHUNK; i++) {
        z[4 * i] = (float)(first.radius[i] * first.cosine[i]);
        z[4 * i + 1] = (float)(first.radius[i] * first.sine[i]);
        z[4 * i + 2] = (float)(second.radius[i] * second.cosine[i]);
        z[4 * i + 3] = (float)(second.radius[i] * second.sine[i]);
    }
}
