/* A training batch: images of the data set, and their perturbed copies, in a pass. */
#ifndef LIPSWEEP_WORKER_BATCH_H
#define LIPSWEEP_WORKER_BATCH_H

#include "common/dataset.h"
#include "common/job.h"
#include "worker/augment.h"
#include "worker/pass.h"

/* Which of an image's two copies a job trains on. */
struct batch_copies {
    bool clean, perturbed;
};

/* Working memory of one thread. */
struct batch_work {
    uint8_t *augmented; /* one image; NULL where none is augmented */
    float *noise;       /* of one image */
};

struct batch {
    struct image_shape image;
    struct batch_copies copies;
    struct augment augment;
    double sigma;
    uint64_t seed;
    size_t noise_size; /* 0 where no copy is perturbed */
    double *norms;     /* [capacity] of the noise; only with perturbed copies */
    uint8_t *labels;   /* [capacity] */
    struct batch_work works[TEAM_MAX];
};

/* Both for the Lipschitz loss and for noisy-bn, the perturbed alone for noise augmentation, else
 * the clean alone. */
struct batch_copies batch_copies(const struct job *job);

void batch_init(struct batch *batch, const struct job *job, struct image_shape image,
                size_t threads, struct arena *arena);

/* On the pass's threads, fills the pass with the images `indices` (into the whole training file),
 * augmented; crops, flips and noise are those of `epoch`. */
void batch_fill(struct batch *batch, const struct dataset_split *train, const uint32_t *indices,
                size_t count, uint32_t epoch, struct pass *pass);

#endif
