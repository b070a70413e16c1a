/* Derivatives at a nominal point, and what many comparisons ask for. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/analysis/comparison.h"
#include "client/analysis/derivative.h"
#include "common/distribution.h"
#include "client/analysis/effect_size.h"

static void near(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-12 * fmax(1, fabs(expected))))
        fail_msg("%.17g, not %.17g", value, expected);
}

/* y = 0.5 + 0.1 log10 θ + seed: every quotient is known. */
static void make(struct design *design, const double *levels, size_t count)
{
    design_init(design);
    design_add_axis(design, "lambda", "λ", levels, NULL, count);
    design_set_seeds(design, NULL, 3);
    for (size_t cell = 0; cell < count; cell++)
        for (size_t seed = 0; seed < 3; seed++)
            *design_at(design, cell, seed) = 0.5 + 0.1 * log10(levels[cell]) + 0.05 * (double)seed;
}

static void quotients_of_a_logarithm(void **state)
{
    (void)state;
    const double levels[] = {0.1, 1, 100};
    struct design design;
    struct derivative derivative;
    make(&design, levels, 3);
    size_t nominal = derivative_nominal(&design);
    assert_int_equal(nominal, 1);
    assert_true(derivative_estimate(&derivative, &design, nominal, 0, DERIVATIVE_FORWARD));
    near(derivative.slope.mean, 0.2 / 99);
    near(derivative.per_decade.mean, 0.1);
    near(derivative.elasticity.mean, (0.2 / 0.5 + 0.2 / 0.55 + 0.2 / 0.6) / 3 / 99);
    assert_true(derivative_estimate(&derivative, &design, nominal, 0, DERIVATIVE_BACKWARD));
    near(derivative.slope.mean, 0.1 / 0.9);
    assert_true(derivative_estimate(&derivative, &design, nominal, 0, DERIVATIVE_CENTRAL));
    near(derivative.slope.mean, 0.1 / log(10)); /* the derivative itself, by log θ */
    near(derivative.per_decade.mean, 0.1);
    assert_int_equal(derivative.slope.n, 3);
    assert_false(derivative_estimate(&derivative, &design, 2, 0, DERIVATIVE_FORWARD));
    assert_false(derivative_estimate(&derivative, &design, 0, 0, DERIVATIVE_CENTRAL));
    design_finish(&design);
}

static void equal_steps_need_no_logarithm(void **state)
{
    (void)state;
    const double levels[] = {1, 2, 3};
    struct design design;
    struct derivative derivative;
    make(&design, levels, 3);
    assert_true(derivative_estimate(&derivative, &design, 1, 0, DERIVATIVE_CENTRAL));
    near(derivative.slope.mean, 0.1 * log10(3) / 2);
    design_finish(&design);
}

/* A seed that lacks one end is no pair. */
static void seeds_without_a_pair(void **state)
{
    (void)state;
    const double levels[] = {0.1, 1, 10};
    struct design design;
    struct derivative derivative;
    make(&design, levels, 3);
    *design_at(&design, 2, 1) = NAN;
    assert_true(derivative_estimate(&derivative, &design, 1, 0, DERIVATIVE_FORWARD));
    assert_int_equal(derivative.slope.n, 2);
    *design_at(&design, 2, 0) = *design_at(&design, 2, 2) = NAN;
    assert_false(derivative_estimate(&derivative, &design, 1, 0, DERIVATIVE_FORWARD));
    design_finish(&design);
}

static void holm_by_hand(void **state)
{
    (void)state;
    const double p[] = {0.04, 0.01, NAN, 0.03, 0.9};
    double adjusted[5];
    comparison_holm(p, 5, adjusted);
    near(adjusted[1], 0.04);
    near(adjusted[3], 0.09);
    near(adjusted[0], 0.09); /* not below the one before */
    near(adjusted[4], 0.9);
    assert_true(isnan(adjusted[2]));
}

/* The first step among 27 with 5 seeds needs |t| > 7.3 (reference: Student's t at 0.05/54). */
static void seeds_needed_is_the_least(void **state)
{
    (void)state;
    struct estimate difference = {.n = 5, .mean = 3, .sd = 1.5};
    size_t n = comparison_seeds_needed(&difference, 27, 1000);
    double t = 2 * sqrt((double)n), before = 2 * sqrt((double)(n - 1));
    assert_true(t >= distribution_t_quantile(1 - 0.025 / 27, (double)(n - 1)));
    assert_true(before < distribution_t_quantile(1 - 0.025 / 27, (double)(n - 2)));
    difference.mean = 1e-6;
    assert_int_equal(comparison_seeds_needed(&difference, 27, 1000), 0);
}

static void front_of_four(void **state)
{
    (void)state;
    const double clean[] = {0.9, 0.8, 0.85, NAN}, robust[] = {0.5, 0.7, 0.5, 0.9};
    bool front[4];
    comparison_pareto(clean, robust, 4, front);
    assert_true(front[0] && front[1]);
    assert_false(front[2] || front[3]);
}

/* Central F from its own sum. */
static void noncentral_f(void **state)
{
    (void)state;
    near(distribution_noncentral_f(3, 2, 8, 0), 1 - distribution_f_upper(3, 2, 8));
}

/* The ends of an interval are where the test's probability is; and a small F has none below. */
static void size_of_an_effect(void **state)
{
    (void)state;
    const double OBSERVATIONS = 45, fs[] = {6, 30, 500, 80000};
    struct anova_effect effect = {
        .degrees1 = 4, .degrees2 = 8, .epsilon_hf = 0.9, .epsilon_gg = 0.4};
    for (size_t i = 0; i < sizeof fs / sizeof *fs; i++) {
        effect.f = fs[i];
        effect_size_measure(&effect, OBSERVATIONS);
        near(effect.size, (fs[i] - 1) * 4 / OBSERVATIONS);
        assert_true(effect.size_low > 0 && effect.size_low < effect.size_high);
        near(effect_size_probability(&effect, effect.size_low * OBSERVATIONS), 0.975);
        near(effect_size_probability(&effect, effect.size_high * OBSERVATIONS), 0.025);
    }
    effect.f = 0.3;
    effect_size_measure(&effect, OBSERVATIONS);
    near(effect.size_low, 0);
    near(effect_size_probability(&effect, effect.size_high * OBSERVATIONS), 0.025);
    effect.f = 1e-9;
    effect_size_measure(&effect, OBSERVATIONS);
    near(effect.size_high, 0);
}

/* With one contrast, or none that varies more than others, it is the plain noncentral F. */
static void no_epsilon(void **state)
{
    (void)state;
    const double ncps[] = {0.5, 10, 200, 4000, 80000};
    struct anova_effect effect = {
        .degrees1 = 1, .degrees2 = 9, .epsilon_hf = 1, .epsilon_gg = 1, .f = 7};
    for (size_t i = 0; i < sizeof ncps / sizeof *ncps; i++)
        near(effect_size_probability(&effect, ncps[i]),
             distribution_noncentral_f(7, 1, 9, ncps[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotients_of_a_logarithm),
        cmocka_unit_test(equal_steps_need_no_logarithm),
        cmocka_unit_test(seeds_without_a_pair),
        cmocka_unit_test(holm_by_hand),
        cmocka_unit_test(seeds_needed_is_the_least),
        cmocka_unit_test(front_of_four),
        cmocka_unit_test(noncentral_f),
        cmocka_unit_test(size_of_an_effect),
        cmocka_unit_test(no_epsilon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
