/* Points found by their parameters, and rivals, against looking at every one. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "client/analysis/point_index.h"
#include "client/analysis/rivals.h"

enum { SIDE = 9, COUNT = SIDE * SIDE * SIDE };

static struct value values[COUNT][POINT_PARAMETER_COUNT];
static struct point points[COUNT];
static char none[] = "none", augmentation[] = "noise-augmentation", noisy_bn[] = "noisy-bn";

static struct value real(double number)
{
    return (struct value){.type = VALUE_REAL, .real = number};
}

static struct value text(char *bytes)
{
    return (struct value){.type = VALUE_TEXT, .bytes = bytes, .length = strlen(bytes)};
}

/* lambda, sigma and the learning rate take SIDE values each; every third lambda is a control. */
static int make_points(void **state)
{
    (void)state;
    static char *const controls[] = {none, augmentation, noisy_bn};
    for (size_t i = 0; i < COUNT; i++) {
        size_t a = i % SIDE, b = i / SIDE % SIDE, c = i / SIDE / SIDE;
        for (int j = 0; j < POINT_PARAMETER_COUNT; j++) {
            values[i][j] = (struct value){.type = VALUE_NULL};
            points[i].parameters[j] = &values[i][j];
        }
        values[i][POINT_lambda] = real(a < 3 ? 0 : (double)a / 10);
        values[i][POINT_control] = text(controls[a < 3 ? a : 0]);
        values[i][POINT_sigma] = a == 0 ? (struct value){.type = VALUE_NULL} : real((double)b / 8);
        values[i][POINT_lr] = real((double)c / 100);
        points[i].dataset_digest = c % 2 ? "one" : "another";
    }
    return 0;
}

static bool agree(size_t a, size_t b, const int *parameters, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!value_is_equal(&values[a][parameters[i]], &values[b][parameters[i]]))
            return false;
    return true;
}

static void first_that_agrees(void **state)
{
    (void)state;
    static const int chosen[] = {POINT_sigma, POINT_lr};
    struct point_index index;
    point_index_init(&index, 1u << POINT_sigma | 1u << POINT_lr);
    for (size_t i = 0; i < COUNT; i++) {
        size_t expected = 0;
        while (expected < i && !agree(expected, i, chosen, 2))
            expected++;
        assert_int_equal(point_index_find(&index, points, &points[i]),
                         expected == i ? SIZE_MAX : expected);
        assert_int_equal(point_index_add(&index, points, &points[i], i), expected);
    }
    point_index_finish(&index);
}

static void minus_zero_is_zero(void **state)
{
    (void)state;
    struct point_index index;
    struct point other = points[3 * SIDE];
    struct value minus = real(-0.0), zero = real(0);
    point_index_init(&index, 1u << POINT_lr);
    other.parameters[POINT_lr] = &zero;
    assert_int_equal(point_index_add(&index, &other, &other, 0), 0);
    struct point asked = other;
    asked.parameters[POINT_lr] = &minus;
    assert_int_equal(point_index_find(&index, &other, &asked), 0);
    point_index_finish(&index);
}

static size_t look_at_every_one(size_t point, const char *control, bool own_sigma)
{
    static const int same[] = {POINT_lr, POINT_sigma};
    for (size_t i = 0; i < COUNT; i++)
        if (values[i][POINT_lambda].real == 0 &&
            strcmp(values[i][POINT_control].bytes, control) == 0 &&
            agree(i, point, same, own_sigma ? 2 : 1) &&
            strcmp(points[i].dataset_digest, points[point].dataset_digest) == 0)
            return i == point ? SIZE_MAX : i;
    return SIZE_MAX;
}

static void rivals_are_like_the_point(void **state)
{
    (void)state;
    static const char *const controls[] = {none, augmentation, noisy_bn, "no such"};
    for (size_t control = 0; control < 4; control++) {
        size_t *rivals = rivals_find(points, COUNT, controls[control]);
        size_t found = 0;
        for (size_t i = 0; i < COUNT; i++) {
            assert_int_equal(rivals[i], look_at_every_one(i, controls[control], control > 0));
            found += rivals[i] != SIZE_MAX;
        }
        assert_true(control == 3 ? found == 0 : found >= COUNT / 2);
        free(rivals);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_that_agrees),
        cmocka_unit_test(minus_zero_is_zero),
        cmocka_unit_test(rivals_are_like_the_point),
    };
    return cmocka_run_group_tests(tests, make_points, NULL);
}
