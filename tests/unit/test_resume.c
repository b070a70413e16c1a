/* A training that is stopped, kept and gone on with. */
#include "training_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stopped_training_goes_on_bit_for_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
