#include "common/hash.h"
#include "common/job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* A valid Lipschitz training with nothing at its default that has a meaning there. */
static struct job example(void)
{
    struct job job;
    job_init(&job);
    strcpy(job.dataset, "mnist");
    memset(job.dataset_digest, 'a', JOB_DIGEST_LENGTH);
    strcpy(job.model, "mnist-cnn");
    job.lambda = 1;
    job.k = 0.1;
    job.sigma = 0.1;
    job.epochs = 5;
    job.test_sigma_count = 3;
    job.test_sigma[1] = 0.4;
    job.test_sigma[2] = 0.7;
    return job;
}

static bool same_train(const struct job *a, const struct job *b)
{
    uint8_t left[32], right[32];
    job_train_hash(a, left);
    job_train_hash(b, right);
    return memcmp(left, right, 32) == 0;
}

static bool same_job(const struct job *a, const struct job *b)
{
    uint8_t left[32], right[32];
    job_hash(a, left);
    job_hash(b, right);
    return memcmp(left, right, 32) == 0;
}

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
        cmocka_unit_test(every_parameter_is_in_its_hashes_alone),
        cmocka_unit_test(hashes_do_not_depend_on_names_or_order),
        cmocka_unit_test(parameters_at_their_defaults_shape_no_hash),
        cmocka_unit_test(train_and_job_hash_differ),
        cmocka_unit_test(parameters_without_a_meaning_do_not_matter),
        cmocka_unit_test(names_lead_to_parameters),
        cmocka_unit_test(numbers_are_checked),
        cmocka_unit_test(rules_between_parameters_are_checked),
        cmocka_unit_test(lists_names_and_digests_are_checked),
        cmocka_unit_test(text_is_sorted_and_whole),
        cmocka_unit_test(the_text_gives_the_same_job_back),
        cmocka_unit_test(levels_are_read_alone),
        cmocka_unit_test(sizes_mean_the_same_however_they_are_given),
        cmocka_unit_test(a_path_gives_the_name),
        cmocka_unit_test(a_nested_text_is_a_job_too),
        cmocka_unit_test(bad_texts_are_refused_at_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
