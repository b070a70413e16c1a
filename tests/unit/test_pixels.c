#include "common/dataset.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint8_t *copy(const uint8_t *bytes, size_t count)
{
    uint8_t *own = malloc(count);
    assert_non_null(own);
    return memcpy(own, bytes, count);
}

static void boxes_round_to_the_nearest_halves_up(void **state)
{
    (void)state;
    const uint8_t train[] = {0, 1, 2,   3, /* one image, one channel */
                             1, 0, 3,   3, /**/
                             9, 9, 255, 255, 9, 8, 255, 254};
    const uint8_t test[] = {4, 4, 0, 0, 4, 4, 0, 1, 1, 1, 1, 1, 1, 0, 1, 0};
    const uint8_t small_train[] = {1, 3, 9, 255}, small_test[] = {4, 0, 1, 1};
    struct dataset dataset = {.channels = 1, .height = 4, .width = 4};
    struct error error;
    dataset.train = (struct dataset_split){1, copy(train, sizeof train), NULL};
    dataset.test = (struct dataset_split){1, copy(test, sizeof test), NULL};
    assert_false(dataset_resize(&dataset, 3, &error));
    assert_non_null(strstr(error.message, "3 is no divisor of 4"));
    assert_false(dataset_resize(&dataset, 8, &error));
    assert_false(dataset_resize(&dataset, 0, &error));
    assert_memory_equal(dataset.train.images, train, sizeof train);
    assert_true(dataset_resize(&dataset, 2, &error));
    assert_memory_equal(dataset.train.images, small_train, 4); /* 0.5, 2.75, 8.75, 254.75 */
    assert_memory_equal(dataset.test.images, small_test, 4);   /* 4, 0.25, 0.75, 0.75 */
    assert_true(dataset_resize(&dataset, 1, &error));
    assert_int_equal(dataset.train.images[0], 67);
    assert_int_equal(dataset.height, 1);
    dataset_close(&dataset);
}

static void moments_are_those_of_the_given_images(void **state)
{
    (void)state;
    const uint8_t images[] = {200, 200, 0,  0,  /* left out */
                              0,   255, 10, 10, /* two channels of 1 x 2 pixels */
                              0,   255, 20, 20};
    const struct dataset dataset = {
        .channels = 2, .height = 1, .width = 2, .train = {3, (uint8_t *)(uintptr_t)images, NULL}};
    const uint32_t indices[] = {1, 2};
    double mean[2], sd[2];
    dataset_channel_moments(&dataset, indices, 2, mean, sd);
    assert_true(mean[0] == 0.5 && sd[0] == 0.5);
    assert_true(fabs(mean[1] - 15 / 255.0) < 1e-16 && fabs(sd[1] - 5 / 255.0) < 1e-16);
}

/* So many squares that 64 bits would not hold their number times their sum. */
static void moments_are_exact_for_many_pixels(void **state)
{
    (void)state;
    enum { SIDE = 2048, COUNT = 12 };
    size_t bytes = (size_t)SIDE * SIDE;
    uint8_t *image = malloc(bytes);
    assert_non_null(image);
    for (size_t i = 0; i < bytes; i++)
        image[i] = i % 2 ? 255 : 253;
    const struct dataset dataset = {
        .channels = 1, .height = SIDE, .width = SIDE, .train = {1, image, NULL}};
    const uint32_t indices[COUNT] = {0};
    double mean, sd;
    dataset_channel_moments(&dataset, indices, COUNT, &mean, &sd);
    assert_true(fabs(mean - 254 / 255.0) < 1e-15);
    assert_true(fabs(sd - 1 / 255.0) < 1e-17);
    free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_round_to_the_nearest_halves_up),
        cmocka_unit_test(moments_are_those_of_the_given_images),
        cmocka_unit_test(moments_are_exact_for_many_pixels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
