/* Images a second of one network: whole trainings and tests through training_run, so shuffling,
 * noise and all measures are in the time. Random pixels and labels. Training: the median step;
 * evaluation: the median test.
 *
 * bench_step MODEL [--seconds S] [--threads T] [--batch B] [--together]: about S seconds (1) for
 * each phase. --together: says "ready" before each phase and waits for a line. Prints JSON. */
#include "common/rng.h"
#include "stopwatch.h"
#include "worker/training.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 10, TEST_LEVELS = 9, STEPS_MAX = 4000, TESTS_MAX = 400 };

/* A network and the images that it is measured on: as in torch_peer.py. */
struct subject {
    const char *name, *model;
    int channels, side;
    int64_t batch;
    size_t train_count, test_count;
};

static const struct subject subjects[] = {
    {"mnist-cnn", "mnist-cnn", 1, 28, 100, 2000, 1000},
    {"resnet20", "resnet20", 3, 32, 128, 512, 200},
    {"preresnet20", "preresnet20", 3, 32, 128, 512, 200},
    {"preresnet32-96", "preresnet32", 3, 96, 32, 64, 24},
};

struct bench {
    const struct subject *subject;
    struct dataset dataset;
    double seconds;
    size_t threads;
    int64_t batch;
    bool together;
};

static const struct subject *find_subject(const char *name)
{
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
        if (strcmp(subjects[i].name, name) == 0) {
            return &subjects[i];
        }
    }
    fprintf(stderr, "bench_step: no such model: %s\n", name);
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

/* Times between steps. */
struct steps {
    double last_s, times[STEPS_MAX];
    size_t count;
};

static void take_progress(void *context, const struct training_progress *progress)
{
    struct steps *steps = context;
    double now = stopwatch_s();
    if (progress->phase == TRAINING_PHASE_TRAIN && steps->count < STEPS_MAX) {
        if (steps->last_s > 0) {
            steps->times[steps->count++] = now - steps->last_s;
        }
        steps->last_s = now;
    }
}

static struct training_result run(const struct bench *bench, double lambda, int64_t count,
                                  size_t levels, struct steps *steps)
{
    struct job job;
    job_init(&job);
    snprintf(job.dataset, sizeof job.dataset, "random");
    snprintf(job.model, sizeof job.model, "%s", bench->subject->model);
    job.lambda = lambda;
    job.k = lambda > 0 ? 0.01 : (double)NAN;
    job.sigma = lambda > 0 ? 0.1 : (double)NAN;
    job.epochs = 0;
    job.steps = count;
    job.batch = bench->batch;
    job.lr = 0.01;
    job.momentum = 0.9;
    job.seed = 1;
    job.test_sigma_count = levels;
    for (size_t i = 0; i < levels; i++) {
        job.test_sigma[i] = 0.1 * (double)i;
    }
    job.test_seed_count = 1;
    job.test_seed[0] = 1;
    const struct training_observer observer = {.context = steps,
                                               .progress = steps ? take_progress : NULL};
    struct training_result result;
    struct error error;
    if (!training_run(&job, &bench->dataset, &observer, &result, &error)) {
        fprintf(stderr, "bench_step: %s\n", error.message);
        exit(1);
    }
    return result;
}

static void wait_for_the_others(const struct bench *bench)
{
    char line[16];
    if (bench->together) {
        puts("ready");
        fflush(stdout);
        if (!fgets(line, sizeof line, stdin)) {
            exit(1);
        }
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static double train_rate(const struct bench *bench, double lambda)
{
    static struct steps steps;
    struct training_result warm = run(bench, lambda, 2, 1, NULL);
    int64_t count = (int64_t)(bench->seconds / (warm.train_s / 2)) + 3;
    steps = (struct steps){.count = 0};
    wait_for_the_others(bench);
    run(bench, lambda, count < STEPS_MAX ? count : STEPS_MAX, 1, &steps);
    return (double)bench->batch / median(steps.times, steps.count);
}

/* Each image and noise level is one. */
static double evaluate_rate(const struct bench *bench)
{
    double times[TESTS_MAX], spent = 0;
    size_t count = 0;
    run(bench, 0, 1, TEST_LEVELS, NULL);
    wait_for_the_others(bench);
    while (count < TESTS_MAX && (count < 3 || spent < bench->seconds)) {
        times[count] = run(bench, 0, 1, TEST_LEVELS, NULL).evaluate_s;
        spent += times[count++];
    }
    return TEST_LEVELS * (double)bench->subject->test_count / median(times, count);
}

static void read_options(struct bench *bench, int count, char **arguments)
{
    static const struct option options[] = {{"seconds", required_argument, NULL, 's'},
                                            {"threads", required_argument, NULL, 't'},
                                            {"batch", required_argument, NULL, 'b'},
                                            {"together", no_argument, NULL, 'g'},
                                            {0}};
    for (int c; (c = getopt_long(count, arguments, "", options, NULL)) != -1;) {
        switch (c) {
        case 's':
            bench->seconds = strtod(optarg, NULL);
            break;
        case 't':
            bench->threads = strtoul(optarg, NULL, 10);
            break;
        case 'b':
            bench->batch = strtol(optarg, NULL, 10);
            break;
        case 'g':
            bench->together = true;
            break;
        default:
            exit(2);
        }
    }
    if (optind + 1 != count || !(bench->seconds >= 0) || bench->threads < 1 || bench->batch < 0) {
        fputs("usage: bench_step MODEL [--seconds S] [--threads T] [--batch B] [--together]\n",
              stderr);
        exit(2);
    }
    bench->subject = find_subject(arguments[optind]);
    bench->batch = bench->batch ? bench->batch : bench->subject->batch;
}

int main(int count, char **arguments)
{
    struct bench bench = {.seconds = 1, .threads = 1};
    read_options(&bench, count, arguments);
    const struct subject *subject = bench.subject;
    size_t side = (size_t)subject->side, pixels = (size_t)subject->channels * side * side;
    size_t train_count = subject->train_count;
    while (train_count < (size_t)bench.batch) {
        train_count *= 2;
    }
    bench.dataset = (struct dataset){.name = "random",
                                     .channels = subject->channels,
                                     .height = subject->side,
                                     .width = subject->side,
                                     .class_count = CLASSES};
    fill_split(&bench.dataset.train, 0, train_count, pixels);
    fill_split(&bench.dataset.test, 1, subject->test_count, pixels);
    double standard = train_rate(&bench, 0), lipschitz = train_rate(&bench, 0.1);
    double evaluate = evaluate_rate(&bench);
    printf("{\"model\": \"%s\", \"threads\": %zu, \"batch\": %lld, \"cpu_class\": \"%s\", "
           "\"train_standard\": %.1f, \"train_lipschitz\": %.1f, \"evaluate\": %.1f}\n",
           subject->name, bench.threads, (long long)bench.batch, training_cpu_class(), standard,
           lipschitz, evaluate);
    free(bench.dataset.train.images);
    free(bench.dataset.train.labels);
    free(bench.dataset.test.images);
    free(bench.dataset.test.labels);
    return 0;
}
