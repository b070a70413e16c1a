/* What is computed from a data set's bytes. */
#include "common/dataset.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

__extension__ typedef unsigned __int128 u128;

/* Shrinks planes of `from` x `from` in place: a box is behind where its average goes, or there. */
static void shrink_planes(uint8_t *pixels, size_t plane_count, size_t from, size_t side)
{
    size_t box = from / side, area = box * box;
    uint8_t *out = pixels;
    assert(area > 0);
    for (size_t plane = 0; plane < plane_count; plane++) {
        for (size_t i = 0; i < side * side; i++) {
            const uint8_t *corner =
                pixels + plane * from * from + (i / side) * box * from + (i % side) * box;
            size_t sum = area / 2;
            for (size_t j = 0; j < area; j++)
                sum += corner[j / box * from + j % box];
            *out++ = (uint8_t)(sum / area);
        }
    }
}

static void shrink_split(struct dataset_split *split, size_t channels, size_t from, size_t side)
{
    shrink_planes(split->images, split->count * channels, from, side);
    size_t size = split->count * channels * side * side;
    assert(size > 0);
    uint8_t *smaller = realloc(split->images, size);
    if (smaller)
        split->images = smaller;
}

bool dataset_resize(struct dataset *dataset, int side, struct error *error)
{
    int from = dataset->height;
    if (side < 1 || side > from || dataset->width != from || from % side != 0)
        return error_set(error, ERROR_DATA,
                         "dataset.resize %d is no divisor of %d, the side of images of %s", side,
                         from, dataset->name);
    shrink_split(&dataset->train, (size_t)dataset->channels, (size_t)from, (size_t)side);
    shrink_split(&dataset->test, (size_t)dataset->channels, (size_t)from, (size_t)side);
    dataset->height = dataset->width = side;
    return true;
}

void dataset_channel_moments(const struct dataset *dataset, const uint32_t *indices, size_t count,
                             double mean[], double sd[])
{
    size_t area = (size_t)dataset->height * (size_t)dataset->width;
    size_t channels = (size_t)dataset->channels;
    for (size_t channel = 0; channel < channels; channel++) {
        uint64_t sum = 0, squares = 0, number = (uint64_t)count * area;
        for (size_t i = 0; i < count; i++) {
            const uint8_t *plane =
                dataset->train.images + ((size_t)indices[i] * channels + channel) * area;
            for (size_t j = 0; j < area; j++) {
                sum += plane[j];
                squares += (uint64_t)plane[j] * plane[j];
            }
        }
        u128 spread = (u128)number * squares - (u128)sum * sum; /* number^2 times the variance */
        mean[channel] = (double)sum / (255.0 * (double)number);
        sd[channel] = sqrt((double)spread) / (255.0 * (double)number);
    }
}
