/* Images a second of one network: whole trainings and tests through training_run, so shuffling,
 * noise and all measures are in the time. Random pixels and labels. Training: the median step;
 * evaluation: the median test.
 *
 * bench_step MODEL [--seconds S] [--threads T] [--batch B] [--together]: about S seconds (1) for
 * each phase. --together: says "ready" before each phase and waits for a line. Prints JSON. */
#include "stopwatch.h"
#include "subject.h"
#include "worker/training.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS_MAX = 4000, TESTS_MAX = 400 };

struct bench {
    const struct subject *subject;
    struct dataset dataset;
    double seconds;
    size_t threads;
    int64_t batch;
    bool together;
};

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
    const struct job job = subject_job(bench->subject, lambda, count, bench->batch, levels);
    const struct training_observer observer = {.context = steps,
                                               .progress = steps ? take_progress : NULL};
    struct training_result result;
    struct error error;
    if (!training_run(&job, &bench->dataset, bench->threads, &observer, &result, &error)) {
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
    struct training_result warm = run(bench, lambda, 1, 1, NULL);
    int64_t count = (int64_t)(bench->seconds / warm.train_s) + 3;
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
    bench->subject = subject_find(arguments[optind]);
    bench->batch = bench->batch ? bench->batch : bench->subject->batch;
}

int main(int count, char **arguments)
{
    struct bench bench = {.seconds = 1, .threads = 1};
    read_options(&bench, count, arguments);
    bench.dataset = subject_dataset(bench.subject, bench.batch);
    double standard = train_rate(&bench, 0), lipschitz = train_rate(&bench, 0.1);
    double evaluate = evaluate_rate(&bench);
    printf("{\"model\": \"%s\", \"threads\": %zu, \"batch\": %lld, \"cpu_class\": \"%s\", "
           "\"train_standard\": %.1f, \"train_lipschitz\": %.1f, \"evaluate\": %.1f}\n",
           bench.subject->name, bench.threads, (long long)bench.batch, training_cpu_class(false),
           standard, lipschitz, evaluate);
    subject_free(&bench.dataset);
    return 0;
}
