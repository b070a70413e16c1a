#include "common/idx.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"

enum {
    MAGIC_LABELS = 0x801,
    MAGIC_IMAGES = 0x803,
    DIMENSIONS_MAX = 3,
    SIDE_MAX = 1 << 15, /* pixels of an image's side */
};

static const char *magic_meaning(uint32_t magic)
{
    return magic == MAGIC_IMAGES   ? ", a file of images"
           : magic == MAGIC_LABELS ? ", a file of labels"
                                   : ", no idx file of bytes";
}

static uint32_t read_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Reads the header of `bytes` and checks it against `length`; the low byte of the magic is the
 * number of dimensions. */
static bool parse_header(const char *path, const uint8_t *bytes, size_t length, uint32_t magic,
                         size_t sizes[DIMENSIONS_MAX], struct error *error)
{
    size_t dimensions = magic & 0xff, header = 4 + 4 * dimensions;
    if (length >= 4 && read_u32(bytes) != magic)
        return error_set(error, ERROR_DATA, "%s: magic number 0x%08x%s, expected 0x%08x%s", path,
                         read_u32(bytes), magic_meaning(read_u32(bytes)), magic,
                         magic_meaning(magic));
    if (length < header)
        return error_set(error, ERROR_DATA, "%s: %zu bytes, too short for the header of %zu bytes",
                         path, length, header);
    char shape[3 * DIMENSIONS_MAX * sizeof(uint32_t) + 1] = "";
    size_t product = 1;
    bool fits = true;
    for (size_t i = 0; i < dimensions; i++) {
        sizes[i] = read_u32(bytes + 4 + 4 * i);
        fits = fits && !__builtin_mul_overflow(product, sizes[i], &product);
        snprintf(shape + strlen(shape), sizeof shape - strlen(shape), "%s%zu", i ? "x" : "",
                 sizes[i]);
    }
    if (!fits || product > IDX_SIZE_MAX)
        return error_set(error, ERROR_DATA,
                         "%s: the header says %s bytes, more than the limit of %d", path, shape,
                         IDX_SIZE_MAX);
    if (product == 0)
        return error_set(error, ERROR_DATA, "%s: the header says %s: it is empty", path, shape);
    if (length - header != product)
        return error_set(error, ERROR_DATA,
                         "%s: %zu bytes after the header, %s than the %zu that it says (%s)%s",
                         path, length - header, length - header < product ? "less" : "more",
                         product, shape,
                         length - header < product ? "; the file is cut short" : "");
    return true;
}

/* The bytes behind a checked header, moved to the front of a malloc'ed buffer. */
static bool read_payload(const char *path, uint32_t magic, size_t sizes[DIMENSIONS_MAX],
                         uint8_t **payload, struct error *error)
{
    uint8_t *bytes;
    size_t length, header = 4 + 4 * (magic & 0xff);
    if (!file_read(path, IDX_SIZE_MAX, &bytes, &length, error))
        return false;
    if (!parse_header(path, bytes, length, magic, sizes, error)) {
        free(bytes);
        return false;
    }
    memmove(bytes, bytes + header, length - header);
    uint8_t *smaller = realloc(bytes, length - header);
    *payload = smaller ? smaller : bytes;
    return true;
}

bool idx_read_images(const char *path, struct idx_images *images, struct error *error)
{
    size_t sizes[DIMENSIONS_MAX] = {0};
    uint8_t *pixels;
    if (!read_payload(path, MAGIC_IMAGES, sizes, &pixels, error))
        return false;
    if (sizes[1] > SIDE_MAX || sizes[2] > SIDE_MAX) {
        free(pixels);
        return error_set(error, ERROR_DATA, "%s: images of %zux%zu pixels, a side is at most %d",
                         path, sizes[1], sizes[2], SIDE_MAX);
    }
    *images = (struct idx_images){sizes[0], (int)sizes[1], (int)sizes[2], pixels};
    return true;
}

bool idx_read_labels(const char *path, int class_count, uint8_t **labels, size_t *count,
                     struct error *error)
{
    size_t sizes[DIMENSIONS_MAX] = {0};
    uint8_t *bytes;
    if (!read_payload(path, MAGIC_LABELS, sizes, &bytes, error))
        return false;
    for (size_t i = 0; i < sizes[0]; i++) {
        if (bytes[i] < class_count)
            continue;
        error_set(error, ERROR_DATA, "%s: label %zu is %d, expected 0 to %d", path, i, bytes[i],
                  class_count - 1);
        free(bytes);
        return false;
    }
    *labels = bytes;
    *count = sizes[0];
    return true;
}
