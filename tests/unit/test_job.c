#include "job_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void names_lead_to_parameters(void **state)
{
    (void)state;
    assert_int_equal(parameter_find("lambda"), PARAMETER_LAMBDA);
    assert_int_equal(parameter_find("loss.lambda"), PARAMETER_LAMBDA);
    assert_int_equal(parameter_find("seed"), PARAMETER_SEED);
    assert_int_equal(parameter_find("momentum"), PARAMETER_COUNT);
    assert_int_equal(parameter_find(""), PARAMETER_COUNT);
    assert_string_equal(parameter_name(PARAMETER_MOMENTUM), "train.momentum");
    assert_string_equal(parameter_name(PARAMETER_K), "k");
    assert_int_equal(parameter_choice_find(PARAMETER_OPTIMIZER, "adam"), OPTIMIZER_ADAM);
    assert_int_equal(parameter_choice_find(PARAMETER_OPTIMIZER, "Adam"), -1);
    assert_string_equal(parameter_choice_name(PARAMETER_CONTROL, CONTROL_NOISE_AUGMENTATION),
                        "noise-augmentation");
}

static void numbers_are_checked(void **state)
{
    (void)state;
    const struct {
        enum parameter parameter;
        double value;
        const char *message; /* NULL: fine */
    } cases[] = {
        {PARAMETER_LAMBDA, 0, NULL},
        {PARAMETER_LAMBDA, -0.5, "lambda must be at least 0, not -0.5"},
        {PARAMETER_LAMBDA, 1e7, "lambda must be at most 1000000, not 10000000"},
        {PARAMETER_LAMBDA, NAN, "lambda must be a finite number, not nan"},
        {PARAMETER_K, -1, "k must be at least 0, not -1"},
        {PARAMETER_K, INFINITY, "k must be a finite number, not inf"},
        {PARAMETER_SIGMA, 0, NULL},
        {PARAMETER_SIGMA, 1e-4, NULL},
        {PARAMETER_SIGMA, -0.1, "sigma must be at least 0, not -0.1"},
        {PARAMETER_SIGMA, 1e-5,
         "sigma must be 0 or at least 0.0001, not 1e-5: the quotient's float32 error grows as "
         "1/sigma"},
        {PARAMETER_TEST_SIGMA, 9e-5,
         "test.sigma must be 0 or at least 0.0001, not 9e-5: the quotient's float32 error grows "
         "as 1/sigma"},
        {PARAMETER_FRACTION, 1, NULL},
        {PARAMETER_FRACTION, 0, "fraction must be greater than 0, not 0"},
        {PARAMETER_FRACTION, 1.01, "fraction must be at most 1, not 1.01"},
        {PARAMETER_BATCH, 0, "batch must be at least 1, not 0"},
        {PARAMETER_BATCH, 1.5, "batch must be a whole number, not 1.5"},
        {PARAMETER_LR, 0, "lr must be greater than 0, not 0"},
        {PARAMETER_MOMENTUM, 1, "train.momentum must be less than 1, not 1"},
        {PARAMETER_SEED, 9007199254740991.0, NULL},
        {PARAMETER_SEED, -1, "seed must be at least 0, not -1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error = {0};
        bool good = parameter_check_number(cases[i].parameter, cases[i].value, &error);
        assert_int_equal(good, cases[i].message == NULL);
        assert_string_equal(error.message, cases[i].message ? cases[i].message : "");
    }
}

static void refuses(struct job job, enum parameter blamed, const char *message)
{
    struct error error = {0};
    enum parameter culprit = PARAMETER_COUNT;
    job_normalise(&job);
    assert_false(job_check(&job, &culprit, &error));
    assert_string_equal(error.message, message);
    assert_int_equal(culprit, blamed);
    assert_int_equal(error.code, ERROR_INVALID);
}

static void rules_between_parameters_are_checked(void **state)
{
    (void)state;
    struct job job = example();
    assert_true(job_check(&job, NULL, NULL));
    job.sigma = 0;
    refuses(job, PARAMETER_SIGMA, "sigma must be greater than 0 where lambda is");
    job.sigma = NAN;
    refuses(job, PARAMETER_SIGMA, "sigma must be greater than 0 where lambda is");
    job = example();
    job.k = NAN;
    refuses(job, PARAMETER_K, "k is needed where lambda is greater than 0");
    job.control = CONTROL_NOISE_AUGMENTATION;
    refuses(job, PARAMETER_CONTROL, "control noise-augmentation needs lambda 0, not 1");
    job.lambda = 0;
    assert_true(job_check(&job, NULL, NULL));
    job.sigma = 0;
    refuses(job, PARAMETER_SIGMA, "sigma must be greater than 0 with noise-augmentation");
    job = example();
    job.control = CONTROL_NOISY_BN;
    job.lambda = 0;
    refuses(job, PARAMETER_CONTROL,
            "control noisy-bn needs a network with batch normalisation, not mnist-cnn");
    strcpy(job.model, "preresnet20");
    assert_true(job_check(&job, NULL, NULL));
    job.bn_running = BN_RUNNING_CLEAN;
    refuses(job, PARAMETER_CONTROL, "control noisy-bn needs model.bn_running both, not clean");
    job = example();
    job.nesterov = TOGGLE_TRUE;
    refuses(job, PARAMETER_NESTEROV, "train.nesterov needs a momentum greater than 0");
    job.momentum = 0.9;
    job.schedule = SCHEDULE_STEPS;
    refuses(job, PARAMETER_SCHEDULE, "the schedule steps needs train.schedule.at");
    job.schedule_at_count = 2;
    job.schedule_at[0] = 225;
    job.schedule_at[1] = 150;
    job_normalise(&job);
    assert_true(job.schedule_at[0] == 150 && job_check(&job, NULL, NULL));
    job.schedule_at[1] = 150;
    refuses(job, PARAMETER_SCHEDULE_AT, "train.schedule.at has the value 150 twice");
    job.schedule = SCHEDULE_COSINE;
    refuses(job, PARAMETER_SCHEDULE_AT, "train.schedule.at has the value 150 twice");
    job.schedule_at_count = 1;
    refuses(job, PARAMETER_SCHEDULE_AT, "train.schedule.at needs the schedule steps");
    job = example();
    job.epochs = 0;
    refuses(job, PARAMETER_EPOCHS, "train.epochs or train.steps is needed");
}

static void lists_names_and_digests_are_checked(void **state)
{
    (void)state;
    struct job job = example();
    job.test_sigma[1] = 0.7;
    refuses(job, PARAMETER_TEST_SIGMA, "test.sigma has the value 0.7 twice");
    job.test_sigma_count = 0;
    refuses(job, PARAMETER_TEST_SIGMA, "test.sigma takes 1 to 64 values");
    job = example();
    job.test_seed_count = 2;
    job.test_seed[1] = 1;
    refuses(job, PARAMETER_TEST_SEED, "test.seed has the value 1 twice");
    job = example();
    strcpy(job.dataset, "../mnist");
    refuses(job, PARAMETER_DATASET,
            "dataset.name may hold letters, digits, '.', '_' and '-' only, and starts with a "
            "letter, a digit or '_'");
    strcpy(job.dataset, "");
    refuses(job, PARAMETER_DATASET, "dataset.name is missing");
    job = example();
    job.dataset_digest[3] = 'A';
    refuses(job, PARAMETER_DATASET_DIGEST,
            "dataset.digest must be 64 lower-case hexadecimal digits");
}

static void a_path_gives_the_name(void **state)
{
    (void)state;
    const struct {
        const char *path, *name;
    } names[] = {{"/data/mine", "mine"}, {"mine", "mine"}, {"/data/my set//", "my_set"},
                 {"../-x.y", "_x.y"},    {"/", ""},        {"", ""}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct job job;
        job_init(&job);
        snprintf(job.dataset_path, sizeof job.dataset_path, "%s", names[i].path);
        job_name_dataset(&job);
        assert_string_equal(job.dataset, names[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lead_to_parameters),
        cmocka_unit_test(numbers_are_checked),
        cmocka_unit_test(rules_between_parameters_are_checked),
        cmocka_unit_test(lists_names_and_digests_are_checked),
        cmocka_unit_test(a_path_gives_the_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
