/* CIFAR-10's binary version: data_batch_1.bin, data_batch_2.bin … and test_batch.bin, plain or
 * gzipped. https://www.cs.toronto.edu/~kriz/cifar.html
 *
 *   record: label | 3 planes (red, green, blue) of 32 rows of 32 pixels        1 + 3072 bytes
 *
 * There is no header, so what can be checked is that records are whole and labels in range. */
#ifndef LIPSWEEP_COMMON_CIFAR_H
#define LIPSWEEP_COMMON_CIFAR_H

#include "common/dataset.h"
#include "common/dataset_files.h"

enum {
    CIFAR_SIDE = 32,
    CIFAR_CHANNELS = 3,
    CIFAR10_CLASS_COUNT = 10,
    CIFAR10_BATCH_COUNT = 5, /* training files of the official set */
    CIFAR_BATCH_MAX = 20,    /* training files of a user's own */
};

/* Reads the files into `dataset` (all zero before), the training files in the order of their
 * numbers: the official five for a set known by its name, else as many as there are from 1 on
 * without a gap. On failure the caller closes what was read. */
WARN_UNUSED bool cifar_read(struct dataset *dataset, const struct dataset_source *source,
                            struct error *error);

#endif
