/* SGD with (Nesterov) momentum, and Adam, as PyTorch defines them; weight decay is added to the
 * gradient. */
#ifndef LIPSWEEP_WORKER_OPTIMIZER_H
#define LIPSWEEP_WORKER_OPTIMIZER_H

#include "common/job.h"
#include "worker/arena.h"
#include "worker/network.h"
#include "worker/team.h"

struct optimizer_state {
    enum optimizer kind;
    const struct kernels *kernels;
    const struct network *network;
    struct team *team; /* the caller's to set */
    bool is_nesterov;
    bool spares_norms; /* no weight decay on batch norm's tensors */
    double lr;         /* of the next step; the caller's to change */
    double momentum, weight_decay, beta1, beta2, eps;
    double powers[2]; /* beta1^t, beta2^t */
    size_t count;
    bool has_first, has_second;
    real *first;  /* velocity, or Adam's mean of gradients; booked only where it is used */
    real *second; /* Adam's mean of squared gradients */
};

void optimizer_init(struct optimizer_state *optimizer, const struct job *job,
                    const struct kernels *kernels, const struct network *network,
                    struct arena *arena);

/* One step on all parameters. */
void optimizer_step(struct optimizer_state *optimizer, real *parameters, const real *gradients);

#endif
