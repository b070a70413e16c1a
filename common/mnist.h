/* MNIST, or a user's own images in its files. */
#ifndef LIPSWEEP_COMMON_MNIST_H
#define LIPSWEEP_COMMON_MNIST_H

#include "common/dataset.h"

enum { MNIST_SIDE = 28, MNIST_CLASS_COUNT = 10 };

/* Reads the four idx files into `dataset` (all zero before), all from the first folder that holds
 * any of them: DIRECTORY/mnist, DIRECTORY; without a directory the same in $LIPSWEEP_DATA and
 * $XDG_DATA_HOME/lipsweep (~/.local/share/lipsweep where that is not set). On failure the caller
 * closes what was read. */
WARN_UNUSED bool mnist_read(struct dataset *dataset, const struct dataset_options *options,
                            struct error *error);

#endif
