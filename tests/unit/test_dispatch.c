/* Time, order and memory of the coordinator: what the loop relies on. */
#include "coordinator_harness.h"

#include <math.h>

#define SWEEP                                                                                      \
    "name: s\ndataset: glyphs\nmodel: mnist-cnn\ntrain: {epochs: 1, batch: 100, lr: 0.05}\n"       \
    "grid: {k: [0.1, 0.2, 0.3]}\nloss: {lambda: 1, sigma: 0.1}\nseeds: 1\nbaseline: false\n"       \
    "test: {sigma: [0], seed: 1}\n"

/* Promise 1: what is acknowledged is committed; so nothing leaves before the commit. */
static void answers_wait_for_the_commit(void **state)
{
    (void)state;
    harness_submit(SWEEP);
    Wire__Lease *lease = harness_lease(1, 1);
    struct made_result made;
    harness_make_result(&made, lease, WIRE__OUTCOME__OUTCOME_DONE);
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    envelope.body_case = WIRE__ENVELOPE__BODY_RESULT;
    envelope.result = &made.result;
    GOOD(store_begin(&harness.store, &error));
    harness_put(1, &envelope);
    harness_flush();
    assert_null(TAKE(1, RESULT_ACK));
    /* A crash here: the result was neither recorded nor acknowledged, and comes again. */
    assert_int_equal(harness_integer("SELECT count(*) FROM training"), 0);
    harness_close();
    harness_open();
    harness_expect(STATE(1), "leased");
    assert_int_equal(harness.dispatch.leases.by_job.count, 1);
}

/* A crash between the commit and the journal's line: the worker was not told, so it sends again. */
static void a_result_that_comes_again_is_in_the_journal(void **state)
{
    (void)state;
    char path[128];
    harness_submit(SWEEP);
    int64_t empty = harness.store.journal.size;
    struct made_result made;
    harness_make_result(&made, harness_lease(1, 1), WIRE__OUTCOME__OUTCOME_DONE);
    uint8_t instance[INSTANCE_BYTES]; /* the lease goes when the harness closes */
    memset(instance, 1, sizeof instance);
    Wire__AttemptId attempt = *made.result.attempt;
    attempt.instance.data = instance;
    made.result.attempt = &attempt;
    SEND(1, RESULT, result, &made.result);
    int64_t one = harness.store.journal.size;
    assert_true(one > empty);
    harness_close();
    snprintf(path, sizeof path, "%s.d/results.journal", harness.path);
    assert_int_equal(truncate(path, empty), 0);
    harness_open();
    assert_int_equal(harness.store.journal.size, empty);
    harness_hello(1, WIRE__ROLE__ROLE_WORKER, 1);
    SEND(1, RESULT, result, &made.result);
    assert_true(TAKE(1, RESULT_ACK)->result_ack->accepted);
    assert_int_equal(harness.store.journal.size, one);
    harness_expect(STATE(1), "done");
    assert_int_equal(harness_integer("SELECT count(*) FROM training"), 1);
    /* The same attempt with other numbers is no result that was recorded. */
    made.accuracies[0].accuracy /= 2;
    SEND(1, RESULT, result, &made.result);
    assert_int_equal(harness.store.journal.size, one);
}

static void one_bad_result_among_many_is_undone_alone(void **state)
{
    (void)state;
    harness_submit("name: s\ndataset: glyphs\nmodel: mnist-cnn\n"
                   "train: {epochs: 1, batch: 100, lr: 0.05}\ngrid: {k: [0.1, 0.2, 0.3]}\n"
                   "loss: {lambda: 1, sigma: 0.1}\nseeds: 1\nbaseline: false\n"
                   "test: {sigma: [0, 0.1], seed: 1}\n");
    static struct made_result made[3];
    double unfit[] = {1, 2, 3, NAN, 5, 6};
    for (uint8_t i = 0; i < 3; i++)
        harness_make_result(&made[i], harness_lease(i + 1, 1), WIRE__OUTCOME__OUTCOME_DONE);
    made[1].quotients[0].margin_over_quotient_percentile = unfit;
    GOOD(store_begin(&harness.store, &error));
    for (uint8_t i = 0; i < 3; i++) {
        Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
        envelope.body_case = WIRE__ENVELOPE__BODY_RESULT;
        envelope.result = &made[i].result;
        harness_put(i + 1, &envelope);
    }
    harness_commit();
    for (uint8_t i = 0; i < 3; i++) {
        assert_int_equal(TAKE(i + 1, RESULT_ACK) != NULL, i != 1);
        assert_null(TAKE(i + 1, RESULT_ACK)); /* once */
    }
    assert_non_null(TAKE(2, REFUSED));
    assert_int_equal(harness.dispatch.leases.by_job.count, 1);
    harness_expect(STATE(1), "done");
    harness_expect(STATE(2), "leased");
    harness_expect(STATE(3), "done");
    assert_int_equal(harness_integer("SELECT count(*) FROM training"), 2);
    assert_int_equal(harness_integer("SELECT count(*) FROM accuracy"), 4);
    assert_int_equal(harness_integer("SELECT count(*) FROM epoch_metric"), 2);
    made[1].quotients[0].margin_over_quotient_percentile = harness_percentiles;
    SEND(2, RESULT, result, &made[1].result);
    assert_non_null(TAKE(2, RESULT_ACK));
    harness_expect(STATE(2), "done");
}

/* As the loop does it: the transaction begins with the first message that stores something. */
static void heartbeats_alone_need_no_transaction(void **state)
{
    (void)state;
    harness_submit(SWEEP);
    Wire__Lease *lease = harness_lease(1, 1);
    Wire__Heartbeat heartbeat = WIRE__HEARTBEAT__INIT;
    heartbeat.sequence = 2;
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    envelope.body_case = WIRE__ENVELOPE__BODY_HEARTBEAT;
    envelope.heartbeat = &heartbeat;
    store_begin_later(&harness.store);
    harness_put(1, &envelope);
    assert_true(harness.store.later);
    harness_commit();
    assert_non_null(TAKE(1, HEARTBEAT_ACK));
    struct made_result made;
    harness_make_result(&made, lease, WIRE__OUTCOME__OUTCOME_DONE);
    envelope.body_case = WIRE__ENVELOPE__BODY_RESULT;
    envelope.result = &made.result;
    store_begin_later(&harness.store);
    harness_put(1, &envelope);
    assert_false(harness.store.later);
    harness_expect(STATE(1), "leased"); /* for others, until the commit */
    harness_commit();
    harness_expect(STATE(1), "done");
    assert_non_null(TAKE(1, RESULT_ACK));
}

static void strangers_are_asked_who_they_are(void **state)
{
    (void)state;
    Wire__Heartbeat heartbeat = WIRE__HEARTBEAT__INIT;
    SEND(9, HEARTBEAT, heartbeat, &heartbeat);
    assert_non_null(TAKE(9, WHO_ARE_YOU));
    assert_null(TAKE(9, HEARTBEAT_ACK));
    Wire__Hello hello = WIRE__HELLO__INIT;
    hello.protocol = 99;
    hello.role = WIRE__ROLE__ROLE_CLIENT;
    SEND(9, HELLO, hello, &hello);
    Wire__Envelope *refused = TAKE(9, REFUSED);
    assert_int_equal(refused->refused->code, WIRE__REFUSED__CODE__PROTOCOL);
    assert_non_null(strstr(refused->refused->reason, "99"));
    assert_int_equal(refused->refused->protocol, WIRE_PROTOCOL);
    SEND(9, HEARTBEAT, heartbeat, &heartbeat);
    assert_non_null(TAKE(9, WHO_ARE_YOU));
}

static void roles_are_kept_apart(void **state)
{
    (void)state;
    harness_hello(1, WIRE__ROLE__ROLE_WORKER, 1);
    harness_hello(2, WIRE__ROLE__ROLE_CLIENT, 2);
    Wire__Heartbeat heartbeat = WIRE__HEARTBEAT__INIT;
    Wire__Live live = WIRE__LIVE__INIT;
    SEND(2, HEARTBEAT, heartbeat, &heartbeat);
    assert_non_null(TAKE(2, REFUSED));
    SEND(1, LIVE, live, &live);
    assert_non_null(TAKE(1, REFUSED));
    SEND(2, LIVE, live, &live);
    assert_int_equal(TAKE(2, LIVE_REPLY)->live_reply->n_workers, 1);
}

static void garbage_changes_nothing(void **state)
{
    (void)state;
    harness_hello(1, WIRE__ROLE__ROLE_WORKER, 1);
    const char *const garbage[] = {"", "\xff\xff\xff\xff", "GET / HTTP/1.1", "\x0a\x00"};
    struct peer peer = harness_peer(1);
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++)
        GOOD(dispatch_message(&harness.dispatch, &peer, NULL, garbage[i], strlen(garbage[i]),
                              &error));
    assert_true(harness.dispatch.malformed_count >= 3);
    Wire__Heartbeat heartbeat = WIRE__HEARTBEAT__INIT;
    heartbeat.sequence = 1;
    Wire__Progress progress = WIRE__PROGRESS__INIT, *list[] = {&progress};
    heartbeat.running = list; /* without an attempt */
    heartbeat.n_running = 1;
    SEND(1, HEARTBEAT, heartbeat, &heartbeat);
    assert_non_null(TAKE(1, HEARTBEAT_ACK));
    Wire__Result result = WIRE__RESULT__INIT;
    SEND(1, RESULT, result, &result);
    assert_non_null(TAKE(1, REFUSED));
    Wire__EpochReport report = WIRE__EPOCH_REPORT__INIT;
    SEND(1, EPOCH_REPORT, epoch_report, &report);
    assert_non_null(TAKE(1, REFUSED));
}

static bool never_sent(void *context, const struct peer *peer, const void *data, size_t length,
                       bool *sent, struct error *error)
{
    (void)peer;
    (void)data;
    (void)length;
    (void)error;
    ++*(int *)context;
    *sent = false;
    return true;
}

static void a_peer_that_does_not_read_holds_nobody_up(void **state)
{
    (void)state;
    struct outbox outbox;
    struct peer slow = harness_peer(1);
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    Wire__WhoAreYou question = WIRE__WHO_ARE_YOU__INIT;
    envelope.body_case = WIRE__ENVELOPE__BODY_WHO_ARE_YOU;
    envelope.who_are_you = &question;
    outbox_init(&outbox);
    for (int i = 0; i < OUTBOX_MESSAGES_MAX + 5; i++)
        outbox_add(&outbox, &slow, &envelope, 0);
    assert_int_equal(outbox.dropped_count, 5);
    assert_false(outbox_is_waiting(&outbox));
    outbox_release(&outbox, 10);
    assert_false(outbox_is_waiting(&outbox)); /* its transaction is not committed */
    outbox_seal(&outbox, 10);
    outbox_release(&outbox, 9);
    assert_false(outbox_is_waiting(&outbox)); /* its line of the journal is not on disk */
    outbox_release(&outbox, 10);
    assert_true(outbox_is_waiting(&outbox));
    int tries = 0;
    GOOD(outbox_flush(&outbox, never_sent, &tries, 1, &error));
    assert_int_equal(tries, 1); /* once a round, not once a message */
    assert_int_equal(outbox.count, OUTBOX_MESSAGES_MAX);
    GOOD(outbox_flush(&outbox, never_sent, &tries, OUTBOX_AGE_MAX_MS + 1, &error));
    assert_int_equal(outbox.count, 0);
    assert_int_equal(outbox.bytes, 0);
    outbox_add(&outbox, &slow, &envelope, 0);
    outbox_seal(&outbox, 10);
    outbox_add(&outbox, &slow, &envelope, 0);
    outbox_seal(&outbox, 20);
    outbox_release(&outbox, 19);
    GOOD(outbox_flush(&outbox, never_sent, &tries, OUTBOX_AGE_MAX_MS + 1, &error));
    assert_int_equal(outbox.count, 1);
    outbox_finish(&outbox);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        TEST(answers_wait_for_the_commit),
        TEST(a_result_that_comes_again_is_in_the_journal),
        TEST(one_bad_result_among_many_is_undone_alone),
        TEST(heartbeats_alone_need_no_transaction),
        TEST(strangers_are_asked_who_they_are),
        TEST(roles_are_kept_apart),
        TEST(garbage_changes_nothing),
        TEST(a_peer_that_does_not_read_holds_nobody_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
