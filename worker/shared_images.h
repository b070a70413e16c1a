/* The images of a data set, in memory once for all runners of a worker.
 *
 * The worker keeps a memory file (memfd) that its runners inherit. The first of them reads and
 * checks the data set as ever, leaves it there and seals the file: nobody can change it any more.
 * Those that come later map it. A worker keeps one set at a time; a job with another one, while
 * that is in use, reads its own. */
#ifndef LIPSWEEP_WORKER_SHARED_IMAGES_H
#define LIPSWEEP_WORKER_SHARED_IMAGES_H

#include "common/dataset.h"
#include "common/hash.h"

struct shared_images {
    int file;                /* -1: none */
    uint8_t key[HASH_BYTES]; /* of what is in it, or will be */
};

/* The worker's side: the file for the data set that this job finds in `directory` (NULL: the
 * default places). -1: none, as another set is there, which `is_used`, or the kernel makes no such
 * files. */
int shared_images_for(struct shared_images *shared, const struct job *job, const char *directory,
                      bool is_used);

/* Runners that have mapped it keep it. */
void shared_images_drop(struct shared_images *shared);

/* The runner's side: job_file_open_data by way of `file`, which may be -1. */
WARN_UNUSED bool shared_images_open(int file, struct job *job, const char *directory,
                                    struct dataset *dataset, struct error *error);

#endif
