/* Every layer in double against central differences of sum(r * out), r random; compiled with the
 * shipped sources. Inputs stay away from the kinks of ReLU and pooling: values are distinct by far
 * more than the step. */
#include "common/rng.h"
#include "worker/conv.h"
#include "worker/conv_pool.h"
#include "worker/dense.h"
#include "worker/norm.h"
#include "worker/residual.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MAX = 20000, CONV_MAX = 160000 };

static const double STEP = 1e-6;

static void fill(real *x, size_t count, uint32_t index)
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

static double weighted_sum(const struct probe *probe)
{
    double sum = 0;
    for (size_t i = 0; i < probe->out_count; i++) {
        sum += probe->r[i] * probe->out[i];
    }
    return sum;
}

/* |numeric - gradient| / |gradient| over all of x. */
static void check(const struct probe *probe, real *x, const real *gradient, size_t count)
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

static double dense_value(const struct probe *probe)
{
    static real scratch[MAX];
    const struct dense_shape *shape = probe->layer;
    assert_true(dense_scratch(*shape, probe->images) <= MAX);
    dense_forward(NULL, scratch, probe->out, probe->in, probe->weight, probe->bias, *shape,
                  probe->images);
    return weighted_sum(probe);
}

static void check_dense(struct dense_shape shape)
{
    static real in[MAX], weight[MAX], bias[64], out[MAX], r[MAX];
    static real din[MAX], dweight[MAX], dbias[64];
    size_t outputs = shape.out_features, inputs = shape.in_features;
    struct probe probe = {dense_value, &shape, in, weight, bias, out, r, 5 * outputs, 5};
    assert_true(inputs * outputs <= MAX);
    fill(in, 5 * inputs, 1);
    fill(weight, inputs * outputs, 2);
    fill(bias, outputs, 3);
    fill(r, 5 * outputs, 4);
    fill(dweight, inputs * outputs, 5);
    fill(dbias, outputs, 6);
    dense_backward(NULL, din, dweight, dbias, r, in, weight, shape, 5);
    check(&probe, in, din, 5 * inputs);
    check(&probe, weight, dweight, inputs * outputs);
    check(&probe, bias, dbias, outputs);

    real once = dweight[1], bias_once = dbias[1];
    dense_backward(NULL, NULL, dweight, dbias, r, in, weight, shape, 5);
    assert_true(dweight[1] == once && dbias[1] == bias_once);
}

/* The second falls into slices of its inputs. */
static void dense(void **state)
{
    (void)state;
    check_dense((struct dense_shape){37, 11});
    check_dense((struct dense_shape){1203, 2});
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

static double relu_value(const struct probe *probe)
{
    memcpy(probe->out, probe->in, probe->out_count * sizeof(real));
    kernels_get()->relu_forward(probe->out, probe->out_count);
    return weighted_sum(probe);
}

static void relu(void **state)
{
    (void)state;
    real in[101], out[101], r[101], din[101];
    struct probe probe = {relu_value, NULL, in, NULL, NULL, out, r, 101, 1};
    fill(in, 101, 8);
    fill(r, 101, 9);
    memcpy(din, r, sizeof din);
    relu_value(&probe);
    kernels_get()->relu_backward(din, out, 101);
    check(&probe, in, din, 101);

    real kink[2] = {0, -0.0}, gradient[2] = {1, 1};
    kernels_get()->relu_backward(gradient, kink, 2);
    assert_true(gradient[0] == 0 && gradient[1] == 0);
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

/* Two copies of two images of three pixels. */
enum { NORM_IMAGES = 4, NORM_PIXELS = 3, NORM_CHANNELS = 19 };
enum { NORM_COUNT = NORM_IMAGES * NORM_PIXELS * NORM_CHANNELS, NORM_HALF = NORM_COUNT / 2 };
enum { NORM_ROWS = NORM_HALF / NORM_CHANNELS };

struct norm_probe {
    struct norm norm;
    bool joint;
};

static double norm_value(const struct probe *probe)
{
    const struct norm_probe *layer = probe->layer;
    struct norm norm = layer->norm;
    double sums[2][2 * NORM_CHANNELS] = {0};
    for (size_t copy = 0; copy < 2; copy++) {
        norm_add_forward(&norm, sums[copy], probe->in + copy * NORM_HALF, NORM_ROWS);
    }
    norm_end_forward(&norm, (const double *[]){sums[0], sums[1]}, probe->weight, probe->bias,
                     (struct norm_copies){0, 2, layer->joint}, NORM_ROWS);
    for (size_t copy = 0; copy < 2; copy++) {
        norm_forward(&norm, copy, probe->out + copy * NORM_HALF, probe->in + copy * NORM_HALF, NULL,
                     false, NORM_ROWS);
    }
    ((struct norm_probe *)(uintptr_t)layer)->norm = norm;
    return weighted_sum(probe);
}

static void check_norm(bool joint)
{
    static real in[NORM_COUNT], out[NORM_COUNT], r[NORM_COUNT], din[NORM_COUNT];
    real weight[NORM_CHANNELS], bias[NORM_CHANNELS];
    real dweight[NORM_CHANNELS] = {0}, dbias[NORM_CHANNELS] = {0};
    struct arena arena = {0};
    struct norm_probe layer = {.joint = joint};
    norm_init(&layer.norm, NORM_CHANNELS, kernels_get(), true, &arena);
    assert_true(arena_place(&arena, NULL));
    norm_init(&layer.norm, NORM_CHANNELS, kernels_get(), true, &arena);
    struct probe probe = {norm_value, &layer, in, weight, bias, out, r, NORM_COUNT, NORM_IMAGES};
    fill(in, NORM_COUNT, 21);
    fill(weight, NORM_CHANNELS, 22);
    fill(bias, NORM_CHANNELS, 23);
    fill(r, NORM_COUNT, 24);
    norm_value(&probe);
    double sums[2][2 * NORM_CHANNELS] = {0};
    for (size_t copy = 0; copy < 2; copy++) {
        norm_add_backward(&layer.norm, sums[copy], r + copy * NORM_HALF, NULL,
                          in + copy * NORM_HALF, NORM_ROWS);
    }
    norm_end_backward(&layer.norm, (const double *[]){sums[0], sums[1]}, weight, dweight, dbias,
                      (struct norm_copies){0, 2, joint});
    for (size_t copy = 0; copy < 2; copy++) {
        norm_backward(&layer.norm, copy, din + copy * NORM_HALF, false, r + copy * NORM_HALF,
                      in + copy * NORM_HALF, NORM_ROWS);
    }
    check(&probe, in, din, NORM_COUNT);
    check(&probe, weight, dweight, NORM_CHANNELS);
    check(&probe, bias, dbias, NORM_CHANNELS);
    arena_finish(&arena);
}

static void normalisation(void **state)
{
    (void)state;
    check_norm(false);
    check_norm(true);
}

static double add_value(const struct probe *probe)
{
    memset(probe->out, 0, probe->out_count * sizeof *probe->out);
    add_forward(probe->out, probe->in, probe->layer);
    return weighted_sum(probe);
}

static void check_add(struct add_shape s)
{
    real in[MAX / 20], out[MAX / 20], r[MAX / 20], din[MAX / 20];
    size_t in_count = s.other_height * s.other_width * s.other_channels;
    size_t out_count = s.height * s.width * s.channels;
    struct probe probe = {add_value, &s, in, NULL, NULL, out, r, out_count, 1};
    fill(in, in_count, 31);
    fill(r, out_count, 32);
    add_backward(din, false, r, &s);
    check(&probe, in, din, in_count);
    real once = din[0];
    add_backward(din, true, r, &s);
    assert_true(din[0] == 2 * once);
}

/* Option A by its definition: every second pixel, half of the new channels on each side. */
static void shortcut(void **state)
{
    (void)state;
    struct add_shape halving = {3, 2, 8, 5, 4, 4, 2};
    check_add((struct add_shape){4, 3, 5, 4, 3, 5, 1});
    check_add(halving);
    real in[5 * 4 * 4], out[3 * 2 * 8], begun[3 * 2 * 8];
    fill(in, sizeof in / sizeof *in, 33);
    fill(out, sizeof out / sizeof *out, 34);
    for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
        out[i] = 10;
    }
    fill(begun, sizeof begun / sizeof *begun, 35);
    add_forward(out, in, &halving);
    add_begin(begun, in, &halving);
    for (size_t y = 0; y < 3; y++) {
        for (size_t x = 0; x < 2; x++) {
            for (size_t c = 0; c < 8; c++) {
                real came = c >= 2 && c < 6 ? in[(2 * y * 4 + 2 * x) * 4 + c - 2] : 0;
                assert_true(out[(y * 2 + x) * 8 + c] == 10 + came);
                assert_true(begun[(y * 2 + x) * 8 + c] == came);
            }
        }
    }
    assert_false(add_is_plain(&halving));
}

static double average_value(const struct probe *probe)
{
    average_forward(probe->out, probe->in, probe->out_count, 6);
    return weighted_sum(probe);
}

static void average(void **state)
{
    (void)state;
    real in[6 * 7], out[7], r[7], din[6 * 7];
    struct probe probe = {average_value, NULL, in, NULL, NULL, out, r, 7, 1};
    fill(in, 6 * 7, 35);
    fill(r, 7, 36);
    average_backward(din, false, r, 7, 6);
    check(&probe, in, din, 6 * 7);
    real once = din[8];
    average_backward(din, true, r, 7, 6);
    assert_true(din[8] == 2 * once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolution),
        cmocka_unit_test(dense),
        cmocka_unit_test(convolution_and_pooling),
        cmocka_unit_test(pooling_keeps_nan),
        cmocka_unit_test(relu),
        cmocka_unit_test(normalisation),
        cmocka_unit_test(shortcut),
        cmocka_unit_test(average),
        cmocka_unit_test(pooling_takes_the_first_of_equals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
