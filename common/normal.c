#include "common/normal_kernel.h"

#include <string.h>

static normal_kernel *best_kernel(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) {
        return normal_kernel_avx512;
    }
    if (__builtin_cpu_supports("avx2")) {
        return normal_kernel_avx2;
    }
#endif
    return normal_kernel_generic;
}

void rng_normals(const struct rng_stream *stream, float *z, size_t count)
{
    normal_kernel *kernel = best_kernel();
    uint32_t block = 0;
    for (; count >= NORMAL_CHUNK; count -= NORMAL_CHUNK) {
        kernel(stream, block, z);
        z += NORMAL_CHUNK;
        block += NORMAL_CHUNK_BLOCKS;
    }
    if (count > 0) {
        float rest[NORMAL_CHUNK];
        kernel(stream, block, rest);
        memcpy(z, rest, count * sizeof *z);
    }
}
