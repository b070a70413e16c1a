#include "worker/measure.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/rng.h"
#include "worker/evaluation.h"
#include "worker/footprint.h"
#include "worker/job_file.h"
#include "worker/plan.h"
#include "worker/training.h"

enum { STEPS = 3, STEPS_MOST = 400, TEST_BATCHES = 2, TEST_BATCHES_MOST = 20 };

/* Networks whose steps are shorter than this part of it run more of them, for about so long. */
static const double wanted_s = 0.5;

struct stopwatch {
    double first_step_s, last_step_s, first_test_s, last_test_s; /* when each was over */
    int64_t steps;
    int64_t first_tested, last_tested; /* images, once for every noise level */
};

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void note_progress(void *context, const struct training_progress *progress)
{
    struct stopwatch *watch = context;
    double now = cpu_s();
    if (progress->phase == TRAINING_PHASE_TRAIN) {
        watch->first_step_s = watch->steps++ == 0 ? now : watch->first_step_s;
        watch->last_step_s = now;
        return;
    }
    if (watch->first_tested == 0) {
        watch->first_test_s = now;
        watch->first_tested = progress->images;
    }
    watch->last_test_s = now;
    watch->last_tested = progress->images;
}

/* Images as a data set of that shape could have them. */
static bool make_split(struct dataset_split *split, size_t count, size_t pixels, int classes)
{
    split->count = count;
    split->images = malloc(count * pixels);
    split->labels = malloc(count);
    if (!split->images || !split->labels)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct rng_stream stream = {1, RNG_TEST_NOISE, 0, (uint32_t)i};
        uint32_t words[4] = {0};
        for (size_t j = 0; j < pixels; j++) {
            if (j % 16 == 0)
                rng_block(&stream, (uint32_t)(j / 16), words);
            split->images[i * pixels + j] = (uint8_t)(words[j / 4 % 4] >> (8 * (j % 4)));
        }
        split->labels[i] = (uint8_t)(i % (size_t)classes);
    }
    return true;
}

static bool make_dataset(struct dataset *dataset, const struct job *job,
                         const struct dataset_facts *facts, size_t test_images, struct error *error)
{
    struct image_shape shape;
    *dataset = (struct dataset){.class_count = facts->class_count};
    if (!plan_image_shape(facts->pixels, &shape, error))
        return false;
    dataset->channels = (int)shape.channels;
    dataset->height = (int)shape.height;
    dataset->width = (int)shape.width;
    return (make_split(&dataset->train, (size_t)job->batch, facts->pixels, facts->class_count) &&
            make_split(&dataset->test, test_images, facts->pixels, facts->class_count)) ||
           error_set(error, ERROR_MEMORY, "out of memory for the images of one batch");
}

/* The job cut down to so many steps of its batch; a learning rate at which nothing can diverge. */
static struct job cut_job(const struct job *job, int64_t steps)
{
    struct job cut = *job;
    cut.validation_count = cut.train_count = 0;
    cut.fraction = 1;
    cut.epochs = 0;
    cut.steps = steps;
    cut.schedule = SCHEDULE_CONSTANT;
    cut.schedule_at_count = 0;
    cut.warmup_epochs = 0;
    cut.lr = 1e-9;
    cut.test_seed_count = 1;
    return cut;
}

static bool run_cut(const struct job *job, const struct dataset_facts *facts, int64_t steps,
                    size_t test_batches, struct stopwatch *watch, struct error *error)
{
    struct job cut = cut_job(job, steps);
    struct dataset dataset;
    struct training_result *result = malloc(sizeof *result);
    const struct training_observer observer = {.context = watch, .progress = note_progress};
    *watch = (struct stopwatch){0};
    if (!result)
        return error_set(error, ERROR_MEMORY, "out of memory");
    bool good = make_dataset(&dataset, &cut, facts, test_batches * EVALUATION_BATCH, error) &&
                training_run(&cut, &dataset, 1, &observer, result, error);
    dataset_close(&dataset);
    free(result);
    return good;
}

/* The first step and the first part of the test touch memory for the first time: they do not count.
 */
static void evaluate_watch(const struct stopwatch *watch, double *step_s, double *evaluation_s)
{
    *step_s = (watch->last_step_s - watch->first_step_s) / (double)(watch->steps - 1);
    *evaluation_s = (watch->last_test_s - watch->first_test_s) /
                    (double)(watch->last_tested - watch->first_tested);
}

static bool measure_times(const struct job *job, const struct dataset_facts *facts, double *step_s,
                          double *evaluation_s, struct error *error)
{
    struct stopwatch watch;
    if (!run_cut(job, facts, STEPS, TEST_BATCHES, &watch, error))
        return false;
    evaluate_watch(&watch, step_s, evaluation_s);
    double more = *step_s > 0 ? wanted_s / *step_s : STEPS_MOST;
    if (more < 2 * STEPS)
        return true;
    if (!run_cut(job, facts, (int64_t)fmin(more, STEPS_MOST), TEST_BATCHES_MOST, &watch, error))
        return false;
    evaluate_watch(&watch, step_s, evaluation_s);
    return true;
}

static bool count_weights(const struct job *job, const struct dataset_facts *facts, size_t *bytes,
                          struct error *error)
{
    struct image_shape shape;
    struct network *network = malloc(sizeof *network);
    if (!network)
        return error_set(error, ERROR_MEMORY, "out of memory");
    bool good =
        plan_image_shape(facts->pixels, &shape, error) &&
        network_init(network, job->model, job->shortcut, shape, (size_t)facts->class_count, error);
    *bytes = 0;
    for (size_t i = 0; good && i < network->tensor_count; i++)
        if (network->tensors[i].kind != TENSOR_INPUT)
            *bytes += network->tensors[i].count * sizeof(float);
    free(network);
    return good;
}

static bool print_row(int output, uint64_t memory, size_t weights, double step_s,
                      double evaluation_s, struct error *error)
{
    int descriptor = dup(output);
    FILE *file = descriptor >= 0 ? fdopen(descriptor, "w") : NULL;
    if (!file)
        return error_set(error, ERROR_SYSTEM, "cannot write the measurement");
    fprintf(file,
            "memory_bytes\tweights_bytes\tstep_s\tevaluation_s\tcpu_class\n%" PRIu64 "\t%zu\t",
            memory, weights);
    if (isnan(step_s))
        fputs("\t", file);
    else
        fprintf(file, "%.6g\t%.6g", step_s, evaluation_s);
    fprintf(file, "\t%s\n", training_cpu_class(false));
    bool good = ferror(file) == 0;
    return (fclose(file) == 0 && good) ||
           error_set(error, ERROR_SYSTEM, "cannot write the measurement");
}

bool measure_run(const struct measure_options *options, struct error *error)
{
    struct job job;
    struct dataset_facts facts;
    uint64_t memory = 0;
    size_t weights = 0;
    double step_s = NAN, evaluation_s = NAN;
    return job_file_read(options->job, &job, error) &&
           dataset_job_facts(&job, options->data, &facts, error) &&
           footprint_bytes(&job, options->data, 1, &memory, error) &&
           count_weights(&job, &facts, &weights, error) &&
           (options->memory_only || measure_times(&job, &facts, &step_s, &evaluation_s, error)) &&
           print_row(options->output, memory, weights, step_s, evaluation_s, error);
}
