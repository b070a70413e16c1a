#include "worker/dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/disk.h"
#include "worker/job_file.h"

enum { UNSIGNED_BYTE = 8, DIMENSIONS_MAX = 4 };

/* Magic (type and number of dimensions), sizes as big-endian u32, bytes. */
static bool write_idx(const char *folder, const char *name, const size_t *sizes, int dimensions,
                      const uint8_t *data, struct error *error)
{
    size_t header = 4 + 4 * (size_t)dimensions, length = 1;
    for (int i = 0; i < dimensions; i++)
        length *= sizes[i];
    uint8_t *bytes = calloc(1, header + length);
    if (!bytes)
        return error_set(error, ERROR_MEMORY, "out of memory for %s", name);
    bytes[2] = UNSIGNED_BYTE;
    bytes[3] = (uint8_t)dimensions;
    for (int i = 0; i < dimensions; i++)
        for (int j = 0; j < 4; j++)
            bytes[4 + 4 * i + j] = (uint8_t)(sizes[i] >> (24 - 8 * j));
    memcpy(bytes + header, data, length);
    bool good = disk_write(folder, name, bytes, header + length, error);
    free(bytes);
    return good;
}

static bool write_split(const char *folder, const char *stem, const struct dataset *dataset,
                        const struct dataset_split *split, struct error *error)
{
    const size_t height = (size_t)dataset->height, width = (size_t)dataset->width;
    const size_t channels = (size_t)dataset->channels;
    const size_t grey[] = {split->count, height, width};
    const size_t colour[] = {split->count, channels, height, width};
    int dimensions = channels == 1 ? 3 : DIMENSIONS_MAX;
    char images[64], labels[64];
    snprintf(images, sizeof images, "%s-images-idx%d-ubyte", stem, dimensions);
    snprintf(labels, sizeof labels, "%s-labels-idx1-ubyte", stem);
    return write_idx(folder, images, channels == 1 ? grey : colour, dimensions, split->images,
                     error) &&
           write_idx(folder, labels, &split->count, 1, split->labels, error);
}

bool dump_run(const struct dump_options *options, struct error *error)
{
    struct job job;
    struct dataset dataset;
    if (!job_file_read(options->job, &job, error) || !disk_make_folders(options->folder, error) ||
        !job_file_open_data(&job, options->data, &dataset, error))
        return false;
    bool good = write_split(options->folder, "train", &dataset, &dataset.train, error) &&
                write_split(options->folder, "t10k", &dataset, &dataset.test, error);
    if (good)
        printf("wrote %zu training and %zu test images of %s to %s\n", dataset.train.count,
               dataset.test.count, job.dataset, options->folder);
    dataset_close(&dataset);
    return good;
}
