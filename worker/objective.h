/* The whole training objective: network and loss of one batch, and the gradient in all parameters.
 */
#ifndef LIPSWEEP_WORKER_OBJECTIVE_H
#define LIPSWEEP_WORKER_OBJECTIVE_H

#include "worker/loss.h"
#include "worker/pass.h"

/* `pass` holds the `images` clean images, followed by their perturbed copies where
 * the loss takes two copies.
 * Overwrites `gradients`. Where no hinge is active the perturbed half, whose gradient is exactly
 * zero then, is not gone through backwards (unless it shares its statistics with the clean one). */
void objective_gradient(struct pass *pass, const struct loss *loss, const real *parameters,
                        const uint8_t *labels, const double *norms, size_t images, real *gradients,
                        struct loss_sums *sums);

#endif
