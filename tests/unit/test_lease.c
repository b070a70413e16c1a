#include "coordinator/lease.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static int64_t fake_ms;

static int64_t read_fake(void *context)
{
    (void)context;
    return fake_ms;
}

enum { LEASE = 60000, STUCK = 300000 };

static struct lease_table leases;

static int start(void **state)
{
    (void)state;
    fake_ms = 1000;
    lease_table_init(&leases, (struct clock){.now_ms = read_fake}, LEASE, STUCK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    lease_table_finish(&leases);
    return 0;
}

static struct attempt_id attempt(int64_t job, int64_t number, uint8_t who)
{
    return (struct attempt_id){.job = job, .number = number, .instance = {who}};
}

static struct lease *add(int64_t job)
{
    struct error error;
    struct lease lease = {.id = attempt(job, 1, 7)};
    assert_true(lease_add(&leases, &lease, &error));
    return lease_find(&leases, &lease.id);
}

static void beat(struct lease *lease, uint64_t counter, uint32_t phase)
{
    struct lease_progress progress = {.counter = counter, .phase = phase};
    lease_renew(&leases, lease, &progress);
}

static void only_the_holder_finds_it(void **state)
{
    (void)state;
    assert_int_equal(lease_next_due_ms(&leases), INT64_MAX);
    assert_non_null(add(5));
    struct attempt_id other_job = attempt(6, 1, 7), older = attempt(5, 0, 7),
                      newer = attempt(5, 2, 7), other = attempt(5, 1, 8);
    assert_null(lease_find(&leases, &other_job));
    assert_null(lease_find(&leases, &older));
    assert_null(lease_find(&leases, &newer));
    assert_null(lease_find(&leases, &other));
    lease_remove(&leases, 5);
    struct attempt_id same = attempt(5, 1, 7);
    assert_null(lease_find(&leases, &same));
    lease_remove(&leases, 5);
}

static void expires_at_its_deadline_and_not_before(void **state)
{
    (void)state;
    struct lease *lease = add(1);
    assert_int_equal(lease_next_due_ms(&leases), 1000 + LEASE);
    fake_ms = 1000 + LEASE - 1;
    assert_int_equal(lease_due(&leases, lease), LEASE_FINE);
    fake_ms++;
    assert_int_equal(lease_due(&leases, lease), LEASE_EXPIRED);
}

static void heartbeats_renew(void **state)
{
    (void)state;
    struct lease *lease = add(1);
    for (uint64_t i = 0; i < 20; i++) {
        fake_ms += LEASE - 1;
        assert_int_equal(lease_due(&leases, lease), LEASE_FINE);
        beat(lease, i, 1);
    }
    fake_ms += LEASE;
    assert_int_equal(lease_due(&leases, lease), LEASE_EXPIRED);
}

static void a_standing_counter_ends_it(void **state)
{
    (void)state;
    struct lease *lease = add(1);
    beat(lease, 10, 1);
    int64_t from_ms = fake_ms;
    while (fake_ms < from_ms + STUCK - 10000) {
        fake_ms += 10000;
        beat(lease, 10, 1);
        assert_int_equal(lease_due(&leases, lease), LEASE_FINE);
    }
    assert_int_equal(lease_next_due_ms(&leases), from_ms + STUCK);
    fake_ms = from_ms + STUCK;
    assert_int_equal(lease_due(&leases, lease), LEASE_STUCK);
    /* One step further and it lives on. */
    beat(lease, 11, 1);
    assert_int_equal(lease_due(&leases, lease), LEASE_FINE);
}

/* A result that waits for its delivery does not get on, and must not be taken away. */
static void delivering_is_not_standing_still(void **state)
{
    (void)state;
    struct lease *lease = add(1);
    for (int i = 0; i < 100; i++) {
        beat(lease, 10, LEASE_PHASE_DELIVERING);
        fake_ms += 10000;
        assert_int_equal(lease_due(&leases, lease), LEASE_FINE);
    }
}

static void a_stall_of_our_own_expires_nobody(void **state)
{
    (void)state;
    struct lease *first = add(1);
    fake_ms += 30000;
    struct lease *second = add(2);
    beat(second, 1, 1);
    fake_ms += 10 * (int64_t)STUCK; /* frozen */
    assert_int_equal(lease_due(&leases, first), LEASE_EXPIRED);
    lease_extend_all(&leases, 10 * (int64_t)STUCK);
    assert_int_equal(lease_due(&leases, first), LEASE_FINE);
    assert_int_equal(lease_due(&leases, second), LEASE_FINE);
    /* The stall is given back, no more: the first one's term goes on where it was. */
    fake_ms += LEASE - 30000;
    assert_int_equal(lease_due(&leases, first), LEASE_EXPIRED);
    assert_int_equal(lease_due(&leases, second), LEASE_FINE);
}

static void many_leases_are_kept_apart(void **state)
{
    (void)state;
    for (int64_t job = 1; job <= 5000; job++)
        add(job);
    for (int64_t job = 2; job <= 5000; job += 2)
        lease_remove(&leases, job);
    int64_t count = 0, sum = 0;
    struct table_cursor cursor = {0};
    for (struct lease *lease; (lease = lease_next(&leases, &cursor));) {
        count++;
        sum += lease->id.job;
    }
    assert_int_equal(count, 2500);
    assert_int_equal(sum, 2500 * 2500);
}

static size_t count_of(int64_t worker)
{
    size_t count = 0;
    for (const struct lease *lease = lease_first_of(&leases, worker); lease;
         lease = lease->next_of_worker) {
        assert_int_equal(lease->worker, worker);
        count++;
    }
    return count;
}

static void each_worker_has_a_list_of_its_own(void **state)
{
    (void)state;
    struct error error;
    for (int64_t job = 1; job <= 30; job++) {
        struct lease lease = {.id = attempt(job, 1, 7), .worker = job % 3, .sweep = job % 2};
        assert_true(lease_add(&leases, &lease, &error));
    }
    assert_int_equal(count_of(1), 10);
    lease_remove(&leases, 1);  /* the last of the list, */
    lease_remove(&leases, 28); /* the first, */
    lease_remove(&leases, 13); /* and one between */
    lease_remove(&leases, 13);
    assert_int_equal(count_of(0), 10);
    assert_int_equal(count_of(1), 7);
    assert_int_equal(lease_count(&leases, 1), 13);
    for (int64_t job = 1; job <= 30; job++)
        if (job % 3 == 2)
            lease_remove(&leases, job);
    assert_int_equal(count_of(2), 0);
    assert_int_equal(leases.by_worker.count, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(only_the_holder_finds_it),
        TEST(expires_at_its_deadline_and_not_before),
        TEST(heartbeats_renew),
        TEST(a_standing_counter_ends_it),
        TEST(delivering_is_not_standing_still),
        TEST(a_stall_of_our_own_expires_nobody),
        TEST(many_leases_are_kept_apart),
        TEST(each_worker_has_a_list_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
