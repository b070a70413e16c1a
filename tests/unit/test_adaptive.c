/* Seeds added by Stein's rule, through the real dispatch and the real database. */
#include "tests/unit/coordinator_harness.h"

#include <math.h>

#define ADAPTIVE(half_width, max)                                                                  \
    "run: {adaptive_seeds: {metric: accuracy@0.4, half_width: " half_width ", max: " max "}}\n"
#define SWEEP(ks, seeds, sigmas, run)                                                              \
    "name: a\ndataset: glyphs\nmodel: mnist-cnn\ntrain: {epochs: 1, batch: 100, lr: 0.05}\n"       \
    "grid: {k: " ks "}\nloss: {lambda: 1, sigma: 0.1}\nbaseline: false\nseeds: " seeds             \
    "\ntest: {sigma: " sigmas ", seed: 1}\n" run
#define USUAL(ks, run) SWEEP(ks, "5", "[0, 0.4]", run)
#define TWO USUAL("[0.1, 0.2]", ADAPTIVE("0.01", "12"))

static void make(struct made_result *made, const Wire__Lease *lease, double accuracy,
                 Wire__Outcome outcome)
{
    harness_make_result(made, lease, outcome);
    Wire__Accuracy *noisy = &made->accuracies[made->result.n_accuracies - 1];
    noisy->image_count = 10000;
    noisy->correct_count = (uint64_t)llround(accuracy * 10000);
    noisy->accuracy = (double)noisy->correct_count / 10000;
}

static bool deliver(uint8_t worker, const Wire__Lease *lease, double accuracy,
                    Wire__Outcome outcome)
{
    struct made_result made;
    make(&made, lease, accuracy, outcome);
    SEND(worker, RESULT, result, &made.result);
    Wire__Envelope *ack = TAKE(worker, RESULT_ACK);
    assert_non_null(ack);
    return ack->result_ack->accepted;
}

/* By k and seed: k 0.1 is quiet, k 0.2 has the values whose variance is 0.00025. */
static double accuracy_of(const struct job *job)
{
    static const double values[] = {0.91, 0.89, 0.90, 0.92, 0.88};
    return job->k < 0.15 ? 0.95 : values[(job->seed - 1) % 5];
}

static uint8_t next_worker;

/* The next job there is, or NULL. */
static Wire__Lease *take(struct job *job)
{
    next_worker = (uint8_t)(next_worker % 150 + 1);
    Wire__Lease *lease = harness_lease(next_worker, 1);
    if (!lease) /* it shall not get a later one */
        harness_heartbeat(next_worker, 2, 0, NULL, 0, 0);
    else
        GOOD(job_parse(lease->description, strlen(lease->description), job, &error));
    return lease;
}

/* Runs jobs to their end, at most `most`; returns how many there were. */
static int work(int most)
{
    struct job job;
    Wire__Lease *lease;
    int count = 0;
    while (count < most && (lease = take(&job))) {
        assert_true(deliver(next_worker, lease, accuracy_of(&job), WIRE__OUTCOME__OUTCOME_DONE));
        count++;
    }
    return count;
}

static void fail_one(Wire__Outcome outcome)
{
    struct job job;
    Wire__Lease *lease = take(&job);
    assert_non_null(lease);
    assert_true(deliver(next_worker, lease, 0.9, outcome));
}

static void control(Wire__Control__Verb verb, bool diverged_too)
{
    Wire__Control message = WIRE__CONTROL__INIT;
    message.verb = verb;
    message.sweep = (char *)(uintptr_t) "a";
    message.diverged_too = diverged_too;
    harness_hello(200, WIRE__ROLE__ROLE_CLIENT, 200);
    SEND(200, CONTROL, control, &message);
    assert_non_null(TAKE(200, CONTROL_REPLY));
}

#define CURRENT "FROM job WHERE withdrawn = 0 AND superseded_by IS NULL"
#define EXTRA "SELECT count(*) " CURRENT " AND extra = 1"
#define DECISIONS                                                                                  \
    "SELECT group_concat(point || ' ' || n0 || ' ' || n || ' ' || reached_max ||"                  \
    " coalesce(' ' || reason, ''), ', ') FROM (SELECT * FROM seed_decision ORDER BY point)"
#define NOTHING_TWICE                                                                              \
    "SELECT count(*) FROM (SELECT 1 " CURRENT " GROUP BY sweep, k, seed HAVING count(*) > 1)"

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

static void what_is_submitted_again_changes_what_was_added(void **state)
{
    (void)state;
    harness_submit(TWO);
    assert_int_equal(work(100), 17);
    /* The same again, and a `run` that does not touch them. */
    Wire__SubmitReply *reply = harness_submit(TWO);
    assert_int_equal(reply->new_count + reply->withdrawn_count, 0);
    reply = harness_submit(USUAL("[0.1, 0.2]", "run: {priority: 3, adaptive_seeds: {max: 12,"
                                               " metric: accuracy@0.4, half_width: 0.01}}\n"));
    assert_int_equal(reply->new_count + reply->withdrawn_count, 0);
    assert_int_equal(harness_integer(EXTRA), 7);
    harness_expect(DECISIONS, "0 5 5 0, 1 5 12 1");
    /* A higher limit: the rule's own number, of which 12 are there. */
    reply = harness_submit(USUAL("[0.1, 0.2]", ADAPTIVE("0.01", "50")));
    assert_int_equal(reply->new_count, 8);
    assert_int_equal(reply->withdrawn_count, 0);
    harness_expect(DECISIONS, "0 5 5 0, 1 5 20 0");
    assert_int_equal(work(3), 3);
    /* Narrow enough already: what is asked for no longer is withdrawn, its results stay. */
    reply = harness_submit(USUAL("[0.1, 0.2]", ADAPTIVE("0.02", "50")));
    assert_int_equal(reply->withdrawn_count, 15);
    harness_expect(DECISIONS, "0 5 5 0, 1 5 5 0");
    assert_int_equal(harness_integer("SELECT count(*) FROM job WHERE extra = 1 AND withdrawn = 1"
                                     " AND state = 'done'"),
                     10);
    /* Asked for again: the ten that are finished are, the others run. */
    reply = harness_submit(TWO);
    assert_int_equal(reply->new_count + reply->withdrawn_count, 0);
    assert_int_equal(harness_integer(EXTRA " AND state = 'done'"), 7);
    reply = harness_submit(USUAL("[0.1, 0.2]", ""));
    assert_int_equal(reply->withdrawn_count, 7);
    assert_int_equal(harness_integer("SELECT count(*) FROM seed_decision"), 0);
    assert_int_equal(work(1), 0);
}

static int64_t would_withdraw(const char *text)
{
    harness_hello(201, WIRE__ROLE__ROLE_CLIENT, 201);
    Wire__Envelope *reply = harness_ask_submit(201, text, false, true);
    assert_int_equal(reply->body_case, WIRE__ENVELOPE__BODY_SUBMIT_REPLY);
    return reply->submit_reply->withdrawn_count;
}

static void a_plan_knows_them(void **state)
{
    (void)state;
    harness_submit(TWO);
    assert_int_equal(work(100), 17);
    assert_int_equal(would_withdraw(USUAL("[0.1, 0.2]", ADAPTIVE("0.01", "50"))), 0);
    assert_int_equal(would_withdraw(USUAL("[0.1, 0.2]", "")), 7);
    assert_int_equal(would_withdraw(SWEEP("[0.1, 0.2]", "7", "[0, 0.4]", ADAPTIVE("0.01", "50"))),
                     0);
    assert_int_equal(would_withdraw(SWEEP("[0.1, 0.2]", "7", "[0, 0.4]", "")), 5);
}

/* A new point comes first and takes the others' numbers; a seed that was added is one of the first
 * now. */
static void a_grid_and_its_seeds_grow(void **state)
{
    (void)state;
    harness_submit(TWO);
    assert_int_equal(work(100), 17);
    assert_int_equal(harness_submit(USUAL("[0.05, 0.1, 0.2]", ADAPTIVE("0.01", "12")))->new_count,
                     5);
    harness_expect(DECISIONS, "1 5 5 0, 2 5 12 1");
    assert_int_equal(harness_integer(EXTRA " AND point = 2 AND k = 0.2"), 7);
    assert_int_equal(work(100), 5);
    harness_expect(DECISIONS, "0 5 5 0, 1 5 5 0, 2 5 12 1");
    /* Seeds 6 and 7 of the noisy point are there; those of the others are not. */
    Wire__SubmitReply *reply =
        harness_submit(SWEEP("[0.05, 0.1, 0.2]", "7", "[0, 0.4]", ADAPTIVE("0.01", "12")));
    assert_int_equal(reply->new_count, 4);
    assert_int_equal(reply->withdrawn_count, 0);
    harness_expect(DECISIONS, "2 7 12 0");
    assert_int_equal(harness_integer(EXTRA), 5);
    assert_int_equal(harness_integer(EXTRA " AND seed BETWEEN 8 AND 12"), 5);
    assert_int_equal(work(100), 4);
    harness_expect(DECISIONS, "0 7 7 0, 1 7 7 0, 2 7 12 0");
    assert_int_equal(harness_integer(NOTHING_TWICE), 0);
}

/* Another test: the first stage is tested anew, and then decides anew. */
static void another_test_decides_anew(void **state)
{
    (void)state;
    harness_submit(TWO);
    assert_int_equal(work(100), 17);
    harness_submit(SWEEP("[0.1, 0.2]", "5", "[0, 0.2, 0.4]", ADAPTIVE("0.01", "12")));
    assert_int_equal(harness_integer("SELECT count(*) FROM seed_decision"), 0);
    assert_int_equal(harness_integer(EXTRA), 0);
    assert_int_equal(work(10), 10);
    harness_expect(DECISIONS, "0 5 5 0, 1 5 12 1");
    assert_int_equal(work(100), 7);
    assert_int_equal(harness_integer("SELECT count(*) " CURRENT), 17);
    assert_int_equal(harness_integer(NOTHING_TWICE), 0);
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

/* The coordinator dies again and again while a changed file is stored. */
static void a_change_goes_on_after_a_crash(void **state)
{
    (void)state;
    harness_submit(TWO);
    assert_int_equal(work(14), 14);
    struct job job;
    Wire__Lease *lease = take(&job);
    char *text = strdup(lease->description);
    assert_int_equal(job.seed, 10);
    harness_hello(200, WIRE__ROLE__ROLE_CLIENT, 200);
    Wire__Submit submit = WIRE__SUBMIT__INIT;
    static const char changed[] = USUAL("[0.05, 0.1, 0.2]", ADAPTIVE("0.01", "50"));
    submit.file = (char *)(uintptr_t) "t.yaml";
    submit.text.data = (uint8_t *)(uintptr_t)changed;
    submit.text.len = strlen(changed);
    SEND(200, SUBMIT, submit, &submit);
    int crashes = 0; /* what is in memory begins anew with each, so the next comes a piece later */
    for (; harness.dispatch.submissions.count > 0; crashes++) {
        for (int i = 0; i <= crashes && harness.dispatch.submissions.count > 0; i++) {
            GOOD(store_begin(&harness.store, &error));
            GOOD(dispatch_tasks(&harness.dispatch, harness.now_ms, &error));
            harness_commit();
        }
        harness_close();
        harness_open();
    }
    assert_true(crashes > 5);
    harness_expect("SELECT state FROM sweep", "active");
    harness_expect(DECISIONS, "1 5 5 0, 2 5 20 0");
    assert_int_equal(harness_integer(EXTRA), 15);
    assert_int_equal(harness_integer(EXTRA " AND state = 'leased'"), 1);
    harness_tick(LEASE_MS);
    assert_int_equal(work(100), 16); /* five of the new point, ten added ones, and the lost one */
    assert_int_equal(harness_integer("SELECT count(*) " CURRENT " AND state = 'done'"), 30);
    assert_int_equal(harness_integer(NOTHING_TWICE), 0);
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_noisy_point_gets_seeds_and_a_quiet_one_none),
        TEST(a_crash_leaves_the_result_and_its_decision_or_neither),
        TEST(a_point_that_diverged_gets_none_until_it_is_retried),
        TEST(a_failed_job_leaves_its_point_undecided),
        TEST(a_cancelled_sweep_gets_none),
        TEST(added_jobs_are_cancelled_like_others),
        TEST(what_is_submitted_again_changes_what_was_added),
        TEST(a_plan_knows_them),
        TEST(a_grid_and_its_seeds_grow),
        TEST(another_test_decides_anew),
        TEST(results_of_another_sweep_decide),
        TEST(sweeps_that_share_their_jobs_both_decide),
        TEST(independent_seeds_are_the_points_own),
        TEST(a_metric_without_a_value_adds_none),
        TEST(a_change_goes_on_after_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
