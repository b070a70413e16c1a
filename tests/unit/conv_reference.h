/* Convolution as the formula has it, in double, for tests; and seeded numbers between guards. */
#ifndef LIPSWEEP_TESTS_CONV_REFERENCE_H
#define LIPSWEEP_TESTS_CONV_REFERENCE_H

#include "common/rng.h"
#include "worker/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REFERENCE_GUARD = 64 };

static const real REFERENCE_GUARD_VALUE = 12345;

/* Numbers between guards, 64-byte aligned; owned. */
struct guarded {
    real *memory, *x;
    size_t count;
};

static inline struct guarded guarded_create(size_t count, uint32_t index)
{
    size_t bytes = (count + 2 * REFERENCE_GUARD) * sizeof(real);
    struct guarded g = {.memory = aligned_alloc(64, (bytes + 63) / 64 * 64), .count = count};
    assert_non_null(g.memory);
    g.x = g.memory + REFERENCE_GUARD;
    for (size_t i = 0; i < count + 2 * REFERENCE_GUARD; i++) {
        g.memory[i] = REFERENCE_GUARD_VALUE;
    }
    struct rng_stream stream = {47, RNG_GLYPHS, 0, index};
    uint32_t word[4] = {0};
    for (size_t i = 0; i < count; i++) {
        if (i % 4 == 0) {
            rng_block(&stream, (uint32_t)i, word);
        }
        g.x[i] = (real)(2 * rng_uniform(word[i % 4]) - 1);
    }
    return g;
}

static inline void guarded_check(const struct guarded *g)
{
    for (size_t i = 0; i < REFERENCE_GUARD; i++) {
        assert_true(g->memory[i] == REFERENCE_GUARD_VALUE);
        assert_true(g->x[g->count + i] == REFERENCE_GUARD_VALUE);
    }
}

static inline void guarded_destroy(struct guarded *g)
{
    free(g->memory);
    *g = (struct guarded){0};
}

static inline size_t in_count(const struct conv_shape *s, size_t images)
{
    return images * s->in_height * s->in_width * s->in_channels;
}

static inline size_t out_count(const struct conv_shape *s, size_t images)
{
    return images * s->out_height * s->out_width * s->out_channels;
}

static inline size_t weight_count(const struct conv_shape *s)
{
    return s->kernel * s->kernel * s->in_channels * s->out_channels;
}

/* Calls `visit` for every product of the convolution: numbers of the output, the input and the
 * weight [out_channels][in_channels][kernel][kernel]. */
static inline void each_product(const struct conv_shape *s, size_t images,
                                void (*visit)(void *context, size_t out, size_t in, size_t weight),
                                void *context)
{
    size_t area = s->kernel * s->kernel;
    for (size_t p = 0; p < images * s->out_height * s->out_width; p++) {
        size_t image = p / (s->out_height * s->out_width);
        for (size_t k = 0; k < area; k++) {
            /* unsigned wrap puts what lies before the image far behind it */
            size_t y = p / s->out_width % s->out_height * s->stride + k / s->kernel - s->padding;
            size_t x = p % s->out_width * s->stride + k % s->kernel - s->padding;
            if (y >= s->in_height || x >= s->in_width) {
                continue;
            }
            size_t in = ((image * s->in_height + y) * s->in_width + x) * s->in_channels;
            for (size_t o = 0; o < s->out_channels; o++) {
                for (size_t c = 0; c < s->in_channels; c++) {
                    visit(context, p * s->out_channels + o, in + c,
                          (o * s->in_channels + c) * area + k);
                }
            }
        }
    }
}

struct reference {
    const real *in, *weight, *dout;
    double *out, *din, *dweight; /* owned; dweight as the weights */
};

static inline void reference_visit(void *context, size_t out, size_t in, size_t weight)
{
    struct reference *r = (struct reference *)context;
    r->out[out] += (double)r->in[in] * (double)r->weight[weight];
    r->din[in] += (double)r->dout[out] * (double)r->weight[weight];
    r->dweight[weight] += (double)r->dout[out] * (double)r->in[in];
}

/* Output without bias, and all gradients. */
static inline struct reference reference_create(const struct conv_shape *s, size_t images,
                                                const real *in, const real *weight,
                                                const real *dout)
{
    struct reference r = {.in = in, .weight = weight, .dout = dout};
    r.out = calloc(out_count(s, images), sizeof(double));
    r.din = calloc(in_count(s, images), sizeof(double));
    r.dweight = calloc(weight_count(s), sizeof(double));
    assert_true(r.out && r.din && r.dweight);
    each_product(s, images, reference_visit, &r);
    return r;
}

static inline void reference_destroy(struct reference *r)
{
    free(r->out);
    free(r->din);
    free(r->dweight);
}

/* |a - b| / |b| */
static inline double distance(const double *a, const double *b, size_t count)
{
    double difference = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        difference += (a[i] - b[i]) * (a[i] - b[i]);
        size += b[i] * b[i];
    }
    return sqrt(difference / size);
}

static inline double real_distance(const real *a, const double *b, size_t count)
{
    double difference = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        size += b[i] * b[i];
    }
    return sqrt(difference / size);
}

#endif
