/* Where a step's time goes, by kind of work (worker/profile.h), on one thread.
 *
 * bench_profile MODEL [SECONDS]: about so long for each kind of training (1). Prints JSON:
 * microseconds an image of Lipschitz and standard training, and an image and noise level of the
 * test. */
#include "subject.h"
#include "worker/profile.h"
#include "worker/training.h"

#include <stdio.h>
#include <stdlib.h>

#define PHASE_TEXT(name, text) text,
static const char *const phases[] = {PROFILE_PHASES(PHASE_TEXT)};

/* Reads the clocks where training ends and the test begins. */
struct reader {
    double train_s[PROFILE_PHASE_COUNT];
    bool started;
};

static void take_progress(void *context, const struct training_progress *progress)
{
    struct reader *reader = context;
    (void)progress;
    if (!reader->started) { /* the first step warms up */
        profile_reset();
        reader->started = true;
    }
}

static bool take_trained(void *context, const struct weights *weights, struct error *error)
{
    struct reader *reader = context;
    (void)weights;
    (void)error;
    profile_read(reader->train_s);
    profile_reset();
    return true;
}

static struct training_result run(const struct subject *subject, const struct dataset *dataset,
                                  double lambda, int64_t steps, struct reader *reader)
{
    const struct job job = subject_job(subject, lambda, steps, subject->batch, TEST_LEVELS);
    const struct training_observer observer = {
        .context = reader, .progress = take_progress, .trained = take_trained};
    struct training_result result;
    struct error error;
    *reader = (struct reader){.started = false};
    if (!training_run(&job, dataset, 1, &observer, &result, &error)) {
        fprintf(stderr, "bench_profile: %s\n", error.message);
        exit(1);
    }
    return result;
}

static void print_phases(const char *name, const double *seconds, double images, bool last)
{
    double sum = 0;
    printf(" \"%s\": {", name);
    for (int i = 0; i < PROFILE_PHASE_COUNT; i++) {
        printf("\"%s\": %.3f, ", phases[i], 1e6 * seconds[i] / images);
        sum += seconds[i];
    }
    printf("\"all\": %.3f}%s\n", 1e6 * sum / images, last ? "" : ",");
}

int main(int count, char **arguments)
{
    const struct subject *subject = subject_find(count > 1 ? arguments[1] : "mnist-cnn");
    double seconds = count > 2 ? strtod(arguments[2], NULL) : 1;
    struct dataset dataset = subject_dataset(subject, subject->batch);
    printf("{\"model\": \"%s\", \"cpu_class\": \"%s\",\n", subject->name,
           training_cpu_class(false));
    for (int lipschitz = 1; lipschitz >= 0; lipschitz--) {
        struct reader reader;
        double lambda = lipschitz ? 0.1 : 0, test_s[PROFILE_PHASE_COUNT];
        struct training_result warm = run(subject, &dataset, lambda, 2, &reader);
        int64_t steps = (int64_t)(seconds / (warm.train_s / 2)) + 2;
        run(subject, &dataset, lambda, steps, &reader);
        profile_read(test_s);
        print_phases(lipschitz ? "train_lipschitz" : "train_standard", reader.train_s,
                     (double)((steps - 1) * subject->batch), false);
        if (!lipschitz) {
            print_phases("evaluate", test_s, TEST_LEVELS * (double)subject->test_count, true);
        }
    }
    printf("}\n");
    subject_free(&dataset);
    return 0;
}
