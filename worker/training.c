#include "worker/gemm.h"
#include "worker/training_private.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A normalised job has either epochs or steps. */
static void plan_schedule(const struct plan *plan, const struct job *job,
                          struct training_progress *progress)
{
    int64_t an_epoch = training_steps_an_epoch(plan, job);
    int64_t steps = job->steps > 0 ? job->steps : job->epochs * an_epoch;
    *progress = (struct training_progress){
        .step_count = steps, .epoch_count = steps / an_epoch + (steps % an_epoch > 0)};
    assert(steps > 0 && progress->epoch_count <= UINT32_MAX);
}

bool training_memory(const struct job *job, size_t pixels, int class_count, size_t train_images,
                     size_t test_images, size_t threads, size_t *bytes, struct error *error)
{
    struct plan_shape shape = {
        .class_count = (size_t)class_count, .test_count = test_images, .threads = threads};
    if (!job_check(job, NULL, error) || !plan_image_shape(pixels, &shape.image, error) ||
        !dataset_training_count(job, train_images, &shape.train_count, error)) {
        return false;
    }
    struct plan plan;
    if (!plan_init(&plan, job, shape, error)) {
        return false;
    }
    struct training_progress schedule;
    plan_schedule(&plan, job, &schedule);
    struct training_state state = {.array_count = plan_state(&plan, state.arrays)};
    *bytes = plan.bytes + 2 * (size_t)schedule.epoch_count * sizeof(struct epoch_metric);
    for (size_t i = 0; i < state.array_count; i++) {
        *bytes += state.arrays[i].count * state.arrays[i].size;
    }
    return true;
}

const char *training_cpu_class(bool is_exact)
{
    static char texts[2][160];
    char *text = texts[is_exact];
    snprintf(text, sizeof texts[0], "%s, %s convolution, %s", kernels_get()->level,
             is_exact ? "direct" : "winograd F(4x4)", gemm_library());
    return text;
}

void training_report(struct training *training, size_t images)
{
    double now = training_now_s(), elapsed = now - training->window_start_s;
    training->window_images += (int64_t)images;
    training->progress.images += (int64_t)images;
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

void training_begin_phase(struct training *training, enum training_phase phase)
{
    training->progress.phase = phase;
    training->progress.images = 0;
    training->progress.images_per_s = 0;
    training->window_start_s = training_now_s();
    training->window_images = 0;
}

static void evaluation_batch_done(void *context, size_t images)
{
    training_report(context, images);
}

static bool evaluate(struct training *training, struct training_result *result, struct error *error)
{
    training_begin_phase(training, TRAINING_PHASE_EVALUATE);
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
    struct training_state *state = &training->state;
    training->resumed_s = training->trained_s = training_now_s();
    if ((!training->observer->stored && !training_train(training, error)) ||
        !evaluate(training, result, error)) {
        return false;
    }
    result->epoch_count = state->epoch;
    result->step_count = state->step;
    result->train_s = state->train_s + training->trained_s - training->resumed_s;
    result->evaluate_s = training_now_s() - training->trained_s;
    network_digest(&training->plan.network, training->plan.parameters, result->weights_digest);
    return true;
}

/* What the training starts from: the initial weights, the caller's, or what a keeper kept. */
static bool prepare_state(struct training *training, struct error *error)
{
    const struct training_observer *observer = training->observer;
    struct training_state *state = &training->state;
    struct plan *plan = &training->plan;
    size_t epochs = (size_t)training->progress.epoch_count;
    *state = (struct training_state){.metrics = calloc(epochs, sizeof *state->metrics),
                                     .metric_capacity = epochs};
    if (!state->metrics) {
        return error_set(error, ERROR_MEMORY, "out of memory for the metrics of %zu epochs",
                         epochs);
    }
    state->array_count = plan_state(plan, state->arrays);
    plan_weights(plan, &training->weights);
    network_initial_weights(&plan->network, (uint64_t)training->job->seed, plan->parameters);
    plan_set_input(plan, training->dataset, plan->indices, plan->shape.train_count);
    if (observer->stored) {
        return observer->stored(observer->context, &training->weights, error);
    }
    if (observer->initial && !observer->initial(observer->context, &training->weights, error)) {
        return false;
    }
    if (observer->keeper) {
        observer->keeper->restore(observer->keeper->context, state);
        training->progress.epoch = state->epoch;
        training->progress.step = state->step;
    }
    return true;
}

/* Checks, sizes, memory, indices, state. */
static bool prepare(struct training *training, struct error *error)
{
    const struct job *job = training->job;
    const struct dataset *dataset = training->dataset;
    struct plan *plan = &training->plan;
    uint32_t *indices = NULL;
    struct plan_shape shape = {
        .image = {(size_t)dataset->channels, (size_t)dataset->height, (size_t)dataset->width},
        .class_count = (size_t)dataset->class_count,
        .test_count = dataset->test.count,
        .threads = training->threads};
    if (!job_check(job, NULL, error) ||
        !dataset_training_indices(dataset, job, &indices, &shape.train_count, error)) {
        return false;
    }
    bool placed = plan_init(plan, job, shape, error) && plan_place(plan, job, error) &&
                  team_create(&training->team, training->threads, error);
    if (placed) {
        plan_schedule(plan, job, &training->progress);
        memcpy(plan->indices, indices, shape.train_count * sizeof *indices);
        plan_use_team(plan, training->team);
        plan->pass.tick = plan->evaluation.pass.tick = training->observer->tick;
        plan->pass.tick_context = plan->evaluation.pass.tick_context = training->observer->context;
    }
    free(indices);
    return placed && prepare_state(training, error);
}

bool training_run(const struct job *job, const struct dataset *dataset, size_t threads,
                  const struct training_observer *observer, struct training_result *result,
                  struct error *error)
{
    static const struct training_observer nobody;
    struct training training = {.job = job,
                                .dataset = dataset,
                                .threads = threads,
                                .observer = observer ? observer : &nobody,
                                .loss = loss_of_job(job)};
    gemm_init();
    *result = (struct training_result){0};
    bool done = prepare(&training, error) && run_phases(&training, result, error);
    team_destroy(training.team);
    free(training.state.metrics);
    plan_finish(&training.plan);
    return done;
}
