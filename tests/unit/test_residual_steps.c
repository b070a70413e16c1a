/* Residual networks against an independent implementation: training steps, their evaluation, and
 * learning rates. Compiled twice, as test_reference.c. */
#include "residual_model.h"
#include "worker/fold.h"
#include "worker/gemm.h"
#include "worker/schedule.h"

/* Steps may tip a ReLU even with the rounding errors of the direct form: the order of a sum
 * decides. Then the parameters in front of it are off by some 1e-6; in double nothing tips. */
static size_t tipped_tensors;

static double step_distance_max(const struct model *model, double off, double other)
{
    (void)model;
    tipped_tensors += !IS_DOUBLE && off > 3 * fmax(other, FLOAT_ROUNDING);
    return IS_DOUBLE ? 1e-8 : 1e-5;
}

/* By the running statistics, in batches of another size. */
static void evaluate(struct model *model, const struct network *network, const real *numbers,
                     real logits[IMAGES * CLASSES])
{
    struct arena arena = {0};
    struct pass *pass = calloc(1, sizeof *pass);
    assert_non_null(pass);
    pass_init(pass, network, kernels_get(), IMAGES, (struct pass_use){0}, 1, &arena);
    assert_true(arena_place(&arena, NULL));
    pass_init(pass, network, kernels_get(), IMAGES, (struct pass_use){0}, 1, &arena);
    size_t size = image_size(model->image);
    fill_batch(model, 0);
    for (size_t first = 0, count = 7; first < IMAGES; first += count) {
        count = IMAGES - first < count ? IMAGES - first : count;
        memcpy(pass_images(pass), pass_images(&model->pass) + first * size,
               count * size * sizeof(real));
        memcpy(logits + first * CLASSES, pass_forward(pass, numbers, count, 1),
               count * CLASSES * sizeof(real));
    }
    arena_finish(&arena);
    free(pass);
}

/* As it is, and with batch norms folded into the convolutions in front of them: all of a ResNet's,
 * the second of each block of a PreResNet's. */
static void check_evaluation(struct model *model, const char *name)
{
    real logits[IMAGES * CLASSES], folded[IMAGES * CLASSES];
    struct fold *fold = calloc(1, sizeof *fold);
    real *numbers = calloc(model->network.number_count, sizeof *numbers);
    assert_true(fold && numbers);
    evaluate(model, &model->network, model->numbers, logits);
    check_record(name, "evaluated", logits, IS_DOUBLE ? 1e-8 : 1e-2);
    fold_init(fold, &model->network);
    fold_numbers(fold, numbers, model->numbers);
    size_t norms = model->network.norm_count;
    bool is_pre = name[0] == 'p';
    assert_int_equal(fold->pair_count, is_pre ? (norms - 1) / 2 : norms);
    assert_true(fold->network.layer_count < model->network.layer_count - fold->pair_count);
    evaluate(model, &fold->network, numbers, folded);
    double off = 0, norm = 0;
    for (size_t i = 0; i < IMAGES * CLASSES; i++) {
        off += pow((double)folded[i] - (double)logits[i], 2);
        norm += pow((double)logits[i], 2);
    }
    assert_true(sqrt(off / norm) < (IS_DOUBLE ? 1e-12 : 1e-5));
    free(numbers);
    free(fold);
}

/* Whether a ReLU was tipped. */
static bool check_training(const struct subject *subject, const char *case_name, struct job job,
                           int64_t steps_an_epoch)
{
    char name[32];
    snprintf(name, sizeof name, "%s-%s", subject->name, case_name);
    job.k = number_read(name, "k");
    struct model *model = build(subject, &job);
    struct loss loss = loss_of_job(&job);
    for (uint32_t step = 0; step < STEPS; step++) {
        struct loss_sums sums;
        fill_batch(model, step);
        objective_gradient(&model->pass, &loss, model->numbers, model->labels, model->norms, IMAGES,
                           model->gradients, &sums);
        pass_move_running(&model->pass, model->numbers, false);
        model->optimizer.lr = schedule_lr(&job, step, STEPS, steps_an_epoch);
        optimizer_step(&model->optimizer, model->numbers, model->gradients);
    }
    size_t tipped_before = tipped_tensors;
    check_tensors(model, name, "parameters", model->numbers, step_distance_max);
    check_record(name, "running", model->numbers + model->network.parameter_count,
                 IS_DOUBLE ? 1e-8 : 1e-3);
    check_evaluation(model, name);
    model_free(model);
    return tipped_tensors > tipped_before;
}

static void training_steps(void **state)
{
    (void)state;
    struct job job = job_of(&some);
    job.lr = 0.05;
    job.momentum = 0.9;
    job.weight_decay = 0.01;
    /* Over steps, larger rounding errors tip a ReLU near its kink somewhere, and the distance says
     * no more; double shows that Winograd's steps are the right ones. */
    job.exact = IS_DOUBLE ? TOGGLE_FALSE : TOGGLE_TRUE;
    struct job nesterov = job, steps = job;
    nesterov.nesterov = TOGGLE_TRUE;
    nesterov.decay_norms = TOGGLE_FALSE;
    nesterov.schedule = SCHEDULE_COSINE;
    steps.bn_passes = BN_PASSES_JOINT;
    steps.schedule = SCHEDULE_STEPS;
    steps.schedule_at[0] = 3;
    steps.schedule_at_count = 1;
    size_t tipped = 0;
    for (size_t i = 0; i < 2; i++) {
        tipped += check_training(&subjects[i], "nesterov", nesterov, STEPS);
        tipped += check_training(&subjects[i], "steps", steps, 1);
    }
    assert_true(tipped <= 1); /* of four */
}

static void check_rates(const char *name, const struct job *job)
{
    struct record rates = record_read(name, "lr");
    for (size_t s = 0; s < rates.count; s++) {
        double lr = schedule_lr(job, (int64_t)s, (int64_t)rates.count, 3);
        assert_true(fabs(lr - rates.values[s]) < 1e-12);
    }
    free(rates.values);
}

static void learning_rates(void **state)
{
    (void)state;
    struct job job;
    job_init(&job);
    job.lr = 0.4;
    assert_true(schedule_lr(&job, 17, 18, 3) == 0.4);
    job.schedule = SCHEDULE_COSINE;
    check_rates("cosine", &job);
    job.warmup_epochs = 2;
    check_rates("warm-cosine", &job);
    job.warmup_epochs = 0;
    job.schedule = SCHEDULE_STEPS;
    job.schedule_at[0] = 2;
    job.schedule_at[1] = 5;
    job.schedule_at_count = 2;
    check_rates("steps", &job);
}

int main(void)
{
    gemm_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_steps),
        cmocka_unit_test(learning_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
