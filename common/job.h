/* A job: one training and its noisy test, as a flat list of parameters.
 *
 * PARAMETERS is the one place that says which parameters exist: the sweep file's keys and axes, the
 * job's text, its two hashes and the columns of the results follow from it. */
#ifndef LIPSWEEP_COMMON_JOB_H
#define LIPSWEEP_COMMON_JOB_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

enum {
    JOB_NAME_MAX = 63,          /* bytes of a data set's or network's name */
    JOB_DIGEST_LENGTH = 64,     /* hexadecimal digits of a BLAKE2b-256 */
    JOB_PATH_MAX = 1023,        /* bytes of a data set's path */
    JOB_CLASS_MAX = 256,        /* classes of a data set: a label is a byte */
    JOB_CLASS_NAMES_MAX = 2047, /* bytes of all its class names */
    JOB_TEST_SIGMA_MAX = 64,    /* noise levels of the test */
    JOB_TEST_SEED_MAX = 16,     /* noise draws of the test */
    JOB_SCHEDULE_AT_MAX = 16,   /* falls of the learning rate */
    JOB_THREADS_MAX = 16,       /* threads of one: two copies of a batch have groups for all */
    JOB_TEXT_MAX = 16384,       /* bytes of job_text's output, final NUL included */
};

#define CONTROLS(X) /* enumerator, name in files and tables */                                     \
    X(NONE, "none")                                                                                \
    X(NOISE_AUGMENTATION, "noise-augmentation")                                                    \
    X(NOISY_BN, "noisy-bn")
#define OPTIMIZERS(X)                                                                              \
    X(SGD, "sgd")                                                                                  \
    X(ADAM, "adam")
#define SHORTCUTS(X) /* of a residual block that halves the image */                               \
    X(A, "A")        /* nothing to train */                                                        \
    X(B, "B")        /* a convolution of 1x1 */
#define BN_PASSES(X) /* whose statistics batch norm uses where both copies are computed */         \
    X(TWO, "two")    /* each copy its own */                                                       \
    X(JOINT, "joint")
#define BN_RUNNINGS(X) /* which pass moves the running statistics */                               \
    X(BOTH, "both")                                                                                \
    X(CLEAN, "clean")
#define PENALTIES(X)                                                                               \
    X(HINGE, "hinge")                                                                              \
    X(SQUARED_HINGE, "squared-hinge")
#define OUTPUTS(X) /* what the Lipschitz quotient takes for the network's output */                \
    X(LOGITS, "logits")                                                                            \
    X(SOFTMAX, "softmax")
#define GRAD_THROUGHS(X) /* the Lipschitz term's gradient */                                       \
    X(BOTH, "both")                                                                                \
    X(PERTURBED, "perturbed")
#define SCHEDULES(X)                                                                               \
    X(CONSTANT, "constant")                                                                        \
    X(STEPS, "steps")                                                                              \
    X(COSINE, "cosine")
#define TOGGLES(X)                                                                                 \
    X(FALSE, "false")                                                                              \
    X(TRUE, "true")
#define DATASET_FORMATS(X)                                                                         \
    X(NONE, "none") /* the data set is known by its name */                                        \
    X(IDX, "idx")                                                                                  \
    X(CIFAR, "cifar")                                                                              \
    X(STL, "stl")
#define FLIPS(X)                                                                                   \
    X(NEVER, "false")                                                                              \
    X(HALF, "true") /* every second image, on average */

enum control {
#define X(name, text) CONTROL_##name,
    CONTROLS(X)
#undef X
        CONTROL_COUNT
};

enum optimizer {
#define X(name, text) OPTIMIZER_##name,
    OPTIMIZERS(X)
#undef X
        OPTIMIZER_COUNT
};

enum shortcut {
#define X(name, text) SHORTCUT_##name,
    SHORTCUTS(X)
#undef X
        SHORTCUT_COUNT
};

enum bn_passes {
#define X(name, text) BN_PASSES_##name,
    BN_PASSES(X)
#undef X
        BN_PASSES_COUNT
};

enum bn_running {
#define X(name, text) BN_RUNNING_##name,
    BN_RUNNINGS(X)
#undef X
        BN_RUNNING_COUNT
};

enum penalty {
#define X(name, text) PENALTY_##name,
    PENALTIES(X)
#undef X
        PENALTY_COUNT
};

enum output {
#define X(name, text) OUTPUT_##name,
    OUTPUTS(X)
#undef X
        OUTPUT_COUNT
};

enum grad_through {
#define X(name, text) GRAD_THROUGH_##name,
    GRAD_THROUGHS(X)
#undef X
        GRAD_THROUGH_COUNT
};

enum schedule {
#define X(name, text) SCHEDULE_##name,
    SCHEDULES(X)
#undef X
        SCHEDULE_COUNT
};

enum toggle {
#define X(name, text) TOGGLE_##name,
    TOGGLES(X)
#undef X
        TOGGLE_COUNT
};

enum dataset_format {
#define X(name, text) DATASET_FORMAT_##name,
    DATASET_FORMATS(X)
#undef X
        DATASET_FORMAT_COUNT
};

enum flip {
#define X(name, text) FLIP_##name,
    FLIPS(X)
#undef X
        FLIP_COUNT
};

enum parameter_type {
    PARAMETER_REAL,   /* double; NAN when absent (NULL in the database) */
    PARAMETER_COUNT_, /* int64_t >= 0 */
    PARAMETER_TEXT,   /* char[] */
    PARAMETER_CHOICE, /* int: an enum with names */
    PARAMETER_REALS,  /* test_sigma */
    PARAMETER_COUNTS, /* test_seed, schedule_at */
    PARAMETER_NAMES,  /* class_names */
};

/* What a parameter shapes: PART_TRAIN is in train_hash and job_hash, PART_TEST in job_hash alone,
 * PART_NONE in neither. */
enum parameter_part { PART_NONE, PART_TRAIN, PART_TEST };

/* enumerator, member of struct job, dotted name in files, short name of the axis ("" when there is
 * none), type, part */
#define PARAMETERS(X)                                                                              \
    X(DATASET, dataset, "dataset.name", "dataset", TEXT, NONE)                                     \
    X(DATASET_DIGEST, dataset_digest, "dataset.digest", "", TEXT, TRAIN)                           \
    X(DATASET_PATH, dataset_path, "dataset.path", "", TEXT, NONE)                                  \
    X(DATASET_FORMAT, dataset_format, "dataset.format", "", CHOICE, NONE)                          \
    X(CLASSES, classes, "dataset.classes", "", COUNT_, NONE)                                       \
    X(CLASS_NAMES, class_names, "dataset.class_names", "", NAMES, NONE)                            \
    X(RESIZE, resize, "dataset.resize", "", COUNT_, TRAIN)                                         \
    X(CROP_PADDING, crop_padding, "dataset.augment.crop_padding", "", COUNT_, TRAIN)               \
    X(FLIP, flip, "dataset.augment.flip", "", CHOICE, TRAIN)                                       \
    X(VALIDATION_COUNT, validation_count, "dataset.validation_count", "", COUNT_, TRAIN)           \
    X(TRAIN_COUNT, train_count, "dataset.train_count", "", COUNT_, TRAIN)                          \
    X(FRACTION, fraction, "dataset.fraction", "fraction", REAL, TRAIN)                             \
    X(MODEL, model, "model.name", "model", TEXT, TRAIN)                                            \
    X(INIT, init, "model.init", "", TEXT, NONE)                                                    \
    X(INIT_DIGEST, init_digest, "model.init_digest", "", TEXT, TRAIN)                              \
    X(SHORTCUT, shortcut, "model.shortcut", "", CHOICE, TRAIN)                                     \
    X(BN_PASSES, bn_passes, "model.bn_passes", "", CHOICE, TRAIN)                                  \
    X(BN_RUNNING, bn_running, "model.bn_running", "", CHOICE, TRAIN)                               \
    X(EXACT, exact, "model.exact", "", CHOICE, TRAIN)                                              \
    X(LAMBDA, lambda, "loss.lambda", "lambda", REAL, TRAIN)                                        \
    X(K, k, "loss.k", "k", REAL, TRAIN)                                                            \
    X(SIGMA, sigma, "loss.sigma", "sigma", REAL, TRAIN)                                            \
    X(PENALTY, penalty, "loss.penalty", "", CHOICE, TRAIN)                                         \
    X(OUTPUT, output, "loss.output", "", CHOICE, TRAIN)                                            \
    X(GRAD_THROUGH, grad_through, "loss.grad_through", "", CHOICE, TRAIN)                          \
    X(CONTROL, control, "loss.control", "control", CHOICE, TRAIN)                                  \
    X(EPOCHS, epochs, "train.epochs", "epochs", COUNT_, TRAIN)                                     \
    X(STEPS, steps, "train.steps", "steps", COUNT_, TRAIN)                                         \
    X(BATCH, batch, "train.batch", "batch", COUNT_, TRAIN)                                         \
    X(OPTIMIZER, optimizer, "train.optimizer", "", CHOICE, TRAIN)                                  \
    X(LR, lr, "train.lr", "lr", REAL, TRAIN)                                                       \
    X(MOMENTUM, momentum, "train.momentum", "", REAL, TRAIN)                                       \
    X(NESTEROV, nesterov, "train.nesterov", "", CHOICE, TRAIN)                                     \
    X(WEIGHT_DECAY, weight_decay, "train.weight_decay", "", REAL, TRAIN)                           \
    X(DECAY_NORMS, decay_norms, "train.decay_norms", "", CHOICE, TRAIN)                            \
    X(BETA1, beta1, "train.beta1", "", REAL, TRAIN)                                                \
    X(BETA2, beta2, "train.beta2", "", REAL, TRAIN)                                                \
    X(EPS, eps, "train.eps", "", REAL, TRAIN)                                                      \
    X(SCHEDULE, schedule, "train.schedule.kind", "", CHOICE, TRAIN)                                \
    X(SCHEDULE_AT, schedule_at, "train.schedule.at", "", COUNTS, TRAIN)                            \
    X(SCHEDULE_FACTOR, schedule_factor, "train.schedule.factor", "", REAL, TRAIN)                  \
    X(WARMUP_EPOCHS, warmup_epochs, "train.schedule.warmup_epochs", "", REAL, TRAIN)               \
    X(SEED, seed, "seed", "seed", COUNT_, TRAIN)                                                   \
    X(TEST_SIGMA, test_sigma, "test.sigma", "", REALS, TEST)                                       \
    X(TEST_SEED, test_seed, "test.seed", "", COUNTS, TEST)

enum parameter {
#define X(name, member, dotted, axis, type, part) PARAMETER_##name,
    PARAMETERS(X)
#undef X
        PARAMETER_COUNT
};

struct job {
    char dataset[JOB_NAME_MAX + 1];
    char dataset_digest[JOB_DIGEST_LENGTH + 1]; /* "" until the data set is known */
    /* A user's own data set; "" and 0 where the data set is known by its name. Its digest covers
       the number of classes, so these shape no hash. */
    char dataset_path[JOB_PATH_MAX + 1];
    enum dataset_format dataset_format;
    int64_t classes;
    char class_names[JOB_CLASS_NAMES_MAX + 1]; /* one a line, no line end behind the last */
    int64_t resize;       /* pixels of an image's side after averaging; 0: its own */
    int64_t crop_padding; /* pixels of 0 around an image before it is cropped to its size again */
    enum flip flip;       /* left and right */
    int64_t validation_count; /* images held out at the front of the training file */
    int64_t train_count;      /* of the rest; 0: all */
    double fraction;          /* of those; (0, 1] */
    char model[JOB_NAME_MAX + 1];
    char init[JOB_PATH_MAX + 1]; /* a file of weights to start from; "": initial ones are drawn */
    char init_digest[JOB_DIGEST_LENGTH + 1]; /* of its bytes; "" until it was looked at */
    enum shortcut shortcut;
    enum bn_passes bn_passes;
    enum bn_running bn_running;
    enum toggle exact; /* convolutions without Winograd's rounding errors */
    double lambda; /* weight of the Lipschitz loss; 0: standard training */
    double k;      /* Lipschitz constant; NAN without the Lipschitz loss */
    double sigma;  /* standard deviation of the training noise, [0,1] pixel scale; NAN where it has
                      no meaning */
    enum penalty penalty;
    enum output output;
    enum grad_through grad_through;
    enum control control;
    int64_t epochs; /* 0 when `steps` is set, and the other way round */
    int64_t steps;
    int64_t batch;
    enum optimizer optimizer;
    double lr, momentum, weight_decay;
    enum toggle nesterov;
    enum toggle decay_norms; /* weight decay on batch norm's weights and biases too */
    enum schedule schedule;
    int64_t schedule_at[JOB_SCHEDULE_AT_MAX]; /* epochs after which lr falls; ascending, distinct */
    size_t schedule_at_count;
    double schedule_factor;   /* what lr is multiplied with there */
    double warmup_epochs;     /* in which lr rises from near 0 */
    double beta1, beta2, eps; /* Adam */
    int64_t seed;
    double test_sigma[JOB_TEST_SIGMA_MAX]; /* ascending, distinct */
    size_t test_sigma_count;
    int64_t test_seed[JOB_TEST_SEED_MAX];
    size_t test_seed_count;
};

struct parameter_info {
    const char *dotted; /* "loss.lambda" */
    const char *axis;   /* "lambda"; "" when only the dotted name is known */
    enum parameter_type type;
    enum parameter_part part;
    size_t offset; /* of the member in struct job */
    size_t size;   /* of the member, in bytes */
};

const struct parameter_info *parameter_info(enum parameter parameter);

struct parameter_bounds {
    bool given;                        /* false for what is no number */
    bool above_minimum, below_maximum; /* the bound itself is not allowed */
    double minimum, maximum;
};

const struct parameter_bounds *parameter_bounds(enum parameter parameter);

/* The short name where there is one, else the dotted one: what messages and tables say. */
const char *parameter_name(enum parameter parameter);

/* Looks a dotted or short name up; PARAMETER_COUNT when there is none. */
enum parameter parameter_find(const char *name);

/* A choice's values are 0 to count - 1; 0 for what is no choice. */
int parameter_choice_count(enum parameter parameter);

/* Name of a choice's value and back; -1 when unknown. */
const char *parameter_choice_name(enum parameter parameter, int value);
int parameter_choice_find(enum parameter parameter, const char *name);

/* The smallest and largest value that a REAL or COUNT_ parameter (or an element of a list) may have
 * is checked here, with a message that names the parameter, the value and the bound. */
WARN_UNUSED bool parameter_check_number(enum parameter parameter, double value,
                                        struct error *error);

/* Every parameter at its default; dataset, model and digest are "". */
void job_init(struct job *job);

/* Names become parts of paths and of YAML, so they are kept plain. */
WARN_UNUSED bool job_check_name(enum parameter parameter, const char *name, struct error *error);

/* A data set known by its path has its folder's name where it was given none. */
void job_name_dataset(struct job *job);

/* How many class names there are. */
size_t job_class_name_count(const struct job *job);

/* Parameters without a meaning get the value that stands for "none", so that two descriptions of
 * one training are equal: K and σ NAN at lambda 0 without a control, K NAN under a control, the
 * other optimizer's numbers at their defaults, epochs 0 when steps are given. */
void job_normalise(struct job *job);

/* Checks a normalised job as a whole (ranges, and rules between parameters such as sigma > 0 where
 * lambda > 0). `culprit`, when not NULL, gets the parameter to blame. */
WARN_UNUSED bool job_check(const struct job *job, enum parameter *culprit, struct error *error);

/* The job as YAML, one `dotted.name: value` a line, sorted by name; defaults are written too.
 * Complete: job_parse gives the same job back. Fails only when it does not fit. */
WARN_UNUSED bool job_text(const struct job *job, char text[JOB_TEXT_MAX], struct error *error);

/* Reads what job_text writes, and the nested form of a sweep file (`train: {epochs: 5}`, a scalar
 * for dataset or model). Normalises and checks. Errors carry line and column. */
WARN_UNUSED bool job_parse(const char *text, size_t length, struct job *job, struct error *error);

/* The noise levels of such a text alone: of a text that job_text wrote, without reading the rest. */
WARN_UNUSED bool job_parse_levels(const char *text, double levels[JOB_TEST_SIGMA_MAX],
                                  size_t *count, struct error *error);

/* BLAKE2b-256 of the canonical text: format version first, keys sorted, defaults omitted, shortest
 * decimals. */
void job_train_hash(const struct job *job, uint8_t hash[32]);
void job_hash(const struct job *job, uint8_t hash[32]);

/* The same of what decides how much memory a job takes: jobs of one shape take the same. */
void job_shape_hash(const struct job *job, uint8_t hash[32]);

/* Whether clean and perturbed copies go through the network together. */
static inline bool job_has_pairs(const struct job *job)
{
    return job->lambda > 0 || job->control == CONTROL_NOISY_BN;
}

static inline bool job_is_exact(const struct job *job)
{
    return job->exact == TOGGLE_TRUE;
}

static inline bool job_is_lipschitz(const struct job *job)
{
    return job->lambda > 0;
}

#endif
