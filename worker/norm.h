/* Batch normalisation of a batch that holds up to two copies of its images (clean, perturbed), each
 * with its own statistics or both with those of all ("joint").
 *
 * Ioffe and Szegedy, Batch normalization, 2015. Sums over the batch are in double. The passes come
 * in two halves, because a sum over the whole batch stands between them:
 * forward:  norm_add_forward for every image, norm_end_forward, norm_forward for every image;
 * backward: norm_add_backward for every image, norm_end_backward, norm_backward for every image.
 * The sums are the caller's: norm_sums() numbers for each copy, zeroed before they are added to. */
#ifndef LIPSWEEP_WORKER_NORM_H
#define LIPSWEEP_WORKER_NORM_H

#include "worker/arena.h"
#include "worker/kernels.h"

enum { NORM_COPIES = 2 };

static const double NORM_EPS = 1e-5, NORM_MOMENTUM = 0.1;

/* Pairs of [NORM_COPIES][channels] arrays; joint statistics stand at both copies. */
struct norm {
    size_t channels;
    const struct kernels *kernels;
    double *mean, *variance;         /* biased, of the normalisation */
    double *own_mean, *own_variance; /* of each copy alone */
    double count, own_count;         /* numbers a channel that they are of */
    real *scale, *shift;             /* y = x scale + shift */
    real *center, *slope, *offset;
};

void norm_init(struct norm *norm, size_t channels, const struct kernels *kernels, bool trains,
               struct arena *arena);

/* Sums of x and x^2, backward of dy and dy x, one behind the other. */
static inline size_t norm_sums(size_t channels)
{
    return 2 * channels;
}

void norm_add_forward(const struct norm *norm, double *sums, const real *x, size_t pixels);

/* Copies whose sums are complete: all that there are, when they have their statistics in common. */
struct norm_copies {
    size_t first, end;
    bool is_joint;
};

/* From the sums of each copy, over `pixels` numbers a channel, to scale and shift. */
void norm_end_forward(struct norm *norm, const double *const *sums, const real *weight,
                      const real *bias, struct norm_copies copies, double pixels);

/* Scale and shift of an evaluation. */
void norm_use_running(const struct norm *norm, const real *weight, const real *bias,
                      const real *mean, const real *variance);

/* What norm_forward does: then `added` is added, where it is not NULL, and a ReLU follows where it
 * `activates`. */
struct norm_line norm_line(const struct norm *norm, size_t copy, const real *added, bool activates);

void norm_forward(const struct norm *norm, size_t copy, real *y, const real *x, const real *added,
                  bool activates, size_t pixels);

/* y: the output, where norm_forward activated: dy goes back through the ReLU first, in place. Else
 * NULL. */
void norm_add_backward(const struct norm *norm, double *sums, real *dy, const real *y,
                       const real *x, size_t pixels);

/* Adds to dweight and dbias [channels], the last copy first. */
void norm_end_backward(const struct norm *norm, const double *const *sums, const real *weight,
                       real *dweight, real *dbias, struct norm_copies copies);

struct norm_slopes norm_slopes(const struct norm *norm, size_t copy);

/* Overwrites dx, or adds to it. */
void norm_backward(const struct norm *norm, size_t copy, real *dx, bool adds, const real *dy,
                   const real *x, size_t pixels);

/* Moves running statistics once, by those of `copy`: of the normalisation, or of the copy alone. */
void norm_move_running(const struct norm *norm, size_t copy, bool alone, real *mean,
                       real *variance);

#endif
