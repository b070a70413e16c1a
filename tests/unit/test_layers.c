/* Every layer in double against central differences of sum(r * out), r random; compiled with the
 * shipped sources. Inputs stay away from the kinks of ReLU and pooling: values are distinct by far
 * more than the step. */
#include "common/rng.h"
#include "worker/conv.h"
#include "worker/dense.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MAX = 20000 };

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

static double conv_value(const struct probe *probe)
{
    conv_forward(probe->layer, probe->out, probe->in, probe->weight, probe->bias, probe->images);
    return weighted_sum(probe);
}

static void check_conv(struct conv_shape s, enum conv_method method)
{
    static real in[MAX], weight[MAX], bias[64], out[MAX], r[MAX], scratch[MAX];
    static real din[MAX], dweight[MAX], dbias[64];
    const size_t images = 2;
    s.out_height = s.in_height + 2 * s.padding - s.kernel + 1;
    s.out_width = s.in_width + 2 * s.padding - s.kernel + 1;
    size_t in_count = images * s.in_height * s.in_width * s.in_channels;
    size_t weight_count = s.kernel * s.kernel * s.in_channels * s.out_channels;
    size_t out_count = images * s.out_height * s.out_width * s.out_channels;
    assert_true(conv_scratch(&s, method) <= MAX && out_count <= MAX);
    struct conv conv = {s, method, kernels_get(), scratch};
    struct probe probe = {conv_value, &conv, in, weight, bias, out, r, out_count, images};
    fill(in, in_count, 1);
    fill(weight, weight_count, 2);
    fill(bias, s.out_channels, 3);
    fill(r, out_count, 4);
    memset(dweight, 0, sizeof dweight);
    memset(dbias, 0, sizeof dbias);
    conv_backward(&conv, din, dweight, dbias, r, in, weight, images);
    check(&probe, in, din, in_count);
    check(&probe, weight, dweight, weight_count);
    check(&probe, bias, dbias, s.out_channels);

    /* backward adds */
    real once = dweight[1], bias_once = dbias[0];
    conv_backward(&conv, NULL, dweight, dbias, r, in, weight, images);
    assert_true(fabs(dweight[1] - 2 * once) < 1e-12 && fabs(dbias[0] - 2 * bias_once) < 1e-12);
}

static void convolution(void **state)
{
    (void)state;
    check_conv((struct conv_shape){6, 9, 1, 0, 0, 16, 5, 2}, CONV_DIRECT);
    check_conv((struct conv_shape){5, 4, 3, 0, 0, 32, 3, 1}, CONV_DIRECT);
    check_conv((struct conv_shape){5, 8, 2, 0, 0, 16, 4, 0}, CONV_DIRECT);
    check_conv((struct conv_shape){6, 9, 1, 0, 0, 16, 5, 2}, CONV_PRODUCT);
    check_conv((struct conv_shape){5, 4, 3, 0, 0, 5, 3, 1}, CONV_PRODUCT);
    check_conv((struct conv_shape){5, 8, 2, 0, 0, 3, 4, 0}, CONV_PRODUCT);
}

static double dense_value(const struct probe *probe)
{
    const struct dense_shape *shape = probe->layer;
    dense_forward(probe->out, probe->in, probe->weight, probe->bias, *shape, probe->images);
    return weighted_sum(probe);
}

static void dense(void **state)
{
    (void)state;
    static real in[MAX], weight[MAX], bias[64], out[MAX], r[MAX];
    static real din[MAX], dweight[MAX], dbias[64];
    struct dense_shape shape = {37, 11};
    struct probe probe = {dense_value, &shape, in, weight, bias, out, r, 5 * 11, 5};
    fill(in, 5 * 37, 1);
    fill(weight, 37 * 11, 2);
    fill(bias, 11, 3);
    fill(r, 5 * 11, 4);
    memset(dweight, 0, sizeof dweight);
    memset(dbias, 0, sizeof dbias);
    dense_backward(din, dweight, dbias, r, in, weight, shape, 5);
    check(&probe, in, din, 5 * 37);
    check(&probe, weight, dweight, 37 * 11);
    check(&probe, bias, dbias, 11);

    /* backward adds */
    real once = dweight[1], bias_once = dbias[1];
    dense_backward(NULL, dweight, dbias, r, in, weight, shape, 5);
    assert_true(fabs(dweight[1] - 2 * once) < 1e-12 && fabs(dbias[1] - 2 * bias_once) < 1e-12);
}

static double pool_value(const struct probe *probe)
{
    static uint8_t best[MAX];
    kernels_get()->pool_forward(probe->out, best, probe->in, probe->layer);
    return weighted_sum(probe);
}

static void check_pool(struct pool_shape shape)
{
    static real in[MAX], out[MAX], r[MAX], din[MAX];
    static uint8_t best[MAX];
    size_t in_count = shape.in_height * shape.in_width * shape.channels;
    size_t out_count =
        (shape.in_height / shape.window) * (shape.in_width / shape.window) * shape.channels;
    struct probe probe = {pool_value, &shape, in, NULL, NULL, out, r, out_count, 1};
    fill(in, in_count, 5);
    fill(r, out_count, 6);
    fill(din, in_count, 7); /* must be overwritten */
    kernels_get()->pool_forward(out, best, in, &shape);
    kernels_get()->pool_backward(din, r, best, &shape);
    check(&probe, in, din, in_count);
}

static void pooling(void **state)
{
    (void)state;
    check_pool((struct pool_shape){6, 8, 16, 2});
    check_pool((struct pool_shape){7, 5, 19, 2});
    check_pool((struct pool_shape){9, 7, 3, 3});
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

static void pooling_takes_the_first_of_equals(void **state)
{
    (void)state;
    real in[4] = {2, 5, 5, 5}, out[1], din[4], dout[1] = {3};
    uint8_t best[1];
    struct pool_shape shape = {2, 2, 1, 2};
    kernels_get()->pool_forward(out, best, in, &shape);
    kernels_get()->pool_backward(din, dout, best, &shape);
    assert_true(out[0] == 5 && best[0] == 1);
    assert_true(din[0] == 0 && din[1] == 3 && din[2] == 0 && din[3] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolution),
        cmocka_unit_test(dense),
        cmocka_unit_test(pooling),
        cmocka_unit_test(relu),
        cmocka_unit_test(pooling_takes_the_first_of_equals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
