/* A training under way, shared by training.c (what it starts from, its phases, its test) and
 * training_epochs.c (its epochs and steps). */
#ifndef LIPSWEEP_WORKER_TRAINING_PRIVATE_H
#define LIPSWEEP_WORKER_TRAINING_PRIVATE_H

#include "worker/objective.h"
#include "worker/plan.h"
#include "worker/training.h"

#include <time.h>

struct training {
    const struct job *job;
    const struct dataset *dataset;
    const struct training_observer *observer;
    size_t threads;
    struct team *team;
    struct plan plan;
    struct loss loss;
    struct training_progress progress;
    struct training_state state;
    struct weights weights;
    double resumed_s, trained_s; /* when this process began to train, and had made the last step */
    double epoch_start_s;
    double window_start_s; /* of the speed shown in progress */
    int64_t window_images;
};

static inline double training_now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static inline int64_t training_steps_an_epoch(const struct plan *plan, const struct job *job)
{
    return ((int64_t)plan->shape.train_count + job->batch - 1) / job->batch;
}

/* From here on progress is counted for this phase. */
void training_begin_phase(struct training *training, enum training_phase phase);

/* So many images more were gone through: tells the observer. */
void training_report(struct training *training, size_t images);

/* Makes the steps that are left and hands the weights on. */
WARN_UNUSED bool training_train(struct training *training, struct error *error);

#endif
