/* What of a job is in its hashes. */
#include "common/hash.h"
#include "job_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* Another value of `parameter`, whatever its type. */
static void change(struct job *job, enum parameter parameter)
{
    const struct parameter_info *info = parameter_info(parameter);
    void *member = (char *)job + info->offset;
    switch (info->type) {
    case PARAMETER_REAL:
        *(double *)member = isnan(*(double *)member) ? 0.5 : *(double *)member * 0.5 + 0.125;
        break;
    case PARAMETER_COUNT_:
        ++*(int64_t *)member;
        break;
    case PARAMETER_TEXT:
        ((char *)member)[0] = ((char *)member)[0] == 'b' ? 'c' : 'b';
        break;
    case PARAMETER_CHOICE:
        *(int *)member = !*(int *)member;
        break;
    case PARAMETER_REALS:
        job->test_sigma[2] = 0.75;
        break;
    case PARAMETER_COUNTS:
        *(int64_t *)member = 2;
        job->schedule_at_count += parameter == PARAMETER_SCHEDULE_AT;
        break;
    case PARAMETER_NAMES:
        memcpy(member, "cat\ndog", sizeof "cat\ndog");
        break;
    }
}

/* A job in which `parameter` has a meaning. */
static struct job job_with(enum parameter parameter)
{
    struct job job = example();
    if (parameter == PARAMETER_BETA1 || parameter == PARAMETER_BETA2 || parameter == PARAMETER_EPS)
        job.optimizer = OPTIMIZER_ADAM;
    if (parameter == PARAMETER_CONTROL) {
        job.lambda = 0;
        job.k = NAN;
    }
    return job;
}

static void every_parameter_is_in_its_hashes_alone(void **state)
{
    (void)state;
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        enum parameter parameter = (enum parameter)i;
        struct job before = job_with(parameter), after = before;
        change(&after, parameter);
        enum parameter_part part = parameter_info(parameter)->part;
        print_message("%s\n", parameter_info(parameter)->dotted);
        assert_int_equal(same_train(&before, &after), part != PART_TRAIN);
        assert_int_equal(same_job(&before, &after), part == PART_NONE);
    }
}

static void hashes_do_not_depend_on_names_or_order(void **state)
{
    (void)state;
    struct job a = example(), b = example();
    strcpy(b.dataset, "elsewhere");
    b.test_sigma[0] = 0.7;
    b.test_sigma[1] = -0.0;
    b.test_sigma[2] = 0.4;
    assert_true(same_job(&a, &b));
    a.test_seed_count = b.test_seed_count = 2;
    a.test_seed[0] = b.test_seed[1] = 5;
    a.test_seed[1] = b.test_seed[0] = 9;
    assert_true(same_job(&a, &b));
}

static void expect_hash(const char *text, const uint8_t hash[32])
{
    uint8_t expected[32];
    hash_buffer(text, strlen(text), expected);
    assert_memory_equal(hash, expected, 32);
}

/* The canonical text, as it was before residual networks and schedules had parameters: results of
 * older versions keep their hashes. */
static void parameters_at_their_defaults_shape_no_hash(void **state)
{
    (void)state;
    const struct job job = example();
    uint8_t hash[32];
    char text[512], digest[JOB_DIGEST_LENGTH + 1] = "";
    memset(digest, 'a', JOB_DIGEST_LENGTH);
    static const char form[] = "lipsweep %s 1\ndataset.digest: %s\nloss.k: 0.1\nloss.lambda: 1\n"
                               "loss.sigma: 0.1\nmodel.name: mnist-cnn\n%strain.epochs: 5\n";
    snprintf(text, sizeof text, form, "training", digest, "");
    job_train_hash(&job, hash);
    expect_hash(text, hash);
    snprintf(text, sizeof text, form, "job", digest, "test.sigma: [0, 0.4, 0.7]\n");
    job_hash(&job, hash);
    expect_hash(text, hash);
}

static void train_and_job_hash_differ(void **state)
{
    (void)state;
    struct job job;
    uint8_t train[32], whole[32];
    job_init(&job);
    job_train_hash(&job, train);
    job_hash(&job, whole);
    assert_memory_not_equal(train, whole, 32);
}

static void parameters_without_a_meaning_do_not_matter(void **state)
{
    (void)state;
    struct job a = example(), b = example();
    a.lambda = 0;
    b.lambda = -0.0;
    b.k = 0.5;
    b.sigma = 0.3;
    assert_true(same_job(&a, &b));
    b.control = CONTROL_NOISE_AUGMENTATION;
    assert_false(same_train(&a, &b));
    a = b;
    a.k = 7;
    assert_true(same_job(&a, &b));
    a.sigma = 0.2;
    assert_false(same_train(&a, &b));
    b = a;
    b.beta1 = 0.5;
    assert_true(same_job(&a, &b));
    a.optimizer = b.optimizer = OPTIMIZER_ADAM;
    assert_false(same_train(&a, &b));
    b.beta1 = a.beta1;
    b.momentum = 0.9;
    assert_true(same_job(&a, &b));
    a.steps = b.steps = 100;
    b.epochs = 77;
    assert_true(same_job(&a, &b));
    b.nesterov = TOGGLE_TRUE; /* adam has no momentum */
    b.penalty = PENALTY_SQUARED_HINGE;
    b.grad_through = GRAD_THROUGH_PERTURBED;
    assert_true(same_job(&a, &b));
    a.control = b.control = CONTROL_NONE;
    b.bn_passes = BN_PASSES_JOINT;
    b.bn_running = BN_RUNNING_CLEAN;
    assert_true(same_job(&a, &b));
    a.control = b.control = CONTROL_NOISY_BN;
    assert_false(same_job(&a, &b));
    a.control = b.control = CONTROL_NONE;
    b.output = OUTPUT_SOFTMAX; /* the test's quotients are of it */
    assert_false(same_job(&a, &b));
}

/* Of the data set, what shapes the images is hashed; names and places are not. */
static void sizes_mean_the_same_however_they_are_given(void **state)
{
    (void)state;
    struct job a = example(), b = example();
    strcpy(a.dataset, "stl10");
    strcpy(b.dataset, "stl10");
    b.resize = 96;
    assert_true(same_train(&a, &b));
    b.resize = 32;
    assert_false(same_train(&a, &b));
    b = a;
    strcpy(b.dataset, "mine");
    strcpy(b.dataset_path, "/data/mine");
    strcpy(b.class_names, "a\nb\nc\nd\ne\nf\ng\nh\ni\nj");
    b.dataset_format = DATASET_FORMAT_STL;
    b.classes = 10;
    assert_true(same_train(&a, &b));
    b.crop_padding = 4;
    assert_false(same_train(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_parameter_is_in_its_hashes_alone),
        cmocka_unit_test(hashes_do_not_depend_on_names_or_order),
        cmocka_unit_test(parameters_at_their_defaults_shape_no_hash),
        cmocka_unit_test(train_and_job_hash_differ),
        cmocka_unit_test(parameters_without_a_meaning_do_not_matter),
        cmocka_unit_test(sizes_mean_the_same_however_they_are_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
