/* Every way a job can go, through the real dispatch and the real database. */
#include "coordinator_harness.h"

#define SWEEP(name, ks, seeds, sigmas, more)                                                       \
    "name: " name "\ndataset: glyphs\nmodel: mnist-cnn\n"                                          \
    "train: {epochs: 1, batch: 100, lr: 0.05}\n"                                                   \
    "grid: {k: " ks "}\nloss: {lambda: 1, sigma: 0.1}\n"                                           \
    "seeds: " seeds "\ntest: {sigma: " sigmas ", seed: 1}\n" more

#define ONE_JOB SWEEP("one", "[0.1]", "1", "[0, 0.4]", "baseline: false\n")
#define ONE_TRY SWEEP("one", "[0.1]", "1", "[0, 0.4]", "baseline: false\nrun: {max_attempts: 2}\n")

static void a_job_is_leased_done_and_recorded_once(void **state)
{
    (void)state;
    Wire__SubmitReply *reply =
        harness_submit(SWEEP("two", "[0.1, 0.2]", "2", "[0, 0.4]", "baseline: false\n"));
    assert_int_equal(reply->sweep, 1);
    assert_int_equal(reply->job_count, 4);
    assert_int_equal(reply->new_count, 4);
    assert_int_equal(reply->point_count, 2);
    Wire__Lease *lease = harness_lease(1, 1);
    assert_int_equal(lease->attempt->job, 1);
    assert_int_equal(lease->attempt->attempt, 1);
    assert_string_equal(lease->sweep, "two");
    harness_expect(STATE(1), "leased");
    assert_true(harness_result(1, lease, WIRE__OUTCOME__OUTCOME_DONE));
    harness_expect(STATE(1), "done");
    assert_int_equal(harness_integer("SELECT count(*) FROM accuracy WHERE job = 1"), 2);
    assert_int_equal(harness_integer("SELECT count(*) FROM quotient WHERE job = 1"), 1);
    assert_int_equal(harness_integer("SELECT count(*) FROM results"), 2);
    harness_expect("SELECT weights_digest FROM training", "w");

    /* The same message again changes nothing, and is acknowledged again. */
    assert_true(harness_result(1, lease, WIRE__OUTCOME__OUTCOME_DONE));
    assert_int_equal(harness_integer("SELECT count(*) FROM training"), 1);
    assert_int_equal(harness_integer("SELECT count(*) FROM event WHERE kind = 'done'"), 1);
    /* Nor can it become something else. */
    assert_false(harness_result(1, lease, WIRE__OUTCOME__OUTCOME_FAILED));
    harness_expect(STATE(1), "done");
}

static void stale_attempts_change_nothing(void **state)
{
    (void)state;
    harness_submit(ONE_JOB);
    Wire__Lease *old = harness_lease(1, 1);
    harness_tick(LEASE_MS);
    harness_expect(STATE(1), "pending");
    Wire__Lease *fresh = harness_lease(2, 1);
    assert_int_equal(fresh->attempt->attempt, 2);

    assert_false(harness_result(1, old, WIRE__OUTCOME__OUTCOME_DONE));
    assert_false(harness_result(1, old, WIRE__OUTCOME__OUTCOME_FAILED));
    harness_expect(STATE(1), "leased");
    /* Nor with the number guessed but another's instance. */
    Wire__AttemptId forged = *fresh->attempt;
    forged.instance = old->attempt->instance;
    Wire__Lease forgery = *fresh;
    forgery.attempt = &forged;
    assert_false(harness_result(1, &forgery, WIRE__OUTCOME__OUTCOME_DONE));
    Wire__EpochReport report = WIRE__EPOCH_REPORT__INIT;
    Wire__EpochMetric metric = WIRE__EPOCH_METRIC__INIT;
    metric.epoch = 1;
    report.attempt = old->attempt;
    report.metric = &metric;
    SEND(1, EPOCH_REPORT, epoch_report, &report);
    assert_non_null(TAKE(1, ATTEMPT_OVER));
    Wire__Release release = WIRE__RELEASE__INIT;
    release.attempt = old->attempt;
    release.outcome = WIRE__OUTCOME__OUTCOME_PREEMPTED;
    SEND(1, RELEASE, release, &release);
    assert_int_equal(harness_integer("SELECT count(*) FROM epoch_metric"), 0);
    harness_expect(OUTCOMES(1), "lost running");
    harness_expect(STATE(1), "leased");
    assert_true(harness_result(2, fresh, WIRE__OUTCOME__OUTCOME_DONE));
}

static void a_late_result_is_taken_while_nobody_else_has_the_job(void **state)
{
    (void)state;
    harness_submit(ONE_JOB);
    Wire__Lease *lease = harness_lease(1, 1);
    harness_tick(LEASE_MS);
    assert_int_equal(harness_integer("SELECT counted_attempts FROM job"), 1);
    assert_true(harness_result(1, lease, WIRE__OUTCOME__OUTCOME_DONE));
    harness_expect(STATE(1), "done");
    harness_expect(OUTCOMES(1), "done");
    assert_int_equal(harness_integer("SELECT late FROM attempt"), 1);
    assert_int_equal(harness_integer("SELECT counted_attempts FROM job"), 0);
}

static void a_late_divergence_is_taken(void **state)
{
    (void)state;
    harness_submit(ONE_JOB);
    Wire__Lease *lease = harness_lease(1, 1);
    harness_tick(LEASE_MS);
    assert_true(harness_result(1, lease, WIRE__OUTCOME__OUTCOME_DIVERGED));
    harness_expect(STATE(1), "diverged");
}

static void a_late_failure_replaces_the_reason_and_counts_once(void **state)
{
    (void)state;
    harness_submit(ONE_JOB);
    Wire__Lease *lease = harness_lease(1, 1);
    harness_tick(LEASE_MS);
    assert_true(harness_result(1, lease, WIRE__OUTCOME__OUTCOME_FAILED));
    harness_expect(STATE(1), "pending");
    harness_expect(OUTCOMES(1), "lost");
    harness_expect("SELECT reason FROM attempt", "why");
    assert_int_equal(harness_integer("SELECT counted_attempts FROM job"), 1);
}

static void attempts_run_out(void **state)
{
    (void)state;
    harness_submit(ONE_TRY);
    Wire__Lease *lease = harness_lease(1, 1);
    assert_true(harness_result(1, lease, WIRE__OUTCOME__OUTCOME_FAILED));
    harness_expect(STATE(1), "pending");
    lease = harness_lease(2, 1);
    harness_tick(LEASE_MS);
    harness_expect(STATE(1), "failed");
    harness_expect("SELECT reason FROM job",
                   "attempt 1 failed: why\nattempt 2 lost: nothing was heard of it for 60 s");
    /* A terminal state is never left, not by a late result either. */
    assert_false(harness_result(2, lease, WIRE__OUTCOME__OUTCOME_DONE));
    harness_expect(STATE(1), "failed");
    assert_null(harness_lease(3, 1));
}

static void preempted_and_refused_are_not_counted(void **state)
{
    (void)state;
    harness_submit(ONE_TRY);
    for (uint64_t i = 1; i <= 5; i++) {
        Wire__Release release = WIRE__RELEASE__INIT;
        release.attempt = harness_lease(1, i)->attempt;
        release.outcome = WIRE__OUTCOME__OUTCOME_PREEMPTED;
        SEND(1, RELEASE, release, &release);
        assert_non_null(TAKE(1, RELEASE_ACK));
    }
    assert_int_equal(harness_integer("SELECT counted_attempts FROM job"), 0);
    Wire__Release refusal = WIRE__RELEASE__INIT;
    refusal.attempt = harness_lease(1, 6)->attempt;
    refusal.outcome = WIRE__OUTCOME__OUTCOME_REFUSED;
    refusal.reason = (char *)(uintptr_t) "too large";
    SEND(1, RELEASE, release, &refusal);
    /* Not offered to that worker again, but to another. */
    assert_null(harness_lease(1, 7));
    assert_int_equal(harness_lease(2, 1)->attempt->attempt, 7);
    assert_int_equal(harness_integer("SELECT counted_attempts FROM job"), 0);
}

static void divergence_is_not_tried_again(void **state)
{
    (void)state;
    harness_submit(ONE_JOB);
    assert_true(harness_result(1, harness_lease(1, 1), WIRE__OUTCOME__OUTCOME_DIVERGED));
    harness_expect(STATE(1), "diverged");
    harness_expect("SELECT reason FROM job", "why");
    assert_null(harness_lease(1, 2));
}

static void results_that_cannot_be_are_failures(void **state)
{
    (void)state;
    harness_submit(ONE_JOB);
    struct made_result made;
    for (int i = 0; i < 4; i++) {
        harness_make_result(&made, harness_lease(1, (uint64_t)i + 1), WIRE__OUTCOME__OUTCOME_DONE);
        if (i == 0)
            made.result.n_accuracies--;
        if (i == 1)
            made.result.dataset_digest = (char *)(uintptr_t) "other";
        if (i == 2)
            made.train_hash[0] ^= 1;
        if (i == 3)
            made.accuracies[0].brier = 0.0 / 0.0;
        SEND(1, RESULT, result, &made.result);
        assert_non_null(strstr(TAKE(1, RESULT_ACK)->result_ack->reason, "not believed"));
    }
    harness_expect(OUTCOMES(1), "failed failed failed failed");
    assert_int_equal(harness_integer("SELECT count(*) FROM accuracy"), 0);
    assert_int_equal(harness_integer("SELECT count(*) FROM training"), 0);
}

static Wire__Envelope *control(Wire__Control__Verb verb, const char *sweep, int64_t job)
{
    Wire__Control message = WIRE__CONTROL__INIT;
    message.verb = verb;
    message.sweep = (char *)(uintptr_t)sweep;
    message.job = job;
    SEND(200, CONTROL, control, &message);
    Wire__Envelope *reply = TAKE(200, CONTROL_REPLY);
    return reply ? reply : TAKE(200, REFUSED);
}

static void cancelling_stops_what_runs(void **state)
{
    (void)state;
    harness_submit(SWEEP("two", "[0.1, 0.2]", "1", "[0]", "baseline: false\n"));
    Wire__Lease *lease = harness_lease(1, 1);
    Wire__Envelope *reply = control(WIRE__CONTROL__VERB__CANCEL, "two", 0);
    assert_int_equal(reply->control_reply->changed_count, 2);
    assert_int_equal(TAKE(1, ATTEMPT_OVER)->attempt_over->attempt->job, 1);
    harness_expect(STATE(1), "cancelled");
    harness_expect(STATE(2), "cancelled");
    harness_expect(OUTCOMES(1), "cancelled");
    assert_false(harness_result(1, lease, WIRE__OUTCOME__OUTCOME_DONE));
    harness_expect(STATE(1), "cancelled");
    assert_int_equal(harness.dispatch.leases.by_job.count, 0);
    reply = control(WIRE__CONTROL__VERB__CANCEL, "", 1);
    assert_int_equal(reply->refused->code, WIRE__REFUSED__CODE__STATE);
    reply = control(WIRE__CONTROL__VERB__CANCEL, "three", 0);
    assert_int_equal(reply->refused->code, WIRE__REFUSED__CODE__NOT_FOUND);
}

static void retrying_makes_a_new_row(void **state)
{
    (void)state;
    harness_submit(SWEEP("one", "[0.1]", "1", "[0]", "baseline: false\nrun: {max_attempts: 1}\n"));
    assert_true(harness_result(1, harness_lease(1, 1), WIRE__OUTCOME__OUTCOME_FAILED));
    harness_expect(STATE(1), "failed");
    assert_int_equal(control(WIRE__CONTROL__VERB__RETRY, "last", 0)->control_reply->changed_count,
                     1);
    harness_expect(STATE(1), "failed");
    assert_int_equal(harness_integer("SELECT superseded_by FROM job WHERE id = 1"), 2);
    Wire__Lease *lease = harness_lease(1, 2);
    assert_int_equal(lease->attempt->job, 2);
    assert_int_equal(lease->attempt->attempt, 1);
    assert_true(harness_result(1, lease, WIRE__OUTCOME__OUTCOME_DONE));
    assert_int_equal(control(WIRE__CONTROL__VERB__RETRY, "", 1)->refused->code,
                     WIRE__REFUSED__CODE__STATE);
}

static void the_same_text_again_changes_nothing(void **state)
{
    (void)state;
    harness_submit(ONE_JOB);
    assert_true(harness_result(1, harness_lease(1, 1), WIRE__OUTCOME__OUTCOME_DONE));
    Wire__SubmitReply *reply = harness_submit(ONE_JOB);
    assert_int_equal(reply->finished_count, 1);
    assert_int_equal(reply->new_count + reply->withdrawn_count + reply->superseded_count, 0);
    assert_int_equal(harness_integer("SELECT count(*) FROM sweep_text"), 1);
    assert_int_equal(harness_integer("SELECT count(*) FROM job"), 1);
}

#define WITH_K(ks) SWEEP("grow", ks, "1", "[0]", "baseline: false\n")

static void a_changed_grid_extends_and_withdraws(void **state)
{
    (void)state;
    harness_submit(WITH_K("[0.1, 0.2, 0.3]"));
    Wire__Lease *lease = harness_lease(1, 1);
    assert_true(harness_result(1, lease, WIRE__OUTCOME__OUTCOME_DONE)); /* 0.1 */
    lease = harness_lease(1, 2);                                        /* 0.2 */
    Wire__Envelope *plan = harness_ask_submit(200, WITH_K("[0.4]"), false, true);
    assert_int_equal(plan->submit_reply->new_count, 1);
    assert_int_equal(plan->submit_reply->withdrawn_count, 3);
    assert_int_equal(harness_integer("SELECT count(*) FROM job"), 3);

    Wire__SubmitReply *reply = harness_submit(WITH_K("[0.4]"));
    assert_int_equal(reply->new_count, 1);
    assert_int_equal(reply->withdrawn_count, 3);
    harness_expect(
        "SELECT group_concat(state || withdrawn, ' ') FROM (SELECT * FROM job ORDER BY id)",
        "done1 leased1 cancelled1 pending0");
    /* The leased one finishes. */
    assert_true(harness_result(1, lease, WIRE__OUTCOME__OUTCOME_DONE));
    harness_expect(STATE(2), "done");

    /* Asked for again: finished ones lose the mark, the cancelled one gets a new row. */
    reply = harness_submit(WITH_K("[0.1, 0.2, 0.3, 0.4]"));
    assert_int_equal(reply->finished_count, 2);
    assert_int_equal(reply->new_count, 1);
    assert_int_equal(reply->running_count, 1);
    assert_int_equal(reply->withdrawn_count, 0);
    harness_expect(
        "SELECT group_concat(state || withdrawn, ' ') FROM (SELECT * FROM job ORDER BY id)",
        "done0 done0 cancelled1 pending0 pending0");
    assert_int_equal(harness_integer("SELECT superseded_by FROM job WHERE id = 3"), 5);
    assert_int_equal(harness_integer("SELECT count(*) FROM current_job"), 4);
    assert_int_equal(harness_integer("SELECT count(DISTINCT point) FROM current_job"), 4);
}

static void a_withdrawn_job_that_is_lost_does_not_come_back(void **state)
{
    (void)state;
    harness_submit(WITH_K("[0.1]"));
    assert_non_null(harness_lease(1, 1));
    harness_submit(WITH_K("[0.2]"));
    harness_tick(LEASE_MS);
    harness_expect(STATE(1), "cancelled");
}

static void another_training_needs_a_yes(void **state)
{
    (void)state;
    harness_submit(ONE_JOB);
    const char *other = "name: one\ndataset: glyphs\nmodel: mnist-cnn\n"
                        "train: {epochs: 2, batch: 100, lr: 0.05}\ngrid: {k: [0.1]}\n"
                        "loss: {lambda: 1, sigma: 0.1}\nseeds: 1\nbaseline: false\n"
                        "test: {sigma: [0, 0.4], seed: 1}\n";
    Wire__Envelope *reply = harness_ask_submit(200, other, false, false);
    assert_int_equal(reply->refused->code, WIRE__REFUSED__CODE__NEEDS_CONFIRMATION);
    assert_non_null(strstr(reply->refused->reason, "train.epochs"));
    assert_int_equal(harness_integer("SELECT count(*) FROM sweep_text"), 1);
    reply = harness_ask_submit(200, other, false, true);
    assert_true(reply->submit_reply->every_training_new);
    reply = harness_ask_submit(200, other, true, false);
    assert_int_equal(reply->submit_reply->new_count, 1);
    assert_int_equal(reply->submit_reply->withdrawn_count, 1);
}

static void another_test_supersedes(void **state)
{
    (void)state;
    harness_submit(ONE_JOB);
    assert_true(harness_result(1, harness_lease(1, 1), WIRE__OUTCOME__OUTCOME_DONE));
    Wire__SubmitReply *reply =
        harness_submit(SWEEP("one", "[0.1]", "1", "[0, 0.7]", "baseline: false\n"));
    assert_int_equal(reply->superseded_count, 1);
    assert_int_equal(reply->new_count, 1);
    assert_int_equal(reply->withdrawn_count, 0);
    assert_int_equal(harness_integer("SELECT superseded_by FROM job WHERE id = 1"), 2);
    /* Changed back: the measurements are there already. */
    reply = harness_submit(ONE_JOB);
    assert_int_equal(reply->reused_count, 1);
    assert_int_equal(harness_integer("SELECT result_of FROM job WHERE id = 3"), 1);
    assert_int_equal(harness_integer("SELECT count(*) FROM results"), 2);
}

static void a_test_that_changes_stops_the_old_one(void **state)
{
    (void)state;
    harness_submit(ONE_JOB);
    assert_non_null(harness_lease(1, 1));
    harness_submit(SWEEP("one", "[0.1]", "1", "[0, 0.7]", "baseline: false\n"));
    assert_non_null(TAKE(1, ATTEMPT_OVER));
    harness_expect(STATE(1), "cancelled");
    harness_expect(STATE(2), "pending");
}

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* As if the weights of the trainings so far had been kept. */
static void keep_weights(void)
{
    GOOD(store_begin(&harness.store, &error));
    GOOD(db_execute(harness.store.db, "UPDATE training SET weights_digest = '" DIGEST "'", &error));
    GOOD(db_execute(harness.store.db,
                    "INSERT INTO weights VALUES ('" DIGEST "', 1000, 'kept', 1, 1)", &error));
    GOOD(store_commit(&harness.store, &error));
}

/* What a worker says that tested the weights which the lease named. */
static bool evaluated(uint8_t worker, const Wire__Lease *lease, const char *digest)
{
    struct made_result made;
    harness_make_result(&made, lease, WIRE__OUTCOME__OUTCOME_DONE);
    made.result.evaluated_only = true;
    made.result.n_epochs = 0;
    made.result.weights_digest = (char *)(uintptr_t)digest;
    SEND(worker, RESULT, result, &made.result);
    return TAKE(worker, RESULT_ACK)->result_ack->accepted;
}

#define OTHER_TEST(name, more) SWEEP(name, "[0.1]", "1", "[0, 0.7]", "baseline: false\n" more)

static void another_test_shares_the_training(void **state)
{
    (void)state;
    harness_submit(ONE_JOB);
    assert_true(harness_result(1, harness_lease(1, 1), WIRE__OUTCOME__OUTCOME_DONE));
    keep_weights();
    assert_int_equal(harness_submit(OTHER_TEST("one", ""))->evaluated_count, 1);
    Wire__Lease *lease = harness_lease(1, 2);
    assert_int_equal(lease->weights_digest.len, HASH_BYTES);
    assert_int_equal(lease->weights_digest.data[1], 0x23);
    assert_true(evaluated(1, lease, DIGEST));
    harness_expect(STATE(2), "done");
    assert_int_equal(harness_integer("SELECT count(*) FROM training"), 1);
    assert_int_equal(harness_integer("SELECT training FROM job WHERE id = 2"), 1);
    assert_int_equal(harness_integer("SELECT count(*) FROM metrics WHERE job = 2"), 1);
    harness_expect("SELECT group_concat(text, ', ') FROM event WHERE job = 2 AND text IS NOT NULL",
                   "evaluation only, evaluated only");
    /* So does a sweep of another name, but not one that asks for its own. */
    assert_int_equal(harness_submit(OTHER_TEST("two", "run: {reuse: false}\n"))->evaluated_count,
                     0);
    assert_int_equal(harness_lease(1, 3)->weights_digest.len, 0);
}

static void an_evaluation_that_is_lost_is_nobodys(void **state)
{
    (void)state;
    harness_submit(ONE_JOB);
    assert_true(harness_result(1, harness_lease(1, 1), WIRE__OUTCOME__OUTCOME_DONE));
    keep_weights();
    harness_submit(OTHER_TEST("one", ""));
    Wire__Lease *first = harness_lease(1, 2);
    assert_int_equal(harness_integer("SELECT training FROM job WHERE id = 2"), 1);
    harness_tick(LEASE_MS);
    assert_int_equal(harness_integer("SELECT training IS NULL FROM job WHERE id = 2"), 1);
    /* It comes after all, and counts. */
    assert_true(evaluated(1, first, DIGEST));
    harness_expect(STATE(2), "done");
    assert_int_equal(harness_integer("SELECT training FROM job WHERE id = 2"), 1);
}

static void an_evaluation_of_other_weights_is_not_believed(void **state)
{
    (void)state;
    harness_submit(ONE_JOB);
    assert_true(harness_result(1, harness_lease(1, 1), WIRE__OUTCOME__OUTCOME_DONE));
    keep_weights();
    harness_submit(OTHER_TEST("one", ""));
    assert_true(evaluated(1, harness_lease(1, 2), "f" DIGEST));
    harness_expect(STATE(2), "pending");
    harness_expect(OUTCOMES(2), "failed");
    /* A worker that could not get them trained: it says so, and that is a training more. */
    assert_true(harness_result(1, harness_lease(1, 3), WIRE__OUTCOME__OUTCOME_DONE));
    assert_int_equal(harness_integer("SELECT count(*) FROM training"), 2);
    assert_int_equal(harness_integer("SELECT training FROM job WHERE id = 2"), 2);
}

static void finished_jobs_are_shared_between_sweeps(void **state)
{
    (void)state;
    harness_submit(SWEEP("a", "[0.1]", "1", "[0]", "baseline: false\n"));
    harness_submit(SWEEP("early", "[0.1]", "1", "[0]", "baseline: false\n"));
    harness_submit(SWEEP("own", "[0.1]", "1", "[0]", "baseline: false\nrun: {reuse: false}\n"));
    assert_true(harness_result(1, harness_lease(1, 1), WIRE__OUTCOME__OUTCOME_DONE));
    harness_expect(STATE(2), "done"); /* waited for the same thing */
    assert_int_equal(harness_integer("SELECT result_of FROM job WHERE id = 2"), 1);
    harness_expect(STATE(3), "pending");
    Wire__SubmitReply *reply =
        harness_submit(SWEEP("late", "[0.1, 0.2]", "1", "[0]", "baseline: false\n"));
    assert_int_equal(reply->reused_count, 1);
    assert_int_equal(reply->new_count, 1);
    assert_int_equal(harness_integer("SELECT count(*) FROM results WHERE sweep = 'late'"), 1);
}

/* Worker 1 fails the next job, worker 2 finishes it. */
static void fails_here_passes_there(uint64_t sequence)
{
    Wire__Lease *lease = harness_lease(1, sequence);
    int64_t job = lease->attempt->job;
    assert_true(harness_result(1, lease, WIRE__OUTCOME__OUTCOME_FAILED));
    lease = harness_lease(2, sequence);
    assert_int_equal(lease->attempt->job, job);
    assert_true(harness_result(2, lease, WIRE__OUTCOME__OUTCOME_DONE));
}

static void a_worker_that_fails_what_others_finish_is_quarantined(void **state)
{
    (void)state;
    harness_submit(
        SWEEP("q", "[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]", "1", "[0]", "baseline: false\n"));
    fails_here_passes_there(1);
    fails_here_passes_there(2);
    /* One that it finishes speaks for it. */
    harness.now_ms += 1000;
    usleep(2000); /* times in the store are those of the day */
    assert_true(harness_result(1, harness_lease(1, 3), WIRE__OUTCOME__OUTCOME_DONE));
    usleep(2000);
    fails_here_passes_there(4);
    fails_here_passes_there(5);
    harness_expect("SELECT drained FROM worker ORDER BY id LIMIT 1", "no");
    fails_here_passes_there(6);
    harness_expect("SELECT drained FROM worker ORDER BY id LIMIT 1", "quarantined");
    harness_expect("SELECT text FROM event WHERE kind = 'quarantined'",
                   "j4,j5,j6 failed here one after the other and passed elsewhere");
    assert_null(harness_lease(1, 7));
    Wire__Control message = WIRE__CONTROL__INIT;
    message.verb = WIRE__CONTROL__VERB__DRAIN;
    message.worker = 1;
    message.undo = true;
    SEND(200, CONTROL, control, &message);
    assert_non_null(TAKE(200, CONTROL_REPLY));
    assert_non_null(harness_lease(1, 8));
}

static void baselines_have_no_k_and_sigma(void **state)
{
    (void)state;
    harness_submit(SWEEP("base", "[0.1]", "1", "[0]", "baseline: true\n"));
    assert_int_equal(harness_integer("SELECT count(*) FROM job WHERE id = 1 AND lambda = 0"
                                     " AND k IS NULL AND sigma IS NULL AND control = 'none'"),
                     1);
    assert_int_equal(harness_integer("SELECT count(*) FROM axis_value WHERE number = 0.1"), 1);
}

static void bad_files_are_told_in_full_and_leave_nothing(void **state)
{
    (void)state;
    harness_hello(200, WIRE__ROLE__ROLE_CLIENT, 200);
    Wire__Envelope *reply = harness_ask_submit(200, "name: x\nlamda: 1\nfoo: 2\n", false, false);
    assert_int_equal(reply->refused->code, WIRE__REFUSED__CODE__INVALID);
    assert_non_null(strstr(reply->refused->reason, "t.yaml:2:1: error:"));
    assert_non_null(strstr(reply->refused->reason, "t.yaml:3:1: error:"));
    assert_int_equal(harness_integer("SELECT count(*) FROM sweep"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_job_is_leased_done_and_recorded_once),
        TEST(stale_attempts_change_nothing),
        TEST(a_late_result_is_taken_while_nobody_else_has_the_job),
        TEST(a_late_divergence_is_taken),
        TEST(a_late_failure_replaces_the_reason_and_counts_once),
        TEST(attempts_run_out),
        TEST(preempted_and_refused_are_not_counted),
        TEST(divergence_is_not_tried_again),
        TEST(results_that_cannot_be_are_failures),
        TEST(cancelling_stops_what_runs),
        TEST(retrying_makes_a_new_row),
        TEST(the_same_text_again_changes_nothing),
        TEST(a_changed_grid_extends_and_withdraws),
        TEST(a_withdrawn_job_that_is_lost_does_not_come_back),
        TEST(another_training_needs_a_yes),
        TEST(another_test_supersedes),
        TEST(a_test_that_changes_stops_the_old_one),
        TEST(another_test_shares_the_training),
        TEST(an_evaluation_that_is_lost_is_nobodys),
        TEST(an_evaluation_of_other_weights_is_not_believed),
        TEST(finished_jobs_are_shared_between_sweeps),
        TEST(a_worker_that_fails_what_others_finish_is_quarantined),
        TEST(baselines_have_no_k_and_sigma),
        TEST(bad_files_are_told_in_full_and_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
