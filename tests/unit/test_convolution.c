/* Convolutions, alone and with pooling, by every method. */
#include "differences.h"
#include "worker/conv.h"
#include "worker/conv_pool.h"

#include <stdlib.h>
#include <string.h>

enum { CONV_MAX = 160000 };

static _Alignas(64) real conv_memory[CONV_MAX];

static double conv_value(const struct probe *probe)
{
    conv_begin_forward(probe->layer, probe->weight);
    const struct conv_tail tail = {.bias = probe->bias};
    conv_forward(probe->layer, conv_memory, probe->out, probe->in, probe->weight, &tail,
                 probe->images);
    return weighted_sum(probe);
}

/* One backward pass whose input gradient is written, then one that adds to it and one that has
 * none, in the same sums. */
static void check_conv_gradients(const struct conv *conv, const struct probe *probe, const real *r)
{
    static real din[MAX], dweight[MAX], dbias[64];
    static double sums[MAX];
    const struct conv_shape *s = &conv->shape;
    size_t in_count = probe->images * s->in_height * s->in_width * s->in_channels;
    size_t weight_count = s->kernel * s->kernel * s->in_channels * s->out_channels;
    assert_true(conv_sums(s, conv->method) <= MAX);
    struct conv_gradients to = {.din = din, .sums = sums};
    for (size_t i = 0; i < MAX; i++) {
        sums[i] = NAN; /* to be overwritten */
    }
    memset(dweight, 0, sizeof dweight);
    memset(dbias, 0, sizeof dbias);
    conv_begin_backward(conv, probe->weight);
    conv_backward(conv, conv_memory, &to, r, probe->in, probe->weight, probe->images);
    conv_end_backward(conv, sums, dweight, dbias);
    check(probe, probe->in, din, in_count);
    check(probe, probe->weight, dweight, weight_count);
    if (conv->has_bias) {
        check(probe, probe->bias, dbias, s->out_channels);
    }

    real din_once = din[3], once = dweight[1], bias_once = dbias[0];
    to.adds = to.adds_sums = true;
    conv_backward(conv, conv_memory, &to, r, probe->in, probe->weight, probe->images);
    assert_true(fabs(din[3] - 2 * din_once) < 1e-12);
    to.din = NULL;
    conv_backward(conv, conv_memory, &to, r, probe->in, probe->weight, probe->images);
    conv_end_backward(conv, sums, dweight, dbias);
    assert_true(fabs(dweight[1] - 4 * once) < 1e-12);
    assert_true(fabs(dbias[0] - 4 * bias_once) < 1e-12);
    assert_true(conv->has_bias || bias_once == 0);
}

static void check_conv(struct conv_shape s, enum conv_method method)
{
    static real in[MAX], weight[MAX], bias[64], out[MAX], r[MAX];
    const size_t images = 2;
    struct arena arena = {0};
    struct conv conv;
    s.out_height = (s.in_height + 2 * s.padding - s.kernel) / s.stride + 1;
    s.out_width = (s.in_width + 2 * s.padding - s.kernel) / s.stride + 1;
    size_t out_count = images * s.out_height * s.out_width * s.out_channels;
    conv_init(&conv, &s, method, true, kernels_get(), true, &arena);
    assert_true(arena_place(&arena, NULL));
    conv_init(&conv, &s, method, true, kernels_get(), true, &arena);
    assert_true(conv_scratch(&s, method) <= CONV_MAX && out_count <= MAX);
    struct probe probe = {conv_value, &conv, in, weight, bias, out, r, out_count, images};
    fill(in, images * s.in_height * s.in_width * s.in_channels, 1);
    fill(weight, s.kernel * s.kernel * s.in_channels * s.out_channels, 2);
    fill(bias, s.out_channels, 3);
    fill(r, out_count, 4);
    check_conv_gradients(&conv, &probe, r);
    probe.bias = NULL;
    conv.has_bias = false;
    check_conv_gradients(&conv, &probe, r);
    arena_finish(&arena);
}

static void convolution(void **state)
{
    (void)state;
    check_conv((struct conv_shape){6, 9, 1, 0, 0, 16, 5, 2, 1}, CONV_DIRECT);
    check_conv((struct conv_shape){5, 4, 3, 0, 0, 32, 3, 1, 1}, CONV_DIRECT);
    check_conv((struct conv_shape){5, 8, 2, 0, 0, 16, 4, 0, 1}, CONV_DIRECT);
    check_conv((struct conv_shape){5, 4, 16, 0, 0, 16, 3, 1, 1}, CONV_DIRECT);
    check_conv((struct conv_shape){6, 7, 16, 0, 0, 32, 3, 1, 2}, CONV_DIRECT);
    check_conv((struct conv_shape){5, 4, 16, 0, 0, 16, 1, 0, 2}, CONV_DIRECT);
    check_conv((struct conv_shape){6, 5, 3, 0, 0, 16, 3, 1, 2}, CONV_DIRECT);
    check_conv((struct conv_shape){7, 8, 16, 0, 0, 16, 3, 1, 2}, CONV_DIRECT);
    check_conv((struct conv_shape){8, 7, 16, 0, 0, 16, 5, 2, 3}, CONV_DIRECT);
    check_conv((struct conv_shape){1, 2, 16, 0, 0, 16, 3, 1, 2}, CONV_DIRECT);
    check_conv((struct conv_shape){6, 7, 16, 0, 0, 16, 2, 0, 3}, CONV_DIRECT);
    check_conv((struct conv_shape){6, 9, 1, 0, 0, 16, 5, 2, 1}, CONV_PRODUCT);
    check_conv((struct conv_shape){5, 4, 3, 0, 0, 5, 3, 1, 1}, CONV_PRODUCT);
    check_conv((struct conv_shape){5, 8, 2, 0, 0, 3, 4, 0, 1}, CONV_PRODUCT);
    check_conv((struct conv_shape){7, 6, 3, 0, 0, 5, 3, 1, 2}, CONV_PRODUCT);
    check_conv((struct conv_shape){5, 4, 16, 0, 0, 16, 3, 1, 1}, CONV_WINOGRAD);
    check_conv((struct conv_shape){4, 9, 32, 0, 0, 16, 3, 0, 1}, CONV_WINOGRAD);
    check_conv((struct conv_shape){8, 8, 16, 0, 0, 32, 3, 1, 1}, CONV_WINOGRAD);
}

static double conv_pool_value(const struct probe *probe)
{
    static real scratch[MAX];
    conv_pool_forward(probe->layer, scratch, probe->out, probe->in, probe->weight, probe->bias,
                      (struct conv_pool_part){0, probe->images});
    return weighted_sum(probe);
}

/* Two calls of one image each must be one call of two. */
static void check_conv_pool(struct conv_pool_shape shape)
{
    static real in[MAX], weight[MAX], bias[MAX], out[MAX], r[MAX], dout[MAX];
    static real dweight[MAX], dbias[MAX], scratch[MAX];
    static double sums[MAX];
    size_t in_count = shape.in_height * shape.in_width * shape.in_channels;
    size_t out_count = shape.out_height * shape.out_width * shape.out_channels;
    size_t weights = shape.kernel * shape.kernel * shape.in_channels * shape.out_channels;
    struct arena arena = {0};
    struct conv_pool layer;
    conv_pool_init(&layer, &shape, kernels_get(), 2, true, &arena);
    assert_true(arena_place(&arena, NULL));
    conv_pool_init(&layer, &shape, kernels_get(), 2, true, &arena);
    assert_true(conv_pool_scratch(&shape) <= MAX && conv_pool_sums(&shape) <= MAX);
    fill(in, 2 * in_count, 5);
    fill(weight, weights, 6);
    fill(bias, shape.out_channels, 7);
    fill(r, 2 * out_count, 8);
    memset(dweight, 0, sizeof dweight);
    memset(dbias, 0, sizeof dbias);
    memset(sums, 0, sizeof sums);
    struct probe probe = {conv_pool_value, &layer, in, weight, bias, out, r, 2 * out_count, 2};
    conv_pool_value(&probe);
    memcpy(dout, r, 2 * out_count * sizeof *r);
    for (size_t i = 0; i < 2; i++) {
        conv_pool_backward(&layer, scratch, sums, dout + i * out_count, out + i * out_count,
                           in + i * in_count, (struct conv_pool_part){i, 1});
    }
    conv_pool_end_backward(&layer, sums, dweight, dbias);
    check(&probe, weight, dweight, weights);
    check(&probe, bias, dbias, shape.out_channels);
    arena_finish(&arena);
}

static void convolution_and_pooling(void **state)
{
    (void)state;
    check_conv_pool((struct conv_pool_shape){12, 14, 1, 6, 7, 5, 5, 2});
    check_conv_pool((struct conv_pool_shape){7, 9, 3, 2, 3, 4, 3, 0});
    check_conv_pool((struct conv_pool_shape){9, 6, 2, 4, 3, 3, 5, 2});
}

static void forward_one(const real *in, real weight, real *out, uint8_t *best)
{
    static const struct conv_pool_shape shape = {2, 2, 1, 1, 1, 1, 1, 0};
    real scratch[64];
    struct conv_pool layer = {.shape = shape, .kernels = kernels_get(), .best = best};
    const real bias = 0;
    assert_true(conv_pool_scratch(&shape) <= 64);
    conv_pool_forward(&layer, scratch, out, in, &weight, &bias, (struct conv_pool_part){0, 1});
}

static void pooling_takes_the_first_of_equals(void **state)
{
    (void)state;
    const real values[][4] = {{2, 5, 5, 5}, {5, 5, 5, 5}, {1, 2, 5, 5}, {1, 2, 3, 5}};
    const uint8_t expected[] = {1, 0, 2, 3};
    for (size_t i = 0; i < 4; i++) {
        real out;
        uint8_t best;
        forward_one(values[i], 1, &out, &best);
        assert_true(out == 5 && best == expected[i]);
        forward_one(values[i], -1, &out, &best);
        assert_true(out == 0);
    }
}

static void pooling_keeps_nan(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        real in[4] = {1, 2, 3, 4}, out;
        uint8_t best;
        in[i] = NAN;
        forward_one(in, 1, &out, &best);
        assert_true(isnan(out));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolution),
        cmocka_unit_test(convolution_and_pooling),
        cmocka_unit_test(pooling_takes_the_first_of_equals),
        cmocka_unit_test(pooling_keeps_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
