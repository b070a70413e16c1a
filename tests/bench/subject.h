/* The networks that are measured, and the jobs and random images that they are measured with: as in
 * torch_peer.py. */
#ifndef LIPSWEEP_TESTS_BENCH_SUBJECT_H
#define LIPSWEEP_TESTS_BENCH_SUBJECT_H

#include "common/dataset.h"

enum { TEST_LEVELS = 9 };

struct subject {
    const char *name, *model;
    int channels, side;
    int64_t batch;
    size_t train_count, test_count;
};

/* Ends the program when there is none of this name. */
const struct subject *subject_find(const char *name);

/* At least `batch` training images. */
struct dataset subject_dataset(const struct subject *subject, int64_t batch);
void subject_free(struct dataset *dataset);

/* Lipschitz training (lambda > 0) or standard training of so many steps, tested at the first
 * `levels` of 0, 0.1, 0.2, … */
struct job subject_job(const struct subject *subject, double lambda, int64_t steps, int64_t batch,
                       size_t levels);

#endif
