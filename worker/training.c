#include "worker/training.h"
#include "common/rng.h"
#include "worker/gemm.h"
#include "worker/objective.h"
#include "worker/plan.h"
#include "worker/profile.h"
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
    size_t threads;
    struct team *team;
    struct plan plan;
    struct loss loss;
    struct training_progress progress;
    struct training_state state;
    struct weights weights;
    double resumed_s, trained_s; /* when this process began to train, and had made the last step */
    double epoch_start_s;
    double window_start_s; /* of the speed shown in progress */
    int64_t window_images;
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int64_t steps_an_epoch(const struct plan *plan, const struct job *job)
{
    return ((int64_t)plan->shape.train_count + job->batch - 1) / job->batch;
}

/* A normalised job has either epochs or steps. */
static void plan_schedule(const struct plan *plan, const struct job *job,
                          struct training_progress *progress)
{
    int64_t an_epoch = steps_an_epoch(plan, job);
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

static void report_progress(struct training *training, size_t images)
{
    double now = now_s(), elapsed = now - training->window_start_s;
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

static void begin_phase(struct training *training, enum training_phase phase)
{
    training->progress.phase = phase;
    training->progress.images = 0;
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

static double gradient_norm(const struct plan *plan)
{
    double sum = 0;
    for (size_t i = 0; i < plan->network.parameter_count; i++) {
        sum += (double)plan->gradients[i] * (double)plan->gradients[i];
    }
    return sqrt(sum);
}

static void trace_state(struct training *training)
{
    const struct training_trace *trace = training->observer->trace;
    if (trace && training->state.step <= trace->steps) {
        trace->state(trace->context, &training->state, &training->weights);
    }
}

static void trace_step(const struct training *training, size_t first, size_t images,
                       const struct loss_sums *sums)
{
    const struct training_trace *trace = training->observer->trace;
    if (!trace || training->state.step >= trace->steps) {
        return;
    }
    struct training_step step = {
        .epoch = training->state.epoch,
        .step = training->state.step + 1,
        .images = training->plan.order + first,
        .image_count = images,
        .task_loss = sums->task / (double)images,
        .lipschitz_loss = training->loss.lambda > 0 ? sums->lipschitz / (double)images : NAN,
        .loss = loss_mean(&training->loss, sums, (double)images),
        .gradient_norm = gradient_norm(&training->plan)};
    trace->step(trace->context, &step);
}

static void add_sums(struct loss_sums *total, const struct loss_sums *sums)
{
    total->task += sums->task;
    total->lipschitz += sums->lipschitz;
    total->quotient += sums->quotient;
    total->correct += sums->correct;
    total->active += sums->active;
}

static bool run_step(struct training *training, size_t first, size_t images, struct error *error)
{
    struct plan *plan = &training->plan;
    struct training_state *state = &training->state;
    struct loss_sums sums;
    trace_state(training);
    batch_fill(&plan->batch, &training->dataset->train, plan->order + first, images,
               (uint32_t)state->epoch, &plan->pass);
    objective_gradient(&plan->pass, &training->loss, plan->parameters, plan->batch.labels,
                       plan->batch.norms, images, plan->gradients, &sums);
    pass_move_running(&plan->pass, plan->parameters, training->job->bn_running == BN_RUNNING_CLEAN);
    trace_step(training, first, images, &sums);
    plan->optimizer.lr = schedule_lr(training->job, state->step, training->progress.step_count,
                                     steps_an_epoch(plan, training->job));
    state->step++;
    training->progress.step = state->step;
    double loss = loss_mean(&training->loss, &sums, (double)images);
    if (!isfinite(loss)) {
        return error_set(error, ERROR_DIVERGED, "the loss is %s in epoch %lld, step %lld",
                         isnan(loss) ? "not a number" : "infinite", (long long)state->epoch,
                         (long long)state->step);
    }
    profile_enter(PROFILE_OPTIMIZER);
    optimizer_step(&plan->optimizer, plan->parameters, plan->gradients);
    profile_enter(PROFILE_OTHER);
    add_sums(&state->sums, &sums);
    state->epoch_images += (int64_t)images;
    report_progress(training, images);
    return true;
}

static void end_epoch(struct training *training)
{
    struct training_state *state = &training->state;
    const struct loss_sums *sums = &state->sums;
    bool lipschitz = training->loss.lambda > 0;
    double images = (double)state->epoch_images;
    double seconds = state->epoch_s + now_s() - training->epoch_start_s;
    struct epoch_metric metric = {
        .epoch = state->epoch,
        .loss = loss_mean(&training->loss, sums, images),
        .task_loss = sums->task / images,
        .lipschitz_loss = lipschitz ? sums->lipschitz / images : NAN,
        .accuracy = (double)sums->correct / images,
        .active_share = lipschitz ? (double)sums->active / images : NAN,
        .quotient_mean = lipschitz ? sums->quotient / images : NAN,
        .images_per_s = seconds > 0 ? images / seconds : 0,
    };
    assert(state->metric_count < state->metric_capacity);
    state->metrics[state->metric_count++] = metric;
    state->epoch_images = 0;
    state->sums = (struct loss_sums){0};
    if (training->observer->epoch) {
        training->observer->epoch(training->observer->context, &metric);
    }
}

/* Hands the state to the keeper, with the time that this process added. */
static bool keep(struct training *training, bool last)
{
    const struct training_keeper *keeper = training->observer->keeper;
    struct training_state state = training->state;
    double now = now_s();
    state.train_s += now - training->resumed_s;
    state.epoch_s = state.epoch_images > 0 ? state.epoch_s + now - training->epoch_start_s : 0;
    return keeper->keep(keeper->context, &state, last);
}

static bool keep_if_wished(struct training *training, struct error *error)
{
    const struct training_keeper *keeper = training->observer->keeper;
    enum keep_wish wish = keeper ? keeper->wish(keeper->context) : KEEP_NOTHING;
    if (wish == KEEP_NOTHING || (!keep(training, false) && wish == KEEP)) {
        return true;
    }
    return error_set(error, ERROR_INTERRUPTED, "stopped after step %lld",
                     (long long)training->state.step);
}

/* The last batch is the shorter rest; the epoch ends early when the steps are used up. May go on
 * inside an epoch. */
static bool run_epoch(struct training *training, struct error *error)
{
    struct training_state *state = &training->state;
    size_t count = training->plan.shape.train_count, batch = (size_t)training->job->batch;
    training->epoch_start_s = now_s();
    if (state->epoch_images == 0) {
        state->epoch++;
        state->epoch_s = 0;
    }
    training->progress.epoch = state->epoch;
    shuffle(&training->plan, (uint64_t)training->job->seed, (uint32_t)state->epoch);
    for (size_t first; (first = (size_t)state->epoch_images) < count &&
                       state->step < training->progress.step_count;) {
        size_t images = count - first < batch ? count - first : batch;
        if (!run_step(training, first, images, error) || !keep_if_wished(training, error)) {
            return false;
        }
    }
    end_epoch(training);
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

static bool finish_training(struct training *training, struct error *error)
{
    const struct training_observer *observer = training->observer;
    trace_state(training);
    if (observer->keeper && keep(training, true)) {
        return error_set(error, ERROR_INTERRUPTED, "stopped before the test");
    }
    return !observer->trained || observer->trained(observer->context, &training->weights, error);
}

static bool train(struct training *training, struct error *error)
{
    const struct training_state *state = &training->state;
    begin_phase(training, TRAINING_PHASE_TRAIN);
    while (state->step < training->progress.step_count || state->epoch_images > 0) {
        if (!run_epoch(training, error)) {
            return false;
        }
    }
    training->trained_s = now_s();
    return finish_training(training, error);
}

static bool run_phases(struct training *training, struct training_result *result,
                       struct error *error)
{
    struct training_state *state = &training->state;
    training->resumed_s = training->trained_s = now_s();
    if ((!training->observer->stored && !train(training, error)) ||
        !evaluate(training, result, error)) {
        return false;
    }
    result->epoch_count = state->epoch;
    result->step_count = state->step;
    result->train_s = state->train_s + training->trained_s - training->resumed_s;
    result->evaluate_s = now_s() - training->trained_s;
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
