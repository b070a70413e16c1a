/* One whole training and its noisy test: the engine's only door. Pure computation: no files, no
 * sockets, no log.
 *
 * The caller owns the job and the data set; training_run owns all memory it places and gives it
 * back. */
#ifndef LIPSWEEP_WORKER_TRAINING_H
#define LIPSWEEP_WORKER_TRAINING_H

#include "common/dataset.h"
#include "common/error.h"
#include "common/job.h"
#include "worker/state.h"

enum { PERCENTILE_COUNT = 6 };
extern const double percentile_levels[PERCENTILE_COUNT]; /* 10 50 90 95 99 100 (the maximum) */

/* One noise level of the test. Percentiles interpolate linearly between order statistics (Hyndman
 * and Fan's type 7). */
struct accuracy {
    double test_sigma;
    int64_t image_count, correct_count; /* over all draws */
    double accuracy;
    double confidence_true;                   /* mean softmax probability of the true class */
    double confidence_max, confidence_max_sd; /* mean and standard deviation of the largest one */
    double negative_log_likelihood, brier,
        calibration_error; /* expected calibration error, 15 bins */
    double margin_mean,
        margin_percentile[PERCENTILE_COUNT]; /* true class's logit minus the largest other */
};

/* One noise level > 0 of the test. */
struct quotient {
    double test_sigma;
    double mean, percentile[PERCENTILE_COUNT];
    double share_over_k;                                      /* NAN without the Lipschitz loss */
    double margin_over_quotient_percentile[PERCENTILE_COUNT]; /* clean margin over q; images with q
                                                                 = 0 left out */
};

struct training_result {
    int64_t epoch_count, step_count;
    size_t accuracy_count, quotient_count;
    struct accuracy accuracy[JOB_TEST_SIGMA_MAX];
    struct quotient quotient[JOB_TEST_SIGMA_MAX];
    char weights_digest[JOB_DIGEST_LENGTH + 1]; /* BLAKE2b-256 of all parameters, little-endian
                                                   float32, network order */
    double train_s, evaluate_s;
};

enum training_phase { TRAINING_PHASE_TRAIN, TRAINING_PHASE_EVALUATE };

struct training_progress {
    enum training_phase phase;
    int64_t epoch, epoch_count; /* epoch from 1 */
    int64_t step, step_count;   /* of the whole training */
    int64_t images;             /* gone through in this phase by this process; in a test once for
                                   every noise level */
    double images_per_s;        /* of the last second or so */
};

/* Where a training's state is kept, so that it can go on later. */
struct training_keeper {
    void *context;
    /* Once, before the first step: overwrites the state with what was kept, if there is any. */
    void (*restore)(void *context, struct training_state *state);
    /* After every step. */
    enum keep_wish { KEEP_NOTHING, KEEP, KEEP_AND_STOP } (*wish)(void *context);
    /* When it was wished for, and after the last step, which is when `last` is set. True: stop
     * here. */
    bool (*keep)(void *context, const struct training_state *state, bool last);
};

/* A step under trace, after its gradient was computed and before its update. */
struct training_step {
    int64_t epoch, step; /* from 1 */
    const uint32_t *images;
    size_t image_count; /* of the batch, indices into the training file */
    double task_loss, lipschitz_loss, loss;
    double gradient_norm; /* Euclidean, over all parameters */
};

/* Both are called for each of the first steps, the first before anything of the step has happened,
 * and once more after the last one. */
struct training_trace {
    void *context;
    int64_t steps;
    void (*state)(void *context, const struct training_state *state, const struct weights *weights);
    void (*step)(void *context, const struct training_step *step);
};

/* What the caller hears while it runs; any member may be NULL. */
struct training_observer {
    void *context;
    void (*tick)(void *context); /* once a layer call and evaluation batch: the sign of life */
    void (*progress)(
        void *context,
        const struct training_progress *progress); /* after each step or some of the test */
    void (*epoch)(void *context, const struct epoch_metric *metric);
    /* Overwrites the initial weights. */
    bool (*initial)(void *context, const struct weights *weights, struct error *error);
    /* Overwrites the initial weights with those of this training, finished before: no step is made,
     * and of the hooks below none is called. */
    bool (*stored)(void *context, const struct weights *weights, struct error *error);
    /* After the last step. */
    bool (*trained)(void *context, const struct weights *weights, struct error *error);
    const struct training_keeper *keeper;
    const struct training_trace *trace;
};

/* Bytes that training_run will place for this job on this data set's shape: what a lease must have
 * free besides the data set itself, and a copy of its state for a keeper. The image's sides follow
 * from `pixels`: square, of one channel or three. */
WARN_UNUSED bool training_memory(const struct job *job, size_t pixels, int class_count,
                                 size_t train_images, size_t test_images, size_t threads,
                                 size_t *bytes, struct error *error);

/* Trains and tests a normalised job on so many threads, the caller's among them; the result does
 * not depend on their number. All calls of the observer are on the caller's. A NaN or infinite loss
 * fails with ERROR_DIVERGED; the message names epoch and step. A keeper that stops it makes it fail
 * with ERROR_INTERRUPTED. */
WARN_UNUSED bool training_run(const struct job *job, const struct dataset *dataset, size_t threads,
                              const struct training_observer *observer,
                              struct training_result *result, struct error *error);

/* Kernel level, choice of convolution (of a job, or else of jobs that are not exact), OpenBLAS
 * version and core name: results are bit-identical within one class. */
const char *training_cpu_class(bool is_exact);

#endif
