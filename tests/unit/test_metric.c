#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/metric.h"

static const double sigmas[] = {0, 0.1, 0.4}, accuracies[] = {0.9, 0.8, 0.2};

static double value_of(const char *name)
{
    struct metric metric;
    struct error error;
    assert_true(metric_parse(&metric, name, &error));
    assert_string_equal(metric.name, name);
    assert_true(metric_check(&metric, sigmas, 3, &error));
    return metric_value(&metric, sigmas, accuracies, 3);
}

static void near(double value, double expected)
{
    assert_true(fabs(value - expected) < 1e-12);
}

static void values_by_hand(void **state)
{
    (void)state;
    near(value_of("accuracy@0.1"), 0.8);
    near(value_of("drop@0.4"), 0.7);
    near(value_of("worst"), 0.2);
    near(value_of("area"), (0.1 * 0.85 + 0.3 * 0.5) / 0.4);
    near(value_of("reach@0.5"), 0.25); /* half of the way from 0.8 to 0.2 */
    near(value_of("reach@0.95"), 0);
}

static void levels_that_are_not_there(void **state)
{
    (void)state;
    struct metric metric;
    struct error error;
    assert_true(isnan(value_of("reach@0.1"))); /* never falls so low */
    assert_true(metric_parse(&metric, "accuracy@0.3", &error));
    assert_false(metric_check(&metric, sigmas, 3, &error));
    assert_non_null(strstr(error.message, "0, 0.1, 0.4"));
    assert_true(metric_parse(&metric, "drop@0.1", &error));
    assert_false(metric_check(&metric, sigmas + 1, 2, &error)); /* no clean test */
    assert_true(metric_parse(&metric, "area", &error));
    assert_false(metric_check(&metric, sigmas, 1, &error));
}

/* A level without a measurement is no zero. */
static void missing_measurements(void **state)
{
    (void)state;
    const double gap[] = {0.9, NAN, 0.2};
    struct metric metric;
    struct error error;
    const char *const names[] = {"accuracy@0.1", "drop@0.1", "worst", "area"};
    for (size_t i = 0; i < 4; i++) {
        assert_true(metric_parse(&metric, names[i], &error));
        assert_true(isnan(metric_value(&metric, sigmas, gap, 3)));
    }
}

static void names_that_are_none(void **state)
{
    (void)state;
    const char *const names[] = {"accuracy", "area@0.1", "accuracy@", "accuracy@x", "", "@0.1"};
    struct metric metric;
    struct error error;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_false(metric_parse(&metric, names[i], &error));
        assert_int_equal(error.code, ERROR_USAGE);
    }
}

static void defaults(void **state)
{
    (void)state;
    const double usual[] = {0, 0.1, 0.2, 0.4};
    struct metric metric;
    metric_default(&metric, usual, 4);
    assert_string_equal(metric.name, "accuracy@0.2");
    metric_default(&metric, sigmas, 3);
    assert_string_equal(metric.name, "accuracy@0.4");
    metric_default(&metric, sigmas, 1);
    assert_string_equal(metric.name, "accuracy@0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_by_hand),
        cmocka_unit_test(levels_that_are_not_there),
        cmocka_unit_test(missing_measurements),
        cmocka_unit_test(names_that_are_none),
        cmocka_unit_test(defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
