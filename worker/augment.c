#include "worker/augment.h"
#include "common/rng.h"

#include <string.h>

struct augment augment_of(const struct job *job)
{
    return (struct augment){.padding = (size_t)job->crop_padding, .flip = job->flip == FLIP_HALF};
}

struct augment_draw augment_draw(const struct augment *augment, uint64_t seed, uint32_t epoch,
                                 uint32_t index)
{
    struct rng_stream stream = {seed, RNG_AUGMENTATION, epoch, index};
    double offsets = (double)(2 * augment->padding + 1);
    uint32_t words[4];
    rng_block(&stream, 0, words);
    return (struct augment_draw){.row = (size_t)(rng_uniform(words[0]) * offsets),
                                 .column = (size_t)(rng_uniform(words[1]) * offsets),
                                 .flip = augment->flip && rng_uniform(words[2]) < 0.5};
}

/* A row of the crop: of row `in`, or of none where the crop is outside of the image. */
static void crop_row(uint8_t *out, const uint8_t *in, size_t width, size_t padding, size_t column)
{
    size_t before = column < padding ? padding - column : 0;
    size_t first = column > padding ? column - padding : 0;
    before = before < width ? before : width;
    first = first < width ? first : width;
    size_t count = width - before < width - first ? width - before : width - first;
    memset(out, 0, width);
    if (in)
        memcpy(out + before, in + first, count);
}

static void reverse(uint8_t *row, size_t width)
{
    for (size_t left = 0, right = width; left + 1 < right; left++) {
        uint8_t pixel = row[left];
        row[left] = row[--right];
        row[right] = pixel;
    }
}

void augment_apply(uint8_t *out, const uint8_t *in, struct image_shape shape,
                   const struct augment *augment, const struct augment_draw *draw)
{
    for (size_t i = 0; i < shape.channels * shape.height; i++) {
        size_t channel = i / shape.height, padded = i % shape.height + draw->row;
        bool is_inside = padded >= augment->padding && padded - augment->padding < shape.height;
        const uint8_t *row =
            is_inside ? in + (channel * shape.height + padded - augment->padding) * shape.width
                      : NULL;
        crop_row(out + i * shape.width, row, shape.width, augment->padding, draw->column);
        if (draw->flip)
            reverse(out + i * shape.width, shape.width);
    }
}
