#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/analysis/distribution.h"
#include "client/analysis/statistics.h"

static void near(double value, double expected, double tolerance)
{
    assert_true(fabs(value - expected) <= tolerance);
}

/* 97.5 % points from printed tables of Student's t (Abramowitz and Stegun, table 26.10, has three
 * of these decimals; df = 1 and 2 have closed forms). */
static void quantiles_of_t(void **state)
{
    (void)state;
    near(distribution_t_quantile(0.975, 1), tan(0.475 * 3.14159265358979323846), 1e-9);
    near(distribution_t_quantile(0.975, 2), 0.95 / sqrt(2 * 0.975 * 0.025), 1e-9);
    near(distribution_t_quantile(0.975, 4), 2.776, 5e-4);
    near(distribution_t_quantile(0.975, 9), 2.262, 5e-4);
    near(distribution_t_quantile(0.975, 30), 2.042, 5e-4);
    near(distribution_t_quantile(0.025, 4), -2.776, 5e-4);
}

/* 1..5: mean 3, sd sqrt(10/4), half-width t(4) sd / sqrt 5. */
static void mean_of_five(void **state)
{
    (void)state;
    struct sample samples[] = {{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}};
    struct estimate estimate = statistics_mean(samples, 5);
    assert_int_equal(estimate.n, 5);
    near(estimate.mean, 3, 1e-15);
    near(estimate.sd, sqrt(2.5), 1e-15);
    near(estimate.half_width, 2.7764451051977987 * sqrt(2.5) / sqrt(5), 1e-12);
}

static void one_seed_has_no_interval(void **state)
{
    (void)state;
    struct sample samples[] = {{7, 0.5}};
    struct estimate estimate = statistics_mean(samples, 1);
    assert_int_equal(estimate.n, 1);
    near(estimate.mean, 0.5, 0);
    assert_true(isnan(estimate.sd));
    assert_true(isnan(estimate.half_width));
    estimate = statistics_mean(samples, 0);
    assert_int_equal(estimate.n, 0);
    assert_true(isnan(estimate.mean));
    assert_true(isnan(estimate.half_width));
}

/* Equal values do have an interval: of width 0. */
static void equal_values(void **state)
{
    (void)state;
    struct sample samples[] = {{1, 0.25}, {2, 0.25}, {3, 0.25}};
    struct estimate estimate = statistics_mean(samples, 3);
    near(estimate.sd, 0, 0);
    near(estimate.half_width, 0, 0);
}

/* Large common offset: a sum of squares would lose every digit. */
static void no_cancellation(void **state)
{
    (void)state;
    struct sample samples[] = {{1, 1e9 + 1}, {2, 1e9 + 2}, {3, 1e9 + 3}};
    near(statistics_mean(samples, 3).sd, 1, 1e-9);
}

/* Differences 1, 3, 2 over the seeds 2, 3 and 5 alone: mean 2, sd 1. Unpaired, the spread of the
 * seeds (0 to 100) would swallow them. */
static void paired_by_seed(void **state)
{
    (void)state;
    struct sample a[] = {{1, 1000}, {2, 11}, {3, 53}, {5, 102}};
    struct sample b[] = {{2, 10}, {3, 50}, {4, -1000}, {5, 100}, {6, 7}};
    struct estimate estimate = statistics_paired(a, 4, b, 5);
    assert_int_equal(estimate.n, 3);
    near(estimate.mean, 2, 1e-12);
    near(estimate.sd, 1, 1e-12);
    near(estimate.half_width, distribution_t_quantile(0.975, 2) / sqrt(3), 1e-12);
    estimate = statistics_paired(b, 5, a, 4);
    near(estimate.mean, -2, 1e-12);
}

static void pairs_without_common_seed(void **state)
{
    (void)state;
    struct sample a[] = {{1, 1}, {3, 1}}, b[] = {{2, 1}, {4, 1}};
    struct estimate estimate = statistics_paired(a, 2, b, 2);
    assert_int_equal(estimate.n, 0);
    assert_true(isnan(estimate.mean));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_of_t),
        cmocka_unit_test(mean_of_five),
        cmocka_unit_test(one_seed_has_no_interval),
        cmocka_unit_test(equal_values),
        cmocka_unit_test(no_cancellation),
        cmocka_unit_test(paired_by_seed),
        cmocka_unit_test(pairs_without_common_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
