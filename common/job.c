#include "common/job.h"
#include "common/model.h"

#include "common/dataset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct job defaults = {
    .fraction = 1,
    .k = NAN,
    .sigma = NAN,
    .control = CONTROL_NONE,
    .batch = 100,
    .optimizer = OPTIMIZER_SGD,
    .lr = 0.05,
    .beta1 = 0.9,
    .beta2 = 0.999,
    .eps = 1e-8,
    .decay_norms = TOGGLE_TRUE,
    .schedule_factor = 0.1,
    .seed = 1,
    .test_sigma_count = 1, /* clean images */
    .test_seed = {1},
    .test_seed_count = 1,
};

void job_init(struct job *job)
{
    *job = defaults;
}

static int compare_reals(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static int compare_counts(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* -0 and 0 are one value. */
static void drop_minus_zeros(struct job *job)
{
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        const struct parameter_info *info = parameter_info((enum parameter)i);
        if (info->type != PARAMETER_REAL)
            continue;
        double *value = (double *)(void *)((char *)job + info->offset);
        if (*value == 0)
            *value = 0;
    }
    for (size_t i = 0; i < job->test_sigma_count; i++) {
        if (job->test_sigma[i] == 0)
            job->test_sigma[i] = 0;
    }
}

void job_normalise(struct job *job)
{
    drop_minus_zeros(job);
    if (job->lambda == 0 && job->control == CONTROL_NONE)
        job->sigma = NAN;
    if (job->lambda == 0 || job->control != CONTROL_NONE)
        job->k = NAN;
    /* What grid.c knows to have no meaning there, and nothing else: points stay distinct. */
    if (job->lambda == 0) {
        job->penalty = defaults.penalty;
        job->grad_through = defaults.grad_through;
    }
    if (job->lambda == 0 && job->control == CONTROL_NONE) {
        job->bn_passes = defaults.bn_passes;
        job->bn_running = defaults.bn_running;
    }
    if (job->optimizer == OPTIMIZER_ADAM) {
        job->momentum = defaults.momentum;
        job->nesterov = defaults.nesterov;
    } else {
        job->beta1 = defaults.beta1;
        job->beta2 = defaults.beta2;
        job->eps = defaults.eps;
    }
    if (job->steps != 0)
        job->epochs = 0;
    if (job->resize == dataset_side(job))
        job->resize = 0;
    qsort(job->test_sigma, job->test_sigma_count, sizeof *job->test_sigma, compare_reals);
    qsort(job->schedule_at, job->schedule_at_count, sizeof *job->schedule_at, compare_counts);
    qsort(job->test_seed, job->test_seed_count, sizeof *job->test_seed, compare_counts);
}

static const char name_letters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

void job_name_dataset(struct job *job)
{
    size_t end = strlen(job->dataset_path), length = 0;
    if (job->dataset[0] || end == 0)
        return;
    while (end > 1 && job->dataset_path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && job->dataset_path[start - 1] != '/')
        start--;
    for (size_t i = start; i < end && length < JOB_NAME_MAX; i++) {
        char letter = job->dataset_path[i];
        bool is_first = length == 0 && (letter == '.' || letter == '-');
        bool is_plain = strchr(name_letters, letter) && !is_first;
        job->dataset[length++] = letter;
        if (!is_plain)
            job->dataset[length - 1] = '_';
    }
    job->dataset[length] = '\0';
}

size_t job_class_name_count(const struct job *job)
{
    size_t count = job->class_names[0] != '\0';
    for (const char *letter = job->class_names; *letter; letter++)
        count += *letter == '\n';
    return count;
}

static bool blame(enum parameter *culprit, enum parameter parameter)
{
    if (culprit)
        *culprit = parameter;
    return false;
}

bool job_check_name(enum parameter parameter, const char *name, struct error *error)
{
    const char *what = parameter_info(parameter)->dotted;
    if (name[0] == '\0')
        return error_set(error, ERROR_INVALID, "%s is missing", what);
    if (name[strspn(name, name_letters)] != '\0' || name[0] == '.' || name[0] == '-')
        return error_set(error, ERROR_INVALID,
                         "%s may hold letters, digits, '.', '_' and '-' only, and starts with a "
                         "letter, a digit or '_'",
                         what);
    return true;
}

static bool check_digest(enum parameter parameter, const char *digest, struct error *error)
{
    size_t length = strlen(digest);
    if (length != 0 &&
        (length != JOB_DIGEST_LENGTH || strspn(digest, "0123456789abcdef") != length))
        return error_set(error, ERROR_INVALID, "%s must be %d lower-case hexadecimal digits",
                         parameter_info(parameter)->dotted, JOB_DIGEST_LENGTH);
    return true;
}

/* It stands in messages and on a line of the job's text. */
static bool check_init(const char *path, struct error *error)
{
    for (const char *c = path; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return error_set(error, ERROR_INVALID, "model.init may not hold control characters");
    return true;
}

static bool check_real(enum parameter parameter, double value, struct error *error)
{
    bool may_be_absent = parameter == PARAMETER_K || parameter == PARAMETER_SIGMA;
    if (may_be_absent && isnan(value))
        return true;
    return parameter_check_number(parameter, value, error);
}

static bool check_test_sigmas(const struct job *job, struct error *error)
{
    if (job->test_sigma_count == 0 || job->test_sigma_count > JOB_TEST_SIGMA_MAX)
        return error_set(error, ERROR_INVALID, "test.sigma takes 1 to %d values",
                         JOB_TEST_SIGMA_MAX);
    for (size_t i = 0; i < job->test_sigma_count; i++) {
        if (!parameter_check_number(PARAMETER_TEST_SIGMA, job->test_sigma[i], error))
            return false;
        if (i > 0 && !(job->test_sigma[i - 1] < job->test_sigma[i]))
            return error_set(error, ERROR_INVALID, "test.sigma has the value %g twice",
                             job->test_sigma[i]);
    }
    return true;
}

static bool check_counts(enum parameter parameter, const int64_t *counts, size_t count,
                         size_t least, size_t most, struct error *error)
{
    const char *name = parameter_info(parameter)->dotted;
    if (count < least || count > most)
        return error_set(error, ERROR_INVALID, "%s takes %zu to %zu values", name, least, most);
    for (size_t i = 0; i < count; i++) {
        if (!parameter_check_number(parameter, (double)counts[i], error))
            return false;
        if (i > 0 && counts[i - 1] >= counts[i])
            return error_set(error, ERROR_INVALID, "%s has the value %lld twice", name,
                             (long long)counts[i]);
    }
    return true;
}

static bool check_choice(enum parameter parameter, int value, struct error *error)
{
    if (value < 0 || value >= parameter_choice_count(parameter))
        return error_set(error, ERROR_INVALID, "%s has no choice number %d",
                         parameter_info(parameter)->dotted, value);
    return true;
}

static bool check_one(const struct job *job, enum parameter parameter, struct error *error)
{
    const struct parameter_info *info = parameter_info(parameter);
    const void *member = (const char *)job + info->offset;
    switch (info->type) {
    case PARAMETER_REAL:
        return check_real(parameter, *(const double *)member, error);
    case PARAMETER_COUNT_:
        return parameter_check_number(parameter, (double)*(const int64_t *)member, error);
    case PARAMETER_TEXT:
        if (parameter == PARAMETER_DATASET_DIGEST || parameter == PARAMETER_INIT_DIGEST)
            return check_digest(parameter, member, error);
        if (parameter == PARAMETER_INIT)
            return check_init(member, error);
        if (parameter == PARAMETER_DATASET_PATH) /* dataset_check_job's matter */
            return true;
        return job_check_name(parameter, member, error);
    case PARAMETER_NAMES:
        return true;
    case PARAMETER_CHOICE:
        return check_choice(parameter, *(const int *)member, error);
    case PARAMETER_REALS:
        return check_test_sigmas(job, error);
    case PARAMETER_COUNTS:
        if (parameter == PARAMETER_SCHEDULE_AT)
            return check_counts(parameter, job->schedule_at, job->schedule_at_count, 0,
                                JOB_SCHEDULE_AT_MAX, error);
        return check_counts(parameter, job->test_seed, job->test_seed_count, 1, JOB_TEST_SEED_MAX,
                            error);
    }
    return false;
}

static bool check_control(const struct job *job, enum parameter *culprit, struct error *error)
{
    const char *control = parameter_choice_name(PARAMETER_CONTROL, (int)job->control);
    if (job->control == CONTROL_NONE)
        return true;
    blame(culprit, PARAMETER_CONTROL);
    if (job->lambda > 0)
        return error_set(error, ERROR_INVALID, "control %s needs lambda 0, not %g", control,
                         job->lambda);
    if (job->control == CONTROL_NOISY_BN && !model_has_norms(job->model))
        return error_set(error, ERROR_INVALID,
                         "control noisy-bn needs a network with batch normalisation, not %s",
                         job->model);
    if (job->control == CONTROL_NOISY_BN && job->bn_running == BN_RUNNING_CLEAN)
        return error_set(error, ERROR_INVALID,
                         "control noisy-bn needs model.bn_running both, not clean");
    return true;
}

static bool check_schedule(const struct job *job, enum parameter *culprit, struct error *error)
{
    bool has_steps = job->schedule == SCHEDULE_STEPS;
    if (job->nesterov == TOGGLE_TRUE && job->momentum == 0) {
        blame(culprit, PARAMETER_NESTEROV);
        return error_set(error, ERROR_INVALID, "train.nesterov needs a momentum greater than 0");
    }
    if (has_steps != (job->schedule_at_count > 0)) {
        blame(culprit, has_steps ? PARAMETER_SCHEDULE : PARAMETER_SCHEDULE_AT);
        return error_set(error, ERROR_INVALID,
                         has_steps ? "the schedule steps needs train.schedule.at"
                                   : "train.schedule.at needs the schedule steps");
    }
    return true;
}

/* Rules between parameters; `culprit` is the one to change. */
static bool check_together(const struct job *job, enum parameter *culprit, struct error *error)
{
    bool controlled = job->control != CONTROL_NONE;
    if (!check_control(job, culprit, error) || !check_schedule(job, culprit, error))
        return false;
    if ((job->lambda > 0 || controlled) && !(job->sigma > 0)) {
        blame(culprit, PARAMETER_SIGMA);
        return error_set(error, ERROR_INVALID, "sigma must be greater than 0 %s%s",
                         controlled ? "with " : "where lambda is",
                         controlled ? parameter_choice_name(PARAMETER_CONTROL, (int)job->control)
                                    : "");
    }
    if (job->lambda > 0 && isnan(job->k)) {
        blame(culprit, PARAMETER_K);
        return error_set(error, ERROR_INVALID, "k is needed where lambda is greater than 0");
    }
    if (job->epochs == 0 && job->steps == 0) {
        blame(culprit, PARAMETER_EPOCHS);
        return error_set(error, ERROR_INVALID, "train.epochs or train.steps is needed");
    }
    return dataset_check_job(job, culprit, error);
}

bool job_check(const struct job *job, enum parameter *culprit, struct error *error)
{
    for (int i = 0; i < PARAMETER_COUNT; i++) {
        if (!check_one(job, (enum parameter)i, error))
            return blame(culprit, (enum parameter)i);
    }
    return check_together(job, culprit, error);
}
