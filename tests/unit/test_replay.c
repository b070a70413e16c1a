/* Trainings replayed step by step from the documented streams: the same weights, bit for bit. */
#include "training_fixture.h"
#include "worker/objective.h"
#include "worker/plan.h"
#include "worker/schedule.h"

struct drawn {
    uint32_t draw, index;
};

static int by_draw_and_index(const void *left, const void *right)
{
    const struct drawn *a = left, *b = right;
    if (a->draw != b->draw) {
        return a->draw < b->draw ? -1 : 1;
    }
    return a->index < b->index ? -1 : a->index > b->index;
}

/* The order of one epoch, straight from the definition. */
static void order_of(struct drawn *drawn, size_t first, size_t count, int64_t seed, uint32_t epoch)
{
    for (size_t i = 0; i < count; i++) {
        drawn[i].index = (uint32_t)(first + i);
        struct rng_stream stream = {(uint64_t)seed, RNG_SHUFFLE, epoch, drawn[i].index};
        uint32_t words[4];
        rng_block(&stream, 0, words);
        drawn[i].draw = words[0];
    }
    qsort(drawn, count, sizeof *drawn, by_draw_and_index);
}

/* One image's rows of the batch, by the definitions of pixels and noise. */
static void place_image(const struct job *job, const struct dataset *dataset, uint32_t index,
                        uint32_t epoch, real *clean, real *perturbed, double *norm)
{
    struct rng_stream stream = {(uint64_t)job->seed, RNG_TRAINING_NOISE, epoch, index};
    float z[FIXTURE_PIXELS];
    rng_normals(&stream, z, FIXTURE_PIXELS);
    *norm = 0;
    for (size_t p = 0; p < FIXTURE_PIXELS; p++) {
        real x = (real)dataset->train.images[index * FIXTURE_PIXELS + p] / 255;
        float noise = (float)(job->sigma * (double)z[p]);
        *norm += (double)noise * noise;
        if (clean) {
            clean[p] = x;
        }
        if (perturbed) {
            perturbed[p] = x + noise;
        }
    }
    *norm = sqrt(*norm);
}

/* Mean and standard deviation of the grey images that are trained on, by their definition. */
static void set_input(struct plan *plan, const struct dataset *dataset, size_t first, size_t count)
{
    double sum = 0, square = 0, n = (double)(count * FIXTURE_PIXELS);
    const uint8_t *bytes = dataset->train.images + first * FIXTURE_PIXELS;
    for (size_t i = 0; i < count * FIXTURE_PIXELS; i++) {
        sum += bytes[i];
        square += bytes[i] * bytes[i];
    }
    double mean = sum / n / 255, sd = sqrt(square / n - sum / n * (sum / n)) / 255;
    network_set_input(&plan->network, &mean, &sd, plan->parameters);
}

/* Replays a job step by step from the documented streams and compares the weights. */
static void replay(const struct job *job, size_t held_out)
{
    enum { COUNT = 43 };
    struct dataset dataset = fixture_dataset(COUNT + held_out, 10);
    struct heard heard;
    struct training_result result = run(job, &dataset, &heard);

    struct plan plan;
    struct plan_shape shape = {{1, FIXTURE_SIDE, FIXTURE_SIDE}, FIXTURE_CLASSES, COUNT, 10, 1};
    assert_true(plan_init(&plan, job, shape, NULL) && plan_place(&plan, job, NULL));
    network_initial_weights(&plan.network, (uint64_t)job->seed, plan.parameters);
    set_input(&plan, &dataset, held_out, COUNT);
    bool augmentation = job->control == CONTROL_NOISE_AUGMENTATION, pair = job_has_pairs(job);
    size_t batch = (size_t)job->batch;
    int64_t steps = 0;
    for (uint32_t epoch = 1; steps < result.step_count; epoch++) {
        struct drawn drawn[COUNT];
        order_of(drawn, held_out, COUNT, job->seed, epoch);
        for (size_t first = 0; first < COUNT && steps < result.step_count; first += batch) {
            size_t count = COUNT - first < batch ? COUNT - first : batch;
            uint8_t labels[COUNT];
            double norms[COUNT];
            real *rows = pass_images(&plan.pass);
            for (size_t i = 0; i < count; i++) {
                uint32_t index = drawn[first + i].index;
                labels[i] = dataset.train.labels[index];
                real *row = rows + i * FIXTURE_PIXELS;
                place_image(job, &dataset, index, epoch, augmentation ? NULL : row,
                            augmentation ? row
                            : pair       ? row + count * FIXTURE_PIXELS
                                         : NULL,
                            &norms[i]);
            }
            struct loss loss = loss_of_job(job);
            struct loss_sums sums;
            objective_gradient(&plan.pass, &loss, plan.parameters, labels, norms, count,
                               plan.gradients, &sums);
            pass_move_running(&plan.pass, plan.parameters, job->bn_running == BN_RUNNING_CLEAN);
            plan.optimizer.lr = schedule_lr(job, steps, result.step_count, 3);
            optimizer_step(&plan.optimizer, plan.parameters, plan.gradients);
            steps++;
        }
    }
    char digest[JOB_DIGEST_LENGTH + 1];
    network_digest(&plan.network, plan.parameters, digest);
    assert_string_equal(digest, result.weights_digest);
    plan_finish(&plan);
    fixture_free(&dataset);
}

static void replays_lipschitz(void **state)
{
    (void)state;
    struct job job = fixture_job();
    job.validation_count = 5;
    replay(&job, 5);
}

static void replays_noise_augmentation_with_adam(void **state)
{
    (void)state;
    struct job job = fixture_job();
    job.lambda = 0;
    job.k = NAN;
    job.control = CONTROL_NOISE_AUGMENTATION;
    job.optimizer = OPTIMIZER_ADAM;
    job.lr = 0.001;
    replay(&job, 0);
}

static void replays_steps_that_end_inside_an_epoch(void **state)
{
    (void)state;
    struct job job = fixture_job();
    job.lambda = 0;
    job.k = job.sigma = NAN;
    job.epochs = 0;
    job.steps = 5; /* three an epoch: 16, 16 and the last 11 images */
    replay(&job, 0);
}

static void replays_residual_networks(void **state)
{
    (void)state;
    struct job job = residual_job("preresnet8");
    job.validation_count = 5;
    job.nesterov = TOGGLE_TRUE;
    job.schedule = SCHEDULE_COSINE;
    job.warmup_epochs = 0.7;
    job.decay_norms = TOGGLE_FALSE;
    job.weight_decay = 0.01;
    replay(&job, 5);

    job = residual_job("resnet8");
    job.shortcut = SHORTCUT_B;
    job.bn_passes = BN_PASSES_JOINT;
    job.bn_running = BN_RUNNING_CLEAN;
    job.penalty = PENALTY_SQUARED_HINGE;
    job.schedule = SCHEDULE_STEPS;
    job.schedule_at[0] = 1;
    job.schedule_at_count = 1;
    replay(&job, 0);
}

static void replays_noisy_bn(void **state)
{
    (void)state;
    struct job job = residual_job("resnet8");
    job.lambda = 0;
    job.k = NAN;
    job.control = CONTROL_NOISY_BN;
    replay(&job, 0);
    job.bn_passes = BN_PASSES_JOINT;
    replay(&job, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replays_lipschitz),
        cmocka_unit_test(replays_noise_augmentation_with_adam),
        cmocka_unit_test(replays_steps_that_end_inside_an_epoch),
        cmocka_unit_test(replays_residual_networks),
        cmocka_unit_test(replays_noisy_bn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
