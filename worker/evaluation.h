/* The noisy test: every measure of every test level, after the last epoch. */
#ifndef LIPSWEEP_WORKER_EVALUATION_H
#define LIPSWEEP_WORKER_EVALUATION_H

#include "worker/fold.h"
#include "worker/images.h"
#include "worker/pass.h"
#include "worker/scores.h"

enum { EVALUATION_BATCH = 100 }; /* whatever the job's batch: part of what fixes the bits */

/* A batch goes forward in blocks, the clean images first, then a perturbed copy for each noise
 * level, as many blocks at once as fit. What a block's numbers are does not depend on the others.
 */
struct evaluation {
    const struct job *job;
    struct image_shape image;
    size_t classes;
    struct fold fold;
    real *numbers; /* of the folded network */
    struct pass pass;
    bool has_noise;                       /* any level above 0 */
    bool is_linear;                       /* the copies share convolutions: pass_forward_levels */
    size_t block_count, blocks_at_once;   /* at least 1 */
    double sigma[1 + JOB_TEST_SIGMA_MAX]; /* of each block */
    real levels[1 + JOB_TEST_SIGMA_MAX];  /* the same as the network has it */
    size_t block_of[JOB_TEST_SIGMA_MAX];  /* of each level */
    real *logits;                         /* [block][batch][classes] */
    float *z;                             /* [batch][pixels]; only with noise */
    float *noise;                         /* [threads][pixels]; only with noise */
    double *norms;                        /* [block][batch] */
    struct scores scores[JOB_TEST_SIGMA_MAX];
    struct quotients quotients[JOB_TEST_SIGMA_MAX];
};

void evaluation_init(struct evaluation *evaluation, const struct job *job,
                     const struct network *network, const struct kernels *kernels,
                     struct image_shape image, size_t test_count, size_t threads,
                     struct arena *arena);

/* Takes the network's numbers over: what follows is of them. */
void evaluation_use(struct evaluation *evaluation, const real *numbers);

/* The logits [images][classes] of up to EVALUATION_BATCH images in evaluation_images(). */
static inline real *evaluation_images(const struct evaluation *evaluation)
{
    return pass_images(&evaluation->pass);
}
const real *evaluation_logits(struct evaluation *evaluation, size_t images);

/* Fills the result's accuracies and quotients. `batch_done`, when not NULL, is called every now and
 * then with the number of images that went through since. */
void evaluation_run(struct evaluation *evaluation, const real *numbers,
                    const struct dataset_split *test,
                    void (*batch_done)(void *context, size_t images), void *context,
                    struct training_result *result);

#endif
