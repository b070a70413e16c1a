#include "worker/runner.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/build.h"
#include "common/clock.h"
#include "common/dataset.h"
#include "common/log.h"
#include "worker/checkpoint_folder.h"
#include "worker/cores.h"
#include "worker/disk.h"
#include "worker/job_file.h"
#include "worker/keeper.h"
#include "worker/memory_limit.h"
#include "worker/progress.h"
#include "worker/report.h"
#include "worker/shared_images.h"
#include "worker/spool.h"
#include "worker/stored_weights.h"
#include "worker/trace.h"
#include "worker/weights.h"

enum { PROGRESS_MS = 200 /* at most so often */, BITS_PER_MIB = 20 };

struct runner {
    const struct runner_options *options;
    struct job job;
    struct dataset dataset;
    struct training_result result;
    struct report report;
    struct progress progress;
    struct keeper *keeper;      /* NULL: no checkpoints */
    char stored[DISK_PATH_MAX]; /* file of the weights to test; "": it trains */
    int64_t told_ms;            /* when progress was told last */
    bool wants_data;            /* this machine's are no good */
};

/* --- what the training tells while it runs --- */

static void tell(struct runner *runner)
{
    if (runner->options->progress >= 0)
        progress_write(runner->options->progress, &runner->progress);
    else if (isatty(STDERR_FILENO))
        fprintf(stderr,
                "\repoch %" PRId64 "/%" PRId64 ", step %" PRId64 "/%" PRId64 ", %.0f images/s   \r",
                runner->progress.epoch, runner->progress.epoch_count, runner->progress.step,
                runner->progress.step_count, runner->progress.images_per_s);
}

static void tell_now_and_then(struct runner *runner)
{
    struct clock clock = clock_system();
    int64_t now_ms = clock_now_ms(&clock);
    if (now_ms < runner->told_ms + PROGRESS_MS)
        return;
    runner->told_ms = now_ms;
    tell(runner);
}

static void take_tick(void *context)
{
    struct runner *runner = context;
    runner->progress.counter++;
    tell_now_and_then(runner);
}

static void take_progress(void *context, const struct training_progress *progress)
{
    struct runner *runner = context;
    runner->progress.phase =
        progress->phase == TRAINING_PHASE_TRAIN ? PROGRESS_TRAINING : PROGRESS_TESTING;
    runner->progress.epoch = progress->epoch;
    runner->progress.epoch_count = progress->epoch_count;
    runner->progress.step = progress->step;
    runner->progress.step_count = progress->step_count;
    runner->progress.images_per_s = progress->images_per_s;
    tell_now_and_then(runner);
}

static void pass_epoch_on(struct runner *runner, const struct epoch_metric *metric)
{
    report_add_epoch(&runner->report, metric);
    if (runner->options->progress >= 0)
        progress_write_epoch(runner->options->progress, metric);
}

static void take_epoch(void *context, const struct epoch_metric *metric)
{
    struct runner *runner = context;
    pass_epoch_on(runner, metric);
    char lipschitz[128] = "";
    if (job_is_lipschitz(&runner->job))
        snprintf(lipschitz, sizeof lipschitz, ", Lipschitz loss %.4g, active hinge %.1f %%",
                 metric->lipschitz_loss, 100 * metric->active_share);
    log_info("epoch %" PRId64 ": loss %.4f, accuracy %.4f%s, %.0f images/s", metric->epoch,
             metric->loss, metric->accuracy, lipschitz, metric->images_per_s);
}

static bool take_weights(void *context, const struct weights *weights, struct error *error)
{
    struct runner *runner = context;
    return weights_write(weights, &runner->job, runner->options->folder, WEIGHTS_FILE, error);
}

static bool take_initial(void *context, const struct weights *weights, struct error *error)
{
    struct runner *runner = context;
    if (weights_read(weights, runner->job.init, runner->job.init_digest, error))
        return true;
    if (error->code == ERROR_NOT_FOUND)
        error->code = ERROR_REFUSED; /* another machine may have it */
    return false;
}

static bool take_stored(void *context, const struct weights *weights, struct error *error)
{
    struct runner *runner = context;
    return weights_read(weights, runner->stored, NULL, error);
}

/* What an earlier attempt did is this one's too. */
static void take_continued(void *context, const struct training_state *state)
{
    struct runner *runner = context;
    for (size_t i = 0; i < state->metric_count; i++)
        pass_epoch_on(runner, &state->metrics[i]);
}

static void take_began(void *context, int64_t step, const char *words)
{
    const struct runner *runner = context;
    if (runner->options->progress >= 0)
        progress_write_began(runner->options->progress, step, words);
}

static void take_written(void *context, int64_t step)
{
    const struct runner *runner = context;
    log_debug("checkpoint after step %" PRId64 " written", step);
    if (runner->options->progress >= 0)
        progress_write_checkpoint(runner->options->progress, step);
}

/* --- the training --- */

/* A training without checkpoints is better than none. */
static void keep_checkpoints(struct runner *runner)
{
    struct error error;
    struct keeper_options options = {
        .folder = runner->options->checkpoints,
        .interval_s = runner->options->checkpoint_s,
        .any = runner->options->continue_any,
        .origin = {.build = build_text(),
                   .cpu_class = training_cpu_class(job_is_exact(&runner->job))},
        .context = runner,
        .continued = take_continued,
        .began = take_began,
        .written = take_written,
    };
    if (!options.folder)
        return;
    job_train_hash(&runner->job, options.origin.train_hash);
    if (!keeper_create(&runner->keeper, &options, &error))
        log_warning("%s; the training runs without checkpoints", error.message);
}

static bool find_stored(struct runner *runner, struct error *error)
{
    bool usable = false;
    if (runner->options->has_stored &&
        !stored_weights_wait(runner->options->folder, runner->stored, &usable, error))
        return false;
    if (!usable)
        runner->stored[0] = '\0';
    runner->report.result.evaluated_only = usable;
    return true;
}

static bool train(struct runner *runner, struct error *error)
{
    struct trace *trace = NULL;
    if (!find_stored(runner, error) || !job_file_read(runner->options->job, &runner->job, error) ||
        !weights_find_digest(&runner->job, error))
        return false;
    if (!shared_images_open(runner->options->images, &runner->job, runner->options->data,
                            &runner->dataset, error)) {
        runner->wants_data = error->code == ERROR_REFUSED;
        return false;
    }
    if (runner->options->trace_steps > 0 &&
        !trace_create(&trace, runner->options->folder, &runner->job, runner->options->trace_steps,
                      error))
        return false;
    report_set_job(&runner->report, &runner->job);
    bool is_stored = runner->stored[0] != '\0';
    if (!is_stored)
        keep_checkpoints(runner);
    const struct training_observer observer = {
        .context = runner,
        .tick = take_tick,
        .progress = take_progress,
        .epoch = take_epoch,
        .initial = runner->job.init[0] ? take_initial : NULL,
        .stored = is_stored ? take_stored : NULL,
        .trained = runner->options->keep_weights ? take_weights : NULL,
        .keeper = runner->keeper ? keeper_hooks(runner->keeper) : NULL,
        .trace = trace ? trace_hooks(trace) : NULL,
    };
    log_info("%s %s on %s, seed %" PRId64 ", %s",
             is_stored ? "testing stored weights of" : "training", runner->job.model,
             runner->job.dataset, runner->job.seed, training_cpu_class(job_is_exact(&runner->job)));
    bool done = training_run(&runner->job, &runner->dataset, runner->options->threads, &observer,
                             &runner->result, error);
    keeper_destroy(runner->keeper);
    runner->keeper = NULL;
    struct error tracing;
    if (trace_destroy(trace, &tracing))
        return done;
    if (done)
        *error = tracing;
    return false;
}

/* --- how it ended --- */

static Wire__Outcome outcome_of(enum error_code code)
{
    if (code == ERROR_DIVERGED)
        return WIRE__OUTCOME__OUTCOME_DIVERGED;
    if (code == ERROR_REFUSED)
        return WIRE__OUTCOME__OUTCOME_REFUSED;
    return WIRE__OUTCOME__OUTCOME_FAILED;
}

static uint64_t peak_bytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024;
}

static bool write_result(struct runner *runner, bool done, const struct error *failure,
                         struct error *error)
{
    struct report *report = &runner->report;
    report->result.peak_memory_bytes = peak_bytes();
    report->result.dataset_digest = runner->dataset.digest;
    report->result.wants_data = runner->wants_data;
    if (done) {
        report_end(report, WIRE__OUTCOME__OUTCOME_DONE, "");
        report_set_training(report, &runner->result);
    } else {
        report_end(report, outcome_of(failure->code), failure->message);
    }
    return spool_write_result(runner->options->folder, &report->result, error);
}

static void print_summary(const struct runner *runner)
{
    const struct training_result *result = &runner->result;
    printf("weights %.16s…, %" PRId64 " steps, trained in %.1f s, tested in %.1f s\n",
           result->weights_digest, result->step_count, result->train_s, result->evaluate_s);
    printf("%10s %9s %11s %11s\n", "test sigma", "accuracy", "confidence", "quotient 99%");
    for (size_t i = 0; i < result->accuracy_count; i++) {
        const struct accuracy *accuracy = &result->accuracy[i];
        printf("%10g %9.4f %11.4f", accuracy->test_sigma, accuracy->accuracy,
               accuracy->confidence_true);
        for (size_t j = 0; j < result->quotient_count; j++)
            if (result->quotient[j].test_sigma == accuracy->test_sigma)
                printf(" %11.4g", result->quotient[j].percentile[PERCENTILE_COUNT - 2]);
        printf("\n");
    }
    printf("result in %s/result.pb\n", runner->options->folder);
}

/* The result says it all. Or there is none, and the checkpoint is for the next attempt. */
static bool finish(struct runner *runner, bool done, struct error *error)
{
    struct error writing;
    if (!done && error->code == ERROR_INTERRUPTED)
        return false;
    bool written = write_result(runner, done, error, &writing);
    if (!written && !done)
        log_error("%s", error->message);
    if (!written) {
        /* That is this machine's fault and not the job's: another is to run it. */
        *error = writing;
        error->code = ERROR_REFUSED;
    }
    if (!done || !written || runner->options->progress >= 0)
        return done && written;
    print_summary(runner);
    if (runner->options->checkpoints)
        checkpoint_folder_remove(runner->options->checkpoints);
    return true;
}

/* So that what lies there at the end is this run's. */
static void remove_old_result(const char *folder)
{
    char path[DISK_PATH_MAX];
    if (disk_join(path, folder, "result.pb", NULL))
        unlink(path);
}

/* Before anything is allocated, and before a thread is there. What cannot be done is done without.
 */
static void keep_to_share(const struct runner_options *options)
{
    struct error error;
    if (options->cpus && !cores_stay(options->cpus, &error))
        log_warning("%s", error.message);
    if (options->memory_bytes > 0 &&
        !memory_limit_set(options->memory_bytes, options->threads, &error))
        log_warning("%s", error.message);
}

bool runner_run(const struct runner_options *options, struct error *error)
{
    keep_to_share(options);
    if (!disk_make_folders(options->folder, error))
        return false;
    struct runner *runner = calloc(1, sizeof *runner);
    if (!runner)
        return error_set(error, ERROR_MEMORY, "out of memory");
    runner->options = options;
    if (options->progress >= 0) {
        /* A terminal's is meant for the worker, which stops its runners by SIGTERM. */
        signal(SIGINT, SIG_IGN);
        signal(SIGPIPE, SIG_IGN);
    }
    remove_old_result(options->folder);
    report_init(&runner->report, &options->id);
    tell(runner);
    bool done = train(runner, error);
    if (!done && error->code == ERROR_MEMORY && options->memory_bytes > 0)
        error_prefix(error,
                     "the job wants more than its share of the memory, %" PRIu64
                     " MiB (it took %" PRIu64 ")",
                     options->memory_bytes >> BITS_PER_MIB, peak_bytes() >> BITS_PER_MIB);
    done = finish(runner, done, error);
    dataset_close(&runner->dataset);
    report_finish(&runner->report);
    free(runner);
    return done;
}
