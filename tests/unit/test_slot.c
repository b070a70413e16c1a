#include "worker/slot.h"

#include <math.h>
#include <poll.h>
#include <signal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/folder.h"
#include "worker/backoff.h"

enum { WAIT_MS = 10000 };

struct fixture {
    struct folder folder;
    struct error error;
    struct slot slot;
    int epoch_count;
    struct epoch_metric epoch;
};

static int make_fixture(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    folder_init(&fixture->folder);
    fixture->slot.pipe = -1;
    *state = fixture;
    return 0;
}

static int remove_fixture(void **state)
{
    struct fixture *fixture = *state;
    folder_finish(&fixture->folder);
    free(fixture);
    return 0;
}

static void take_epoch(void *context, const struct slot *slot, const struct epoch_metric *metric)
{
    struct fixture *fixture = context;
    assert_ptr_equal(slot, &fixture->slot);
    fixture->epoch_count++;
    fixture->epoch = *metric;
}

/* Starts a runner that is a shell script; $6 is the pipe. */
static void start(struct fixture *fixture, const char *script)
{
    char text[2048], program[PATH_MAX];
    snprintf(text, sizeof text, "#!/bin/sh\n%s\n", script);
    snprintf(program, sizeof program, "%s",
             folder_write(&fixture->folder, "runner", text, strlen(text)));
    assert_int_equal(chmod(program, 0700), 0);
    const struct attempt_id id = {.job = 3, .number = 1};
    const struct slot_start options = {
        .images = -1,
        .program = program,
        .id = &id,
        .folder = fixture->folder.path,
        .memory_bytes = 5,
    };
    if (!slot_start(&fixture->slot, &options, &fixture->error))
        fail_msg("%s", fixture->error.message);
}

static struct slot_ending wait_for_end(struct fixture *fixture)
{
    const struct slot_listener listener = {fixture, take_epoch};
    struct slot_ending ending = {.text = ""};
    for (int waited = 0; waited < WAIT_MS; waited += 5) {
        slot_read(&fixture->slot, &listener);
        if (slot_reap(&fixture->slot, &listener, &ending))
            return ending;
        poll(NULL, 0, 5);
    }
    fail_msg("the runner does not end");
    return ending;
}

static void hears_a_runner(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, "test \"$OPENBLAS_NUM_THREADS\" = 1 || exit 9\n"
                   "echo \"progress 1 42 2 5 7 100 1234.5\" >&$6\n"
                   "echo \"epoch 2 1.5 1.25 nan 0.5 nan nan 99\" >&$6\n"
                   "exit 0");
    struct slot_ending ending = wait_for_end(fixture);
    assert_non_null(strstr(ending.text, "the runner ended with exit code 0 and without a result"));
    const struct progress *progress = &fixture->slot.progress;
    assert_int_equal(progress->counter, 42);
    assert_int_equal(progress->phase, PROGRESS_TRAINING);
    assert_int_equal(progress->epoch, 2);
    assert_int_equal(progress->step_count, 100);
    assert_true(progress->images_per_s == 1234.5);
    assert_int_equal(fixture->epoch_count, 1);
    assert_true(fixture->epoch.task_loss == 1.25 && isnan(fixture->epoch.lipschitz_loss));
    assert_true(fixture->slot.busy);
    slot_clear(&fixture->slot);
    assert_false(fixture->slot.busy);
}

static void nonsense_in_the_pipe_is_skipped(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, "head -c 300000 /dev/urandom >&$6\n"
                   "printf '\\nprogress 9 1 1 1 1 1 1\\nprogress\\nepoch x\\n%0600d\\n' 1 >&$6\n"
                   "echo 'progress 2 7 1 1 1 1 1' >&$6\n"
                   "printf 'progress 1 8' >&$6");
    wait_for_end(fixture);
    assert_int_equal(fixture->slot.progress.counter, 7);
    assert_int_equal(fixture->slot.progress.phase, PROGRESS_TESTING);
    slot_clear(&fixture->slot);
}

static void tells_why_a_runner_died(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, "echo first; echo 'out of cheese' >&2; kill -SEGV $$");
    struct slot_ending ending = wait_for_end(fixture);
    assert_non_null(strstr(ending.text, "SIGSEGV"));
    assert_non_null(strstr(ending.text, "first | out of cheese"));
    assert_true(ending.peak_bytes > 0);
    slot_clear(&fixture->slot);
    start(fixture, "exit 7");
    ending = wait_for_end(fixture);
    assert_non_null(strstr(ending.text, "exit code 7"));
    slot_clear(&fixture->slot);
}

static void kills(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, "exec sleep 600");
    slot_kill(&fixture->slot);
    struct slot_ending ending = wait_for_end(fixture);
    assert_non_null(strstr(ending.text, "SIGKILL"));
    slot_clear(&fixture->slot);
}

/* A grandchild that holds the pipe keeps nobody waiting. */
static void a_stranger_with_the_pipe_is_not_waited_for(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, "sleep 600 & echo $! > $4/stranger; exit 1");
    wait_for_end(fixture);
    slot_clear(&fixture->slot);
    FILE *file = fopen(folder_file(&fixture->folder, "stranger"), "r");
    int pid = 0;
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    fclose(file);
    assert_int_equal(kill(pid, SIGKILL), 0);
}

static void a_program_that_is_not_there_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    const struct attempt_id id = {.job = 3, .number = 1};
    const struct slot_start options = {
        .images = -1,
        .program = "/nonexistent/runner",
        .id = &id,
        .folder = fixture->folder.path,
    };
    assert_false(slot_start(&fixture->slot, &options, &fixture->error));
    assert_non_null(strstr(fixture->error.message, "/nonexistent/runner"));
    assert_false(fixture->slot.busy);
}

static void waits_longer_after_every_failure(void **state)
{
    (void)state;
    struct backoff backoff = {.failure_count = 0};
    assert_true(backoff_is_over(&backoff, 5000));
    backoff_failed(&backoff, 5000);
    assert_false(backoff_is_over(&backoff, 5999));
    backoff_failed(&backoff, 5500); /* its neighbour, of the same cause */
    assert_true(backoff_is_over(&backoff, 6000));
    backoff_failed(&backoff, 6000);
    assert_false(backoff_is_over(&backoff, 7999));
    assert_true(backoff_is_over(&backoff, 8000));
    int64_t now_ms = 8000;
    for (int i = 0; i < 100; i++) {
        backoff_failed(&backoff, now_ms);
        now_ms = backoff.until_ms;
    }
    backoff_failed(&backoff, now_ms);
    assert_int_equal(backoff.until_ms - now_ms, 60000);
    backoff_succeeded(&backoff);
    assert_true(backoff_is_over(&backoff, now_ms));
    backoff_failed(&backoff, now_ms);
    assert_int_equal(backoff.until_ms - now_ms, 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_fixture, remove_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hears_a_runner),
        TEST(nonsense_in_the_pipe_is_skipped),
        TEST(tells_why_a_runner_died),
        TEST(kills),
        TEST(a_stranger_with_the_pipe_is_not_waited_for),
        TEST(a_program_that_is_not_there_is_an_error),
        cmocka_unit_test(waits_longer_after_every_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
