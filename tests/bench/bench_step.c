/* Images a second of mnist-cnn on one thread: whole trainings and tests through training_run, so
 * shuffling, noise and all measures are in the time. Random pixels and labels.
 *
 * bench_step [SECONDS]: about so long for each phase (1). Prints JSON. */
#include "worker/training.h"
#include "common/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRAIN_COUNT = 2000, TEST_COUNT = 1000, PIXELS = 784, CLASSES = 10 };

static void fill_split(struct dataset_split *split, uint32_t epoch, size_t count)
{
    split->count = count;
    split->images = malloc(count * PIXELS);
    split->labels = malloc(count);
    if (!split->images || !split->labels) {
        fputs("bench_step: out of memory\n", stderr);
        exit(1);
    }
    for (size_t i = 0; i < count; i++) {
        struct rng_stream stream = {1, RNG_GLYPHS, epoch, (uint32_t)i};
        for (uint32_t block = 0; block < PIXELS / 16; block++) {
            rng_block(&stream, block,
                      (uint32_t *)(void *)(split->images + i * PIXELS + block * 16));
        }
        split->labels[i] = split->images[i * PIXELS] % CLASSES;
    }
}

static struct training_result run(const struct dataset *dataset, double lambda, int64_t steps,
                                  size_t levels)
{
    struct job job;
    job_init(&job);
    snprintf(job.dataset, sizeof job.dataset, "random");
    snprintf(job.model, sizeof job.model, "mnist-cnn");
    job.lambda = lambda;
    job.k = lambda > 0 ? 0.01 : (double)NAN;
    job.sigma = lambda > 0 ? 0.1 : (double)NAN;
    job.epochs = 0;
    job.steps = steps;
    job.batch = 100;
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
    if (!training_run(&job, dataset, NULL, &result, &error)) {
        fprintf(stderr, "bench_step: %s\n", error.message);
        exit(1);
    }
    return result;
}

/* Images a second of about `seconds` of training. */
static double train_rate(const struct dataset *dataset, double lambda, double seconds)
{
    struct training_result warm = run(dataset, lambda, 5, 1);
    int64_t steps = (int64_t)(seconds / (warm.train_s / 5)) + 1;
    struct training_result result = run(dataset, lambda, steps, 1);
    return 100 * (double)steps / result.train_s;
}

/* Images a second of the test; each image and noise level is one. */
static double evaluate_rate(const struct dataset *dataset, double seconds)
{
    double images = 0, spent = 0;
    while (spent < seconds) {
        struct training_result result = run(dataset, 0, 1, 9);
        images += 9.0 * TEST_COUNT;
        spent += result.evaluate_s;
    }
    return images / spent;
}

int main(int count, char **arguments)
{
    double seconds = count > 1 ? strtod(arguments[1], NULL) : 1;
    struct dataset dataset = {
        .name = "random", .channels = 1, .height = 28, .width = 28, .class_count = CLASSES};
    fill_split(&dataset.train, 0, TRAIN_COUNT);
    fill_split(&dataset.test, 1, TEST_COUNT);
    double standard = train_rate(&dataset, 0, seconds);
    double lipschitz = train_rate(&dataset, 0.1, seconds);
    double evaluate = evaluate_rate(&dataset, seconds);
    printf("{\"model\": \"mnist-cnn\", \"threads\": 1, \"cpu_class\": \"%s\", \"train_standard\": "
           "%.1f, \"train_lipschitz\": %.1f, \"evaluate\": %.1f}\n",
           training_cpu_class(), standard, lipschitz, evaluate);
    free(dataset.train.images);
    free(dataset.train.labels);
    free(dataset.test.images);
    free(dataset.test.labels);
    return 0;
}
