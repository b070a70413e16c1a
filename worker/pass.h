/* The activations of a network for a batch, and the two ways through it.
 *
 * Every copy of the batch falls into groups of images by its size alone. A group has sums of its
 * own for all that the network adds up over images (gradients of weights, moments of batch norm),
 * and these are added in group order, in double: so the result does not depend on which thread
 * worked on which group, nor on whether copies take turns (pass_plan.h). */
#ifndef LIPSWEEP_WORKER_PASS_H
#define LIPSWEEP_WORKER_PASS_H

#include "worker/arena.h"
#include "worker/conv_pool.h"
#include "worker/cuts.h"
#include "worker/network.h"
#include "worker/norm.h"
#include "worker/pass_plan.h"
#include "worker/team.h"

enum {
    PASS_GROUPS = 8, /* of a copy, before two of them are cut */
    PASS_SUMS = PASS_GROUPS + CUTS_MORE
};

/* Working memory of one thread, for one shard in one layer at a time. */
struct pass_work {
    real *brief;   /* see pass_plan.h */
    real *scratch; /* of convolutions, 64-byte aligned */
};

/* Numbers of a group's sums that a segment takes in either direction. */
struct pass_sums {
    size_t forward, backward;
};

struct pass {
    const struct network *network;
    const struct kernels *kernels;
    size_t capacity;       /* images */
    bool trains, is_joint; /* see struct pass_use */
    struct pass_plan plan;
    real *pool;        /* where the plan says */
    struct team *team; /* the caller's, of at most `threads` threads; NULL: the caller alone */
    size_t threads;
    struct pass_work works[TEAM_MAX]; /* [threads] */
    real *dense;                      /* working memory of dense layers */
    struct pass_sums sums_of[SEGMENT_MAX];
    size_t sums_at[LAYER_MAX];   /* where in its group's sums a layer's are */
    size_t sums_count;           /* numbers of a group, enough for every segment */
    double *sums;                /* [NORM_COPIES (in turns 1)][PASS_SUMS][sums_count] */
    struct conv conv[LAYER_MAX]; /* of each convolution */
    struct conv_pool conv_pool;  /* the first layer, where it is one */
    struct norm norm[NORM_MAX];
    size_t copies, copy_images;  /* of the last forward pass */
    const real *levels;          /* of the copies, in a pass_forward_levels */
    size_t image_count;          /* images that ever went forward */
    void (*tick)(void *context); /* once a layer call of the caller's thread; may be NULL */
    void *tick_context;
};

/* Books or places (see arena.h) the memory for up to `capacity` images on so many threads. */
void pass_init(struct pass *pass, const struct network *network, const struct kernels *kernels,
               size_t capacity, struct pass_use use, size_t threads, struct arena *arena);

/* [capacity][height][width][channels]: the caller fills in the images. */
static inline real *pass_images(const struct pass *pass)
{
    return pass->pool + pass->plan.slots[0].value_at[0];
}

/* [capacity][classes], of the last forward pass. */
static inline const real *pass_logits(const struct pass *pass)
{
    return pass->pool + pass->plan.slots[pass->network->slot_count - 1].value_at[0];
}

/* From the first `images` images, which are so many copies (one after the other; in training at
 * most 2) of a
 * batch, to their logits [images][classes]. */
const real *pass_forward(struct pass *pass, const real *numbers, size_t images, size_t copies);

/* Whether pass_forward_levels is there: in evaluation, of a first layer that is linear up to its
 * pooling. */
bool pass_takes_levels(const struct pass *pass);

/* The logits [copies][images][classes] of as many copies as there are levels, each being a clean
 * image plus so many times its noise: the first `images` images are the clean ones, the next as
 * many the noise. */
const real *pass_forward_levels(struct pass *pass, const real *numbers, size_t images,
                                const real *levels, size_t copies);

/* [capacity][classes]: the caller fills in the gradient of the loss. */
static inline real *pass_logit_gradient(const struct pass *pass)
{
    return pass->pool + pass->plan.slots[pass->network->slot_count - 1].gradient_at[0];
}

/* From the logits' gradient of the first `copies` copies, after a pass_forward of at least as many:
 * overwrites `gradients` [parameter_count]. Joint statistics need all copies. */
void pass_backward(struct pass *pass, const real *numbers, real *gradients, size_t copies);

/* Moves the running statistics as the last forward pass asks for: once for each copy, first to
 * last (joint: once), or once by the first copy alone. */
void pass_move_running(const struct pass *pass, real *numbers, bool clean_alone);

#endif
