/* Who is offered what, by what it needs of memory. */
#include "tests/unit/coordinator_harness.h"

#define GRID_TEXT                                                                                  \
    "dataset: mnist\n"                                                                             \
    "model: mnist-cnn\n"                                                                           \
    "train: {epochs: 1, lr: 0.05}\n"                                                               \
    "test: {sigma: [0, 0.1]}\n"

static const uint64_t GIB = 1 << 30;

/* A heartbeat that lists nothing, so that what is leased already takes of the room; the first lease
 * that answers it, or NULL. */
static Wire__Lease *ask(uint8_t worker, uint64_t sequence, uint32_t slots, uint64_t free_bytes)
{
    Wire__Heartbeat heartbeat = WIRE__HEARTBEAT__INIT;
    heartbeat.free_slots = slots;
    heartbeat.free_memory_bytes = free_bytes;
    heartbeat.sequence = sequence;
    SEND(worker, HEARTBEAT, heartbeat, &heartbeat);
    Wire__Envelope *envelope = TAKE(worker, LEASE);
    return envelope ? envelope->lease : NULL;
}

static void hand_back(uint8_t worker, const Wire__Lease *lease, uint64_t needed)
{
    Wire__Release release = WIRE__RELEASE__INIT;
    release.attempt = lease->attempt;
    release.outcome = WIRE__OUTCOME__OUTCOME_PREEMPTED;
    release.reason = (char *)(uintptr_t) "it does not fit";
    release.memory_bytes = needed;
    SEND(worker, RELEASE, release, &release);
    assert_non_null(TAKE(worker, RELEASE_ACK));
}

static void what_one_job_needs_all_of_its_shape_need(void **state)
{
    (void)state;
    harness_submit("name: a\ngrid: {lambda: [1, 2], k: [0.1, 0.2], sigma: 0.1, batch: [50, 60]}\n"
                   "seeds: 2\n" GRID_TEXT);
    harness_submit("name: b\ngrid: {lambda: [3], k: [0.1], sigma: 0.2, batch: [50]}\n"
                   "seeds: [7]\n" GRID_TEXT);
    assert_int_equal(harness_integer("SELECT count(*) FROM job_shape"), 3);
    harness_hello(1, WIRE__ROLE__ROLE_WORKER, 1);
    Wire__Lease *lease = ask(1, 1, 1, GIB);
    assert_int_equal(lease->attempt->job, 1);
    assert_int_equal(lease->memory_bytes, 0);
    hand_back(1, lease, 2 * GIB);
    /* The slot that it gave back goes to the other shape. */
    assert_non_null(ask(1, 2, 100, GIB));
    assert_int_equal(harness_integer("SELECT count(*) FROM job WHERE shape = 1"), 8);
    assert_int_equal(harness_integer("SELECT count(*) FROM job WHERE state = 'leased'"), 8);
    assert_int_equal(harness_integer("SELECT count(*) FROM job WHERE state = 'pending' AND shape"
                                     " IN (SELECT id FROM job_shape WHERE memory_bytes = 2 << 30)"),
                     9);
    /* One with room for it gets it, and knows. */
    harness_hello(2, WIRE__ROLE__ROLE_WORKER, 2);
    lease = ask(2, 1, 1, 2 * GIB);
    assert_int_equal(lease->memory_bytes, 2 * GIB);
    /* A sweep that comes later knows it too. */
    harness_submit("name: c\ngrid: {lambda: [9], k: [0.1], sigma: 0.2, batch: [50]}\n"
                   "seeds: [8]\n" GRID_TEXT);
    assert_int_equal(harness_integer("SELECT memory_bytes FROM job_shape ORDER BY id DESC LIMIT 1"),
                     2 * (int64_t)GIB);
}

static void another_build_says_what_is_so_for_itself(void **state)
{
    (void)state;
    harness_submit("name: a\ngrid: {lambda: [0]}\nseeds: 2\n" GRID_TEXT);
    harness_hello(1, WIRE__ROLE__ROLE_WORKER, 1);
    hand_back(1, ask(1, 1, 1, GIB), 2 * GIB);
    assert_null(ask(1, 2, 1, GIB));
    uint8_t instance[INSTANCE_BYTES] = {2};
    Wire__Hello hello = WIRE__HELLO__INIT;
    hello.protocol = WIRE_PROTOCOL;
    hello.role = WIRE__ROLE__ROLE_WORKER;
    hello.instance.data = instance;
    hello.instance.len = sizeof instance;
    hello.build = (char *)(uintptr_t) "leaner";
    SEND(2, HELLO, hello, &hello);
    Wire__Lease *lease = ask(2, 1, 1, GIB / 2);
    assert_non_null(lease);
    /* It runs there, in a quarter. */
    Wire__Progress progress = WIRE__PROGRESS__INIT, *list[] = {&progress};
    Wire__Heartbeat heartbeat = WIRE__HEARTBEAT__INIT;
    progress.attempt = lease->attempt;
    progress.memory_bytes = GIB / 4;
    heartbeat.running = list;
    heartbeat.n_running = 1;
    heartbeat.sequence = 2;
    SEND(2, HEARTBEAT, heartbeat, &heartbeat);
    assert_int_equal(harness_integer("SELECT memory_bytes FROM job_shape"), GIB / 4);
    harness_expect("SELECT told_by FROM job_shape", "leaner");
    assert_null(ask(2, 3, 2, GIB / 2 - 1));
    assert_non_null(ask(2, 4, 2, GIB / 2));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_one_job_needs_all_of_its_shape_need),
        TEST(another_build_says_what_is_so_for_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
