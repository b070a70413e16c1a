/* Pixels and noise of images: from the data set's bytes to the network's numbers.
 *
 * A byte b is the pixel b / 255. The data set and the noise are in [channel][row][column] order,
 * the network's images are channel-last. */
#ifndef LIPSWEEP_WORKER_IMAGES_H
#define LIPSWEEP_WORKER_IMAGES_H

#include "worker/network.h"

/* x = bytes / 255 */
void images_clean(real *x, const uint8_t *bytes, struct image_shape shape);

/* x = bytes / 255 + noise, not clipped */
void images_perturbed(real *x, const uint8_t *bytes, const float *noise, struct image_shape shape);

/* noise[i] = float(sigma * z[i]); returns the Euclidean norm of the floats. In place when the two
 * are the same. */
double images_noise(float *noise, const float *z, double sigma, size_t count);

/* x = z, in the order of the network's images; returns the Euclidean norm. */
double images_draws(real *x, const float *z, struct image_shape shape);

static inline size_t image_size(struct image_shape shape)
{
    return shape.channels * shape.height * shape.width;
}

#endif
