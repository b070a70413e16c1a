#include "common/rng.h"

static inline void mulhilo(uint32_t a, uint32_t b, uint32_t *high, uint32_t *low)
{
    uint64_t product = (uint64_t)a * b;
    *high = (uint32_t)(product >> 32);
    *low = (uint32_t)product;
}

void philox4x32_10(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint32_t high0, low0, high1, low1;
        mulhilo(0xD2511F53u, c0, &high0, &low0);
        mulhilo(0xCD9E8D57u, c2, &high1, &low1);
        c0 = high1 ^ c1 ^ k0;
        c1 = low1;
        c2 = high0 ^ c3 ^ k1;
        c3 = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

void rng_block(const struct rng_stream *stream, uint32_t block, uint32_t out[4])
{
    const uint32_t counter[4] = {block, stream->index, stream->epoch, stream->purpose};
    const uint32_t key[2] = {(uint32_t)stream->key, (uint32_t)(stream->key >> 32)};
    philox4x32_10(counter, key, out);
}

double rng_uniform(uint32_t word)
{
    return ((double)word + 0.5) * 0x1p-32;
}
