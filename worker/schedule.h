/* The learning rate of every step. */
#ifndef LIPSWEEP_WORKER_SCHEDULE_H
#define LIPSWEEP_WORKER_SCHEDULE_H

#include "common/job.h"

/* Learning rate of the step after `step` finished ones, of `step_count` in all. With s and S these
 * two, E steps an epoch and W = round(warmup_epochs E):
 *
 *     s < W      lr (s + 1) / W
 *     constant   lr
 *     steps      lr factor^(how many `at` have s >= at E)
 *     cosine     lr (1 + cos(pi (s - W) / (S - W))) / 2 */
double schedule_lr(const struct job *job, int64_t step, int64_t step_count, int64_t steps_an_epoch);

#endif
