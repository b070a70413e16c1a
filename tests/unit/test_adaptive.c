/* Seeds added by Stein's rule, through the real dispatch and the real database. */
#include "tests/unit/adaptive_fixture.h"

static void a_noisy_point_gets_seeds_and_a_quiet_one_none(void **state)
{
    (void)state;
    harness_submit(TWO);
    assert_int_equal(work(9), 9);
    harness_expect(DECISIONS, "0 5 5 0"); /* the quiet one is over, one of the noisy one is not */
    assert_int_equal(harness_integer(EXTRA), 0);
    assert_int_equal(work(1), 1);
    harness_expect(DECISIONS, "0 5 5 0, 1 5 12 1"); /* 20 would be needed */
    assert_int_equal(harness_integer("SELECT 1e9 * variance FROM seed_decision WHERE point = 1"),
                     250000);
    assert_int_equal(harness_integer(EXTRA " AND point = 1 AND k = 0.2 AND seed BETWEEN 6 AND 12"),
                     7);
    harness_expect("SELECT text FROM event WHERE kind = 'seeds_added'",
                   "point 1: 7 seeds more for accuracy@0.4, 12 in all, as many as max allows");
    assert_int_equal(work(100), 7);
    assert_int_equal(harness_integer("SELECT count(*) FROM job"), 17);
    assert_int_equal(harness_integer("SELECT count(*) FROM job_key"), 17);
    assert_int_equal(harness_integer("SELECT count(*) FROM seed_decision"), 2);
}

/* A result that was recorded but not committed is gone with what it decided, and comes again. */
static void a_crash_leaves_the_result_and_its_decision_or_neither(void **state)
{
    (void)state;
    struct job job;
    struct made_result made;
    harness_submit(TWO);
    assert_int_equal(work(9), 9);
    Wire__Lease *lease = take(&job);
    char *text = strdup(lease->description);
    Wire__AttemptId attempt = *lease->attempt;
    uint8_t instance[INSTANCE_BYTES];
    memcpy(instance, attempt.instance.data, sizeof instance);
    attempt.instance.data = instance;
    Wire__Lease same = *lease;
    same.attempt = &attempt;
    same.description = text;
    make(&made, &same, accuracy_of(&job), WIRE__OUTCOME__OUTCOME_DONE);
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    envelope.body_case = WIRE__ENVELOPE__BODY_RESULT;
    envelope.result = &made.result;
    GOOD(store_begin(&harness.store, &error));
    harness_put(next_worker, &envelope);
    struct statement *statement;
    int64_t added;
    GOOD(db_prepare(harness.store.db, EXTRA, &statement, &error));
    GOOD(store_integer(statement, -1, &added, &error));
    assert_int_equal(added, 7);
    harness_close();
    harness_open();
    assert_int_equal(harness_integer(EXTRA), 0);
    assert_int_equal(harness_integer("SELECT count(*) FROM job WHERE state = 'done'"), 9);
    harness_expect(DECISIONS, "0 5 5 0");
    harness_hello(next_worker, WIRE__ROLE__ROLE_WORKER, next_worker);
    assert_true(deliver(next_worker, &same, accuracy_of(&job), WIRE__OUTCOME__OUTCOME_DONE));
    /* And again: it was recorded before. */
    assert_true(deliver(next_worker, &same, accuracy_of(&job), WIRE__OUTCOME__OUTCOME_DONE));
    harness_expect(DECISIONS, "0 5 5 0, 1 5 12 1");
    harness_close();
    harness_open();
    assert_int_equal(harness_integer(EXTRA), 7);
    assert_int_equal(work(100), 7);
    assert_int_equal(harness_integer(NOTHING_TWICE), 0);
    free(text);
}

static void a_point_that_diverged_gets_none_until_it_is_retried(void **state)
{
    (void)state;
    harness_submit(USUAL("[0.2]", ADAPTIVE("0.01", "12")));
    assert_int_equal(work(4), 4);
    fail_one(WIRE__OUTCOME__OUTCOME_DIVERGED);
    harness_expect(DECISIONS, "0 5 5 0 1 of its 5 first trainings diverged");
    assert_int_equal(harness_integer(EXTRA), 0);
    control(WIRE__CONTROL__VERB__RETRY, true);
    assert_int_equal(work(1), 1);
    harness_expect(DECISIONS, "0 5 12 1");
    assert_int_equal(harness_integer(EXTRA), 7);
}

static void a_failed_job_leaves_its_point_undecided(void **state)
{
    (void)state;
    harness_submit(USUAL("[0.2]", "run: {max_attempts: 1, adaptive_seeds: {metric: accuracy@0.4,"
                                  " half_width: 0.01, max: 12}}\n"));
    fail_one(WIRE__OUTCOME__OUTCOME_FAILED);
    assert_int_equal(work(100), 4);
    assert_int_equal(harness_integer("SELECT count(*) FROM seed_decision"), 0);
    control(WIRE__CONTROL__VERB__RETRY, false);
    assert_int_equal(work(1), 1);
    harness_expect(DECISIONS, "0 5 12 1");
    assert_int_equal(work(100), 7);
}

static void a_cancelled_sweep_gets_none(void **state)
{
    (void)state;
    harness_submit(TWO);
    assert_int_equal(work(9), 9);
    control(WIRE__CONTROL__VERB__CANCEL, false);
    harness_expect(DECISIONS, "0 5 5 0");
    assert_int_equal(harness_integer("SELECT count(*) FROM job"), 10);
    /* Nor when its file changes. */
    harness_submit(USUAL("[0.1, 0.2]", ADAPTIVE("0.005", "12")));
    assert_int_equal(harness_integer(EXTRA), 0);
    assert_int_equal(work(1), 0);
}

/* Cancelled while the added jobs wait: they stay cancelled, whatever is submitted. */
static void added_jobs_are_cancelled_like_others(void **state)
{
    (void)state;
    harness_submit(TWO);
    assert_int_equal(work(10), 10);
    control(WIRE__CONTROL__VERB__CANCEL, false);
    assert_int_equal(harness_integer(EXTRA " AND state = 'cancelled'"), 7);
    harness_submit(USUAL("[0.1, 0.2]", ADAPTIVE("0.005", "12")));
    assert_int_equal(harness_integer(EXTRA " AND state = 'cancelled'"), 7);
    assert_int_equal(work(1), 0);
}

/* Another sweep has all of it: taken over, decided at once, and its added jobs taken over too. */
static void results_of_another_sweep_decide(void **state)
{
    (void)state;
    char text[sizeof TWO];
    harness_submit(TWO);
    assert_int_equal(work(100), 17);
    snprintf(text, sizeof text, "%s", TWO);
    text[strlen("name: ")] = 'b';
    Wire__SubmitReply *reply = harness_submit(text);
    assert_int_equal(reply->reused_count, 17);
    assert_int_equal(harness_integer("SELECT count(*) FROM seed_decision WHERE sweep = 2"), 2);
    assert_int_equal(harness_integer("SELECT count(*) FROM job WHERE sweep = 2 AND state = 'done'"),
                     17);
    assert_int_equal(work(1), 0);
}

/* Both wait for the same trainings: each gets its decision from the one result. */
static void sweeps_that_share_their_jobs_both_decide(void **state)
{
    (void)state;
    char text[sizeof TWO];
    harness_submit(TWO);
    snprintf(text, sizeof text, "%s", TWO);
    text[strlen("name: ")] = 'b';
    harness_submit(text);
    assert_int_equal(work(100), 17);
    assert_int_equal(harness_integer("SELECT count(*) FROM seed_decision"), 4);
    assert_int_equal(harness_integer("SELECT count(*) FROM job WHERE state = 'done'"), 34);
}

static void independent_seeds_are_the_points_own(void **state)
{
    (void)state;
    struct job job;
    harness_submit(
        SWEEP("[0.2]", "{count: 5, independent: true}", "[0, 0.4]", ADAPTIVE("0.01", "9")));
    for (int i = 0; i < 5; i++) {
        Wire__Lease *lease = take(&job);
        assert_true(deliver(next_worker, lease, 0.9 + 0.02 * i, WIRE__OUTCOME__OUTCOME_DONE));
    }
    harness_expect(DECISIONS, "0 5 9 1");
    assert_int_equal(harness_integer(EXTRA), 4);
    /* They are the seeds that a file with nine would have. */
    Wire__SubmitReply *reply = harness_submit(
        SWEEP("[0.2]", "{count: 9, independent: true}", "[0, 0.4]", ADAPTIVE("0.01", "9")));
    assert_int_equal(reply->new_count + reply->withdrawn_count, 0);
    assert_int_equal(harness_integer("SELECT count(*) FROM job"), 9);
    assert_int_equal(harness_integer(EXTRA), 0);
}

/* A metric that a point has not: K has no meaning at standard training. */
static void a_metric_without_a_value_adds_none(void **state)
{
    (void)state;
    harness_submit("name: a\ndataset: glyphs\nmodel: mnist-cnn\n"
                   "train: {epochs: 1, batch: 100, lr: 0.05}\nseeds: 5\ntest: {sigma: [0, 0.4]}\n"
                   "run: {adaptive_seeds: {metric: 'logit:accuracy@0.4', half_width: 0.1,"
                   " max: 9}}\n");
    for (int i = 0; i < 5; i++) {
        struct job job;
        Wire__Lease *lease = take(&job);
        assert_true(deliver(next_worker, lease, i == 3 ? 1 : 0.9, WIRE__OUTCOME__OUTCOME_DONE));
    }
    harness_expect(DECISIONS, "0 5 5 0 1 of its 5 first trainings have no logit:accuracy@0.4");
    assert_int_equal(harness_integer("SELECT variance IS NULL FROM seed_decision"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_noisy_point_gets_seeds_and_a_quiet_one_none),
        TEST(a_crash_leaves_the_result_and_its_decision_or_neither),
        TEST(a_point_that_diverged_gets_none_until_it_is_retried),
        TEST(a_failed_job_leaves_its_point_undecided),
        TEST(a_cancelled_sweep_gets_none),
        TEST(added_jobs_are_cancelled_like_others),
        TEST(results_of_another_sweep_decide),
        TEST(sweeps_that_share_their_jobs_both_decide),
        TEST(independent_seeds_are_the_points_own),
        TEST(a_metric_without_a_value_adds_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
