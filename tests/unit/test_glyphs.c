#include "common/glyphs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { PREFIX = 137 };

static struct dataset whole;

static int set_up(void **state)
{
    (void)state;
    return dataset_open(&whole, "glyphs", NULL, NULL) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    dataset_close(&whole);
    return 0;
}

/* The bytes are the same with every compiler, flag and processor: so their digest is committed. */
static void known_digest_is_the_real_one(void **state)
{
    (void)state;
    char digest[JOB_DIGEST_LENGTH + 1];
    dataset_digest(&whole, digest);
    assert_string_equal(digest, dataset_known_digest("glyphs"));
    assert_string_equal(digest, whole.digest);
}

static void facts_are_true(void **state)
{
    (void)state;
    size_t train, test, pixels;
    int classes;
    assert_true(dataset_facts("glyphs", &train, &test, &pixels, &classes));
    assert_int_equal(whole.train.count, train);
    assert_int_equal(whole.test.count, test);
    assert_int_equal(whole.channels * whole.height * whole.width, pixels);
    assert_int_equal(whole.class_count, classes);
    assert_int_equal(train, 20000);
    assert_int_equal(test, 4000);
}

static void a_prefix_can_be_made_alone(void **state)
{
    (void)state;
    struct dataset prefix;
    struct error error;
    const struct dataset_options options = {.train_limit = PREFIX};
    assert_true(dataset_open(&prefix, "glyphs", &options, &error));
    assert_int_equal(prefix.train.count, PREFIX);
    assert_int_equal(prefix.test.count, whole.test.count);
    assert_memory_equal(prefix.train.images, whole.train.images, PREFIX * GLYPHS_PIXELS);
    assert_memory_equal(prefix.train.labels, whole.train.labels, PREFIX);
    assert_string_equal(prefix.digest, whole.digest);
    dataset_close(&prefix);
    const struct dataset_options too_many = {.train_limit = 1000000};
    assert_true(dataset_open(&prefix, "glyphs", &too_many, &error));
    assert_int_equal(prefix.train.count, GLYPHS_TRAIN_COUNT);
    dataset_close(&prefix);
}

static void an_image_depends_on_its_number_alone(void **state)
{
    (void)state;
    uint8_t pixels[GLYPHS_PIXELS];
    for (uint32_t index = GLYPHS_TEST_COUNT; index-- > GLYPHS_TEST_COUNT - 20;) {
        assert_int_equal(glyphs_draw(GLYPHS_TEST, index, pixels), whole.test.labels[index]);
        assert_memory_equal(pixels, whole.test.images + index * GLYPHS_PIXELS, GLYPHS_PIXELS);
        assert_memory_not_equal(pixels, whole.train.images + index * GLYPHS_PIXELS, GLYPHS_PIXELS);
    }
}

static void expect_balance(const struct dataset_split *split)
{
    for (size_t start = 0; start < split->count; start += 10) {
        unsigned seen = 0;
        for (size_t i = start; i < start + 10; i++)
            seen |= 1u << split->labels[i];
        assert_int_equal(seen, 0x3ff);
    }
}

/* Each ten images show each digit once, in an order of their own. */
static void labels_are_balanced_and_drawn(void **state)
{
    (void)state;
    expect_balance(&whole.train);
    expect_balance(&whole.test);
    size_t first[10] = {0};
    for (size_t i = 0; i < whole.train.count; i += 10)
        first[whole.train.labels[i]]++;
    for (size_t digit = 0; digit < 10; digit++)
        assert_in_range(first[digit], 140, 260); /* of 2000: 200, standard deviation 13 */
    assert_memory_not_equal(whole.train.labels, whole.test.labels, 100);
}

static int compare_images(const void *a, const void *b)
{
    return memcmp(*(const uint8_t *const *)a, *(const uint8_t *const *)b, GLYPHS_PIXELS);
}

static void no_image_is_there_twice(void **state)
{
    (void)state;
    size_t count = whole.train.count + whole.test.count;
    const uint8_t **images = calloc(count, sizeof *images);
    assert_non_null(images);
    for (size_t i = 0; i < count; i++)
        images[i] = i < whole.train.count
                        ? whole.train.images + i * GLYPHS_PIXELS
                        : whole.test.images + (i - whole.train.count) * GLYPHS_PIXELS;
    qsort(images, count, sizeof *images, compare_images);
    for (size_t i = 1; i < count; i++)
        assert_int_not_equal(compare_images(&images[i - 1], &images[i]), 0);
    free(images);
}

/* Every image is a stroke of ink in the middle: dark somewhere, empty mostly, and at the rim. */
static void images_look_like_writing(void **state)
{
    (void)state;
    size_t rim_ink = 0;
    for (size_t i = 0; i < whole.train.count; i++) {
        const uint8_t *image = whole.train.images + i * GLYPHS_PIXELS;
        size_t inked = 0, darkest = 0;
        for (size_t pixel = 0; pixel < GLYPHS_PIXELS; pixel++) {
            inked += image[pixel] > 0;
            darkest = image[pixel] > darkest ? image[pixel] : darkest;
            size_t x = pixel % GLYPHS_SIDE, y = pixel / GLYPHS_SIDE;
            rim_ink += image[pixel] > 0 &&
                       (x == 0 || y == 0 || x == GLYPHS_SIDE - 1 || y == GLYPHS_SIDE - 1);
        }
        assert_in_range(darkest, 100, 255);
        assert_in_range(inked, 15, GLYPHS_PIXELS / 2);
    }
    assert_true(rim_ink < whole.train.count / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_digest_is_the_real_one),
        cmocka_unit_test(facts_are_true),
        cmocka_unit_test(a_prefix_can_be_made_alone),
        cmocka_unit_test(an_image_depends_on_its_number_alone),
        cmocka_unit_test(labels_are_balanced_and_drawn),
        cmocka_unit_test(no_image_is_there_twice),
        cmocka_unit_test(images_look_like_writing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
