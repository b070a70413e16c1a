/* The noisy test: every measure of every test level, after the last epoch. */
#ifndef LIPSWEEP_WORKER_EVALUATION_H
#define LIPSWEEP_WORKER_EVALUATION_H

#include "worker/images.h"
#include "worker/pass.h"
#include "worker/scores.h"

enum { EVALUATION_BATCH = 100 }; /* whatever the job's batch: part of what fixes the bits */

struct evaluation {
    const struct job *job;
    struct image_shape image;
    size_t classes;
    struct pass pass;
    bool has_noise;     /* any level above 0 */
    real *clean_logits; /* [batch][classes] */
    float *z, *noise;   /* [batch][pixels], [pixels]; only with noise */
    double *norms;      /* [batch] */
    struct scores scores[JOB_TEST_SIGMA_MAX];
    struct quotients quotients[JOB_TEST_SIGMA_MAX];
};

void evaluation_init(struct evaluation *evaluation, const struct job *job,
                     const struct network *network, const struct kernels *kernels,
                     struct image_shape image, size_t test_count, size_t threads,
                     struct arena *arena);

/* Fills the result's accuracies and quotients. `batch_done`, when not NULL, is called after every
 * batch of a level with the number of images. */
void evaluation_run(struct evaluation *evaluation, const real *parameters,
                    const struct dataset_split *test,
                    void (*batch_done)(void *context, size_t images), void *context,
                    struct training_result *result);

#endif
