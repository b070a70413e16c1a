/* The loss of a batch from its logits, and its gradient: cross-entropy plus the Lipschitz term
 * lambda mean_i phi(q_i - K), q_i = |f(x'_i) - f(x_i)| / |n_i|, phi(t) = max(0, t) or its square, f
 * the logits or their softmax. */
#ifndef LIPSWEEP_WORKER_LOSS_H
#define LIPSWEEP_WORKER_LOSS_H

#include "common/job.h"
#include "worker/real.h"

#include <stddef.h>
#include <stdint.h>

struct loss {
    double lambda; /* 0: cross-entropy alone */
    double k;
    enum penalty penalty;
    enum output output;
    enum grad_through grad_through;
    bool is_noisy_bn; /* the perturbed copies go forward for the running statistics alone */
};

struct loss loss_of_job(const struct job *job);

/* Copies of each image that go forward. */
size_t loss_copies(const struct loss *loss);

/* What a batch's loss is computed from. With lambda > 0 the perturbed copies follow the clean
 * images: logits [2 images][classes]; else [images][classes]. */
struct loss_input {
    const real *logits;
    const uint8_t *labels; /* [images] */
    const double *norms;   /* [images] |n_i| of the noise; unused without lambda */
    size_t images, classes;
};

/* Sums over the images of a batch; losses and quotients are NaN when a logit is. */
struct loss_sums {
    double task, lipschitz, quotient;
    size_t correct; /* largest clean logit, the first of equals, is the label's */
    size_t active;  /* images whose hinge is active */
};

/* Writes the gradient of the mean loss, dlogits laid out as the logits. Zero where there is a kink:
 * hinge at q = K, norm of equal logits. When `active` is 0 the perturbed half is all zeros. */
void loss_gradient(const struct loss *loss, const struct loss_input *input, real *dlogits,
                   struct loss_sums *sums);

/* Task plus lambda times Lipschitz loss, means over `images`. */
double loss_mean(const struct loss *loss, const struct loss_sums *sums, double images);

/* |perturbed - clean| of one image's outputs, in double. */
double loss_distance(const double *perturbed, const double *clean, size_t classes);

/* f of one image from its logits. */
void loss_output(enum output output, const real *logits, size_t classes, double *f);

/* Softmax probabilities of one image's logits; returns the log of their sum of exponentials. */
double loss_softmax(const real *logits, size_t classes, double *probabilities);

/* Index of the largest logit, the first of equals. */
size_t loss_largest(const real *logits, size_t classes);

#endif
