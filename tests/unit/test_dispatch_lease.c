/* Leases: who gets one, what keeps it and what ends it. */
#include "coordinator_harness.h"

#include "coordinator/turn.h"

#define SWEEP                                                                                      \
    "name: s\ndataset: glyphs\nmodel: mnist-cnn\ntrain: {epochs: 1, batch: 100, lr: 0.05}\n"       \
    "grid: {k: [0.1, 0.2, 0.3]}\nloss: {lambda: 1, sigma: 0.1}\nseeds: 1\nbaseline: false\n"       \
    "test: {sigma: [0], seed: 1}\n"

static void heartbeats_keep_a_lease_and_silence_loses_it(void **state)
{
    (void)state;
    harness_submit(SWEEP);
    Wire__Lease *lease = harness_lease(1, 1);
    for (uint64_t i = 0; i < 20; i++) {
        harness_heartbeat(1, i + 2, 0, &lease, 1, i);
        harness_tick(LEASE_MS - 1);
        harness_expect(STATE(1), "leased");
    }
    harness_tick(1);
    harness_expect(STATE(1), "pending");
    harness_expect(OUTCOMES(1), "lost");
}

/* One that was lost, but not leased again, is let go on: its result still counts. */
static void a_late_worker_is_stopped_only_when_another_has_the_job(void **state)
{
    (void)state;
    harness_submit(SWEEP);
    Wire__Lease *lease = harness_lease(1, 1);
    harness_tick(LEASE_MS);
    harness_heartbeat(1, 2, 0, &lease, 1, 1);
    assert_null(TAKE(1, ATTEMPT_OVER));
    assert_int_equal(harness_lease(2, 1)->attempt->job, 1);
    harness_heartbeat(1, 3, 0, &lease, 1, 2);
    assert_non_null(TAKE(1, ATTEMPT_OVER));
}

static void no_progress_ends_the_attempt(void **state)
{
    (void)state;
    harness_submit(SWEEP);
    Wire__Lease *lease = harness_lease(1, 1);
    for (uint64_t i = 2; i < 2 + STUCK_MS / HEARTBEAT_MS; i++) {
        harness_heartbeat(1, i, 0, &lease, 1, 7);
        harness_tick(HEARTBEAT_MS);
    }
    harness_expect(OUTCOMES(1), "failed");
    harness_expect("SELECT reason FROM attempt", "no progress for 300 s");
    assert_non_null(TAKE(1, ATTEMPT_OVER));
}

static void a_restart_gives_every_lease_a_full_term(void **state)
{
    (void)state;
    harness_submit(SWEEP);
    assert_non_null(harness_lease(1, 1));
    harness_tick(LEASE_MS - 1);
    harness_close();
    harness.now_ms += 1000000;
    harness_open();
    harness_tick(LEASE_MS - 1);
    harness_expect(STATE(1), "leased");
    harness_tick(1);
    harness_expect(STATE(1), "pending");
}

/* The lease was committed, its message lost with the crash. */
static void a_lease_that_never_arrived_is_sent_again(void **state)
{
    (void)state;
    harness_submit(SWEEP);
    Wire__Lease *lease = harness_lease(1, 1);
    assert_int_equal(lease->after_heartbeat, 1);
    harness_heartbeat(1, 2, 0, NULL, 0, 0); /* may have crossed it */
    assert_null(TAKE(1, LEASE));
    harness_heartbeat(1, 3, 0, NULL, 0, 0);
    Wire__Envelope *again = TAKE(1, LEASE);
    assert_int_equal(again->lease->attempt->job, 1);
    assert_int_equal(again->lease->attempt->attempt, 1);
    harness_heartbeat(1, 4, 0, &again->lease, 1, 1);
    harness_heartbeat(1, 5, 0, &again->lease, 1, 2);
    assert_null(TAKE(1, LEASE));
    assert_int_equal(harness_integer("SELECT count(*) FROM attempt"), 1);
}

/* Free slots less the leases that the worker cannot know of yet. */
static void nobody_gets_more_than_it_has_room_for(void **state)
{
    (void)state;
    harness_submit(SWEEP);
    harness_hello(1, WIRE__ROLE__ROLE_WORKER, 1);
    harness_heartbeat(1, 1, 2, NULL, 0, 0);
    Wire__Lease *leases[] = {TAKE(1, LEASE)->lease, TAKE(1, LEASE)->lease};
    assert_null(TAKE(1, LEASE));
    harness_heartbeat(1, 2, 2, NULL, 0, 0); /* sent before they arrived */
    assert_null(TAKE(1, LEASE));
    harness_heartbeat(1, 3, 0, leases, 2, 1);
    assert_null(TAKE(1, LEASE));
    harness_heartbeat(1, 4, 1, leases, 2, 2); /* a third slot */
    assert_int_equal(TAKE(1, LEASE)->lease->attempt->job, 3);
}

/* However many ask for a label that this worker has not. */
static void sweeps_for_others_hide_none(void **state)
{
    (void)state;
    char text[1000];
    struct error error;
    assert_true(db_execute(harness.store.db, "PRAGMA synchronous = OFF", &error));
    for (int i = 0; i <= TURNS_MAX; i++) {
        snprintf(text, sizeof text, "name: s%d%srun: {requires: {ecc: 1}}\n", i,
                 strchr(SWEEP, '\n'));
        harness_submit(text);
    }
    harness_submit(SWEEP);
    const Wire__Lease *lease = harness_lease(1, 1);
    assert_non_null(lease);
    assert_string_equal(lease->sweep, "s");
}

/* An idle worker that was killed has room for ever: a job leased to it would wait for its lease to
 * end, and lose an attempt. */
static void silent_workers_get_nothing(void **state)
{
    (void)state;
    harness_hello(1, WIRE__ROLE__ROLE_WORKER, 1);
    harness_heartbeat(1, 1, 1, NULL, 0, 0);
    harness_tick(3 * HEARTBEAT_MS + 1);
    harness_submit(SWEEP);
    assert_null(TAKE(1, LEASE));
    harness_heartbeat(1, 2, 1, NULL, 0, 0);
    assert_non_null(TAKE(1, LEASE));
}

static void a_reconnected_worker_is_the_same_one(void **state)
{
    (void)state;
    harness_submit(SWEEP);
    Wire__Lease *lease = harness_lease(1, 1);
    harness_hello(5, WIRE__ROLE__ROLE_WORKER, 1);
    harness_heartbeat(5, 2, 0, &lease, 1, 1);
    assert_non_null(TAKE(5, HEARTBEAT_ACK));
    assert_int_equal(harness.dispatch.fleet.workers.count, 1);
    assert_true(harness_result(5, lease, WIRE__OUTCOME__OUTCOME_DONE));
    Wire__Heartbeat heartbeat = WIRE__HEARTBEAT__INIT;
    SEND(1, HEARTBEAT, heartbeat, &heartbeat); /* the old connection is a stranger's */
    assert_non_null(TAKE(1, WHO_ARE_YOU));
}

/* A restarted worker delivers what its earlier run spooled. */
static void another_instance_may_deliver_a_spooled_result(void **state)
{
    (void)state;
    harness_submit(SWEEP);
    Wire__Lease *lease = harness_lease(1, 1);
    harness_hello(6, WIRE__ROLE__ROLE_WORKER, 6);
    assert_true(harness_result(6, lease, WIRE__OUTCOME__OUTCOME_DONE));
    assert_int_equal(harness_integer("SELECT count(*) FROM job WHERE state = 'done'"), 1);
}

static void goodbye_and_silence_end_a_worker(void **state)
{
    (void)state;
    harness_hello(1, WIRE__ROLE__ROLE_WORKER, 1);
    harness_hello(2, WIRE__ROLE__ROLE_WORKER, 2);
    Wire__Goodbye goodbye = WIRE__GOODBYE__INIT;
    SEND(1, GOODBYE, goodbye, &goodbye);
    assert_int_equal(harness_integer("SELECT count(*) FROM worker WHERE left_at IS NOT NULL"), 1);
    harness_tick(10 * LEASE_MS);
    assert_int_equal(harness_integer("SELECT count(*) FROM worker WHERE left_at IS NOT NULL"), 2);
    assert_int_equal(harness.dispatch.fleet.workers.count, 0);
    assert_int_equal(harness.dispatch.fleet.sessions.count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        TEST(heartbeats_keep_a_lease_and_silence_loses_it),
        TEST(a_late_worker_is_stopped_only_when_another_has_the_job),
        TEST(no_progress_ends_the_attempt),
        TEST(a_restart_gives_every_lease_a_full_term),
        TEST(a_lease_that_never_arrived_is_sent_again),
        TEST(nobody_gets_more_than_it_has_room_for),
        TEST(sweeps_for_others_hide_none),
        TEST(silent_workers_get_nothing),
        TEST(a_reconnected_worker_is_the_same_one),
        TEST(another_instance_may_deliver_a_spooled_result),
        TEST(goodbye_and_silence_end_a_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
