/* A training run, and what its observer heard. */
#ifndef LIPSWEEP_TESTS_TRAINING_FIXTURE_H
#define LIPSWEEP_TESTS_TRAINING_FIXTURE_H

#include "engine_fixture.h"
#include "worker/training.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <cmocka.h>

/* What an observer heard. */
struct heard {
    size_t ticks, progresses, epochs;
    struct epoch_metric last;
    struct training_progress progress;
};

static inline void hear_tick(void *context)
{
    ((struct heard *)context)->ticks++;
}

static inline void hear_progress(void *context, const struct training_progress *progress)
{
    struct heard *heard = context;
    heard->progresses++;
    heard->progress = *progress;
}

static inline void hear_epoch(void *context, const struct epoch_metric *metric)
{
    struct heard *heard = context;
    heard->epochs++;
    assert_int_equal(metric->epoch, heard->epochs);
    heard->last = *metric;
}

static inline struct training_result run(const struct job *job, const struct dataset *dataset,
                                         struct heard *heard)
{
    struct training_observer observer = {
        .context = heard, .tick = hear_tick, .progress = hear_progress, .epoch = hear_epoch};
    struct training_result result;
    struct error error = {0};
    *heard = (struct heard){0};
    if (!training_run(job, dataset, 1, &observer, &result, &error)) {
        fail_msg("%s", error.message);
    }
    return result;
}

static inline struct job residual_job(const char *model)
{
    struct job job = fixture_job();
    snprintf(job.model, sizeof job.model, "%s", model);
    return job;
}

#endif
