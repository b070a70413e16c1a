/* Every layer but the convolutions. */
#include "differences.h"
#include "worker/dense.h"
#include "worker/norm.h"
#include "worker/residual.h"

#include <stdlib.h>
#include <string.h>

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
        cmocka_unit_test(dense),    cmocka_unit_test(relu),    cmocka_unit_test(normalisation),
        cmocka_unit_test(shortcut), cmocka_unit_test(average),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
