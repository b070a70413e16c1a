#include "peak.h"
#include "stopwatch.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Enough chains to hide the latency of four cycles on two units, few enough for 16 registers. */
enum { CHAINS = 12, ROUNDS = 4000 };

#ifdef __x86_64__
#include <immintrin.h>

/* An asm statement apiece, so that the compiler can neither merge, move nor spill them. */
#define MULTIPLY_ADD(sum) __asm__ volatile("vfmadd213ps %1, %1, %0" : "+v"(sum) : "v"(factor))

__attribute__((target("avx512f"))) static void run_avx512(void)
{
    __m512 factor = _mm512_set1_ps(0.5f), s0 = factor, s1 = factor, s2 = factor, s3 = factor;
    __m512 s4 = factor, s5 = factor, s6 = factor, s7 = factor, s8 = factor, s9 = factor;
    __m512 s10 = factor, s11 = factor;
    for (int i = 0; i < ROUNDS; i++) {
        MULTIPLY_ADD(s0);
        MULTIPLY_ADD(s1);
        MULTIPLY_ADD(s2);
        MULTIPLY_ADD(s3);
        MULTIPLY_ADD(s4);
        MULTIPLY_ADD(s5);
        MULTIPLY_ADD(s6);
        MULTIPLY_ADD(s7);
        MULTIPLY_ADD(s8);
        MULTIPLY_ADD(s9);
        MULTIPLY_ADD(s10);
        MULTIPLY_ADD(s11);
    }
}

__attribute__((target("avx2,fma"))) static void run_avx2(void)
{
    __m256 factor = _mm256_set1_ps(0.5f), s0 = factor, s1 = factor, s2 = factor, s3 = factor;
    __m256 s4 = factor, s5 = factor, s6 = factor, s7 = factor, s8 = factor, s9 = factor;
    __m256 s10 = factor, s11 = factor;
    for (int i = 0; i < ROUNDS; i++) {
        MULTIPLY_ADD(s0);
        MULTIPLY_ADD(s1);
        MULTIPLY_ADD(s2);
        MULTIPLY_ADD(s3);
        MULTIPLY_ADD(s4);
        MULTIPLY_ADD(s5);
        MULTIPLY_ADD(s6);
        MULTIPLY_ADD(s7);
        MULTIPLY_ADD(s8);
        MULTIPLY_ADD(s9);
        MULTIPLY_ADD(s10);
        MULTIPLY_ADD(s11);
    }
}
#endif

/* Four lanes, a multiplication and an addition: what the portable kernels are compiled to. */
static void run_generic(void)
{
    typedef float vector __attribute__((vector_size(16)));
    vector factor = {0.5f, 0.5f, 0.5f, 0.5f}, sums[CHAINS];
    for (int c = 0; c < CHAINS; c++) {
        sums[c] = factor;
    }
    for (int i = 0; i < ROUNDS; i++) {
        for (int c = 0; c < CHAINS; c++) {
            sums[c] = sums[c] * factor + factor;
        }
    }
    volatile float sink = 0;
    for (int c = 0; c < CHAINS; c++) {
        sink = sink + sums[c][0];
    }
}

double peak_gflops(const char *level)
{
    void (*run)(void) = run_generic;
    double lanes = 4, best = 0;
#ifdef __x86_64__
    if (strcmp(level, "avx512") == 0) {
        run = run_avx512;
        lanes = 16;
    } else if (strcmp(level, "avx2") == 0) {
        run = run_avx2;
        lanes = 8;
    }
#endif
    for (int i = 0; i < 20; i++) {
        double start = stopwatch_cpu_s();
        run();
        double speed = 2 * lanes * CHAINS * ROUNDS / (stopwatch_cpu_s() - start) * 1e-9;
        best = speed > best ? speed : best;
    }
    return best;
}

double peak_copy_gbytes(void)
{
    const size_t size = (size_t)64 << 20;
    char *from = malloc(size), *to = malloc(size);
    double best = 0;
    for (int i = 0; from && to && i < 4; i++) { /* the first one gets the pages */
        memset(from, i, size);
        double start = stopwatch_cpu_s();
        memcpy(to, from, size);
        double speed = 2 * (double)size / (stopwatch_cpu_s() - start) * 1e-9;
        best = to[size / 2] == i && speed > best ? speed : best;
    }
    free(from);
    free(to);
    return best;
}
