/* Writes a job's images as files that any program can read (idx), so that a data set which this
 * program draws itself can be replayed by another. */
#ifndef LIPSWEEP_WORKER_DUMP_H
#define LIPSWEEP_WORKER_DUMP_H

#include "common/error.h"

struct dump_options {
    const char *job, *folder;
    const char *data; /* NULL: the default places */
};

/* FOLDER/train-images-idx3-ubyte and so on: as many training images as the job looks at, all test
 * images. Images of several channels get a dimension more. */
WARN_UNUSED bool dump_run(const struct dump_options *options, struct error *error);

#endif
