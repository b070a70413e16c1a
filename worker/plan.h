/* All that a training owns, booked and placed by the same code. */
#ifndef LIPSWEEP_WORKER_PLAN_H
#define LIPSWEEP_WORKER_PLAN_H

#include "worker/batch.h"
#include "worker/evaluation.h"
#include "worker/optimizer.h"
#include "worker/state.h"

/* The sizes that decide how much memory a job takes. */
struct plan_shape {
    struct image_shape image;
    size_t class_count;
    size_t train_count; /* images the job trains on */
    size_t test_count;
    size_t threads; /* 0 counts as 1 */
};

struct plan {
    struct plan_shape shape;
    struct network network;
    const struct kernels *kernels;
    real *parameters; /* all numbers of the network */
    real *gradients;
    struct pass pass;
    struct batch batch;
    struct optimizer_state optimizer;
    struct evaluation evaluation;
    uint32_t *indices; /* [train_count] into the training file */
    uint32_t *order;   /* [train_count] the same, shuffled */
    uint64_t *keys;    /* [train_count] what the shuffle sorts */
    size_t bytes;      /* sum of it all */
    struct arena arena;
};

/* Books everything and fills in `bytes`. The job must outlive the plan, which must not be moved. */
WARN_UNUSED bool plan_init(struct plan *plan, const struct job *job, struct plan_shape shape,
                           struct error *error);

/* Places what was booked. */
WARN_UNUSED bool plan_place(struct plan *plan, const struct job *job, struct error *error);
void plan_finish(struct plan *plan);

/* Of at most as many threads as the shape says; before that, the caller works alone. */
void plan_use_team(struct plan *plan, struct team *team);

/* The images' mean and standard deviation per channel, where they are part of the network: of the
 * `count` training images `indices`. */
void plan_set_input(const struct plan *plan, const struct dataset *dataset, const uint32_t *indices,
                    size_t count);

/* The arrays that a training changes: every one that a step reads and an earlier step wrote. */
size_t plan_state(struct plan *plan, struct state_array arrays[STATE_ARRAY_MAX]);

/* The tensors that make up the trained network, in the order of its weights digest: what a
 * state_dict holds, so without the mean and standard deviation of the images. */
void plan_weights(struct plan *plan, struct weights *weights);

/* The shape of an image known by its number of numbers alone: square, grey or of three colours. */
WARN_UNUSED bool plan_image_shape(size_t pixels, struct image_shape *shape, struct error *error);

#endif
