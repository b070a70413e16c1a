/* Sweeps that add seeds by Stein's rule, run through the real dispatch and the real database with
 * made-up accuracies. */
#ifndef LIPSWEEP_TESTS_ADAPTIVE_FIXTURE_H
#define LIPSWEEP_TESTS_ADAPTIVE_FIXTURE_H

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

static inline void make(struct made_result *made, const Wire__Lease *lease, double accuracy,
                        Wire__Outcome outcome)
{
    harness_make_result(made, lease, outcome);
    Wire__Accuracy *noisy = &made->accuracies[made->result.n_accuracies - 1];
    noisy->image_count = 10000;
    noisy->correct_count = (uint64_t)llround(accuracy * 10000);
    noisy->accuracy = (double)noisy->correct_count / 10000;
}

static inline bool deliver(uint8_t worker, const Wire__Lease *lease, double accuracy,
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
static inline double accuracy_of(const struct job *job)
{
    static const double values[] = {0.91, 0.89, 0.90, 0.92, 0.88};
    return job->k < 0.15 ? 0.95 : values[(job->seed - 1) % 5];
}

static uint8_t next_worker;

/* The next job there is, or NULL. */
static inline Wire__Lease *take(struct job *job)
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
static inline int work(int most)
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

static inline void fail_one(Wire__Outcome outcome)
{
    struct job job;
    Wire__Lease *lease = take(&job);
    assert_non_null(lease);
    assert_true(deliver(next_worker, lease, 0.9, outcome));
}

static inline void control(Wire__Control__Verb verb, bool diverged_too)
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

#endif
