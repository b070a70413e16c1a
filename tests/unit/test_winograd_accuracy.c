/* The rounding errors of Winograd's convolution in the layers of a ResNet-20, beside those of the
 * direct form: relative L2 distances from the formula in double. Prints them. */
#include "worker/conv.h"
#include "worker/gemm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "conv_reference.h"

/* Measured: at most 5.4 times the direct form's (without fused multiply-add; 5.0 with it),
 * and 6.8e-7: docs/performance.md. */
static const double MULTIPLE_MAX = 6, DISTANCE_MAX = 1e-6;

struct distances {
    double out, din, dweight;
};

struct numbers {
    struct guarded in, weight, dout;
};

/* Inputs as behind a ReLU. */
static struct numbers numbers_create(const struct conv_shape *s, size_t images)
{
    struct numbers numbers = {guarded_create(in_count(s, images), 1),
                              guarded_create(weight_count(s), 2),
                              guarded_create(out_count(s, images), 3)};
    for (size_t i = 0; i < numbers.in.count; i++) {
        numbers.in.x[i] = numbers.in.x[i] > 0 ? numbers.in.x[i] : 0;
    }
    return numbers;
}

static void numbers_destroy(struct numbers *numbers)
{
    guarded_destroy(&numbers->in);
    guarded_destroy(&numbers->weight);
    guarded_destroy(&numbers->dout);
}

static struct distances measure(const struct conv_shape *s, enum conv_method method, size_t images,
                                const struct numbers *n, const struct reference *reference)
{
    struct arena arena = {0};
    struct conv conv;
    conv_init(&conv, s, method, false, kernels_get(), true, &arena);
    assert_true(arena_place(&arena, NULL));
    conv_init(&conv, s, method, false, kernels_get(), true, &arena);
    struct guarded out = guarded_create(out_count(s, images), 4);
    struct guarded din = guarded_create(in_count(s, images), 5);
    struct guarded scratch = guarded_create(conv_scratch(s, method), 6);
    double *sums = calloc(conv_sums(s, method), sizeof *sums);
    real *dweight = calloc(weight_count(s), sizeof *dweight);
    assert_true(sums && dweight);
    conv_begin_forward(&conv, n->weight.x);
    conv_forward(&conv, scratch.x, out.x, n->in.x, n->weight.x, &(struct conv_tail){0}, images);
    conv_begin_backward(&conv, n->weight.x);
    const struct conv_gradients to = {.din = din.x, .sums = sums};
    conv_backward(&conv, scratch.x, &to, n->dout.x, n->in.x, n->weight.x, images);
    conv_end_backward(&conv, sums, dweight, NULL);
    struct distances d = {real_distance(out.x, reference->out, out.count),
                          real_distance(din.x, reference->din, din.count),
                          real_distance(dweight, reference->dweight, weight_count(s))};
    free(sums);
    free(dweight);
    guarded_destroy(&scratch);
    guarded_destroy(&din);
    guarded_destroy(&out);
    arena_finish(&arena);
    return d;
}

static void check(const struct conv_shape *s, const char *part, double winograd, double direct)
{
    printf("%2zu channels, %2zux%-2zu, %-15s %.2e, direct %.2e: %.2f times\n", s->in_channels,
           s->in_height, s->in_width, part, winograd, direct, winograd / direct);
    assert_true(winograd <= MULTIPLE_MAX * direct);
    assert_true(winograd <= DISTANCE_MAX);
}

static void errors_are_a_small_multiple_of_the_direct_ones(void **state)
{
    (void)state;
    gemm_init();
    for (size_t channels = 16; channels <= 64; channels *= 2) {
        size_t side = 512 / channels, images = channels / 8;
        struct conv_shape s = {side, side, channels, side, side, channels, 3, 1, 1};
        struct numbers numbers = numbers_create(&s, images);
        struct reference reference =
            reference_create(&s, images, numbers.in.x, numbers.weight.x, numbers.dout.x);
        struct distances winograd = measure(&s, CONV_WINOGRAD, images, &numbers, &reference);
        struct distances direct = measure(&s, CONV_DIRECT, images, &numbers, &reference);
        check(&s, "forward", winograd.out, direct.out);
        check(&s, "data gradient", winograd.din, direct.din);
        check(&s, "weight gradient", winograd.dweight, direct.dweight);
        reference_destroy(&reference);
        numbers_destroy(&numbers);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_a_small_multiple_of_the_direct_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
