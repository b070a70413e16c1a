/* The loss of given logits, in double: its value by the definition, its gradient by central
 * differences, and its edges. */
#include "worker/loss.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

enum { IMAGES = 4, CLASSES = 3, HALF = IMAGES * CLASSES };

static const uint8_t labels[IMAGES] = {2, 0, 1, 2};
static const double norms[IMAGES] = {0.5, 2, 1, 4};

/* Quotients 2.89, 0.76, 1.86 and 0.56. */
static const real example[2 * HALF] = {
    0.3,  -1.2, 0.7, 2.1,  0.4, -0.5, -0.9, 1.3,  0.2, 0.1, 0.6,  -0.3,
    -0.5, -0.3, 1.5, 0.75, 0.3, 0.2,  0.5,  0.15, 0.6, 1.1, -0.9, 1.0,
};

static double value(const struct loss *loss, const real *logits, real *dlogits,
                    struct loss_sums *sums)
{
    struct loss_input input = {logits, labels, norms, IMAGES, CLASSES};
    loss_gradient(loss, &input, dlogits, sums);
    return loss_mean(loss, sums, IMAGES);
}

/* What the quotient is taken of. */
static void output(const struct loss *loss, const real *logits, double *f)
{
    double sum = exp(logits[0]) + exp(logits[1]) + exp(logits[2]);
    for (int c = 0; c < CLASSES; c++) {
        f[c] = loss->output == OUTPUT_SOFTMAX ? exp(logits[c]) / sum : logits[c];
    }
}

/* `fixed` holds the clean logits that the Lipschitz term sees. */
static double by_definition(const struct loss *loss, const real *logits, const real *fixed)
{
    double task = 0, hinge = 0;
    for (int i = 0; i < IMAGES; i++) {
        const real *f = logits + i * CLASSES;
        double u[CLASSES], v[CLASSES];
        task += log(exp(f[0]) + exp(f[1]) + exp(f[2])) - f[labels[i]];
        output(loss, fixed + i * CLASSES, u);
        output(loss, f + HALF, v);
        double q = hypot(hypot(v[0] - u[0], v[1] - u[1]), v[2] - u[2]) / norms[i];
        double t = fmax(0, q - loss->k);
        hinge += loss->penalty == PENALTY_SQUARED_HINGE ? t * t : t;
    }
    return task / IMAGES + loss->lambda * hinge / IMAGES;
}

/* The value by its definition, the gradient by differences of the definition. */
static void check_loss(const struct loss *loss, size_t active)
{
    struct loss_sums sums;
    real logits[2 * HALF], gradient[2 * HALF];
    memcpy(logits, example, sizeof logits);
    double mean = value(loss, logits, gradient, &sums);
    assert_true(fabs(mean - by_definition(loss, logits, logits)) < 1e-14);
    assert_int_equal(sums.active, active);
    const real *fixed = loss->grad_through == GRAD_THROUGH_PERTURBED ? example : logits;
    for (int i = 0; i < 2 * HALF; i++) {
        const double step = 1e-6, kept = logits[i];
        logits[i] = kept + step;
        double above = by_definition(loss, logits, fixed);
        logits[i] = kept - step;
        double below = by_definition(loss, logits, fixed);
        logits[i] = kept;
        assert_true(fabs((above - below) / (2 * step) - gradient[i]) < 1e-9);
    }
}

static void check_active(double k, size_t active)
{
    check_loss(&(struct loss){.lambda = 0.7, .k = k}, active);
    check_loss(&(struct loss){.lambda = 0.7, .k = k, .penalty = PENALTY_SQUARED_HINGE}, active);
    check_loss(&(struct loss){.lambda = 0.7, .k = k, .grad_through = GRAD_THROUGH_PERTURBED},
               active);
}

/* Quotients of probabilities: 0.68, 0.23, 0.47 and 0.1. */
static void softmax_outputs(void **state)
{
    (void)state;
    struct loss loss = {.lambda = 0.7, .k = 0.3, .output = OUTPUT_SOFTMAX};
    check_loss(&loss, 2);
    loss.penalty = PENALTY_SQUARED_HINGE;
    loss.grad_through = GRAD_THROUGH_PERTURBED;
    check_loss(&loss, 2);
    loss.k = 0;
    check_loss(&loss, 4);
}

/* The perturbed half goes forward, and nothing comes back. */
static void noisy_bn_is_cross_entropy(void **state)
{
    (void)state;
    struct loss noisy = {.k = NAN, .is_noisy_bn = true}, plain = {.k = NAN};
    struct loss_sums sums;
    real gradient[2 * HALF], task[HALF];
    gradient[HALF] = gradient[2 * HALF - 1] = 99;
    double mean = value(&noisy, example, gradient, &sums);
    assert_true(mean == value(&plain, example, task, &sums));
    assert_memory_equal(gradient, task, sizeof task);
    assert_true(gradient[HALF] == 0 && gradient[2 * HALF - 1] == 0);
    assert_int_equal(loss_copies(&noisy), 2);
    assert_int_equal(loss_copies(&plain), 1);
}

static void hinge_active_for_none_some_and_all(void **state)
{
    (void)state;
    check_active(10, 0);
    check_active(1, 2);
    check_active(0, 4);
}

static void cross_entropy_alone(void **state)
{
    (void)state;
    struct loss loss = {.lambda = 0, .k = NAN};
    struct loss_sums sums;
    real gradient[2 * HALF];
    gradient[HALF] = 99;
    double mean = value(&loss, example, gradient, &sums);
    assert_true(isfinite(mean) && mean == sums.task / IMAGES);
    assert_true(gradient[HALF] == 99); /* no perturbed half */
    assert_int_equal(sums.correct, 3);
    double sum = gradient[0] + gradient[1] + gradient[2];
    assert_true(fabs(sum) < 1e-16);
}

static void equal_logits_have_no_gradient(void **state)
{
    (void)state;
    struct loss loss = {.lambda = 1, .k = 0}, plain = {.lambda = 0, .k = NAN};
    struct loss_sums sums;
    real logits[2 * HALF], gradient[2 * HALF], task[HALF];
    memcpy(logits, example, HALF * sizeof *logits);
    memcpy(logits + HALF, example, HALF * sizeof *logits);
    value(&loss, logits, gradient, &sums);
    assert_int_equal(sums.active, 0); /* 0 - K is not above 0 even at K = 0 */
    value(&plain, logits, task, &sums);
    assert_memory_equal(gradient, task, sizeof task);
    for (int i = HALF; i < 2 * HALF; i++) {
        assert_true(gradient[i] == 0);
    }
}

static void hinge_is_idle_at_its_corner(void **state)
{
    (void)state;
    real logits[4] = {0, 0, 3, 4}, gradient[4]; /* distance 5, quotient 2.5 */
    const uint8_t label = 0;
    const double norm = 2;
    struct loss_input input = {logits, &label, &norm, 1, 2};
    struct loss at = {.lambda = 1, .k = 2.5}, below = {.lambda = 1, .k = 2.4999};
    struct loss_sums sums;
    loss_gradient(&at, &input, gradient, &sums);
    assert_true(sums.active == 0 && gradient[2] == 0 && gradient[3] == 0 && sums.lipschitz == 0);
    loss_gradient(&below, &input, gradient, &sums);
    assert_int_equal(sums.active, 1);
    assert_true(fabs(gradient[2] - 0.3) < 1e-15 && fabs(gradient[3] - 0.4) < 1e-15);
}

static void nan_in_the_perturbed_half_shows(void **state)
{
    (void)state;
    struct loss loss = {.lambda = 1, .k = 100};
    struct loss_sums sums;
    real logits[2 * HALF], gradient[2 * HALF];
    memcpy(logits, example, sizeof logits);
    logits[HALF + 4] = NAN;
    assert_true(isnan(value(&loss, logits, gradient, &sums)));
    logits[HALF + 4] = INFINITY;
    assert_true(isinf(value(&loss, logits, gradient, &sums)));
}

static void large_logits_do_not_overflow(void **state)
{
    (void)state;
    real logits[3] = {1000, 999, -1000};
    double probability[3];
    double log_sum = loss_softmax(logits, 3, probability);
    assert_true(fabs(log_sum - (1000 + log(1 + exp(-1)))) < 1e-12);
    assert_true(fabs(probability[0] - 1 / (1 + exp(-1))) < 1e-15 && probability[2] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hinge_active_for_none_some_and_all),
        cmocka_unit_test(softmax_outputs),
        cmocka_unit_test(noisy_bn_is_cross_entropy),
        cmocka_unit_test(cross_entropy_alone),
        cmocka_unit_test(equal_logits_have_no_gradient),
        cmocka_unit_test(hinge_is_idle_at_its_corner),
        cmocka_unit_test(nan_in_the_perturbed_half_shows),
        cmocka_unit_test(large_logits_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
