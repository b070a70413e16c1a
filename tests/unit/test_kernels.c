/* Every instruction set's kernels against the generic ones, on odd sizes, with guard values around
 * what they write; and the ways of convolution against each other. */
#include "common/rng.h"
#include "worker/conv.h"
#include "worker/conv_turned.h"
#include "worker/gemm.h"
#include "worker/winograd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <float.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

enum { MAX = 80000, GUARD = 64 };

static const real GUARD_VALUE = 12345;

/* Numbers between two guards. */
struct guarded {
    real before[GUARD], x[MAX], after_most[GUARD];
    size_t count;
};

static void guard(struct guarded *g, size_t count, uint32_t index)
{
    assert_true(count <= MAX);
    struct rng_stream stream = {47, RNG_GLYPHS, 0, index};
    g->count = count;
    for (size_t i = 0; i < count; i++) {
        uint32_t word[4];
        rng_block(&stream, (uint32_t)i, word);
        g->x[i] = (real)(2 * rng_uniform(word[0]) - 1);
    }
    for (size_t i = 0; i < GUARD; i++) {
        g->before[i] = GUARD_VALUE;
        *(count + i < MAX ? &g->x[count + i] : &g->after_most[i]) = GUARD_VALUE;
    }
}

static void check_guard(const struct guarded *g)
{
    for (size_t i = 0; i < GUARD; i++) {
        assert_true(g->before[i] == GUARD_VALUE);
        assert_true((g->count + i < MAX ? g->x[g->count + i] : g->after_most[i]) == GUARD_VALUE);
    }
}

/* Sums of `terms` products of numbers up to 1: equal to so many roundings. */
static void check_equal(const struct guarded *a, const struct guarded *b, double terms)
{
    check_guard(a);
    check_guard(b);
    for (size_t i = 0; i < a->count; i++) {
        double bound = terms * FLT_EPSILON;
        assert_true(fabs((double)a->x[i] - (double)b->x[i]) <= bound);
    }
}

static void each_level(void (*check)(const struct kernels *level, const struct kernels *generic))
{
    for (int i = 1; i < KERNEL_LEVEL_COUNT; i++) {
        const struct kernels *level = kernels_level(i);
        if (level) {
            check(level, kernels_level(0));
        }
    }
}

static const struct conv_shape shapes[] = {
    {28, 28, 1, 28, 28, 16, 5, 2, 1}, {6, 9, 1, 6, 9, 16, 5, 2, 1},
    {5, 4, 3, 5, 4, 32, 3, 1, 1},     {9, 31, 2, 7, 29, 16, 3, 0, 1},
    {1, 1, 7, 1, 1, 48, 1, 0, 1},     {7, 15, 4, 7, 15, 16, 3, 1, 1},
    {13, 3, 1, 13, 3, 32, 7, 3, 1},   {2, 2, 16, 2, 2, 16, 5, 2, 1},
    {7, 8, 16, 4, 4, 32, 3, 1, 2},    {9, 5, 3, 5, 3, 16, 1, 0, 2},
    {5, 23, 16, 5, 23, 16, 3, 1, 1},  {8, 9, 32, 4, 5, 16, 3, 1, 2},
    {7, 5, 16, 4, 3, 32, 1, 0, 2},    {10, 1, 16, 4, 1, 16, 5, 2, 3},
    {9, 17, 3, 9, 17, 16, 3, 1, 1},   {19, 3, 16, 10, 2, 48, 3, 1, 2},
};
enum { SHAPE_COUNT = sizeof shapes / sizeof *shapes };

static size_t taps(const struct conv_shape *s)
{
    return s->kernel * s->kernel * s->in_channels;
}

static void check_input_gradient(const struct kernels *level, const struct kernels *generic,
                                 const struct conv_shape *s)
{
    static struct guarded frame, turned, a, b;
    const struct conv_fetch fetch = {{a.x, b.x}, {MAX, 1}};
    size_t in = s->in_height * s->in_width * s->in_channels;
    guard(&frame, conv_frame_size(s), 1);
    guard(&turned, taps(s) * s->out_channels, 2);
    guard(&a, in, 3);
    guard(&b, in, 4);
    double terms = 2 + (double)(s->kernel * s->kernel * s->out_channels);
    level->conv_input_gradient(a.x, false, frame.x, turned.x, s, &fetch);
    generic->conv_input_gradient(b.x, false, frame.x, turned.x, s, &fetch);
    check_equal(&a, &b, terms);
    memcpy(b.x, a.x, in * sizeof *a.x);
    level->conv_input_gradient(a.x, true, frame.x, turned.x, s, &fetch);
    generic->conv_input_gradient(b.x, true, frame.x, turned.x, s, &fetch);
    check_equal(&a, &b, 2 * terms);
}

static void check_conv(const struct kernels *level, const struct kernels *generic)
{
    static struct guarded padded, packed, bias, dout, a, b, a_bias, b_bias;
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        const struct conv_shape *s = &shapes[i];
        const struct conv_fetch fetch = {{[1] = a.x, [3] = b.x},
                                         {[1] = 1, [3] = i * MAX / SHAPE_COUNT}};
        size_t out = s->out_height * s->out_width * s->out_channels;
        guard(&padded,
              (s->in_height + 2 * s->padding) * (s->in_width + 2 * s->padding) * s->in_channels, 1);
        guard(&packed, taps(s) * s->out_channels, 2);
        guard(&bias, s->out_channels, 3);
        guard(&a, out, 4);
        guard(&b, out, 5);
        level->conv_forward(a.x, padded.x, packed.x, bias.x, s, &fetch);
        generic->conv_forward(b.x, padded.x, packed.x, bias.x, s, &fetch);
        check_equal(&a, &b, 2 + (double)taps(s));
        guard(&dout, out, 6);
        guard(&a, taps(s) * s->out_channels, 7);
        guard(&b, taps(s) * s->out_channels, 7);
        guard(&a_bias, s->out_channels, 8);
        guard(&b_bias, s->out_channels, 8);
        level->conv_gradient(a.x, a_bias.x, dout.x, padded.x, s, &fetch);
        generic->conv_gradient(b.x, b_bias.x, dout.x, padded.x, s, &fetch);
        double terms = (double)(s->out_height * s->out_width);
        check_equal(&a, &b, 2 + terms);
        check_equal(&a_bias, &b_bias, 2 + terms);
        if (s->in_channels % CONV_BLOCK == 0) {
            check_input_gradient(level, generic, s);
        }
    }
}

static void convolution(void **state)
{
    (void)state;
    each_level(check_conv);
}

/* The first level is the clean image, to the bit; the second has noise, and its outputs are those
 * of the perturbed image. */
static void check_pool_levels(const struct kernels *level, const struct kernels *generic,
                              const struct guarded *halves, const struct guarded *weight,
                              const struct guarded *bias, const struct conv_pool_shape *s)
{
    static struct guarded noise, perturbed, one, a, b;
    static const real times[] = {0, (real)0.3};
    size_t out = s->out_height * s->out_width * s->out_channels;
    size_t taps = s->kernel * s->kernel * s->in_channels;
    const struct noise_levels levels = {times, 2, out};
    guard(&noise, halves->count, 8);
    guard(&perturbed, halves->count, 8);
    guard(&one, out, 9);
    guard(&a, 2 * out, 10);
    guard(&b, 2 * out, 10);
    for (size_t i = 0; i < halves->count; i++) {
        perturbed.x[i] = halves->x[i] + times[1] * noise.x[i];
    }
    level->conv_pool_levels(a.x, levels, halves->x, noise.x, weight->x, bias->x, s);
    generic->conv_pool_levels(b.x, levels, halves->x, noise.x, weight->x, bias->x, s);
    check_equal(&a, &b, 4 + 2 * (double)taps);
    level->conv_pool_forward(one.x, NULL, halves->x, weight->x, bias->x, s);
    assert_memory_equal(a.x, one.x, out * sizeof *a.x);
    generic->conv_pool_forward(one.x, NULL, perturbed.x, weight->x, bias->x, s);
    check_guard(&one);
    for (size_t i = 0; i < out; i++) {
        double off = (double)one.x[i] - (double)a.x[out + i];
        assert_true(fabs(off) <= (4 + 2 * (double)taps) * FLT_EPSILON);
    }
}

static void check_conv_pool(const struct kernels *level, const struct kernels *generic)
{
    static const struct conv_pool_shape pools[] = {
        {28, 28, 1, 14, 14, 16, 5, 2}, {7, 5, 1, 3, 2, 5, 5, 2}, {9, 12, 3, 4, 6, 3, 5, 2},
        {6, 41, 2, 2, 19, 7, 3, 0},    {2, 2, 1, 1, 1, 1, 1, 0}, {13, 12, 2, 6, 6, 4, 11, 5},
        {10, 66, 1, 3, 31, 9, 5, 0}};
    static struct guarded halves, weight, bias, dout, a, b, a_bias, b_bias;
    static uint8_t best[2][MAX];
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
        const struct conv_pool_shape *s = &pools[i];
        size_t height = s->in_height + 2 * s->padding;
        size_t taps = s->kernel * s->kernel * s->in_channels;
        size_t out = s->out_height * s->out_width * s->out_channels;
        guard(&halves, s->in_channels * 2 * height * conv_pool_half(s), 1);
        guard(&weight, taps * s->out_channels, 2);
        guard(&bias, s->out_channels, 3);
        guard(&a, out, 4);
        guard(&b, out, 5);
        memset(best, 99, sizeof best);
        level->conv_pool_forward(a.x, best[0], halves.x, weight.x, bias.x, s);
        generic->conv_pool_forward(b.x, best[1], halves.x, weight.x, bias.x, s);
        check_equal(&a, &b, 2 + (double)taps);
        assert_memory_equal(best[0], best[1], sizeof best[0]);
        level->conv_pool_forward(b.x, NULL, halves.x, weight.x, bias.x, s);
        check_equal(&a, &b, 0);

        check_pool_levels(level, generic, &halves, &weight, &bias, s);

        guard(&dout, out, 6);
        guard(&a, taps * s->out_channels, 7);
        guard(&b, taps * s->out_channels, 7);
        guard(&a_bias, s->out_channels, 8);
        guard(&b_bias, s->out_channels, 8);
        level->conv_pool_gradient(a.x, a_bias.x, dout.x, best[0], halves.x, s);
        generic->conv_pool_gradient(b.x, b_bias.x, dout.x, best[0], halves.x, s);
        check_equal(&a, &b, 2 + (double)(s->out_height * s->out_width));
        check_equal(&a_bias, &b_bias, 2 + (double)(s->out_height * s->out_width));
    }
}

static void pooling(void **state)
{
    (void)state;
    each_level(check_conv_pool);
}

static void check_flat(const struct kernels *level, const struct kernels *generic)
{
    static struct guarded weight[2], first[2], second[2], gradient, dx[2];
    const struct adam_step step = {.beta1 = 0.9f,
                                   .rest1 = 0.1f,
                                   .beta2 = 0.99f,
                                   .rest2 = 0.01f,
                                   .weight_decay = 0.02f,
                                   .step_size = 0.01f,
                                   .root_correction2 = 0.5f,
                                   .eps = 1e-4f};
    const struct kernels *kernels[] = {level, generic};
    for (size_t count = 0; count < 200; count += 13) {
        guard(&gradient, count, 1);
        for (int k = 0; k < 2; k++) {
            guard(&weight[k], count, 2);
            guard(&first[k], count, 3);
            guard(&second[k], count, 4);
            guard(&dx[k], count, 5);
            for (size_t i = 0; i < count; i++) {
                second[k].x[i] = 0.5f + second[k].x[i] * second[k].x[i];
            }
            kernels[k]->relu_forward(dx[k].x, count);
            kernels[k]->relu_backward(dx[k].x, gradient.x, count);
            struct sgd_step sgd = {.lr = 0.1f, .weight_decay = 0.01f};
            kernels[k]->sgd(weight[k].x, NULL, gradient.x, count, &sgd);
            sgd.momentum = 0.9f;
            kernels[k]->sgd(weight[k].x, first[k].x, gradient.x, count, &sgd);
            sgd.is_nesterov = true;
            kernels[k]->sgd(weight[k].x, first[k].x, gradient.x, count, &sgd);
            kernels[k]->adam(weight[k].x, first[k].x, second[k].x, gradient.x, count, &step);
        }
        check_equal(&dx[0], &dx[1], 0);
        check_equal(&weight[0], &weight[1], 8);
        check_equal(&first[0], &first[1], 8);
        check_equal(&second[0], &second[1], 8);
    }
}

static void relu_and_optimizers(void **state)
{
    (void)state;
    each_level(check_flat);
}

/* Sums of some `pixels` of numbers up to 1: a few terms of each in `real`. */
static void check_sums(double sums[2][2][64], size_t channels, size_t pixels)
{
    double bound = (double)pixels * 16 * FLT_EPSILON;
    for (size_t c = 0; c < 64; c++) {
        assert_true(fabs(sums[0][0][c] - sums[1][0][c]) < bound);
        assert_true(fabs(sums[0][1][c] - sums[1][1][c]) < bound);
        assert_true(c < channels || sums[0][0][c] == 0);
    }
}

static void check_norm_sums(const struct kernels *level, const struct kernels *generic,
                            size_t channels, size_t pixels)
{
    static struct guarded in, out, a, b;
    double sums[2][2][64] = {0}, masked[2][2][64] = {0};
    guard(&in, channels * pixels, 1);
    guard(&out, channels * pixels, 2);
    guard(&a, channels * pixels, 3);
    guard(&b, channels * pixels, 3);
    level->norm_sums(sums[0][0], sums[0][1], a.x, in.x, channels, pixels);
    generic->norm_sums(sums[1][0], sums[1][1], a.x, in.x, channels, pixels);
    check_sums(sums, channels, pixels);
    assert_true(sums[0][0][channels - 1] != 0);
    level->norm_relu_sums(masked[0][0], masked[0][1], a.x, out.x, in.x, channels, pixels);
    generic->relu_backward(b.x, out.x, channels * pixels);
    check_equal(&a, &b, 0);
    generic->norm_sums(masked[1][0], masked[1][1], b.x, in.x, channels, pixels);
    check_sums(masked, channels, pixels);
}

static void check_norm(const struct kernels *level, const struct kernels *generic)
{
    static struct guarded in, dout, scale, shift, slope, center, a, b;
    static const size_t channels[] = {16, 3, 37, 64}, pixels[] = {9, 40, 5, 1};
    for (size_t i = 0; i < 4; i++) {
        check_norm_sums(level, generic, channels[i], pixels[i]);
        size_t n = channels[i], count = n * pixels[i];
        guard(&in, count, 1);
        guard(&dout, count, 2);
        guard(&scale, n, 3);
        guard(&shift, n, 4);
        guard(&slope, n, 5);
        guard(&center, n, 6);
        guard(&a, count, 7);
        guard(&b, count, 8);
        for (int way = 0; way < 4; way++) {
            const struct norm_line line = {scale.x, shift.x, way % 2 ? dout.x : NULL, way / 2};
            level->norm_forward(a.x, in.x, &line, n, pixels[i]);
            generic->norm_forward(b.x, in.x, &line, n, pixels[i]);
            check_equal(&a, &b, 6);
        }
        const struct norm_slopes slopes = {scale.x, center.x, slope.x, shift.x};
        for (int adds = 0; adds < 2; adds++) {
            level->norm_backward(a.x, dout.x, in.x, &slopes, adds, n, pixels[i]);
            generic->norm_backward(b.x, dout.x, in.x, &slopes, adds, n, pixels[i]);
            check_equal(&a, &b, 10);
        }
    }
}

static void normalisation(void **state)
{
    (void)state;
    each_level(check_norm);
}

/* Of so many outputs of so many terms. */
static void check_moment(double a, double b, double pixels, size_t terms)
{
    double size = (double)terms;
    assert_true(fabs(a - b) <= pixels * (2 + size) * size * FLT_EPSILON);
    assert_true(a > 0 || pixels < 100);
}

/* All ways to convolve, from the layer's own interface. */
static void methods_agree(void **state)
{
    (void)state;
    static struct guarded in, weight, bias, dout, out[3], din[3], dweight[3], dbias[3];
    static _Alignas(64) real scratch[MAX];
    static double sums[MAX], moments[3][2][64];
    const size_t images = 3;
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        const struct conv_shape *s = &shapes[i];
        size_t in_count = images * s->in_height * s->in_width * s->in_channels;
        size_t out_count = images * s->out_height * s->out_width * s->out_channels;
        guard(&in, in_count, 1);
        guard(&weight, taps(s) * s->out_channels, 2);
        guard(&bias, s->out_channels, 3);
        guard(&dout, out_count, 4);
        for (enum conv_method method = CONV_DIRECT; method < CONV_METHOD_COUNT; method++) {
            if (method == CONV_WINOGRAD && !winograd_takes(s)) {
                continue;
            }
            struct arena arena = {0};
            struct conv conv;
            conv_init(&conv, s, method, true, kernels_get(), true, &arena);
            assert_true(arena_place(&arena, NULL));
            conv_init(&conv, s, method, true, kernels_get(), true, &arena);
            assert_true(conv_scratch(s, method) <= MAX && conv_sums(s, method) <= MAX);
            memset(sums, 0, sizeof sums);
            guard(&out[method], out_count, 5 + method);
            guard(&din[method], in_count, 7);
            if (method == CONV_PRODUCT) { /* that one adds */
                memset(din[method].x, 0, in_count * sizeof(real));
            }
            guard(&dweight[method], taps(s) * s->out_channels, 9);
            guard(&dbias[method], s->out_channels, 10);
            conv_begin_forward(&conv, weight.x);
            memset(moments[method], 0, sizeof moments[method]);
            const struct conv_tail tail = {.bias = bias.x,
                                           .added = dout.x,
                                           .activates = true,
                                           .sum = moments[method][0],
                                           .product = moments[method][1]};
            conv_forward(&conv, scratch, out[method].x, in.x, weight.x, &tail, images);
            conv_begin_backward(&conv, weight.x);
            const struct conv_gradients to = {
                .din = din[method].x, .adds = method == CONV_PRODUCT, .sums = sums};
            conv_backward(&conv, scratch, &to, dout.x, in.x, weight.x, images);
            conv_end_backward(&conv, sums, dweight[method].x, dbias[method].x);
            arena_finish(&arena);
        }
        double pixels = (double)(images * s->out_height * s->out_width);
        check_equal(&out[0], &out[1], 2 + (double)taps(s));
        for (size_t c = 0; c < 2 * s->out_channels; c++) {
            size_t way = c % 2;
            check_moment(moments[0][way][c / 2], moments[1][way][c / 2], pixels, taps(s));
            if (winograd_takes(s)) {
                check_moment(moments[2][way][c / 2], moments[1][way][c / 2], pixels, taps(s));
            }
        }
        check_equal(&din[0], &din[1], 2 + (double)taps(s));
        check_equal(&dweight[0], &dweight[1], 2 + pixels);
        check_equal(&dbias[0], &dbias[1], 2 + pixels);
        if (winograd_takes(s)) {
            check_equal(&out[2], &out[1], 2 + (double)taps(s));
            check_equal(&din[2], &din[1], 2 + (double)taps(s));
            check_equal(&dweight[2], &dweight[1], 2 + pixels);
            check_equal(&dbias[2], &dbias[1], 2 + pixels);
        }
    }
}

static void shape_and_user_choose_the_method(void **state)
{
    (void)state;
    struct conv_shape s = shapes[0];
    assert_int_equal(conv_method(&s, false), CONV_DIRECT);
    s.out_channels = 20;
    assert_int_equal(conv_method(&s, false), CONV_PRODUCT);
    s = (struct conv_shape){8, 8, 32, 8, 8, 16, 3, 1, 1};
    assert_int_equal(conv_method(&s, false), CONV_WINOGRAD);
    assert_int_equal(conv_method(&s, true), CONV_DIRECT);
    s.stride = 2;
    assert_int_equal(conv_method(&s, false), CONV_DIRECT);
    /* one pixel would need a whole tile */
    s = (struct conv_shape){1, 1, 32, 1, 1, 16, 3, 1, 1};
    assert_int_equal(conv_method(&s, false), CONV_DIRECT);
}

int main(void)
{
    gemm_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolution),         cmocka_unit_test(pooling),
        cmocka_unit_test(relu_and_optimizers), cmocka_unit_test(normalisation),
        cmocka_unit_test(methods_agree),       cmocka_unit_test(shape_and_user_choose_the_method),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
