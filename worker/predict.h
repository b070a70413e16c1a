/* What given weights say of one test image under noise: `lipsweep-worker predict`. */
#ifndef LIPSWEEP_WORKER_PREDICT_H
#define LIPSWEEP_WORKER_PREDICT_H

#include "common/job.h"

enum { PREDICT_DRAWS = 100, PREDICT_DRAWS_MAX = 10000 };

struct predict_options {
    const char *weights;
    const char *dataset; /* NULL: the one that the weights were trained on */
    const char *model;   /* NULL: what the file says */
    const char *data;    /* NULL: the default places */
    int64_t image;       /* in the test set, from 0 */
    int64_t draws;       /* of the noise at each level above 0; draw d is that of test seed d */
    double sigma[JOB_TEST_SIGMA_MAX];
    size_t sigma_count;
    bool radius; /* how far the image may move before its class can change */
    int output;  /* descriptor for the table: tab-separated, with a heading */
};

/* Columns: sigma, draws, label, label_name, class, class_name, share, then of the class and of the
 * label the mean softmax probability over the draws and its 2.5 and 97.5 % points. `class` is the
 * one that most draws say, `share` how many of them do.
 *
 * Then, empty where there is none: `margin`, the clean image's largest logit above the next;
 * `lipschitz_bound` (lipschitz.h) and `radius_proved` = margin / (sqrt 2 * bound), no change of the
 * image shorter than which changes its class; `quotient_max`, the largest quotient of the draws,
 * and `radius_optimistic` = margin / (sqrt 2 * quotient_max), which proves nothing: the draws are a
 * few directions out of many. sqrt 2 because the difference of two logits moves that much faster
 * than all of them together. The first two only with `radius`. */
WARN_UNUSED bool predict_run(const struct predict_options *options, struct error *error);

#endif
