/* STL-10's binary version: train_X.bin, train_y.bin, test_X.bin, test_y.bin, plain or gzipped.
 * https://cs.stanford.edu/~acoates/stl10
 *
 *   X   an image: 3 planes (red, green, blue) of 96 columns of 96 pixels       27648 bytes
 *   y   an image's label, from 1                                               1 byte
 *
 * In memory, as in every data set here, planes have rows and labels begin at 0. There is no header,
 * so what can be checked is that images are whole, as many as labels, and labels in range. */
#ifndef LIPSWEEP_COMMON_STL_H
#define LIPSWEEP_COMMON_STL_H

#include "common/dataset.h"
#include "common/dataset_files.h"

enum { STL_SIDE = 96, STL_CHANNELS = 3, STL10_CLASS_COUNT = 10 };

/* Reads the four files into `dataset` (all zero before). On failure the caller closes what was
 * read. */
WARN_UNUSED bool stl_read(struct dataset *dataset, const struct dataset_source *source,
                          struct error *error);

#endif
