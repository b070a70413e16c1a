/* The same training on one thread and on several: the same bits, whatever the network. */
#include "common/dataset.h"
#include "common/rng.h"
#include "worker/training.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { CLASSES = 10, EPOCHS_MAX = 4 };

/* Images of noise: what they show does not matter here. */
static void fill_split(struct dataset_split *split, uint32_t epoch, size_t count, size_t pixels)
{
    *split = (struct dataset_split){
        .count = count, .images = malloc(count * pixels), .labels = malloc(count)};
    assert_true(split->images && split->labels);
    for (size_t i = 0; i < count; i++) {
        struct rng_stream stream = {5, RNG_GLYPHS, epoch, (uint32_t)i};
        for (size_t p = 0; p < pixels; p++) {
            uint32_t words[4];
            rng_block(&stream, (uint32_t)(p / 4), words);
            split->images[i * pixels + p] = (uint8_t)(words[p % 4] >> 5);
        }
        split->labels[i] = split->images[i * pixels] % CLASSES;
    }
}

static struct dataset make_dataset(int channels, int side, size_t train, size_t test)
{
    struct dataset dataset = {.name = "noise",
                              .channels = channels,
                              .height = side,
                              .width = side,
                              .class_count = CLASSES};
    size_t pixels = (size_t)channels * (size_t)side * (size_t)side;
    fill_split(&dataset.train, 0, train, pixels);
    fill_split(&dataset.test, 1, test, pixels);
    return dataset;
}

static void free_dataset(struct dataset *dataset)
{
    free(dataset->train.images);
    free(dataset->train.labels);
    free(dataset->test.images);
    free(dataset->test.labels);
}

static struct job make_job(const char *model, int64_t batch, int64_t steps)
{
    struct job job;
    job_init(&job);
    snprintf(job.dataset, sizeof job.dataset, "noise");
    snprintf(job.model, sizeof job.model, "%s", model);
    job.lambda = 0.5;
    job.k = 0.02;
    job.sigma = 0.1;
    job.epochs = 0;
    job.steps = steps;
    job.batch = batch;
    job.lr = 0.01;
    job.momentum = 0.9;
    job.weight_decay = 1e-3;
    job.decay_norms = TOGGLE_FALSE;
    job.crop_padding = 2;
    job.flip = FLIP_HALF;
    job.seed = 3;
    job.test_sigma_count = 3;
    job.test_sigma[1] = 0.05;
    job.test_sigma[2] = 0.2;
    job.test_seed_count = 2;
    job.test_seed[0] = 1;
    job.test_seed[1] = 9;
    return job;
}

/* All that a training tells, but the time it took. */
struct told {
    struct training_result result;
    size_t epoch_count;
    struct epoch_metric epochs[EPOCHS_MAX];
};

static void hear_epoch(void *context, const struct epoch_metric *metric)
{
    struct told *told = context;
    assert_true(told->epoch_count < EPOCHS_MAX);
    told->epochs[told->epoch_count] = *metric;
    told->epochs[told->epoch_count++].images_per_s = 0;
}

static void run(const struct job *job, const struct dataset *dataset, size_t threads,
                const struct training_keeper *keeper, struct told *told)
{
    struct training_observer observer = {.context = told, .epoch = hear_epoch, .keeper = keeper};
    struct error error = {0};
    memset(told, 0, sizeof *told);
    if (!training_run(job, dataset, threads, &observer, &told->result, &error) &&
        error.code != ERROR_INTERRUPTED) {
        fail_msg("%s", error.message);
    }
    told->result.train_s = told->result.evaluate_s = 0;
}

static void assert_same(const struct told *a, const struct told *b)
{
    assert_string_equal(a->result.weights_digest, b->result.weights_digest);
    assert_memory_equal(a->epochs, b->epochs, sizeof a->epochs);
    assert_memory_equal(&a->result, &b->result, sizeof a->result);
}

static void check_model(const struct job *job, const struct dataset *dataset)
{
    static struct told alone, together;
    run(job, dataset, 1, NULL, &alone);
    assert_true(alone.epoch_count > 0 && alone.result.quotient_count == 2);
    const size_t threads[] = {2, 3, 7}; /* seven: copies of the batch take no turns */
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        run(job, dataset, threads[i], NULL, &together);
        assert_same(&alone, &together);
    }
}

/* Batches that fill no group evenly, and a short one at the end of an epoch. */
static void mnist_cnn(void **state)
{
    (void)state;
    struct dataset dataset = make_dataset(1, 28, 150, 130);
    struct job job = make_job("mnist-cnn", 61, 7);
    check_model(&job, &dataset);
    job.optimizer = OPTIMIZER_ADAM;
    job.control = CONTROL_NOISE_AUGMENTATION;
    job.lambda = 0;
    job.k = NAN;
    check_model(&job, &dataset);
    free_dataset(&dataset);
}

static void resnet20(void **state)
{
    (void)state;
    struct dataset dataset = make_dataset(3, 32, 50, 13);
    struct job job = make_job("resnet20", 37, 3);
    check_model(&job, &dataset);
    free_dataset(&dataset);
}

static void preresnet20(void **state)
{
    (void)state;
    struct dataset dataset = make_dataset(3, 32, 50, 13);
    struct job job = make_job("preresnet20", 34, 3);
    job.bn_passes = BN_PASSES_JOINT;
    job.shortcut = SHORTCUT_B;
    check_model(&job, &dataset);
    free_dataset(&dataset);
}

/* --- a checkpoint of one number of threads, continued with another --- */

struct shelf {
    bool full;
    struct training_state state;
    struct epoch_metric metrics[EPOCHS_MAX];
    void *arrays[STATE_ARRAY_MAX];
    size_t steps; /* of this attempt */
};

static void unshelve(void *context, struct training_state *state)
{
    struct shelf *shelf = context;
    struct training_state live = *state;
    shelf->steps = 0;
    if (!shelf->full) {
        return;
    }
    *state = shelf->state;
    state->metrics = live.metrics;
    state->metric_capacity = live.metric_capacity;
    memcpy(live.metrics, shelf->metrics, live.metric_capacity * sizeof *live.metrics);
    for (size_t i = 0; i < live.array_count; i++) {
        state->arrays[i].data = live.arrays[i].data;
        memcpy(live.arrays[i].data, shelf->arrays[i], live.arrays[i].count * live.arrays[i].size);
    }
}

static enum keep_wish stop_after_two_steps(void *context)
{
    return ++((struct shelf *)context)->steps == 2 ? KEEP_AND_STOP : KEEP_NOTHING;
}

static bool shelve(void *context, const struct training_state *state, bool last)
{
    struct shelf *shelf = context;
    shelf->state = *state;
    memcpy(shelf->metrics, state->metrics, state->metric_capacity * sizeof *state->metrics);
    for (size_t i = 0; i < state->array_count; i++) {
        size_t size = state->arrays[i].count * state->arrays[i].size;
        shelf->arrays[i] = realloc(shelf->arrays[i], size);
        assert_non_null(shelf->arrays[i]);
        memcpy(shelf->arrays[i], state->arrays[i].data, size);
    }
    shelf->full = true;
    return !last;
}

static void checkpoints_change_threads(void **state)
{
    (void)state;
    static struct told whole, part;
    struct dataset dataset = make_dataset(3, 12, 50, 13);
    struct job job = make_job("preresnet8", 21, 5);
    struct shelf shelf = {.full = false};
    struct training_keeper keeper = {&shelf, unshelve, stop_after_two_steps, shelve};
    const size_t threads[] = {3, 1, 2};
    run(&job, &dataset, 1, NULL, &whole);
    for (size_t attempt = 0; attempt < 3; attempt++) {
        run(&job, &dataset, threads[attempt], &keeper, &part);
        assert_int_equal(part.result.step_count, attempt < 2 ? 0 : 5);
    }
    assert_string_equal(whole.result.weights_digest, part.result.weights_digest);
    assert_memory_equal(&whole.result, &part.result, sizeof whole.result);
    for (size_t i = 0; i < STATE_ARRAY_MAX; i++) {
        free(shelf.arrays[i]);
    }
    free_dataset(&dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mnist_cnn),
        cmocka_unit_test(resnet20),
        cmocka_unit_test(preresnet20),
        cmocka_unit_test(checkpoints_change_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
