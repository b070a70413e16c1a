/* Small data sets and jobs for tests of the engine. */
#ifndef LIPSWEEP_TESTS_ENGINE_FIXTURE_H
#define LIPSWEEP_TESTS_ENGINE_FIXTURE_H

#include "common/dataset.h"
#include "common/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIXTURE_SIDE = 12, FIXTURE_PIXELS = FIXTURE_SIDE * FIXTURE_SIDE, FIXTURE_CLASSES = 3 };

/* Random grey, with a bright band of four rows where the class is. */
static inline void fixture_fill(struct dataset_split *split, uint32_t epoch, size_t count)
{
    split->count = count;
    split->images = malloc(count * FIXTURE_PIXELS);
    split->labels = malloc(count);
    if (!split->images || !split->labels) {
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        struct rng_stream stream = {77, RNG_GLYPHS, epoch, (uint32_t)i};
        split->labels[i] = (uint8_t)(i * 7 % 11 % FIXTURE_CLASSES);
        for (size_t p = 0; p < FIXTURE_PIXELS; p++) {
            uint32_t word[4];
            rng_block(&stream, (uint32_t)p, word);
            bool bright = p / FIXTURE_SIDE / 4 == split->labels[i];
            split->images[i * FIXTURE_PIXELS + p] = (uint8_t)(word[0] % 150 + (bright ? 100 : 0));
        }
    }
}

static inline struct dataset fixture_dataset(size_t train_count, size_t test_count)
{
    struct dataset dataset = {.name = "fixture",
                              .channels = 1,
                              .height = FIXTURE_SIDE,
                              .width = FIXTURE_SIDE,
                              .class_count = FIXTURE_CLASSES};
    fixture_fill(&dataset.train, 0, train_count);
    fixture_fill(&dataset.test, 1, test_count);
    return dataset;
}

static inline void fixture_free(struct dataset *dataset)
{
    free(dataset->train.images);
    free(dataset->train.labels);
    free(dataset->test.images);
    free(dataset->test.labels);
}

/* Two epochs of the Lipschitz loss, tested at 0 and 0.2. */
static inline struct job fixture_job(void)
{
    struct job job;
    job_init(&job);
    snprintf(job.dataset, sizeof job.dataset, "fixture");
    snprintf(job.model, sizeof job.model, "mnist-cnn");
    job.lambda = 0.5;
    job.k = 0.02;
    job.sigma = 0.1;
    job.epochs = 2;
    job.steps = 0;
    job.batch = 16;
    job.lr = 0.05;
    job.momentum = 0.9;
    job.seed = 3;
    job.test_sigma_count = 2;
    job.test_sigma[0] = 0;
    job.test_sigma[1] = 0.2;
    job.test_seed_count = 1;
    job.test_seed[0] = 1;
    return job;
}

#endif
