/* Upper bounds of operators against brute force: the explicit matrix of a layer, or the Jacobian of
 * a whole network, and its singular values by LAPACK. A bound may not be below, and not far above
 * where it can be tight. */
#include "common/rng.h"
#include "worker/gemm.h"
#include "worker/lipschitz.h"
#include "worker/operator_norm.h"
#include "worker/pass.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

void dgesvd_(const char *u, const char *v, const int *rows, const int *columns, double *a,
             const int *a_height, double *values, double *left, const int *left_height,
             double *right, const int *right_height, double *work, const int *work_size, int *info);

enum { NUMBERS_MAX = 200000 };

/* Uniform in ±1. */
static void fill(double *x, size_t count, uint32_t index)
{
    struct rng_stream stream = {43, RNG_GLYPHS, 0, index};
    for (size_t i = 0; i < count; i++) {
        uint32_t word[4];
        rng_block(&stream, (uint32_t)i, word);
        x[i] = 2 * rng_uniform(word[0]) - 1;
    }
}

/* Of a [rows][columns] matrix, which is overwritten. */
static double largest_singular_value(double *matrix, size_t rows, size_t columns)
{
    int m = (int)columns, n = (int)rows, info, least = m < n ? m : n, one = 1;
    int work_size = 10 * (m + n) + 64;
    double *values = malloc((size_t)least * sizeof *values);
    double *work = malloc((size_t)work_size * sizeof *work);
    dgesvd_("N", "N", &m, &n, matrix, &m, values, NULL, &one, NULL, &one, work, &work_size, &info);
    assert_int_equal(info, 0);
    double largest = values[0];
    free(values);
    free(work);
    return largest;
}

static size_t out_side(size_t in_side, const struct conv_shape *s)
{
    return (in_side + 2 * s->padding - s->kernel) / s->stride + 1;
}

/* [out][out_height][out_width] by [in][in_height][in_width], from the definition. */
static double *explicit_matrix(const struct conv_shape *s, const double *weight,
                               const double *out_scale, const double *in_scale)
{
    size_t columns = s->in_channels * s->in_height * s->in_width;
    double *matrix =
        calloc(s->out_channels * s->out_height * s->out_width * columns, sizeof *matrix);
    for (size_t row = 0; row < s->out_channels * s->out_height * s->out_width; row++) {
        size_t o = row / (s->out_height * s->out_width);
        size_t y = row / s->out_width % s->out_height, x = row % s->out_width;
        for (size_t tap = 0; tap < s->in_channels * s->kernel * s->kernel; tap++) {
            size_t i = tap / (s->kernel * s->kernel);
            size_t in_y = y * s->stride + tap / s->kernel % s->kernel - s->padding;
            size_t in_x = x * s->stride + tap % s->kernel - s->padding;
            if (in_y < s->in_height && in_x < s->in_width) /* below 0 is far above */
                matrix[row * columns + (i * s->in_height + in_y) * s->in_width + in_x] =
                    out_scale[o] * in_scale[i] *
                    weight[o * s->in_channels * s->kernel * s->kernel + tap];
        }
    }
    return matrix;
}

static void convolutions(void **state)
{
    (void)state;
    const struct {
        size_t height, width, in, out, kernel, padding, stride;
        double tightness; /* the truth is at least this share of the bound */
    } cases[] = {
        {6, 7, 2, 3, 3, 1, 1, 0.9},  {12, 12, 1, 2, 3, 1, 1, 0.95}, {10, 10, 1, 4, 5, 2, 1, 0.84},
        {9, 8, 3, 2, 3, 1, 2, 0.9},  {8, 8, 2, 2, 2, 0, 1, 0.9},    {8, 8, 2, 3, 2, 0, 2, 0.999},
        {7, 7, 4, 3, 1, 0, 1, 0.99}, {7, 7, 3, 4, 1, 0, 2, 0.99},   {9, 9, 2, 2, 5, 2, 2, 0.85},
        {5, 5, 3, 3, 4, 3, 3, 0.8},  {14, 14, 2, 2, 3, 1, 1, 0.95},
    };
    static double weight[NUMBERS_MAX], in_scale[8], out_scale[8];
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct conv_shape s = {.in_height = cases[i].height,
                               .in_width = cases[i].width,
                               .in_channels = cases[i].in,
                               .out_channels = cases[i].out,
                               .kernel = cases[i].kernel,
                               .padding = cases[i].padding,
                               .stride = cases[i].stride};
        s.out_height = out_side(s.in_height, &s);
        s.out_width = out_side(s.in_width, &s);
        fill(weight, s.out_channels * s.in_channels * s.kernel * s.kernel, 3 * i);
        fill(in_scale, s.in_channels, 3 * i + 1);
        fill(out_scale, s.out_channels, 3 * i + 2);
        double bound;
        assert_true(operator_norm_conv(weight, &s, out_scale, in_scale, &bound, NULL));
        double *matrix = explicit_matrix(&s, weight, out_scale, in_scale);
        double truth = largest_singular_value(matrix, s.out_channels * s.out_height * s.out_width,
                                              s.in_channels * s.in_height * s.in_width);
        free(matrix);
        if (!(truth <= bound) || truth < cases[i].tightness * bound)
            fail_msg("case %u: bound %.6f, truth %.6f (%.4f of it)", i, bound, truth,
                     truth / bound);
    }
}

/* A kernel whose largest gain lies between the points of a coarse grid, on images large enough to
 * come near it. */
static void frequencies_between_the_grids_points(void **state)
{
    (void)state;
    static double weight[9];
    double worst = 0;
    for (uint32_t i = 0; i < 40; i++) {
        struct conv_shape s = {.in_height = 3,
                               .in_width = 30,
                               .in_channels = 1,
                               .out_channels = 1,
                               .kernel = 3,
                               .padding = 1,
                               .stride = 1};
        const double one = 1;
        s.out_height = 3;
        s.out_width = 30;
        fill(weight, 9, 1000 + i);
        weight[0] = weight[1] = weight[2] = weight[6] = weight[7] = weight[8] = 0;
        double bound;
        assert_true(operator_norm_conv(weight, &s, NULL, NULL, &bound, NULL));
        double *matrix = explicit_matrix(&s, weight, &one, &one);
        double truth = largest_singular_value(matrix, 90, 90);
        free(matrix);
        assert_true(truth <= bound);
        worst = fmax(worst, bound / truth);
    }
    assert_true(worst < 1.03);
}

static void dense_layers(void **state)
{
    (void)state;
    const size_t shapes[][2] = {{10, 64}, {64, 10}, {1, 5}, {7, 7}};
    static double weight[640], copy[640], scale[64];
    for (uint32_t i = 0; i < 4; i++) {
        size_t out = shapes[i][0], in = shapes[i][1];
        fill(weight, out * in, 500 + i);
        fill(scale, in, 600 + i);
        for (size_t j = 0; j < out * in; j++)
            copy[j] = weight[j] * scale[j % in];
        double bound, truth = largest_singular_value(copy, out, in);
        assert_true(operator_norm_dense(weight, out, in, NULL, scale, &bound, NULL));
        assert_true(truth <= bound && bound <= truth * (1 + 1e-9));
    }
}

/* --- whole networks --- */

struct subject {
    struct network network;
    struct arena arena;
    struct pass pass;
    double *numbers;
};

static void take(struct subject *subject)
{
    subject->numbers =
        arena_take(&subject->arena, subject->network.number_count, sizeof *subject->numbers);
    pass_init(&subject->pass, &subject->network, kernels_get(), 2, (struct pass_use){0}, 1,
              &subject->arena);
}

static void place(struct subject *subject)
{
    subject->arena = (struct arena){0};
    take(subject);
    assert_true(arena_place(&subject->arena, NULL));
    take(subject);
}

static double *tensor_of(struct subject *subject, const char *name)
{
    for (size_t i = 0; i < subject->network.tensor_count; i++)
        if (strcmp(subject->network.tensors[i].name, name) == 0)
            return subject->numbers + subject->network.tensors[i].offset;
    fail_msg("no tensor %s", name);
    return NULL;
}

static void put(struct subject *subject, const char *name, const double *values, size_t count)
{
    memcpy(tensor_of(subject, name), values, count * sizeof *values);
}

static double bound_of(const struct subject *subject)
{
    double bound;
    assert_true(lipschitz_bound(&subject->network, subject->numbers, &bound, NULL));
    return bound;
}

/* By central differences at one image; 0 where a ReLU's kink is within the step hardly matters: the
 * largest slope is still a slope between two images. */
static double gain_at(struct subject *subject, const double *image)
{
    const double STEP = 1e-5;
    size_t pixels = slot_size(&subject->network.slots[0]), classes = subject->network.class_count;
    double *jacobian = malloc(pixels * classes * sizeof *jacobian);
    for (size_t p = 0; p < pixels; p++) {
        double *x = pass_images(&subject->pass);
        memcpy(x, image, pixels * sizeof *x);
        memcpy(x + pixels, image, pixels * sizeof *x);
        x[p] += STEP;
        x[pixels + p] -= STEP;
        const double *logits = pass_forward(&subject->pass, subject->numbers, 2, 1);
        for (size_t c = 0; c < classes; c++)
            jacobian[p * classes + c] = (logits[c] - logits[classes + c]) / (2 * STEP);
    }
    double gain = largest_singular_value(jacobian, pixels, classes);
    free(jacobian);
    return gain;
}

static const double IDENTITY[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};

/* What each layer adds, where the bound is the truth: normalised input, convolution with the batch
 * normalisation behind it, average, output. */
static void every_factor_counts(void **state)
{
    (void)state;
    static const struct layer_spec table[] = {
        {.kind = LAYER_STANDARDIZE, .name = "input"},
        {.kind = LAYER_CONV, .name = "conv", .width = 3, .kernel = 1, .has_no_bias = true},
        {.kind = LAYER_NORM, .name = "bn"},
        {.kind = LAYER_AVERAGE},
        {.kind = LAYER_DENSE, .name = "fc"},
    };
    static const double deviations[] = {0.5, 0.5, 0.5}, variances[] = {4, 0.25, 1};
    static const double scales[] = {3, -0.25, 0.5}, image[4 * 4 * 3];
    struct subject subject;
    assert_true(
        network_init_table(&subject.network, table, 5, (struct image_shape){3, 4, 4}, 3, NULL));
    place(&subject);
    put(&subject, "input.std", deviations, 3);
    put(&subject, "conv.weight", IDENTITY, 9);
    put(&subject, "bn.weight", scales, 3);
    put(&subject, "bn.running_var", variances, 3);
    put(&subject, "fc.weight", IDENTITY, 9);
    double truth = 1 / 0.5 * 3 / sqrt(4 + 1e-5) / 4; /* the first channel's, over 16 pixels */
    assert_true(fabs(gain_at(&subject, image) - truth) < 1e-6 * truth);
    assert_true(fabs(bound_of(&subject) - truth) < 1e-6 * truth);
    arena_finish(&subject.arena);
}

/* Batch normalisation and ReLU in front of a convolution, and the sum of both ways. */
static void both_ways_around_a_block_count(void **state)
{
    (void)state;
    static const struct layer_spec table[] = {
        {.kind = LAYER_STANDARDIZE, .name = "input"},
        {.kind = LAYER_NORM, .name = "bn", .input = 1},
        {.kind = LAYER_RELU},
        {.kind = LAYER_CONV, .name = "conv", .width = 3, .kernel = 1, .has_no_bias = true},
        {.kind = LAYER_ADD, .other = 1},
        {.kind = LAYER_NORM, .name = "last"},
        {.kind = LAYER_RELU},
        {.kind = LAYER_AVERAGE},
        {.kind = LAYER_DENSE, .name = "fc"},
    };
    static const double twos[] = {2, 2, 2}, tens[] = {10, 10, 10}, ones[] = {1, 1, 1};
    static const double scales[] = {5, 1, 3}, weight[] = {0.2, 0, 0, 0, 1, 0, 0, 0, 1. / 3};
    static const double image[5 * 5 * 3];
    struct subject subject;
    assert_true(
        network_init_table(&subject.network, table, 9, (struct image_shape){3, 5, 5}, 3, NULL));
    place(&subject);
    put(&subject, "input.std", twos, 3);
    put(&subject, "bn.weight", scales, 3);
    put(&subject, "bn.bias", tens, 3); /* every ReLU is open */
    put(&subject, "bn.running_var", ones, 3);
    put(&subject, "conv.weight", weight, 9); /* times the scales: the identity */
    put(&subject, "last.weight", twos, 3);
    put(&subject, "last.bias", tens, 3);
    put(&subject, "last.running_var", ones, 3);
    put(&subject, "fc.weight", IDENTITY, 9);
    double root = sqrt(1 + 1e-5), truth = 0.5 * (1 + 1 / root) * 2 / root / 5;
    assert_true(fabs(gain_at(&subject, image) - truth) < 1e-6 * truth);
    assert_true(fabs(bound_of(&subject) - truth) < 1e-6 * truth);
    arena_finish(&subject.arena);
}

/* Random weights and statistics: no image has a larger gain. */
static void whole_networks(void **state)
{
    (void)state;
    const struct {
        const char *name;
        enum shortcut shortcut;
        size_t channels, side;
    } cases[] = {{"mnist-cnn", SHORTCUT_A, 1, 10},
                 {"resnet8", SHORTCUT_A, 3, 8},
                 {"resnet8", SHORTCUT_B, 3, 8},
                 {"preresnet8", SHORTCUT_A, 3, 8},
                 {"preresnet8", SHORTCUT_B, 3, 8}};
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct subject subject;
        double image[3 * 10 * 10];
        assert_true(network_init(
            &subject.network, cases[i].name, cases[i].shortcut,
            (struct image_shape){cases[i].channels, cases[i].side, cases[i].side}, 5, NULL));
        place(&subject);
        network_initial_weights(&subject.network, i + 1, subject.numbers);
        for (size_t t = 0; t < subject.network.tensor_count; t++) {
            const struct tensor *tensor = &subject.network.tensors[t];
            double *values = subject.numbers + tensor->offset;
            if (tensor->is_norm)
                fill(values, tensor->count, 2000 + (uint32_t)t);
            else if (strstr(tensor->name, "running_var") || strstr(tensor->name, ".std"))
                for (size_t j = 0; j < tensor->count; j++)
                    values[j] = 0.2 + 0.1 * (double)j / (double)tensor->count;
        }
        double bound = bound_of(&subject);
        assert_true(isfinite(bound));
        for (uint32_t at = 0; at < 3; at++) {
            fill(image, slot_size(&subject.network.slots[0]), 3000 + at);
            double gain = gain_at(&subject, image);
            assert_true(gain > 0 && gain <= bound);
        }
        arena_finish(&subject.arena);
    }
}

int main(void)
{
    gemm_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions),
        cmocka_unit_test(frequencies_between_the_grids_points),
        cmocka_unit_test(dense_layers),
        cmocka_unit_test(every_factor_counts),
        cmocka_unit_test(both_ways_around_a_block_count),
        cmocka_unit_test(whole_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
