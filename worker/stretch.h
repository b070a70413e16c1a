/* One segment of a pass, one way, for some copies of the batch: its shards in their groups, and the
 * groups' sums. */
#ifndef LIPSWEEP_WORKER_STRETCH_H
#define LIPSWEEP_WORKER_STRETCH_H

#include "worker/pass.h"

struct stretch {
    const struct pass *pass;
    size_t segment;
    size_t first_copy, copies;
    const real *numbers;
    real *gradients; /* NULL: forward */
};

/* Then each copy's first group has the sums of all its groups. */
void stretch_run(const struct stretch *stretch);

double *stretch_sums(const struct pass *pass, size_t copy, size_t group);

/* Numbers that a layer adds up over images, either way. */
size_t stretch_layer_sums(const struct network *network, size_t index);

#endif
