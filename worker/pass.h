/* The activations of a network for a batch, and the two ways through it. */
#ifndef LIPSWEEP_WORKER_PASS_H
#define LIPSWEEP_WORKER_PASS_H

#include "worker/arena.h"
#include "worker/network.h"

struct pass {
    const struct network *network;
    const struct kernels *kernels;
    size_t capacity;                                      /* images */
    bool trains;                                          /* has gradients */
    real *value[LAYER_MAX + 1], *gradient[LAYER_MAX + 1]; /* of each slot; gradient[0] is NULL */
    uint8_t *best[LAYER_MAX];                             /* of each max pooling */
    real *scratch;
    size_t image_count;          /* images that ever went forward */
    void (*tick)(void *context); /* once a layer call; may be NULL */
    void *tick_context;
};

/* Books or places (see arena.h) the memory for up to `capacity` images. */
void pass_init(struct pass *pass, const struct network *network, const struct kernels *kernels,
               size_t capacity, bool trains, struct arena *arena);

/* [capacity][height][width][channels]: the caller fills in the images. */
static inline real *pass_images(const struct pass *pass)
{
    return pass->value[0];
}

/* From the first `images` images to their logits [images][classes]. */
const real *pass_forward(struct pass *pass, const real *parameters, size_t images);

/* [capacity][classes]: the caller fills in the gradient of the loss. */
static inline real *pass_logit_gradient(const struct pass *pass)
{
    return pass->gradient[pass->network->slot_count - 1];
}

/* From the logits' gradient of the first `images` images, after pass_forward of at least as many:
 * adds to `gradients`, which is laid out as the parameters. */
void pass_backward(struct pass *pass, const real *parameters, real *gradients, size_t images);

#endif
