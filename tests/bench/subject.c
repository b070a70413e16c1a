#include "subject.h"
#include "common/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 10 };

static const struct subject subjects[] = {
    {"mnist-cnn", "mnist-cnn", 1, 28, 100, 2000, 1000},
    {"resnet20", "resnet20", 3, 32, 128, 512, 200},
    {"preresnet20", "preresnet20", 3, 32, 128, 512, 200},
    {"preresnet32-96", "preresnet32", 3, 96, 16, 32, 8},
};

const struct subject *subject_find(const char *name)
{
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
        if (strcmp(subjects[i].name, name) == 0) {
            return &subjects[i];
        }
    }
    fprintf(stderr, "no such model: %s\n", name);
    exit(2);
}

static void fill_split(struct dataset_split *split, uint32_t epoch, size_t count, size_t pixels)
{
    split->count = count;
    split->images = calloc(count, pixels);
    split->labels = malloc(count);
    if (!split->images || !split->labels) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    for (size_t i = 0; i < count; i++) {
        struct rng_stream stream = {1, RNG_GLYPHS, epoch, (uint32_t)i};
        for (uint32_t block = 0; block < pixels / 16; block++) {
            rng_block(&stream, block,
                      (uint32_t *)(void *)(split->images + i * pixels + block * 16));
        }
        split->labels[i] = split->images[i * pixels] % CLASSES;
    }
}

struct dataset subject_dataset(const struct subject *subject, int64_t batch)
{
    struct dataset dataset = {.name = "random",
                              .channels = subject->channels,
                              .height = subject->side,
                              .width = subject->side,
                              .class_count = CLASSES};
    size_t side = (size_t)subject->side, pixels = (size_t)subject->channels * side * side;
    size_t train_count = subject->train_count;
    while (train_count < (size_t)batch) {
        train_count *= 2;
    }
    fill_split(&dataset.train, 0, train_count, pixels);
    fill_split(&dataset.test, 1, subject->test_count, pixels);
    return dataset;
}

void subject_free(struct dataset *dataset)
{
    free(dataset->train.images);
    free(dataset->train.labels);
    free(dataset->test.images);
    free(dataset->test.labels);
}

struct job subject_job(const struct subject *subject, double lambda, int64_t steps, int64_t batch,
                       size_t levels)
{
    struct job job;
    job_init(&job);
    snprintf(job.dataset, sizeof job.dataset, "random");
    snprintf(job.model, sizeof job.model, "%s", subject->model);
    job.lambda = lambda;
    job.k = lambda > 0 ? 0.01 : (double)NAN;
    job.sigma = lambda > 0 ? 0.1 : (double)NAN;
    job.epochs = 0;
    job.steps = steps;
    job.batch = batch;
    job.lr = 0.01;
    job.momentum = 0.9;
    job.seed = 1;
    job.test_sigma_count = levels;
    for (size_t i = 0; i < levels; i++) {
        job.test_sigma[i] = 0.1 * (double)i;
    }
    job.test_seed_count = 1;
    job.test_seed[0] = 1;
    return job;
}
