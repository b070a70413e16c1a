/* Sweeps that add seeds, when their file is changed and submitted again. */
#include "tests/unit/adaptive_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_submitted_again_changes_what_was_added),
        TEST(a_plan_knows_them),
        TEST(a_grid_and_its_seeds_grow),
        TEST(another_test_decides_anew),
        TEST(a_change_goes_on_after_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
