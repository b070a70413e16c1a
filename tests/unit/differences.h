/* A layer's gradients in double against central differences of sum(r * out), r random; the sources
 * are those that are shipped. Inputs stay away from the kinks of ReLU and pooling: values are
 * distinct by far more than the step. */
#ifndef LIPSWEEP_TESTS_DIFFERENCES_H
#define LIPSWEEP_TESTS_DIFFERENCES_H

#include "common/rng.h"
#include "worker/kernels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdint.h>
#include <cmocka.h>

enum { MAX = 20000 }; /* of an array */

static const double STEP = 1e-6;

static inline void fill(real *x, size_t count, uint32_t index)
{
    struct rng_stream stream = {41, RNG_GLYPHS, 0, index};
    for (size_t i = 0; i < count; i++) {
        uint32_t word[4];
        rng_block(&stream, (uint32_t)i, word);
        x[i] = 2 * rng_uniform(word[0]) - 1;
    }
}

/* A layer under test: runs forward and gives sum(r * out). */
struct probe {
    double (*value)(const struct probe *probe);
    const void *layer;
    real *in, *weight, *bias, *out;
    const real *r;
    size_t out_count, images;
};

static inline double weighted_sum(const struct probe *probe)
{
    double sum = 0;
    for (size_t i = 0; i < probe->out_count; i++) {
        sum += probe->r[i] * probe->out[i];
    }
    return sum;
}

/* |numeric - gradient| / |gradient| over all of x. */
static inline void check(const struct probe *probe, real *x, const real *gradient, size_t count)
{
    double off = 0, norm = 0;
    for (size_t i = 0; i < count; i++) {
        double kept = x[i];
        x[i] = kept + STEP;
        double above = probe->value(probe);
        x[i] = kept - STEP;
        double below = probe->value(probe);
        x[i] = kept;
        double numeric = (above - below) / (2 * STEP);
        off += (numeric - gradient[i]) * (numeric - gradient[i]);
        norm += gradient[i] * gradient[i];
    }
    assert_true(norm > 0);
    assert_true(sqrt(off / norm) < 1e-7);
}

#endif
