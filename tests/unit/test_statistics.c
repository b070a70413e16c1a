#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/distribution.h"
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
    struct sample samples[] = {
        {1, 1, false}, {2, 2, false}, {3, 3, false}, {4, 4, false}, {5, 5, false}};
    struct estimate estimate = statistics_mean(samples, 5);
    assert_int_equal(estimate.n, 5);
    near(estimate.mean, 3, 1e-15);
    near(estimate.sd, sqrt(2.5), 1e-15);
    near(estimate.half_width, 2.7764451051977987 * sqrt(2.5) / sqrt(5), 1e-12);
}

static void one_seed_has_no_interval(void **state)
{
    (void)state;
    struct sample samples[] = {{7, 0.5, false}};
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
    struct sample samples[] = {{1, 0.25, false}, {2, 0.25, false}, {3, 0.25, false}};
    struct estimate estimate = statistics_mean(samples, 3);
    near(estimate.sd, 0, 0);
    near(estimate.half_width, 0, 0);
}

/* Large common offset: a sum of squares would lose every digit. */
static void no_cancellation(void **state)
{
    (void)state;
    struct sample samples[] = {{1, 1e9 + 1, false}, {2, 1e9 + 2, false}, {3, 1e9 + 3, false}};
    near(statistics_mean(samples, 3).sd, 1, 1e-9);
}

/* Differences 1, 3, 2 over the seeds 2, 3 and 5 alone: mean 2, sd 1. Unpaired, the spread of the
 * seeds (0 to 100) would swallow them. */
static void paired_by_seed(void **state)
{
    (void)state;
    struct sample a[] = {{1, 1000, false}, {2, 11, false}, {3, 53, false}, {5, 102, false}};
    struct sample b[] = {
        {2, 10, false}, {3, 50, false}, {4, -1000, false}, {5, 100, false}, {6, 7, false}};
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
    struct sample a[] = {{1, 1, false}, {3, 1, false}}, b[] = {{2, 1, false}, {4, 1, false}};
    struct estimate estimate = statistics_paired(a, 2, b, 2);
    assert_int_equal(estimate.n, 0);
    assert_true(isnan(estimate.mean));
}

/* Stein: all eight tell the mean, the five of the first stage the spread: R's
 * qt(0.975, 4) * sd(first) / sqrt(8). */
static void added_seeds_leave_the_spread(void **state)
{
    (void)state;
    struct sample samples[] = {{1, 1, false}, {2, 2, false}, {3, 3, false}, {4, 4, false},
                               {5, 5, false}, {6, 9, true},  {7, 0, true},  {8, 8, true}};
    struct estimate estimate = statistics_mean(samples, 8);
    assert_int_equal(estimate.n, 8);
    near(estimate.mean, 4, 1e-15);
    near(estimate.degrees, 4, 0);
    near(estimate.half_width, 2.7764451051977987 * sqrt(2.5) / sqrt(8), 1e-12);
    near(estimate.sd, sqrt(72.0 / 7), 1e-12);
    /* Pairs with them likewise: differences 1, 2, 0 and, added, 5. */
    struct sample a[] = {{1, 3, false}, {2, 4, false}, {3, 3, false}, {6, 9, true}};
    struct sample b[] = {{1, 2, false}, {2, 2, false}, {3, 3, false}, {6, 4, true}, {7, 1, true}};
    estimate = statistics_paired(a, 4, b, 5);
    assert_int_equal(estimate.n, 4);
    near(estimate.mean, 2, 1e-15);
    near(estimate.half_width, distribution_t_quantile(0.975, 2) * 1 / sqrt(4), 1e-12);
    /* Welch's: variances 1/3 and 1/3 of the first three, of means over four and five. */
    estimate = statistics_unpaired(a, 4, b, 5);
    near(estimate.mean, 4.75 - 2.4, 1e-12);
    double part1 = 1.0 / 3 / 4, part2 = 1.0 / 3 / 5, sum = part1 + part2;
    double degrees = sum * sum / (part1 * part1 / 2 + part2 * part2 / 2);
    near(estimate.degrees, degrees, 1e-12);
    near(estimate.half_width, distribution_t_quantile(0.975, degrees) * sqrt(sum), 1e-12);
    /* Without two of the first stage nothing is known of the spread. */
    assert_true(isnan(statistics_mean(samples + 4, 4).half_width));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_of_t),           cmocka_unit_test(mean_of_five),
        cmocka_unit_test(one_seed_has_no_interval), cmocka_unit_test(equal_values),
        cmocka_unit_test(no_cancellation),          cmocka_unit_test(added_seeds_leave_the_spread),
        cmocka_unit_test(paired_by_seed),           cmocka_unit_test(pairs_without_common_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
