#include "worker/runner.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/dataset.h"
#include "common/log.h"
#include "worker/disk.h"
#include "worker/progress.h"
#include "worker/report.h"
#include "worker/spool.h"

enum {
    JOB_FILE_MAX = 64 * 1024,
    PROGRESS_MS = 200, /* at most so often */
};

struct runner {
    const struct runner_options *options;
    struct job job;
    struct dataset dataset;
    struct training_result result;
    struct report report;
    struct progress progress;
    int64_t told_ms; /* when progress was told last */
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

static void take_epoch(void *context, const struct epoch_metric *metric)
{
    struct runner *runner = context;
    report_add_epoch(&runner->report, metric);
    if (runner->options->progress >= 0)
        progress_write_epoch(runner->options->progress, metric);
    char lipschitz[128] = "";
    if (job_is_lipschitz(&runner->job))
        snprintf(lipschitz, sizeof lipschitz, ", Lipschitz loss %.4g, active hinge %.1f %%",
                 metric->lipschitz_loss, 100 * metric->active_share);
    log_info("epoch %" PRId64 ": loss %.4f, accuracy %.4f%s, %.0f images/s", metric->epoch,
             metric->loss, metric->accuracy, lipschitz, metric->images_per_s);
}

/* --- the job and its data --- */

static bool read_job(struct runner *runner, struct error *error)
{
    char *text;
    size_t length;
    const char *path = runner->options->job;
    const char *slash = strrchr(path, '/');
    char folder[DISK_PATH_MAX] = ".";
    if (slash)
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    if (!disk_read(folder, slash ? slash + 1 : path, JOB_FILE_MAX, &text, &length, error))
        return false;
    bool parsed = job_parse(text, length, &runner->job, error);
    free(text);
    if (parsed || error->line == 0)
        return parsed || error_prefix(error, "%s", path);
    return error_prefix(error, "%s:%d:%d: error", path, error->line, error->column);
}

/* A copy that is missing or differs is this machine's trouble: another may run the job. */
static bool open_data(struct runner *runner, struct error *error)
{
    const struct dataset_options options = {
        .directory = runner->options->data,
        .train_limit = dataset_train_limit(&runner->job),
    };
    const char *wanted = runner->job.dataset_digest;
    if (!dataset_open_job(&runner->dataset, &runner->job, &options, error)) {
        if (error->code != ERROR_MEMORY)
            error->code = ERROR_REFUSED;
        return false;
    }
    if (runner->dataset.note[0])
        log_warning("%s", runner->dataset.note);
    if (*wanted == '\0' || strcmp(wanted, runner->dataset.digest) == 0) {
        /* So that the result's train_hash names the data that was used. */
        memcpy(runner->job.dataset_digest, runner->dataset.digest, sizeof runner->dataset.digest);
        return true;
    }
    return error_set(error, ERROR_REFUSED,
                     "this machine's data set %s has the digest %.16s…, the job wants %.16s…",
                     runner->job.dataset, runner->dataset.digest, wanted);
}

static bool train(struct runner *runner, struct error *error)
{
    const struct training_observer observer = {
        .context = runner,
        .tick = take_tick,
        .progress = take_progress,
        .epoch = take_epoch,
    };
    if (!read_job(runner, error) || !open_data(runner, error))
        return false;
    log_info("training %s on %s, seed %" PRId64 ", %s", runner->job.model, runner->job.dataset,
             runner->job.seed, training_cpu_class());
    return training_run(&runner->job, &runner->dataset, &observer, &runner->result, error);
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

static bool write_result(struct runner *runner, bool done, const struct error *failure,
                         struct error *error)
{
    struct report *report = &runner->report;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    report->result.peak_memory_bytes = (uint64_t)usage.ru_maxrss * 1024;
    report->result.dataset_digest = runner->dataset.digest;
    if (done) {
        report_end(report, WIRE__OUTCOME__OUTCOME_DONE, "");
        report_set_training(report, &runner->job, &runner->result);
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

/* So that what lies there at the end is this run's. */
static void remove_old_result(const char *folder)
{
    char path[DISK_PATH_MAX];
    if (disk_join(path, folder, "result.pb", NULL))
        unlink(path);
}

bool runner_run(const struct runner_options *options, struct error *error)
{
    if (!disk_make_folders(options->folder, error))
        return false;
    struct runner *runner = calloc(1, sizeof *runner);
    if (!runner)
        return error_set(error, ERROR_MEMORY, "out of memory");
    runner->options = options;
    if (options->progress >= 0) {
        /* Meant for the worker, which ends its runners itself. */
        signal(SIGINT, SIG_IGN);
        signal(SIGTERM, SIG_IGN);
        signal(SIGPIPE, SIG_IGN);
    }
    remove_old_result(options->folder);
    report_init(&runner->report, &options->id);
    tell(runner);
    bool done = train(runner, error);
    struct error writing;
    bool written = write_result(runner, done, error, &writing);
    if (!written && done)
        *error = writing;
    else if (!written)
        log_error("%s", writing.message);
    if (done && written && options->progress < 0)
        print_summary(runner);
    dataset_close(&runner->dataset);
    report_finish(&runner->report);
    free(runner);
    return done && written;
}
