/* Images a second of one network: whole trainings and tests through training_run, so
 * shuffling, noise and all measures are in the time. Random pixels and labels.
 *
 * bench_step [MODEL [SECONDS [THREADS]]]: mnist-cnn, about so long for each phase (1), 1. Prints
 * JSON. */
#include "worker/training.h"
#include "common/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 10, TEST_LEVELS = 9 };

/* A network and the images that it is measured on: as in torch_peer.py. */
struct subject {
    const char *model;
    int channels, side;
    int64_t batch;
    size_t train_count, test_count;
};

static const struct subject subjects[] = {
    {"mnist-cnn", 1, 28, 100, 2000, 1000},
    {"resnet20", 3, 32, 128, 512, 200},
    {"preresnet20", 3, 32, 128, 512, 200},
};

static const struct subject *find_subject(const char *model)
{
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
        if (strcmp(subjects[i].model, model) == 0) {
            return &subjects[i];
        }
    }
    fprintf(stderr, "bench_step: no such model: %s\n", model);
    exit(2);
}

static void fill_split(struct dataset_split *split, uint32_t epoch, size_t count, size_t pixels)
{
    split->count = count;
    split->images = calloc(count, pixels);
    split->labels = malloc(count);
    if (!split->images || !split->labels) {
        fputs("bench_step: out of memory\n", stderr);
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

static struct training_result run(const struct subject *subject, const struct dataset *dataset,
                                  double lambda, int64_t steps, size_t levels, size_t threads)
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
    job.batch = subject->batch;
    job.lr = 0.01;
    job.momentum = 0.9;
    job.seed = 1;
    job.test_sigma_count = levels;
    for (size_t i = 0; i < levels; i++) {
        job.test_sigma[i] = 0.1 * (double)i;
    }
    job.test_seed_count = 1;
    job.test_seed[0] = 1;
    struct training_result result;
    struct error error;
    if (!training_run(&job, dataset, threads, NULL, &result, &error)) {
        fprintf(stderr, "bench_step: %s\n", error.message);
        exit(1);
    }
    return result;
}

/* Images a second of about `seconds` of training. */
static double train_rate(const struct subject *subject, const struct dataset *dataset,
                         double lambda, double seconds, size_t threads)
{
    struct training_result warm = run(subject, dataset, lambda, 2, 1, threads);
    int64_t steps = (int64_t)(seconds / (warm.train_s / 2)) + 1;
    struct training_result result = run(subject, dataset, lambda, steps, 1, threads);
    return (double)subject->batch * (double)steps / result.train_s;
}

/* Images a second of the test; each image and noise level is one. */
static double evaluate_rate(const struct subject *subject, const struct dataset *dataset,
                            double seconds, size_t threads)
{
    double images = 0, spent = 0;
    while (spent < seconds) {
        struct training_result result = run(subject, dataset, 0, 1, TEST_LEVELS, threads);
        images += TEST_LEVELS * (double)subject->test_count;
        spent += result.evaluate_s;
    }
    return images / spent;
}

int main(int count, char **arguments)
{
    const struct subject *subject = find_subject(count > 1 ? arguments[1] : "mnist-cnn");
    double seconds = count > 2 ? strtod(arguments[2], NULL) : 1;
    size_t threads = count > 3 ? strtoul(arguments[3], NULL, 10) : 1;
    struct dataset dataset = {.name = "random",
                              .channels = subject->channels,
                              .height = subject->side,
                              .width = subject->side,
                              .class_count = CLASSES};
    size_t side = (size_t)subject->side, pixels = (size_t)subject->channels * side * side;
    fill_split(&dataset.train, 0, subject->train_count, pixels);
    fill_split(&dataset.test, 1, subject->test_count, pixels);
    double standard = train_rate(subject, &dataset, 0, seconds, threads);
    double lipschitz = train_rate(subject, &dataset, 0.1, seconds, threads);
    double evaluate = evaluate_rate(subject, &dataset, seconds, threads);
    printf("{\"model\": \"%s\", \"threads\": %zu, \"cpu_class\": \"%s\", \"train_standard\": "
           "%.1f, \"train_lipschitz\": %.1f, \"evaluate\": %.1f}\n",
           subject->model, threads, training_cpu_class(), standard, lipschitz, evaluate);
    free(dataset.train.images);
    free(dataset.train.labels);
    free(dataset.test.images);
    free(dataset.test.labels);
    return 0;
}
