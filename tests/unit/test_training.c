#include "engine_fixture.h"
#include "worker/objective.h"
#include "worker/plan.h"
#include "worker/schedule.h"
#include "worker/training.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <cmocka.h>

/* What an observer heard. */
struct heard {
    size_t ticks, progresses, epochs;
    struct epoch_metric last;
    struct training_progress progress;
};

static void hear_tick(void *context)
{
    ((struct heard *)context)->ticks++;
}

static void hear_progress(void *context, const struct training_progress *progress)
{
    struct heard *heard = context;
    heard->progresses++;
    heard->progress = *progress;
}

static void hear_epoch(void *context, const struct epoch_metric *metric)
{
    struct heard *heard = context;
    heard->epochs++;
    assert_int_equal(metric->epoch, heard->epochs);
    heard->last = *metric;
}

static struct training_result run(const struct job *job, const struct dataset *dataset,
                                  struct heard *heard)
{
    struct training_observer observer = {
        .context = heard, .tick = hear_tick, .progress = hear_progress, .epoch = hear_epoch};
    struct training_result result;
    struct error error = {0};
    *heard = (struct heard){0};
    if (!training_run(job, dataset, 1, &observer, &result, &error)) {
        fail_msg("%s", error.message);
    }
    return result;
}

static void learns_and_reports(void **state)
{
    (void)state;
    struct dataset dataset = fixture_dataset(100, 150);
    struct job job = fixture_job();
    job.epochs = 4;
    struct heard heard;
    struct training_result result = run(&job, &dataset, &heard);
    assert_int_equal(result.epoch_count, 4);
    assert_int_equal(result.step_count, 4 * 7);
    assert_int_equal(heard.epochs, 4);
    assert_int_equal(heard.progresses, 4 * 7 + 2); /* both levels at once */
    assert_int_equal(heard.progress.images, 2 * 150);
    assert_true(heard.ticks > 4 * 7 * 10);
    assert_int_equal(heard.progress.phase, TRAINING_PHASE_EVALUATE);
    assert_true(heard.last.accuracy > 0.8);
    assert_true(heard.last.active_share > 0);
    assert_true(fabs(heard.last.loss - heard.last.task_loss -
                     job.lambda * heard.last.lipschitz_loss) < 1e-12);
    assert_int_equal(result.accuracy_count, 2);
    assert_int_equal(result.quotient_count, 1);
    assert_int_equal(result.accuracy[0].image_count, 150);
    assert_true(result.accuracy[0].accuracy > 0.9);
    assert_int_equal(strlen(result.weights_digest), JOB_DIGEST_LENGTH);
    fixture_free(&dataset);
}

static void standard_training_has_no_lipschitz_numbers(void **state)
{
    (void)state;
    struct dataset dataset = fixture_dataset(20, 20);
    struct job job = fixture_job();
    job.lambda = 0;
    job.k = job.sigma = NAN;
    struct heard heard;
    struct training_result result = run(&job, &dataset, &heard);
    assert_true(isnan(heard.last.active_share) && isnan(heard.last.quotient_mean));
    assert_true(isnan(heard.last.lipschitz_loss) && heard.last.loss == heard.last.task_loss);
    assert_true(isnan(result.quotient[0].share_over_k));
    assert_true(result.quotient[0].mean > 0);
    fixture_free(&dataset);
}

static void same_job_same_bits(void **state)
{
    (void)state;
    struct dataset dataset = fixture_dataset(50, 30);
    struct job job = fixture_job();
    struct heard heard;
    struct training_result first = run(&job, &dataset, &heard);
    struct training_result second = run(&job, &dataset, &heard);
    assert_string_equal(first.weights_digest, second.weights_digest);
    assert_memory_equal(first.accuracy, second.accuracy, 2 * sizeof *first.accuracy);
    assert_memory_equal(first.quotient, second.quotient, sizeof *first.quotient);
    job.seed = 4;
    struct training_result other = run(&job, &dataset, &heard);
    assert_string_not_equal(first.weights_digest, other.weights_digest);
    fixture_free(&dataset);
}

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

static struct job residual_job(const char *model)
{
    struct job job = fixture_job();
    snprintf(job.model, sizeof job.model, "%s", model);
    return job;
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

/* The weights of noisy-bn are those of standard training but for rounding (matrix products of twice
 * as many rows); the statistics differ. */
static void noisy_bn_trains_the_standard_weights(void **state)
{
    (void)state;
    struct dataset dataset = fixture_dataset(43, 30);
    struct job job = residual_job("preresnet8");
    struct heard heard;
    job.lambda = 0;
    job.k = job.sigma = NAN;
    struct training_result standard = run(&job, &dataset, &heard);
    double loss = heard.last.loss;
    job.control = CONTROL_NOISY_BN;
    job.sigma = 0.3;
    struct training_result noisy = run(&job, &dataset, &heard);
    assert_true(fabs(loss - heard.last.loss) < 1e-4 * loss && isnan(heard.last.quotient_mean));
    assert_string_not_equal(standard.weights_digest, noisy.weights_digest);
    assert_true(standard.accuracy[0].negative_log_likelihood !=
                noisy.accuracy[0].negative_log_likelihood);
    fixture_free(&dataset);
}

static void residual_networks_learn(void **state)
{
    (void)state;
    struct dataset dataset = fixture_dataset(100, 150);
    struct job job = residual_job("resnet8");
    struct heard heard;
    job.epochs = 6;
    struct training_result first = run(&job, &dataset, &heard);
    assert_true(heard.last.active_share > 0);
    assert_true(heard.last.accuracy > 0.8 && first.accuracy[0].accuracy > 0.8);
    struct training_result second = run(&job, &dataset, &heard);
    assert_string_equal(first.weights_digest, second.weights_digest);
    fixture_free(&dataset);
}

static void last_short_batch_counts(void **state)
{
    (void)state;
    struct dataset dataset = fixture_dataset(43, 10);
    struct job job = fixture_job();
    job.epochs = 0;
    job.steps = 5;
    struct heard heard;
    struct training_result result = run(&job, &dataset, &heard);
    assert_int_equal(result.step_count, 5);
    assert_int_equal(result.epoch_count, 2);
    assert_int_equal(heard.progress.epoch_count, 2);
    assert_int_equal(heard.epochs, 2);
    double correct = heard.last.accuracy * 32; /* the second epoch saw 32 images */
    assert_true(fabs(correct - round(correct)) < 1e-9);
    fixture_free(&dataset);
}

static void diverges_with_epoch_and_step(void **state)
{
    (void)state;
    struct dataset dataset = fixture_dataset(43, 10);
    struct job job = fixture_job();
    job.lr = 1000;
    job.weight_decay = 0.9; /* each step multiplies the weights by about -900 */
    job.epochs = 50;
    struct training_result result;
    struct error error = {0};
    assert_false(training_run(&job, &dataset, 1, NULL, &result, &error));
    assert_int_equal(error.code, ERROR_DIVERGED);
    long long epoch = 0, step = 0;
    const char *place = strstr(error.message, "in epoch ");
    assert_non_null(place);
    assert_int_equal(sscanf(place, "in epoch %lld, step %lld", &epoch, &step), 2);
    assert_true(step > 1 && epoch == (step + 2) / 3);

    /* A step less, and only the test sees that the last step spoiled the weights. */
    job.epochs = 0;
    job.steps = step - 1;
    char words[64];
    snprintf(words, sizeof words, "after epoch %lld, step %lld", (step + 1) / 3, step - 1);
    assert_false(training_run(&job, &dataset, 1, NULL, &result, &error));
    assert_int_equal(error.code, ERROR_DIVERGED);
    assert_non_null(strstr(error.message, words));
    fixture_free(&dataset);
}

static void refuses(const struct job *job, size_t train_count, const char *words)
{
    struct dataset dataset = fixture_dataset(train_count, 10);
    struct training_result result;
    struct error error = {0};
    assert_false(training_run(job, &dataset, 1, NULL, &result, &error));
    assert_non_null(strstr(error.message, words));
    fixture_free(&dataset);
}

static void refuses_what_cannot_be_trained(void **state)
{
    (void)state;
    struct job job = fixture_job();
    refuses(&job, 15, "train.batch of 16 is larger than the 15 training images");
    job.epochs = 0;
    refuses(&job, 20, "train.epochs or train.steps");
    job.epochs = 1;
    job.k = NAN;
    refuses(&job, 20, "k is needed");
    job = fixture_job();
    strcpy(job.model, "no-such");
    refuses(&job, 20, "unknown network 'no-such'");

    job = fixture_job();
    struct dataset dataset = fixture_dataset(40, 10);
    dataset.height = 1;
    struct training_result result;
    struct error error = {0};
    assert_false(training_run(&job, &dataset, 1, NULL, &result, &error));
    assert_non_null(strstr(error.message, "too small"));
    fixture_free(&dataset);
}

static void memory_is_what_is_placed(void **state)
{
    (void)state;
    struct job job = fixture_job();
    for (int variant = 0; variant < 7; variant++) {
        snprintf(job.model, sizeof job.model, "%s", variant < 5 ? "mnist-cnn" : "preresnet14");
        job.crop_padding = variant == 4 ? 2 : 0;
        job.lambda = variant == 0 || variant == 5 ? 0.5 : 0;
        job.control = variant == 2 ? CONTROL_NOISE_AUGMENTATION : CONTROL_NONE;
        job.optimizer = variant == 3 ? OPTIMIZER_ADAM : OPTIMIZER_SGD;
        size_t bytes = 0;
        assert_true(
            training_memory(&job, FIXTURE_PIXELS, FIXTURE_CLASSES, 43, 10, 1, &bytes, NULL));
        struct plan plan;
        struct plan_shape shape = {{1, FIXTURE_SIDE, FIXTURE_SIDE}, FIXTURE_CLASSES, 43, 10, 1};
        assert_true(plan_init(&plan, &job, shape, NULL) && plan_place(&plan, &job, NULL));
        /* And two lists of epochs' metrics and a copy of the state, for checkpoints. */
        struct state_array arrays[STATE_ARRAY_MAX];
        bytes -= 2 * (size_t)job.epochs * sizeof(struct epoch_metric);
        for (size_t i = plan_state(&plan, arrays); i-- > 0;) {
            bytes -= arrays[i].count * arrays[i].size;
        }
        assert_int_equal(bytes, plan.arena.size);
        assert_int_equal(plan.arena.used, plan.arena.size);
        plan_finish(&plan);
    }
    struct error error = {0};
    size_t bytes;
    assert_false(training_memory(&job, 145, 3, 43, 10, 1, &bytes, &error));
    assert_non_null(strstr(error.message, "145"));
}

/* A keeper in memory: asks for the state after `wish_step` steps and, when `stop`, ends there. */
struct shelf {
    int64_t wish_step, steps;
    bool stop, full;
    size_t keeps;
    struct training_state state; /* owns copies */
};

static void shelve(struct shelf *shelf, const struct training_state *state)
{
    shelf->state = *state;
    shelf->state.metrics = malloc((state->metric_count + 1) * sizeof *state->metrics);
    assert_non_null(shelf->state.metrics);
    memcpy(shelf->state.metrics, state->metrics, state->metric_count * sizeof *state->metrics);
    for (size_t i = 0; i < state->array_count; i++) {
        size_t size = state->arrays[i].count * state->arrays[i].size;
        shelf->state.arrays[i].data = malloc(size);
        assert_non_null(shelf->state.arrays[i].data);
        memcpy(shelf->state.arrays[i].data, state->arrays[i].data, size);
    }
    shelf->full = true;
}

static void unshelve(void *context, struct training_state *state)
{
    struct shelf *shelf = context;
    shelf->steps = 0;
    if (!shelf->full) {
        return;
    }
    struct training_state live = *state;
    *state = shelf->state;
    state->metrics = live.metrics;
    state->metric_capacity = live.metric_capacity;
    memcpy(live.metrics, shelf->state.metrics, shelf->state.metric_count * sizeof *live.metrics);
    free(shelf->state.metrics);
    assert_int_equal(live.array_count, state->array_count);
    for (size_t i = 0; i < state->array_count; i++) {
        memcpy(live.arrays[i].data, state->arrays[i].data,
               state->arrays[i].count * state->arrays[i].size);
        free(state->arrays[i].data);
        state->arrays[i].data = live.arrays[i].data;
    }
    shelf->full = false;
}

static enum keep_wish wish_at(void *context)
{
    struct shelf *shelf = context;
    return ++shelf->steps == shelf->wish_step ? KEEP_AND_STOP : KEEP_NOTHING;
}

static bool take_state(void *context, const struct training_state *state, bool last)
{
    struct shelf *shelf = context;
    shelf->keeps++;
    if (last && !shelf->stop) {
        return false;
    }
    shelve(shelf, state);
    return true;
}

/* What must be equal: everything but the clock's numbers. */
static void assert_same_result(const struct training_result *a, const struct training_result *b)
{
    assert_string_equal(a->weights_digest, b->weights_digest);
    assert_int_equal(a->step_count, b->step_count);
    assert_int_equal(a->epoch_count, b->epoch_count);
    assert_memory_equal(a->accuracy, b->accuracy, a->accuracy_count * sizeof *a->accuracy);
    assert_memory_equal(a->quotient, b->quotient, a->quotient_count * sizeof *a->quotient);
}

static void stops_and_goes_on(const struct job *job, int64_t stop_every)
{
    struct dataset dataset = fixture_dataset(75, 20); /* five steps an epoch, the last one short */
    struct heard heard, undisturbed;
    struct training_result whole = run(job, &dataset, &undisturbed), result;
    struct shelf shelf = {.wish_step = stop_every, .stop = true};
    struct training_keeper keeper = {&shelf, unshelve, wish_at, take_state};
    struct error error = {0};
    size_t attempts = 0;
    heard = (struct heard){0};
    struct training_observer observer = {.context = &heard, .epoch = hear_epoch, .keeper = &keeper};
    while (!training_run(job, &dataset, 1, &observer, &result, &error)) {
        assert_int_equal(error.code, ERROR_INTERRUPTED);
        assert_true(++attempts < 100);
        /* Once it has stopped after its last step, the last attempt only tests. */
        shelf.stop = shelf.state.step < whole.step_count;
    }
    assert_int_equal(attempts, shelf.keeps - 1);
    assert_true(attempts >= (size_t)(whole.step_count / stop_every));
    assert_same_result(&whole, &result);
    assert_int_equal(heard.epochs, undisturbed.epochs);
    heard.last.images_per_s = undisturbed.last.images_per_s;
    assert_memory_equal(&heard.last, &undisturbed.last, sizeof heard.last);
    fixture_free(&dataset);
}

static void a_stopped_training_goes_on_bit_for_bit(void **state)
{
    (void)state;
    struct job job = fixture_job();
    job.epochs = 3;
    for (int64_t every = 1; every <= 7; every++) {
        stops_and_goes_on(&job, every);
    }
    job.optimizer = OPTIMIZER_ADAM;
    stops_and_goes_on(&job, 3);
    job = fixture_job();
    job.momentum = 0;
    job.epochs = 0;
    job.steps = 12;
    stops_and_goes_on(&job, 4);
    /* Running statistics and the learning rate go on too. */
    job = residual_job("preresnet8");
    job.nesterov = TOGGLE_TRUE;
    job.schedule = SCHEDULE_COSINE;
    job.crop_padding = 2;
    job.flip = FLIP_HALF;
    stops_and_goes_on(&job, 3);
}

/* Both copies are of one crop, and noise is added to what was cropped. */
static void both_copies_are_augmented_alike(void **state)
{
    (void)state;
    struct job job = fixture_job();
    struct plan plan;
    struct plan_shape shape = {{1, FIXTURE_SIDE, FIXTURE_SIDE}, FIXTURE_CLASSES, 43, 10, 1};
    struct dataset dataset = fixture_dataset(43, 10);
    const uint32_t indices[] = {4, 8, 15};
    size_t moved = 0;
    job.crop_padding = 3;
    job.flip = FLIP_HALF;
    assert_true(plan_init(&plan, &job, shape, NULL) && plan_place(&plan, &job, NULL));
    batch_fill(&plan.batch, &dataset.train, indices, 3, 2, &plan.pass);
    const real *clean = pass_images(&plan.pass), *perturbed = clean + 3 * FIXTURE_PIXELS;
    for (size_t i = 0; i < 3; i++) {
        const struct augment augment = {3, true};
        struct augment_draw draw = augment_draw(&augment, (uint64_t)job.seed, 2, indices[i]);
        struct rng_stream stream = {(uint64_t)job.seed, RNG_TRAINING_NOISE, 2, indices[i]};
        const uint8_t *image = dataset.train.images + indices[i] * FIXTURE_PIXELS;
        uint8_t expected[FIXTURE_PIXELS];
        float noise[FIXTURE_PIXELS];
        augment_apply(expected, image, shape.image, &augment, &draw);
        rng_normals(&stream, noise, FIXTURE_PIXELS);
        moved += memcmp(expected, image, FIXTURE_PIXELS) != 0;
        for (size_t p = 0; p < FIXTURE_PIXELS; p++) {
            real pixel = (real)expected[p] / 255;
            real shift = (real)(float)(job.sigma * (double)noise[p]);
            assert_true(clean[i * FIXTURE_PIXELS + p] == pixel);
            assert_true(perturbed[i * FIXTURE_PIXELS + p] == pixel + shift);
        }
        assert_int_equal(plan.batch.labels[i], dataset.train.labels[indices[i]]);
    }
    assert_int_equal(moved, 3);
    fixture_free(&dataset);
    plan_finish(&plan);
}

/* No room for a second copy, no noise, and no image goes through the network twice. */
static void standard_training_never_computes_the_perturbed_copy(void **state)
{
    (void)state;
    struct job job = fixture_job();
    struct plan_shape shape = {{1, FIXTURE_SIDE, FIXTURE_SIDE}, FIXTURE_CLASSES, 43, 10, 1};
    for (int lipschitz = 0; lipschitz < 2; lipschitz++) {
        job.lambda = lipschitz ? 0.5 : 0;
        struct plan plan;
        assert_true(plan_init(&plan, &job, shape, NULL) && plan_place(&plan, &job, NULL));
        assert_int_equal(plan.batch.noise_size, lipschitz ? FIXTURE_PIXELS : 0);
        assert_int_equal(plan.pass.capacity, lipschitz ? 32 : 16);
        struct dataset dataset = fixture_dataset(43, 10);
        uint32_t indices[16] = {4, 8};
        batch_fill(&plan.batch, &dataset.train, indices, 16, 1, &plan.pass);
        struct loss loss = loss_of_job(&job);
        struct loss_sums sums;
        objective_gradient(&plan.pass, &loss, plan.parameters, plan.batch.labels, plan.batch.norms,
                           16, plan.gradients, &sums);
        assert_int_equal(plan.pass.image_count, lipschitz ? 32 : 16);
        fixture_free(&dataset);
        plan_finish(&plan);
    }
}

static void arena_adds_up_and_refuses(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_null(arena_take(&arena, 3, 5));
    assert_null(arena_take(&arena, 0, 8));
    assert_null(arena_take(&arena, 65, 1));
    assert_int_equal(arena.used, 64 + 128);
    assert_true(arena_place(&arena, NULL));
    char *first = arena_take(&arena, 3, 5), *none = arena_take(&arena, 0, 8);
    char *last = arena_take(&arena, 65, 1);
    assert_true((uintptr_t)first % 64 == 0 && none == first + 64 && last == none);
    assert_int_equal(last[64], 0);
    arena_finish(&arena);

    struct error error = {0};
    const size_t sizes[] = {SIZE_MAX / 4, SIZE_MAX, (size_t)1 << 60};
    for (int i = 0; i < 3; i++) {
        struct arena large = {0};
        arena_take(&large, sizes[i], 8);
        assert_false(arena_place(&large, &error));
        assert_int_equal(error.code, ERROR_MEMORY);
        arena_finish(&large);
    }
}

static void cpu_class_names_its_parts(void **state)
{
    (void)state;
    assert_non_null(strstr(training_cpu_class(false), "OpenBLAS"));
    assert_non_null(strstr(training_cpu_class(false), kernels_get()->level));
    assert_non_null(strstr(training_cpu_class(false), "winograd F(4x4) convolution"));
    assert_non_null(strstr(training_cpu_class(true), "direct convolution"));
    setenv("LIPSWEEP_KERNEL_LEVEL", "generic", 1);
    assert_int_equal(strncmp(training_cpu_class(false), "generic", 7), 0);
    unsetenv("LIPSWEEP_KERNEL_LEVEL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_and_reports),
        cmocka_unit_test(standard_training_has_no_lipschitz_numbers),
        cmocka_unit_test(same_job_same_bits),
        cmocka_unit_test(replays_lipschitz),
        cmocka_unit_test(replays_noise_augmentation_with_adam),
        cmocka_unit_test(replays_steps_that_end_inside_an_epoch),
        cmocka_unit_test(replays_residual_networks),
        cmocka_unit_test(replays_noisy_bn),
        cmocka_unit_test(noisy_bn_trains_the_standard_weights),
        cmocka_unit_test(residual_networks_learn),
        cmocka_unit_test(last_short_batch_counts),
        cmocka_unit_test(diverges_with_epoch_and_step),
        cmocka_unit_test(refuses_what_cannot_be_trained),
        cmocka_unit_test(memory_is_what_is_placed),
        cmocka_unit_test(a_stopped_training_goes_on_bit_for_bit),
        cmocka_unit_test(both_copies_are_augmented_alike),
        cmocka_unit_test(standard_training_never_computes_the_perturbed_copy),
        cmocka_unit_test(arena_adds_up_and_refuses),
        cmocka_unit_test(cpu_class_names_its_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
