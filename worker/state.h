/* What changes as a training goes: arrays and position. All that a checkpoint keeps, and the
 * trained weights under the names that other programs know. */
#ifndef LIPSWEEP_WORKER_STATE_H
#define LIPSWEEP_WORKER_STATE_H

#include "worker/loss.h"

#include <stdint.h>

enum { STATE_ARRAY_MAX = 8, WEIGHT_MAX = 768, WEIGHT_RANK_MAX = 4 };

/* Means over an epoch's training images; the lipschitz ones are NAN in standard training. */
struct epoch_metric {
    int64_t epoch; /* from 1 */
    double loss, task_loss, lipschitz_loss;
    double accuracy;      /* running accuracy on the training batches */
    double active_share;  /* share of images whose hinge is active */
    double quotient_mean; /* of q_i */
    double images_per_s;  /* wall clock, not part of what must be reproducible */
};

/* An array of numbers that later steps depend on; never moves while the training runs. */
struct state_array {
    const char *name;
    void *data;
    size_t count, size; /* numbers, bytes each */
};

struct training_state {
    int64_t step;         /* finished ones, of the whole training */
    int64_t epoch;        /* the one under way, or the last finished one */
    int64_t epoch_images; /* trained in the epoch under way; 0 between epochs */
    struct loss_sums sums;
    double train_s, epoch_s; /* so far, over all attempts */
    size_t metric_count, metric_capacity;
    struct epoch_metric *metrics; /* of finished epochs */
    size_t array_count;
    struct state_array arrays[STATE_ARRAY_MAX];
};

/* A tensor of the network as PyTorch's state_dict has it: a parameter or a running statistic. */
struct weight {
    const char *name;
    const size_t *shape;
    int rank;
    real *data;
    size_t count;
};

struct weights {
    size_t count;
    struct weight list[WEIGHT_MAX];
};

#endif
