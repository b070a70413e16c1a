/* What the database cannot tell is a failure, and not taken for a row that is not there. A view of
 * the same name, whose numbers cannot be computed, stands for the table that cannot be read. */
#include "tests/unit/coordinator_harness.h"

#include "coordinator/store_adaptive.h"
#include "coordinator/store_worker.h"

#define UNREADABLE "abs(-9223372036854775808)"
#define SWEEP                                                                                      \
    "name: a\ndataset: glyphs\nmodel: mnist-cnn\ntrain: {epochs: 1, batch: 100, lr: 0.05}\n"       \
    "grid: {k: [0.1]}\nloss: {lambda: 1, sigma: 0.1}\nbaseline: false\nseeds: 1\n"                 \
    "test: {sigma: [0, 0.4], seed: 1}\n"

static void hide(const char *view)
{
    GOOD(db_execute(harness.store.db, view, &error));
}

static void expect_overflow(const struct error *error)
{
    assert_non_null(strstr(error->message, "integer overflow"));
}

static void a_quarantine_is_not_passed_over(void **state)
{
    (void)state;
    char reason[QUARANTINE_REASON_MAX];
    int64_t worker;
    struct error error;
    harness_hello(1, WIRE__ROLE__ROLE_WORKER, 1);
    hide("CREATE TEMP VIEW attempt AS SELECT 1 AS job, 1 AS number, " UNREADABLE " AS worker,"
         " 'failed' AS outcome, 0 AS ended_at");
    assert_false(store_worker_quarantine(&harness.store, 1, &worker, reason, &error));
    expect_overflow(&error);
}

static void a_decision_on_seeds_is_not_passed_over(void **state)
{
    (void)state;
    struct adaptive_added added = {0};
    struct error error;
    hide("CREATE TEMP VIEW sweep AS SELECT 1 AS id, 1 AS text_number, 'm' AS adaptive_metric,"
         " 1.0 AS adaptive_half_width, 9 AS adaptive_max, 5 AS adaptive_n0,"
         " 1 AS adaptive_next_seed, 0 AS independent_seeds, 'true' AS reuse, " UNREADABLE
         " AS deleting");
    assert_false(store_adaptive_point(&harness.store, 1, 0, &added, &error));
    expect_overflow(&error);
}

/* Whether its jobs run is not known: nothing goes. */
static void a_sweep_is_not_deleted_blindly(void **state)
{
    (void)state;
    harness_submit(SWEEP);
    hide("CREATE TEMP VIEW job AS SELECT 1 AS id, 1 AS sweep,"
         " abs(-9223372036854775807 - s.id) AS state FROM main.sweep s");
    Wire__Remove removal = WIRE__REMOVE__INIT;
    removal.sweep = (char *)(uintptr_t) "a";
    SEND(200, REMOVE, remove, &removal);
    Wire__Envelope *reply = TAKE(200, REFUSED);
    assert_non_null(reply);
    assert_non_null(strstr(reply->refused->reason, "integer overflow"));
    assert_false(harness.dispatch.removal.running);
    assert_int_equal(harness_integer("SELECT deleting FROM sweep"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_quarantine_is_not_passed_over),
        TEST(a_decision_on_seeds_is_not_passed_over),
        TEST(a_sweep_is_not_deleted_blindly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
