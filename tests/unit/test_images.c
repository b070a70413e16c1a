/* Pixels and noise by hand: channels change from the data set's order to the network's. */
#include "worker/images.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <cmocka.h>

/* Two channels of one row and three columns. */
static const struct image_shape SHAPE = {2, 1, 3};
static const uint8_t BYTES[6] = {0, 51, 255, 102, 1, 204};

static void clean_images_are_channel_last(void **state)
{
    (void)state;
    const real expected[6] = {0, (real)0.4, (real)0.2, (real)1 / 255, 1, (real)0.8};
    real x[7] = {[6] = 99};
    images_clean(x, BYTES, SHAPE);
    for (int i = 0; i < 6; i++) {
        assert_true(x[i] == expected[i]);
    }
    assert_true(x[6] == 99);
}

static void noise_is_added_in_the_data_sets_order_and_not_clipped(void **state)
{
    (void)state;
    const float noise[6] = {-1, 0.5f, 0.25f, 2, 3, -4};
    real clean[6], x[6];
    images_clean(clean, BYTES, SHAPE);
    images_perturbed(x, BYTES, noise, SHAPE);
    const int from[6] = {0, 3, 1, 4, 2, 5};
    for (int i = 0; i < 6; i++) {
        assert_true(x[i] == clean[i] + (real)noise[from[i]]);
    }
    assert_true(x[0] == -1 && x[4] == (real)1.25);
}

/* The norm is that of the rounded floats. */
static void noise_is_scaled_in_double_and_rounded_once(void **state)
{
    (void)state;
    const float z[3] = {1, -2, 0.3f};
    float noise[3];
    double sigma = 0.1, square = 0;
    double norm = images_noise(noise, z, sigma, 3);
    for (int i = 0; i < 3; i++) {
        assert_true(noise[i] == (float)(sigma * (double)z[i]));
        square += (double)noise[i] * (double)noise[i];
    }
    assert_true(norm == sqrt(square));
    assert_true(norm != sigma * sqrt(1 + 4 + (double)z[2] * (double)z[2]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clean_images_are_channel_last),
        cmocka_unit_test(noise_is_added_in_the_data_sets_order_and_not_clipped),
        cmocka_unit_test(noise_is_scaled_in_double_and_rounded_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
