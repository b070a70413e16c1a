#include "common/normal_kernel.h"
#include "common/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Random123's kat_vectors, philox4x32 10. */
static void philox_known_answers(void **state)
{
    (void)state;
    const struct {
        uint32_t counter[4], key[2], out[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t out[4];
        philox4x32_10(cases[i].counter, cases[i].key, out);
        assert_memory_equal(out, cases[i].out, sizeof out);
    }
}

static void stream_fills_the_counter(void **state)
{
    (void)state;
    struct rng_stream stream = {0x299f31d0a4093822u, 0x03707344, 0x13198a2e, 0x85a308d3};
    uint32_t out[4];
    rng_block(&stream, 0x243f6a88, out);
    assert_int_equal(out[0], 0xd16cfe09);
    assert_int_equal(out[3], 0x24126ea1);
}

static void uniform_is_open(void **state)
{
    (void)state;
    assert_true(rng_uniform(0) == 0x1p-33);
    assert_true(rng_uniform(0xffffffff) == 1 - 0x1p-33);
}

/* Box–Muller with libm, from the definition in rng.h. */
static double by_libm(const struct rng_stream *stream, size_t draw)
{
    uint32_t word[4];
    rng_block(stream, (uint32_t)(draw / 4), word);
    size_t pair = draw % 4 / 2 * 2;
    double radius = sqrt(-2 * log(rng_uniform(word[pair])));
    double angle = 2 * acos(-1) * rng_uniform(word[pair + 1]);
    return radius * (draw % 2 ? sin(angle) : cos(angle));
}

/* The angle 2 pi u itself is rounded in libm's form, so near the axes the two differ by up to an
 * absolute 1e-15. Rounded to float nearly all draws are equal, the rest neighbours. */
static void normals_agree_with_libm(void **state)
{
    (void)state;
    enum { COUNT = 400003 };
    struct rng_stream stream = {7, RNG_TRAINING_NOISE, 3, 11};
    float *z = malloc(COUNT * sizeof *z);
    assert_non_null(z);
    rng_normals(&stream, z, COUNT);
    size_t different = 0;
    for (size_t i = 0; i < COUNT; i++) {
        double expected = by_libm(&stream, i);
        assert_true(fabs(z[i] - expected) <= 6e-8 * fabs(expected) + 4e-15);
        different += z[i] != (float)expected;
    }
    assert_true(different < 5);
    free(z);
}

static void every_length_is_a_prefix(void **state)
{
    (void)state;
    struct rng_stream stream = {1, RNG_TEST_NOISE, 0, 9};
    float whole[1000];
    rng_normals(&stream, whole, 1000);
    for (size_t count = 0; count <= 1000; count += 37) {
        float part[1001];
        part[count] = 12345;
        rng_normals(&stream, part, count);
        assert_memory_equal(part, whole, count * sizeof *part);
        assert_true(part[count] == 12345);
    }
}

static void every_level_gives_the_same_bits(void **state)
{
    (void)state;
#ifdef __x86_64__
    for (uint32_t index = 0; index < 300; index++) {
        struct rng_stream stream = {0x123456789abcdefu, RNG_TRAINING_NOISE, 2, index};
        float generic[NORMAL_CHUNK], other[NORMAL_CHUNK];
        normal_kernel_generic(&stream, index * 1000, generic);
        if (__builtin_cpu_supports("avx2")) {
            normal_kernel_avx2(&stream, index * 1000, other);
            assert_memory_equal(generic, other, sizeof generic);
        }
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) {
            normal_kernel_avx512(&stream, index * 1000, other);
            assert_memory_equal(generic, other, sizeof generic);
        }
    }
#endif
}

static void moments_and_tails(void **state)
{
    (void)state;
    enum { IMAGES = 2000, PIXELS = 784, COUNT = IMAGES * PIXELS };
    static float z[PIXELS];
    double sum[5] = {0}, largest = 0;
    size_t beyond3 = 0, beyond4 = 0;
    for (uint32_t image = 0; image < IMAGES; image++) {
        struct rng_stream stream = {5, RNG_TRAINING_NOISE, 1, image};
        rng_normals(&stream, z, PIXELS);
        for (size_t i = 0; i < PIXELS; i++) {
            double x = z[i];
            sum[1] += x;
            sum[2] += x * x;
            sum[3] += x * x * x;
            sum[4] += x * x * x * x;
            beyond3 += fabs(x) > 3;
            beyond4 += fabs(x) > 4;
            largest = fmax(largest, fabs(x));
        }
    }
    double root = sqrt(COUNT); /* five standard errors each */
    assert_true(fabs(sum[1] / COUNT) < 5 / root);
    assert_true(fabs(sum[2] / COUNT - 1) < 5 * sqrt(2) / root);
    assert_true(fabs(sum[3] / COUNT) < 5 * sqrt(15) / root);
    assert_true(fabs(sum[4] / COUNT - 3) < 5 * sqrt(96) / root);
    assert_true(fabs((double)beyond3 - COUNT * 2.699796e-3) < 5 * sqrt(COUNT * 2.7e-3));
    assert_true(fabs((double)beyond4 - COUNT * 6.334248e-5) < 5 * sqrt(COUNT * 6.4e-5));
    assert_true(largest > 4.5 && largest < 6.77);
}

/* An independent implementation (numpy, and the words of philox_known_answers) gave these; they
 * hold on every CPU. */
static void normals_known_answers(void **state)
{
    (void)state;
    const float expected[8] = {0x1.fb76660000000p-1f,  -0x1.d96d600000000p-1f,
                               -0x1.3c373e0000000p-1f, -0x1.eda3640000000p-2f,
                               -0x1.3aa6ae0000000p-3f, 0x1.7254da0000000p-3f,
                               0x1.a9d9300000000p-1f,  0x1.945b460000000p-3f};
    struct rng_stream stream = {0, 0, 0, 0};
    float z[8];
    rng_normals(&stream, z, 8);
    assert_memory_equal(z, expected, sizeof z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_known_answers),
        cmocka_unit_test(stream_fills_the_counter),
        cmocka_unit_test(uniform_is_open),
        cmocka_unit_test(normals_agree_with_libm),
        cmocka_unit_test(every_length_is_a_prefix),
        cmocka_unit_test(every_level_gives_the_same_bits),
        cmocka_unit_test(moments_and_tails),
        cmocka_unit_test(normals_known_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
