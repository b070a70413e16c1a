#include "worker/supply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/folder.h"

struct fixture {
    struct folder folder;
    char cache[PATH_MAX], endpoint[PATH_MAX];
    struct session *session; /* nobody is there: what is sent is lost */
    struct supply *supply;
    struct job job;
    struct error error;
};

static const struct attempt_id one = {.job = 1, .number = 1}, two = {.job = 2, .number = 1};

static int make_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const struct session_listener listener = {.context = f};
    struct session_options options = {.endpoint = f->endpoint, .labels = ""};
    folder_init(&f->folder);
    snprintf(f->cache, sizeof f->cache, "%s/cache", f->folder.path);
    snprintf(f->endpoint, sizeof f->endpoint, "ipc://%s/nobody", f->folder.path);
    snprintf(f->job.dataset, sizeof f->job.dataset, "own");
    snprintf(f->job.dataset_digest, sizeof f->job.dataset_digest, "%064d", 17);
    *state = f;
    return session_create(&f->session, &options, &listener, &f->error) &&
                   supply_create(&f->supply, f->cache, 1 << 30, &f->error)
               ? 0
               : -1;
}

static int remove_fixture(void **state)
{
    struct fixture *f = *state;
    supply_destroy(f->supply);
    session_destroy(f->session);
    folder_finish(&f->folder);
    free(f);
    return 0;
}

static enum supply_state want(struct fixture *f, const struct attempt_id *id, int64_t now_ms)
{
    return supply_want(f->supply, id, &f->job, now_ms, &f->error);
}

static void refuse(struct fixture *f, const struct attempt_id *id, int64_t now_ms)
{
    Wire__DataPart part = WIRE__DATA_PART__INIT;
    Wire__AttemptId wire;
    attempt_to_wire(id, &wire);
    part.attempt = &wire;
    part.refused = (char *)(uintptr_t) "the attempt is over";
    supply_take(f->supply, &part, now_ms);
}

/* Job 2 was cancelled while its worker asked for what job 1 needs too. */
static void a_refusal_is_only_for_whom_it_names(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(want(f, &one, 0), SUPPLY_COMING);
    assert_int_equal(want(f, &two, 0), SUPPLY_COMING);
    supply_tick(f->supply, f->session, 0); /* asks for job 2 */
    refuse(f, &two, 100);
    assert_int_equal(want(f, &one, 100), SUPPLY_COMING);
    assert_int_equal(supply_due_ms(f->supply), 100); /* at once, for job 1 */
    assert_int_equal(want(f, &two, 100), SUPPLY_FAILED);
    assert_non_null(strstr(f->error.message, "the attempt is over"));
    assert_int_equal(want(f, &one, 200), SUPPLY_COMING);
}

static void in_any_order(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(want(f, &two, 0), SUPPLY_COMING);
    assert_int_equal(want(f, &one, 0), SUPPLY_COMING);
    supply_tick(f->supply, f->session, 0); /* asks for job 1 */
    refuse(f, &one, 100);
    assert_int_equal(want(f, &one, 100), SUPPLY_FAILED);
    assert_int_equal(want(f, &two, 100), SUPPLY_COMING);
    assert_int_equal(supply_due_ms(f->supply), 100);
}

/* And who is refused in its turn is not left waiting. */
static void each_hears_its_own_refusal(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(want(f, &one, 0), SUPPLY_COMING);
    assert_int_equal(want(f, &two, 0), SUPPLY_COMING);
    supply_tick(f->supply, f->session, 0);
    refuse(f, &two, 100);
    assert_int_equal(want(f, &one, 100), SUPPLY_COMING);
    assert_int_equal(want(f, &two, 100), SUPPLY_FAILED);
    supply_tick(f->supply, f->session, 100);
    refuse(f, &one, 200);
    assert_int_equal(supply_due_ms(f->supply), INT64_MAX); /* nobody is left to ask for */
    assert_int_equal(want(f, &one, 200), SUPPLY_FAILED);
    assert_int_equal(supply_due_ms(f->supply), INT64_MAX);
}

static void nobody_hears_of_it_when_the_job_is_gone(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(want(f, &one, 0), SUPPLY_COMING);
    supply_tick(f->supply, f->session, 0);
    refuse(f, &one, 100);
    assert_int_equal(want(f, &two, 200), SUPPLY_COMING);
    assert_true(supply_due_ms(f->supply) <= 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_fixture, remove_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_refusal_is_only_for_whom_it_names),
        TEST(in_any_order),
        TEST(each_hears_its_own_refusal),
        TEST(nobody_hears_of_it_when_the_job_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
