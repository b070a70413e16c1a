#include "worker/training.h"
#include "common/rng.h"
#include "worker/gemm.h"
#include "worker/objective.h"
#include "worker/plan.h"
#include "worker/schedule.h"
#include "worker/sort.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A training under way. */
struct training {
    const struct job *job;
    const struct dataset *dataset;
    const struct training_observer *observer;
    struct plan plan;
    struct loss loss;
    struct training_progress progress;
    int64_t steps_an_epoch;
    double window_start_s; /* of the speed shown in progress */
    int64_t window_images;
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

bool training_memory(const struct job *job, size_t pixels, int class_count, size_t train_images,
                     size_t test_images, size_t *bytes, struct error *error)
{
    struct plan_shape shape = {.class_count = (size_t)class_count, .test_count = test_images};
    if (!job_check(job, NULL, error) || !plan_image_shape(pixels, &shape.image, error) ||
        !dataset_training_count(job, train_images, &shape.train_count, error)) {
        return false;
    }
    struct plan plan;
    if (!plan_init(&plan, job, shape, error)) {
        return false;
    }
    *bytes = plan.bytes;
    return true;
}

const char *training_cpu_class(void)
{
    static char text[160];
    snprintf(text, sizeof text, "%s, direct convolution, %s", kernels_get()->level, gemm_library());
    return text;
}

static void report_progress(struct training *training, size_t images)
{
    double now = now_s(), elapsed = now - training->window_start_s;
    training->window_images += (int64_t)images;
    if (elapsed >= 1 || training->progress.images_per_s == 0) {
        training->progress.images_per_s =
            elapsed > 0 ? (double)training->window_images / elapsed : 0;
    }
    if (elapsed >= 1) {
        training->window_start_s = now;
        training->window_images = 0;
    }
    if (training->observer->progress) {
        training->observer->progress(training->observer->context, &training->progress);
    }
}

static void begin_phase(struct training *training, enum training_phase phase)
{
    training->progress.phase = phase;
    training->progress.images_per_s = 0;
    training->window_start_s = now_s();
    training->window_images = 0;
}

/* Sorted by (draw, index). */
static void shuffle(struct plan *plan, uint64_t seed, uint32_t epoch)
{
    size_t count = plan->shape.train_count;
    for (size_t i = 0; i < count; i++) {
        struct rng_stream stream = {seed, RNG_SHUFFLE, epoch, plan->indices[i]};
        uint32_t words[4];
        rng_block(&stream, 0, words);
        plan->keys[i] = (uint64_t)words[0] << 32 | plan->indices[i];
    }
    sort_words(plan->keys, count);
    for (size_t i = 0; i < count; i++) {
        plan->order[i] = (uint32_t)plan->keys[i];
    }
}

static bool run_step(struct training *training, size_t first, size_t images, struct loss_sums *sums,
                     struct error *error)
{
    struct plan *plan = &training->plan;
    batch_fill(&plan->batch, &training->dataset->train, plan->order + first, images,
               (uint32_t)training->progress.epoch, &plan->pass);
    objective_gradient(&plan->pass, &training->loss, plan->parameters, plan->batch.labels,
                       plan->batch.norms, images, plan->gradients, sums);
    pass_move_running(&plan->pass, plan->parameters, training->job->bn_running == BN_RUNNING_CLEAN);
    training->progress.step++;
    double loss = loss_mean(&training->loss, sums, (double)images);
    if (!isfinite(loss)) {
        return error_set(error, ERROR_DIVERGED, "the loss is %s in epoch %lld, step %lld",
                         isnan(loss) ? "not a number" : "infinite",
                         (long long)training->progress.epoch, (long long)training->progress.step);
    }
    plan->optimizer.lr = schedule_lr(training->job, training->progress.step - 1,
                                     training->progress.step_count, training->steps_an_epoch);
    optimizer_step(&plan->optimizer, plan->parameters, plan->gradients);
    report_progress(training, images);
    return true;
}

static void add_sums(struct loss_sums *total, const struct loss_sums *sums)
{
    total->task += sums->task;
    total->lipschitz += sums->lipschitz;
    total->quotient += sums->quotient;
    total->correct += sums->correct;
    total->active += sums->active;
}

static void report_epoch(const struct training *training, const struct loss_sums *sums,
                         double images, double seconds)
{
    bool lipschitz = training->loss.lambda > 0;
    struct epoch_metric metric = {
        .epoch = training->progress.epoch,
        .loss = loss_mean(&training->loss, sums, images),
        .task_loss = sums->task / images,
        .lipschitz_loss = lipschitz ? sums->lipschitz / images : NAN,
        .accuracy = (double)sums->correct / images,
        .active_share = lipschitz ? (double)sums->active / images : NAN,
        .quotient_mean = lipschitz ? sums->quotient / images : NAN,
        .images_per_s = seconds > 0 ? images / seconds : 0,
    };
    if (training->observer->epoch) {
        training->observer->epoch(training->observer->context, &metric);
    }
}

/* The last batch is the shorter rest; the epoch ends early when the steps are used up. */
static bool run_epoch(struct training *training, struct error *error)
{
    struct training_progress *progress = &training->progress;
    size_t count = training->plan.shape.train_count, batch = (size_t)training->job->batch;
    struct loss_sums total = {0};
    double start_s = now_s();
    size_t first = 0;
    progress->epoch++;
    shuffle(&training->plan, (uint64_t)training->job->seed, (uint32_t)progress->epoch);
    while (first < count && progress->step < progress->step_count) {
        size_t images = count - first < batch ? count - first : batch;
        struct loss_sums sums;
        if (!run_step(training, first, images, &sums, error)) {
            return false;
        }
        add_sums(&total, &sums);
        first += images;
    }
    report_epoch(training, &total, (double)first, now_s() - start_s);
    return true;
}

static void evaluation_batch_done(void *context, size_t images)
{
    report_progress(context, images);
}

static bool evaluate(struct training *training, struct training_result *result, struct error *error)
{
    begin_phase(training, TRAINING_PHASE_EVALUATE);
    evaluation_run(&training->plan.evaluation, training->plan.parameters, &training->dataset->test,
                   evaluation_batch_done, training, result);
    for (size_t i = 0; i < result->accuracy_count; i++) {
        if (!isfinite(result->accuracy[i].negative_log_likelihood)) {
            return error_set(error, ERROR_DIVERGED,
                             "the network's outputs are not finite after epoch %lld, step %lld",
                             (long long)training->progress.epoch,
                             (long long)training->progress.step);
        }
    }
    return true;
}

static bool run_phases(struct training *training, struct training_result *result,
                       struct error *error)
{
    struct training_progress *progress = &training->progress;
    double start_s = now_s();
    begin_phase(training, TRAINING_PHASE_TRAIN);
    while (progress->step < progress->step_count) {
        if (!run_epoch(training, error)) {
            return false;
        }
    }
    double trained_s = now_s();
    if (!evaluate(training, result, error)) {
        return false;
    }
    result->epoch_count = progress->epoch;
    result->step_count = progress->step;
    result->train_s = trained_s - start_s;
    result->evaluate_s = now_s() - trained_s;
    network_digest(&training->plan.network, training->plan.parameters, result->weights_digest);
    return true;
}

/* A normalised job has either epochs or steps. */
static void plan_schedule(struct training *training)
{
    const struct job *job = training->job;
    int64_t steps_an_epoch =
        ((int64_t)training->plan.shape.train_count + job->batch - 1) / job->batch;
    training->steps_an_epoch = steps_an_epoch;
    int64_t steps = job->steps > 0 ? job->steps : job->epochs * steps_an_epoch;
    training->progress.step_count = steps;
    training->progress.epoch_count = steps / steps_an_epoch + (steps % steps_an_epoch > 0);
    assert(steps > 0 && training->progress.epoch_count <= UINT32_MAX);
}

/* The images' mean and standard deviation, part of the network: of the images it is trained on. */
static void set_input(struct training *training)
{
    struct plan *plan = &training->plan;
    double mean[IMAGE_CHANNELS_MAX], sd[IMAGE_CHANNELS_MAX];
    if (network_has_input(&plan->network)) {
        dataset_channel_moments(training->dataset, plan->indices, plan->shape.train_count, mean,
                                sd);
        network_set_input(&plan->network, mean, sd, plan->parameters);
    }
}

/* Checks, sizes, memory, indices, initial weights. */
static bool prepare(struct training *training, struct error *error)
{
    const struct job *job = training->job;
    const struct dataset *dataset = training->dataset;
    struct plan *plan = &training->plan;
    uint32_t *indices = NULL;
    struct plan_shape shape = {
        .image = {(size_t)dataset->channels, (size_t)dataset->height, (size_t)dataset->width},
        .class_count = (size_t)dataset->class_count,
        .test_count = dataset->test.count};
    if (!job_check(job, NULL, error) ||
        !dataset_training_indices(dataset, job, &indices, &shape.train_count, error)) {
        return false;
    }
    bool placed = plan_init(plan, job, shape, error) && plan_place(plan, job, error);
    if (placed) {
        plan_schedule(training);
        memcpy(plan->indices, indices, shape.train_count * sizeof *indices);
        network_initial_weights(&plan->network, (uint64_t)job->seed, plan->parameters);
        set_input(training);
        plan->pass.tick = plan->evaluation.pass.tick = training->observer->tick;
        plan->pass.tick_context = plan->evaluation.pass.tick_context = training->observer->context;
    }
    free(indices);
    return placed;
}

bool training_run(const struct job *job, const struct dataset *dataset,
                  const struct training_observer *observer, struct training_result *result,
                  struct error *error)
{
    static const struct training_observer nobody;
    struct training training = {.job = job,
                                .dataset = dataset,
                                .observer = observer ? observer : &nobody,
                                .loss = loss_of_job(job)};
    gemm_init();
    *result = (struct training_result){0};
    bool done = prepare(&training, error) && run_phases(&training, result, error);
    plan_finish(&training.plan);
    return done;
}
