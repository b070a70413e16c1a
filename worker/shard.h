/* A few images of a batch on their way through one layer.
 *
 * Shards run on several threads at once, so each works in its thread's memory and adds up in its
 * group's sums; all else that it writes are its own images' activations and gradients. */
#ifndef LIPSWEEP_WORKER_SHARD_H
#define LIPSWEEP_WORKER_SHARD_H

#include "worker/pass.h"

struct shard {
    size_t first, images; /* in the batch of all copies */
    size_t copy;          /* that they belong to; 0 where they belong to all */
    const struct pass_work *work;
    double *sums;   /* of its group, pass->sums_at[layer] says where */
    bool adds_sums; /* false: the first of its group, whose convolutions overwrite them */
};

void shard_forward(const struct pass *pass, size_t index, const real *numbers,
                   const struct shard *shard);

/* Writes to `gradients` where a layer has no sums: it is not on several threads then. */
void shard_backward(const struct pass *pass, size_t index, const real *numbers, real *gradients,
                    const struct shard *shard);

#endif
