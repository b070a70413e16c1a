/* idx files, the format of MNIST: a big-endian header (magic, then one 32-bit size a dimension) and
 * the bytes. http://yann.lecun.com/exdb/mnist
 *
 *   images  00 00 08 03 | count | height | width | count * height * width pixels
 *   labels  00 00 08 01 | count | count labels
 *
 * Plain or gzipped. A file is checked whole: its size is exactly what its header says. Errors name
 * the file, what was found and what was expected. */
#ifndef LIPSWEEP_COMMON_IDX_H
#define LIPSWEEP_COMMON_IDX_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

enum { IDX_SIZE_MAX = 1 << 29 }; /* bytes of a file, unpacked */

struct idx_images {
    size_t count;
    int height, width;
    uint8_t *pixels; /* [count][height][width], malloc'ed */
};

/* At least one image of at least one pixel. */
WARN_UNUSED bool idx_read_images(const char *path, struct idx_images *images, struct error *error);

/* At least one label, each < class_count; `labels` is malloc'ed. */
WARN_UNUSED bool idx_read_labels(const char *path, int class_count, uint8_t **labels, size_t *count,
                                 struct error *error);

#endif
