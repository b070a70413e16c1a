/* Augmentation of training images: a random crop out of the image with a border of zeros, and a
 * random exchange of left and right.
 *
 * Draws come from stream {seed, RNG_AUGMENTATION, epoch, image}, block 0, u = (word + 1/2) / 2^32:
 *
 *   row offset       floor(u(word 0) * (2 * padding + 1))      0 to 2 * padding
 *   column offset    floor(u(word 1) * (2 * padding + 1))
 *   flip             u(word 2) < 1/2, where flips are asked for
 *
 * Pixel (r, c) of the crop is pixel (r + row offset, c + column offset) of the image with `padding`
 * pixels of 0 on each side; a flip then reverses the rows of the crop. Noise is drawn for the
 * result. */
#ifndef LIPSWEEP_WORKER_AUGMENT_H
#define LIPSWEEP_WORKER_AUGMENT_H

#include "common/job.h"
#include "worker/network.h"

#include <stdint.h>

struct augment {
    size_t padding;
    bool flip;
};

/* What happens to one image in one epoch. */
struct augment_draw {
    size_t row, column; /* offsets in the padded image */
    bool flip;
};

struct augment augment_of(const struct job *job);

static inline bool augment_is_on(const struct augment *augment)
{
    return augment->padding > 0 || augment->flip;
}

struct augment_draw augment_draw(const struct augment *augment, uint64_t seed, uint32_t epoch,
                                 uint32_t index);

/* out, in: [channels][height][width] bytes, not overlapping. */
void augment_apply(uint8_t *out, const uint8_t *in, struct image_shape shape,
                   const struct augment *augment, const struct augment_draw *draw);

#endif
