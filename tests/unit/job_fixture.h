/* A job to make others from, and whether two are the same. */
#ifndef LIPSWEEP_TESTS_JOB_FIXTURE_H
#define LIPSWEEP_TESTS_JOB_FIXTURE_H

#include "common/job.h"

#include <string.h>

/* A valid Lipschitz training with nothing at its default that has a meaning there. */
static inline struct job example(void)
{
    struct job job;
    job_init(&job);
    strcpy(job.dataset, "mnist");
    memset(job.dataset_digest, 'a', JOB_DIGEST_LENGTH);
    strcpy(job.model, "mnist-cnn");
    job.lambda = 1;
    job.k = 0.1;
    job.sigma = 0.1;
    job.epochs = 5;
    job.test_sigma_count = 3;
    job.test_sigma[1] = 0.4;
    job.test_sigma[2] = 0.7;
    return job;
}

static inline bool same_train(const struct job *a, const struct job *b)
{
    uint8_t left[32], right[32];
    job_train_hash(a, left);
    job_train_hash(b, right);
    return memcmp(left, right, 32) == 0;
}

static inline bool same_job(const struct job *a, const struct job *b)
{
    uint8_t left[32], right[32];
    job_hash(a, left);
    job_hash(b, right);
    return memcmp(left, right, 32) == 0;
}

#endif
