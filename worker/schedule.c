#include "worker/schedule.h"

#include <math.h>

static double after_falls(const struct job *job, int64_t epochs)
{
    double lr = job->lr;
    for (size_t i = 0; i < job->schedule_at_count; i++) {
        lr *= epochs >= job->schedule_at[i] ? job->schedule_factor : 1;
    }
    return lr;
}

double schedule_lr(const struct job *job, int64_t step, int64_t step_count, int64_t steps_an_epoch)
{
    double s = (double)step, warm = round(job->warmup_epochs * (double)steps_an_epoch);
    if (s < warm) {
        return job->lr * (s + 1) / warm;
    }
    switch (job->schedule) {
    case SCHEDULE_STEPS:
        return after_falls(job, step / steps_an_epoch);
    case SCHEDULE_COSINE:
        return job->lr * (1 + cos(M_PI * (s - warm) / ((double)step_count - warm))) / 2;
    case SCHEDULE_CONSTANT:
    case SCHEDULE_COUNT:
        break;
    }
    return job->lr;
}
