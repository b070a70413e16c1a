#include "worker/augment.h"
#include "worker/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "common/rng.h"

/* 2 channels, 3 rows of 4 columns */
static const struct image_shape shape = {2, 3, 4};
static const uint8_t image[24] = {11, 12, 13, 14, 21, 22, 23, 24, 31, 32, 33, 34,
                                  51, 52, 53, 54, 61, 62, 63, 64, 71, 72, 73, 74};

static void expect(size_t padding, struct augment_draw draw, const uint8_t expected[24])
{
    const struct augment augment = {.padding = padding};
    uint8_t out[26];
    memset(out, 99, sizeof out);
    augment_apply(out + 1, image, shape, &augment, &draw);
    assert_memory_equal(out + 1, expected, 24);
    assert_true(out[0] == 99 && out[25] == 99);
}

static void crops_and_flips_exactly_so(void **state)
{
    (void)state;
    const uint8_t up_left[24] = {0, 0, 0, 0, 0, 11, 12, 13, 0, 21, 22, 23,
                                 0, 0, 0, 0, 0, 51, 52, 53, 0, 61, 62, 63};
    const uint8_t down_right[24] = {22, 23, 24, 0, 32, 33, 34, 0, 0, 0, 0, 0,
                                    62, 63, 64, 0, 72, 73, 74, 0, 0, 0, 0, 0};
    const uint8_t flipped[24] = {14, 13, 12, 11, 24, 23, 22, 21, 34, 33, 32, 31,
                                 54, 53, 52, 51, 64, 63, 62, 61, 74, 73, 72, 71};
    const uint8_t both[24] = {0, 24, 23, 22, 0, 34, 33, 32, 0, 0, 0, 0,
                              0, 64, 63, 62, 0, 74, 73, 72, 0, 0, 0, 0};
    const uint8_t nothing[24] = {0};
    expect(1, (struct augment_draw){1, 1, false}, image);
    expect(0, (struct augment_draw){0, 0, false}, image);
    expect(1, (struct augment_draw){0, 0, false}, up_left);
    expect(1, (struct augment_draw){2, 2, false}, down_right);
    expect(0, (struct augment_draw){0, 0, true}, flipped);
    expect(1, (struct augment_draw){2, 2, true}, both);
    expect(5, (struct augment_draw){5, 0, false}, nothing); /* a border wider than the image */
    expect(5, (struct augment_draw){5, 10, true}, nothing);
    expect(5, (struct augment_draw){10, 5, false}, nothing);
}

/* As docs/reproducibility.md has it. */
static void draws_follow_the_documented_stream(void **state)
{
    (void)state;
    const struct augment augment = {.padding = 4, .flip = true}, still = {.padding = 4};
    size_t rows[9] = {0}, columns[9] = {0}, flips = 0;
    for (uint32_t index = 0; index < 9000; index++) {
        const uint32_t key[2] = {5, 1}, counter[4] = {0, index, 3, 3};
        uint32_t words[4];
        philox4x32_10(counter, key, words);
        struct augment_draw draw = augment_draw(&augment, (1ull << 32) + 5, 3, index);
        /* (word + 1/2) * 9 / 2^32 in whole numbers */
        assert_int_equal(draw.row, (2 * (uint64_t)words[0] + 1) * 9 >> 33);
        assert_int_equal(draw.column, (2 * (uint64_t)words[1] + 1) * 9 >> 33);
        assert_int_equal(draw.flip, words[2] < 1u << 31);
        assert_false(augment_draw(&still, (1ull << 32) + 5, 3, index).flip);
        rows[draw.row]++;
        columns[draw.column]++;
        flips += draw.flip;
    }
    for (size_t i = 0; i < 9; i++) { /* 1000 +- 5 standard deviations */
        assert_in_range(rows[i], 850, 1150);
        assert_in_range(columns[i], 850, 1150);
    }
    assert_in_range(flips, 4260, 4740);
}

static void a_job_asks_for_it(void **state)
{
    (void)state;
    struct job job;
    job_init(&job);
    struct augment augment = augment_of(&job);
    assert_false(augment_is_on(&augment));
    job.flip = FLIP_HALF;
    augment = augment_of(&job);
    assert_true(augment_is_on(&augment));
    job.flip = FLIP_NEVER;
    job.crop_padding = 4;
    augment = augment_of(&job);
    assert_true(augment_is_on(&augment));
    assert_int_equal(augment.padding, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crops_and_flips_exactly_so),
        cmocka_unit_test(draws_follow_the_documented_stream),
        cmocka_unit_test(a_job_asks_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
