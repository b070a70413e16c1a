#include "client/prediction.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct dataset_facts facts = {.train_count = 1000, .test_count = 100};

static struct job make_job(double lambda, int64_t epochs, double fraction)
{
    struct job job;
    job_init(&job);
    snprintf(job.dataset, sizeof job.dataset, "mnist");
    snprintf(job.model, sizeof job.model, "mnist-cnn");
    job.lambda = lambda;
    job.k = 1;
    job.sigma = 0.1;
    job.epochs = epochs;
    job.batch = 100;
    job.fraction = fraction;
    job.test_sigma[1] = 0.1;
    job.test_sigma_count = 2;
    job_normalise(&job);
    return job;
}

static void add(struct job_kinds *kinds, double lambda, int64_t epochs, double fraction)
{
    struct job job = make_job(lambda, epochs, fraction);
    job_kinds_add(kinds, &job, &facts, false);
}

static void test_kinds(void **state)
{
    (void)state;
    struct job_kinds kinds = {0};
    add(&kinds, 1, 5, 0.255);
    add(&kinds, 0.1, 5, 1);
    add(&kinds, 0, 7, 1);
    add(&kinds, 10, 2, 0.5);
    assert_int_equal(kinds.count, 2);
    const struct job_kind *kind = &kinds.list[0];
    assert_int_equal(kind->job_count, 3);
    assert_int_equal(kind->images, 1000);
    assert_true(kind->job.fraction == 1); /* the one that takes most memory stands for them */
    assert_true(kind->step_count == 5 * 3 + 5 * 10 + 2 * 5);
    assert_true(kind->step_count_most == 50);
    assert_true(kind->evaluation_count == 3 * 200);
    assert_int_equal(kinds.list[1].job_count, 1);
    assert_true(kinds.list[1].step_count == 70);
}

static void test_kinds_without_facts(void **state)
{
    (void)state;
    struct job_kinds kinds = {0};
    struct job job = make_job(1, 5, 1);
    job_kinds_add(&kinds, &job, NULL, false);
    assert_int_equal(kinds.list[0].images, 0);
    const struct calibration calibration = {
        .known = true, .step_s = 1, .evaluation_s = 1, .cpu_class = "here"};
    struct prediction prediction;
    prediction_make(&prediction, "here", &kinds, NULL, &calibration);
    assert_int_equal(prediction.unknown_count, 1);
    assert_true(isnan(prediction_cpu_s(&prediction)));
    assert_true(isnan(prediction_wall_s(&prediction, 1)));
}

static void test_too_many_kinds(void **state)
{
    (void)state;
    struct job_kinds kinds = {0};
    for (int i = 1; i <= JOB_KINDS_MAX + 5; i++) {
        struct job job = make_job(0, 1, 1);
        job.batch = i;
        job_kinds_add(&kinds, &job, &facts, false);
    }
    assert_int_equal(kinds.count, JOB_KINDS_MAX);
    assert_int_equal(kinds.beyond_count, 5);
    static const struct calibration none[JOB_KINDS_MAX];
    struct prediction prediction;
    prediction_make(&prediction, "here", &kinds, NULL, none);
    assert_int_equal(prediction.unknown_count, JOB_KINDS_MAX + 5);
}

static void add_text(struct rows *rows, const char *text)
{
    rows_add_bytes(rows, VALUE_TEXT, text, strlen(text));
}

/* As the query "speeds" answers. */
static struct rows *make_speeds(void)
{
    static const char *const columns[] = {
        "dataset",   "resize",    "model",   "shortcut",  "bn_passes", "grad_through", "batch",
        "optimizer", "lipschitz", "control", "cpu_class", "step_s",    "evaluation_s"};
    struct rows *rows = rows_create();
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        rows_add_column(rows, columns[i]);
    for (int lipschitz = 0; lipschitz < 2; lipschitz++) {
        add_text(rows, "mnist");
        rows_add_integer(rows, 0);
        add_text(rows, "mnist-cnn");
        add_text(rows, "A");
        add_text(rows, "two");
        add_text(rows, "both");
        rows_add_integer(rows, 100);
        add_text(rows, "sgd");
        rows_add_integer(rows, lipschitz);
        add_text(rows, "none");
        add_text(rows, lipschitz ? "fast" : "slow");
        rows_add_real(rows, 0.5);
        rows_add_real(rows, 0.01);
    }
    return rows;
}

static void test_speeds(void **state)
{
    (void)state;
    struct job_kinds kinds = {0};
    struct rows *speeds = make_speeds();
    struct prediction prediction;
    static const struct calibration none[2];
    add(&kinds, 1, 5, 1);
    add(&kinds, 1, 10, 1);
    prediction_make(&prediction, "fast", &kinds, speeds, none);
    assert_int_equal(prediction.unknown_count, 0);
    assert_int_equal(prediction.measured_count, 1);
    assert_true(fabs(prediction_cpu_s(&prediction) - (150 * 0.5 + 400 * 0.01)) < 1e-9);
    /* One job takes as long as it takes, whatever the number of slots. */
    assert_true(fabs(prediction_wall_s(&prediction, 1000) - (100 * 0.5 + 200 * 0.01)) < 1e-9);
    assert_true(fabs(prediction_wall_s(&prediction, 1) - 79) < 1e-9);
    /* Another class of machine did no such job. */
    prediction_make(&prediction, "slow", &kinds, speeds, none);
    assert_int_equal(prediction.unknown_count, 2);
    rows_destroy(speeds);
}

static void test_calibration_fills_in(void **state)
{
    (void)state;
    struct job_kinds kinds = {0};
    struct rows *speeds = make_speeds();
    struct prediction prediction;
    add(&kinds, 1, 1, 1);
    add(&kinds, 0, 1, 1);
    const struct calibration here[2] = {
        {.known = true, .step_s = 100, .evaluation_s = 100, .cpu_class = "fast"},
        {.known = true, .step_s = 2, .evaluation_s = 0.1, .cpu_class = "fast"}};
    prediction_make(&prediction, "fast", &kinds, speeds, here);
    assert_int_equal(prediction.measured_count, 1);
    assert_int_equal(prediction.calibrated_count, 1);
    assert_true(fabs(prediction_cpu_s(&prediction) - (10 * 0.5 + 2 + 20 + 20)) < 1e-9);
    /* A calibration tells about its own class alone. */
    prediction_make(&prediction, "slow", &kinds, speeds, here);
    assert_int_equal(prediction.unknown_count, 1);
    rows_destroy(speeds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_kinds_without_facts),
        cmocka_unit_test(test_too_many_kinds),
        cmocka_unit_test(test_speeds),
        cmocka_unit_test(test_calibration_fills_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
