/* MNIST, or a user's own images in four idx files of those names. */
#ifndef LIPSWEEP_COMMON_IDX_DATASET_H
#define LIPSWEEP_COMMON_IDX_DATASET_H

#include "common/dataset.h"
#include "common/dataset_files.h"

enum { MNIST_SIDE = 28, MNIST_CLASS_COUNT = 10 };

/* Reads the four files into `dataset` (all zero before). Images of a set known by its name are
 * MNIST_SIDE pixels high and wide; others have any one size, square. On failure the caller closes
 * what was read. */
WARN_UNUSED bool idx_dataset_read(struct dataset *dataset, const struct dataset_source *source,
                                  struct error *error);

#endif
