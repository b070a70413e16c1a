/* Residual networks against an independent implementation: logits, loss, the whole gradient of
 * every variant of the loss and running statistics. Compiled twice, as test_reference.c. */
#include "residual_model.h"
#include "worker/gemm.h"

/* Gradients of Winograd's float32 passes: how many there were, and how many beyond 8 times the
 * distance of the other's float32 passes. */
static size_t winograd_count, winograd_far_count;

/* Winograd's larger rounding errors may tip a ReLU at its kink, and then all gradients before it
 * are off by what one pixel of one image is worth. */
static double gradient_distance_max(const struct model *model, double off, double other)
{
    if (IS_DOUBLE) {
        return 1e-8;
    }
    double rounding = fmax(other, FLOAT_ROUNDING);
    if (model->network.is_exact) {
        return 3 * rounding;
    }
    winograd_count++;
    winograd_far_count += off > 8 * rounding;
    return 1e-2;
}

static void check_winograd(void)
{
    assert_true(IS_DOUBLE || 2 * winograd_far_count < winograd_count);
    winograd_count = winograd_far_count = 0;
}

static void check_gradient(const struct subject *subject, const struct variant *variant,
                           enum toggle exact)
{
    char name[32];
    snprintf(name, sizeof name, "%s-%s", subject->name, variant->name);
    struct job job = job_of(variant);
    job.exact = exact;
    job.k = number_read(name, "k");
    struct model *model = build(subject, &job);
    struct loss loss = loss_of_job(&job);
    struct loss_sums sums;
    fill_batch(model, 0);
    objective_gradient(&model->pass, &loss, model->numbers, model->labels, model->norms, IMAGES,
                       model->gradients, &sums);
    pass_move_running(&model->pass, model->numbers, job.bn_running == BN_RUNNING_CLEAN);
    assert_in_range(sums.active, variant->least_active, variant->most_active);
    double mean = number_read(name, "loss"), precision = IS_DOUBLE ? 1e-11 : 1e-5;
    assert_true(fabs(loss_mean(&loss, &sums, IMAGES) - mean) < precision * mean);
    check_record(name, "logits", pass_logits(&model->pass), precision);
    check_record(name, "running", model->numbers + model->network.parameter_count, precision);
    check_tensors(model, name, "gradient", model->gradients, gradient_distance_max);
    model_free(model);
}

static void whole_gradients_of_every_network(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
        check_gradient(&subjects[i], &some, TOGGLE_TRUE);
        check_gradient(&subjects[i], &some, TOGGLE_FALSE);
    }
    check_winograd();
}

static void whole_gradients_of_every_loss(void **state)
{
    (void)state;
    const size_t half = IMAGES / 2;
    const struct variant variants[] = {
        {.name = "standard"},
        {.name = "none", .lambda = LAMBDA},
        {.name = "all", .lambda = LAMBDA, .least_active = IMAGES, .most_active = IMAGES},
        {"joint", LAMBDA, half, half, .bn_passes = BN_PASSES_JOINT},
        {"clean", LAMBDA, half, half, .bn_running = BN_RUNNING_CLEAN},
        {"squared", LAMBDA, half, half, .penalty = PENALTY_SQUARED_HINGE},
        {"softmax", LAMBDA, half, half, .output = OUTPUT_SOFTMAX},
        {"perturbed", LAMBDA, half, half, .grad_through = GRAD_THROUGH_PERTURBED},
        {"noisy", 0, 0, 0, .control = CONTROL_NOISY_BN},
    };
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        for (int s = 0; s < 2; s++) {
            check_gradient(&subjects[s], &variants[i], TOGGLE_TRUE);
            check_gradient(&subjects[s], &variants[i], TOGGLE_FALSE);
        }
    }
    check_winograd();
}

int main(void)
{
    gemm_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_gradients_of_every_network),
        cmocka_unit_test(whole_gradients_of_every_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
