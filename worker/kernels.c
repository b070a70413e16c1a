#include "worker/kernels.h"

#include <stdlib.h>
#include <string.h>

extern const struct kernels kernels_generic;
#ifdef KERNELS_X86
extern const struct kernels kernels_avx2, kernels_avx512;
#endif

const struct kernels *kernels_level(int index)
{
    switch (index) {
    case 0:
        return &kernels_generic;
#ifdef KERNELS_X86
    case 1:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &kernels_avx2
                                                                               : NULL;
    case 2:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
                   ? &kernels_avx512
                   : NULL;
#endif
    default:
        return NULL;
    }
}

const struct kernels *kernels_get(void)
{
    const char *cap = getenv("LIPSWEEP_KERNEL_LEVEL");
    const struct kernels *best = &kernels_generic;
    for (int i = 0; i < KERNEL_LEVEL_COUNT; i++) {
        const struct kernels *level = kernels_level(i);
        if (level) {
            best = level;
        }
        if (cap && level && strcmp(cap, level->level) == 0) {
            break;
        }
    }
    return best;
}
