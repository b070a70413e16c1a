#include "common/rng.h"
#include "worker/profile.h"
#include "worker/schedule.h"
#include "worker/sort.h"
#include "worker/training_private.h"

#include <assert.h>
#include <math.h>

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
                                     training_steps_an_epoch(plan, training->job));
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
    training_report(training, images);
    return true;
}

static void end_epoch(struct training *training)
{
    struct training_state *state = &training->state;
    const struct loss_sums *sums = &state->sums;
    bool lipschitz = training->loss.lambda > 0;
    double images = (double)state->epoch_images;
    double seconds = state->epoch_s + training_now_s() - training->epoch_start_s;
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
    double now = training_now_s();
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
    training->epoch_start_s = training_now_s();
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

static bool finish_training(struct training *training, struct error *error)
{
    const struct training_observer *observer = training->observer;
    trace_state(training);
    if (observer->keeper && keep(training, true)) {
        return error_set(error, ERROR_INTERRUPTED, "stopped before the test");
    }
    return !observer->trained || observer->trained(observer->context, &training->weights, error);
}

bool training_train(struct training *training, struct error *error)
{
    const struct training_state *state = &training->state;
    training_begin_phase(training, TRAINING_PHASE_TRAIN);
    while (state->step < training->progress.step_count || state->epoch_images > 0) {
        if (!run_epoch(training, error)) {
            return false;
        }
    }
    training->trained_s = training_now_s();
    return finish_training(training, error);
}
