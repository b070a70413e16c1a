/* A job as text, and back. */
#include "job_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void text_is_sorted_and_whole(void **state)
{
    (void)state;
    struct job job = example();
    char text[JOB_TEXT_MAX];
    job.dataset_digest[0] = '\0';
    assert_true(job_text(&job, text, NULL));
    assert_string_equal(text, "dataset.augment.crop_padding: 0\n"
                              "dataset.augment.flip: false\n"
                              "dataset.class_names: []\n"
                              "dataset.classes: 0\n"
                              "dataset.digest: \"\"\n"
                              "dataset.format: none\n"
                              "dataset.fraction: 1\n"
                              "dataset.name: mnist\n"
                              "dataset.path: \"\"\n"
                              "dataset.resize: 0\n"
                              "dataset.train_count: 0\n"
                              "dataset.validation_count: 0\n"
                              "loss.control: none\n"
                              "loss.grad_through: both\n"
                              "loss.k: 0.1\n"
                              "loss.lambda: 1\n"
                              "loss.output: logits\n"
                              "loss.penalty: hinge\n"
                              "loss.sigma: 0.1\n"
                              "model.bn_passes: two\n"
                              "model.bn_running: both\n"
                              "model.exact: false\n"
                              "model.init: \"\"\n"
                              "model.init_digest: \"\"\n"
                              "model.name: mnist-cnn\n"
                              "model.shortcut: A\n"
                              "seed: 1\n"
                              "test.seed: [1]\n"
                              "test.sigma: [0, 0.4, 0.7]\n"
                              "train.batch: 100\n"
                              "train.beta1: 0.9\n"
                              "train.beta2: 0.999\n"
                              "train.decay_norms: true\n"
                              "train.epochs: 5\n"
                              "train.eps: 1e-8\n"
                              "train.lr: 0.05\n"
                              "train.momentum: 0\n"
                              "train.nesterov: false\n"
                              "train.optimizer: sgd\n"
                              "train.schedule.at: []\n"
                              "train.schedule.factor: 0.1\n"
                              "train.schedule.kind: constant\n"
                              "train.schedule.warmup_epochs: 0\n"
                              "train.steps: 0\n"
                              "train.weight_decay: 0\n");
}

static bool parse(const char *text, struct job *job, struct error *error)
{
    return job_parse(text, strlen(text), job, error);
}

/* Everything that a path and class names may hold, as long as they may be. */
static void describe_own_data(struct job *job)
{
    strcpy(job->dataset, "mine");
    strcpy(job->dataset_path, "/data/a \"b\" \\c: #d, {é}");
    memset(job->dataset_path + strlen(job->dataset_path), '\\', 900);
    job->dataset_format = DATASET_FORMAT_CIFAR;
    job->classes = JOB_CLASS_MAX;
    for (int i = 0; i < JOB_CLASS_MAX; i++) {
        static const char *const names[] = {"a,b", "\"", " ~ ", "1"};
        size_t used = strlen(job->class_names);
        snprintf(job->class_names + used, sizeof job->class_names - used, "%s%s%d",
                 i > 0 ? "\n" : "", names[i % 4], i);
    }
    job->resize = 16;
    job->crop_padding = 4;
    job->flip = FLIP_HALF;
}

static void the_text_gives_the_same_job_back(void **state)
{
    (void)state;
    struct job jobs[5], back;
    char text[JOB_TEXT_MAX], again[JOB_TEXT_MAX];
    for (int i = 0; i < 5; i++)
        jobs[i] = example();
    describe_own_data(&jobs[4]);
    jobs[1].lambda = 0;
    jobs[1].optimizer = OPTIMIZER_ADAM;
    jobs[1].beta1 = 0.1 + 0.2;
    strcpy(jobs[1].dataset, "123e4");
    jobs[2].control = CONTROL_NOISE_AUGMENTATION;
    jobs[2].lambda = 0;
    jobs[2].dataset_digest[0] = '\0';
    jobs[2].seed = 9007199254740991;
    strcpy(jobs[2].model, "null");
    strcpy(jobs[1].model, "preresnet32");
    jobs[1].shortcut = SHORTCUT_B;
    jobs[1].schedule = SCHEDULE_STEPS;
    jobs[1].schedule_at_count = 2;
    jobs[1].schedule_at[0] = 150;
    jobs[1].schedule_at[1] = 225;
    jobs[1].warmup_epochs = 2.5;
    jobs[1].decay_norms = TOGGLE_FALSE;
    jobs[3].penalty = PENALTY_SQUARED_HINGE;
    jobs[3].output = OUTPUT_SOFTMAX;
    jobs[3].grad_through = GRAD_THROUGH_PERTURBED;
    jobs[3].bn_passes = BN_PASSES_JOINT;
    jobs[3].bn_running = BN_RUNNING_CLEAN;
    jobs[3].exact = TOGGLE_TRUE;
    memset(jobs[3].dataset_digest, '1', JOB_DIGEST_LENGTH);
    memset(jobs[3].dataset, 'x', JOB_NAME_MAX);
    memset(jobs[3].model, 'x', JOB_NAME_MAX);
    jobs[3].test_sigma_count = JOB_TEST_SIGMA_MAX;
    for (int i = 0; i < JOB_TEST_SIGMA_MAX; i++)
        jobs[3].test_sigma[i] = 1e-3 + i / 7.0;
    jobs[3].test_seed_count = JOB_TEST_SEED_MAX;
    for (int i = 0; i < JOB_TEST_SEED_MAX; i++)
        jobs[3].test_seed[i] = 9007199254740991 - i;
    for (int i = 0; i < 5; i++) {
        struct error error = {0};
        job_normalise(&jobs[i]);
        assert_true(job_text(&jobs[i], text, &error));
        bool good = parse(text, &back, &error);
        assert_string_equal(error.message, "");
        assert_true(good);
        assert_true(job_text(&back, again, &error));
        assert_string_equal(text, again);
        assert_true(same_job(&jobs[i], &back));
        assert_string_equal(jobs[i].dataset, back.dataset);
        assert_string_equal(jobs[i].dataset_path, back.dataset_path);
        assert_string_equal(jobs[i].class_names, back.class_names);
    }
}

static void assert_levels(const char *text, const double *levels, size_t count)
{
    double read[JOB_TEST_SIGMA_MAX];
    size_t read_count;
    struct error error;
    assert_true(job_parse_levels(text, read, &read_count, &error));
    assert_int_equal(read_count, count);
    assert_memory_equal(read, levels, count * sizeof *levels);
}

/* From a line of their own, or, where a text is written otherwise, from the whole. */
static void levels_are_read_alone(void **state)
{
    (void)state;
    struct error error;
    struct job job = example();
    char text[JOB_TEXT_MAX];
    double levels[JOB_TEST_SIGMA_MAX];
    size_t count;
    job.test_sigma[1] = 1.0 / 3;
    assert_true(job_text(&job, text, &error));
    assert_levels(text, job.test_sigma, 3);
    static const char rest[] = "dataset: mnist\nmodel: mnist-cnn\ntrain: {epochs: 5}\n";
    snprintf(text, sizeof text, "%s", rest);
    assert_levels(text, (double[]){0}, 1);
    snprintf(text, sizeof text, "%stest: {sigma: [0, 0.25]}\n", rest);
    assert_levels(text, (double[]){0, 0.25}, 2);
    snprintf(text, sizeof text, "%stest.sigma: [0.5, 0]\n", rest);
    assert_levels(text, (double[]){0, 0.5}, 2);
    snprintf(text, sizeof text, "%stest.sigma: [0, x]\n", rest);
    assert_false(job_parse_levels(text, levels, &count, &error));
}

static void a_nested_text_is_a_job_too(void **state)
{
    (void)state;
    struct job job, expected = example();
    struct error error = {0};
    expected.dataset_digest[0] = '\0';
    expected.seed = 3;
    assert_true(parse("dataset: mnist\nmodel: {name: mnist-cnn}\nseed: 3\n"
                      "train: {epochs: 5}\nloss: {lambda: 1, k: 0.1, sigma: 0.1}\n"
                      "test: {sigma: [0.7, 0, 0.4]}\n",
                      &job, &error));
    assert_true(same_job(&job, &expected));
}

static void bad_texts_are_refused_at_their_place(void **state)
{
    (void)state;
    const struct {
        const char *text, *message;
        int line, column;
    } cases[] = {
        {"", "a job is a mapping of its parameters", 1, 1},
        {"dataset: mnist\nmodel: mnist-cnn\n", "train.epochs or train.steps is needed", 0, 0},
        {"train.epochs: 1\ntrain: {epochs: 2}\n", "'train.epochs' is given twice (first on line 1)",
         2, 17},
        {"train.epoch: 1\n",
         "unknown key 'train.epoch' (known: dataset, model, loss, train, test, "
         "seed)",
         1, 1},
        {"dataset: mnist\nmodel: x\ntrain: {epochs: 1}\nloss:\n  lambda: 1\n  sigma: 0\n",
         "sigma must be greater than 0 where lambda is", 6, 10},
        {"seed: 9007199254740993\n",
         "seed must be at most 9.007199254740991e15, not 9.007199254740992e15", 1, 7},
        {"dataset: ../x\nmodel: m\ntrain: {epochs: 1}\n",
         "dataset.name may hold letters, digits, '.', '_' and '-' only, and starts with a letter, "
         "a digit or '_'",
         1, 10},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct job job;
        struct error error = {0};
        assert_false(parse(cases[i].text, &job, &error));
        assert_string_equal(error.message, cases[i].message);
        assert_int_equal(error.line, cases[i].line);
        assert_int_equal(error.column, cases[i].column);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_sorted_and_whole),
        cmocka_unit_test(the_text_gives_the_same_job_back),
        cmocka_unit_test(levels_are_read_alone),
        cmocka_unit_test(a_nested_text_is_a_job_too),
        cmocka_unit_test(bad_texts_are_refused_at_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
